//! \file
//! The program that builds packs: alone it does all of that, and for all else it needs resolute-torch beside it.

#include "workers/packs/pack_job.h"

#include <gmock/gmock.h>

#include "tests/support/temporary_folder.h"
#include "tests/workers/jobs/worker_fixture.h"

namespace resolute::workers::pack_job_test {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class PackJobTest : public ::testing::Test {
 protected:
  PackJobTest() { fs::copy_file(kWorker, alone()); }

  // A copy of resolute-worker with nothing beside it.
  std::string alone() const { return (folder_.path() / "resolute-worker").string(); }
  fs::path store() const { return folder_.path() / "store"; }

  JobId write(const experiments::JobSpecification& specification) const {
    return write_specification(store(), specification);
  }
  static core::CommandOutput start(std::vector<std::string> arguments) {
    return core::run_command({.arguments = std::move(arguments), .environment = core::current_environment()}, 60s);
  }
  core::CommandOutput run(const JobId& job, const std::vector<std::string>& more = {}) const {
    std::vector<std::string> arguments{alone(), "run", "--store", store().string(), "--job", job.hex};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return start(std::move(arguments));
  }
  static void expect_code(int code, const core::CommandOutput& output) {
    EXPECT_EQ("exit code " + std::to_string(code), core::describe(output.status)) << output.err;
  }

  tests::TemporaryFolder folder_;
};

TEST_F(PackJobTest, a_pack_is_built_and_its_split_written_by_a_worker_alone) {
  for (int shard = 0; shard < small_pack().shards; ++shard)
    expect_code(0, run(write(experiments::ShardSpecification{small_pack(), shard})));
  const JobId seal = write(experiments::SealSpecification{small_pack()});
  expect_code(0, run(seal));
  const std::string sealed =
      core::read_text(core::real_file_system(), experiments::StoreLayout(store()).result_file(seal));
  EXPECT_EQ(64, std::get<results::SealRecord>(results::parse_record(sealed, "result")).rows);

  const core::CommandOutput again = run(seal);
  expect_code(0, again);
  EXPECT_THAT(again.err, HasSubstr("has its result already"));

  const JobId training = write(small_training(experiments::BaselineOptions{}));
  const core::CommandOutput split =
      start({alone(), "split", "--store", store().string(), "--job", training.hex, "--out", folder_.path().string()});
  expect_code(0, split);
  EXPECT_TRUE(fs::exists(split.out.substr(0, split.out.find('\n')))) << split.out;
}

TEST_F(PackJobTest, what_needs_libtorch_says_which_program_is_missing) {
  const core::CommandOutput output = run(write(small_training(experiments::BaselineOptions{})));
  expect_code(1, output);
  EXPECT_EQ("resolute-worker: cannot start '" + (folder_.path() / "resolute-torch").string() +
                "' (No such file or directory); install it beside resolute-worker\n",
            output.err);
  expect_code(1, start({alone(), "describe"}));
}

TEST_F(PackJobTest, process_ranks_and_numbers_are_refused_before_anything_is_made) {
  const JobId shard = write(experiments::ShardSpecification{small_pack(), 0});
  const core::CommandOutput two = run(shard, {"--process-ranks", "2"});
  expect_code(2, two);
  EXPECT_EQ(
      "resolute-worker: 2 process ranks for a job of kind shard (only a training has more than one); give "
      "--process-ranks 1\n",
      two.err);
  expect_code(2, run(shard, {"--threads", "0"}));
  EXPECT_FALSE(fs::exists(store() / "packs"));
  EXPECT_FALSE(fs::exists(store() / "raw"));
}

TEST_F(PackJobTest, resolute_torch_builds_no_pack) {
  const JobId shard = write(experiments::ShardSpecification{small_pack(), 0});
  const std::string torch = (fs::path(kWorker).parent_path() / "resolute-torch").string();
  const core::CommandOutput output = start({torch, "run", "--store", store().string(), "--job", shard.hex});
  expect_code(2, output);
  EXPECT_THAT(output.err, StartsWith("resolute-worker: job '" + shard.hex + "' is of kind shard"));
}

}  // namespace
}  // namespace resolute::workers::pack_job_test
