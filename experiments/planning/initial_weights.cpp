#include "experiments/planning/initial_weights.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "core/hash/sha256.h"
#include "experiments/specification/stages.h"
#include "settings/names.h"

namespace resolute::experiments {

namespace {

enum class SamePeople { kNo, kYes, kUnknown };

//! Two packs' people. The data set's name tells those of lists and folders of one's own apart.
SamePeople same_people(const PackSettings& a, const PackSettings& b) {
  using settings::Source;
  const auto names_itself = [](Source source) {
    return source == Source::kCsv || source == Source::kMlrFolders || source == Source::kMlrFoldersByIdentity ||
           source == Source::kMlrFoldersByResolution;
  };
  if (a.synthetic || b.synthetic)
    return a.source == b.source && a.synthetic == b.synthetic ? SamePeople::kYes : SamePeople::kNo;
  if (a.source == b.source && (!names_itself(a.source) || a.name == b.name)) return SamePeople::kYes;
  if (names_itself(a.source) || names_itself(b.source)) return SamePeople::kUnknown;
  // cuhk03 and cuhk03-detected show the same people.
  const auto family = [](Source source) {
    const std::string_view word = settings::word(source);
    return word.substr(0, word.find('-'));
  };
  return family(a.source) == family(b.source) ? SamePeople::kUnknown : SamePeople::kNo;
}

}  // namespace

const InitialWeights::Origin& InitialWeights::origin_of(const std::string& sha256) {
  const auto [at, fresh] = origins_.try_emplace(sha256);
  Origin& origin = at->second;
  if (!fresh) return origin;
  for (auto training = catalogue_.origin(sha256); training && origin.trainings.size() < kMostStages;) {
    const TrainingSpecification& last = origin.trainings.emplace_back(std::move(*training));
    if (last.initial_weights.empty() && !last.start_from) {
      origin.complete = true;
      break;
    }
    training =
        last.start_from ? catalogue_.training(last.start_from->training) : catalogue_.origin(last.initial_weights);
  }
  return origin;
}

void InitialWeights::check_people(const Combination& combination, const NamedStart& start,
                                  const TrainingSpecification& training) {
  // Commands that make no jobs show what there is.
  if (start.sha256.empty() || is_missing(start.name) || !(options_.need_roots || options_.estimate)) return;
  const std::string& earlier_row = combination.row.start_from.value;
  const Origin& origin = origin_of(start.sha256);
  bool known = origin.complete;
  for (const TrainingSpecification& before : origin.trainings) {
    for (const JoinedSet& set : sets_of(before)) {
      const SamePeople same = same_people(set.pack, training.pack);
      known = known && same != SamePeople::kUnknown;
      if (same == SamePeople::kYes && !tests_strangers(set.split, training.split))
        combination.refuse(
            earlier_row.empty() ? "weights" : "start_from",
            "'" + (earlier_row.empty() ? start.name : earlier_row) + "'",
            fmt::format("trial {} tests people whom {} trained on, in training {} of this store", training.seed,
                        earlier_row.empty() ? "they were" : "its weights '" + start.name + "' were",
                        short_id(job_id(before))),
            "start from the row that trained them (start_from), whose trials have the same people");
    }
  }
  if (!known) of_unknown_people_.insert(start.name);
}

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
    const char* why = "the store has no weights of that name";
    if (!suggestion.empty()) refuse(why, suggestion);
    try {
      if (!options_.estimate && !first_missing_)
        refuse(why, fmt::format("import them ({}), run with --from-scratch, which every table then says, or set "
                                "weights=none",
                                command));
    } catch (const core::RuntimeError& error) {
      first_missing_ = error;
    }
    // A SHA-256 that is no file's stands for them. Each backbone's could be another file: nothing is remembered of it.
    missing_.insert({name, backbone});
    return {name, core::sha256_hex("weights that are not imported: " + name), backbone, "", ""};
  }
  if (options_.need_roots && !catalogue_.has_file(*found))
    refuse(fmt::format("their file weights/{}.safetensors is missing in the store", found->sha256),
           fmt::format("import them again ({})", command));
  return known_.emplace(name, *found).first->second;
}

void InitialWeights::refuse_missing() const {
  if (!first_missing_) return;
  std::vector<std::string> commands;
  for (const MissingWeights& one : missing_) commands.push_back(import_command(one.name, one.backbone));
  if (commands.size() == 1) throw core::RuntimeError(*first_missing_);
  throw core::input_error(
      fmt::format("{}; {} are missing in all: {}", first_missing_->what(), commands.size(), fmt::join(commands, "; ")));
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
