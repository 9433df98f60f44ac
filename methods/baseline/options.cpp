#include "methods/rules.h"
#include "settings/member_checks.h"

namespace resolute::methods {

void check_with(const BaselineOptions& o, const TrainingSettings& training) {
  if (!o.classification && !o.triplet)
    throw settings::MemberError("baseline.triplet", "false", "with 'baseline.classification' off too no loss is left");
  check_frozen_levels(training.network, o.classification, "'baseline.classification'");
  if (o.images == BaselineImages::kHr && o.triplet)
    check_hr_images(training.recipe, "the triplet loss of HR images alone needs 2 of them of each identity in a lane");
}

void reset_unread(BaselineOptions& options, settings::NetworkSettings&, const settings::Recipe&) {
  reset_triplet(options);
  reset_classification(options);
}

bool same_tensors(const BaselineOptions& a, const BaselineOptions& b) { return a.classification == b.classification; }

}  // namespace resolute::methods
