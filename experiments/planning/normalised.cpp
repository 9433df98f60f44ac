#include "experiments/planning/normalised.h"

#include <algorithm>

#include "methods/rules.h"

namespace resolute::experiments {
namespace {

//! Tells whether Recipe::copies_from makes a difference: the method looks at copies, one of them is not the HR image
//! itself, and the LR views of one of its packs are others than that pack's copies.
bool uses_copies_from(const TrainingSpecification& training) {
  const methods::Needs needs = methods::row(training.method).needs;
  return (needs.lr || needs.copies) && training.recipe.train_rates != std::vector{1} &&
         std::ranges::any_of(sets_of(training),
                             [](const JoinedSet& set) { return settings::views_differ_from_copies(set.pack); });
}

//! Settings of the copies that nothing reads take their defaults.
void reset_copies(TrainingSpecification& training) {
  const methods::Needs needs = methods::row(training.method).needs;
  Recipe& recipe = training.recipe;
  if (!needs.lr && !needs.copies) recipe.copies = {};
  if (!recipe.copies.rate.empty()) recipe.train_rates = Recipe().train_rates;
  if (!uses_copies_from(training)) recipe.copies_from = Recipe().copies_from;
}

//! Tells whether a step without any loss is the rule: the method learns from labels alone, and a batch holds less than
//! one on average. A step that is the exception decays weights as it always did, and ids stay.
bool often_lacks_losses(const TrainingSpecification& training) {
  const Recipe& r = training.recipe;
  const int draws = r.identities * (r.labelled_by == settings::LabelledBy::kIdentity ? 1 : r.images);
  return r.program == 0 && methods::row(training.method).needs.labels && r.labelled_fraction * draws < 1;
}

}  // namespace

TrainingSpecification normalised(TrainingSpecification training) {
  methods::reset_unread(training.method, training.network, training.recipe);
  // A method in Python looks at copies.
  if (training.recipe.program_options.empty()) reset_copies(training);
  if (const double labelled = training.recipe.labelled_fraction; labelled == 0 || labelled == 1)
    training.recipe.labelled_by = Recipe().labelled_by;
  if (const Recipe unread; training.recipe.jitter == 0) {
    training.recipe.jitter_brightness = unread.jitter_brightness;
    training.recipe.jitter_contrast = unread.jitter_contrast;
    training.recipe.jitter_saturation = unread.jitter_saturation;
    training.recipe.jitter_hue = unread.jitter_hue;
  }
  if (training.recipe.policy == settings::ColourPolicy::kNone)
    training.recipe.policy_magnitude = Recipe().policy_magnitude;
  if (training.recipe.schedule == settings::Schedule::kConstant) training.recipe.schedule = settings::Schedule::kStep;
  if (training.recipe.schedule == settings::Schedule::kPolynomial && training.recipe.power == 1)
    training.recipe.schedule = settings::Schedule::kLinear;
  if (training.network.frozen_levels == settings::kTrunkLevels) {
    training.recipe.trunk_learning_rate_factor = Recipe().trunk_learning_rate_factor;
    training.recipe.layer_decay = Recipe().layer_decay;
  }
  training.recipe.rests_without_loss = often_lacks_losses(training);
  return training;
}

EvaluationSpecification normalised(EvaluationSpecification evaluation, const TrainingSpecification& training) {
  const MethodOptions& method = training.method;
  EvaluationProtocol& protocol = evaluation.protocol;
  const EvaluationProtocol standard;
  const std::string distance = distance_asked(protocol, method);
  if (!compares_copies(method, distance)) protocol.gallery_copy_rate = standard.gallery_copy_rate;
  if (!distance.empty() && distance == distance_asked({}, method)) protocol.distance = standard.distance;
  if (!uses_levels(method)) protocol.query_level = standard.query_level;
  if (protocol.sample_rates.empty()) protocol.sample_identities = standard.sample_identities;
  if (protocol.name != settings::ProtocolName::kMultiShot) protocol.shots = standard.shots;
  if (protocol.name == settings::ProtocolName::kWholeGallery) protocol.draws = standard.draws;
  if (protocol.query_expansion == 0) protocol.query_expansion_alpha = standard.query_expansion_alpha;
  if (!protocol.re_ranking) {
    protocol.re_ranking_k1 = standard.re_ranking_k1;
    protocol.re_ranking_k2 = standard.re_ranking_k2;
    protocol.re_ranking_lambda = standard.re_ranking_lambda;
  }
  if (device_of(evaluation, training) == training.device) protocol.device = standard.device;
  if (protocol.query_rates == evaluation.split.query_rates) protocol.query_rates.clear();
  return evaluation;
}

}  // namespace resolute::experiments
