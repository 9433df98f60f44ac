#pragma once
//! \file
//! Options of RAIN.

#include <string>
#include <vector>

namespace resolute::methods {

//! RAIN (Chen et al., AAAI 2019). Without the adversary it is the paper's "Baseline (train on HR & LR)" and "without
//! L_adv".
struct RainOptions {
  static constexpr const char* kMethod = "rain";
  static constexpr int kRevision = 1;
  std::vector<int> levels = {4,
                             5};  //!< feature levels with a discriminator, ascending, of 1..5; empty: adversary "off"
  bool classification = true;
  bool triplet = true;
  bool reconstruction = true;
  double margin = 0.3;
  std::string mining = "random";
  std::string adversary = "minimax";    //!< or "non-saturating", or "off" (exactly where levels are empty)
  std::string updates = "alternating";  //!< D steps, then the others against it; or "simultaneous": both from one state
  std::string discriminator = "convolutional";  //!< its layers, or "pixelwise": 1×1 convolutions alone
  std::string decoder = "nearest";              //!< its doublings, or "transposed" convolutions
  double adversarial_weight = 1.0;              //!< the paper's eq. 7 has 1
  double reconstruction_weight = 1.0;
  std::string supervision =
      "all";  //!< or "hr-only-labels": LR copies enter the adversarial and reconstruction losses alone
  bool operator==(const RainOptions&) const = default;
};

struct Row;
//! The method's row (methods/row.h).
Row row_of(const RainOptions& options);

}  // namespace resolute::methods
