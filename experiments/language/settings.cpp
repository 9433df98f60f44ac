#include "experiments/language/settings.h"

#include <algorithm>
#include <functional>

#include "experiments/language/names.h"

namespace resolute::experiments {
namespace {

struct Field {
  bool of_pack;
  settings::MemberText text;
  //! Reads `key` of the one-member object into its place.
  std::function<void(Draft&, core::ObjectReader&, const std::string& key)> read;
};

template <class Place>
Field field(Place place, bool of_pack = false) {
  return {of_pack, [place](Draft& draft, core::ObjectReader& object, const std::string& key) {
            auto& member = place(draft);
            member = settings::read_member<std::decay_t<decltype(member)>>(object, key);
          }};
}

template <class Place>
Field pack_field(Place place) {
  return field(place, true);
}

using Fields = std::map<std::string, Field>;

//! A field for each member of the settings at a place of the draft. \param section what stands before the keys
template <class Place>
void add_described(Fields& f, const std::string& section, Place place) {
  std::decay_t<decltype(place(std::declval<Draft&>()))>::members([&](const auto& one) {
    if (!one.suite_key.empty())
      f[section + std::string(one.suite_key)] =
          field([ place, at = one.at ](Draft & d) -> auto& { return place(d).*at; });
  });
}

void add_split_fields(Fields& f) {
  f["split.partition"] = field([](Draft & d) -> auto& { return d.split.partition; });
  f["split.lr_side"] = field([](Draft & d) -> auto& { return d.split.lr_side; });
  f["split.test_identities"] = field([](Draft & d) -> auto& { return d.split.test_identities; });
  f["split.lr_camera"] = field([](Draft & d) -> auto& { return d.split.lr_camera; });
  f["split.train_identities"] = field([](Draft & d) -> auto& { return d.split.train_identities; });
  f["split.query_rates"] = field([](Draft & d) -> auto& { return d.split.query_rates; });
  f["split.train_pool"] = field([](Draft & d) -> auto& { return d.split.train_pool; });
}

void add_pack_fields(Fields& f) {
  f["rates"] = pack_field([](Draft & d) -> auto& { return d.pack.rates; });
  f["kernel"] = pack_field([](Draft & d) -> auto& { return d.pack.kernel; });
  f["height"] = pack_field([](Draft & d) -> auto& { return d.pack.height; });
  f["width"] = pack_field([](Draft & d) -> auto& { return d.pack.width; });
  f["view_from"] = pack_field([](Draft & d) -> auto& { return d.pack.view_from; });
  f["shards"] = pack_field([](Draft & d) -> auto& { return d.pack.shards; });
}

const Fields& fields() {
  static const Fields all = [] {
    Fields f;
    add_described(
        f, "", [](Draft & d) -> auto& { return d; });
    add_described(
        f, "network.", [](Draft & d) -> auto& { return d.network; });
    add_described(
        f, "train.", [](Draft & d) -> auto& { return d.recipe; });
    add_described(
        f, "evaluate.", [](Draft & d) -> auto& { return d.protocol; });
    methods::for_each_method([&]<class Options>() {
      add_described(
          f, fmt::format("{}.", Options::kMethod), [](Draft & d) -> auto& { return d.section<Options>(); });
    });
    add_split_fields(f);
    add_pack_fields(f);
    return f;
  }();
  return all;
}

void apply(Draft& draft, const std::string& key, const Setting& setting) {
  const core::Json holder = {{key, setting.value}};
  core::ObjectReader object(holder, setting.place);
  fields().at(key).read(draft, object, key);
}

//! "network.backbone" for "backbone": short for what nearly every suite names.
std::string canonical(const std::string& key) { return key == "backbone" ? "network.backbone" : key; }

[[noreturn]] void refuse_unknown(const std::string& key, const Node& node, const std::vector<std::string>& own_keys) {
  std::vector<std::string> known = setting_keys();
  known.insert(known.end(), own_keys.begin(), own_keys.end());
  known.push_back("backbone");
  for (const std::string& name : known)
    if (name.starts_with(key + "."))
      throw core::input_error(fmt::format("{}: key '{}' is not a table", node.place, key),
                              fmt::format("it holds keys such as '{}'", name));
  throw core::input_error(fmt::format("{}: key '{}' is unknown", node.place, key), {}, did_you_mean(key, known));
}

//! An empty table sets nothing, but a misspelt one must not pass.
void refuse_unless_prefix(const std::string& key, const Node& node) {
  for (const auto& [name, field] : fields())
    if (name.starts_with(key + ".")) return;
  refuse_unknown(key, node, {});
}

}  // namespace

void add_settings(Settings& layer, const std::vector<Member>& members, PackKeys pack_keys,
                  const std::vector<std::string>& own_keys, const std::string& prefix) {
  for (const auto& [name, node] : members) {
    const std::string key = canonical(prefix.empty() ? name : prefix + "." + name);
    if (node.kind == Node::Kind::kTable) {
      if (node.members.empty()) refuse_unless_prefix(key, node);
      add_settings(layer, node.members, pack_keys, own_keys, key);
      continue;
    }
    const auto found = fields().find(key);
    if (found == fields().end()) refuse_unknown(key, node, own_keys);
    if (node.kind == Node::Kind::kTables)
      throw core::input_error(fmt::format("{}: key '{}' holds tables", node.place, key), "a value is needed");
    if (found->second.of_pack && pack_keys == PackKeys::kRefused)
      throw core::input_error(fmt::format("{}: key '{}' stands in a row", node.place, key),
                              "it decides what is in a pack, which rows share",
                              "give it to a [[dataset]], to [defaults] or to a profile");
    const Setting setting{node.value, node.place};
    Draft scratch;
    apply(scratch, key, setting);
    const auto [at, inserted] = layer.emplace(key, setting);
    if (!inserted)
      throw core::input_error(fmt::format("{}: key '{}' stands twice", node.place, key),
                              fmt::format("first at {}", at->second.place));
  }
}

Settings laid_over(const Settings& under, const Settings& over) {
  Settings result = over;
  result.insert(under.begin(), under.end());
  return result;
}

Draft make_draft(const Settings& settings) {
  Draft draft;
  for (const auto& [key, setting] : settings) apply(draft, key, setting);
  return draft;
}

std::vector<std::string> setting_keys() {
  std::vector<std::string> keys;
  for (const auto& [key, field] : fields()) keys.push_back(key);
  return keys;
}

}  // namespace resolute::experiments
