//! \file
//! What a rank's command line means, value by value; what no rank can be told is refused by name.

#include "workers/rank/command_line.h"

#include <gmock/gmock.h>

#include "core/error.h"
#include "core/process/secret.h"
#include "tests/support/refusal.h"

namespace resolute::workers::command_line_test {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

JobOptions read(const std::vector<std::string>& more) {
  std::vector<std::string> all{"--store", "s", "--job", "j"};
  all.insert(all.end(), more.begin(), more.end());
  return job_options(parse(all, run_options(), {"store", "job"}));
}

TEST(CommandLine, says_little_of_a_job_by_default) {
  const JobOptions options = read({});
  EXPECT_EQ("s", options.store);
  EXPECT_EQ("j", options.job);
  EXPECT_EQ(1, options.attempt);
  EXPECT_EQ(0, options.process_rank);
  EXPECT_EQ(1, options.process_ranks);
  EXPECT_FALSE(options.rendezvous);
  EXPECT_EQ("", options.raw_root);
  EXPECT_FALSE(options.follow_links);
  EXPECT_EQ(1, options.threads);
  EXPECT_EQ(0U, options.checkpoint_every);
  EXPECT_EQ(0U, options.evaluate_every);
  EXPECT_TRUE(options.keep_graphs);
  EXPECT_FALSE(options.fused_norm);
  EXPECT_FALSE(options.through_host);
  EXPECT_FALSE(options.trace);
  EXPECT_EQ(-1, options.progress_descriptor);
}

TEST(CommandLine, each_option_goes_where_it_belongs) {
  const JobOptions options = read({"--attempt",
                                   "3",
                                   "--process-rank",
                                   "1",
                                   "--process-ranks",
                                   "4",
                                   "--threads",
                                   "1024",
                                   "--raw-root",
                                   "r",
                                   "--follow-links",
                                   "--checkpoint-every",
                                   "7",
                                   "--evaluate-every",
                                   "2",
                                   "--recompute",
                                   "--fused-norm",
                                   "--through-host",
                                   "--trace",
                                   "t.json",
                                   "--steps",
                                   "2..5",
                                   "--progress-fd",
                                   "9"});
  EXPECT_EQ(3, options.attempt);
  EXPECT_EQ(1, options.process_rank);
  EXPECT_EQ(4, options.process_ranks);
  EXPECT_EQ(1024, options.threads);
  EXPECT_EQ("r", options.raw_root);
  EXPECT_TRUE(options.follow_links);
  EXPECT_EQ(7U, options.checkpoint_every);
  EXPECT_EQ(2U, options.evaluate_every);
  EXPECT_FALSE(options.keep_graphs);
  EXPECT_TRUE(options.fused_norm);
  EXPECT_TRUE(options.through_host);
  ASSERT_TRUE(options.trace);
  EXPECT_EQ("t.rank1.json", options.trace->file);
  EXPECT_EQ(2U, options.trace->first_step);
  EXPECT_EQ(5U, options.trace->last_step);
  EXPECT_EQ("", read({"--nvtx", "--steps", "1"}).trace->file);
  EXPECT_EQ(9, options.progress_descriptor);
}

TEST(CommandLine, a_rendezvous_has_a_host_a_port_limits_and_a_secret) {
  const auto rendezvous = [](const std::string& place) {
    const core::FileDescriptor secret = core::secret_pipe("hush");
    return *read({"--rendezvous", place, "--secret-fd", std::to_string(secret.get()), "--rendezvous-fd", "5",
                  "--rendezvous-timeout", "20", "--exchange-timeout", "30"})
                .rendezvous;
  };
  const Rendezvous named = rendezvous("node7:65535");
  EXPECT_EQ("node7", named.host);
  EXPECT_EQ(65535, named.port);
  EXPECT_EQ("hush", named.secret);
  EXPECT_EQ(5, named.listen_descriptor);
  EXPECT_EQ(20s, named.connect_limit);
  EXPECT_EQ(30s, named.collective_limit);
  EXPECT_EQ("fe80::1", rendezvous("[fe80::1]:80").host);
  for (const char* place : {"nowhere", ":80", "host:", "host:0", "host:65536", "host:80x", "host:-1", ""})
    EXPECT_EQ("--rendezvous '" + std::string(place) + "' is no HOST:PORT", tests::refusal([&] { rendezvous(place); }));
}

TEST(CommandLine, refuses_what_no_rank_can_be_told) {
  const auto refused = [](const std::vector<std::string>& more, const std::string& why) {
    EXPECT_THAT(tests::refusal([&] { read(more); }), HasSubstr(why));
  };
  refused({"--threads", "0"}, "--threads 0");
  refused({"--threads", "1025"}, "--threads 1025");
  refused({"--checkpoint-every", "-1"}, "--checkpoint-every -1");
  refused({"--evaluate-every", "-1"}, "--evaluate-every -1");
  refused({"--rendezvous", "host:80"}, "--secret-fd is missing");
  refused({"--attempt", "x"}, "--attempt");
  refused({"--thread", "1"}, "--thread");  // no abbreviations: a new option must not change what one means
  for (const std::vector<std::string>& half : {std::vector<std::string>{"--trace", "t"},
                                               {"--nvtx"},
                                               {"--steps", "1"},
                                               {"--trace", "t", "--nvtx", "--steps", "1"}})
    refused(half, "--steps goes with either --trace or --nvtx");
  refused({"stray"}, "positional");
  EXPECT_THAT(tests::refusal([] {
                parse({"--store", "s"}, run_options(), {"store", "job"});
              }),
              HasSubstr("--job is missing"));
}

}  // namespace
}  // namespace resolute::workers::command_line_test
