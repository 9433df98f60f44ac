#include "settings/pack.h"

#include "settings/names.h"

namespace resolute::settings {
void check(const SyntheticSettings& s) { check_members(s, ""); }

void check(const PackSettings& p) {
  if (!is_plain_name(p.name))
    throw MemberError("id", quoted_text(p.name), "a data set's name is 1 to 64 of a-z, 0-9 and '-', not starting with '-'");
  check_members(p, "");
  if (!p.synthetic) return;
  if (!facts_of(p.source).rendered)
    throw MemberError("source", fmt::format("'{}'", word(p.source)), "settings of synthetic images stand beside it");
  check(*p.synthetic);
}

core::Json settings_in_pack(const PackSettings& settings) {
  core::Json json = to_json(settings);
  const PackSettings defaults;
  PackSettings::members([&](const auto& one) {
    if (!one.stands_by_default && settings.*one.at == defaults.*one.at) json.erase(std::string(one.key));
  });
  return json;
}

PackSettings settings_of_pack(core::Json json, const std::string& where) {
  const core::Json defaults = to_json(PackSettings());
  PackSettings::members([&](const auto& one) {
    const std::string key(one.key);
    if (!one.stands_by_default && json.is_object()) json.emplace(key, defaults.at(key));
  });
  return checked<PackSettings>(json, where);
}

}  // namespace resolute::settings
