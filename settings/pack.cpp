#include "settings/pack.h"

#include "settings/names.h"

namespace resolute::settings {
void check(const SyntheticSettings& s) { check_members(s, ""); }

void check(const PackSettings& p) {
  if (!is_plain_name(p.name))
    throw MemberError("id", quoted_text(p.name),
                      "a data set's name is 1 to 64 of a-z, 0-9 and '-', not starting with '-'");
  check_members(p, "");
  if (!p.synthetic) return;
  if (!facts_of(p.source).rendered)
    throw MemberError("source", fmt::format("'{}'", word(p.source)), "settings of synthetic images stand beside it");
  check(*p.synthetic);
}

core::Json settings_in_pack(const PackSettings& settings) { return to_json(settings, schema_of(settings)); }

PackSettings settings_of_pack(const core::Json& json, const std::string& where) {
  // It does not say its schema: its members do.
  int schema = 1;
  PackSettings::members([&](const auto& one) {
    if (json.contains(one.key)) schema = std::max(schema, one.schema);
  });
  return checked<PackSettings>(completed<PackSettings>(json, schema, where), where);
}

}  // namespace resolute::settings
