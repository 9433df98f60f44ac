#include "core/error.h"
#include "experiments/suite_parts.h"
#include "methods/row.h"
#include "settings/names.h"

namespace resolute::experiments {

core::Json json_of(const Node& node) {
  core::Json json = node.value;
  for (const Member& member : node.members) json[member.key] = json_of(member.node);
  for (const Node& table : node.tables) json.push_back(json_of(table));
  return json;
}

void check_same(const DatasetText& known, const DatasetText& again, const std::vector<Settings>& bases) {
  const auto refuse = [&](const std::string& key) {
    throw core::input_error(
        fmt::format("{}: key '{}' makes data set '{}' another one", again.place_of(key, again.place), key, again.id),
        fmt::format("a data set of that id stands at {}, and a suite has one of an id", known.place),
        "give both the same keys, or one of them another id");
  };
  for (const auto& [one, other] : {std::pair(&known.written, &again.written), {&again.written, &known.written}})
    for (const auto& [key, value] : one->items())
      // A file's settings of batches and methods there belong to its recipe, and reach its own tables alone.
      if (key != "train" && !settings::is_among(methods::method_names(), key) &&
          (!other->contains(key) || other->at(key) != value))
        refuse(key);
  const auto pack = [&](const DatasetText& dataset) {
    return make_draft(laid_over(bases[dataset.base], dataset.settings)).pack;
  };
  const PackSettings one = pack(known), other = pack(again);
  PackSettings::members([&](const auto& member) {
    if (one.*member.at != other.*member.at) refuse(std::string(member.key));
  });
}

}  // namespace resolute::experiments
