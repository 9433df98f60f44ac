#include "orchestrator/store/live.h"

#include <gtest/gtest.h>

#include "tests/support/equal.h"
#include "tests/support/temporary_folder.h"

namespace resolute::tests::live_test {
namespace {

using namespace orchestrator;

TEST(Live, what_is_written_is_read_and_what_is_not_known_stays_so) {
  const TemporaryFolder folder;
  auto& files = core::real_file_system();
  EXPECT_EQ(read_live(files, folder.path()), std::nullopt);
  LiveStatus status;
  status.epoch = 7;
  status.at = Instant(Milliseconds(1'234'567));
  status.agents = {{"node", 4, 1, 2, 0, "drained"}, {"other", 1, 1, 0, 0, ""}};
  LiveAttempt known{{std::string(64, 'c')}, 2, {"node", "other"}, 3, 12.5, 40, 300, -3.25, 210, 60};
  LiveAttempt on_a_gpu = known;
  on_a_gpu.gpu = {94, 1980, 31231, 81559};
  LiveAttempt on_a_slice = known;
  on_a_slice.gpu = {-1, 1980, 31231, 81559};
  status.running = {known, {{std::string(64, 'd')}, 1, {"node"}, 1, 0.5}, on_a_gpu, on_a_slice};
  write_live(files, folder.path(), status);
  EXPECT_EQ(read_live(files, folder.path()), status);
  status.seconds_left = 99;
  status.store = {"cannot write 'journal-000001' (No space left on device)", 12.5};
  status.retried = {{{std::string(64, 'e')}, 3, "storage-full", "worker: no room", 4.5}};
  write_live(files, folder.path(), status);
  EXPECT_EQ(read_live(files, folder.path()), status);
  remove_live(files, folder.path());
  EXPECT_EQ(read_live(files, folder.path()), std::nullopt);
}

TEST(Live, a_gpu_is_told_of_as_far_as_its_progress_line_can_be_understood) {
  LiveAttempt live;
  read_progress_line(
      R"({"step":1,"gpu":{"busy_percent":94,"clock_mhz":"x","memory_mib":31231,"memory_total_mib":81559}})", live);
  ASSERT_TRUE(live.gpu);
  EXPECT_EQ(gpu_text(*live.gpu), "94 %, 30.5 of 79.6 GiB");
  EXPECT_EQ(gpu_text({-1, 1980, -1, 3}), "1980 MHz");
  read_progress_line(R"({"step":2,"gpu":7})", live);
  EXPECT_FALSE(live.gpu);
}

TEST(Live, runs_that_share_their_jobs_are_done_as_soon_as_their_speeds_together_allow) {
  LiveStatus one, two, unknown;
  one.seconds_left = 60;
  two.seconds_left = 30;
  one.at = Instant(Milliseconds(5));
  two.at = Instant(Milliseconds(9));
  one.agents = {{"node", 4, 1, 2, 0, "drained"}};
  two.agents = unknown.agents = {{"other", 1, 1, 0, 0, ""}};
  two.running = {{{std::string(64, 'd')}, 1, {"other"}, 1, 0.5}};
  const LiveStatus both = together({one, two});
  EXPECT_DOUBLE_EQ(both.seconds_left, 20);
  EXPECT_EQ(both.at, two.at);
  EXPECT_EQ(both.agents.size(), 2U);
  EXPECT_EQ(both.running, two.running);
  EXPECT_EQ(both.store, std::nullopt);
  unknown.store = {"EIO", 1};
  EXPECT_EQ(together({one, unknown}).store, unknown.store);
  EXPECT_EQ(together({one}), one);
  EXPECT_DOUBLE_EQ(together({one, unknown}).seconds_left, 60);
  EXPECT_EQ(together({unknown, unknown}).seconds_left, -1);
}

TEST(Live, of_several_runs_the_newest_retries_are_shown) {
  LiveStatus one, two;
  for (int i = 0; i < 8; ++i) {
    one.retried.push_back({{std::string(64, 'a')}, 1, "crash", "", 2.0 * i});
    two.retried.push_back({{std::string(64, 'b')}, 1, "crash", "", 2.0 * i + 1});
  }
  const auto retried = together({one, two}).retried;
  ASSERT_EQ(retried.size(), kMostRetried);
  for (std::size_t i = 0; i < retried.size(); ++i) EXPECT_EQ(retried[i].seconds, static_cast<double>(i));
}

TEST(Live, runs_of_a_part_each_are_done_with_the_last_but_only_once_no_job_waits_for_a_run) {
  LiveStatus one, two;
  one.seconds_left = 60;
  two.seconds_left = 30;
  one.running = {{{std::string(64, 'c')}, 1, {"node"}, 1, 0.5}};
  two.running = {{{std::string(64, 'd')}, 1, {"other"}, 1, 0.5}};
  EXPECT_DOUBLE_EQ(side_by_side({one, two}, 2).seconds_left, 60);
  EXPECT_EQ(side_by_side({one, two}, 10).seconds_left, -1) << "eight jobs have not begun";
  EXPECT_EQ(side_by_side({one, two}, 2).running.size(), 2U);
  two.seconds_left = -1;
  EXPECT_EQ(side_by_side({one, two}, 2).seconds_left, -1);
}

TEST(Live, a_torn_or_foreign_file_is_none) {
  const TemporaryFolder folder;
  auto& files = core::real_file_system();
  for (const char* text : {"", "{", "[]", R"({"agents":7,"at":1,"epoch":1,"running":[]})", R"({"epoch":1})"}) {
    core::write_atomic(files, folder.path() / "live.json", text);
    EXPECT_EQ(read_live(files, folder.path()), std::nullopt) << text;
  }
}

// A reader reckons with its times.
TEST(Live, a_time_that_no_run_has_is_not_believed) {
  const TemporaryFolder folder;
  auto& files = core::real_file_system();
  const std::string whole = R"({"agents":[],"at":1700000000000,"epoch":1,"running":[],"seconds_left":60})";
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string text = whole;
    core::write_atomic(files, folder.path() / "live.json", text.replace(text.find(from), from.size(), to));
    return read_live(files, folder.path());
  };
  EXPECT_EQ(with("60", "61")->seconds_left, 61);
  EXPECT_FALSE(with("1700000000000", "9000000000000000000"));
  EXPECT_FALSE(with("1700000000000", "-1"));
  // The steps that a worker reports may come to any time: the run is alive all the same.
  for (const char* seconds : {"1e300", "1e13", "-5"}) EXPECT_EQ(with("60", seconds)->seconds_left, -1) << seconds;
}

}  // namespace
}  // namespace resolute::tests::live_test
