#include "allocations/start/launcher_noise.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace resolute::allocations::launcher_noise_test {
namespace {

using Split = NoiseFilter::Split;

const std::string kRule = std::string(74, '-') + "\n";

// What SLURM 22.05 and Open MPI 4.1.4 wrote when a coordinator was killed on two nodes.
const std::string kCpuBinding = "srun: cluster configuration lacks support for cpu binding\n";
const std::string kMessage = kRule +
                             "WARNING: Open MPI failed to TCP connect to a peer MPI process.  This\n"
                             "should not happen.\n"
                             "\n"
                             "Your Open MPI job may now hang or fail.\n"
                             "\n"
                             "  Local host: n2\n"
                             "  PID:        19329\n"
                             "  Message:    connect() to 192.0.2.2:1028 failed\n"
                             "  Error:      Operation now in progress (115)\n" +
                             kRule;
const std::string kMore =
    "[n2:19329] 47 more processes have sent help message help-mpi-btl-tcp.txt / client connect fail\n";
const std::string kOnce =
    "[n2:19329] Set MCA parameter \"orte_base_help_aggregate\" to 0 to see all help / error messages\n";
const std::string kOne = "[n2:19329] 1 more process has sent help message help-mpi-btl-tcp.txt / client connect fail\n";
const std::string kContinued = "srun: got SIGCONT\n";
const std::vector<std::string> kNoise{kCpuBinding, kMessage, kMore, kOnce, kOne, kContinued};

const std::vector<std::string> kNews{
    "resolute: 5/11 done: evaluation baseline trial 0 'Baseline (HR)' on people\n",
    "srun: error: n1: task 0: Killed\n",
    "slurmstepd-n1: error: *** JOB 1 ON n1 CANCELLED AT 2026-11-25T03:12:55 DUE TO JOB REQUEUE ***\n",
    "srun: Job step aborted: Waiting up to 5 seconds for job step to finish.\n",
    "\n",
    "\r 10%\r 20%\r 30%\n",
    std::string("\0\xff\xfe\x1b[2J\0\n", 9),
    "srun: cluster configuration lacks support for cpu binding, and more\n",
    "srun: cluster configuration lacks support for cpu binding\r\n",
    "srun: got SIGCONT and something else\n",
    // Another message between rules than the one that is known.
    kRule + "mpirun has detected an attempt to run as root.\n" + kRule,
    std::string(73, '-') + "\n",
    "[n2:19329] 47 more processes have sent help message help-mpi-btl-tcp.txt / server accept failed\n",
    "[n2:x] Set MCA parameter \"orte_base_help_aggregate\" to 0 to see all help / error messages\n",
    std::string(9000, 'x') + "\n",
    "Traceback (most recent call last):\n  File \"train.py\", line 7, in step\nRuntimeError: CUDA error\n",
};

Split whole(const std::string& text, std::size_t piece) {
  NoiseFilter filter;
  Split all;
  for (std::size_t at = 0; at < text.size(); at += piece) {
    const Split split = filter.take(std::string_view(text).substr(at, piece));
    all.shown += split.shown;
    all.folded += split.folded;
  }
  all.shown += filter.let_go();
  EXPECT_FALSE(filter.holds());
  return all;
}

TEST(LauncherNoise, every_line_that_is_known_is_folded_and_nothing_else_in_whatever_pieces_it_comes) {
  std::string text;
  Split expected;
  for (std::size_t i = 0; i < kNews.size(); ++i) {
    const std::string& noise = kNoise[i % kNoise.size()];
    text += noise + kNews[i];
    expected.folded += noise;
    expected.shown += kNews[i];
  }
  for (const std::size_t piece : {1U, 2U, 3U, 7U, 64U, 100U, 4096U, 1000000U}) {
    const Split split = whole(text, piece);
    EXPECT_EQ(split.folded, expected.folded) << piece;
    EXPECT_EQ(split.shown, expected.shown) << piece;
  }
}

TEST(LauncherNoise, is_counted_by_kind) {
  NoiseFilter filter;
  for (const std::string& noise : kNoise) filter.take(noise);
  filter.take(kCpuBinding);
  const auto count = [&](Noise noise) { return filter.counts().at(static_cast<std::size_t>(noise)); };
  EXPECT_EQ(count(Noise::kCpuBinding), 2);
  EXPECT_EQ(count(Noise::kTcpConnect), 1 + 47 + 1);
  EXPECT_EQ(count(Noise::kAggregated), 1);
  EXPECT_EQ(count(Noise::kContinued), 1);
}

TEST(LauncherNoise, another_process_line_within_a_message_is_shown_at_once) {
  const auto middle = kMessage.find("  Local host");
  NoiseFilter filter;
  EXPECT_EQ(filter.take(kMessage.substr(0, middle)), Split{});
  EXPECT_EQ(filter.take("resolute: news\n").shown, "resolute: news\n");
  EXPECT_EQ(filter.take(kMessage.substr(middle)).folded, kMessage);
}

TEST(LauncherNoise, a_message_or_a_line_that_does_not_end_is_shown_as_it_came) {
  NoiseFilter filter;
  const std::string begin = kMessage.substr(0, kMessage.size() - kRule.size()) + "no end";
  const Split split = filter.take(begin);
  EXPECT_EQ(split.folded, "");
  EXPECT_TRUE(filter.holds());
  EXPECT_EQ(split.shown + filter.let_go(), begin);
  // What follows belongs to the line that was begun.
  EXPECT_EQ(filter.take("srun: got SIGCONT\n").shown, "srun: got SIGCONT\n");
  EXPECT_EQ(filter.take("srun: got SIGCONT\n").folded, "srun: got SIGCONT\n");
}

TEST(LauncherNoise, a_line_is_held_no_longer_than_a_known_one_can_be) {
  NoiseFilter filter;
  const std::string start(5000, 'x');
  EXPECT_EQ(filter.take(start).shown, start);
  EXPECT_EQ(filter.take("y").shown, "y");
}

}  // namespace
}  // namespace resolute::allocations::launcher_noise_test
