// What a training step asks of a GPU besides computing, counted on the simulated accelerator: waits of the host, bytes
// of the batch, launches beside the backward pass. docs/gpu.md has the table that this prints.

#include "tests/support/folders.h"
#include "tests/workers/evaluation/packed_trial.h"
#include "tests/workers/gpu/packed_training.h"

namespace resolute::workers::gpu_test::step_counts_test {
namespace {

using accelerator::Counts;
using accelerator::streams;

class StepCountsTest : public PackedTrial {
 protected:
  static void SetUpTestSuite() { pack_images(8, 4, of_size(48, 24)); }

  Counts counted(const std::string& method, int steps) const {
    // No kernel runs by itself: each wait that there can be is one.
    const accelerator::Lagging lagging({accelerator::Lateness::Kind::kMost, 0});
    streams().reset_counts();
    train_packed(*pack_, split_, device().place(), {.method = method, .steps = steps});
    return streams().counts();
  }
  // Of a step in the middle of a training; counted once.
  const Counts& of_a_step(const std::string& method) const {
    static std::map<std::string, Counts> known;
    if (const auto found = known.find(method); found != known.end()) return found->second;
    const Counts shorter = counted(method, 3), longer = counted(method, 4);
    Counts step;
    const auto differ = [](const auto& more, const auto& fewer) {
      std::map<std::string, std::int64_t> difference;
      for (const auto& [name, count] : more) {
        const auto found = fewer.find(name);
        const std::int64_t before = found == fewer.end() ? 0 : found->second;
        if (count != before) difference[name] = count - before;
      }
      return difference;
    };
    step.kernels = differ(longer.kernels, shorter.kernels);
    step.side_kernels = differ(longer.side_kernels, shorter.side_kernels);
    step.waits = differ(longer.waits, shorter.waits);
    step.bytes_to_device = longer.bytes_to_device - shorter.bytes_to_device;
    step.bytes_to_host = longer.bytes_to_host - shorter.bytes_to_host;
    step.allocations = longer.allocations - shorter.allocations;
    return known[method] = step;
  }
  // For each row of a batch: the HR image, its LR image, copies.
  std::int64_t images_of(const std::string& method) const {
    const experiments::TrainingSpecification asked = packed_specification({.method = method});
    const methods::Needs needs = make_method(asked, split_.train_identities)->row().needs;
    return static_cast<std::int64_t>(1 + (needs.lr ? 1 : 0) + methods::copy_rates(needs, asked.recipe).size());
  }
};

// A launch of each kind for a bucket of gradients, however many parameters are in it.
constexpr std::int64_t kMostSideLaunches = 20;

std::int64_t buckets_of(const Counts& step) { return step.side_kernels.at("aten::cumsum.out"); }

TEST_F(StepCountsTest, the_host_waits_once_where_it_reads_losses) {
  for (const char* method : kMethods) {
    const Counts& step = of_a_step(method);
    EXPECT_EQ((std::map<std::string, std::int64_t>{{"synchronize event in Trainer::exchange_losses", 1}}), step.waits)
        << method;
  }
}

// On streams of their own: what stands among the backward pass's kernels holds it up.
TEST_F(StepCountsTest, launches_beside_the_backward_pass_do_not_grow_with_parameters) {
  for (const char* method : kMethods) {
    const Counts& step = of_a_step(method);
    ASSERT_TRUE(step.side_kernels.contains("aten::cumsum.out"))
        << method << " digests nothing beside its backward pass";
    EXPECT_LE(Counts::sum(step.side_kernels), kMostSideLaunches * buckets_of(step)) << method;
    EXPECT_FALSE(step.kernels.contains("aten::cumsum.out")) << method;
  }
}

// Beside the computing of the step before: nothing of a batch's images is copied among the kernels.
TEST_F(StepCountsTest, images_travel_on_a_stream_of_their_own) {
  for (const char* name : kMethods) {
    const Counts& step = of_a_step(name);
    ASSERT_TRUE(step.side_kernels.contains("copy to the device")) << name;
    EXPECT_EQ(images_of(name), step.side_kernels.at("copy to the device")) << name;
  }
}

// Levels, one byte each, and not much beside them: labels, rows, what was drawn.
TEST_F(StepCountsTest, the_bytes_of_a_batch_are_those_of_its_levels) {
  for (const char* name : kMethods) {
    const experiments::TrainingSpecification asked = packed_specification({.method = name});
    const std::int64_t levels = images_of(name) * asked.recipe.identities * asked.recipe.images * 48 * 24 * 3;
    const std::int64_t bytes = of_a_step(name).bytes_to_device;
    EXPECT_GE(bytes, levels) << name;
    EXPECT_LE(static_cast<double>(bytes), 1.1 * static_cast<double>(levels)) << name;
  }
}

// `docs/gpu.md` has what this says; RESOLUTE_WRITE_GOLDEN=1 writes it there.
TEST_F(StepCountsTest, stand_in_the_page) {
  std::string table =
      "| method | kernels | side launches | buckets | waits | bytes to the GPU | bytes back | allocations |\n"
      "| --- | --- | --- | --- | --- | --- | --- | --- |\n";
  for (const char* method : kMethods) {
    const Counts& step = of_a_step(method);
    table += fmt::format("| {} | {} | {} | {} | {} | {} | {} | {} |\n", method, Counts::sum(step.kernels),
                         Counts::sum(step.side_kernels), buckets_of(step), Counts::sum(step.waits),
                         step.bytes_to_device, step.bytes_to_host, step.allocations);
  }
  const std::filesystem::path page = tests::source_folder() / "docs" / "gpu.md";
  std::string text = core::read_text(core::real_file_system(), page);
  const std::size_t begin = text.find("| method | kernels |"), end = text.find("\n\n", begin) + 1;
  ASSERT_NE(std::string::npos, begin);
  if (std::getenv("RESOLUTE_WRITE_GOLDEN") != nullptr)
    core::write_atomic(core::real_file_system(), page, text.replace(begin, end - begin, table));
  else
    EXPECT_EQ(table, text.substr(begin, end - begin));
}

}  // namespace
}  // namespace resolute::workers::gpu_test::step_counts_test
