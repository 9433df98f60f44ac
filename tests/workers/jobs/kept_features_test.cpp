//! \file
//! Evaluations of one training, one after the other: real processes.

#include "workers/jobs/kept_features.h"

#include <gmock/gmock.h>

#include <functional>

#include "datasets/hdf5/array_file.h"
#include "tests/workers/jobs/worker_fixture.h"

namespace resolute::workers::kept_features_test {
namespace {

using testing::HasSubstr;
using testing::Not;

class KeptFeaturesTest : public WorkerTest {
 protected:
  using Protocol = experiments::EvaluationProtocol;

  static experiments::TrainingSpecification training() {
    experiments::TrainingSpecification training = small_training(experiments::BaselineOptions{});
    training.recipe.steps = 2;
    training.recipe.warmup_steps = 1;
    return training;
  }
  static experiments::EvaluationSpecification evaluation_of(const std::function<void(Protocol&)>& change) {
    experiments::EvaluationSpecification evaluation{
        experiments::job_id(training()), small_pack(), training().split, {}};
    change(evaluation.protocol);
    return evaluation;
  }
  struct Done {
    JobId job;
    std::string result, log;
    core::Bytes features;
  };
  Done evaluate(const std::string& name, const std::function<void(Protocol&)>& change) {
    const JobId id = write_specification(store(name), evaluation_of(change));
    Attempt attempt(store(name), id, 1);
    EXPECT_EQ(std::vector<std::string>{"exit code 0"}, attempt.wait_codes()) << attempt.log(0);
    return {id, result(store(name), id), attempt.log(0), files_.read(features_of(name, id))};
  }
  fs::path features_of(const std::string& name, const JobId& evaluation) {
    return experiments::StoreLayout(store(name)).features_file(evaluation);
  }
  // The one file that the training's evaluations kept.
  fs::path kept(const std::string& name) {
    const fs::path folder = experiments::StoreLayout(store(name)).job_folder(experiments::job_id(training()));
    for (const std::string& file : files_.list(folder))
      if (file.starts_with("kept-features-")) return folder / file;
    ADD_FAILURE() << "nothing is kept";
    return folder / "none";
  }
  // A store with the training and nothing else; trained once.
  void give_training(const std::string& name) {
    if (!fs::exists(store("trained") / "jobs")) train("trained", training(), 1);
    fs::remove_all(store(name) / "jobs");
    fs::copy(store("trained") / "jobs", store(name) / "jobs", fs::copy_options::recursive);
  }
  // The same evaluation where no other went before.
  Done evaluate_alone(const std::function<void(Protocol&)>& change) {
    give_training("alone");
    return evaluate("alone", change);
  }

  static void as_it_is(Protocol&) {}
  static void re_ranked(Protocol& protocol) { protocol.re_ranking = true; }
  static void flipped(Protocol& protocol) { protocol.flip = true; }
  static std::string taken() { return "features are those of"; }

