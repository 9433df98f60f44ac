#pragma once
//! \file
//! Options of resolution-adaptive representations.

#include <cstdint>
#include <vector>

#include "methods/mining.h"

namespace resolute::methods {

//! Masks one after another, all from the first step, or none.
enum class Masks { kProgressive, kJoint, kOff };
constexpr auto words_of(Masks) { return settings::words("progressive", "joint", "off"); }

//! A mask behind every residual block, or behind each of the four stages.
enum class MaskBlocks { kBlocks, kStages };
constexpr auto words_of(MaskBlocks) { return settings::words("blocks", "stages"); }

//! Resolution-adaptive representations (Wu et al., "Learning Resolution-Adaptive Representations for Cross-Resolution
//! Person Re-Identification", arXiv 2207.13037). Plain, with neither varying length nor masks, it is a trunk with a
//! linear layer, classification and verification.
struct ResolutionAdaptiveOptions {
  static constexpr const char* kMethod = "resolution_adaptive";
  static constexpr int kRevision = 1;
  static constexpr std::size_t kFewestLevels = 2, kMostLevels = 4;  //!< m
  static constexpr int kLargestWidth = 16'384;
  //! The rate of each level of resolution, from the lowest, level 1, to the highest, level m: 2 to 4, descending, the
  //! last 1.
  std::vector<int> level_rates = {4, 3, 2, 1};
  std::vector<int> widths = {512, 512, 512, 512};
  bool varying_length = true;
  Masks masks = Masks::kProgressive;
  MaskBlocks mask_blocks = MaskBlocks::kBlocks;
  double mask_mean = 0;
  double mask_deviation = 1;
  double mask_learning_rate = 3.5e-4;
  int stage_steps = 0;
  bool classification = true;
  bool verification = true;
  double verification_weight = 1;
  int verification_width = 512;
  bool operator==(const ResolutionAdaptiveOptions&) const = default;

  static void members(auto&& visit) {
    using O = ResolutionAdaptiveOptions;
    using namespace settings;
    visit(member("level_rates", &O::level_rates, descending(1, kLargestRate),
                 "the rate of each level of resolution, level 1 first: 2 to 4, the last 1. An image is of the level "
                 "whose rate is nearest to its own by their ratio, of two the lower"));
    visit(member("widths", &O::widths, between(1, kLargestWidth),
                 "dimensions of the sub-vectors v_1 to v_m, one per level"));
    visit(member("varying_length", &O::varying_length,
                 "an image of level k has v_1 to v_k, and a query of level k is compared by these; off: all of v"));
    visit(member("masks", &O::masks,
                 "progressive: from the output downwards, one per stage; joint: all from the first step; or off")
              .deviation([](const O& o) { return o.masks == Masks::kJoint; }, "one mask after another"));
    visit(
        member("mask_blocks", &O::mask_blocks, "a mask behind each residual block, or behind each stage of the trunk")
            .deviation([](const O& o) { return o.mask_blocks == MaskBlocks::kStages; }, "behind each residual block"));
    visit(member("mask_mean", &O::mask_mean, between(-20, 20), "of a mask's values before the sigmoid at the start"));
    visit(member("mask_deviation", &O::mask_deviation, between(0, 10),
                 "standard deviation of a mask's values before the sigmoid at the start"));
    visit(member("mask_learning_rate", &O::mask_learning_rate, above_zero(10),
                 "of the masks, which follows the schedule of train.learning_rate; they have no weight decay"));
    visit(
        member("stage_steps", &O::stage_steps, at_least(0),
               "DEVIATION: a stage without masks comes before the first mask, with which Algorithm 1 begins. T: steps "
               "of a stage of progressive masks; the last stage takes the rest. 0: train.steps / (masks + 1), rounded "
               "down")
            .deviation([](const O& o) { return o.masks == Masks::kProgressive; }, "no stage without masks"));
    visit(member("classification", &O::classification, "the loss of identities; this or the verification"));
    visit(member("verification", &O::verification, "the loss that tells pairs of one identity from others"));
    visit(member("verification_weight", &O::verification_weight, between(0, 1e6), "lambda"));
    visit(member("verification_width", &O::verification_width, between(1, kLargestWidth),
                 "hidden units of the MLP that tells pairs of one identity from others"));
  }
};

//! is_paced_by_length() (methods/rules.h) of this method.
bool stages_follow_length(const ResolutionAdaptiveOptions& options);
//! fill_in_pace() of this method.
void fill_in_stages(ResolutionAdaptiveOptions& options, const settings::NetworkSettings& network, int steps);
//! same_networks() of this method.
bool same_tensors(const ResolutionAdaptiveOptions& a, const ResolutionAdaptiveOptions& b);

RESOLUTE_METHOD(ResolutionAdaptiveOptions)

//! L: how many masks a network has, one behind each residual block or behind each stage; 0 with masks "off".
int mask_count(const ResolutionAdaptiveOptions& options, const settings::NetworkSettings& network);

//! T: steps of a stage of progressive masks. 0 where the training is too short for one step each.
//! \param masks L, of the network \param steps of the training
int stage_steps(const ResolutionAdaptiveOptions& options, int masks, int steps);

//! The stage of a training of progressive masks in a step.
struct MaskStage {
  int stage = 0;                //!< l: 0 before the first mask, then 1 (the mask nearest the output) to L
  std::uint64_t iteration = 0;  //!< steps of this stage before this step
  bool operator==(const MaskStage&) const = default;
};

//! Stage l holds steps l·T to (l + 1)·T − 1, the last one all that follow. \param step 0, 1, … \param length T, at
//! least 1
MaskStage mask_stage(std::uint64_t step, int masks, int length);

}  // namespace resolute::methods
