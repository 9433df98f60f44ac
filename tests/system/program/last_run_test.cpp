// Commands that look at a suite show it as it was run last.

#include <gmock/gmock.h>

#include "tests/system/program.h"

namespace resolute::system_test::last_run_test {
namespace {

using namespace testing;

const Words kOptions{"--set", "trials=1", "--set", "train.steps=6"};
constexpr const char* kAsLast = "as last run: --set trials=1 --set train.steps=6 (--profile '' for none of it)";

class LastRun : public SharedFolder {
 protected:
  static CommandOutput suite(const std::string& verb, const Words& more = {}) {
    return resolute(joined({"suite", verb, kTinySuite, "--store", store()}, more));
  }
  // The first run of the folder; the others find it done.
  static CommandOutput run(const Words& more = {}) {
    return succeeded(suite("run", joined(joined(kOptions, {"--slots", "2"}), more)));
  }
  static std::string table_as_typed() { return succeeded(suite("table", kOptions)).out; }
};

TEST_F(LastRun, a_run_ends_with_its_table_on_stdout) {
  const auto output = run();
  EXPECT_EQ(output.out, table_as_typed());
  EXPECT_THAT(output.out, Not(HasSubstr("0/1 trials")));
}

TEST_F(LastRun, every_command_that_looks_takes_its_options_and_says_so) {
  run();
  const auto table = succeeded(suite("table"));
  EXPECT_EQ(table.out, table_as_typed());
  EXPECT_THAT(table.err, HasSubstr(kAsLast));
  for (const auto& [verb, more] : std::vector<std::pair<std::string, Words>>{
           {"status", {}}, {"report", {"--json"}}, {"rerun", {"--mixed"}}, {"compact", {"--dry-run"}}})
    EXPECT_THAT(succeeded(suite(verb, more)).err, HasSubstr(kAsLast)) << verb;
  EXPECT_THAT(succeeded(suite("status")).out, HasSubstr("every result is there"));
  EXPECT_EQ(json_of(suite("report", {"--json"})), json_of(suite("report", joined({"--json"}, kOptions))));
  EXPECT_THAT(succeeded(suite("resume", {"--here"})).err, AllOf(HasSubstr(kAsLast), HasSubstr(" 0 now")));
}

TEST_F(LastRun, what_is_typed_goes_first_and_is_told_where_it_was_never_run) {
  run();
  EXPECT_THAT(succeeded(suite("table", kOptions)).err, Not(HasSubstr("last run")));
  const auto other = succeeded(suite("table", {"--set", "trials=2"}));
  EXPECT_THAT(other.err,
              HasSubstr("this suite was never run with these options; last run: --set trials=1 --set train.steps=6"));
  EXPECT_THAT(other.out, HasSubstr("0/2 trials"));
  const auto plain = succeeded(suite("table", {"--profile", ""}));
  EXPECT_THAT(plain.out, HasSubstr("0/2 trials"));
  EXPECT_THAT(plain.err, Not(HasSubstr("as last run")));
}

TEST_F(LastRun, the_list_has_a_line_for_each_plan) {
  run();
  EXPECT_THAT(succeeded(resolute({"suite", "list", "--store", store()})).out,
              HasSubstr("\n  --set trials=1 --set train.steps=6 (last run): "));
  const core::Json listed =
      json_of(resolute({"suite", "list", "--store", store(), "--json"})).at("suites").at(0).at("plans");
  ASSERT_EQ(listed.size(), 1U);
  EXPECT_EQ(listed[0].at("options"), core::Json(kOptions));
  EXPECT_EQ(listed[0].at("jobs").at("done"), listed[0].at("jobs").at("all"));
}

TEST_F(LastRun, an_export_or_bundle_takes_the_place_of_an_earlier_one_alone) {
  run();
  const std::string sqlite = (*scratch_ / "r.sqlite").string(), csv = (*scratch_ / "csv").string(),
                    zip = (*scratch_ / "s.zip").string();
  for (const bool again : {false, true}) {
    const Words replace = again ? Words{"--replace"} : Words{};
    succeeded(suite("export", joined({"--sqlite", sqlite, "--csv", csv}, replace)));
    succeeded(suite("bundle", joined({"--out", zip, "--without-features"}, replace)));
  }
  for (const auto& again : {suite("export", {"--sqlite", sqlite}), suite("export", {"--csv", csv}),
                            suite("bundle", {"--out", zip, "--without-features"})}) {
    EXPECT_EQ(code_of(again), 2);
    EXPECT_THAT(again.err, HasSubstr(" or remove it, or give --replace\n"));
  }
  write(csv + "/mine.txt", "mine");
  const auto refused = suite("export", {"--csv", csv, "--replace"});
  EXPECT_EQ(code_of(refused), 2);
  EXPECT_THAT(refused.err, HasSubstr("it holds 'mine.txt'"));
  EXPECT_EQ(code_of(suite("export", {"--sqlite", zip, "--replace"})), 2);
}

TEST_F(LastRun, damaged_notes_of_it_are_told_and_cost_nothing) {
  run();
  write(store() / "suites/tiny/typed.json", R"({"plans":[{"arguments":["--zebra","1"],"plan":"p"}],"version":1})");
  EXPECT_THAT(succeeded(suite("table")).err, HasSubstr("the options of the last run (--zebra 1) are not taken"));
  write(store() / "suites/tiny/typed.json", "{");
  EXPECT_THAT(succeeded(suite("table")).err, HasSubstr("it is not known with which options this suite was run"));
  run();
  EXPECT_THAT(succeeded(suite("table")).err, HasSubstr(kAsLast));
}

}  // namespace
}  // namespace resolute::system_test::last_run_test
