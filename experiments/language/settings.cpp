#include "experiments/language/settings.h"

#include <functional>

#include "experiments/language/synonyms.h"
#include "settings/names.h"

namespace resolute::experiments {
namespace {

struct Field {
  SettingText text;
  //! Reads `key` of the one-member object into its place.
  std::function<void(Draft&, core::ObjectReader&, const std::string& key)> read;
};

using Fields = std::map<std::string, Field>;

//! A field for each member of the settings at a place of the draft. \param section what stands before the keys
template <class Place>
void add_fields(Fields& f, const std::string& section, Place place, bool of_pack = false) {
  std::decay_t<decltype(place(std::declval<Draft&>()))>::members([&](const auto& one) {
    using T = typename std::decay_t<decltype(one)>::Type;
    // Others could not set the keys of a [[dataset]] itself (suite.cpp).
    if (one.suite_key.empty() || (of_pack && (one.key == "name" || one.key == "source"))) return;
    const std::string key = section + std::string(one.suite_key);
    f[key] = {{key, of_pack, settings::member_text(one)},
              [place, at = one.at](Draft& draft, core::ObjectReader& object, const std::string& name) {
                place(draft).*at = settings::read_member<T>(object, name);
              }};
  });
}

const Fields& fields() {
  static const Fields all = [] {
    Fields f;
    add_fields(
        f, "", [](Draft & d) -> auto& { return d; });
    add_fields(
        f, "network.", [](Draft & d) -> auto& { return d.network; });
    add_fields(
        f, "train.", [](Draft & d) -> auto& { return d.recipe; });
    add_fields(
        f, "train.", [](Draft & d) -> auto& { return d.epochs; });
    add_fields(
        f, "train.copies.", [](Draft & d) -> auto& { return d.recipe.copies; });
    add_fields(
        f, "split.", [](Draft & d) -> auto& { return d.split; });
    add_fields(
        f, "evaluate.", [](Draft & d) -> auto& { return d.protocol; });
    methods::for_each_method([&]<class Options>() {
      add_fields(
          f, fmt::format("{}.", Options::kMethod), [](Draft & d) -> auto& { return d.section<Options>(); });
    });
    add_fields(
        f, "", [](Draft & d) -> auto& { return d.pack; }, true);
    add_fields(
        f, "degradation.", [](Draft & d) -> auto& { return d.pack.degradation; }, true);
    return f;
  }();
  return all;
}

void apply(Draft& draft, const std::string& key, const Setting& setting) {
  const auto field = fields().find(key);
  if (field == fields().end()) return;  // of a method in Python: add_settings() has let no other pass
  const core::Json holder = {{key, setting.value}};
  core::ObjectReader object(holder, setting.place);
  field->second.read(draft, object, key);
}

//! "network.backbone" for "backbone": short for what nearly every suite names.
std::string canonical(const std::string& key) { return key == "backbone" ? "network.backbone" : key; }

[[noreturn]] void refuse_unknown(const std::string& key, const Node& node, const PythonMethods& methods,
                                 const std::vector<std::string>& own_keys) {
  std::vector<std::string> known = setting_keys();
  known.insert(known.end(), own_keys.begin(), own_keys.end());
  for (const auto& [id, method] : methods)
    for (const PythonOption& option : method.options) known.push_back(id + "." + option.name);
  known.push_back("backbone");
  for (const std::string& name : known)
    if (name.starts_with(key + "."))
      throw core::input_error(fmt::format("{}: key '{}' is not a table", node.place, key),
                              fmt::format("it holds keys such as '{}'", name));
  const Synonym* synonym = synonym_of(key);
  throw core::input_error(fmt::format("{}: key '{}' is unknown", node.place, key), {},
                          synonym != nullptr ? hint_of(*synonym) : settings::nearest_key(key, known));
}

//! An empty table sets nothing, but a misspelt one must not pass.
void refuse_unless_prefix(const std::string& key, const Node& node, const PythonMethods& methods) {
  if (methods.contains(key)) return;
  for (const auto& [name, field] : fields())
    if (name.starts_with(key + ".")) return;
  refuse_unknown(key, node, methods, {});
}

//! The value of a key of ours, if the key may stand there.
Setting checked_setting(const std::string& key, const Node& node, PackKeys pack_keys, const PythonMethods& methods,
                        const std::vector<std::string>& own_keys) {
  const auto found = fields().find(key);
  if (found == fields().end()) refuse_unknown(key, node, methods, own_keys);
  if (node.kind == Node::Kind::kTables)
    throw core::input_error(fmt::format("{}: key '{}' holds tables", node.place, key), "a value is needed");
  if (found->second.text.of_pack && pack_keys == PackKeys::kRefused)
    throw core::input_error(fmt::format("{}: key '{}' stands in a row", node.place, key),
                            "it decides what is in a pack, which rows share",
                            "give it to a [[dataset]], to [defaults] or to a profile");
  const Setting setting{node.value, node.place};
  Draft scratch;
  apply(scratch, key, setting);
  return setting;
}

//! The method in Python whose option "ID.NAME" is, or would be; null for any other key.
const PythonMethod* method_of_option(const PythonMethods& methods, const std::string& key) {
  const std::size_t dot = key.find('.');
  const auto found = dot == std::string::npos ? methods.end() : methods.find(key.substr(0, dot));
  return found == methods.end() ? nullptr : &found->second;
}

//! The value of a key that is an option of a method in Python.
Setting option_setting(const std::string& key, const Node& node, const PythonMethod& method) {
  const std::string section = key.substr(0, key.find('.') + 1);
  std::vector<std::string> known;
  for (const PythonOption& option : method.options) {
    known.push_back(section + option.name);
    if (known.back() != key) continue;
    const core::Json holder = {{key, node.value}};
    core::ObjectReader object(holder, node.place);
    try {
      return {option.value_in(object, key), node.place};
    } catch (const core::RuntimeError& error) {
      throw core::input_error(error.what(), {}, fmt::format("see {}:{}", method.file, option.line));
    }
  }
  throw core::input_error(fmt::format("{}: key '{}' is unknown", node.place, key),
                          fmt::format("the options of '{}' stand in {}:{}", method.name, method.file, method.line),
                          known.empty() ? "it has none" : settings::nearest_or_all(key, known));
}

}  // namespace

std::string in_other_words(const std::string& key) {
  static constexpr std::pair<std::string_view, std::string_view> kPairs[] = {
      {"train.steps", "train.epochs"},
      {"train.milestones", "train.milestone_epochs"},
      {"train.warmup_steps", "train.warmup_epochs"}};
  for (const auto& [steps, epochs] : kPairs) {
    if (key == steps) return std::string(epochs);
    if (key == epochs) return std::string(steps);
  }
  return {};
}

void add_settings(Settings& layer, const std::vector<Member>& members, PackKeys pack_keys, const PythonMethods& methods,
                  const std::vector<std::string>& own_keys, const std::string& prefix) {
  for (const auto& [name, node] : members) {
    const std::string key = canonical(prefix.empty() ? name : prefix + "." + name);
    const PythonMethod* in_python = method_of_option(methods, key);
    if (node.kind == Node::Kind::kTable && in_python == nullptr) {
      if (node.members.empty()) refuse_unless_prefix(key, node, methods);
      add_settings(layer, node.members, pack_keys, methods, own_keys, key);
      continue;
    }
    const Setting setting = in_python != nullptr ? option_setting(key, node, *in_python)
                                                 : checked_setting(key, node, pack_keys, methods, own_keys);
    const auto [at, inserted] = layer.emplace(key, setting);
    if (!inserted)
      throw core::input_error(fmt::format("{}: key '{}' stands twice", node.place, key),
                              fmt::format("first at {}", at->second.place));
    if (const auto other = layer.find(in_other_words(key)); other != layer.end())
      throw core::input_error(
          fmt::format("{}: key '{}' stands beside '{}'", node.place, key, other->first),
          fmt::format("that one is at {}; each says the same, in epochs or in steps", other->second.place),
          "leave one of them out");
  }
}

Settings laid_over(const Settings& under, const Settings& over) {
  Settings result = over;
  for (const auto& [key, setting] : under)
    if (!over.contains(in_other_words(key))) result.emplace(key, setting);
  return result;
}

Draft make_draft(const Settings& settings) {
  Draft draft;
  for (const auto& [key, setting] : settings) apply(draft, key, setting);
  return draft;
}

const std::vector<SettingText>& setting_texts() {
  static const std::vector<SettingText> texts = [] {
    std::vector<SettingText> all;
    for (const auto& [key, field] : fields()) all.push_back(field.text);
    return all;
  }();
  return texts;
}

std::string settings_table(bool of_pack) {
  std::string table = "| key | default | may be | meaning |\n|---|---|---|---|\n";
  for (const auto& [key, decides_pack, text] : setting_texts()) {
    if (decides_pack != of_pack) continue;
    const std::string standard = text.standard_text();
    table += fmt::format("| `{}` | {} | {} | {} |\n", key, standard.empty() ? "" : "`" + standard + "`",
                         text.range().empty() ? text.type : text.range(), text.help);
  }
  return table;
}

std::vector<std::string> setting_keys() {
  std::vector<std::string> keys;
  for (const SettingText& setting : setting_texts()) keys.push_back(setting.key);
  return keys;
}

}  // namespace resolute::experiments
