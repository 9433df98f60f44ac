#include "methods/rules.h"
#include "settings/member_checks.h"

namespace resolute::methods {

using settings::MemberError;

namespace {

void check_losses(const FtwaOptions& o) {
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

}  // namespace

void check_with(const FtwaOptions& o, const TrainingSettings& training) {
  check_losses(o);
  const settings::Recipe& r = training.recipe;
  if (r.lr_images == 0)
    throw MemberError("train.lr_images", "0", "'ftwa' has a stream of LR images", suggested_lr_images(r));
  if (o.weighting && o.triplet && o.triplet_weighting == Weighting::kPerSample && 2 * r.lr_images != r.images)
    throw MemberError(
        "train.lr_images", r.lr_images,
        fmt::format("with 'ftwa.triplet_weighting' 'per-sample' the HR and LR rows of an identity pair off, "
                    "so it must be half of 'train.images', {}",
                    r.images));
  if (o.triplet && !(o.transformation && o.transformed_losses)) check_hr_images(r);
  if (r.labelled_fraction == 0 && !o.transformation)
    throw MemberError("train.labelled_fraction", "0", "without labels and 'ftwa.transformation' no loss is left");
}

void reset_unread(FtwaOptions& options, settings::NetworkSettings&, const settings::Recipe&) {
  reset_triplet(options);
  reset_classification(options);
  const FtwaOptions defaults;
  if (!options.triplet) options.triplet_weight = defaults.triplet_weight;
  if (!options.transformation) {
    options.transformation_weight = defaults.transformation_weight;
    options.transformation_detach = defaults.transformation_detach;
    options.transformed_losses = defaults.transformed_losses;
    options.transformation_blocks = defaults.transformation_blocks;
  }
  if (!options.weighting) options.weight_balance = defaults.weight_balance;
  // The balance of weights looks at the same shares.
  if (!options.weighting || (!options.classification && options.weight_balance == 0))
    options.classification_weighting = defaults.classification_weighting;
  if (!options.weighting || !options.triplet) options.triplet_weighting = defaults.triplet_weighting;
}

}  // namespace resolute::methods
