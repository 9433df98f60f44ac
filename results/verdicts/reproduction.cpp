#include "results/verdicts/reproduction.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>

#include "core/overloaded.h"

namespace resolute::results {
namespace {

using core::Json;

constexpr std::size_t kMostTensorsNamed = 8;

void flatten(const Json& value, const std::string& key, std::map<std::string, Json>& leaves) {
  if (!value.is_object()) {
    leaves[key] = value;
    return;
  }
  for (const auto& [name, member] : value.items()) flatten(member, key.empty() ? name : key + "." + name, leaves);
}

std::map<std::string, Json> values_of(const Record& record) {
  std::map<std::string, Json> leaves;
  flatten(core::parse_json(record_text(record), "record"), "", leaves);
  leaves.erase("weights_file");
  leaves.erase("provenance.numeric_class");
  return leaves;
}

std::string kind_of(const Record& record) {
  return std::visit(
      core::Overloaded{[](const ShardRecord&) { return "shard"; }, [](const SealRecord&) { return "seal"; },
                       [](const TrainingRecord&) { return "training"; },
                       [](const EvaluationRecord&) { return "evaluation"; }},
      record);
}

// "KEY=VALUE KEY=VALUE" → pairs, in order.
std::vector<std::pair<std::string, std::string>> parts_of(const std::string& numeric_class) {
  std::vector<std::pair<std::string, std::string>> parts;
  for (std::size_t begin = 0; begin < numeric_class.size();) {
    const std::size_t end = std::min(numeric_class.find(' ', begin), numeric_class.size());
    const std::string part = numeric_class.substr(begin, end - begin);
    const std::size_t equals = std::min(part.find('='), part.size());
    parts.emplace_back(part.substr(0, equals), part.substr(std::min(equals + 1, part.size())));
    begin = end + 1;
  }
  return parts;
}

// Each part of any of the classes, in the order in which they come, with its value in each; nothing where it is not.
std::vector<std::pair<std::string, std::vector<std::optional<std::string>>>> values_by_part(
    const std::vector<std::string>& classes) {
  std::vector<std::pair<std::string, std::vector<std::optional<std::string>>>> parts;
  for (std::size_t i = 0; i < classes.size(); ++i)
    for (auto& [key, value] : parts_of(classes[i])) {
      auto part =
          std::find_if(parts.begin(), parts.end(), [&name = key](const auto& one) { return one.first == name; });
      if (part == parts.end()) part = parts.insert(part, {key, {}});
      part->second.resize(classes.size());
      part->second[i] = std::move(value);
    }
  return parts;
}

std::string describe(const StepDifference& difference) {
  if (!difference.located) return "lane and tensor are not known: gradients.bin of one run lacks this step";
  std::string lanes = difference.lanes.empty() ? "no lane"
                                               : fmt::format("lane{} {}", difference.lanes.size() == 1 ? "" : "s",
                                                             fmt::join(difference.lanes, ", "));
  if (difference.tensors.empty()) return lanes + "; no tensor";
  const std::size_t named = std::min(difference.tensors.size(), kMostTensorsNamed);
  std::string tensors = fmt::format(
      "{}",
      fmt::join(difference.tensors.begin(), difference.tensors.begin() + static_cast<std::ptrdiff_t>(named), ", "));
  if (named < difference.tensors.size()) tensors += fmt::format(" and {} more", difference.tensors.size() - named);
  return fmt::format("{}; tensor{} {}", lanes, difference.tensors.size() == 1 ? "" : "s", tensors);
}

Json to_json(const StepDifference& difference) {
  return {{"step", difference.step},
          {"located", difference.located},
          {"lanes", difference.lanes},
          {"tensors", difference.tensors}};
}

bool whole(const Reproduction& reproduction) { return reproduction.again.has_value(); }

std::vector<RecordDifference> differences_of(const Reproduction& reproduction) {
  if (!whole(reproduction)) return {};
  return compare_records(reproduction.recorded, *reproduction.again);
}

std::string plain(const Json& value) {
  if (value.is_null()) return "nothing";
  return value.is_string() ? value.get<std::string>() : core::canonical_json(value);
}

// The parts that are the same, of a job whose every compared bit is.
std::string what_is_the_same(const Reproduction& reproduction) {
  const std::uint64_t compared = reproduction.gradients.compared;
  return std::visit(
      core::Overloaded{
          [](const ShardRecord& shard) { return fmt::format("shard {}, {} rows", shard.shard_sha256, shard.rows); },
          [](const SealRecord& seal) { return fmt::format("pack {}, {} rows", seal.pack_sha256, seal.rows); },
          [&](const TrainingRecord& training) {
            const std::string steps = compared == reproduction.asked_steps
                                          ? fmt::format("{} steps", compared)
                                          : fmt::format("{} of {} steps (the others are not in both logs)", compared,
                                                        reproduction.asked_steps);
            if (!whole(reproduction)) return fmt::format("the first {}; weights were not compared", steps);
            return fmt::format("{}, weights {}", steps, training.weights_sha256);
          },
          [](const EvaluationRecord& evaluation) {
            std::string same =
                fmt::format("features {}, {} metrics", evaluation.features_sha256, evaluation.metrics.size());
            if (!evaluation.outputs.empty()) same += fmt::format(", {} outputs", evaluation.outputs.size());
            return same;
          }},
      reproduction.recorded);
}

std::string class_note(const Reproduction& reproduction) {
  const std::string recorded = numeric_class_of(reproduction.recorded);
  const std::string& again = reproduction.numeric_class_again;
  if (recorded.empty() || again.empty() || recorded == again) return "";
  return describe_class_difference(recorded, again);
}

}  // namespace

std::vector<RecordDifference> compare_records(const Record& recorded, const Record& again) {
  const auto one = values_of(recorded);
  const auto other = values_of(again);
  std::set<std::string> keys;
  for (const auto& [key, _] : one) keys.insert(key);
  for (const auto& [key, _] : other) keys.insert(key);
  std::vector<RecordDifference> differences;
  for (const std::string& key : keys) {
    const auto left = one.find(key);
    const auto right = other.find(key);
    RecordDifference pair{key, left == one.end() ? Json() : left->second,
                          right == other.end() ? Json() : right->second};
    // Text against text: the shortest decimals of a double name its bits, and 0.0 is not -0.0.
    if (core::canonical_json(pair.recorded) != core::canonical_json(pair.again)) differences.push_back(std::move(pair));
  }
  return differences;
}

std::vector<std::string> class_differences(const std::vector<std::string>& classes) {
  std::vector<std::string> differences;
  const auto in_parts = [](const std::string& one) { return one.find('=') != std::string::npos; };
  if (std::ranges::any_of(classes, in_parts) && !std::ranges::all_of(classes, in_parts)) {
    // A program of somebody's says in words of its own what it is.
    for (const std::string& one : classes)
      differences.push_back(in_parts(one) ? "resolute-worker" : one.substr(0, one.find(',')));
    return {fmt::format("the program ({})", fmt::join(std::set(differences.begin(), differences.end()), ", "))};
  }
  for (const auto& [key, values] : values_by_part(classes)) {
    std::vector<std::string> texts;
    for (const auto& value : values) texts.push_back(value && !value->empty() ? *value : "none");
    if (std::set(texts.begin(), texts.end()).size() > 1)
      differences.push_back(fmt::format("{} ({})", key, fmt::join(texts, ", ")));
  }
  if (differences.empty()) differences.push_back(fmt::format("name ({})", fmt::join(classes, ", ")));
  return differences;
}

std::string describe_class_difference(const std::string& recorded, const std::string& again) {
  std::string text;
  for (const auto& [key, values] : values_by_part({recorded, again}))
    if (values[0] != values[1])
      text += fmt::format("{}{}={}, again {}", text.empty() ? "" : "; ", key, values[0].value_or("nothing"),
                          values[1].value_or("nothing"));
  return text;
}

bool same_bits(const Reproduction& reproduction) {
  return (whole(reproduction) || reproduction.gradients.compared > 0) && !reproduction.gradients.difference &&
         reproduction.disagreements.empty() && differences_of(reproduction).empty();
}

std::string to_text(const Reproduction& reproduction) {
  const std::string note = class_note(reproduction);
  if (same_bits(reproduction)) {
    const std::string although = note.empty() ? "" : fmt::format(", although the numeric class is another ({})", note);
    return fmt::format("same bits: {}{}\n", what_is_the_same(reproduction), although);
  }
  std::string text;
  for (const AttemptDisagreement& found : reproduction.disagreements)
    text += fmt::format("recorded attempts {} and {} differ from step {} on: {}\n", found.earlier, found.later,
                        found.difference.step, describe(found.difference));
  const auto differences = differences_of(reproduction);
  if (const auto& difference = reproduction.gradients.difference)
    text += fmt::format("first difference in step {}: {}\n", difference->step, describe(*difference));
  else if (std::holds_alternative<TrainingRecord>(reproduction.recorded) && reproduction.gradients.compared > 0)
    text += fmt::format("gradients are the same in {} of {} steps\n", reproduction.gradients.compared,
                        reproduction.asked_steps);
  for (const RecordDifference& found : differences)
    text += fmt::format("{} differs: recorded {}, again {}\n", found.key, plain(found.recorded), plain(found.again));
  if (whole(reproduction) && differences.empty()) text += "the result is the same\n";
  if (!note.empty()) text += fmt::format("the numeric class is another, and bits may differ with it: {}\n", note);
  return text;
}

Json to_json(const Reproduction& reproduction) {
  Json differences = Json::array();
  for (const RecordDifference& found : differences_of(reproduction))
    differences.push_back({{"key", found.key}, {"recorded", found.recorded}, {"again", found.again}});
  const auto& difference = reproduction.gradients.difference;
  const std::string recorded_class = numeric_class_of(reproduction.recorded);
  const std::string& class_again = reproduction.numeric_class_again;
  Json json = {{"job", job_of(reproduction.recorded).hex},
               {"kind", kind_of(reproduction.recorded)},
               {"same_bits", same_bits(reproduction)},
               {"first_difference", difference ? to_json(*difference) : Json()},
               {"differences", differences},
               {"numeric_class", Json()}};
  if (!recorded_class.empty())
    json["numeric_class"] = {{"recorded", recorded_class}, {"again", class_again.empty() ? Json() : Json(class_again)}};
  if (const auto* training = std::get_if<TrainingRecord>(&reproduction.recorded)) {
    const auto* again = reproduction.again ? std::get_if<TrainingRecord>(&*reproduction.again) : nullptr;
    json["weights"] = {{"recorded", training->weights_sha256}, {"again", again ? Json(again->weights_sha256) : Json()}};
    json["steps"] = reproduction.steps;
    json["steps_asked"] = reproduction.asked_steps;
    json["steps_compared"] = reproduction.gradients.compared;
    json["disagreements"] = Json::array();
    for (const AttemptDisagreement& found : reproduction.disagreements)
      json["disagreements"].push_back(
          {{"attempts", {found.earlier, found.later}}, {"first_difference", to_json(found.difference)}});
  }
  return json;
}

}  // namespace resolute::results
