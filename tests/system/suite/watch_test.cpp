// A run that is at work, looked at and spoken to from outside: suite status --watch, explain, suite cancel and drain.

#include <algorithm>

#include "core/files/json.h"
#include "tests/system/tiny_suite.h"

namespace resolute::system_test::watch_test {
namespace {

std::vector<std::string> on_suite(const std::string& command, const fs::path& store,
                                  const std::vector<std::string>& more = {}) {
  return joined({"suite", command, kTinySuite, "--store", store}, more);
}

// Long enough that it is at work when it is asked for something.
const std::vector<std::string> kLong = {"--set", "train.steps=100000", "--checkpoint-every", "20"};

std::vector<std::string> long_run(const fs::path& store, const std::string& slots) {
  return on_suite("run", store, joined(kLong, {"--slots", slots}));
}

core::Json long_status(const fs::path& store) {
  const core::Json output = json_of(resolute(on_suite("status", store, {"--set", "train.steps=100000", "--json"})));
  return output;
}

// What `suite status` says of the training that runs, once one has told its step and its speed.
core::Json wait_for_a_step(const fs::path& store) {
  core::Json found;
  EXPECT_TRUE(wait_until([&] {
    found = training_at_work(long_status(store), 100000);
    return !found.is_null() && !found["images_per_second"].is_null();
  }));
  return found;
}

TEST(WatchTest, without_a_run_at_work_there_is_nobody_to_ask) {
  ScratchFolder scratch;
  const fs::path store = scratch / "store";
  expect_refusal(resolute(on_suite("cancel", store)), 2, "no run of suite 'tiny' is at work");
  expect_refusal(resolute(on_suite("drain", store, {"--host", "node1"})), 2, "no run of suite 'tiny' is at work");
  expect_refusal(resolute(on_suite("cancel", store, {"--job", "0000"})), 2, "names no job of suite 'tiny'");
  expect_refusal(resolute({"explain", "0000", "--store", store}), 2, "has no journal");
  expect_refusal(resolute({"explain", "zzzz", "--store", store}), 2, "has no journal");
  expect_refusal(resolute(on_suite("status", store, {"--watch", "--interval", "0"})), 2, "--interval is 0");
  expect_refusal(resolute(on_suite("run", store, {"--slots", "100001"})), 2, "--slots 100001 is too large");
  EXPECT_FALSE(fs::exists(store));
}

TEST(WatchTest, a_reader_that_leaves_ends_a_watch_of_what_does_not_change) {
  ScratchFolder scratch;
  for (const Words& words :
       {on_suite("status", scratch / "store", {"--watch", "--interval", "0.1"}),
        Words{"suite", "watch", "--store", scratch / "store", "--interval", "0.1", "--", kTinySuite}}) {
    std::string command = "timeout 60 " + (kBin / "resolute").string();
    for (const std::string& word : words) command += " " + word;
    const auto output = run_program({"/bin/bash", "-c", "{ " + command + "; echo \"code $?\" >&2; } | head -1"});
    EXPECT_THAT(output.err, HasSubstr("code 0\n")) << command;
    EXPECT_THAT(output.out, StartsWith("tiny: 0 of 11 jobs"));
  }
}

TEST(WatchTest, a_watch_prints_a_block_for_each_change_and_leaves_with_the_run) {
  ScratchFolder scratch;
  const fs::path store = scratch / "store";
  Background watch(on_suite("status", store, {"--watch", "--interval", "0.1"}), scratch / "blocks");
  Background lines(on_suite("status", store, {"--watch", "--interval", "0.1", "--json"}), scratch / "lines");
  Background run(on_suite("run", store, {"--slots", "2"}), scratch / "run");
  EXPECT_EQ(run.wait(), 0) << text_of(scratch / "run");
  EXPECT_EQ(watch.wait(), 0);
  EXPECT_EQ(lines.wait(), 0);
  const std::string blocks = text_of(scratch / "blocks");
  EXPECT_THAT(blocks, Not(HasSubstr("\x1b")));  // no terminal
  EXPECT_THAT(blocks, StartsWith("tiny: 0 of 11 jobs succeeded; "));
  EXPECT_THAT(blocks, HasSubstr("tiny: 11 of 11 jobs succeeded; 0 running"));
  EXPECT_THAT(blocks, HasSubstr("every result is there"));
  int done = -1;
  for (const std::string& line : lines_of(text_of(scratch / "lines"))) {
    const int now = core::parse_json(line, "watch")["jobs"]["succeeded"].get<int>();
    EXPECT_GE(now, done);
    done = now;
  }
  EXPECT_EQ(done, 11);
}

TEST(WatchTest, status_shows_steps_and_cancel_ends_the_run_so_that_it_can_go_on) {
  ScratchFolder scratch;
  const fs::path store = scratch / "store";
  Background run(long_run(store, "1"), scratch / "run");
  const auto attempt = wait_for_a_step(store);
  const std::string job = attempt["job"];
  EXPECT_EQ(attempt["steps"], 100000);
  EXPECT_EQ(attempt["attempt"], 1);
  EXPECT_EQ(attempt["ranks"], 1);
  EXPECT_GT(attempt["images_per_second"].get<double>(), 0);
  EXPECT_THAT(
      succeeded(resolute(on_suite("status", store, {"--set", "train.steps=100000"}))).out,
      AllOf(StartsWith("tiny: "), HasSubstr("; 1 running"), HasSubstr("\nRUNNING"), HasSubstr(job.substr(0, 12))));

  auto explained = succeeded(resolute({"explain", job.substr(0, 12), "--store", store}));
  EXPECT_THAT(explained.out, HasSubstr("suite tiny: training"));
  EXPECT_THAT(explained.out, HasSubstr("now running: attempt 1"));

  const auto cancelled = succeeded(resolute(on_suite("cancel", store)));
  EXPECT_EQ(cancelled.out, "suite tiny is being stopped\n");
  EXPECT_EQ(run.wait(), 75) << text_of(scratch / "run");
  EXPECT_FALSE(fs::exists(store / "suites/tiny/live.json"));
  EXPECT_EQ(long_status(store)["live"], false);
  explained = resolute({"explain", job, "--store", store, "--json"});
  const auto story = core::parse_json(explained.out, "explain")["suites"][0];
  EXPECT_EQ(story["state"], "ready");
  EXPECT_NE(story["now"].get<std::string>().find("start the suite again"), std::string::npos);
  const auto& events = story["events"];
  EXPECT_TRUE(std::any_of(events.begin(), events.end(), [](const core::Json& event) {
    return event["type"] == "attempt-ended" && event["event"]["cause"] == "interrupted";
  }));
}

TEST(WatchTest, cancel_of_a_job_gives_up_what_needs_it_and_drain_is_seen_and_undone) {
  ScratchFolder scratch;
  const fs::path store = scratch / "store";
  Background run(long_run(store, "1"), scratch / "run");
  const std::string job = wait_for_a_step(store)["job"];
  const std::string host = long_status(store)["agents"][0]["host"];
  succeeded(resolute(on_suite("drain", store, {"--host", host})));
  EXPECT_TRUE(wait_until([&] { return long_status(store)["agents"][0]["state"] == "drained"; }));

  succeeded(resolute(on_suite("drain", store, {"--host", host, "--undo"})));
  EXPECT_TRUE(wait_until([&] { return long_status(store)["agents"][0]["state"] == ""; }));

  succeeded(resolute(on_suite("cancel", store, {"--job", job.substr(0, 12), "--set", "train.steps=100000"})));
  // The job and its evaluation.
  EXPECT_TRUE(wait_until([&] { return long_status(store)["failures"].size() == 2; }));
  const auto status = long_status(store);
  EXPECT_EQ(status["live"], true);
  EXPECT_TRUE(std::any_of(status["failures"].begin(), status["failures"].end(), [&](const core::Json& failure) {
    return failure["job"] == job;
  })) << status;
  // Another training takes its place.
  EXPECT_TRUE(wait_until([&] { return wait_for_a_step(store)["job"] != job; }));
  succeeded(resolute(on_suite("cancel", store)));
  EXPECT_EQ(run.wait(), 75) << text_of(scratch / "run");
}

TEST(WatchTest, on_a_terminal_it_redraws_and_leaves_at_q_with_the_terminal_as_it_was) {
  ScratchFolder scratch;
  core::SpawnRequest request;
  request.environment = program_environment();
  request.environment["TERM"] = "xterm";
  request.environment.erase("NO_COLOR");
  const std::string watch = (kBin / "resolute").string() + " suite status " + kTinySuite.string() + " --store " +
                            (scratch / "store").string() + " --watch --interval 0.1";
  // q once it has redrawn: what is typed before it listens is thrown away with the terminal's line discipline.
  request.arguments = {"env",
                       "-C",
                       scratch.path(),
                       "sh",
                       "-c",
                       "(until grep -q '\x1b\\[3A' drawn; do sleep 0.1; done; printf q) | "
                       "script -qefc 'stty -a > before; " +
                           watch + " && stty -a > after' drawn"};
  const auto output = succeeded(core::run_command(std::move(request), tests::kPatience));
  EXPECT_THAT(output.out, HasSubstr("\x1b[1mtiny: 0 of 11 jobs succeeded"));
  EXPECT_THAT(output.out, HasSubstr("\x1b[3A"));  // over the block before
  EXPECT_EQ(text_of(scratch / "after"), text_of(scratch / "before"));
}

}  // namespace
}  // namespace resolute::system_test::watch_test
