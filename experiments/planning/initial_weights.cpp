#include "experiments/planning/initial_weights.h"

#include <algorithm>

#include "core/hash/sha256.h"
#include "settings/names.h"

namespace resolute::experiments {

//! Those that the draft names.
NamedWeights InitialWeights::named(const Combination& combination, const Draft& draft) {
  const std::string& name = draft.weights;
  if (const auto known = known_.find(name); known != known_.end()) return known->second;
  const auto refuse = [&](const std::string& why, const std::string& suggestion) {
    combination.refuse("weights", "'" + name + "'", why, suggestion);
  };
  if (!is_weights_name(name)) refuse("a name of weights has 1 to 64 characters of a-z, 0-9 and '-'", "");
  const std::string backbone(settings::word(draft.network.backbone)), command = import_command(name, backbone);
  const auto found = catalogue_.find(name);
  if (!found) {
    std::vector<std::string> names = {"none", "imagenet"};
    for (const std::string& one : catalogue_.names()) names.push_back(one);
    std::string suggestion = name == "imagenet" ? "" : settings::did_you_mean(name, names);
    // A SHA-256 that is no file's stands for them. Each backbone's could be another file: nothing is remembered of it.
    if (suggestion.empty() && options_.estimate) {
      missing_.insert({name, backbone});
      return {name, core::sha256_hex("weights that are not imported: " + name), backbone, "", ""};
    }
    if (suggestion.empty())
      suggestion = fmt::format(
          "import them ({}), run with --from-scratch, which every table then says, or set "
          "weights=none",
          command);
    refuse("the store has no weights of that name", suggestion);
  }
  if (options_.need_roots && !catalogue_.has_file(*found))
    refuse(fmt::format("their file weights/{}.safetensors is missing in the store", found->sha256),
           fmt::format("import them again ({})", command));
  return known_.emplace(name, *found).first->second;
}

bool InitialWeights::is_missing(const std::string& name) const {
  return std::ranges::any_of(missing_, [&](const MissingWeights& one) { return one.name == name; });
}

std::string InitialWeights::find(const Combination& combination, const Draft& draft, TableFacts& facts) {
  if (!draft.recipe.program_options.empty()) return {};  // the method's own business
  if (draft.weights == "none") {
    facts.from_scratch = true;
    return {};
  }
  if (options_.from_scratch) {
    const std::string suggestion =
        draft.weights == "imagenet" ? "" : settings::did_you_mean(draft.weights, {"none", "imagenet"});
    if (!is_weights_name(draft.weights) || (!suggestion.empty() && !catalogue_.find(draft.weights)))
      named(combination, draft);
    facts.dropped_weights.insert(draft.weights);
    return {};
  }
  const NamedWeights weights = named(combination, draft);
  const std::string_view backbone = settings::word(draft.network.backbone);
  if (weights.backbone != backbone)
    combination.refuse("weights", "'" + draft.weights + "'",
                       fmt::format("they are of the backbone {}, not {}", weights.backbone, backbone),
                       "import weights of this backbone under another name, or set weights=none");
  facts.weights.insert(is_missing(weights.name) ? fmt::format("{} ({}, not imported)", weights.name, weights.backbone)
                                                : fmt::format("{} ({}, SHA-256 {})", weights.name, weights.backbone,
                                                              weights.sha256.substr(0, 12)));
  return weights.sha256;
}

}  // namespace resolute::experiments
