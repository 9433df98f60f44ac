#include <numeric>
#include <tuple>

#include "methods/row.h"
#include "methods/rules.h"
#include "settings/member_checks.h"
#include "settings/names.h"
#include "settings/trunk_shape.h"

namespace resolute::methods {

using settings::MemberError;
using settings::text_of;

namespace {

void check_levels(const std::vector<int>& rates, const std::vector<int>& widths) {
  constexpr std::size_t kFewest = ResolutionAdaptiveOptions::kFewestLevels,
                        kMost = ResolutionAdaptiveOptions::kMostLevels;
  const char *key = "resolution_adaptive.level_rates", *width_key = "resolution_adaptive.widths";
  if (rates.size() < kFewest || rates.size() > kMost)
    throw MemberError(key, rates, fmt::format("{} to {} levels are needed", kFewest, kMost),
                      rates.size() < kFewest ? "use method 'baseline' where no levels are told apart" : "");
  check_last(key, rates);
  if (widths.size() != rates.size())
    throw MemberError(width_key, widths, fmt::format("'{}' has {} levels, each with a sub-vector", key, rates.size()),
                      fmt::format("name {} widths", rates.size()));
}

//! Progressive masks: every stage, so every mask, must have its turn.
void check_stages(const ResolutionAdaptiveOptions& o, const settings::NetworkSettings& network, int steps) {
  const std::int64_t masks = mask_count(o, network);
  const std::int64_t length = stage_steps(o, static_cast<int>(masks), steps);
  if (length == 0)
    throw MemberError("train.steps", steps,
                      fmt::format("the {} masks of '{}' are trained one after another, in {} stages of a step or more",
                                  masks, settings::word(network.backbone), masks + 1),
                      fmt::format("raise it to {} or set resolution_adaptive.masks = \"joint\"", masks + 1));
  if (masks * length < steps) return;
  const std::int64_t first = (steps + length - 1) / length;
  throw MemberError(
      "resolution_adaptive.stage_steps", o.stage_steps,
      fmt::format("{} of the {} masks of '{}' would never be trained: the training ends at step {} and stage {} begins "
                  "at step {}",
                  masks - first + 1, masks, settings::word(network.backbone), steps, first, first * length),
      steps > masks ? fmt::format("set it to {} at most, or to 0 for equal stages", (steps - 1) / masks)
                    : fmt::format("raise 'train.steps' above {}", masks * length));
}

//! Sub-vectors as equal as they can be.
std::vector<int> evenly(int dimensions, std::size_t parts) {
  const int count = static_cast<int>(parts);
  std::vector<int> widths(parts, dimensions / count);
  for (int i = 0; i < dimensions % count; ++i) ++widths[static_cast<std::size_t>(i)];
  return widths;
}

//! Resets the members that only levels of resolution read, in a method that treats every image alike. A neck normalises
//! sub-vector by sub-vector: their number and widths are then in the network all the same.
void reset_levels(ResolutionAdaptiveOptions& options, bool neck) {
  const ResolutionAdaptiveOptions defaults;
  const int dimensions = std::accumulate(options.widths.begin(), options.widths.end(), 0);
  const bool levels = !tells(options).level_rates.empty();
  if (!levels && !neck && dimensions >= static_cast<int>(defaults.widths.size())) {
    options.level_rates = defaults.level_rates;
    options.widths.resize(options.level_rates.size());
  }
  if (!levels) {
    int rate = static_cast<int>(options.level_rates.size());
    for (int& of_level : options.level_rates) of_level = rate--;
  }
  if (!options.varying_length && !neck) options.widths = evenly(dimensions, options.widths.size());
}

}  // namespace

int mask_count(const ResolutionAdaptiveOptions& options, const settings::NetworkSettings& network) {
  if (options.masks == Masks::kOff) return 0;
  const settings::TrunkShape shape = settings::trunk_shape(network);
  return options.mask_blocks == MaskBlocks::kStages ? static_cast<int>(shape.stages.size()) : shape.blocks();
}

int stage_steps(const ResolutionAdaptiveOptions& options, int masks, int steps) {
  return options.stage_steps != 0 ? options.stage_steps : steps / (masks + 1);
}

bool stages_follow_length(const ResolutionAdaptiveOptions& options) {
  return options.masks == Masks::kProgressive && options.stage_steps == 0;
}

void fill_in_stages(ResolutionAdaptiveOptions& options, const settings::NetworkSettings& network, int steps) {
  if (options.masks == Masks::kProgressive)
    options.stage_steps = stage_steps(options, mask_count(options, network), steps);
}

MaskStage mask_stage(std::uint64_t step, int masks, int length) {
  const auto t = static_cast<std::uint64_t>(length);
  const std::uint64_t stage = std::min<std::uint64_t>(step / t, static_cast<std::uint64_t>(masks));
  return {static_cast<int>(stage), step - stage * t};
}

void check_with(const ResolutionAdaptiveOptions& o, const TrainingSettings& training) {
  check_levels(o.level_rates, o.widths);
  if (!o.classification && !o.verification)
    throw MemberError("resolution_adaptive.verification", "false",
                      "with 'resolution_adaptive.classification' off too no loss is left");
  if (o.masks == Masks::kProgressive) check_stages(o, training.network, training.recipe.steps);
  if (o.masks == Masks::kProgressive && settings::is_among(frozen_groups(training.recipe), "networks"))
    throw MemberError("freeze", "\"networks\"", "no mask learns before its stage, so nothing would in the first one",
                      "set resolution_adaptive.masks = \"joint\"");
  if (training.recipe.labelled_fraction == 0)
    throw MemberError("train.labelled_fraction", "0", "every loss of 'resolution_adaptive' needs labels");
}

void reset_unread(ResolutionAdaptiveOptions& options, settings::NetworkSettings& network,
                  const settings::Recipe& recipe) {
  const ResolutionAdaptiveOptions defaults;
  // It stands before the classifier alone.
  if (!options.classification) network.neck = settings::NetworkSettings().neck;
  reset_levels(options, network.neck);
  if (options.masks == Masks::kOff) {
    options.mask_blocks = defaults.mask_blocks;
    options.mask_mean = defaults.mask_mean;
    options.mask_deviation = defaults.mask_deviation;
    options.mask_learning_rate = defaults.mask_learning_rate;
  }
  ResolutionAdaptiveOptions as_long = options;
  as_long.stage_steps = defaults.stage_steps;
  const int masks = mask_count(options, network);
  if (options.masks != Masks::kProgressive ||
      stage_steps(options, masks, recipe.steps) == stage_steps(as_long, masks, recipe.steps))
    options.stage_steps = defaults.stage_steps;
  if (!options.verification) {
    options.verification_weight = defaults.verification_weight;
    options.verification_width = defaults.verification_width;
  }
}

// Progressive masks count their stages in tensors: whole networks of such a training would begin at the last stage.
bool same_tensors(const ResolutionAdaptiveOptions& a, const ResolutionAdaptiveOptions& b) {
  const auto shape = [](const ResolutionAdaptiveOptions& o) {
    return std::tuple(o.level_rates, o.widths, o.masks, o.mask_blocks, o.classification, o.verification,
                      o.verification ? o.verification_width : 0);
  };
  return a.masks != Masks::kProgressive && shape(a) == shape(b);
}

}  // namespace resolute::methods
