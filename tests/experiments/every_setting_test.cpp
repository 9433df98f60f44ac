//! Every key of a suite, by its description (settings/member.h): what may stand there reaches its place, what may not
//! is refused with file, line, key and the nearest word; and the page tells of all.

#include "experiments/language/settings.h"
#include "tests/experiments/suite_refusal.h"
#include "tests/support/refusal.h"

namespace resolute::experiments::every_setting_test {
namespace {

using core::Json;
using settings::Rule;
using namespace testing;

//! Another value than the default that the key's own rule allows.
Json another(const settings::MemberText& text) {
  if (text.type == "true or false") return !text.standard.get<bool>();
  if (text.type == "text") return "other";
  if (text.type == "word") return text.words.back() == text.standard ? text.words.front() : text.words.back();
  if (text.type == "integer") {
    const auto low = static_cast<std::int64_t>(text.rule.low);
    return text.standard == low ? low + 1 : low;
  }
  if (text.rule.kind == Rule::Kind::kInterval && text.type == "list of numbers")
    return Json::array({text.rule.low, text.rule.high});
  if (text.rule.kind == Rule::Kind::kInterval)
    return Json::array({static_cast<int>(text.rule.low), static_cast<int>(text.rule.high)});
  if (text.type == "number") return text.standard == text.rule.high / 2 ? text.rule.high : text.rule.high / 2;
  return Json::array({text.standard == Json::array({2}) ? 3 : 2});
}

//! Values of another type, and beyond the ends of the rule.
std::vector<Json> impossible(const settings::MemberText& text) {
  std::vector<Json> values{Json::array({"x"}), text.type == "true or false" ? Json(1) : Json(true)};
  if (text.type == "word") values.push_back("of10");
  const auto add = [&](double number) {
    if (text.type == "integer") values.push_back(static_cast<std::int64_t>(number));
    if (text.type == "number") values.push_back(number);
    if (text.type == "list of integers") values.push_back(Json::array({static_cast<int>(number)}));
  };
  const bool numbers = text.type == "integer" || text.type == "list of integers";
  if (text.rule.kind == Rule::Kind::kAny) return values;
  add(text.rule.kind == Rule::Kind::kAbove ? text.rule.low : text.rule.low - 1);
  if (!(numbers && text.rule.has_no_end())) add(text.rule.high + 1);
  if (text.rule.kind == Rule::Kind::kAscending || text.rule.kind == Rule::Kind::kDescending)
    values.push_back(Json::array({2, 2}));
  if (text.rule.kind == Rule::Kind::kInterval)
    for (const auto& [low, high] : {std::pair(text.rule.low - 1, text.rule.high),
                                    {text.rule.low, text.rule.high + 1},
                                    {text.rule.high, text.rule.low}}) {
      if (text.type == "list of numbers")
        values.push_back(Json::array({low, high}));
      else
        values.push_back(Json::array({static_cast<int>(low), static_cast<int>(high)}));
    }
  if (!text.rule.may_be_empty) values.push_back(Json::array());
  return values;
}

Settings layer_of(const std::string& key, const Json& value) { return {{key, {value, "s.toml:1"}}}; }

//! All that the keys fill in, key by key.
Json read_back(const Draft& draft) {
  Json all = Json::parse(settings::canonical(draft).text());
  all["network"] = Json::parse(settings::canonical(draft.network).text());
  all["train"] = Json::parse(settings::canonical(draft.recipe).text());
  all["train"].update(Json::parse(settings::canonical(draft.epochs).text()));
  all["train"]["copies"] = Json::parse(settings::canonical(draft.recipe.copies).text());
  all["split"] = Json::parse(settings::canonical(draft.split).text());
  all["evaluate"] = Json::parse(settings::canonical(draft.protocol).text());
  all["pack"] = Json::parse(settings::canonical(draft.pack).text());
  all["pack"]["degradation"] = Json::parse(settings::canonical(draft.pack.degradation).text());
  methods::for_each_method([&]<class Options>() {
    all[Options::kMethod] = Json::parse(settings::canonical(draft.section<Options>()).text());
  });
  return all;
}

TEST(EverySetting, reaches_its_place_and_no_other) {
  const Json usual = read_back(Draft());
  for (const SettingText& setting : setting_texts()) {
    const Json value = another(setting.text);
    const Json changes = Json::diff(usual, read_back(make_draft(layer_of(setting.key, value))));
    std::string path = (setting.of_pack ? "/pack/" : "/") + setting.key;
    std::replace(path.begin(), path.end(), '.', '/');
    if (path == "/evaluate/protocol") continue;  // a set of one word
    ASSERT_FALSE(changes.empty()) << setting.key;
    for (const Json& change : changes)
      EXPECT_THAT(change.at("path").get<std::string>(), StartsWith(path)) << setting.key << " = " << value;
    EXPECT_EQ(value, read_back(make_draft(layer_of(setting.key, value))).at(Json::json_pointer(path))) << setting.key;
  }
}

TEST(EverySetting, is_refused_beyond_its_description_with_file_line_and_key) {
  for (const SettingText& setting : setting_texts()) {
    // A row cannot give what decides a pack; trials and ranks are looked at before any job is made.
    const std::string method = setting.key.substr(0, setting.key.find('.'));
    const bool of_method = std::count(method_names().begin(), method_names().end(), method) != 0;
    for (const Json& value : impossible(setting.text)) {
      const std::string more = of_method                ? "\nmethod = \"" + method + "\""
                               : setting.key == "lanes" ? "\nranks = 1"
                                                        : "";
      const std::string line = fmt::format("{} = {}{}", setting.key, value.dump(), more);
      const std::string message =
          setting.of_pack
              ? with("source = \"synthetic\"\nidentities = 64\nrates = [2, 3, 4]",
                     "source = \"synthetic\"\n" + line + (setting.key == "rates" ? "" : "\nrates = [2, 3, 4]"))
              : with("train.pad = 4", line);
      EXPECT_THAT(message, AllOf(StartsWith("s.toml:"), HasSubstr(fmt::format("key '{}", setting.key)))) << line;
    }
  }
}

TEST(EverySetting, a_misspelt_word_is_told_the_nearest) {
  for (const SettingText& setting : setting_texts())
    for (const std::string& word : setting.text.words) {
      if (word.size() < 4) continue;
      EXPECT_THAT(tests::refusal([&] { make_draft(layer_of(setting.key, word + "x")); }),
                  AllOf(StartsWith(fmt::format("s.toml:1: key '{}' has the value '{}x'", setting.key, word)),
                        HasSubstr(setting.text.range()), HasSubstr(fmt::format("did you mean '{}'", word))));
    }
}

// `resolute suite keys --markdown` prints them.
TEST(EverySetting, stands_in_the_documentation) {
  const std::string page = core::read_text(core::real_file_system(), tests::source_folder() / "docs" / "suite_keys.md");
  for (const bool of_pack : {false, true}) EXPECT_THAT(page, HasSubstr(settings_table(of_pack)));
}

}  // namespace
}  // namespace resolute::experiments::every_setting_test
