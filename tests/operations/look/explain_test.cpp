#include "operations/look/explain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "orchestrator/journal/owner.h"
#include "tests/orchestrator/support/read_journals.h"
#include "tests/support/refusal.h"
#include "tests/support/temporary_folder.h"

namespace resolute::tests::explain_test {
namespace {

using namespace operations;
using namespace orchestrator;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

Instant at(int second) { return Instant(std::chrono::seconds(1'700'000'000 + second)); }
experiments::JobId id(char digit) { return {"abcd" + std::string(60, digit)}; }

JobAdded added(int number, char digit, const std::string& label, std::vector<JobIndex> after = {}, int slots = 1) {
  return {
      .job = {number}, .id = id(digit), .kind = "training", .label = label, .after = std::move(after), .slots = slots};
}

AgentJoined joined(int number, const std::string& host, int slots) { return {{number}, host, slots, 0, 0, ""}; }

class Explain : public testing::Test {
 protected:
  void write(const std::string& suite, const std::vector<Event>& events) {
    write_run(store_.suite_folder(suite), events, at(0));
  }
  void own(const std::string& suite, std::int64_t epoch) {
    write_owner(files_, store_.suite_folder(suite), epoch, this_owner());
  }
  Explanation explain(const std::string& job, const std::optional<std::string>& suite = std::nullopt) {
    return operations::explain(files_, store_, job, suite, at(100));
  }
  static std::vector<std::string> texts(const JobStory& story) {
    std::vector<std::string> texts;
    for (const StoryLine& line : story.lines) texts.push_back(line.text);
    return texts;
  }

  core::FileSystem& files_ = core::real_file_system();
  TemporaryFolder folder_;
  experiments::StoreLayout store_{folder_.path()};
};

RankExited exit_of(int job, int attempt) {
  return {.job = {job}, .attempt = attempt, .code = 1, .evidence = "worker: it broke"};
}

TEST_F(Explain, tells_every_attempt_with_hosts_and_reasons_and_leaves_other_jobs_out) {
  write("one", {added(0, 'a', "training a"), added(1, 'b', "training b"), joined(0, "node7", 2),
                Placed{{0}, 1, {{{0}, 1}}, -1, "first in plan order", at(5)}, Started{{0}, 1},
                Placed{{1}, 1, {{{0}, 1}}, -1, "next", at(5)}, exit_of(0, 1),
                AttemptEnded{{0}, 1, Cause::kExitCode, "exit code 1: worker: it broke", true, at(9), "1 of 3"}});
  const auto explanation = explain("abcdaa");
  ASSERT_EQ(explanation.stories.size(), 1U);
  EXPECT_EQ(explanation.job, id('a'));
  EXPECT_FALSE(explanation.has_result);
  EXPECT_EQ(explanation.stories[0].label, "training a");
  EXPECT_EQ(explanation.stories[0].state, "ready");
  EXPECT_THAT(texts(explanation.stories[0]),
              ElementsAre(HasSubstr("started (epoch 1"), HasSubstr("is abcdaaaaaaaa: training a"),
                          "attempt 1 placed on node7 (agent 0, 1 slot): first in plan order", "attempt 1 runs",
                          HasSubstr("process rank 0 exited with 1 (worker: it broke)"),
                          AllOf(HasSubstr("exit-code"), HasSubstr("will run again (1 of 3)"))));
  EXPECT_THAT(explanation.stories[0].now, HasSubstr("start the suite again"));
}

TEST_F(Explain, tells_of_a_run_that_wants_a_job_as_before) {
  write("one", {added(0, 'a', "training a"), added(1, 'b', "training b"), added(2, 'c', "training c")});
  write("one", {JobsKept{{{{0}, {1}}}, {{{1}, {1}}}}, RunEnded{RunEnd::kIdle, ""}});
  const auto of_second_run = [&](const std::string& job) {
    std::vector<std::string> lines;
    const auto explained = explain(job);
    for (const StoryLine& line : explained.stories.at(0).lines)
      if (line.epoch == 2) lines.push_back(line.text);
    return lines;
  };
  EXPECT_THAT(of_second_run("abcda"), ElementsAre(HasSubstr("started"), "is wanted as before", HasSubstr("idle")));
  EXPECT_THAT(of_second_run("abcdb"),
              ElementsAre(HasSubstr("started"), "is wanted as before and has its result already", HasSubstr("idle")));
  EXPECT_THAT(of_second_run("abcdc"), ElementsAre());
}

TEST_F(Explain, names_the_needs_of_a_job_that_waits) {
  write("one", {added(0, 'a', "training a"), added(1, 'b', "evaluation b", {{0}})});
  EXPECT_THAT(explain("abcdbbbb").stories.at(0).now, HasSubstr("needs results of abcdaaaaaaaa training a (ready)"));
}

TEST_F(Explain, says_why_a_job_waits_in_a_run_that_is_at_work) {
  write("one", {added(0, 'a', "training a", {}, 2), added(1, 'b', "training b", {}, 2), joined(0, "node7", 2),
                Placed{{0}, 1, {{{0}, 2}}, -1, "first in plan order", at(5)}, Started{{0}, 1}});
  own("one", 1);
  const auto running = explain("abcda").stories.at(0);
  EXPECT_TRUE(running.live);
  EXPECT_EQ(running.now, "attempt 1 runs; placed at 2023-11-14T22:13:25.000Z");
  const auto waiting = explain("abcdb").stories.at(0);
  EXPECT_EQ(waiting.state, "ready");
  EXPECT_THAT(waiting.now, HasSubstr("slots"));
}

TEST_F(Explain, puts_the_suites_that_share_a_job_side_by_side) {
  write("one", {added(0, 'a', "training a")});
  write("two", {added(0, 'c', "training c"), added(1, 'a', "training a"), JobSucceeded{{1}, 0}});
  write("two", {added(0, 'c', "training c")});
  const auto explanation = explain("abcda");
  ASSERT_EQ(explanation.stories.size(), 2U);
  EXPECT_EQ(explanation.stories[0].suite, "one");
  EXPECT_EQ(explanation.stories[1].suite, "two");
  // The second run of "two" did not plan it: it is no part of its story.
  EXPECT_EQ(explanation.stories[1].lines.back().epoch, 1);
  EXPECT_EQ(explanation.stories[0].state, "ready");
  EXPECT_EQ(explanation.stories[1].state, "unplanned");
  EXPECT_EQ(explain("abcda", "two").stories.size(), 1U);
  const auto json = to_json(explanation);
  EXPECT_EQ(json["suites"][1]["events"].size(), explanation.stories[1].lines.size());
  EXPECT_EQ(json["suites"][1]["events"].back()["type"], "job-succeeded");
}

TEST_F(Explain, refuses_what_names_no_job_or_several) {
  write("one", {added(0, 'a', "training a"), added(1, 'b', "training b")});
  const auto message = [&](const std::string& job, const std::optional<std::string>& suite = std::nullopt) {
    return refusal([&] { explain(job, suite); });
  };
  EXPECT_THAT(message("abcd"), AllOf(HasSubstr("2 jobs begin with 'abcd'"), HasSubstr(id('b').hex)));
  EXPECT_THAT(message("1234"), HasSubstr("no job '1234'"));
  EXPECT_THAT(message("abcda", "never-run"), HasSubstr("suite 'never-run' has no journal"));
  // Trained by itself: the store has it, no journal does.
  files_.create_directories(store_.job_folder({std::string(64, '1')}));
  EXPECT_TRUE(explain("1111").stories.empty());
}

TEST_F(Explain, ends_with_the_last_words_of_the_rank_at_fault_in_the_last_attempt_that_failed) {
  write("one",
        {added(0, 'a', "training a", {}, 2), exit_of(0, 1),
         AttemptEnded{{0}, 1, Cause::kExitCode, "exit code 1: worker: it broke", true, at(9), "1 of 3"},
         RankExited{.job = {0}, .attempt = 2, .process_rank = 1, .code = 1, .evidence = "rank 1: no more memory"},
         RankExited{.job = {0}, .attempt = 2, .signal = 9, .evidence = "peer lost"},
         AttemptEnded{{0}, 2, Cause::kOutOfMemory, "process rank 1: rank 1: no more memory", true, at(9), ""}});
  EXPECT_FALSE(explain("abcda").log) << "nobody has written anything";
  EXPECT_TRUE(to_json(explain("abcda"))["stderr"].is_null());
  files_.create_directories(store_.job_folder(id('a')));
  std::string text;
  for (int line = 0; line < 30; ++line) text += fmt::format("line {}\n", line);
  core::write_atomic(files_, store_.attempt_file(id('a'), 1, "stderr"), "first\n");
  core::write_atomic(files_, store_.attempt_file(id('a'), 2, "stderr"), "peer lost\n");
  core::write_atomic(files_, store_.attempt_file(id('a'), 2, "stderr-1"), text);
  const auto explanation = explain("abcda");
  ASSERT_TRUE(explanation.log);
  EXPECT_EQ(explanation.log->path, store_.attempt_file(id('a'), 2, "stderr-1"));
  EXPECT_EQ(explanation.last_lines.size(), kLastLines);
  EXPECT_EQ(explanation.last_lines.back(), "line 29");
  EXPECT_EQ(to_json(explanation)["stderr"]["process_rank"], 1);

  write("one", {added(0, 'a', "training a"), JobSucceeded{{0}, 2}});
  EXPECT_EQ(explain("abcda").log->attempt, 1) << "the second went well in the end";
}

TEST_F(Explain, knows_jobs_by_their_rows_and_by_words) {
  write("one", {added(0, 'a', "training rain trial 0 'Baseline (HR & LR)' on people"),
                added(1, 'b', "evaluation rain trial 0 'Baseline (HR & LR)' on people"),
                added(2, 'c', "training rain trial 0 'Baseline (HR & LR), gallery shrunk by 3' on people"),
                added(3, 'd', "training rain trial 1 'RAIN' on people")});
  const auto called = [&](const std::string& words) {
    std::string digits;
    for (const KnownJob& known : jobs_called(files_, store_, words, std::nullopt)) digits += known.job.hex[4];
    return digits;
  };
  EXPECT_EQ(called("Baseline (HR & LR)"), "ba");
  EXPECT_EQ(called("training Baseline (HR & LR)"), "a");
  EXPECT_EQ(called("training rain trial 1 'RAIN' on people"), "d");
  EXPECT_EQ(called("RAIN"), "d");
  EXPECT_EQ(called("training 0"), "ac");
  EXPECT_EQ(called("trainin"), "");
  EXPECT_EQ(called(""), "");
}

TEST_F(Explain, a_job_is_settled_once_all_who_want_it_gave_it_up_or_its_result_is_there) {
  const auto now = [&] { return look_at_job(files_, store_, id('a'), std::nullopt, at(100)); };
  EXPECT_FALSE(now().settled) << "no journal knows it";
  write("one", {added(0, 'a', "training a")});
  write("two", {added(0, 'a', "training a"), JobFailed{{0}, Cause::kConfiguration, "no such file"}});
  EXPECT_FALSE(now().settled) << "the other suite may still make it";
  write("one", {added(1, 'b', "training b")});
  EXPECT_TRUE(now().settled);
  write("two", {added(0, 'a', "training a")});
  own("two", 2);
  EXPECT_FALSE(now().settled);
  EXPECT_TRUE(now().live);
  files_.create_directories(store_.job_folder(id('a')));
  core::write_atomic(files_, store_.result_file(id('a')), "{}");
  EXPECT_TRUE(now().settled);
}

}  // namespace
}  // namespace resolute::tests::explain_test
