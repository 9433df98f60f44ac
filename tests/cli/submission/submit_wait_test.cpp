#include "cli/submission/submit_wait.h"

#include <gtest/gtest.h>

#include <cerrno>

#include "core/error.h"
#include "experiments/store/store_layout.h"
#include "tests/support/manual_clock.h"
#include "tests/support/record_text.h"
#include "tests/support/refusal.h"
#include "tests/support/sick_file_system.h"
#include "tests/support/temporary_folder.h"

namespace resolute::cli::submit_wait_test {
namespace {

// A complete suite, of which SLURM has no job.
class SubmitWait : public testing::Test {
 protected:
  SubmitWait() {
    plan_.suite = "tiny";
    plan_.jobs.emplace_back().id = {std::string(64, 'a')};
    const auto& job = plan_.jobs.front();
    const auto file = store_.result_file(job.id);
    files_.create_directories(file.parent_path());
    files_.create_directories(store_.suite_folder("tiny"));
    core::write_atomic(files_, file, tests::record_text_of(job.id.hex, kind_name(job.specification)));
  }
  int wait() {
    tests::ManualClock clock;
    slurm::Client client({[](const auto&, auto) {
                            return core::CommandOutput{core::Exited{0}, "", "", false};
                          },
                          [&](std::chrono::milliseconds time) { clock.advance(time); }, &clock});
    return wait_for_submission(
        files_, client, store_, plan_, [&] { return plan_; }, "resolute suite status");
  }

  tests::TemporaryFolder folder_;
  tests::SickFileSystem files_;
  experiments::StoreLayout store_{folder_.path()};
  experiments::Plan plan_;
};

TEST_F(SubmitWait, outlives_a_store_that_is_away) {
  std::vector<int> errors{ESTALE, EIO, ETIMEDOUT};  // one a look
  files_.sick = [&](tests::SickFileSystem::Call call, const std::filesystem::path& path) {
    if (call != tests::SickFileSystem::kList || path.filename() != "suites" || errors.empty()) return 0;
    const int error = errors.back();
    errors.pop_back();
    return error;
  };
  EXPECT_EQ(wait(), 0);
  EXPECT_EQ(files_.failures, 3);
}

TEST_F(SubmitWait, ends_with_what_is_not_the_stores_fault) {
  files_.sick = [](tests::SickFileSystem::Call call, const std::filesystem::path& path) {
    return call == tests::SickFileSystem::kList && path.filename() == "suites" ? EACCES : 0;
  };
  EXPECT_NE(tests::refusal([&] { wait(); }), "");
}

}  // namespace
}  // namespace resolute::cli::submit_wait_test
