#include "orchestrator/store/claim.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cerrno>
#include <thread>

#include "orchestrator/journal/owner.h"
#include "tests/support/forwarding_file_system.h"
#include "tests/support/manual_clock.h"
#include "tests/support/temporary_folder.h"

namespace resolute::tests::claim_test {
namespace {

using namespace orchestrator;
using std::chrono::milliseconds;
using testing::HasSubstr;

constexpr auto kLease = milliseconds(1000);

class ClaimTest : public testing::Test {
 protected:
  ClaimTest() {
    files_.create_directories(store_.job_folder(job_));
    own("one", 1);
    own("two", 1);
  }
  static experiments::StoreLayout with_suites(const std::filesystem::path& folder) {
    const experiments::StoreLayout store(folder);
    for (const char* suite : {"one", "two"}) core::real_file_system().create_directories(store.suite_folder(suite));
    return store;
  }
  Claims claims(const std::string& suite, std::int64_t epoch = 1) {
    return Claims(files_, clock_, store_, JobClaim{suite, epoch, suite + std::to_string(epoch)}, kLease);
  }
  void own(const std::string& suite, std::int64_t counter, bool ended = false) {
    Owner owner = this_owner();
    owner.counter = counter;
    owner.ended = ended;
    write_owner(files_, store_.suite_folder(suite), 1, owner);
  }

  TemporaryFolder folder_;
  core::FileSystem& files_ = core::real_file_system();
  tests::ManualClock clock_;
  experiments::StoreLayout store_ = with_suites(folder_.path());
  experiments::JobId job_{std::string(64, 'a')};
  Claims one_ = claims("one");
  Claims two_ = claims("two");
};

TEST_F(ClaimTest, one_run_has_a_job_until_it_gives_it_back) {
  EXPECT_EQ(one_.take(job_), std::nullopt);
  EXPECT_EQ(one_.take(job_), std::nullopt);
  EXPECT_EQ(two_.take(job_), "run 1 of suite 'one' works on it");
  two_.release(job_);
  EXPECT_TRUE(two_.take(job_));
  one_.release(job_);
  EXPECT_EQ(two_.take(job_), std::nullopt);
  EXPECT_THAT(core::read_text(files_, claim_file(store_, job_)), HasSubstr("\"suite\":\"two\""));
}

TEST_F(ClaimTest, what_an_ended_run_left_is_taken_at_once_and_stays_taken) {
  EXPECT_EQ(one_.take(job_), std::nullopt);
  own("one", 2, true);
  EXPECT_EQ(two_.take(job_), std::nullopt);
  own("one", 3);
  one_.release(job_);
  EXPECT_TRUE(one_.take(job_));
}

TEST_F(ClaimTest, a_runs_file_that_was_removed_is_made_again_but_not_its_folder) {
  const experiments::JobId other{std::string(64, 'b')};
  files_.create_directories(store_.job_folder(other));
  EXPECT_EQ(one_.take(job_), std::nullopt);
  files_.remove(store_.suite_folder("one") / "claim-000001");
  EXPECT_EQ(one_.take(other), std::nullopt);
  EXPECT_EQ(one_.take(job_), std::nullopt) << "a link to the first file";
  EXPECT_TRUE(two_.take(job_));
  one_.release(job_);
  one_.release(other);
  EXPECT_EQ(two_.take(job_), std::nullopt);
  one_.release(job_);
  EXPECT_TRUE(files_.exists(claim_file(store_, job_))) << "it is the other's now";
  std::filesystem::remove_all(store_.suite_folder("one"));
  EXPECT_THAT([&] { one_.take(other); },
              testing::Throws<core::RuntimeError>(testing::Property(&core::RuntimeError::is_storage, true)));
  EXPECT_FALSE(files_.exists(store_.suite_folder("one")));
  one_.release(other);  // throws nothing
}

// BeeGFS before 7.4, AFS.
class LinksWithinFolders final : public ForwardingFileSystem {
 public:
  explicit LinksWithinFolders(int refusal) : refusal_(refusal) {}
  bool link(const std::filesystem::path& from, const std::filesystem::path& to) override {
    if (from.parent_path() != to.parent_path()) throw core::system_error("a link cannot be made", refusal_);
    return ForwardingFileSystem::link(from, to);
  }

