#include "core/progress.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <functional>
#include <string>

namespace resolute::core::progress_test {
namespace {

using std::chrono::seconds;

TEST(Progress, tells_share_rate_and_time_left) {
  EXPECT_EQ("packing 50/200 (25 %, 5/s, 30 s left)", Progress::line("packing", 50, 200, seconds(10)));
  EXPECT_EQ("packing 0/200", Progress::line("packing", 0, 200, seconds(10)));
  EXPECT_EQ("reading 50 (5/s)", Progress::line("reading", 50, 0, seconds(10)));
}

TEST(Progress, work_that_goes_on_estimates_from_what_was_done_since) {
  EXPECT_EQ("training 60/100 (60 %, 1/s, 40 s left)", Progress::line("training", 60, 100, seconds(10), 50));
  EXPECT_EQ("training 50/100", Progress::line("training", 50, 100, seconds(10), 50));
}

TEST(Progress, shows_the_speed_that_it_is_given) {
  EXPECT_EQ("training 60/100 (60 %, 210 images/s, 7 s left)",
            Progress::line("training", 60, 100, seconds(10), 0, "210 images/s"));
}

TEST(Progress, slow_work_is_told_by_the_minute_or_hour) {
  for (const auto& [elapsed, rate] : {std::pair(1, "8/s"), std::pair(8, "1/s"), std::pair(9, "53/min"),
                                      std::pair(480, "1/min"), std::pair(481, "60/h")})
    EXPECT_EQ(fmt::format("reading 8 ({})", rate), Progress::line("reading", 8, 0, seconds(elapsed)));
}

TEST(Progress, a_line_is_cut_to_the_columns_by_letters_and_not_by_bytes) {
  EXPECT_EQ("packing 50/200", Progress::fitted("packing 50/200", 14));
  EXPECT_EQ("packing 50/20…", Progress::fitted("packing 50/2000", 14));
  EXPECT_EQ("packing", Progress::fitted("packing", 0)) << "nobody knows how many there are";
  for (std::size_t columns = 1; columns < 6; ++columns) {
    std::string expected;
    for (std::size_t i = 1; i < columns; ++i) expected += "é";
    EXPECT_EQ(expected + "…", Progress::fitted("ééééééé", columns));
  }
}

TEST(Progress, what_is_written_beside_it_is_written_once_wherever_there_is_no_line) {
  Progress progress("packing", 2);
  testing::internal::CaptureStderr();
  progress.update(1);
  int written = 0;
  write_beside_progress([&] { ++written; });
  EXPECT_EQ("", testing::internal::GetCapturedStderr());
  EXPECT_EQ(1, written);
}

// The states that a reader finds after `work`, to which the variable names the socket.
std::string read_after(int reader, const std::string& named, const std::function<void()>& work) {
  ::setenv("RESOLUTE_PROGRESS_FD", named.c_str(), 1);
  work();
  ::unsetenv("RESOLUTE_PROGRESS_FD");
  std::array<char, 4096> bytes{};
  const auto got = ::recv(reader, bytes.data(), bytes.size(), MSG_DONTWAIT);
  return {bytes.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0))};
}

TEST(Progress, a_program_that_draws_by_itself_reads_states) {
  std::array<int, 2> ends{};
  ASSERT_EQ(0, ::socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()));
  const auto work = [] {
    Progress progress("packing \"a\" \xff", 3);
    for (std::uint64_t done = 1; done <= 3; ++done) progress.update(done);
  };
  EXPECT_EQ("3 3 packing \"a\" \xff\n", read_after(ends[0], std::to_string(ends[1]), work));
  for (const char* named : {"", "1x", "-1", "2", "99999999999"}) EXPECT_EQ("", read_after(ends[0], named, work));
  ::close(ends[0]);
  EXPECT_EQ("", read_after(-1, std::to_string(ends[1]), work)) << "nobody reads, and no signal comes of it";
  std::array<int, 2> pipe{};
  ASSERT_EQ(0, ::pipe2(pipe.data(), O_NONBLOCK));
  read_after(-1, std::to_string(pipe[1]), work);
  char byte = 0;
  EXPECT_EQ(-1, ::read(pipe[0], &byte, 1)) << "a pipe may be full, and would block";
  for (const int end : {ends[1], pipe[0], pipe[1]}) ::close(end);
}

TEST(Progress, more_than_was_announced_leaves_nothing) {
  EXPECT_EQ("reading 12/10 (120 %, 1/s, 0 s left)", Progress::line("reading", 12, 10, seconds(12)));
}

}  // namespace
}  // namespace resolute::core::progress_test
