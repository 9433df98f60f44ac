#include <map>

#include "experiments/language/table_reader.h"
#include "experiments/suite_parts.h"
#include "settings/names.h"

namespace resolute::experiments {
namespace {

Profile read_profile(const Node& node, const std::string& name, const std::vector<std::string>& datasets,
                     const PythonMethods& methods) {
  TableReader reader(node, name);
  Profile profile;
  if (reader.find("stand_ins") != nullptr) profile.stand_ins = reader.value<bool>("stand_ins");
  if (reader.find("datasets") != nullptr) profile.datasets = reader.names("datasets", datasets);
  add_settings(profile.settings, reader.rest(), PackKeys::kAllowed, methods, reader.known());
  return profile;
}

}  // namespace

Profile read_profiles(const Node* profiles, const std::string& chosen, const std::string& file,
                      const std::vector<std::string>& datasets, const PythonMethods& methods, bool needed) {
  std::map<std::string, Profile> known;
  if (profiles != nullptr) {
    const TableReader checked(*profiles, "[profiles]");
    for (const Member& member : profiles->members)
      known[member.key] = read_profile(member.node, fmt::format("[profiles.{}]", member.key), datasets, methods);
  }
  if (chosen.empty()) return {};
  if (const auto found = known.find(chosen); found != known.end()) return found->second;
  if (!needed) return {};
  std::vector<std::string> names;
  names.reserve(known.size());
  for (const auto& [name, profile] : known) names.push_back(name);
  throw core::input_error(fmt::format("--profile {}: '{}' has no such profile", chosen, file),
                          names.empty() ? "it has no [profiles.NAME]" : "", settings::nearest_or_all(chosen, names));
}

}  // namespace resolute::experiments
