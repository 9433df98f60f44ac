//! What validate() refuses, member by member, and the one spelling of switched-off losses.

#include "experiments/validation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "core/error.h"
#include "experiments/language/normalised.h"
#include "tests/experiments/example_specifications.h"

namespace resolute::experiments::validation_test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

std::string violation_of(const std::function<void(TrainingSpecification&)>& change) {
  TrainingSpecification training = example_training();
  change(training);
  try {
    validate(training, "row");
  } catch (const core::RuntimeError& error) {
    return error.what();
  }
  return "";
}

using T = TrainingSpecification;

TEST(Validation, the_example_is_valid) {
  EXPECT_EQ("", violation_of([](T&) {}));
  EXPECT_NO_THROW(validate(example_evaluation(), "x"));
}

TEST(Validation, refuses_members_out_of_range) {
  EXPECT_THAT(violation_of([](T& t) { t.recipe.steps = 0; }), StartsWith("row: key 'train.steps' has the value 0"));
  EXPECT_THAT(violation_of([](T& t) { t.recipe.learning_rate = std::nan(""); }), HasSubstr("'train.learning_rate'"));
  EXPECT_THAT(violation_of([](T& t) { t.recipe.learning_rate = -1; }), HasSubstr("'train.learning_rate'"));
  EXPECT_THAT(violation_of([](T& t) { t.recipe.warmup_steps = 11; }), HasSubstr("'train.warmup_steps'"));
  EXPECT_THAT(violation_of([](T& t) { t.recipe.milestones = {5, 5}; }), HasSubstr("'train.milestones'"));
  EXPECT_THAT(violation_of([](T& t) {
                t.recipe.milestones = {5};
                t.recipe.schedule = "cosine";
              }),
              AllOf(HasSubstr("'train.milestones'"), HasSubstr("[5]"), HasSubstr("a cosine schedule has none")));
  EXPECT_THAT(violation_of([](T& t) { t.recipe.schedule = "linear"; }), HasSubstr("'train.schedule'"));
  EXPECT_THAT(violation_of([](T& t) { t.recipe.decay = "some"; }), HasSubstr("'train.decay'"));
  EXPECT_THAT(violation_of([](T& t) { t.recipe.gradient_clip = -1; }), HasSubstr("'train.gradient_clip'"));
  EXPECT_THAT(violation_of([](T& t) { t.recipe.label_smoothing = 1; }), HasSubstr("'train.label_smoothing'"));
  EXPECT_THAT(violation_of([](T& t) { t.recipe.precision = "f16"; }), HasSubstr("'train.precision'"));
  EXPECT_THAT(violation_of([](T& t) { t.recipe.flip = 1.5; }), HasSubstr("'train.flip'"));
  EXPECT_THAT(violation_of([](T& t) { t.recipe.pad = 33; }), HasSubstr("'train.pad'"));
  EXPECT_THAT(violation_of([](T& t) { t.recipe.train_rates = {}; }), HasSubstr("'train.train_rates'"));
  EXPECT_THAT(violation_of([](T& t) { t.recipe.train_rates = {5}; }), HasSubstr("data set 'easy' has rates [2, 3, 4]"));
  EXPECT_THAT(violation_of([](T& t) { t.recipe.images = 500'000; }), HasSubstr("'train.images'"));
  EXPECT_THAT(violation_of([](T& t) { t.lanes = 0; }), HasSubstr("'lanes'"));
  EXPECT_THAT(violation_of([](T& t) { t.lanes = 9; }), AllOf(HasSubstr("'train.identities'"), HasSubstr("9 lanes")));
  EXPECT_THAT(violation_of([](T& t) { t.device = "tpu"; }), HasSubstr("'device'"));
  EXPECT_THAT(violation_of([](T& t) { t.initial_weights = "abc"; }), HasSubstr("'initial_weights'"));
  EXPECT_THAT(violation_of([](T& t) { t.network.last_stride = 3; }), HasSubstr("'network.last_stride'"));
  EXPECT_THAT(violation_of([](T& t) { t.network.backbone = "vgg"; }), HasSubstr("'network.backbone'"));
  EXPECT_THAT(violation_of([](T& t) { t.split.query_rates = {8}; }), HasSubstr("'split.query_rates'"));
  EXPECT_THAT(violation_of([](T& t) { t.pack.name = "Up"; }), HasSubstr("'id'"));
  EXPECT_THAT(violation_of([](T& t) { t.pack.synthetic.reset(); }), HasSubstr("'source'"));
  EXPECT_THAT(violation_of([](T& t) { t.pack.source = settings::Source::kMarket1501; }), HasSubstr("'source'"));
  EXPECT_THAT(violation_of([](T& t) { t.method = RainOptions{.levels = {6}}; }), HasSubstr("'rain.levels'"));
  EXPECT_THAT(violation_of([](T& t) { t.method = RainOptions{.adversary = "wgan"}; }), HasSubstr("'rain.adversary'"));
  EXPECT_THAT(violation_of([](T& t) { t.method = RainOptions{.adversarial_weight = -1}; }),
              HasSubstr("'rain.adversarial_weight'"));
  EXPECT_THAT(violation_of([](T& t) { t.method = BaselineOptions{.classification = false, .triplet = false}; }),
              HasSubstr("'baseline.triplet'"));
  for (double fraction : {1.2, -0.1, std::nan("")})
    EXPECT_THAT(violation_of([&](T& t) { t.recipe.labelled_fraction = fraction; }),
                StartsWith("row: key 'train.labelled_fraction'"));
}

TEST(Validation, the_adversary_is_off_exactly_where_it_has_no_level) {
  auto rain = [](RainOptions options) { return violation_of([&](T& t) { t.method = options; }); };
  EXPECT_THAT(rain({.levels = {}}), AllOf(StartsWith("row: key 'rain.levels' has the value []"),
                                          HasSubstr("the adversary 'minimax' has no level to work on"),
                                          HasSubstr("rain.adversary = \"off\"")));
  EXPECT_THAT(rain({.levels = {5}, .adversary = "off"}), StartsWith("row: key 'rain.levels' has the value [5]"));
  EXPECT_EQ("", rain({.levels = {}, .adversary = "off"}));
  EXPECT_THAT(
      rain({.levels = {}, .classification = false, .triplet = false, .reconstruction = false, .adversary = "off"}),
      AllOf(StartsWith("row: key 'rain.adversary' has the value 'off'"), HasSubstr("every other loss is off too")));
  EXPECT_EQ("", rain({.levels = {5}, .classification = false, .triplet = false, .reconstruction = false}));
}

TEST(Validation, layers_and_updates_are_of_those_there_are) {
  auto rain = [](RainOptions options) { return violation_of([&](T& t) { t.method = options; }); };
  EXPECT_THAT(rain({.updates = "alternate"}), StartsWith("row: key 'rain.updates'"));
  EXPECT_THAT(rain({.discriminator = "pixel"}), StartsWith("row: key 'rain.discriminator'"));
  EXPECT_THAT(rain({.decoder = ""}), StartsWith("row: key 'rain.decoder'"));
  EXPECT_THAT(rain({.supervision = "some"}), StartsWith("row: key 'rain.supervision'"));
  EXPECT_EQ("", rain({.updates = "simultaneous",
                      .discriminator = "pixelwise",
                      .decoder = "transposed",
                      .supervision = "hr-only-labels"}));
}

TEST(Validation, rate_one_is_in_every_pack_and_rate_zero_in_none) {
  EXPECT_EQ("", violation_of([](T& t) { t.recipe.train_rates = {1}; }));
  EXPECT_EQ("", violation_of([](T& t) { t.split.query_rates = {1, 2}; }));
  EXPECT_THAT(violation_of([](T& t) { t.recipe.train_rates = {0}; }), HasSubstr("each must be 1 to 16"));
  EXPECT_THAT(violation_of([](T& t) { t.split.query_rates = {0, 2}; }), HasSubstr("each must be 1 to 16"));
  EXPECT_THAT(violation_of([](T& t) { t.pack.rates = {0, 2}; }), HasSubstr("each must be 1 to 16"));
}

TEST(Validation, one_image_an_identity_will_do_without_a_triplet_loss) {
  EXPECT_THAT(violation_of([](T& t) { t.recipe.images = 1; }), HasSubstr("'train.images'"));
  EXPECT_EQ("", violation_of([](T& t) {
              t.recipe.images = 1;
              t.method = RainOptions{.triplet = false};
            }));
}

TEST(Validation, shards_and_evaluations) {
  EXPECT_THROW(validate(ShardSpecification{example_pack(), 2}, "x"), core::RuntimeError);
  EXPECT_THROW(validate(ShardSpecification{example_pack(), -1}, "x"), core::RuntimeError);
  EvaluationSpecification evaluation = example_evaluation();
  evaluation.training.hex = "../../etc";
  EXPECT_THROW(validate(evaluation, "x"), core::RuntimeError);
  evaluation = example_evaluation();
  evaluation.protocol.draws = 0;
  EXPECT_THROW(validate(evaluation, "x"), core::RuntimeError);
  evaluation = example_evaluation();
  evaluation.protocol.query_rates = {8};
  EXPECT_THROW(validate(evaluation, "x"), core::RuntimeError);
}

TEST(Validation, what_an_evaluation_shows_and_samples) {
  auto violation = [](const std::function<void(EvaluationProtocol&)>& change) -> std::string {
    EvaluationSpecification evaluation = example_evaluation();
    change(evaluation.protocol);
    try {
      validate(evaluation, "row");
    } catch (const core::RuntimeError& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_EQ("", violation([](EvaluationProtocol& p) {
              p.panels = 7;
              p.sample_rates = {1, 2, 4};
              p.sample_identities = 5;
              p.resolution_probe = true;
            }));
  EXPECT_THAT(violation([](EvaluationProtocol& p) { p.panels = -1; }), StartsWith("row: key 'evaluate.panels'"));
  EXPECT_THAT(violation([](EvaluationProtocol& p) { p.panels = 33; }), StartsWith("row: key 'evaluate.panels'"));
  EXPECT_THAT(violation([](EvaluationProtocol& p) { p.sample_rates = {0}; }),
              StartsWith("row: key 'evaluate.sample_rates' has the value [0]"));
  EXPECT_THAT(violation([](EvaluationProtocol& p) {
                p.sample_rates = {2, 8};
              }),
              HasSubstr("data set 'easy' has rates [2, 3, 4]"));
  EXPECT_THAT(violation([](EvaluationProtocol& p) { p.sample_identities = 0; }),
              StartsWith("row: key 'evaluate.sample_identities'"));
}

TEST(Options, what_a_switched_off_loss_would_have_used_takes_its_default) {
  const auto of = [](const MethodOptions& options) {
    TrainingSpecification training;
    training.method = options;
    return normalised(training).method;
  };
  const RainOptions off{.levels = {1, 2},
                        .adversary = "off",
                        .updates = "simultaneous",
                        .discriminator = "pixelwise",
                        .adversarial_weight = 3};
  EXPECT_EQ(MethodOptions(RainOptions{.levels = {}, .adversary = "off"}), of(off));
  const RainOptions plain{.reconstruction = false, .decoder = "transposed", .reconstruction_weight = 3};
  EXPECT_EQ(MethodOptions(RainOptions{.reconstruction = false}), of(plain));
  const RainOptions classified{.triplet = false, .margin = 1, .mining = "batch-hard"};
  EXPECT_EQ(MethodOptions(RainOptions{.triplet = false}), of(classified));
  const BaselineOptions baseline{.triplet = false, .margin = 1, .mining = "batch-hard"};
  EXPECT_EQ(MethodOptions(BaselineOptions{.triplet = false}), of(baseline));
  const RainOptions all{.levels = {5},
                        .margin = 1,
                        .mining = "batch-hard",
                        .adversary = "non-saturating",
                        .updates = "simultaneous",
                        .discriminator = "pixelwise",
                        .decoder = "transposed",
                        .adversarial_weight = 2,
                        .reconstruction_weight = 3,
                        .supervision = "hr-only-labels"};
  EXPECT_EQ(MethodOptions(all), of(all));
}

TEST(Options, what_a_switched_off_module_of_ftwa_would_have_used_takes_its_default) {
  const auto of = [](const FtwaOptions& options) {
    TrainingSpecification training;
    training.method = options;
    return std::get<FtwaOptions>(normalised(training).method);
  };
  FtwaOptions all{.margin = 1,
                  .mining = "all",
                  .classification_weight = 2,
                  .triplet_weight = 2,
                  .transformation_weight = 2,
                  .transformation_detach = "none",
                  .transformation_blocks = 2,
                  .classification_weighting = "batch-mean",
                  .triplet_weighting = "per-sample",
                  .weight_balance = 2};
  EXPECT_EQ(all, of(all));
  FtwaOptions changed = all;
  changed.classification = false;
  FtwaOptions expected = changed;
  expected.classification_weight = FtwaOptions().classification_weight;
  EXPECT_EQ(expected, of(changed)) << "the balance of weights looks at classification_weighting";
  changed.weight_balance = expected.weight_balance = 0;
  expected.classification_weighting = FtwaOptions().classification_weighting;
  EXPECT_EQ(expected, of(changed));
  changed.weight_balance = 2;
  changed.classification = true;
  changed.triplet = false;
  expected = changed;
  expected.margin = FtwaOptions().margin;
  expected.mining = FtwaOptions().mining;
  expected.triplet_weight = FtwaOptions().triplet_weight;
  expected.triplet_weighting = FtwaOptions().triplet_weighting;
  EXPECT_EQ(expected, of(changed));
  all.weighting = false;
  all.transformed_losses = false;
  all.transformation = false;
  EXPECT_EQ((FtwaOptions{.margin = 1,
                         .mining = "all",
                         .classification_weight = 2,
                         .triplet_weight = 2,
                         .transformation = false,
                         .weighting = false}),
            of(all));
}

TEST(Options, what_an_evaluation_does_not_look_at_takes_its_default) {
  EvaluationSpecification evaluation;
  evaluation.protocol.query_rates = evaluation.split.query_rates;
  evaluation.protocol.sample_identities = 7;
  EXPECT_EQ(EvaluationProtocol(), normalised(evaluation, BaselineOptions{}).protocol);
  evaluation.protocol.query_rates = {4};
  evaluation.protocol.sample_rates = {1};
  EXPECT_EQ(evaluation, normalised(evaluation, BaselineOptions{}));
  evaluation.protocol.gallery_copy_rate = 2;
  EXPECT_EQ(evaluation, normalised(evaluation, FtwaOptions{}));
  EXPECT_EQ(EvaluationProtocol().gallery_copy_rate, normalised(evaluation, RainOptions{}).protocol.gallery_copy_rate);
  evaluation.protocol.query_level = "lowest";
  EXPECT_EQ("lowest", normalised(evaluation, ResolutionAdaptiveOptions{}).protocol.query_level);
  EXPECT_EQ(
      "known",
      normalised(evaluation, ResolutionAdaptiveOptions{.varying_length = false, .masks = "off"}).protocol.query_level);
  evaluation.protocol.distance = "weighted";
  EXPECT_EQ("default", normalised(evaluation, FtwaOptions{}).protocol.distance);
}

}  // namespace
}  // namespace resolute::experiments::validation_test
