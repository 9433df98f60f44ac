#include "operations/submissions/standing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "tests/support/manual_clock.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/watched_file_system.h"

namespace resolute::operations::standing_test {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

class Reads final : public tests::WatchedFileSystem {
 public:
  std::vector<std::string> names{};

 private:
  void before(Call call, const std::filesystem::path& path) override {
    if (call == kRead) names.push_back(path.filename());
  }
};

slurm::SubmissionRequest request_of(const std::filesystem::path& folder) {
  slurm::SubmissionRequest request;
  request.token = "0123456789ab";
  request.suite = "tiny";
  request.by = effective_user() + "@somewhere";
  request.store = request.relative_to = request.working_folder = folder;
  request.resolute = "/usr/bin/resolute";
  request.batches = {{.number = 1, .job_name = "resolute-tiny-0123456789ab-1"}};
  return request;
}

// cancel and --wait look again and again, and a batch has many starts.
TEST(OpenSubmissions, are_read_without_the_history_of_their_batches) {
  const tests::TemporaryFolder folder;
  Reads files;
  const slurm::SubmissionRequest request = request_of(folder.path());
  auto submission = slurm::create_submission(files, folder.path(), request, "title = \"tiny\"\n");
  for (const int generation : {0, 1}) {
    submission.intend(request.batches[0], generation, {});
    submission.accept(request.batches[0], generation, {12 + generation, "", {}});
  }
  slurm::ScriptStart run;
  run.job = 12;
  slurm::write_run(files, submission.batch_folder(request.batches[0]), run);
  core::write_atomic(files, submission.batch_folder(request.batches[0]) / "accepted-000.json", "{");
  tests::ManualClock clock;
  slurm::Client client({[](const auto&, auto) {
                          return core::CommandOutput{core::Exited{0}, "", "", false};
                        },
                        [&](std::chrono::milliseconds time) { clock.advance(time); }, &clock});
  files.names.clear();
  const auto open = open_submissions(files, client, folder.path());
  ASSERT_THAT(open, SizeIs(1));
  ASSERT_THAT(open[0].batches, SizeIs(1));
  EXPECT_FALSE(open[0].batches[0].alive);
  EXPECT_EQ(open[0].batches[0].job()->id, 13);
  std::erase_if(files.names,
                [](const std::string& name) { return !name.starts_with("run-") && !name.starts_with("accepted-000"); });
  EXPECT_THAT(files.names, IsEmpty());
}

// Words that `scontrol show job -o` writes, before and behind the state.
constexpr std::array kShown = {
    "JobId=12 JobName=resolute-tiny-0123456789ab-1 UserId=user(1000) GroupId=user(1000) MCS_label=N/A Priority=1 "
    "Nice=0 "
    "Account=(null) QOS=(null) JobState=",
    " Reason=None Dependency=(null) Requeue=1 Restarts=0 BatchFlag=1 Reboot=0 ExitCode=0:0 RunTime=00:00:00 "
    "TimeLimit=00:10:00 TimeMin=N/A SubmitTime=2026-01-31T12:00:00 EligibleTime=2026-01-31T12:00:00 AccrueTime=Unknown "
    "StartTime=Unknown EndTime=Unknown Deadline=N/A PreemptTime=None SuspendTime=None SecsPreSuspend=0 Partition=main "
    "NodeList= NumNodes=1\n"};

// As behind a site's squeue that answers from a copy of a while ago, which knows no new job.
TEST(OpenSubmissions, know_a_job_that_squeue_hides_and_scontrol_shows) {
  const tests::TemporaryFolder folder;
  auto& files = core::real_file_system();
  const slurm::SubmissionRequest request = request_of(folder.path());
  auto submission = slurm::create_submission(files, folder.path(), request, "title = \"tiny\"\n");
  submission.intend(request.batches[0], 0, {});
  submission.accept(request.batches[0], 0, {12, "", {}});
  tests::ManualClock clock;
  std::string state;
  slurm::Client client({[&](const std::vector<std::string>& command, auto) {
                          const bool shows = command[0] == "scontrol" && !state.empty();
                          return core::CommandOutput{core::Exited{0},
                                                     shows ? std::string(kShown[0]) + state + kShown[1] : std::string(),
                                                     "", false};
                        },
                        [&](std::chrono::milliseconds time) { clock.advance(time); }, &clock});
  for (const char* there : {"SUSPENDED", "CONFIGURING", "REQUEUE_HOLD"}) {
    state = there;
    const auto open = open_submissions(files, client, folder.path());
    EXPECT_TRUE(is_alive(open.at(0))) << there;
    EXPECT_EQ(count_jobs(open).others, 1U) << there;
    EXPECT_FALSE(open[0].trouble) << there;
  }
  for (const char* over : {"DEADLINE", "BOOT_FAIL", "NODE_FAIL", ""}) {
    state = over;
    const auto open = open_submissions(files, client, folder.path());
    EXPECT_FALSE(is_alive(open.at(0))) << over;
    EXPECT_FALSE(open[0].trouble) << over;
  }
}

}  // namespace
}  // namespace resolute::operations::standing_test