  core::FileSystem& files_ = core::real_file_system();
};

TEST_F(KeptFeaturesTest, evaluations_that_ask_the_same_images_otherwise_take_them_and_leave_the_same_bytes) {
  give_training("one");
  const Done first = evaluate("one", as_it_is);
  EXPECT_THAT(first.log, Not(HasSubstr("features are those")));
  const std::vector<std::function<void(Protocol&)>> others{
      re_ranked, [](Protocol& protocol) { protocol.distance = settings::DistanceName::kCosine; },
      [](Protocol& protocol) {
        protocol.distance = settings::DistanceName::kCosine;
        protocol.query_expansion = 2;
      },
      [](Protocol& protocol) { protocol.name = settings::ProtocolName::kWholeGallery; }};
  for (std::size_t i = 0; i < others.size(); ++i) {
    SCOPED_TRACE(i);
    const Done after = evaluate("one", others[i]), alone = evaluate_alone(others[i]);
    EXPECT_THAT(after.log, HasSubstr(taken()));
    EXPECT_THAT(alone.log, Not(HasSubstr("features are those")));
    EXPECT_EQ(after.result, alone.result);
    EXPECT_EQ(after.features, alone.features);
  }
}

TEST_F(KeptFeaturesTest, other_images_are_embedded) {
  give_training("others");
  evaluate("others", as_it_is);
  const std::vector<std::function<void(Protocol&)>> others{flipped,
                                                           [](Protocol& protocol) { protocol.gallery_rate = 3; },
                                                           [](Protocol& protocol) { protocol.query_rates = {4}; }};
  for (const auto& other : others) EXPECT_THAT(evaluate("others", other).log, Not(HasSubstr("features are those")));
}

// Cosines' features have unit length: nobody else may take them.
TEST_F(KeptFeaturesTest, of_cosines_are_not_kept) {
  give_training("cosine");
  evaluate("cosine", [](Protocol& protocol) { protocol.distance = settings::DistanceName::kCosine; });
  const Done after = evaluate("cosine", re_ranked);
  EXPECT_THAT(after.log, Not(HasSubstr("features are those")));
  EXPECT_EQ(after.features, evaluate_alone(re_ranked).features);
}

TEST_F(KeptFeaturesTest, a_file_that_is_not_what_was_kept_is_said_not_taken_and_replaced) {
  const Done alone = evaluate_alone(re_ranked);
  const auto flip_a_bit = [](core::Bytes& bytes) { bytes[bytes.size() / 2] ^= std::byte{1}; };
  const auto cut = [](core::Bytes& bytes) { bytes.resize(bytes.size() / 3); };
  const auto empty = [](core::Bytes& bytes) { bytes.clear(); };
  for (const std::function<void(core::Bytes&)>& damage :
       std::vector<std::function<void(core::Bytes&)>>{flip_a_bit, cut, empty}) {
    give_training("damaged");
    core::Bytes bytes = evaluate("damaged", as_it_is).features;
    damage(bytes);
    core::write_atomic(files_, kept("damaged"), bytes);
    const Done after = evaluate("damaged", re_ranked);
    EXPECT_THAT(after.log, HasSubstr("is not the file that the evaluation kept"));
    EXPECT_THAT(after.log, HasSubstr("images are embedded again"));
    EXPECT_EQ(after.result, alone.result);
    EXPECT_EQ(after.features, alone.features);
    EXPECT_THAT(evaluate("damaged", [](Protocol& protocol) { protocol.draws = 7; }).log, HasSubstr(taken()));
  }
}

// What is kept is read, not only named: other values with their own hash reach the scores.
TEST_F(KeptFeaturesTest, are_what_is_scored) {
  give_training("changed");
  const Done first = evaluate("changed", as_it_is);
  const datasets::ArrayFileReader reader(features_of("changed", first.job));
  const auto query = reader.read_float32("query/features", 2), gallery = reader.read_float32("gallery/features", 2);
  const std::vector<float> zeros(query.values.size(), 0);
  datasets::ArrayFileWriter writer;
  writer.add("query/features", query.shape, std::span<const float>(zeros));
  writer.add("gallery/features", gallery.shape, std::span<const float>(gallery.values));
  const fs::path old = kept("changed");
  std::string name = old.filename().string();
  const std::string sha256 = writer.write(files_, old);
  fs::rename(old, old.parent_path() / (name.substr(0, name.rfind('-') + 1) + sha256 + ".h5"));
  const Done after = evaluate("changed", [](Protocol& protocol) { protocol.draws = 7; });
  EXPECT_EQ(datasets::ArrayFileReader(features_of("changed", after.job)).read_float32("query/features", 2).values,
            zeros);
}

TEST_F(KeptFeaturesTest, what_cannot_be_read_hinders_no_evaluation) {
  give_training("unwritable");
  evaluate("unwritable", as_it_is);
  const fs::path line = kept("unwritable");
  give_training("unwritable");
  fs::create_directory(line);
  const Done done = evaluate("unwritable", as_it_is);
  EXPECT_THAT(done.log, HasSubstr("images are embedded again"));
  EXPECT_EQ(done.result, evaluate_alone(as_it_is).result);
}

}  // namespace
}  // namespace resolute::workers::kept_features_test
