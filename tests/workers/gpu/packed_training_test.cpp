// Users' trainings on the device: images of a pack through the loader to trainings of every method, checkpoints on disk
// and a training that goes on from one, features of a trial.

#include "tests/workers/gpu/packed_training.h"

#include "core/overloaded.h"
#include "tests/workers/evaluation/packed_trial.h"
#include "tests/workers/gpu/lone.h"
#include "tests/workers/jobs/go_on.h"
#include "workers/training/make_method.h"

namespace resolute::workers::gpu_test::packed_training_test {
namespace {

class PackedTrainingTest : public PackedTrial {
 protected:
  static void SetUpTestSuite() { pack_images(8, 4, of_size(32, 16)); }
};

// The device makes numbers of levels: flipped, shifted, erased, and none where the batch has no HR image.
TEST_F(PackedTrainingTest, batches_have_the_bits_of_the_cpu) {
  experiments::TrainingSpecification asked = packed_specification({.method = "ftwa", .steps = 6});
  asked.recipe.erasing = 0.5;
  asked.recipe.pad = 3;
  for (const bool originals : {false, true}) {
    const WantedImages wanted{.copy_rates = {2, 3}, .originals = originals};
    PackSource here(*pack_, split_, asked, {0, 1}, 0, at::kCPU, wanted);
    PackSource there(*pack_, split_, asked, {0, 1}, 0, device().place(), wanted);
    const accelerator::Lagging lagging({accelerator::Lateness::Kind::kMost, 0});
    for (std::uint64_t step = 0; step < 6; ++step) {
      const methods::LaneBatch expected = here.batch(step, 0), found = there.batch(step, 0);
      EXPECT_TRUE(at::equal(expected.hr, found.hr.cpu())) << step;
      EXPECT_TRUE(at::equal(expected.lr, found.lr.cpu())) << step;
      ASSERT_EQ(2U, found.copies.size());
      for (std::size_t i = 0; i < 2; ++i) EXPECT_TRUE(at::equal(expected.copies[i], found.copies[i].cpu())) << step;
      EXPECT_TRUE(found.hr.is_contiguous(at::MemoryFormat::ChannelsLast));
      EXPECT_TRUE(at::equal(expected.labels, found.labels));
    }
  }
}

// Nothing is read before it has come, and no memory of the loader is filled anew before it was read.
TEST_F(PackedTrainingTest, streams_that_lag_give_the_same_bits) {
  using accelerator::Lateness;
  for (const char* method : {"rain", "ftwa"}) {
    const auto hash = [&](const Lateness& lateness) {
      const accelerator::Lagging lagging(lateness);
      return train_packed(*pack_, split_, device().place(), {.method = method}).hash();
    };
    const std::string expected = hash({});
    for (const Lateness& lateness : {Lateness{Lateness::Kind::kMost, 0}, Lateness{Lateness::Kind::kMain, 0},
                                     Lateness{Lateness::Kind::kDrawn, 1}, Lateness{Lateness::Kind::kDrawn, 2}})
      EXPECT_EQ(expected, hash(lateness)) << method << " " << static_cast<int>(lateness.kind);
  }
}

// A wait between streams, or a copy to the host, that is missing anywhere is noticed: by other bits, a loss that is no
// number, or memory that is not there.
TEST_F(PackedTrainingTest, each_wait_between_streams_and_each_copy_to_the_host_is_needed) {
  if (!on_simulated()) GTEST_SKIP() << "only the simulated accelerator can leave one out";
  const std::unique_ptr<Communicator> alone = device().connect(connect_alone(), std::chrono::seconds(60));
  const auto bits = [&] {
    const accelerator::Lagging lagging({accelerator::Lateness::Kind::kMost, 0});
    const tests::TemporaryFolder folder;
    const Trained trained = train_packed(*pack_, split_, device().place(), {.method = "rain"},
                                         {.checkpoints = folder.path()}, nullptr, alone.get());
    CheckpointFolder kept(core::real_file_system(), folder.path(), kOwner);
    return std::tuple(trained.hash(), trained.losses, encode_checkpoint(kept.load_latest().value().checkpoint, kOwner));
  };
  accelerator::streams().reset_counts();
  const auto expected = bits();
  auto places = accelerator::streams().counts().stream_waits;
  // For a batch's copies; for gradients before they are gathered, and before they are exchanged; for the threads' work;
  // for a checkpoint's copy.
  EXPECT_EQ(5U, places.size());
  auto fetches = accelerator::streams().counts().fetches;
  fetches.erase("a test");
  // Losses, digests and norms; what goes to another rank by the host; a checkpoint.
  EXPECT_LE(3U, fetches.size());
  places.merge(fetches);
  ASSERT_EQ(expected, bits());
  for (const auto& [place, times] : places) {
    accelerator::streams().leave_out(place);
    try {
      EXPECT_NE(expected, bits()) << place << ", " << times << " times";
    } catch (const std::exception&) {  // noticed too
    }
  }
  accelerator::streams().leave_out({});
}

TEST_F(PackedTrainingTest, goes_on_from_a_checkpoint_on_disk_to_the_same_bits) {
  for (const char* method : kMethods) {
    const Plan plan{.method = method, .steps = 4};
    const tests::TemporaryFolder folder;
    const std::string whole = train_packed(*pack_, split_, device().place(), plan).hash();
    Plan part = plan;
    part.steps = 2;
    train_packed(*pack_, split_, device().place(), part, {.checkpoints = folder.path()});
    EXPECT_EQ(whole, train_packed(*pack_, split_, device().place(), plan, {.from = folder.path()}).hash()) << method;
  }
}

TEST_F(PackedTrainingTest, has_the_losses_of_the_cpu) {
  for (const char* method : kMethods) {
    const Plan plan{.method = method, .steps = 2};
    const std::vector<double> losses = train_packed(*pack_, split_, device().place(), plan).losses;
    const ComparedCpu compared;
    const std::vector<double> expected = train_packed(*pack_, split_, at::kCPU, plan).losses;
    ASSERT_EQ(2U, losses.size());
    for (std::size_t step = 0; step < 2; ++step)
      EXPECT_NEAR(expected[step], losses[step], 1e-3 * std::abs(expected[step])) << method << ", step " << step;
  }
}

// Numbers of the trial's images: features, or distances where a method has branches.
TEST_F(PackedTrainingTest, embeds_the_images_of_a_trial_as_the_cpu_does) {
  const auto embedded = [&](const char* name, at::Device place) {
    const experiments::TrainingSpecification asked = packed_specification({.method = name});
    const std::unique_ptr<methods::Method> method = make_method(asked, split_.train_identities);
    if (!place.is_cpu()) method->module().to(place);
    const Embedding embedding =
        embed_split(*method, *pack_, split_, comparison_of({}, asked.method), {}, kGoOn).value();
    return std::visit(core::Overloaded{[](const FeatureEmbedding& features) { return features.query.features; },
                                       [](const DistanceEmbedding& distances) { return distances.distances; }},
                      embedding);
  };
  for (const char* name : kMethods) {
    const std::vector<float> found = embedded(name, device().place());
    EXPECT_EQ(found, embedded(name, device().place())) << name;
    const ComparedCpu compared;
    const std::vector<float> expected = embedded(name, at::kCPU);
    ASSERT_EQ(expected.size(), found.size());
    for (std::size_t i = 0; i < found.size(); ++i) ASSERT_NEAR(expected[i], found[i], 1e-3) << name;
  }
}

}  // namespace
}  // namespace resolute::workers::gpu_test::packed_training_test
