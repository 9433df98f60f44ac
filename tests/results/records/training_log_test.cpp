#include "results/records/training_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "core/error.h"
#include "core/files/json.h"
#include "core/hash/sha256.h"
#include "tests/support/equal.h"
#include "tests/support/temporary_folder.h"

namespace resolute::results::training_log_test {
namespace {

namespace fs = std::filesystem;
using namespace testing;

const std::vector<std::string> kTensors = {"networks/a", "networks/b", "critic/c"};

// The digests of a step of a run in which nothing went wrong.
StepGradients gradients_of(std::uint64_t step) {
  const auto small = static_cast<std::uint32_t>(step);
  return {step, {step * 10, step * 10 + 1}, {small, small + 100, small + 200}};
}

std::string line_of(std::uint64_t step, const std::string& digest) {
  return core::canonical_json({{"step", step}, {"loss", 0.5}, {"gradients", digest}}) + "\n";
}

class TrainingLogs : public testing::Test {
 protected:
  // One attempt that ran the steps from `first` to `last`; `change` may spoil a step.
  void attempt(const std::string& store, int number, std::uint64_t first, std::uint64_t last,
               const std::function<void(StepGradients&, std::string& digest)>& change = {}) {
    GradientLogWriter writer(files_, gradients(store, number), 2, kTensors);
    std::string metrics;
    for (std::uint64_t step = first; step <= last; ++step) {
      StepGradients gradients = gradients_of(step);
      std::string digest = "digest " + std::to_string(step);
      if (change) change(gradients, digest);
      writer.write(gradients);
      metrics += line_of(step, digest);
    }
    writer.close();
    core::write_atomic(files_, this->metrics(store, number), metrics);
  }
  fs::path gradients(const std::string& store, int number) const {
    return layout(store).attempt_file(job_, number, kGradientLogName);
  }
  fs::path metrics(const std::string& store, int number) const {
    return layout(store).attempt_file(job_, number, "metrics.jsonl");
  }
  experiments::StoreLayout layout(const std::string& store) const { return experiments::StoreLayout(folder_ / store); }
  TrainingLog read(const std::string& store) { return read_training_log(files_, layout(store), job_); }

