#include "operations/submissions/stored_submission.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/operations/support/sample_submissions.h"
#include "tests/support/manual_clock.h"
#include "tests/support/temporary_folder.h"

namespace resolute::tests::stored_submission_test {
namespace {

using namespace operations;
using namespace slurm;
using namespace testing;
using Shown = AllocationView::State;

TEST(StoredSubmissions, any_number_of_batches_costs_one_call) {
  std::vector<std::vector<std::string>> calls;
  tests::ManualClock clock;
  Effects effects;
  effects.clock = &clock;
  effects.sleep = [&](std::chrono::milliseconds time) { clock.advance(time); };
  effects.run = [&](const std::vector<std::string>& arguments, std::chrono::milliseconds) {
    calls.push_back(arguments);
    return core::CommandOutput{
        core::Exited{0},
        std::string("12|12|N/A|RUNNING|2026-01-31T12:00:00|") + "2026-01-31T12:00:00|N/A|2|n[1-2]|" + kName + "|None\n",
        "", false};
  };
  Client client(effects);
  auto submission = submitted();
  submission.batches.push_back(submission.batches[0]);
  submission.batches[1].batch.job_name = "resolute-tiny-0123456789ab-2";
  const auto answer = ask_slurm(client, names_to_ask({submission}));
  EXPECT_THAT(calls, SizeIs(1));
  EXPECT_FALSE(answer.trouble);
  EXPECT_EQ(join({submission}, answer, false)[0].state, Shown::kRuns);
  EXPECT_EQ(join({submission}, answer, false)[1].state, Shown::kLost);
  calls.clear();
  EXPECT_FALSE(ask_slurm(client, {}).trouble);
  EXPECT_THAT(calls, IsEmpty()) << "nothing may live: nothing is asked";
}

TEST(StoredSubmissions, each_is_asked_for_at_its_own_cluster) {
  std::vector<std::vector<std::string>> calls;
  tests::ManualClock clock;
  Effects effects;
  effects.clock = &clock;
  effects.run = [&](const std::vector<std::string>& arguments, std::chrono::milliseconds) {
    calls.emplace_back(arguments.begin(), arguments.begin() + 3);
    return core::CommandOutput{core::Exited{0}, "", "", false};
  };
  auto green = submitted();
  green.request.cluster = "green";
  green.batches[0].batch.job_name = "resolute-tiny-ba9876543210-1";
  ask_slurm(Client(effects), names_to_ask({green, submitted()}));
  EXPECT_THAT(calls, ElementsAre(ElementsAre("squeue", "-h", "-r"), ElementsAre("squeue", "-M", "green")));
}

TEST(StoredSubmissions, a_controller_that_is_away_and_a_machine_without_slurm_are_trouble_and_no_error) {
  tests::ManualClock clock;
  Effects effects;
  effects.clock = &clock;
  effects.sleep = [&](std::chrono::milliseconds time) { clock.advance(time); };
  effects.run = [&](const std::vector<std::string>&, std::chrono::milliseconds) {
    return core::CommandOutput{core::Exited{1}, "",
                               "slurm_load_jobs error: Unable to contact slurm controller (connect failure)\n", false};
  };
  Client away(effects);
  EXPECT_THAT(ask_slurm(away, names_to_ask({submitted()})).trouble.value_or(""), HasSubstr("contact slurm controller"));
  effects.run = [](const std::vector<std::string>&, std::chrono::milliseconds) -> core::CommandOutput {
    throw core::input_error("program 'squeue' cannot be started");
  };
  Client missing(effects);
  EXPECT_NE(ask_slurm(missing, names_to_ask({submitted()})).trouble.value_or(""), "");
}

TEST(StoredSubmissions, submissions_are_read_from_the_store_and_a_broken_one_is_left_out) {
  TemporaryFolder folder;
  auto& files = core::real_file_system();
  SubmissionRequest request;
  request.token = "0123456789ab";
  request.suite = "tiny";
  request.created = kNoon;
  request.by = effective_user() + "@somewhere";
  request.store = request.relative_to = request.working_folder = folder.path();
  request.resolute = "/usr/bin/resolute";
  request.batches = {{.number = 1, .job_name = kName}};
  create_submission(files, folder.path(), request, "title = \"tiny\"\n");
  auto stored = read_submissions(files, folder.path());
  ASSERT_THAT(stored, SizeIs(1));
  EXPECT_EQ(stored[0].request.token, "0123456789ab");
  ASSERT_THAT(stored[0].batches, SizeIs(1));
  EXPECT_EQ(stored[0].batches[0].generation, -1);
  EXPECT_EQ(join(stored, {}, false)[0].state, Shown::kNotSubmitted);
  write_run(files, stored[0].batches[0].folder, run(EndCause::kComplete, "finished"));
  EXPECT_THAT(read_submissions(files, folder.path())[0].batches[0].runs, SizeIs(1));
  core::write_atomic(files, folder.path() / "submissions/ffffffffffff/request.json", "{");
  EXPECT_THAT(read_submissions(files, folder.path()), SizeIs(1));
  std::set<std::string> warned;
  for (int i = 0; i < 2; ++i) EXPECT_THAT(read_submissions(files, folder.path(), &warned), SizeIs(1));
  EXPECT_THAT(warned, SizeIs(1)) << "the second look does not warn again";
}

}  // namespace
}  // namespace resolute::tests::stored_submission_test
