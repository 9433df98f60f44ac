#include "operations/submissions/standing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operations/submissions/submitter.h"
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

// cancel and --wait look again and again, and a batch has many starts.
TEST(OpenSubmissions, are_read_without_the_history_of_their_batches) {
  const tests::TemporaryFolder folder;
  Reads files;
  slurm::SubmissionRequest request;
  request.token = "0123456789ab";
  request.suite = "tiny";
  request.by = effective_user() + "@somewhere";
  request.store = request.relative_to = request.working_folder = folder.path();
  request.resolute = "/usr/bin/resolute";
  request.batches = {{.number = 1, .job_name = "resolute-tiny-0123456789ab-1"}};
  auto submission = slurm::create_submission(files, folder.path(), request, "title = \"tiny\"\n");
  for (const int generation : {0, 1}) {
    submission.intend(request.batches[0], generation, {});
    submission.accept(request.batches[0], generation, {12 + generation, "", {}});
  }
  slurm::ScriptStart run;
  run.job = 12;
  slurm::write_run(files, submission.batch_folder(request.batches[0]), run);
  core::write_atomic(files, submission.batch_folder(request.batches[0]) / "accepted-000.json", "{");
  core::ManualClock clock;
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

}  // namespace
}  // namespace resolute::operations::standing_test
