//! \file
//! resolute-worker as the coordinator starts it: a store, real processes, kills. One small synthetic pack for all
//! tests.

#include "core/process/processors.h"
#include "tests/support/slice.h"
#include "tests/support/wait.h"
#include "tests/workers/jobs/worker_fixture.h"

namespace resolute::workers::worker_test {
namespace {

class WorkerMethodTest : public WorkerTest, public testing::WithParamInterface<std::string> {
 protected:
  static experiments::TrainingSpecification training() {
    if (GetParam() == "baseline") return small_training(experiments::BaselineOptions{});
    return small_training(experiments::RainOptions{});
  }
};
INSTANTIATE_TEST_SUITE_P(Methods, WorkerMethodTest,
                         testing::ValuesIn(tests::slice("methods of a worker",
                                                        std::vector<std::string>{"baseline", "rain"}, 1)),
                         [](const auto& info) { return info.param; });

TEST_P(WorkerMethodTest, one_two_and_four_ranks_publish_the_same_bytes) {
  const std::string one = train(GetParam() + "-1", training(), 1);
  EXPECT_NE("none", one);
  EXPECT_EQ(one, train(GetParam() + "-2", training(), 2));
  EXPECT_EQ(one, train(GetParam() + "-4", training(), 4));

  experiments::EvaluationSpecification evaluation{experiments::job_id(training()), small_pack(), training().split, {}};
  std::vector<std::string> results;
  for (const char* suffix : {"-1", "-2", "-4"}) {
    const fs::path folder = store(GetParam() + suffix);
    const JobId id = write_specification(folder, evaluation);
    run_alone(folder, id);
    results.push_back(result(folder, id));
    const auto record = std::get<results::EvaluationRecord>(results::parse_record(results.back(), "result"));
    const auto features =
        core::real_file_system().read(experiments::StoreLayout(folder).job_folder(id) / "features.h5");
    EXPECT_EQ(record.features_sha256, core::sha256_hex(features));
    EXPECT_EQ(16, record.metrics.at("queries"));
    EXPECT_EQ(8, record.metrics.at("gallery_identities"));
  }
  EXPECT_EQ(results[0], results[1]);
  EXPECT_EQ(results[0], results[2]);
}

TEST_P(WorkerMethodTest, a_killed_training_resumes_on_another_number_of_ranks_with_the_same_bytes) {
  const std::string whole = train(GetParam() + "-whole", training(), 1);
  const fs::path folder = store(GetParam() + "-killed");
  const JobId id = write_specification(folder, training());
  {
    Attempt attempt(folder, id, 2);
    attempt.wait_for_checkpoint();
    attempt.signal(1, SIGKILL);
    EXPECT_EQ((std::vector<std::string>{"exit code 1", "killed by signal 9"}), attempt.wait_codes());
  }
  ASSERT_FALSE(checkpoints(folder, id).empty());
  EXPECT_EQ(1U, steps(folder, id, 1).at(0));
  go_on(folder, id, 4, step_of(checkpoints(folder, id).back()));
  EXPECT_EQ(whole, result(folder, id));
}

TEST_F(WorkerTest, a_terminated_training_leaves_a_checkpoint_and_resumes_with_the_same_bytes) {
  const auto training = small_training(experiments::RainOptions{});
  const fs::path folder = store("terminated");
  const JobId id = write_specification(folder, training);
  Attempt attempt(folder, id, 2);
  attempt.wait_for_checkpoint();
  attempt.signal(0, SIGTERM);
  const auto ends = attempt.wait();
  for (const Ended& end : ends) {
    EXPECT_EQ("exit code 75", end.how);
    EXPECT_EQ(0U, end.last_line.find("resolute-worker: stopped after step ")) << end.last_line;
  }
  ASSERT_FALSE(checkpoints(folder, id).empty());
  const std::uint64_t stopped = step_of(checkpoints(folder, id).back());
  EXPECT_EQ(0U, ends[0].last_line.find(fmt::format("resolute-worker: stopped after step {} ", stopped)))
      << ends[0].last_line;
  go_on(folder, id, 1, stopped);
  EXPECT_EQ(train("terminated-whole", training, 1), result(folder, id));
  EXPECT_TRUE(checkpoints(folder, id).empty());
}

TEST_F(WorkerTest, a_torn_checkpoint_is_named_and_the_one_before_used) {
  const auto training = small_training(experiments::BaselineOptions{});
  const fs::path folder = store("torn");
  const JobId id = write_specification(folder, training);
  {
    Attempt attempt(folder, id, 1);
    attempt.wait_for_checkpoint();
    attempt.wait_for_checkpoint();
    attempt.signal(0, SIGKILL);
    attempt.wait();
  }
  const auto names = checkpoints(folder, id);
  ASSERT_EQ(2U, names.size());
  const fs::path newest = experiments::StoreLayout(folder).checkpoints_folder(id) / names.back();
  fs::resize_file(newest, fs::file_size(newest) - 1);
  const std::string log = go_on(folder, id, 1, step_of(names.front()));
  EXPECT_NE(std::string::npos, log.find(fmt::format("checkpoint '{}' is torn or damaged", newest.string()))) << log;
  EXPECT_NE(std::string::npos, log.find("it is passed over")) << log;
  EXPECT_EQ(train("torn-whole", training, 1), result(folder, id));
}

// The average begins with the weights behind the first step.
TEST_F(WorkerTest, a_training_publishes_the_average_of_its_weights) {
  const auto weights_of = [&](int steps, double ema) {
    auto training = small_training(experiments::BaselineOptions{});
    training.recipe.steps = steps;
    training.recipe.warmup_steps = 0;
    training.recipe.ema = ema;
    const std::string text = train(fmt::format("average-{}-{}", steps, ema), training, 1);
    return std::get<results::TrainingRecord>(results::parse_record(text, "result")).weights_sha256;
  };
  EXPECT_EQ(weights_of(1, 0), weights_of(1, 0.9));
  EXPECT_NE(weights_of(2, 0), weights_of(2, 0.9));
}

TEST_F(WorkerTest, a_job_with_a_result_is_done) {
  const auto training = small_training(experiments::BaselineOptions{});
  const std::string first = train("again", training, 1);
  EXPECT_EQ(first, train("again", training, 1));
}

TEST_F(WorkerTest, a_reader_that_hangs_up_changes_nothing) {
  const auto training = small_training(experiments::BaselineOptions{});
  const fs::path folder = store("alone");
  Attempt attempt(folder, write_specification(folder, training), 1);
  attempt.hang_up();
  EXPECT_EQ(std::vector<std::string>{"exit code 0"}, attempt.wait_codes());
}

TEST_F(WorkerTest, a_corrupt_row_ends_it_with_one_clear_line) {
  const auto training = small_training(experiments::BaselineOptions{});
  const fs::path folder = root_ / "stores" / "corrupt";
  fs::create_directories(folder);
  fs::copy(root_ / "packs", folder / "packs", fs::copy_options::recursive);
  const fs::path pack = experiments::StoreLayout(folder).pack_folder(small_pack());
  for (const char* name : {"shard-00000.h5", "shard-00001.h5"}) {
    // The HR images lie at the first large contiguous stretch of the file: pixels in its middle.
    std::fstream file(pack / name, std::ios::in | std::ios::out | std::ios::binary);
    const auto size = static_cast<std::streamoff>(fs::file_size(pack / name));
    for (std::streamoff at = size / 8; at < size / 2; at += 512) {
      file.seekg(at);
      const char byte = static_cast<char>(file.get() ^ 0x10);
      file.seekp(at);
      file.put(byte);
    }
  }
  const auto ends = Attempt(folder, write_specification(folder, training), 1).wait();
  EXPECT_EQ("exit code 2", ends[0].how);
  EXPECT_EQ(0U, ends[0].last_line.find("resolute-worker: ")) << ends[0].last_line;
  EXPECT_NE(std::string::npos, ends[0].last_line.find("shard-0000")) << ends[0].last_line;
}

TEST_F(WorkerTest, ranks_that_do_not_divide_the_lanes_are_refused) {
  const fs::path folder = store("three");
  const auto ends = Attempt(folder, write_specification(folder, small_training(experiments::RainOptions{})), 3).wait();
  for (const Ended& end : ends)
    EXPECT_EQ(
        (Ended{"exit code 2",
               "resolute-worker: 3 process ranks do not divide 4 lanes (every rank runs the same number of lanes); "
               "choose a divisor of the number of lanes"}),
        end);
}

TEST_F(WorkerTest, a_training_of_another_program_is_refused) {
  const fs::path folder = store("program");
  auto training = small_training(experiments::BaselineOptions{});
  training.recipe.program = 7;
  const JobId id = write_specification(folder, training);
  const auto ends = Attempt(folder, id, 1).wait();
  EXPECT_EQ(
      (Ended{"exit code 2",
             "resolute-worker: the training is of another program than resolute-worker (train.program is 7); that "
             "program has to train it, or leave train.program out"}),
      ends[0]);
  EXPECT_EQ("none", result(folder, id));
}

TEST_F(WorkerTest, an_evaluation_without_its_training_is_refused) {
  const fs::path folder = store("untrained");
  const auto training = small_training(experiments::RainOptions{});
  const JobId id = write_specification(
      folder, experiments::EvaluationSpecification{experiments::job_id(training), small_pack(), training.split, {}});
  const auto ends = Attempt(folder, id, 1).wait();
  EXPECT_EQ("exit code 2", ends[0].how);
  EXPECT_NE(std::string::npos, ends[0].last_line.find("has no result")) << ends[0].last_line;
}

TEST_F(WorkerTest, a_changed_specification_is_refused) {
  const fs::path folder = store("changed");
  const JobId id = write_specification(folder, small_training(experiments::RainOptions{}));
  auto other = small_training(experiments::RainOptions{});
  other.seed = 1;
  core::write_atomic(core::real_file_system(), experiments::StoreLayout(folder).specification_file(id),
                     core::canonical_json(experiments::to_json(other)));
  const auto ends = Attempt(folder, id, 1).wait();
  EXPECT_EQ("exit code 2", ends[0].how);
  EXPECT_NE(std::string::npos, ends[0].last_line.find("is not the specification of job")) << ends[0].last_line;
}

TEST_F(WorkerTest, a_training_without_its_pack_is_refused) {
  const fs::path folder = root_ / "stores" / "packless";
  const auto ends = Attempt(folder, write_specification(folder, small_training(experiments::RainOptions{})), 1).wait();
  EXPECT_EQ("exit code 2", ends[0].how);
  EXPECT_NE(std::string::npos, ends[0].last_line.find("pack")) << ends[0].last_line;
  EXPECT_EQ("none", result(folder, experiments::job_id(small_training(experiments::RainOptions{}))));
}

// Another number of threads is another numeric class, as other instructions are.
TEST_F(WorkerTest, ranks_of_two_numeric_classes_end_at_once_and_say_so) {
  const fs::path folder = store("classes");
  experiments::TrainingSpecification training = small_training(experiments::BaselineOptions{});
  training.lanes = 2;
  const auto alike = Attempt::arguments(folder, write_specification(folder, training), 2, {});
  ProcessGang gang(2, [&](int rank, int port) {
    std::vector<std::string> all = alike(rank, port);
    all.insert(all.end(), {"--threads", std::to_string(1 + rank)});
    return all;
  });
  for (const Ended& end : gang.wait()) {
    EXPECT_EQ("exit code 1", end.how);
    EXPECT_NE(std::string::npos, end.last_line.find("place a job on nodes of one numeric class")) << end.last_line;
  }
  EXPECT_EQ("none", result(folder, experiments::job_id(training)));
}

TEST(WorkerProgram, wrong_usage_is_one_line_and_exit_code_2) {
  const std::vector<std::string> job{"run", "--store", "x", "--job", std::string(64, 'a')};
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.begin(), job.begin(), job.end());
    return more;
  };
  for (const auto& [arguments, said] : std::vector<std::pair<std::vector<std::string>, const char*>>{
           {{}, "no command"},
           {{"walk"}, "'walk'"},
           {{"run"}, "--store is missing"},
           {{"run", "--store", "x"}, "--job is missing"},
           {{"run", "--store", "x", "--job", "y"}, "'y' is no job id"},
           {job, "has no spec.json"},
           {with({"--frob"}), "--frob"},
           {with({"--rendezvous", "nowhere"}), "--rendezvous 'nowhere'"},
           {with({"--checkpoint-every", "-1"}), "--checkpoint-every -1"},
           {with({"--checkpoint-every", "18446744073709551615"}), "--checkpoint-every"},
           {with({"--rendezvous", "host:-1"}), "--rendezvous 'host:-1'"},
           {with({"--rendezvous", "host:1"}), "--secret-fd"},
           {with({"--rendezvous", "host:1", "--secret-fd", "77"}), "secret"}}) {
    core::SpawnRequest request{.arguments = arguments};
    request.arguments.insert(request.arguments.begin(), kWorker);
    request.environment = core::current_environment();
    const auto output = core::run_command(request, tests::kPatience);
    EXPECT_EQ("exit code 2", core::describe(output.status)) << output.err;
    EXPECT_EQ(0U, output.err.find("resolute-worker: "));
    EXPECT_NE(std::string::npos, output.err.find(said)) << said << ": " << output.err;
    EXPECT_EQ(output.err.size() - 1, output.err.find('\n')) << output.err;
  }
}

