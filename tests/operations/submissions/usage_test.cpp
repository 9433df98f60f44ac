#include "operations/submissions/usage.h"

#include <gtest/gtest.h>

namespace resolute::operations::usage_test {
namespace {

using namespace std::chrono_literals;
using orchestrator::Instant;

constexpr slurm::Time kBegin{1'800'000'000s};

slurm::ScriptStart start(std::chrono::seconds from, std::optional<std::chrono::seconds> to, const char* nodes) {
  slurm::ScriptStart run;
  run.job = 12;
  run.begin = kBegin + from;
  if (to) run.end = kBegin + *to;
  run.node_list = nodes;
  return run;
}
StoredSubmission submission(std::vector<slurm::ScriptStart> runs, int nodes, int gpus) {
  StoredSubmission one;
  one.request.resources.nodes = nodes;
  one.request.resources.gpus_per_node = gpus;
  one.batches.emplace_back().runs = std::move(runs);
  return one;
}
operations::TimelineRun run(std::chrono::seconds from, std::chrono::seconds to, int nodes = 1, bool going_on = false) {
  return {Instant(kBegin + from), Instant(kBegin + to), going_on, "", nodes};
}

operations::TimelineAttempt attempt(int slots, int gpus) {
  operations::TimelineAttempt one;
  one.slots = slots;
  one.gpus = gpus;
  one.begin = Instant(kBegin + 10s);
  one.end = Instant(kBegin + 30s);
  return one;
}

TEST(Usage, of_starts_is_their_nodes_and_what_was_asked_for_of_each) {
  const auto usage = usage_of({submission({start(0s, 100s, "n[1-2]"), start(200s, 300s, "n1")}, 2, 4)}, {}, {});
  EXPECT_DOUBLE_EQ(usage.node_seconds, 300);
  EXPECT_DOUBLE_EQ(usage.gpu_seconds, 1200);
  EXPECT_EQ(usage.starts, 2);
  EXPECT_EQ(usage.silent, 0);
  EXPECT_DOUBLE_EQ(usage_of({submission({start(0s, 100s, "?[")}, 3, 0)}, {}, {}).node_seconds, 300) << "as asked for";
}

TEST(Usage, of_gpus_is_useful_up_to_what_was_kept_and_lost_by_cause_behind_it) {
  operations::Timeline timeline;
  const auto add = [&](int from, int to, std::optional<int> kept, operations::AttemptOutcome outcome) {
    auto one = attempt(1, 2);
    one.begin = Instant(kBegin + std::chrono::seconds(from));
    one.end = Instant(kBegin + std::chrono::seconds(to));
    if (kept) one.kept = Instant(kBegin + std::chrono::seconds(*kept));
    one.outcome = outcome;
    timeline.attempts.push_back(one);
  };
  add(0, 50, 40, orchestrator::Cause::kDeviceError);
  add(50, 60, {}, orchestrator::Cause::kAgentLost);
  add(60, 90, 90, operations::AttemptDone());
  const auto usage = usage_of({submission({start(0s, 100s, "n1")}, 1, 2)}, timeline, Instant(kBegin + 100s));
  EXPECT_DOUBLE_EQ(usage.gpu_seconds, 200);
  EXPECT_DOUBLE_EQ(usage.useful_gpu_seconds, 140);
  EXPECT_DOUBLE_EQ(idle_gpu_seconds(usage), 20);
  EXPECT_EQ(gpu_use_text(usage), "70 % useful, 10 % idle, 10 % lost by agent-lost, 10 % by device-error");
  EXPECT_EQ(gpu_use_text({}), "");
}

TEST(Usage, of_gpus_that_are_set_aside_is_neither_idle_nor_lost) {
  operations::Timeline timeline;
  timeline.runs = {run(0s, 60s, 1, true)};
  timeline.runs[0].aside_gpu_seconds = 20;
  timeline.runs[0].gpus_aside = 1;
  const Instant now(kBegin + 100s);
  const auto of_start = usage_of({submission({start(0s, std::nullopt, "n1")}, 1, 2)}, timeline, now);
  EXPECT_DOUBLE_EQ(of_start.gpu_seconds, 200);
  EXPECT_DOUBLE_EQ(of_start.aside_gpu_seconds, 60) << "it stands aside since its last word";
  EXPECT_DOUBLE_EQ(idle_gpu_seconds(of_start), 140);
  EXPECT_EQ(gpu_use_text(of_start), "0 % useful, 70 % idle, 30 % set aside");
  const auto outside = usage_of({}, timeline, now);
  EXPECT_DOUBLE_EQ(outside.gpu_seconds, 60);
  EXPECT_DOUBLE_EQ(idle_gpu_seconds(outside), 0);
}

TEST(Usage, what_runs_may_yet_be_useful) {
  operations::Timeline timeline;
  timeline.attempts = {attempt(1, 1)};
  timeline.attempts[0].end.reset();
  EXPECT_DOUBLE_EQ(usage_of({}, timeline, Instant(kBegin + 60s)).useful_gpu_seconds, 50);
}

TEST(Usage, of_a_start_without_an_end_goes_to_the_last_word_of_a_run_in_it) {
  operations::Timeline timeline;
  timeline.runs = {run(10s, 60s)};
  const Instant now(kBegin + 1000s);
  const auto usage = usage_of({submission({start(0s, {}, "n1"), start(200s, 300s, "n1")}, 1, 1)}, timeline, now);
  EXPECT_DOUBLE_EQ(usage.node_seconds, 160);
  EXPECT_EQ(usage.silent, 1);
  EXPECT_EQ(usage.runs, 0);
  timeline.runs = {run(10s, 60s, 1, true)};
  EXPECT_DOUBLE_EQ(usage_of({submission({start(0s, {}, "n1")}, 1, 1)}, timeline, now).node_seconds, 1000) << "it runs";
  EXPECT_DOUBLE_EQ(usage_of({submission({start(0s, {}, "n1")}, 1, 1)}, {}, now).node_seconds, 0) << "nothing is known";
}

TEST(Usage, of_runs_without_slurm_is_their_hosts_and_the_gpus_of_their_attempts) {
  operations::Timeline timeline;
  timeline.runs = {run(0s, 100s, 3), run(500s, 600s, 0)};
  timeline.attempts = {attempt(2, 2), attempt(4, 0)};
  const auto alone = usage_of({}, timeline, {});
  EXPECT_DOUBLE_EQ(alone.node_seconds, 400);
  EXPECT_DOUBLE_EQ(alone.gpu_seconds, 40);
  EXPECT_EQ(alone.runs, 2);
  // The first of them was in an allocation: it is not counted twice.
  const auto both = usage_of({submission({start(0s, 110s, "n[1-3]")}, 3, 2)}, timeline, {});
  EXPECT_DOUBLE_EQ(both.node_seconds, 330 + 100);
  EXPECT_DOUBLE_EQ(both.gpu_seconds, 660);
  EXPECT_EQ(both.runs, 1);
}

}  // namespace
}  // namespace resolute::operations::usage_test
