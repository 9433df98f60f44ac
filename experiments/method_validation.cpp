#include "experiments/method_validation.h"

#include <algorithm>
#include <limits>

#include "experiments/resolution_levels.h"
#include "experiments/trunk_shape.h"
#include "experiments/validation.h"

namespace resolute::experiments {
namespace {

constexpr std::size_t kMostScales = 4;
constexpr int kParts = 4;  // of MSIFLA's re-ID networks
constexpr int kLargestWidth = 16'384;

void check_mining(const std::string& key, const std::string& mining) {
  check_choice(key, mining, {"random", "batch-hard", "all"});
}

void check(const BaselineOptions& o) {
  check_choice("baseline.images", o.images, {"hr", "stored"});
  check_positive("baseline.margin", o.margin, 100);
  check_mining("baseline.mining", o.mining);
  check_real("baseline.classification_weight", o.classification_weight, 0, 1e6);
  if (!o.classification && !o.triplet)
    throw MemberError("baseline.triplet", "false", "with 'baseline.classification' off too no loss is left");
}

//! For triplets among HR images alone. One image of an identity is told of by check_lanes().
void check_hr_images(const Recipe& r, std::string_view why) {
  if (r.images >= 2 && r.images - r.lr_images < 2)
    throw MemberError("train.lr_images", std::to_string(r.lr_images), why,
                      fmt::format("lower it or raise 'train.images' to {}", r.lr_images + 2));
}

constexpr const char* kHrTriplets = "the HR triplets need 2 HR images of each identity in a lane";

//! What it asks of a batch.
void check(const BaselineOptions& o, const Recipe& r) {
  if (o.images == "hr" && o.triplet)
    check_hr_images(r, "the triplet loss of HR images alone needs 2 of them of each identity in a lane");
}

void check(const RainOptions& o) {
  check_ascending("rain.levels", o.levels, 1, 5);
  check_positive("rain.margin", o.margin, 100);
  check_mining("rain.mining", o.mining);
  check_choice("rain.adversary", o.adversary, {"off", "minimax", "non-saturating"});
  if (o.levels.empty() && o.adversary != "off")
    throw MemberError("rain.levels", "[]", fmt::format("the adversary '{}' has no level to work on", o.adversary),
                      "name levels, or set rain.adversary = \"off\"");
  if (!o.levels.empty() && o.adversary == "off")
    throw MemberError("rain.levels", text_of(o.levels), "with 'rain.adversary' off there is none");
  check_choice("rain.updates", o.updates, {"alternating", "simultaneous"});
  check_choice("rain.discriminator", o.discriminator, {"convolutional", "pixelwise"});
  check_choice("rain.decoder", o.decoder, {"nearest", "transposed"});
  check_choice("rain.supervision", o.supervision, {"all", "hr-only-labels"});
  check_real("rain.adversarial_weight", o.adversarial_weight, 0, 1e6);
  check_real("rain.reconstruction_weight", o.reconstruction_weight, 0, 1e6);
  if (!o.classification && !o.triplet && !o.reconstruction && o.levels.empty())
    throw MemberError("rain.adversary", "'off'", "every other loss is off too, so none is left");
}

//! What RAIN asks of a batch.
void check(const RainOptions& o, const Recipe& r) {
  if (r.labelled_fraction == 0 && !o.reconstruction && o.levels.empty())
    throw MemberError("train.labelled_fraction", "0",
                      "without labels, 'rain.reconstruction' and an adversary no loss is left");
  if (o.triplet) check_hr_images(r, kHrTriplets);
}

void check(const FtwaOptions& o) {
  check_positive("ftwa.margin", o.margin, 100);
  check_mining("ftwa.mining", o.mining);
  check_real("ftwa.classification_weight", o.classification_weight, 0, 1e6);
  check_real("ftwa.triplet_weight", o.triplet_weight, 0, 1e6);
  check_real("ftwa.transformation_weight", o.transformation_weight, 0, 1e6);
  check_choice("ftwa.transformation_detach", o.transformation_detach, {"hr", "lr", "none"});
  check_range("ftwa.transformation_blocks", o.transformation_blocks, 1, 16);
  check_choice("ftwa.classification_weighting", o.classification_weighting, {"per-sample", "batch-mean"});
  check_choice("ftwa.triplet_weighting", o.triplet_weighting, {"per-sample", "batch-mean"});
  check_real("ftwa.weight_balance", o.weight_balance, 0, 1e6);
  if (o.weighting && !(o.transformation && o.transformed_losses))
    throw MemberError("ftwa.weighting", "true",
                      fmt::format("the weights compare features with transformed ones, and 'ftwa.{}' is off",
                                  o.transformation ? "transformed_losses" : "transformation"),
                      "set ftwa.weighting = false");
  if (o.weighting && !o.classification && !o.triplet)
    throw MemberError("ftwa.weighting", "true", "classification and triplet, which the weights weigh, are off",
                      "set ftwa.weighting = false");
  if (!o.classification && !o.triplet && !o.transformation)
    throw MemberError("ftwa.transformation", "false", "every other loss is off too, so none is left");
}

//! What FTWA asks of a batch.
void check(const FtwaOptions& o, const Recipe& r) {
  if (r.lr_images == 0)
    throw MemberError("train.lr_images", "0", "'ftwa' has a stream of LR images",
                      r.images < 2 ? "raise 'train.images' to 2 and set it to 1"
                                   : fmt::format("set it to half of 'train.images', {}", r.images / 2));
  if (o.weighting && o.triplet && o.triplet_weighting == "per-sample" && 2 * r.lr_images != r.images)
    throw MemberError(
        "train.lr_images", std::to_string(r.lr_images),
        fmt::format("with 'ftwa.triplet_weighting' 'per-sample' the HR and LR rows of an identity pair off, "
                    "so it must be half of 'train.images', {}",
                    r.images));
  if (o.triplet && !(o.transformation && o.transformed_losses)) check_hr_images(r, kHrTriplets);
  if (r.labelled_fraction == 0 && !o.transformation)
    throw MemberError("train.labelled_fraction", "0", "without labels and 'ftwa.transformation' no loss is left");
}

//! Rates, one at least, from the lowest resolution to that of the HR image.
void check_descending(const std::string& key, const std::vector<int>& rates) {
  for (std::size_t i = 0; i < rates.size(); ++i) {
    if (rates[i] < 1 || rates[i] > kLargestRate)
      throw MemberError(key, text_of(rates), fmt::format("each must be 1 to {}", kLargestRate));
    if (i > 0 && rates[i] >= rates[i - 1]) throw MemberError(key, text_of(rates), "they must descend, none twice");
  }
  if (rates.back() != 1)
    throw MemberError(key, text_of(rates), "the last must be 1, that of the HR image", "end it with 1");
}

//! The cascade's scales, and the copies that its IR networks aim at.
void check_scales(const std::vector<int>& scales, const std::vector<int>& train_rates) {
  const char* key = "msifla.scales";
  if (scales.empty() || scales.size() > kMostScales)
    throw MemberError(key, text_of(scales), fmt::format("1 to {} scales are needed", kMostScales));
  check_descending(key, scales);
  for (int scale : scales)
    if (scale != 1 && std::find(train_rates.begin(), train_rates.end(), scale) == train_rates.end())
      throw MemberError(key, text_of(scales),
                        fmt::format("the IR network of scale {} aims at copies at that rate, and 'train.train_rates' "
                                    "is {}",
                                    scale, text_of(train_rates)),
                        fmt::format("add {} to 'train.train_rates'", scale));
}

void check(const MsiflaOptions& o) {
  check_choice("msifla.reid_networks", o.reid_networks, {"per-scale", "shared"});
  check_positive("msifla.margin", o.margin, 100);
  check_mining("msifla.mining", o.mining);
  check_range("msifla.ir_width", o.ir_width, 2, 1024);
  if (o.ir_width % 2 != 0)
    throw MemberError("msifla.ir_width", std::to_string(o.ir_width), "a decoder's last channels are half of it",
                      fmt::format("set it to {}", o.ir_width + 1));
  check_positive("msifla.ir_learning_rate", o.ir_learning_rate, 10);
  check_positive("msifla.recovery_weight", o.recovery_weight, 1e6);
  if (!o.classification && !o.triplet)
    throw MemberError("msifla.triplet", "false",
                      "with 'msifla.classification' off too no loss trains the re-ID networks");
}

//! What MSIFLA asks of a batch and its pool.
void check(const MsiflaOptions& o, const Recipe& r, const SplitSettings& split) {
  check_scales(o.scales, r.train_rates);
  check_range("msifla.ir_warmup_steps", o.ir_warmup_steps, 0, r.steps - 1);
  if (r.train_rates.front() == 1)
    throw MemberError("train.train_rates", text_of(r.train_rates),
                      "'msifla' recovers copies at every rate, and a copy at rate 1 is the HR image, which it has",
                      "leave 1 out");
  if (r.lr_images == 0 && split.train_pool != "mlr")
    throw MemberError(
        "train.lr_images", "0",
        fmt::format("the training pool '{}' has no LR images, so the re-ID networks would see none", split.train_pool),
        r.images < 2 ? "raise 'train.images' to 2 and set it to 1"
                     : fmt::format("set it to half of 'train.images', {}", r.images / 2));
  if (r.labelled_fraction == 0)
    throw MemberError("train.labelled_fraction", "0", "without labels no loss trains the re-ID networks");
}

//! What MSIFLA asks of its images' size: IR networks halve them twice, re-ID networks cut f5 into parts.
void check_size(const NetworkSettings& network, const PackSettings& pack) {
  for (const auto& [key, side] : {std::pair("height", pack.height), std::pair("width", pack.width)})
    if (side % 4 != 0)
      throw MemberError(key, std::to_string(side), "'msifla' halves images twice, so it must be a multiple of 4",
                        fmt::format("set it to {}", side + 4 - side % 4));
  const int stride = trunk_stride(network);
  if (const int rows = (pack.height + stride - 1) / stride; rows < kParts)
    throw MemberError("height", std::to_string(pack.height),
                      fmt::format("'msifla' cuts the last feature map into {} parts, and that of '{}' has {} rows",
                                  kParts, network.backbone, rows),
                      fmt::format("raise it to {}", (kParts - 1) * stride + 4));
}

void check_levels(const std::vector<int>& rates, const std::vector<int>& widths) {
  const char* key = "resolution_adaptive.level_rates";
  if (rates.size() < kFewestLevels || rates.size() > kMostLevels)
    throw MemberError(key, text_of(rates), fmt::format("{} to {} levels are needed", kFewestLevels, kMostLevels),
                      rates.size() < kFewestLevels ? "use method 'baseline' where no levels are told apart" : "");
  check_descending(key, rates);
  const char* width_key = "resolution_adaptive.widths";
  if (widths.size() != rates.size())
    throw MemberError(width_key, text_of(widths),
                      fmt::format("'{}' has {} levels, each with a sub-vector", key, rates.size()),
                      fmt::format("name {} widths", rates.size()));
  for (int width : widths)
    if (width < 1 || width > kLargestWidth)
      throw MemberError(width_key, text_of(widths), fmt::format("each must be 1 to {}", kLargestWidth));
}

void check(const ResolutionAdaptiveOptions& o) {
  check_levels(o.level_rates, o.widths);
  check_choice("resolution_adaptive.masks", o.masks, {"off", "joint", "progressive"});
  check_choice("resolution_adaptive.mask_blocks", o.mask_blocks, {"blocks", "stages"});
  check_real("resolution_adaptive.mask_mean", o.mask_mean, -20, 20);
  check_real("resolution_adaptive.mask_deviation", o.mask_deviation, 0, 10);
  check_positive("resolution_adaptive.mask_learning_rate", o.mask_learning_rate, 10);
  check_range("resolution_adaptive.stage_steps", o.stage_steps, 0, std::numeric_limits<int>::max());
  check_real("resolution_adaptive.verification_weight", o.verification_weight, 0, 1e6);
  check_range("resolution_adaptive.verification_width", o.verification_width, 1, kLargestWidth);
  if (!o.classification && !o.verification)
    throw MemberError("resolution_adaptive.verification", "false",
                      "with 'resolution_adaptive.classification' off too no loss is left");
}

//! Progressive masks: every stage, so every mask, must have its turn.
void check_stages(const ResolutionAdaptiveOptions& o, const NetworkSettings& network, int steps) {
  const std::int64_t masks = mask_count(o, network);
  const std::int64_t length = stage_steps(o, static_cast<int>(masks), steps);
  if (length == 0)
    throw MemberError("train.steps", std::to_string(steps),
                      fmt::format("the {} masks of '{}' are trained one after another, in {} stages of a step or more",
                                  masks, network.backbone, masks + 1),
                      fmt::format("raise it to {} or set resolution_adaptive.masks = \"joint\"", masks + 1));
  if (masks * length < steps) return;
  const std::int64_t first = (steps + length - 1) / length;
  throw MemberError(
      "resolution_adaptive.stage_steps", std::to_string(o.stage_steps),
      fmt::format("{} of the {} masks of '{}' would never be trained: the training ends at step {} and stage {} begins "
                  "at step {}",
                  masks - first + 1, masks, network.backbone, steps, first, first * length),
      steps > masks ? fmt::format("set it to {} at most, or to 0 for equal stages", (steps - 1) / masks)
                    : fmt::format("raise 'train.steps' above {}", masks * length));
}

//! What resolution_adaptive asks of a training.
void check(const ResolutionAdaptiveOptions& o, const NetworkSettings& network, const Recipe& r) {
  if (o.masks == "progressive") check_stages(o, network, r.steps);
  if (r.labelled_fraction == 0)
    throw MemberError("train.labelled_fraction", "0", "every loss of 'resolution_adaptive' needs labels");
}

}  // namespace

void check_method(const TrainingSpecification& s) {
  std::visit([](const auto& options) { check(options); }, s.method);
  if (const auto* baseline = std::get_if<BaselineOptions>(&s.method)) check(*baseline, s.recipe);
  if (const auto* rain = std::get_if<RainOptions>(&s.method)) check(*rain, s.recipe);
  if (const auto* ftwa = std::get_if<FtwaOptions>(&s.method)) check(*ftwa, s.recipe);
  if (const auto* msifla = std::get_if<MsiflaOptions>(&s.method)) {
    check(*msifla, s.recipe, s.split);
    check_size(s.network, s.pack);
  }
  if (const auto* adaptive = std::get_if<ResolutionAdaptiveOptions>(&s.method)) check(*adaptive, s.network, s.recipe);
}

}  // namespace resolute::experiments
