#include "cli/suite/status_view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/terminal.h"

namespace resolute::tests::status_view_test {
namespace {

using namespace cli;
using namespace testing;

experiments::JobId job(char digit) { return {std::string(64, digit)}; }

StatusView view_of_a_live_run() {
  StatusView view;
  view.suite = "tiny";
  view.status.jobs.succeeded = 3;
  view.status.jobs.running = 1;
  view.status.jobs.waiting = 7;
  view.status.jobs.failed = 1;
  view.status.live = true;
  view.status.failures = {{job('b'), "training b", "exit-code", "resolute-worker: it broke"}};
  view.labels = {{job('a'), "training a"}, {job('b'), "training b"}};
  orchestrator::LiveStatus live;
  live.epoch = 2;
  live.at = orchestrator::Instant(std::chrono::milliseconds(1'700'000'000'000));
  live.seconds_left = 3600;
  live.agents = {{"node1", 4, 1, 0, 0, ""}, {"node1", 4, 4, 0, 0, ""}, {"node2", 8, 8, 0, 0, "drained"}};
  orchestrator::LiveAttempt attempt;
  attempt.job = job('a');
  attempt.attempt = 2;
  attempt.hosts = {"node1", "node2"};
  attempt.ranks = 3;
  attempt.seconds = 75;
  attempt.step = 40;
  attempt.steps = 300;
  attempt.loss = 1.25;
  attempt.images_per_second = 210;
  attempt.seconds_left = 480;
  live.running = {attempt};
  view.live = live;
  view.now = live.at + std::chrono::seconds(1);
  return view;
}

std::string text_of(const StatusView& view, const Screen& screen) {
  std::string text;
  for (const auto& line : status_lines(view, screen)) text += line + "\n";
  return text;
}

TEST(StatusView, shows_counts_and_the_expected_end_and_what_runs_where_and_what_failed) {
  ::setenv("TZ", "UTC", 1);
  EXPECT_THAT(
      status_lines(view_of_a_live_run(), {}),
      ElementsAre("tiny: 3 of 12 jobs succeeded; 1 running, 0 ready, 7 waiting, 1 failed, 0 cancelled",
                  "██████░░░░░░░░░░░░░░░░░░ 25%", "a run is at work (epoch 2); done in about 1 h 00 min, at 23:13", "",
                  "RUNNING       WHAT        TRY  RANKS  HOST        STEP    LOSS  IMAGES/S       SINCE        LEFT",
                  "aaaaaaaaaaaa  training a    2      3  node1 +1  40/300  1.2500       210  1 min 15 s  8 min 00 s",
                  "", "NODE   SLOTS BUSY  STATE", "node1  3 of 8", "node2  0 of 8      drained", "",
                  "FAILED        WHAT        CAUSE      EVIDENCE",
                  "bbbbbbbbbbbb  training b  exit-code  resolute-worker: it broke"));
}

TEST(StatusView, says_what_runs_that_the_file_has_no_longer) {
  auto view = view_of_a_live_run();
  view.labels.clear();
  EXPECT_THAT(text_of(view, {}), HasSubstr("aaaaaaaaaaaa  (not in the suite's file any more)    2"));
  EXPECT_EQ(status_json(view)["running"][0]["label"], "");
}

TEST(StatusView, says_in_one_line_that_the_suite_was_edited_after_it_was_submitted) {
  auto view = view_of_a_live_run();
  EXPECT_FALSE(status_json(view)["suite_changed"]);
  view.suite_changed = true;
  EXPECT_THAT(
      text_of(view, {}),
      HasSubstr("\nthe suite file has changed since it was submitted, and the submission goes on with the old one;"));
  EXPECT_TRUE(status_json(view)["suite_changed"]);
}

TEST(StatusView, what_was_not_said_is_left_empty) {
  auto view = view_of_a_live_run();
  auto& attempt = view.live->running[0];
  attempt.step = attempt.steps = -1;
  attempt.images_per_second = attempt.seconds_left = -1;
  attempt.loss.reset();
  view.live->seconds_left = -1;
  const auto lines = status_lines(view, {});
  EXPECT_EQ(lines[2], "a run is at work (epoch 2)");
  EXPECT_THAT(lines[5], Not(HasSubstr("-1")));
  EXPECT_TRUE(status_json(view)["seconds_left"].is_null());
  EXPECT_TRUE(status_json(view)["running"][0]["step"].is_null());
}

TEST(StatusView, gpus_have_a_column_once_one_has_said_how_busy_it_is) {
  auto view = view_of_a_live_run();
  EXPECT_THAT(text_of(view, {}), Not(HasSubstr("GPU")));
  EXPECT_TRUE(status_json(view)["running"][0]["gpu"].is_null());
  view.live->running.push_back(view.live->running[0]);
  view.live->running[1].gpu = {94, 1980, 31231, 81559};
  const auto lines = status_lines(view, {});
  EXPECT_THAT(lines[4], HasSubstr("LEFT  GPU"));
  EXPECT_THAT(lines[6], HasSubstr("8 min 00 s  94 %, 30.5 of 79.6 GiB, 1980 MHz"));
  EXPECT_EQ(status_json(view)["running"][1]["gpu"]["busy_percent"], 94);
}

TEST(StatusView, a_negative_loss_is_shown) {
  auto view = view_of_a_live_run();
  view.live->running[0].loss = -0.5;
  EXPECT_THAT(status_lines(view, {})[5], HasSubstr("-0.5000"));
  EXPECT_EQ(status_json(view)["running"][0]["loss"], -0.5);
}

TEST(StatusView, says_when_a_run_has_fallen_silent) {
  auto view = view_of_a_live_run();
  view.now = view.live->at + std::chrono::seconds(90);
  EXPECT_EQ(status_lines(view, {})[2], "a run is at work (epoch 2), but has said nothing for 1 min 30 s");
}

TEST(StatusView, says_why_a_run_starts_nothing) {
  auto view = view_of_a_live_run();
  EXPECT_TRUE(status_json(view)["store"].is_null());
  const std::string calm = essence(view);
  view.live->store = {"cannot write 'journal-000001' (No space left on device)", 75};
  EXPECT_EQ(status_lines(view, {})[2],
            "a run is at work (epoch 2), but has started nothing for 1 min 15 s: the store fails (cannot write "
            "'journal-000001' (No space left on device))");
  EXPECT_EQ(status_json(view)["store"]["seconds"], 75);
  EXPECT_NE(essence(view), calm);
}

TEST(StatusView, tells_why_jobs_are_tried_again) {
  auto view = view_of_a_live_run();
  EXPECT_THAT(text_of(view, {}), Not(HasSubstr("AGAIN")));
  const std::string calm = essence(view);
  view.live->retried = {{job('b'), 3, "storage-full", "cannot write the pack (No space left on device)", 65}};
  EXPECT_THAT(text_of(view, {}), HasSubstr("AGAIN         WHAT        TRY  CAUSE              SINCE  EVIDENCE\n"
                                           "bbbbbbbbbbbb  training b    3  storage-full  1 min 05 s  cannot write the "
                                           "pack (No space left on device)\n"));
  EXPECT_EQ(status_json(view)["retried"][0]["cause"], "storage-full");
  EXPECT_NE(essence(view), calm);
}

TEST(StatusView, tells_why_a_host_is_not_used_and_that_the_agents_are_of_several_classes) {
  auto view = view_of_a_live_run();
  auto& agent = view.live->agents.front();
  agent.state = "without GPU 3";
  agent.why = "device-error: uncorrectable ECC error";
  view.live->classes = {"gpu=H100"};
  EXPECT_THAT(text_of(view, {}), HasSubstr("without GPU 3: device-error: uncorrectable ECC error\n"));
  EXPECT_THAT(text_of(view, {}), Not(HasSubstr("numeric classes")));
  view.live->classes.insert("gpu=A100");
  EXPECT_THAT(text_of(view, {}),
              HasSubstr("2 numeric classes, which differ in gpu (A100, H100); a row whose trials ran "
                        "in several gets a footnote\n"));
}

TEST(StatusView, tells_of_a_disk_that_is_nearly_full) {
  auto view = view_of_a_live_run();
  view.room = std::uint64_t{20} << 30;
  EXPECT_THAT(text_of(view, {}), Not(HasSubstr("disk")));
  view.room = 3 << 20;
  EXPECT_THAT(text_of(view, {}), HasSubstr("\nthe store's disk is full, or nearly: 3.0 MiB left\n"));
}

TEST(StatusView, names_the_log_of_what_failed_and_the_commands_that_tell_more) {
  auto view = view_of_a_live_run();
  view.status.failures.push_back({job('c'), "evaluation b", "needs-failed", "bbbbbbbbbbbb failed"});
  const std::string path = "/shared/my store/jobs/bb/" + job('b').hex + "/attempt-003-stderr";
  view.logs = {{job('b'), {path, {"Traceback (most recent call last):", "ValueError: no \x1b[2J such image"}}}};
  view.store = "/shared/my store";
  const auto lines = status_lines(view, {80, 0, false});
  ASSERT_GE(lines.size(), 6U);
  EXPECT_THAT(lines[lines.size() - 6], StartsWith("bbbbbbbbbbbb  training b"));
  EXPECT_EQ(lines[lines.size() - 5], "  log: " + path) << "a path that is cut is no path";
  EXPECT_EQ(lines[lines.size() - 4], "    Traceback (most recent call last):");
  EXPECT_EQ(lines[lines.size() - 3], "    ValueError: no ?[2J such image");
  EXPECT_THAT(lines[lines.size() - 2], StartsWith("cccccccccccc  evaluation b"));
  EXPECT_EQ(lines.back(),
            "→ `resolute logs bbbbbbbbbbbb --store '/shared/my store'` prints its log, `resolute explain bbbbbbbbbbbb "
            "--store '/shared/my store'` tells its story");
  EXPECT_EQ(status_json(view)["failures"][0]["log"], path);
  EXPECT_EQ(status_json(view)["failures"][0]["log_end"].size(), 2U);
  EXPECT_TRUE(status_json(view)["failures"][1]["log"].is_null());
}

TEST(StatusView, escape_sequences_of_a_worker_do_not_reach_the_terminal) {
  auto view = view_of_a_live_run();
  view.status.failures[0].evidence =
      "\x1b]0;title\x07 and \xc2\x9b"
      "2J\r\n";
  for (const bool colour : {false, true}) {
    const auto lines = status_lines(view, {0, 0, colour});
    EXPECT_THAT(lines.back(), HasSubstr("?]0;title? and ?2J??"));
    for (const auto& line : lines) EXPECT_EQ(line.find_first_of("\r\n\x07"), std::string::npos);
  }
}

TEST(StatusView, fits_the_terminal_whatever_its_size) {
  auto view = view_of_a_live_run();
  for (int i = 0; i < 40; ++i) view.live->running.push_back(view.live->running.front());
  for (int i = 0; i < 9; ++i) view.status.failures.push_back(view.status.failures.front());
  for (const int rows : {1, 5, 10, 14, 24, 60})
    for (const int columns : {1, 20, 80}) {
      const auto lines = status_lines(view, {columns, rows, false});
      EXPECT_LE(lines.size(), static_cast<std::size_t>(rows));
      for (const auto& line : lines) {
        const auto continued = std::count_if(line.begin(), line.end(), [](char c) { return (c & 0xc0) == 0x80; });
        EXPECT_LE(line.size() - static_cast<std::size_t>(continued), static_cast<std::size_t>(columns)) << line;
      }
    }
  // 3 of the head, 3 × 2 of headings: 15 lines are left for 41 + 2 + 10.
  const auto text = text_of(view, {0, 24, false});
  EXPECT_THAT(text, HasSubstr("… and 36 more\n\nNODE"));
  EXPECT_THAT(text, HasSubstr("… and 4 more\n"));
}

TEST(StatusView, colours_only_where_they_are_wanted) {
  EXPECT_THAT(text_of(view_of_a_live_run(), {80, 24, true}), HasSubstr("\x1b[31mbbbbbbbbbbbb"));
  EXPECT_THAT(text_of(view_of_a_live_run(), {80, 24, false}), Not(HasSubstr("\x1b")));
}

TEST(StatusView, progress_alone_is_no_new_block_but_every_change_of_state_is) {
  const auto view = view_of_a_live_run();
  auto later = view;
  later.live->running[0].step = 41;
  later.live->running[0].seconds = 80;
  later.live->seconds_left = 3000;
  later.now += std::chrono::seconds(5);
  EXPECT_EQ(essence(view), essence(later));
  later.status.jobs.succeeded += 1;
  EXPECT_NE(essence(view), essence(later));
  later = view;
  later.live->running[0].attempt = 3;
  EXPECT_NE(essence(view), essence(later));
  later = view;
  later.live->agents[0].state = "excluded";
  EXPECT_NE(essence(view), essence(later));
}

TEST(StatusView, json_has_what_scripts_read) {
  const auto json = status_json(view_of_a_live_run());
  EXPECT_EQ(json["jobs"]["succeeded"], 3);
  EXPECT_EQ(json["failures"][0]["cause"], "exit-code");
  EXPECT_EQ(json["running"][0]["label"], "training a");
  EXPECT_EQ(json["agents"].size(), 3U);
  auto view = view_of_a_live_run();
  view.live.reset();
  EXPECT_FALSE(status_json(view).contains("running"));
}

TEST(StatusView, durations_read_well) {
  EXPECT_EQ(duration_text(-1), "");
  EXPECT_EQ(duration_text(0), "0 s");
  EXPECT_EQ(duration_text(59.6), "1 min 00 s");
  EXPECT_EQ(duration_text(200), "3 min 20 s");
  EXPECT_EQ(duration_text(7500), "2 h 05 min");
  EXPECT_EQ(duration_text(270000), "3 d 03 h");
}

TEST(Redraw, draws_each_frame_over_the_one_before) {
  Redraw redraw;
  EXPECT_EQ(redraw.frame({"a", "b"}), "\x1b[?7la\x1b[K\nb\x1b[K\n\x1b[J\x1b[?7h");
  EXPECT_EQ(redraw.frame({"c"}), "\x1b[?7l\r\x1b[2Ac\x1b[K\n\x1b[J\x1b[?7h");
  EXPECT_THAT(redraw.frame({}), HasSubstr("\r\x1b[1A"));
}

}  // namespace
}  // namespace resolute::tests::status_view_test
