#pragma once
//! \file
//! Options of MSIFLA.

#include <string>
#include <vector>

namespace resolute::methods {

//! MSIFLA (Zhang et al., "Multi-Scale Image- and Feature-Level Alignment for Cross-Resolution Person
//! Re-Identification", Remote Sensing 16(2), 2024). With scales {1} it is table 2's Baseline, with a shared re-ID
//! network its "+ CMSR²".
struct MsiflaOptions {
  static constexpr const char* kMethod = "msifla";
  static constexpr int kRevision = 1;
  //! Rates whose look the cascade's image-recovery (IR) networks aim at, in its order: 1 to 4 of them, descending, the
  //! last 1; each other one of train.train_rates.
  std::vector<int> scales = {3, 2, 1};
  std::string reid_networks = "per-scale";  //!< MR²L: one for each scale; or "shared": one for all
  bool classification = true;
  bool triplet = true;
  double margin = 0.5;
  std::string mining = "batch-hard";
  double recovery_weight = 1;  //!< factor of L_IR
  bool reid_into_ir = true;    //!< L_ReID's gradient reaches the IR networks too
  int ir_width = 64;           //!< channels of an encoder's first part; its second has twice, the decoder's end half
  bool ir_residual = false;    //!< an IR network adds its input to its output
  double ir_learning_rate = 3e-3;  //!< Adam; follows the schedule
  int ir_warmup_steps = 0;         //!< steps of L_IR alone, before the re-ID networks begin
  bool unit_parts = false;         //!< each part of the descriptor is divided by its length
  bool operator==(const MsiflaOptions&) const = default;
};

struct Row;
//! The method's row (methods/row.h).
Row row_of(const MsiflaOptions& options);

}  // namespace resolute::methods
