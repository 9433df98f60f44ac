#pragma once
//! \file
//! The numbers of an evaluation that a table can show (docs/formats/result.md says what they are).

#include <optional>
#include <string>
#include <vector>

#include "experiments/specification.h"

namespace resolute::experiments {

//! The metrics that a [[table]] may name, in the order of the documentation; those of recovered images at rates 2, 3
//! and 4 only.
const std::vector<std::string>& metric_names();

//! True for every metric that a [[table]] may name: metric_names(), and those of recovered images at any rate.
bool is_metric(const std::string& name);

//! True for a metric that each query has a value of, so that two rows can be compared query by query.
bool is_per_query(const std::string& metric);

//! True for a fraction, which tables print in per cent; the others (weights, rank correlations, the spread of masks,
//! PSNR, SSIM) stand as they are.
bool is_fraction(const std::string& metric);

//! True for a metric of the weights that a method gives its branches.
bool is_of_weights(const std::string& metric);

//! True for a metric of the levels of resolution that queries are taken for.
bool is_of_levels(const std::string& metric);

//! True for a metric of the masks that a method scales its maps with.
bool is_of_masks(const std::string& metric);

//! True for a rank correlation of weights with the rate, from -1 to 1.
bool is_correlation(const std::string& metric);

//! What a metric tells of the images that a method's decoder recovers.
enum class RecoveryMetric {
  kRecoveredPsnr,  //!< "recovered_psnr_R": PSNR of recovered images against their HR originals, dB
  kEnlargedPsnr,   //!< "enlarged_psnr_R": the same of the LR images as they are, enlarged
  kPsnrGain,       //!< "psnr_gain_R": the first minus the second
  kRecoveredSsim,  //!< "recovered_ssim_R", "enlarged_ssim_R": SSIM, -1 to 1
  kEnlargedSsim,
};
struct RecoveryMetricName {
  RecoveryMetric metric = RecoveryMetric::kRecoveredPsnr;
  int rate = 2;  //!< R: that of the LR images, 2 to 16
};
//! What a metric's name means; nothing for metrics of other things.
std::optional<RecoveryMetricName> recovery_metric(const std::string& name);

//! Whether a row can have a metric: correlations where its method learns weights (FTWA with its weighting), means over
//! test pairs where it also compares by them (the "weighted" distance), metrics of recovered images where its method
//! has a decoder (MSIFLA, RAIN with its reconstruction), of levels where it treats them apart (uses_levels()), of masks
//! where it has those. A row that cannot stays without that number in a table whose other rows have it.
bool has_metric(const MethodOptions& method, const EvaluationProtocol& protocol, const std::string& metric);

}  // namespace resolute::experiments