TEST(WorkerProgram, no_number_is_taken_without_its_sign) {
  for (const char* interval : {"-1", "-9223372036854775808"}) {
    core::SpawnRequest request{.arguments = {kWorker, "run", "--store", "x", "--job", std::string(64, 'a'),
                                             fmt::format("--checkpoint-every={}", interval)},
                               .environment = core::current_environment()};
    const auto output = core::run_command(request, tests::kPatience);
    EXPECT_EQ("exit code 2", core::describe(output.status));
    EXPECT_EQ(
        fmt::format("resolute-worker: --checkpoint-every {} (a number of steps, 0 for a minute or more)\n", interval),
        output.err);
  }
}

TEST(WorkerProgram, describes_its_numeric_class_without_process_ranks) {
  core::SpawnRequest request{.arguments = {kWorker, "describe"}, .environment = core::current_environment()};
  const auto output = core::run_command(request, tests::kPatience);
  const core::Json json = core::parse_json(output.out, "describe");
  EXPECT_NE(std::string::npos, json["numeric_class"].get<std::string>().find("libtorch=2.11"));
  EXPECT_EQ("1", json["threads"].get<std::string>());
}

TEST(BurnIn, ends_in_the_same_weights_whatever_the_time_and_the_processor) {
  const auto burn_in = [](const char* seconds, int processor) {
    core::SpawnRequest request{.arguments = {kWorker, "burn-in", "cpu", seconds},
                               .environment = core::current_environment()};
    request.processors = {processor};
    const auto output = core::run_command(request, tests::kPatience);
    EXPECT_EQ("exit code 0", core::describe(output.status)) << output.err;
    return core::parse_json(output.out, "burn-in");
  };
  const auto processors = core::usable_processor_numbers();
  const core::Json one = burn_in("0", processors.front()), other = burn_in("2", processors.back());
  EXPECT_EQ(one["digest"], other["digest"]);
  EXPECT_EQ(64U, one["digest"].get<std::string>().size());
  EXPECT_GT(one["images_a_minute"].get<int>(), 0);
}

}  // namespace
}  // namespace resolute::workers::worker_test
