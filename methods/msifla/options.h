#pragma once
//! \file
//! Options of MSIFLA.

#include <vector>

#include "methods/mining.h"

namespace resolute::methods {

//! One re-ID network for each scale, or one for all.
enum class ReidNetworks { kPerScale, kShared };
constexpr auto words_of(ReidNetworks) { return settings::words("per-scale", "shared"); }

//! MSIFLA (Zhang et al., "Multi-Scale Image- and Feature-Level Alignment for Cross-Resolution Person
//! Re-Identification", Remote Sensing 16(2), 2024). With scales {1} it is table 2's Baseline, with a shared re-ID
//! network its "+ CMSR²".
struct MsiflaOptions {
  static constexpr const char* kMethod = "msifla";
  static constexpr int kRevision = 2;
  static constexpr std::size_t kMostScales = 4;
  static constexpr int kParts = 4;  //!< horizontal parts of a person or vehicle in a re-ID network's map
  //! Rates whose look the cascade's image-recovery (IR) networks aim at, in its order: 1 to 4 of them, descending, the
  //! last 1; each other one of train.train_rates.
  std::vector<int> scales = {3, 2, 1};
  ReidNetworks reid_networks = ReidNetworks::kPerScale;
  int reid_ensemble = 1;
  bool classification = true;
  bool triplet = true;
  double margin = 0.5;
  Mining mining = Mining::kBatchHard;
  double recovery_weight = 1;
  bool reid_into_ir = true;
  int ir_width = 64;
  bool ir_residual = false;
  double ir_learning_rate = 3e-3;
  int ir_warmup_steps = 0;
  bool unit_parts = false;
  bool operator==(const MsiflaOptions&) const = default;

  static void members(auto&& visit) {
    using O = MsiflaOptions;
    using namespace settings;
    visit(member("scales", &O::scales, descending(1, kLargestRate),
                 "one image-recovery (IR) network each, in this order: the rate whose look it aims at. 1 to 4, "
                 "the last 1, the others of train.train_rates"));
    visit(member("reid_networks", &O::reid_networks, "MR2L: a re-ID network for each scale; or shared: one for all"));
    visit(member("reid_ensemble", &O::reid_ensemble, between(1, kMostScales),
                 "a control for MR2L: so many re-ID networks on the one scale of scales = [1]")
              .silent_at_default()
              .deviation([](const O& o) { return o.reid_ensemble > 1; }, "one network of each scale"));
    visit(member("classification", &O::classification, "the re-ID networks' loss of identities; this or the triplets"));
    visit(member("triplet", &O::triplet, "the re-ID networks' triplet loss"));
    visit(member("margin", &O::margin, above_zero(100), "of the triplet loss"));
    visit(member("mining", &O::mining, "triplets: batch-hard, random, or all: the sum over every triplet"));
    visit(member("recovery_weight", &O::recovery_weight, above_zero(1e6),
                 "factor of L_IR (a mean over pixels), which decides what it is against L_ReID in the IR networks")
              .deviation([](const O& o) { return o.recovery_weight != 1; }, "1"));
    visit(member("reid_into_ir", &O::reid_into_ir, "the re-ID loss's gradient reaches the IR networks too"));
    visit(member("ir_width", &O::ir_width, between(2, 1024),
                 "channels of an IR network's first part, even; its second part has twice as many, the decoder's end "
                 "half"));
    visit(member("ir_residual", &O::ir_residual, "DEVIATION: an IR network adds its input to its output")
              .deviation([](const O& o) { return o.ir_residual; }, "its output alone"));
    visit(member("ir_learning_rate", &O::ir_learning_rate, above_zero(10),
                 "of the IR networks, which follows the schedule of train.learning_rate"));
    visit(member("ir_warmup_steps", &O::ir_warmup_steps, at_least(0),
                 "steps of the recovery loss alone before the re-ID networks begin, fewer than train.steps")
              .deviation([](const O& o) { return o.ir_warmup_steps > 0; }, "none"));
    visit(member("unit_parts", &O::unit_parts, "each part of the descriptor is divided by its length")
              .deviation([](const O& o) { return o.unit_parts; }, "parts as they are"));
  }
};

//! same_networks() (methods/rules.h) of this method.
bool same_tensors(const MsiflaOptions& a, const MsiflaOptions& b);

RESOLUTE_METHOD(MsiflaOptions)

}  // namespace resolute::methods
