#include "operations/look/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "tests/orchestrator/support/read_journals.h"
#include "tests/support/temporary_folder.h"

namespace resolute::tests::log_test {
namespace {

using namespace operations;
using namespace orchestrator;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

Instant at(int second) { return Instant(std::chrono::seconds(1'700'000'000 + second)); }
experiments::JobId id(char digit) { return {std::string(64, digit)}; }

// Two runs of three jobs: the second begins with one of them done, and gives another up.
class Log : public testing::Test {
 protected:
  void SetUp() override {
    write({JobSucceeded{{2}, 1}});
    write({JobSucceeded{{2}, 0}, AgentJoined{{0}, "node7", 2, 0, 0, ""},
           Placed{{0}, 1, {{{0}, 1}}, -1, "first in plan order", at(5)}, Started{{0}, 1}, Progressed{{0}, 1, 100},
           RankExited{.job = {0}, .attempt = 1, .code = 1, .evidence = "worker: it broke"},
           AttemptEnded{{0}, 1, Cause::kExitCode, "exit code 1: worker: it broke", true, at(9), "1 of 3"},
           Placed{{1}, 1, {{{0}, 1}}, -1, "next", at(5)},
           RankExited{.job = {1}, .attempt = 1, .code = 75, .evidence = ""},
           AttemptEnded{{1}, 1, Cause::kInterrupted, "stopped", true, at(9), ""}, AgentLost{{0}, "no word for 10 s"},
           JobFailed{{0}, Cause::kUnplaceable, "no slots"}});
  }
  void write(const std::vector<Event>& events) {
    std::vector<Event> all;
    for (const auto& [number, label] :
         {std::pair{0, "training rain trial 0 'RAIN' on people"}, {1, "training b"}, {2, "evaluation c"}})
      all.emplace_back(JobAdded{
          .job = {number}, .id = id(static_cast<char>('a' + number)), .kind = "k", .label = label, .after = {}});
    all.insert(all.end(), events.begin(), events.end());
    write_run(store_.suite_folder("toy"), all, at(0));
  }
  std::vector<std::string> lines(const LogRequest& request) {
    std::stringstream to;
    print_log(files_, store_, "toy", request, to);
    std::vector<std::string> found;
    for (std::string line; std::getline(to, line);) found.push_back(line);
    return found;
  }

  core::FileSystem& files_ = core::real_file_system();
  TemporaryFolder folder_;
  experiments::StoreLayout store_{folder_.path()};
};

TEST_F(Log, tells_what_matters_by_what_jobs_are_and_a_runs_begin_in_one_line) {
  const std::string rain = "training rain trial 0 'RAIN' on people (aaaaaaaaaaaa) ";
  EXPECT_THAT(
      lines({.detail = LogDetail::kImportant}),
      ElementsAre(HasSubstr("started (epoch 1"), HasSubstr("3 jobs planned, 0 with a result already"),
                  HasSubstr("evaluation c (cccccccccccc) succeeded in attempt 1"), HasSubstr("(epoch 2"),
                  HasSubstr("3 jobs planned, 1 with a result already"), HasSubstr("agent 0 joined (node7"),
                  HasSubstr(rain + "attempt 1 placed on node7 (agent 0, 1 slot): first in plan order"),
                  HasSubstr(rain + "attempt 1 runs"), HasSubstr(rain + "attempt 1 wrote checkpoint 100"),
                  HasSubstr(rain + "attempt 1 process rank 0 exited with 1 (worker: it broke)"),
                  HasSubstr(rain + "attempt 1 ended: exit-code"), HasSubstr("training b (bbbbbbbbbbbb) attempt"),
                  HasSubstr("process rank 0 exited with 75"), HasSubstr("interrupted"),
                  HasSubstr("agent 0 on node7 lost (no word for 10 s)"), HasSubstr(rain + "failed: ")));
}

TEST_F(Log, tells_failures_alone_with_their_causes) {
  EXPECT_THAT(lines({.detail = LogDetail::kFailures}),
              ElementsAre(HasSubstr("exit-code (exit code 1: worker: it broke), will run again (1 of 3)"),
                          HasSubstr("agent 0 on node7 lost"), HasSubstr("failed: unplaceable (no slots)")));
}

TEST_F(Log, keeps_the_last_lines_of_what_it_would_tell) {
  const auto all = lines({.detail = LogDetail::kFailures});
  EXPECT_THAT(lines({.detail = LogDetail::kFailures, .tail = 2}), ElementsAre(all[1], all[2]));
  EXPECT_EQ(lines({.detail = LogDetail::kFailures, .tail = 100}), all);
  EXPECT_EQ(lines({.format = LogFormat::kJsonLines, .tail = 3}).size(), 3U);
}

TEST_F(Log, lacks_nothing_where_all_is_asked_for_or_a_program_reads) {
  const auto text = lines({}), json = lines({.format = LogFormat::kJsonLines});
  std::size_t records = 0;
  for (const auto& journal : read_journals(files_, store_.suite_folder("toy"))) records += journal.records.size();
  EXPECT_EQ(text.size(), records);
  EXPECT_EQ(json.size(), records);
  EXPECT_THAT(text[1], HasSubstr("job 0 is aaaaaaaaaaaa: training rain trial 0 'RAIN' on people"));
}

TEST_F(Log, a_run_of_a_plan_that_is_known_begins_in_one_line_too) {
  write_run(store_.suite_folder("toy"), {JobsKept{{{{0}, {2}}}, {{{2}, {2}}}}}, at(0));
  EXPECT_THAT(lines({.detail = LogDetail::kImportant}).back(), HasSubstr("3 jobs planned, 1 with a result already"));
  EXPECT_THAT(lines({}).back(), HasSubstr("3 jobs wanted as before, 1 with a result already"));
  EXPECT_EQ(lines({.job = "bbbb"}).back(), lines({}).back());
}

TEST_F(Log, of_one_job_is_its_story) {
  for (const std::string& line : lines({.detail = LogDetail::kImportant, .job = "bbbb"}))
    EXPECT_THAT(line, HasSubstr("training b"));
  EXPECT_THAT(lines({.detail = LogDetail::kFailures, .job = "bbbb"}), ElementsAre());
}

}  // namespace
}  // namespace resolute::tests::log_test
