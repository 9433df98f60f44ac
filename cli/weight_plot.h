#pragma once
//! \file
//! The picture of weights against rate in the page of `resolute suite panels`: what a method of two branches makes of
//! test images at several resolutions (docs/formats/weights.md).

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "results/branch_weights.h"
#include "results/rank_correlation.h"

namespace resolute::cli {

//! How one branch's weight goes with the rate, and what of the distance the HR branch decides; as an evaluation's
//! metrics have them.
struct WeightMetrics {
  std::optional<results::RankCorrelation> hr, lr;
  std::optional<double> hr_share;  //!< 0 to 1
};

//! Takes weight_hr_rho, weight_lr_rho (each with _low and _high) and hr_share of an evaluation's metrics, as far as
//! they are there.
WeightMetrics weight_metrics(const std::map<std::string, double>& metrics);

//! "rank correlation with the rate: w_HR −0.41 [−0.52, −0.30], w_LR +0.66 [+0.60, +0.71]; …"; empty: nothing is known.
std::string weight_metrics_text(const WeightMetrics& metrics);

//! An SVG element for a page that defines the classes of box_plot_style() (cli/box_plot.h): a column for the high side
//! and one for each rate of the low side, in each a box a weight, from the 25th to the 75th percentile with a line at
//! the median and whiskers from the 5th to the 95th. \param weights at least one \param description of the picture, for
//! those who do not see it; any text
std::string weight_plot_svg(const std::vector<results::BranchWeights>& weights, std::string_view description);

}  // namespace resolute::cli
