// `resolute suite keys`

#include <fmt/format.h>

#include <algorithm>
#include <iostream>
#include <vector>

#include "cli/subcommands.h"
#include "core/error.h"
#include "core/log.h"
#include "experiments/language/settings.h"
#include "experiments/language/synonyms.h"
#include "settings/names.h"

namespace resolute::cli {

namespace {

constexpr CommandHelp kSuiteKeysHelp{
    "resolute suite keys [PATTERN] [--json] | --markdown",
    R"(Lists the settings of a suite (docs/suite_keys.md): key, default, what it may be, what it means. PATTERN begins
a word of the key; where no key has such a word, it is a part of the key or of the meaning, whatever its case and
underscores. Words of PyTorch are known: lr, batch_size, amp, seed, augment.)",
    "  resolute suite keys rain\n"
    "  resolute suite keys train.lr_images --json\n"};

core::Json to_json(const experiments::SettingText& setting) {
  return {{"key", setting.key},
          {"type", setting.text.type},
          {"default", setting.text.standard},
          {"may_be", setting.text.range()},
          {"words", setting.text.words},
          {"in_rows", !setting.of_pack},
          {"help", setting.text.help}};
}

std::string to_line(const experiments::SettingText& setting) {
  const std::string standard = setting.text.standard_text(), range = setting.text.range();
  return fmt::format("{} = {}\n    {}{}{}\n", setting.key, standard.empty() ? "…" : standard, setting.text.type,
                     range.empty() ? "" : ": " + range, setting.text.help.empty() ? "" : "\n    " + setting.text.help);
}

// "rain" is in "rain.levels", and not in "train.steps".
bool has_word_with(const std::string& key, const std::string& begin) {
  for (std::size_t at = 0; at < key.size(); ++at)
    if ((at == 0 || key[at - 1] == '.' || key[at - 1] == '_') &&
        experiments::squeezed(key.substr(at)).starts_with(begin))
      return true;
  return false;
}

// Those that another program calls so. Else those with a word in the key that begins so; where there is none, those
// whose key holds the pattern, then those whose meaning does.
std::vector<experiments::SettingText> settings_about(const std::string& pattern, const experiments::Synonym* synonym) {
  std::vector<experiments::SettingText> by_word, by_key, by_meaning;
  const std::string wanted = experiments::squeezed(pattern);
  const auto holds = [&](const std::string& text) {
    return experiments::squeezed(text).find(wanted) != std::string::npos;
  };
  for (const experiments::SettingText& setting : experiments::setting_texts()) {
    if (synonym != nullptr) {
      if (std::ranges::find(synonym->keys, setting.key) != synonym->keys.end()) by_key.push_back(setting);
      continue;
    }
    if (has_word_with(setting.key, wanted)) by_word.push_back(setting);
    if (holds(setting.key)) by_key.push_back(setting);
    if (holds(setting.text.help)) by_meaning.push_back(setting);
  }
  return !by_word.empty() ? by_word : !by_key.empty() ? by_key : by_meaning;
}

}  // namespace

int suite_keys(const Arguments& arguments) {
  options::options_description visible;
  auto add = visible.add_options();
  add("json", "one JSON list");
  add("markdown", "the tables of docs/suite_keys.md: all keys of rows, then those of packs");
  const auto values = parse_options(arguments, kSuiteKeysHelp, visible, {"[PATTERN]"});
  if (!values) return 0;
  if (values->count("markdown") != 0) {
    if (values->count("PATTERN") != 0)
      throw core::input_error("PATTERN and --markdown exclude each other", "it prints every key",
                              fmt::format("leave out '{}'", required_value(*values, "PATTERN")));
    std::cout << experiments::settings_table(false) << '\n' << experiments::settings_table(true);
    return 0;
  }
  const std::string pattern = values->count("PATTERN") != 0 ? required_value(*values, "PATTERN") : "";
  const experiments::Synonym* synonym = experiments::synonym_of(pattern);
  const auto found = settings_about(pattern, synonym);
  if (synonym != nullptr && !synonym->remark.empty()) core::log_info("{}: {}", pattern, synonym->remark);
  if (found.empty() && synonym == nullptr)
    throw core::input_error(fmt::format("no key of a suite and no meaning of a key holds '{}'", pattern), {},
                            settings::did_you_mean(pattern, experiments::setting_keys()));
  core::Json list = core::Json::array();
  std::string lines;
  for (const experiments::SettingText& setting : found) {
    list.push_back(to_json(setting));
    lines += to_line(setting);
  }
  std::cout << (values->count("json") != 0 ? list.dump(1) + "\n" : lines);
  return 0;
}

}  // namespace resolute::cli
