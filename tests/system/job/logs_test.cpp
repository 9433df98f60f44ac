// Why a job failed, found by the commands a person has: a worker that dies with a traceback, in a run of the suite
// here.

#include <algorithm>

#include "tests/system/program.h"

namespace resolute::system_test::logs_test {
namespace {

const std::string kTraceback =
    "Traceback (most recent call last):\n"
    "  File \"train.py\", line 7, in step\n"
    "RuntimeError: CUDA error: device-side assert triggered\n";

class Logs : public testing::Test {
 protected:
  // The tiny suite, of which this trains and evaluates. \param body of a script of bash; $attempt is its attempt
  void work_by(const std::string& body) {
    const fs::path worker = scratch_ / "worker";
    write(worker,
          "#!/bin/bash\nif [ \"$1\" = describe ]; then echo '{}'; exit; fi\n"
          "attempt=$(sed 's/.*--attempt \\([0-9]*\\).*/\\1/' <<<\"$*\")\n" +
              body);
    fs::permissions(worker, fs::perms::owner_all);
    std::string suite = text_of(kTinySuite);
    suite.insert(suite.find("\n[defaults]"), fmt::format("\nworker = [\"{}\"]", worker.string()));
    write(suite_, suite);
  }
  CommandOutput suite(const std::string& command, const Words& more = {}) const {
    return resolute(joined({"suite", command, suite_, "--store", store_, "--set", "trials=1"}, more));
  }
  CommandOutput logs(const std::string& job, const Words& more = {}) const {
    return resolute(joined({"logs", job, "--store", store_}, more));
  }

