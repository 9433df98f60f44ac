// `resolute suite keys`: what a suite may set.

#include <gmock/gmock.h>

#include <set>

#include "core/files/json.h"
#include "tests/system/program.h"

namespace resolute::system_test::suite_keys_test {
namespace {

TEST(SuiteKeys, lists_every_key_or_those_that_hold_a_pattern) {
  const auto all = succeeded(resolute({"suite", "keys"}));
  EXPECT_THAT(all.out, HasSubstr("train.schedule = step\n    word: step, cosine, constant, linear, polynomial\n"));
  EXPECT_THAT(all.out, HasSubstr("rain.levels = "));
  const auto some = resolute({"suite", "keys", "schedule"});
  EXPECT_THAT(some.out, HasSubstr("train.schedule"));
  EXPECT_THAT(some.out, Not(HasSubstr("rain.levels")));
}

TEST(SuiteKeys, a_pattern_begins_a_word_of_a_key_where_it_can) {
  const auto keys = [](const char* pattern) { return succeeded(resolute({"suite", "keys", pattern})).out; };
  for (const char* pattern : {"rain", "rain.", "Rain.levels"})
    EXPECT_THAT(keys(pattern), AllOf(HasSubstr("rain.levels = "), Not(HasSubstr("train.steps = ")))) << pattern;
  EXPECT_THAT(keys("image"), AllOf(HasSubstr("train.images = "), HasSubstr("train.lr_images = ")));
  EXPECT_THAT(keys("flip"), HasSubstr("evaluate.flip = "));
  for (const char* part : {"abelled", "ilestones", "evels"})
    EXPECT_THAT(keys(part), HasSubstr(std::string(part) + (*part == 'a' ? "_by = " : " = "))) << "of no word the begin";
}

TEST(SuiteKeys, a_word_that_no_key_holds_is_looked_for_in_their_meanings) {
  EXPECT_THAT(succeeded(resolute({"suite", "keys", "seed"})).out, HasSubstr("trials = 1\n"));
}

TEST(SuiteKeys, json_has_the_keys_that_completion_offers) {
  const auto json = resolute({"suite", "keys", "--json"}),
             words = resolute({"completion", "offers", "suite", "run", "s.toml", "--set", ""});
  std::set<std::string> keys;
  for (const auto& one : core::parse_json(json.out, "keys")) keys.insert(one.at("key").get<std::string>());
  EXPECT_GT(keys.size(), 100U);
  for (const std::string& key : keys) EXPECT_THAT(words.out, HasSubstr(key + "=\n"));
}

TEST(SuiteKeys, an_unknown_key_gets_the_nearest_one) {
  expect_refusal(resolute({"suite", "keys", "trian.steps"}), 2, "did you mean 'train.steps'");
}

TEST(SuiteKeys, a_pattern_beside_what_prints_every_key_is_refused) {
  expect_refusal(resolute({"suite", "keys", "rain", "--markdown"}), 2, "PATTERN and --markdown exclude each other");
}

}  // namespace
}  // namespace resolute::system_test::suite_keys_test
