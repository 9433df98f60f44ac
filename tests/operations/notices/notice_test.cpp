#include "operations/notices/notice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <thread>

#include "core/clock.h"
#include "core/files/file_system.h"
#include "core/process/process.h"
#include "tests/support/refusal.h"
#include "tests/support/temporary_folder.h"

namespace resolute::operations::notice_test {
namespace {

using namespace testing;
using slurm::EndCause;

slurm::ScriptStart ended_by(EndCause cause, bool given_up = false, int generation = 0) {
  slurm::ScriptStart run;
  run.job = 12;
  run.generation = generation;
  run.end = slurm::Time{};
  run.cause = cause;
  run.given_up = given_up;
  return run;
}

StoredBatch batch_with(std::vector<slurm::ScriptStart> runs, int generation = 0) {
  StoredBatch batch;
  batch.generation = generation;
  batch.runs = std::move(runs);
  return batch;
}

TEST(NoticeState, is_that_of_the_last_batch_to_end) {
  const auto done = batch_with({ended_by(EndCause::kIncomplete)});
  EXPECT_EQ(notice_of(false, {done}), NoticeState::kIncomplete);
  EXPECT_EQ(notice_of(false, {done, batch_with({})}), std::nullopt) << "the other waits in the queue";
  EXPECT_EQ(notice_of(false, {done, batch_with({ended_by(EndCause::kWalltime)})}), std::nullopt) << "it is requeued";
  EXPECT_EQ(notice_of(true, {done, batch_with({})}), NoticeState::kComplete) << "the other will find nothing to do";
  EXPECT_EQ(notice_of(false, {done, batch_with({ended_by(EndCause::kCancelled)})}), NoticeState::kCancelled);
  EXPECT_EQ(notice_of(false, {done, batch_with({ended_by(EndCause::kWalltime, true)})}), NoticeState::kGivenUp);
  EXPECT_EQ(notice_of(false, {batch_with({ended_by(EndCause::kConfiguration, true)}), done}),
            NoticeState::kConfiguration);
  auto running = ended_by(EndCause::kIncomplete);
  running.end.reset();
  EXPECT_EQ(notice_of(false, {batch_with({running})}), std::nullopt);
}

TEST(NoticeState, is_of_the_generation_that_was_submitted_last) {
  EXPECT_EQ(notice_of(false, {batch_with({ended_by(EndCause::kCancelled)}, 1)}), std::nullopt) << "resumed";
  EXPECT_EQ(
      notice_of(false, {batch_with({ended_by(EndCause::kCancelled), ended_by(EndCause::kIncomplete, false, 1)}, 1)}),
      NoticeState::kIncomplete);
}

TEST(NoticeState, of_batches_on_demand_is_that_of_the_last_to_end_once_none_goes_on) {
  const auto on_demand = [](std::vector<slurm::ScriptStart> runs, int generation) {
    StoredBatch batch = batch_with(std::move(runs), generation);
    batch.batch.on_demand = true;
    return batch;
  };
  auto cancelled = ended_by(EndCause::kCancelled);
  auto idle = ended_by(EndCause::kIdle, false, 1);
  idle.end = slurm::Time(std::chrono::hours(1));
  const auto before = on_demand({cancelled}, 0), after = on_demand({idle}, 1), never = on_demand({}, -1);
  EXPECT_EQ(notice_of(false, {before, after, never}), NoticeState::kIncomplete) << "what was cancelled was resumed";
  const auto refused = on_demand({}, 0);
  EXPECT_EQ(notice_of(false, {after, refused}), std::nullopt) << "it may wait in the queue";
  EXPECT_EQ(notice_of(false, {after, refused}, true), NoticeState::kIncomplete) << "SLURM has none of them";
  EXPECT_EQ(notice_of(false, {after, batch_with({})}, true), std::nullopt) << "one that is kept waits";
}

TEST(NoticeKey, is_one_for_each_end_and_for_completeness_one_forever) {
  const std::vector<StoredBatch> before{batch_with({}, 0), batch_with({}, 0)},
      resumed{batch_with({}, 1), batch_with({}, 0)};
  EXPECT_EQ(notice_key(NoticeState::kGivenUp, before), "given-up-002");
  EXPECT_EQ(notice_key(NoticeState::kGivenUp, resumed), "given-up-003");
  EXPECT_EQ(notice_key(NoticeState::kComplete, before), notice_key(NoticeState::kComplete, resumed));
}

TEST(NoticeCommand, is_a_mail_to_an_address_and_else_a_line_of_sh) {
  const Notice notice{NoticeState::kGivenUp, "tiny", "/store", "suite tiny is given-up"};
  for (const char* address : {"kim@example.org", "kim@localhost", "a.b+c@d"})
    EXPECT_TRUE(is_address(address)) << address;
  for (const char* command : {"", "notify-send", "curl -d @- x", "-f@x", "mail;a@b", "a b@c", "x@$(id)", "'a@b'"})
    EXPECT_FALSE(is_address(command)) << command;
  EXPECT_THAT(notice_command("curl -d x https://y", notice),
              ElementsAre("/bin/sh", "-c", EndsWith("\ncurl -d x https://y")));
  const auto mail = notice_command("kim@example.org", notice);
  EXPECT_THAT(mail, Contains("kim@example.org"));
  EXPECT_THAT(mail, Contains("resolute: suite tiny: given-up"));
  EXPECT_THAT(mail[2], HasSubstr("| mail -s"));
  const auto environment = notice_environment({{"PATH", "/bin"}, {"RESOLUTE_STATE", "old"}}, notice);
  EXPECT_THAT(environment, UnorderedElementsAre(Pair("PATH", "/bin"), Pair("RESOLUTE_SUITE", "tiny"),
                                                Pair("RESOLUTE_STORE", "/store"), Pair("RESOLUTE_STATE", "given-up"),
                                                Pair("RESOLUTE_SUMMARY", "suite tiny is given-up")));
}

TEST(NoticeCommand, that_is_none_is_refused_where_it_stands) {
  for (const std::string& whom :
       {std::string(), std::string("a\nb"), std::string("a\0b", 3), std::string(5000, 'x'), std::string("\xff")})
    EXPECT_THAT(tests::refusal([&] { validate_notify(whom, "--notify"); }), StartsWith("--notify is neither"));
  EXPECT_EQ(tests::refusal([] { validate_notify("mail kim", "--notify"); }), "");
}

class Telling : public ::testing::Test {
 protected:
  bool tell(const std::string& whom, const std::string& key = "complete",
            std::chrono::milliseconds limit = kNoticeLimit) {
    return tell_once(core::real_file_system(), folder_.path(), key, whom,
                     {NoticeState::kComplete, "tiny", "/my store", "suite tiny is complete: it's \"all\" $HOME"},
                     core::current_environment(), limit);
  }
  std::string heard() { return core::read_text_if_exists(core::real_file_system(), folder_ / "heard").value_or(""); }
  std::string listen() {
    return "printf '%s|%s|%s|%s\\n' \"$RESOLUTE_SUITE\" \"$RESOLUTE_STORE\" \"$RESOLUTE_STATE\" \"$RESOLUTE_SUMMARY\" "
           ">> '" +
           (folder_ / "heard").string() + "'";
  }
  std::optional<std::string> untold_ones() { return untold(core::real_file_system(), folder_.path()); }

