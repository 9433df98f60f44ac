#include "operations/submissions/new_submission.h"

#include <gtest/gtest.h>

#include <map>

#include "core/error.h"
#include "tests/support/forwarding_file_system.h"
#include "tests/support/manual_clock.h"
#include "tests/support/refusal.h"
#include "tests/support/temporary_folder.h"

namespace resolute::operations::new_submission_test {
namespace {

// A client of NFS: it believes a listing until it changes the folder itself.
class NfsClient : public tests::ForwardingFileSystem {
 public:
  std::vector<std::string> list(const std::filesystem::path& folder) override {
    const auto [known, is_new] = listed_.try_emplace(folder);
    if (is_new) known->second = ForwardingFileSystem::list(folder);
    return known->second;
  }
  std::unique_ptr<core::WritableFile> open_for_write(const std::filesystem::path& path, core::OpenMode mode) override {
    if (hears_of_its_own) listed_.erase(path.parent_path());
    return ForwardingFileSystem::open_for_write(path, mode);
  }
  bool hears_of_its_own = true;

 private:
  std::map<std::filesystem::path, std::vector<std::string>> listed_;
};

class NewSubmission : public testing::Test {
 protected:
  NewSubmission() {
    effects_.run = [](const auto&, auto) { return core::CommandOutput{core::Exited{0}, "", "", false}; };
    effects_.sleep = [this](std::chrono::milliseconds time) { clock_.advance(time); };
    effects_.clock = &clock_;
  }
  Standing create(core::FileSystem& files) {
    slurm::Client client(effects_);
    return create_after_others(files, client, effects_, suite_, text_, [&](const std::string& token) {
      slurm::SubmissionRequest request;
      request.token = token;
      request.suite = "tiny";
      request.resources = resources_;
      request.by = effective_user() + "@somewhere";
      request.store = request.relative_to = request.working_folder = folder_.path();
      request.resolute = "/usr/bin/resolute";
      request.batches = {{.number = 1, .job_name = "resolute-tiny-" + token + "-1"}};
      return request;
    });
  }
  std::size_t count() { return slurm::submissions(core::real_file_system(), suite_).size(); }

  tests::TemporaryFolder folder_;
  std::filesystem::path suite_ = folder_ / "tiny";
  std::string text_ = "suite = \"tiny\"\n";
  slurm::Resources resources_;
  tests::ManualClock clock_;
  slurm::Effects effects_;
  NfsClient here_, there_;
};

TEST_F(NewSubmission, of_another_machine_is_joined_though_it_is_not_in_an_old_listing) {
  there_.list(suite_ / "submissions");
  const auto first = create(here_);
  EXPECT_EQ(create(there_).request.token, first.request.token);
  EXPECT_EQ(count(), 1U);
}

TEST_F(NewSubmission, is_joined_by_old_listings_after_one_that_has_ended_too) {
  auto first = create(here_);
  create(there_);
  first.folder.end("cancelled");
  there_.list(suite_ / "submissions");
  const auto second = create(here_);
  EXPECT_NE(second.request.token, first.request.token);
  EXPECT_EQ(create(there_).request.token, second.request.token);
  EXPECT_EQ(count(), 2U);
}

TEST_F(NewSubmission, of_another_process_is_joined_with_a_word_where_its_order_is_another) {
  create(here_);
  const auto joined = [this] {
    testing::internal::CaptureStderr();
    create(there_);
    return testing::internal::GetCapturedStderr();
  };
  EXPECT_EQ(joined(), "");
  resources_.nodes = 2;
  EXPECT_NE(joined().find("by another process, with another text or other options"), std::string::npos);
  resources_ = {};
  resources_.partition = "short";
  EXPECT_NE(joined(), "");
  resources_ = {};
  text_ += "trials = 2\n";
  EXPECT_NE(joined(), "");
  EXPECT_EQ(count(), 1U);
}

TEST_F(NewSubmission, has_not_ended_where_no_listing_has_it) {
  there_.list(suite_ / "submissions");
  there_.hears_of_its_own = false;
  const auto first = create(here_);
  EXPECT_NE(tests::refusal([&] { create(there_); }, core::ErrorKind::kTransient).find("is not listed yet"),
            std::string::npos);
  EXPECT_EQ(count(), 1U);
}

}  // namespace
}  // namespace resolute::operations::new_submission_test
