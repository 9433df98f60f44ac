#include <algorithm>
#include <map>

#include "core/error.h"
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

void choose_columns(SuiteText& suite, const std::vector<std::string>& by_option,
                    const std::vector<std::vector<std::string>>& by_profile) {
  std::vector<std::string> known;
  for (const DatasetText& dataset : suite.datasets) known.push_back(dataset.id);
  for (const std::string& id : by_option)
    if (!settings::is_among(known, id))
      throw core::input_error(fmt::format("--datasets: '{}' has no data set '{}'", suite.file, id), {},
                              settings::nearest_or_all(id, known));
  const std::vector<std::string>& everywhere = by_option.empty() ? by_profile.back() : by_option;
  for (TableText& table : suite.tables) {
    const std::vector<std::string>& wanted = everywhere.empty() ? by_profile[table.base] : everywhere;
    if (wanted.empty()) continue;
    const auto unwanted = [&](const std::string& column) {
      const ColumnSets sets = sets_of(column);
      return !settings::is_among(wanted, sets.trained_on) || !settings::is_among(wanted, sets.asked_on);
    };
    std::erase_if(table.datasets, unwanted);
    if (std::ranges::any_of(table.mean_of.value, unwanted)) table.mean_of.value.clear();
    if (table.datasets.empty()) suite.left_out.push_back(table);
  }
  std::erase_if(suite.tables, [](const TableText& table) { return table.datasets.empty(); });
  if (suite.tables.empty() && suite.searches.empty())
    throw core::input_error(
        fmt::format("no table of '{}' has a column that is asked for", suite.file),
        !by_option.empty()   ? fmt::format("--datasets asks for '{}' alone", fmt::join(by_option, "', '"))
        : everywhere.empty() ? "the keys 'datasets' of the included suites' profiles name none that a table has"
                             : fmt::format("the profile's key 'datasets' is ['{}']", fmt::join(everywhere, "', '")),
        "ask for a data set that a table names");
}

void take_stand_ins(SuiteText& suite, const std::function<bool(std::size_t file)>& asks) {
  for (DatasetText& dataset : suite.datasets) {
    if (dataset.synthetic || !asks(dataset.base) || !has_column(suite, dataset.id)) continue;
    if (!dataset.stand_in)
      throw core::input_error(fmt::format("{}: data set '{}' has no stand-in", dataset.place, dataset.id),
                              "stand-ins are asked for in the place of all images",
                              "give it a [dataset.stand_in], or leave it out by --datasets");
    dataset.synthetic = dataset.stand_in;
  }
}

}  // namespace resolute::experiments