  tests::TemporaryFolder folder_;
  core::FileSystem& files_ = core::real_file_system();
  const experiments::JobId job_{core::sha256_hex("a training")};
};

TEST_F(TrainingLogs, attempts_are_joined_and_the_latest_holds_where_two_have_a_step) {
  attempt("store", 1, 1, 7);
  attempt("store", 2, 6, 9);
  const TrainingLog log = read("store");
  ASSERT_EQ(9U, log.steps.size());
  for (const auto& [step, logged] : log.steps) {
    EXPECT_EQ(step < 6 ? 1 : 2, logged.attempt) << step;
    EXPECT_EQ("digest " + std::to_string(step), logged.digest);
    EXPECT_EQ(gradients_of(step), logged.gradients) << step;
  }
  EXPECT_EQ(2, log.lanes);
  EXPECT_EQ(kTensors, log.tensors);
  EXPECT_THAT(log.disagreements, IsEmpty());
  EXPECT_THAT(log.warnings, IsEmpty());
}

TEST_F(TrainingLogs, two_attempts_that_disagree_are_a_finding) {
  attempt("store", 1, 1, 7);
  attempt("store", 2, 5, 9, [](StepGradients& gradients, std::string&) {
    if (gradients.step >= 6) gradients.lanes[1] = gradients.tensors[2] = 77;
  });
  const TrainingLog log = read("store");
  EXPECT_THAT(log.disagreements, ElementsAre(AttemptDisagreement{1, 2, {6, true, {1}, {"critic/c"}}}));
  EXPECT_EQ(77U, log.steps.at(7).gradients->lanes[1]);
}

TEST_F(TrainingLogs, digests_of_first_steps_are_equal_where_these_steps_are_whatever_attempts_logged_them) {
  attempt("once", 1, 1, 9);
  attempt("twice", 1, 1, 4);
  attempt("twice", 2, 3, 9);
  attempt("other", 1, 1, 9, [](StepGradients& gradients, std::string& digest) {
    if (gradients.step == 5) digest = "something else";
  });
  const auto digest = [&](const char* store, std::uint64_t steps) { return digest_of_steps(read(store), steps); };
  EXPECT_EQ(digest("once", 5), digest("twice", 5));
  EXPECT_EQ(digest("once", 4), digest("other", 4));
  EXPECT_NE(digest("once", 5), digest("other", 5));
  EXPECT_NE(digest("once", 4), digest("once", 5));
}

TEST_F(TrainingLogs, the_first_difference_names_step_lanes_and_tensors) {
  attempt("one", 1, 1, 9);
  attempt("other", 1, 1, 9, [](StepGradients& gradients, std::string& digest) {
    if (gradients.step < 4) return;
    digest = "another";
    gradients.lanes = {0, 0};
    gradients.tensors[0] = gradients.tensors[2] = 0;
  });
  const LogComparison found = compare_logs(read("one"), read("other"), 9);
  EXPECT_EQ(4U, found.compared);
  EXPECT_EQ((StepDifference{4, true, {0, 1}, {"networks/a", "critic/c"}}), found.difference);
  EXPECT_FALSE(compare_logs(read("one"), read("other"), 3).difference);
  EXPECT_EQ(3U, compare_logs(read("one"), read("other"), 3).compared);
  EXPECT_EQ(9U, compare_logs(read("one"), read("one"), 9).compared);
}

TEST_F(TrainingLogs, a_difference_is_found_by_either_file_alone) {
  attempt("one", 1, 1, 5);
  attempt("digest", 1, 1, 5, [](StepGradients& gradients, std::string& digest) {
    if (gradients.step == 3) digest = "another";
  });
  attempt("tensor", 1, 1, 5, [](StepGradients& gradients, std::string&) {
    if (gradients.step == 2) gradients.tensors[1] = 0;
  });
  EXPECT_EQ((StepDifference{3, true, {}, {}}), compare_logs(read("one"), read("digest"), 5).difference);
  EXPECT_EQ((StepDifference{2, true, {}, {"networks/b"}}), compare_logs(read("one"), read("tensor"), 5).difference);
  fs::remove(gradients("digest", 1));
  EXPECT_EQ((StepDifference{3, false, {}, {}}), compare_logs(read("one"), read("digest"), 5).difference);
  fs::remove(metrics("tensor", 1));
  EXPECT_EQ((StepDifference{2, true, {}, {"networks/b"}}), compare_logs(read("one"), read("tensor"), 5).difference);
}

TEST_F(TrainingLogs, steps_that_one_side_lacks_are_not_compared) {
  attempt("one", 1, 1, 5);
  attempt("other", 1, 4, 8);
  const LogComparison found = compare_logs(read("one"), read("other"), 9);
  EXPECT_EQ(2U, found.compared);
  EXPECT_FALSE(found.difference);
  EXPECT_EQ(0U, compare_logs(read("one"), read("nothing there"), 9).compared);
}

TEST_F(TrainingLogs, what_a_killed_process_left_is_read_up_to_its_last_whole_step) {
  attempt("store", 1, 1, 5);
  for (const fs::path& path : {metrics("store", 1), gradients("store", 1)})
    fs::resize_file(path, fs::file_size(path) - 1);
  const TrainingLog log = read("store");
  EXPECT_EQ(4U, log.steps.size());
  EXPECT_THAT(log.warnings, IsEmpty());
}

TEST_F(TrainingLogs, a_damaged_file_is_a_warning_and_the_other_one_is_compared) {
  attempt("store", 1, 1, 5);
  attempt("sound", 1, 1, 5);
  core::Bytes bytes = files_.read(gradients("store", 1));
  bytes[bytes.size() - 2] ^= std::byte{1};
  core::write_atomic(files_, gradients("store", 1), bytes);
  TrainingLog log = read("store");
  EXPECT_THAT(log.warnings, ElementsAre(HasSubstr("record 4 is damaged")));
  EXPECT_EQ(5U, compare_logs(log, read("sound"), 5).compared);

  core::write_atomic(files_, metrics("store", 1), "{\"step\":1,\n");
  log = read("store");
  EXPECT_THAT(log.warnings, ElementsAre(HasSubstr("metrics.jsonl', line 1"), HasSubstr("record 4 is damaged")));
  EXPECT_THAT(log.steps, IsEmpty());
}

TEST_F(TrainingLogs, other_tensor_names_are_compared_by_step_alone) {
  attempt("one", 1, 1, 3);
  attempt("one", 2, 3, 5);
  attempt("other", 1, 1, 5);
  GradientLogWriter(files_, gradients("one", 2), 2, {"networks/renamed"}).write({3, {1, 2}, {3}});
  const TrainingLog log = read("one");
  EXPECT_THAT(log.warnings, ElementsAre(HasSubstr("names other lanes or tensors")));
  EXPECT_THAT(log.disagreements, IsEmpty());
  const LogComparison found = compare_logs(log, read("other"), 5);
  EXPECT_EQ(5U, found.compared);
  EXPECT_FALSE(found.difference);
}

TEST_F(TrainingLogs, lines_of_a_worker_that_logs_no_digests_are_passed_over) {
  const auto steps = parse_logged_steps("{\"step\":1}\n{\"loss\":1.0}\n{\"gradients\":\"a\",\"step\":3}\n", "metrics");
  ASSERT_EQ(1U, steps.size());
  EXPECT_EQ("a", steps.at(3).digest);
  EXPECT_THROW(parse_logged_steps("[1]\n", "metrics"), core::RuntimeError);
}

// A GPU's gradients are digested in some steps alone.
TEST_F(TrainingLogs, steps_without_a_digest_are_compared_by_losses_and_norms) {
  const auto write = [&](const std::string& store, const std::string& second, const std::string& third) {
    core::write_atomic(files_, metrics(store, 1),
                       R"({"gradients":"a","losses":{"cross":1.5},"gradient_norms":{"networks":2.5},"step":1})"
                       "\n{" +
                           second +
                           R"("step":2,"losses":{"cross":1.25},"gradient_norms":{"networks":0.1}})"
                           "\n{" +
                           third + "\"step\":3}\n");
  };
  write("recorded", "", R"("gradient_norms":{"networks":0.5},)");
  write("same", "", R"("gradient_norms":{"networks":0.5},)");
  write("with digests", R"("gradients":"b",)", R"("gradients":"c","gradient_norms":{"networks":0.5},)");
  write("another norm", "", R"("gradient_norms":{"networks":0.5000000000000001},)");
  write("another loss", "", R"("losses":{"cross":0},"gradient_norms":{"networks":0.5},)");
  write("says nothing", "", "");
  const TrainingLog recorded = read("recorded");
  for (const char* same : {"same", "with digests"}) {
    const LogComparison found = compare_logs(recorded, read(same), 3);
    EXPECT_EQ(3U, found.compared) << same;
    EXPECT_FALSE(found.difference) << same;
  }
  for (const char* another : {"another norm", "another loss"}) {
    const LogComparison found = compare_logs(recorded, read(another), 3);
    ASSERT_TRUE(found.difference) << another;
    EXPECT_EQ(3U, found.difference->step) << another;
    EXPECT_FALSE(found.difference->located) << another;
  }
  EXPECT_EQ(2U, compare_logs(recorded, read("says nothing"), 3).compared);
  EXPECT_EQ(digest_of_steps(recorded, 3), digest_of_steps(read("same"), 3));
  EXPECT_NE(digest_of_steps(recorded, 3), digest_of_steps(read("another norm"), 3));
}

}  // namespace
}  // namespace resolute::results::training_log_test
