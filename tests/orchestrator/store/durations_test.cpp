#include "orchestrator/store/durations.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/orchestrator/support/toy_suite.h"
#include "tests/support/temporary_folder.h"

namespace resolute::tests::durations_test {
namespace {

using namespace orchestrator;

experiments::PlannedJob training(int steps, std::uint64_t seed = 0, int images = 4) {
  experiments::PlannedJob job = toy_plan(1, 1).jobs.front();
  auto& specification = std::get<experiments::TrainingSpecification>(job.specification);
  specification.recipe.steps = steps;
  specification.recipe.images = images;
  specification.seed = specification.split.seed = seed;
  job.id = experiments::job_id(job.specification);
  return job;
}

Workload workload_of(const experiments::PlannedJob& job) {
  experiments::Plan plan;
  plan.jobs = {job};
  return workloads_of(plan)[0];
}

experiments::PlannedJob evaluation_of(const experiments::PlannedJob& trained) {
  experiments::EvaluationSpecification specification;
  specification.training = trained.id;
  specification.split.seed = std::get<experiments::TrainingSpecification>(trained.specification).split.seed;
  return {experiments::job_id(specification), specification, {trained.id}, 1, ""};
}

TEST(Workloads, steps_and_seed_set_the_amount_and_all_else_the_class) {
  const Workload some = workload_of(training(100));
  const Workload more = workload_of(training(300, 5));
  EXPECT_EQ(some.class_name, more.class_name);
  EXPECT_EQ(some.class_name.size(), 16U);
  EXPECT_EQ(more.work, 3 * some.work);
  EXPECT_EQ(more.prior_ms, 3 * some.prior_ms);
  EXPECT_NE(some.class_name, workload_of(training(100, 0, 2)).class_name);
  auto later = training(100);
  std::get<experiments::TrainingSpecification>(later.specification).start_from = experiments::Start{later.id};
  EXPECT_EQ(some.class_name, workload_of(later).class_name);
  auto gang = training(100);
  gang.slots = 2;
  EXPECT_NE(some.class_name, workload_of(gang).class_name);
}

TEST(Workloads, evaluations_are_told_by_the_network_that_they_run) {
  experiments::Plan plan;
  for (const auto& trained : {training(100, 0), training(200, 1), training(100, 0, 2)}) {
    plan.jobs.push_back(trained);
    plan.jobs.push_back(evaluation_of(trained));
  }
  const auto workloads = workloads_of(plan);
  EXPECT_EQ(workloads[1].class_name, workloads[3].class_name);
  EXPECT_NE(workloads[1].class_name, workloads[5].class_name);
}

TEST(Durations, a_class_takes_its_median_rate_times_the_work) {
  Durations durations;
  const Workload workload = workload_of(training(100));
  EXPECT_FALSE(durations.expected(workload).learned);
  EXPECT_EQ(durations.expected(workload).milliseconds, workload.prior_ms);
  for (double rate : {2.0, 3.0, 50.0})
    durations.add({workload.class_name, 200, 200 * rate, rate == 50.0 ? 0.0 : 10 * rate});
  const auto expected = durations.expected(workload);
  EXPECT_TRUE(expected.learned);
  EXPECT_EQ(expected.milliseconds, 300);
  EXPECT_EQ(expected.checkpoint_ms, 30);
  // A run that is shorter than the first checkpoint keeps something at its end.
  EXPECT_EQ(durations.expected(workload_of(training(1))).checkpoint_ms, 3);
}

class StoredDurations : public testing::Test {
 protected:
  const TemporaryFolder folder_;
  core::FileSystem& files_ = core::real_file_system();
  const experiments::StoreLayout store_{folder_.path()};
  const std::string name_ = std::string(16, 'a');  // a class
};

TEST_F(StoredDurations, are_kept_in_the_store_and_torn_lines_are_skipped) {
  const std::vector<MeasuredDuration> first{{name_, 1, 100, 0}, {name_, 1, 300, 20}};
  const std::vector<MeasuredDuration> second{{name_, 1, 200, 0}};
  EXPECT_FALSE(Durations::read(files_, store_).expected({name_}).learned);
  append_durations(files_, store_, "run1", first);
  append_durations(files_, store_, "run1", second);
  append_durations(files_, store_, "run2", second);
  for (const char* junk :
       {"{\"class\":\"aaaaaaaaaaaaaaaa\",\"ms\":1,\"wo", "junk\n", "{\"class\":\"aaaaaaaaaaaaaaaa\"}\n",
        "{\"class\":\"aaaaaaaaaaaaaaaa\",\"ms\":-5,\"work\":1}\n"}) {
    auto file = files_.open_for_write(folder_.path() / "durations/run2.jsonl", core::OpenMode::kAppend);
    file->write(core::as_byte_span(std::string_view(junk)));
    file->close();
  }
  const auto expected = Durations::read(files_, store_).expected({name_});
  EXPECT_TRUE(expected.learned);
  EXPECT_EQ(expected.milliseconds, 200);
  EXPECT_EQ(expected.checkpoint_ms, 20);
}

TEST_F(StoredDurations, what_a_rank_took_at_most_is_kept_too) {
  append_durations(files_, store_, "run",
                   std::vector<MeasuredDuration>{{name_, 1, 100, 0, 900, 0.5}, {name_, 1, 100, 0, 700, 0.9}});
  // A line of an earlier version knows nothing of it.
  auto file = files_.open_for_write(folder_.path() / "durations/run.jsonl", core::OpenMode::kAppend);
  file->write(core::as_byte_span("{\"class\":\"" + name_ + "\",\"ms\":100,\"work\":1}\n"));
  file->close();
  const auto durations = Durations::read(files_, store_);
  const auto taken = durations.taken({name_});
  EXPECT_EQ(taken.lives, 2U);
  EXPECT_EQ(taken.peak_mib, 900);
  EXPECT_EQ(taken.processors, 0.9);
  EXPECT_EQ(durations.taken({std::string(16, 'b')}).lives, 0U);
}

TEST(Durations, say_for_each_kind_of_a_plan_what_its_ranks_take) {
  experiments::Plan plan;
  const auto trained = training(100);
  plan.jobs = {trained, evaluation_of(trained), training(200, 1), training(100, 0, 2)};
  Durations durations;
  EXPECT_EQ(taken_by_kind(plan, durations)[0].known, 0U);
  for (const double peak : {500.0, 600.0}) durations.add({workload_of(trained).class_name, 100, 1000, 0, peak, 1});
  const auto kinds = taken_by_kind(plan, durations);
  ASSERT_EQ(kinds.size(), 2U);
  EXPECT_EQ(kinds[0].kind, "training");
  EXPECT_EQ(kinds[0].jobs, 3U);
  EXPECT_EQ(kinds[0].known, 2U) << "the third is another network";
  EXPECT_EQ(kinds[0].taken.lives, 2U) << "each counts once, of however many jobs it tells";
  EXPECT_EQ(kinds[0].taken.peak_mib, 600);
  EXPECT_EQ(kinds[1].known, 0U);
}

TEST_F(StoredDurations, the_newest_lives_of_a_class_count) {
  std::vector<MeasuredDuration> lives(600, {name_, 1, 100, 0});
  for (std::size_t i = 300; i < lives.size(); ++i) lives[i].milliseconds = 700;
  append_durations(files_, store_, "run", lives);
  Durations durations = Durations::read(files_, store_);
  EXPECT_EQ(durations.expected({name_}).milliseconds, 700);
  for (int i = 0; i < 200; ++i) durations.add({name_, 1, 50, 0});
  EXPECT_EQ(durations.expected({name_}).milliseconds, 50);
}

TEST_F(StoredDurations, of_a_file_longer_than_is_read_the_end_counts) {
  append_durations(files_, store_, "run", std::vector<MeasuredDuration>{{std::string(16, 'b'), 1, 100, 0}});
  std::filesystem::resize_file(folder_.path() / "durations/run.jsonl", std::uint64_t{65} << 20);
  append_durations(files_, store_, "run", std::vector<MeasuredDuration>(2, {name_, 1, 100, 0}));
  const Durations durations = Durations::read(files_, store_);
  EXPECT_EQ(durations.expected({name_}).milliseconds, 100);
  EXPECT_FALSE(durations.expected({std::string(16, 'b')}).learned);
}

TEST_F(StoredDurations, what_is_no_file_of_them_is_left_out_with_a_warning) {
  append_durations(files_, store_, "run", std::vector<MeasuredDuration>{{name_, 1, 100, 0}});
  std::filesystem::create_directory(folder_ / "durations/folder.jsonl");
  std::filesystem::create_symlink("loop.jsonl", folder_ / "durations/loop.jsonl");
  ASSERT_EQ(::mkfifo((folder_ / "durations/pipe.jsonl").c_str(), 0600), 0);
  ::alarm(30);  // to open a pipe waits for its other end
  testing::internal::CaptureStderr();
  EXPECT_EQ(Durations::read(files_, store_).expected({name_}).milliseconds, 100);
  const std::string log = testing::internal::GetCapturedStderr();
  ::alarm(0);
  EXPECT_NE(log.find("folder.jsonl' (Is a directory)"), std::string::npos) << log;
  EXPECT_NE(log.find("pipe.jsonl' is not a regular file"), std::string::npos) << log;
  std::filesystem::remove_all(folder_ / "durations");
  core::write_atomic(files_, folder_ / "durations", "a file");
  EXPECT_FALSE(Durations::read(files_, store_).expected({name_}).learned);
}

TEST(Durations, of_a_store_that_is_gone_are_dropped) {
  const TemporaryFolder folder;
  const experiments::StoreLayout store(folder / "store");
  append_durations(core::real_file_system(), store, "run", std::vector<MeasuredDuration>{{"a", 1, 100, 0}});
  EXPECT_FALSE(std::filesystem::exists(store.root()));
}

TEST(ExpectedPaths, no_line_in_the_store_makes_a_job_longer_than_a_journal_takes) {
  experiments::Plan plan;
  const auto trained = training(100);
  plan.jobs = {trained, evaluation_of(trained)};
  Durations durations;
  for (const auto& workload : workloads_of(plan)) durations.add({workload.class_name, 1e-300, 1e300, 1e300});
  for (const auto& path : expected_paths(plan, durations)) {
    EXPECT_GT(path.expected_ms, 0);
    EXPECT_LE(path.path_ms, 1'000'000'000'000'000);
    EXPECT_GE(path.checkpoint_ms, 0);
    EXPECT_LE(path.checkpoint_ms, path.expected_ms);
  }
}

TEST(ExpectedPaths, a_path_is_a_job_and_the_longest_chain_behind_it) {
  experiments::Plan plan;
  const auto trained = training(100);
  plan.jobs = {trained, evaluation_of(trained), training(5000, 1)};
  Durations durations;
  const auto workloads = workloads_of(plan);
  durations.add({workloads[0].class_name, 100, 1000, 0});
  durations.add({workloads[1].class_name, 1, 400, 0});
  const auto paths = expected_paths(plan, durations);
  EXPECT_EQ(paths[0].expected_ms, 1000);
  EXPECT_EQ(paths[0].path_ms, 1400);
  EXPECT_EQ(paths[1].path_ms, 400);
  EXPECT_EQ(paths[2].path_ms, 50'000);
  EXPECT_TRUE(paths[2].learned);
  EXPECT_FALSE(expected_paths(plan, Durations())[1].learned);
}

}  // namespace
}  // namespace resolute::tests::durations_test