  ScratchFolder scratch_;
  fs::path store_ = scratch_ / "store", suite_ = scratch_ / "suite.toml";
};

TEST_F(Logs, tell_where_and_why_a_worker_died) {
  work_by("cat >&2 <<'end'\n" + kTraceback + "end\nkill -SEGV $$\n");
  const auto run = suite("run", {"--slots", "2"});
  ASSERT_EQ(code_of(run), 3) << run.err;

  // The first look names the deciding line, the file and the command.
  const std::string status = succeeded(suite("status")).out;
  EXPECT_THAT(status, HasSubstr("signal 11"));
  EXPECT_THAT(status, HasSubstr("RuntimeError: CUDA error: device-side assert triggered"));
  const core::Json failure = json_of(suite("status", {"--json"})).at("failures").at(0);
  const std::string job = failure.at("job"), log = failure.at("log");
  EXPECT_THAT(status, HasSubstr("  log: " + log));
  EXPECT_THAT(status, HasSubstr("resolute logs "));
  EXPECT_EQ(text_of(log), kTraceback);

  const auto last = succeeded(logs(job.substr(0, 12)));
  EXPECT_EQ(last.out, kTraceback);
  EXPECT_EQ(last.err, fmt::format("resolute: attempt 3 of job {}: {}\n", job.substr(0, 12), log));
  EXPECT_THAT(succeeded(logs(job, {"--attempt", "1"})).err, HasSubstr("attempt-001-stderr"));
  EXPECT_EQ(succeeded(logs("RAIN")).out, kTraceback) << "of a row only the training has written anything";
  const auto several = logs("trial 0");
  EXPECT_EQ(code_of(several), 2);
  EXPECT_THAT(several.err, HasSubstr(job.substr(0, 12) + "  training "));
  EXPECT_THAT(several.err, HasSubstr("  in tiny\n"));
  EXPECT_THAT(several.err, HasSubstr("'trial 0' fits 2 jobs"));
  expect_refusal(logs(job, {"--attempt", "9"}), 2, "has no attempt 9 (there is 1, 2, 3)");
  expect_refusal(logs("evaluation RAIN"), 2, "has left a log");
  expect_refusal(logs("no such row"), 2, "no job and no row is called 'no such row'");
  EXPECT_THAT(succeeded(logs(job, {"--rank", "1"})).err, HasSubstr("has written nothing"));

  const std::string story = succeeded(resolute({"explain", job, "--store", store_})).out;
  EXPECT_TRUE(story.ends_with(fmt::format(
      "\nlast lines of attempt 3, of {}\n  Traceback (most recent call last):\n    File \"train.py\", line 7, in step\n"
      "  RuntimeError: CUDA error: device-side assert triggered\n",
      log)))
      << story;
  EXPECT_THAT(succeeded(resolute({"explain", "RAIN", "--store", store_})).out,
              HasSubstr("training rain trial 0 'RAIN'"));
  const auto not_one = resolute({"explain", "trial 0", "--store", store_});
  EXPECT_EQ(code_of(not_one), 2);
  EXPECT_THAT(not_one.err, HasSubstr("'trial 0' fits 2 jobs"));

  const auto count = [&](const Words& more) {
    const std::string text = succeeded(suite("log", more)).out;
    return std::count(text.begin(), text.end(), '\n');
  };
  EXPECT_EQ(count({"--tail", "3"}), 3);
  EXPECT_LT(count({}), count({"--all"}));
  EXPECT_EQ(count({"--json"}), count({"--all"}));
  EXPECT_EQ(count({"--failed", "--json"}), count({"--failed"}));
  const std::string failed = succeeded(suite("log", {"--failed"})).out;
  EXPECT_THAT(failed, HasSubstr("training rain trial 0 'RAIN' on people"));
  EXPECT_THAT(failed, Not(HasSubstr("placed")));
  expect_refusal(suite("log", {"--failed", "--all"}), 2, "exclude each other");
}

// As SLURM's notice does, which goes to each process of a step before the run hears of it.
TEST_F(Logs, of_a_worker_that_somebody_asks_to_end_show_no_failure) {
  work_by(
      "case $attempt in\n"
      "  1) kill -TERM $$ ;;\n  2) exit 143 ;;\n  3) kill -USR1 $$ ;;\n  4) kill -HUP $$ ;;\n  5) exit 130 ;;\n"
      "  *) exit 2 ;;\nesac\nsleep 60\n");
  const auto run = suite("run", {"--slots", "2"});
  ASSERT_EQ(code_of(run), 3) << run.err;
  const std::string failed = succeeded(suite("log", {"--failed"})).out;
  EXPECT_THAT(failed, HasSubstr("attempt 6 ended: configuration (process rank 0: exit code 2), given up"));
  EXPECT_THAT(failed, Not(HasSubstr("attempt 5")));
}

TEST_F(Logs, are_followed_over_attempts_until_the_job_is_given_up) {
  const fs::path go = scratch_ / "go";
  work_by(
      "echo \"words of attempt $attempt\" >&2\n"
      "if [ \"$attempt\" = 2 ]; then exit 2; fi\n"
      "for i in $(seq 600); do [ -e " +
      go.string() + " ] && break; sleep 0.1; done\nexit 1\n");
  Background run({"suite", "run", suite_, "--store", store_, "--set", "trials=1", "--slots", "2"}, scratch_ / "run");
  const auto known = [&] { return code_of(logs("training RAIN")) == 0; };
  ASSERT_TRUE(wait_until(known)) << text_of(scratch_ / "run");
  Background follower({"logs", "training RAIN", "--store", store_, "--follow"}, scratch_ / "followed");
  const auto followed = [&] { return text_of(scratch_ / "followed"); };
  ASSERT_TRUE(wait_until([&] { return followed().find("words of attempt 1\n") != std::string::npos; })) << followed();
  EXPECT_EQ(followed().find("words of attempt 2"), std::string::npos);
  write(go, "");
  EXPECT_EQ(follower.wait(), 0);
  const std::string all = followed();
  const auto second = all.find("words of attempt 2\n");
  ASSERT_NE(second, std::string::npos) << all;
  EXPECT_LT(all.find("words of attempt 1\n"), second);
  EXPECT_LT(all.find("attempt-002-stderr"), second);
  EXPECT_NE(all.find("given up: configuration", second), std::string::npos) << all;
  EXPECT_EQ(all.find("words of attempt 1\n"), all.rfind("words of attempt 1\n"));
  EXPECT_EQ(run.wait(), 3);
}

TEST_F(Logs, of_several_ranks_stand_one_after_the_other_and_packed_ones_are_read) {
  write(suite_, text_of(kTinySuite));
  succeeded(suite("run", {"--slots", "2"}));
  const auto plan = json_of(suite("plan", {"--json"}));
  const auto training = std::find_if(plan.at("jobs").begin(), plan.at("jobs").end(), [](const core::Json& job) {
    return job.at("label").get<std::string>().starts_with("training");
  });
  ASSERT_NE(training, plan.at("jobs").end());
  const std::string id = training->at("id");
  const fs::path folder = store_ / "jobs" / id.substr(0, 2) / id;
  write(folder / "attempt-001-stderr", "rank zero\n");
  write(folder / "attempt-001-stderr-1", "rank one");
  EXPECT_EQ(succeeded(logs(id)).out, "rank zero\nrank one");
  EXPECT_EQ(succeeded(logs(id, {"--rank", "1"})).out, "rank one");
  EXPECT_EQ(succeeded(logs(id, {"-f"})).out, "rank zero\nrank one") << "it has its result";
  expect_refusal(logs(id, {"--suite", "other"}), 2, "suite 'other'");
  EXPECT_EQ(succeeded(logs(id, {"--suite", "tiny"})).out, "rank zero\nrank one");
  succeeded(suite("compact"));
  ASSERT_FALSE(fs::exists(folder / "attempt-001-stderr"));
  const auto packed = succeeded(logs(id));
  EXPECT_EQ(packed.out, "rank zero\nrank one");
  EXPECT_THAT(packed.err, HasSubstr("packed by `suite compact`"));
}

// As `resolute … | head -1` leaves it: a pipe that nobody reads any more.
TEST_F(Logs, a_reader_that_left_is_no_error) {
  write(suite_, text_of(kTinySuite));
  succeeded(suite("run", {"--slots", "2"}));
  for (const Words& words : {Words{"suite", "status"}, {"suite", "log"}, {"suite", "status", "--watch"}}) {
    std::string command = (kBin / "resolute").string();
    for (const std::string& word : joined(words, {suite_, "--store", store_})) command += " " + word;
    const auto output =
        run_program({"/bin/bash", "-c", "{ sleep 0.3; " + command + "; echo \"code $?\" >&2; } | true"});
    EXPECT_THAT(output.err, testing::MatchesRegex("(resolute: as last run: [^\n]*\n)?code 0\n")) << command;
  }
}

TEST(LogTimes, stand_before_each_line_where_they_are_asked_for) {
  auto environment = program_environment();
  environment["RESOLUTE_LOG_TIMES"] = "1";
  const auto output = run_program({kBin / "resolute", "no-such-command"}, environment);
  EXPECT_THAT(output.err, testing::MatchesRegex("20[0-9][0-9]-[0-9-]+ [0-9:]+Z resolute: unknown command .*\n"));
}

}  // namespace
}  // namespace resolute::system_test::logs_test
