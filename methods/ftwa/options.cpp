#include <tuple>

#include "methods/rules.h"
#include "settings/member_checks.h"

namespace resolute::methods {

using settings::MemberError;

FtwaSection FtwaOptions::section() const {
  const FtwaShared& shared = *this;
  return {shared, transforms(), transformed_losses() || !transforms(), weighs()};
}

FtwaOptions FtwaOptions::of(const FtwaSection& section) {
  const FtwaShared& shared = section;
  if (section.transformation && section.transformed_losses)
    return {shared, section.weighting ? FtwaForm::kWeighted : FtwaForm::kTransformed};
  if (section.weighting)
    throw MemberError("ftwa.weighting", "true",
                      fmt::format("the weights compare features with transformed ones, and 'ftwa.{}' is off",
                                  section.transformation ? "transformed_losses" : "transformation"),
                      "set ftwa.weighting = false");
  return {shared, section.transformation ? FtwaForm::kAside : FtwaForm::kStreams};
}

namespace {

void check_losses(const FtwaOptions& o) {
  if (o.weighs() && !o.classification && !o.triplet)
    throw MemberError("ftwa.weighting", "true", "classification and triplet, which the weights weigh, are off",
                      "set ftwa.weighting = false");
  if (!o.classification && !o.triplet && !o.transforms())
    throw MemberError("ftwa.transformation", "false", "every other loss is off too, so none is left");
}

}  // namespace

void check_with(const FtwaOptions& o, const TrainingSettings& training) {
  check_losses(o);
  check_frozen_levels(training.network, o.classification || o.transforms(),
                      "'ftwa.classification' and 'ftwa.transformation'");
  const settings::Recipe& r = training.recipe;
  if (r.lr_images == 0)
    throw MemberError("train.lr_images", "0", "'ftwa' has a stream of LR images", suggested_lr_images(r));
  if (o.weighs() && o.triplet && o.triplet_weighting == Weighting::kPerSample && 2 * r.lr_images != r.images)
    throw MemberError(
        "train.lr_images", r.lr_images,
        fmt::format("with 'ftwa.triplet_weighting' 'per-sample' the HR and LR rows of an identity pair off, "
                    "so it must be half of 'train.images', {}",
                    r.images));
  if (o.triplet && !o.transformed_losses()) check_hr_images(r);
  if (r.labelled_fraction == 0 && !o.transforms())
    throw MemberError("train.labelled_fraction", "0", "without labels and 'ftwa.transformation' no loss is left");
}

void reset_unread(FtwaOptions& options, settings::NetworkSettings&, const settings::Recipe&) {
  reset_triplet(options);
  reset_classification(options);
  const FtwaOptions defaults;
  if (!options.triplet) options.triplet_weight = defaults.triplet_weight;
  if (!options.transforms()) {
    options.transformation_weight = defaults.transformation_weight;
    options.transformation_detach = defaults.transformation_detach;
    options.transformation_blocks = defaults.transformation_blocks;
  }
  if (!options.weighs()) {
    options.weight_balance = defaults.weight_balance;
    options.weight_normalisation = defaults.weight_normalisation;
  }
  // The balance of weights looks at the same shares.
  if (!options.weighs() || (!options.classification && options.weight_balance == 0))
    options.classification_weighting = defaults.classification_weighting;
  if (!options.weighs() || !options.triplet) options.triplet_weighting = defaults.triplet_weighting;
}

bool same_tensors(const FtwaOptions& a, const FtwaOptions& b) {
  const auto shape = [](const FtwaOptions& o) {
    return std::tuple(o.classification, o.transforms(), o.transforms() ? o.transformation_blocks : 0, o.weighs(),
                      o.weighs() ? o.weight_normalisation : WeightNormalisation::kOff);
  };
  return shape(a) == shape(b);
}

}  // namespace resolute::methods