  tests::TemporaryFolder folder_;
};

TEST_F(Telling, happens_once_whoever_asks_and_says_all_in_variables) {
  std::vector<std::thread> processes;
  std::atomic<int> tellers = 0;
  for (int i = 0; i < 8; ++i) processes.emplace_back([&] { tellers += tell(listen()) ? 1 : 0; });
  for (auto& process : processes) process.join();
  EXPECT_EQ(tellers, 1);
  EXPECT_EQ(heard(), "tiny|/my store|complete|suite tiny is complete: it's \"all\" $HOME\n");
  EXPECT_EQ(untold_ones(), std::nullopt);
  EXPECT_TRUE(tell(listen(), "given-up-002")) << "another end is told for itself";
}

TEST_F(Telling, that_was_cut_off_is_never_repeated_and_status_says_so) {
  core::write_atomic(core::real_file_system(), folder_ / "notice-complete.json", "{\"version\":1}\n");
  EXPECT_FALSE(tell(listen()));
  EXPECT_EQ(heard(), "");
  EXPECT_THAT(untold_ones().value_or(""), StartsWith("'complete' may not have been told"));
}

TEST_F(Telling, fails_nothing_where_the_command_does) {
  EXPECT_TRUE(tell("echo no such server >&2; exit 7"));
  EXPECT_EQ(untold_ones(), "'complete' was not told: exit code 7: no such server");
}

TEST_F(Telling, ends_a_command_that_hangs) {
  const auto begin = core::monotonic_clock().now();
  EXPECT_TRUE(tell("sleep 100", "complete", std::chrono::milliseconds(300)));
  EXPECT_LT(core::monotonic_clock().now() - begin, std::chrono::seconds(20));
  EXPECT_THAT(untold_ones().value_or(""), HasSubstr("it hung"));
}

TEST_F(Telling, survives_a_folder_that_takes_nothing) {
  core::write_atomic(core::real_file_system(), folder_ / "file", "x");
  EXPECT_FALSE(tell_once(core::real_file_system(), folder_ / "file", "complete", listen(), {}, {}));
  EXPECT_EQ(heard(), "");
}

TEST(WithoutSecret, a_url_is_kept_in_a_file_of_its_user_alone) {
  const tests::TemporaryFolder folder;
  const auto home = folder / "kim's home";
  const std::map<std::string, std::string> environment{{"HOME", home.string()}, {"RESOLUTE_SITE", "/group/site.toml"}};
  const std::string secret =
      "echo \"$RESOLUTE_STATE\" https://hooks.example.org/S3CRET > " + (folder / "told").string();
  const std::string kept = without_secret(secret, environment);
  EXPECT_THAT(kept, testing::Not(HasSubstr("S3CRET")));
  EXPECT_EQ(kept, without_secret(secret, environment)) << "a submission's options are compared";
  EXPECT_NE(kept, without_secret(secret + " ", environment));
  const auto notices = home / ".config/resolute/notices";
  const auto names = core::real_file_system().list(notices);
  ASSERT_EQ(2U, names.size());
  for (const std::string& name : names) {
    struct stat status {};
    ::stat((notices / name).c_str(), &status);
    EXPECT_EQ(0600U, status.st_mode & 0777U);
  }
  EXPECT_TRUE(tell_once(core::real_file_system(), folder.path(), "complete", kept,
                        {NoticeState::kComplete, "s", folder.path(), ""}, core::current_environment()));
  EXPECT_EQ("complete https://hooks.example.org/S3CRET\n",
            core::read_text_if_exists(core::real_file_system(), folder / "told"));
}

TEST(WithoutSecret, what_holds_no_url_stays_as_it_is) {
  for (const char* whom : {"kim@example.org", "mail kim", "https: no"})
    EXPECT_EQ(whom, without_secret(whom, {{"HOME", "/nowhere"}}));
  EXPECT_EQ("curl http://x", without_secret("curl http://x", {})) << "there is no folder";
  EXPECT_THAT(tests::refusal([] {
                without_secret("curl http://x", {{"HOME", "/proc/none"}});
              }),
              HasSubstr("/proc/none"));
}

}  // namespace
}  // namespace resolute::operations::notice_test