 private:
  int refusal_;
};

TEST_F(ClaimTest, a_store_that_links_within_folders_alone_has_claims_all_the_same) {
  for (const int refusal : {EPERM, EXDEV, EMLINK, EOPNOTSUPP}) {
    LinksWithinFolders files(refusal);
    Claims one(files, clock_, store_, JobClaim{"one", 1, "one1"}, kLease);
    Claims two(files, clock_, store_, JobClaim{"two", 1, "two1"}, kLease);
    EXPECT_EQ(one.take(job_), std::nullopt);
    EXPECT_EQ(one.take(job_), std::nullopt);
    EXPECT_EQ(two.take(job_), "run 1 of suite 'one' works on it");
    two.release(job_);
    EXPECT_TRUE(two.take(job_));
    one.release(job_);
    EXPECT_EQ(two.take(job_), std::nullopt);
    two.release(job_);
    EXPECT_EQ(files.list(store_.job_folder(job_)).size(), 0U) << "nothing is left behind";
  }
}

TEST_F(ClaimTest, a_later_run_of_a_suite_takes_the_earlier_ones_at_once) {
  Claims before = claims("one", 1);
  Claims after = claims("one", 2);
  EXPECT_EQ(before.take(job_), std::nullopt);
  EXPECT_EQ(after.take(job_), std::nullopt);
  own("one", 1);
  EXPECT_TRUE(before.take(job_));
}

// The suite's folder was moved away, so that its epochs began anew; the owner's file of that number is the new run's
// own.
TEST_F(ClaimTest, a_run_takes_those_of_an_earlier_run_with_the_number_of_its_own) {
  core::write_atomic(files_, claim_file(store_, job_),
                     R"({"epoch":1,"run":"of before","suite":"one"})"
                     "\n");
  EXPECT_TRUE(two_.take(job_)) << "another suite's run cannot know";
  EXPECT_EQ(one_.take(job_), std::nullopt);
}

TEST_F(ClaimTest, an_owner_that_stands_still_loses_its_claims_after_the_lease) {
  EXPECT_EQ(one_.take(job_), std::nullopt);
  EXPECT_TRUE(two_.take(job_));
  clock_.advance(kLease - milliseconds(1));
  EXPECT_TRUE(two_.take(job_));
  own("one", 2);
  clock_.advance(milliseconds(2));
  EXPECT_TRUE(two_.take(job_));
  clock_.advance(kLease);
  EXPECT_TRUE(two_.take(job_));
  clock_.advance(milliseconds(1));
  EXPECT_EQ(two_.take(job_), std::nullopt);
}

TEST_F(ClaimTest, one_that_cannot_be_read_is_left_alone_for_the_lease) {
  for (const char* text : {"", "{", R"({"epoch":1,"run":"x","suite":"../../etc"})"}) {
    files_.remove(claim_file(store_, job_));
    core::write_atomic(files_, claim_file(store_, job_), text);
    Claims one = claims("one");
    EXPECT_THAT(one.take(job_).value_or(""), HasSubstr("cannot be read"));
    clock_.advance(kLease + milliseconds(1));
    EXPECT_EQ(one.take(job_), std::nullopt);
  }
}

TEST_F(ClaimTest, runs_that_reach_for_the_same_jobs_get_each_job_once) {
  constexpr int kRuns = 6;
  constexpr int kJobs = 200;
  // All claims are there, of a run that has ended: every one of them has to be broken first.
  std::vector<experiments::JobId> jobs;
  {
    Claims gone = claims("one");
    for (int i = 0; i < kJobs; ++i) {
      jobs.push_back({fmt::format("{:064x}", i)});
      files_.create_directories(store_.job_folder(jobs.back()));
      ASSERT_EQ(gone.take(jobs.back()), std::nullopt);
    }
  }
  own("one", 2, true);
  std::vector<std::atomic<int>> taken(kJobs);
  std::vector<std::thread> runs;
  for (int run = 0; run < kRuns; ++run) {
    const std::string suite = "run" + std::to_string(run);
    files_.create_directories(store_.suite_folder(suite));
    own(suite, 1);
    runs.emplace_back([&, suite] {
      Claims mine = claims(suite);
      for (int i = 0; i < kJobs; ++i)
        if (!mine.take(jobs[static_cast<std::size_t>(i)])) ++taken[static_cast<std::size_t>(i)];
    });
  }
  for (auto& run : runs) run.join();
  int doubled = 0;
  for (auto& count : taken) {
    EXPECT_GE(count, 1);
    doubled += count > 1 ? 1 : 0;
  }
  // Four runs have to meet within microseconds for that; it is allowed, and rare.
  EXPECT_LE(doubled, kJobs / 50);
}

}  // namespace
}  // namespace resolute::tests::claim_test
