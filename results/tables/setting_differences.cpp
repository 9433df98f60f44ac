#include "results/tables/setting_differences.h"

#include <set>

#include "settings/names.h"

namespace resolute::results {
namespace {

using core::Json;
using experiments::JobSpecification;

// A member of a specification as suites spell it, as far as they have it: "recipe.steps" is "train.steps".
std::string suite_key(const std::string& member, const std::string& method) {
  if (member == "protocol.name") return "evaluate.protocol";
  const std::size_t dot = member.find('.');
  const std::string section = member.substr(0, dot);
  const std::map<std::string, std::string> sections = {
      {"recipe", "train"}, {"protocol", "evaluate"}, {"options", method}};
  const auto other = sections.find(section);
  return other == sections.end() || dot == std::string::npos ? member : other->second + member.substr(dot);
}

void add_members(std::map<std::string, std::string>& members, const Json& value, const std::string& name,
                 const std::string& method) {
  if (!value.is_object()) {
    members[suite_key(name, method)] = value.dump();
    return;
  }
  for (const auto& [key, member] : value.items()) add_members(members, member, name + "." + key, method);
}

}  // namespace

std::map<std::string, std::string> settings_of(const experiments::TrainingSpecification& training,
                                               const experiments::EvaluationSpecification& evaluation,
                                               std::size_t trials) {
  std::map<std::string, std::string> members;
  const auto add = [&](const JobSpecification& specification, const std::set<std::string>& left_out) {
    const Json whole = experiments::to_json(specification);
    for (const auto& [key, value] : whole.items())
      if (!left_out.contains(key)) add_members(members, value, key, whole.value("method", ""));
  };
  add(evaluation, {"kind", "schema", "training", "pack", "split"});
  if (evaluation.pack != training.pack) {  // of its own set the training says the same
    const Json asked = experiments::to_json(evaluation);
    for (const char* part : {"pack", "split"})
      add_members(members, asked.at(part), std::string("evaluate_on.") + part, "");
  }
  add(training, {"kind", "schema", "seed", "method_revision", "joined"});
  std::vector<std::string> names;
  for (const experiments::JoinedSet& set : training.joined) {
    names.push_back(set.pack.name);
    const std::string of_set = "joined_with." + set.pack.name;
    add_members(members, settings::to_json(set.pack), of_set + ".pack", "");
    add_members(members, settings::to_json(set.split), of_set + ".split", "");
  }
  if (!names.empty()) members["joined_with"] = Json(names).dump();
  members["trials"] = std::to_string(trials);
  return members;
}

std::vector<DifferentSetting> different_settings(const std::map<std::string, std::string>& first,
                                                 const std::map<std::string, std::string>& second) {
  std::set<std::string> keys;
  for (const auto* members : {&first, &second})
    for (const auto& [key, value] : *members) keys.insert(key);
  const auto text_of = [](const std::map<std::string, std::string>& members, const std::string& key) {
    const auto member = members.find(key);
    return member == members.end() ? "" : member->second;
  };
  std::vector<DifferentSetting> differences;
  for (const std::string& key : keys)
    if (const std::string one = text_of(first, key), two = text_of(second, key); one != two)
      differences.push_back({key, one, two});
  return differences;
}

bool is_of_method(const std::string& key) {
  const std::string section = key.substr(0, key.find('.'));
  return section == "method" || settings::is_among(experiments::method_names(), section);
}

std::string value_text(const std::string& json) {
  constexpr std::size_t kHash = 64, kShown = 12;
  const Json value = json.empty() ? Json() : Json::parse(json);
  std::string text = value.is_string() ? value.get<std::string>() : value.is_null() ? "" : value.dump();
  if (text.empty()) return "none";
  return text.size() == kHash ? text.substr(0, kShown) : text;
}

}  // namespace resolute::results
