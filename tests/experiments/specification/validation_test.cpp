//! What validate() refuses, member by member, and the one spelling of switched-off losses.

#include "experiments/specification/validation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "core/error.h"
#include "experiments/planning/normalised.h"
#include "tests/experiments/example_specifications.h"
#include "tests/support/refusal.h"

namespace resolute::experiments::validation_test {
namespace {

using namespace testing;

std::string violation_of(const std::function<void(TrainingSpecification&)>& change) {
  TrainingSpecification training = example_training();
  change(training);
  return tests::refusal([&] { validate(training, "row"); });
}

std::string violation_of(const std::function<void(EvaluationSpecification&)>& change) {
  EvaluationSpecification evaluation = example_evaluation();
  change(evaluation);
  return tests::refusal([&] { validate(evaluation, "row"); });
}

using T = TrainingSpecification;
using E = EvaluationSpecification;

TEST(Validation, the_example_is_valid) {
  EXPECT_EQ("", violation_of([](T&) {}));
  EXPECT_NO_THROW(validate(example_evaluation(), "x"));
}

TEST(Validation, refuses_members_out_of_range) {
  EXPECT_THAT(violation_of([](T& t) { t.recipe.steps = 0; }), StartsWith("row: key 'train.steps' has the value 0"));
  EXPECT_THAT(violation_of([](T& t) { t.recipe.learning_rate = std::nan(""); }), HasSubstr("'train.learning_rate'"));
  EXPECT_THAT(violation_of([](T& t) { t.recipe.warmup_steps = 11; }), HasSubstr("'train.warmup_steps'"));
  EXPECT_THAT(violation_of([](T& t) { t.recipe.milestones = {5, 5}; }), HasSubstr("'train.milestones'"));
  EXPECT_THAT(violation_of([](T& t) {
                t.recipe.milestones = {5};
                t.recipe.schedule = settings::Schedule::kCosine;
              }),
              AllOf(HasSubstr("'train.milestones'"), HasSubstr("[5]"), HasSubstr("a cosine schedule has none")));
  for (const settings::Schedule schedule :
       {settings::Schedule::kConstant, settings::Schedule::kLinear, settings::Schedule::kPolynomial})
    EXPECT_THAT(violation_of([&](T& t) {
                  t.recipe.milestones = {5};
                  t.recipe.schedule = schedule;
                }),
                AllOf(HasSubstr("'train.milestones'"), HasSubstr("schedule has none")));
  EXPECT_THAT(violation_of([](T& t) {
                t.recipe.schedule = settings::Schedule::kLinear;
                t.recipe.power = 2;
              }),
              AllOf(HasSubstr("'train.power' has the value 2"), HasSubstr("a linear schedule has none")));
  EXPECT_THAT(violation_of([](T& t) { t.recipe.momentum = 0.9; }),
              AllOf(HasSubstr("'train.momentum' has the value 0.9"), HasSubstr("'train.optimiser' is 'adam'"),
                    HasSubstr("set train.optimiser = \"sgd\"")));
  EXPECT_THAT(violation_of([](T& t) {
                t.recipe.optimiser = settings::Optimiser::kAdamw;
                t.recipe.momentum = 0.1;
              }),
              AllOf(HasSubstr("'train.momentum'"), HasSubstr("'train.optimiser' is 'adamw'")));
  EXPECT_THAT(violation_of([](T& t) {
                t.recipe.optimiser = settings::Optimiser::kSgd;
                t.recipe.nesterov = true;
              }),
              AllOf(HasSubstr("'train.nesterov'"), HasSubstr("'train.momentum' is 0")));
  EXPECT_EQ("", violation_of([](T& t) {
              t.recipe.optimiser = settings::Optimiser::kSgd;
              t.recipe.momentum = 0.9;
              t.recipe.nesterov = true;
            }));
  EXPECT_THAT(violation_of([](T& t) { t.recipe.pad = 33; }), HasSubstr("'train.pad'"));
  EXPECT_THAT(violation_of([](T& t) { t.recipe.train_rates = {}; }), HasSubstr("'train.train_rates'"));
  EXPECT_THAT(violation_of([](T& t) { t.recipe.train_rates = {5}; }), HasSubstr("data set 'easy' has rates [2, 3, 4]"));
  EXPECT_THAT(violation_of([](T& t) { t.recipe.images = 500'000; }), HasSubstr("'train.images'"));
  EXPECT_THAT(violation_of([](T& t) { t.lanes = 0; }), HasSubstr("'lanes'"));
  EXPECT_THAT(violation_of([](T& t) { t.lanes = 9; }), AllOf(HasSubstr("'train.identities'"), HasSubstr("9 lanes")));
  EXPECT_THAT(violation_of([](T& t) { t.initial_weights = "abc"; }), HasSubstr("'initial_weights'"));
  EXPECT_THAT(violation_of([](T& t) { t.start_from = Start{{"abc"}}; }), HasSubstr("'start_from' has the value 'abc'"));
  EXPECT_THAT(violation_of([](T& t) {
                t.initial_weights = std::string(64, 'a');
                t.start_from = Start{{std::string(64, 'a')}};
              }),
              HasSubstr("from 'initial_weights' or from another training"));
  EXPECT_THAT(violation_of([](T& t) { t.split.query_rates = {8}; }), HasSubstr("'split.query_rates'"));
  EXPECT_THAT(violation_of([](T& t) { t.pack.name = "Up"; }), HasSubstr("'id'"));
  EXPECT_THAT(violation_of([](T& t) { t.pack.synthetic.reset(); }), HasSubstr("'source'"));
  EXPECT_THAT(violation_of([](T& t) { t.pack.source = settings::Source::kViper; }), HasSubstr("images_per_camera"));
  EXPECT_THAT(violation_of([](T& t) { t.method = RainOptions{.adversary = methods::Adversary{.levels = {6}}}; }),
              HasSubstr("'rain.levels'"));
  EXPECT_THAT(violation_of([](T& t) { t.method = RainOptions{.adversary = methods::Adversary{.weight = -1}}; }),
              HasSubstr("'rain.adversarial_weight'"));
  EXPECT_THAT(violation_of([](T& t) { t.method = BaselineOptions{.classification = false, .triplet = false}; }),
              HasSubstr("'baseline.triplet'"));
  for (double fraction : {1.2, -0.1, std::nan("")})
    EXPECT_THAT(violation_of([&](T& t) { t.recipe.labelled_fraction = fraction; }),
                StartsWith("row: key 'train.labelled_fraction'"));
}

TEST(Validation, an_adversary_is_a_loss_by_itself) {
  auto rain = [](RainOptions options) {
    options.classification = options.triplet = options.reconstruction = false;
    return violation_of([&](T& t) { t.method = options; });
  };
  EXPECT_THAT(
      rain({.adversary = methods::NoAdversary()}),
      AllOf(StartsWith("row: key 'rain.adversary' has the value 'off'"), HasSubstr("every other loss is off too")));
  EXPECT_EQ("", rain({.adversary = methods::Adversary{.levels = {5}}}));
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

TEST(Validation, tf32_needs_a_gpu) {
  const auto refusal_on = [](Device device) {
    TrainingSpecification training = example_training();
    training.recipe.precision = settings::Precision::kTf32;
    training.device = device;
    return tests::refusal([&] { validate(training, "row"); });
  };
  EXPECT_EQ("", refusal_on(Device::kCuda));
  EXPECT_THAT(
      refusal_on(Device::kCpu),
      StartsWith(
          "row: key 'train.precision' has the value 'tf32' (a CPU has no TF32); set it to f32 or bf16, or device to"));
}

TEST(Validation, shards_and_evaluations) {
  for (const int shard : {2, -1})
    EXPECT_NE("", tests::refusal([&] { validate(ShardSpecification{example_pack(), shard}, "x"); })) << shard;
  EXPECT_NE("", violation_of([](E& e) { e.training.hex = "../../etc"; }));
  EXPECT_NE("", violation_of([](E& e) { e.protocol.draws = 0; }));
  EXPECT_NE("", violation_of([](E& e) { e.protocol.query_rates = {8}; }));
}

TEST(Validation, what_an_evaluation_shows_and_samples) {
  EXPECT_EQ("", violation_of([](E& e) {
              e.protocol.panels = 7;
              e.protocol.sample_rates = {1, 2, 4};
              e.protocol.sample_identities = 5;
              e.protocol.resolution_probe = true;
            }));
  EXPECT_THAT(violation_of([](E& e) { e.protocol.panels = -1; }), StartsWith("row: key 'evaluate.panels'"));
  EXPECT_THAT(violation_of([](E& e) { e.protocol.panels = 33; }), StartsWith("row: key 'evaluate.panels'"));
  EXPECT_THAT(violation_of([](E& e) { e.protocol.sample_rates = {0}; }),
              StartsWith("row: key 'evaluate.sample_rates' has the value [0]"));
  EXPECT_THAT(violation_of([](E& e) {
                e.protocol.sample_rates = {2, 8};
              }),
              HasSubstr("data set 'easy' has rates [2, 3, 4]"));
  EXPECT_THAT(violation_of([](E& e) { e.protocol.sample_identities = 0; }),
              StartsWith("row: key 'evaluate.sample_identities'"));
}

TEST(Validation, refuses_degradations_that_cannot_be_drawn) {
  const auto with = [](const settings::DegradationSettings& copies) {
    return violation_of([&](T& t) {
      t.recipe.copies = copies;
      t.recipe.copies_from = settings::CopiesFrom::kNetwork;
    });
  };
  for (const settings::DegradationSettings& allowed :
       {settings::DegradationSettings{.rate = {1, 16}, .blur = {0, 16}, .noise = {0, 64}, .jpeg = {1, 100}},
        {.rate = {3, 3}},
        {.blur = {0.5, 1.5}},
        {.jpeg = {30, 90}}})
    EXPECT_EQ("", with(allowed));
  EXPECT_THAT(with({.rate = {0.5, 2}}), StartsWith("row: key 'train.copies.rate' has the value [0.5, 2]"));
  EXPECT_THAT(with({.rate = {4, 2}}), HasSubstr("'train.copies.rate' has the value [4, 2] (the lowest value and the"));
  EXPECT_THAT(with({.blur = {0, 17}}), HasSubstr("'train.copies.blur'"));
  EXPECT_THAT(with({.noise = {-1, 8}}), HasSubstr("'train.copies.noise'"));
  EXPECT_THAT(with({.jpeg = {90}}), HasSubstr("'train.copies.jpeg' has the value [90]"));
  EXPECT_THAT(with({.jpeg = {0, 90}}), HasSubstr("each must be 1 to 100"));
}

TEST(Validation, real_rates_need_copies_of_the_network_size_and_no_whole_rate) {
  const auto drawn = [](T& t) { t.recipe.copies.rate = {2, 4}; };
  EXPECT_THAT(violation_of([&](T& t) { drawn(t); }),
              AllOf(StartsWith("row: key 'train.copies.rate' has the value [2, 4]"),
                    HasSubstr("set train.copies_from = \"network\"")));
  EXPECT_EQ("", violation_of([&](T& t) {
              drawn(t);
              t.pack.view_from = settings::ViewFrom::kNetwork;
            }));
  EXPECT_EQ("", violation_of([&](T& t) {
              drawn(t);
              t.recipe.copies_from = settings::CopiesFrom::kNetwork;
              t.recipe.train_rates = {5};
            }));
  EXPECT_EQ("", violation_of([](T& t) { t.recipe.copies.blur = {0, 1}; })) << "of the native view";
}

// Degraded views are others than the copies of the same size, and of sizes that nobody foretells.
TEST(Validation, degraded_views_are_no_copies_and_have_no_known_size) {
  const auto degraded = [](T& t) {
    t.pack.view_from = settings::ViewFrom::kNetwork;
    t.pack.degradation.blur = {0, 1};
    t.recipe.copies.rate = {2, 4};
  };
  EXPECT_THAT(violation_of([&](T& t) { degraded(t); }), HasSubstr("set train.copies_from = \"network\""));
  EXPECT_EQ("", violation_of([&](T& t) {
              degraded(t);
              t.recipe.copies_from = settings::CopiesFrom::kNetwork;
            }));
  const auto of_level = [](settings::QueryLevel level) {
    return violation_of([&](E& e) {
      e.pack.rates = e.split.query_rates = {3};
      e.pack.degradation.rate = {2, 4};
      e.protocol.query_level = level;
    });
  };
  EXPECT_EQ("", of_level(settings::QueryLevel::kKnown));
  EXPECT_THAT(of_level(settings::QueryLevel::kNativeSize),
              AllOf(HasSubstr("'evaluate.query_level'"), HasSubstr("sizes that each image drew")));
}

// It aims at a copy at each of its rates.
TEST(Validation, msifla_takes_no_degraded_copies) {
  const auto with = [](const settings::DegradationSettings& copies) {
    return violation_of([&](T& t) {
      t.method = MsiflaOptions{};
      t.recipe.train_rates = {2, 3, 4};
      t.recipe.lr_images = t.recipe.images / 2;
      t.recipe.copies_from = settings::CopiesFrom::kNetwork;
      t.recipe.copies = copies;
    });
  };
  for (const auto& [key, copies] : {std::pair<const char*, settings::DegradationSettings>{"rate", {.rate = {2, 4}}},
                                    {"blur", {.blur = {0, 1}}},
                                    {"noise", {.noise = {0, 8}}},
                                    {"jpeg", {.jpeg = {30, 90}}}})
    EXPECT_THAT(with(copies), AllOf(HasSubstr(fmt::format("'train.copies.{}'", key)),
                                    HasSubstr("'msifla' takes a copy at each of 'train.train_rates'")));
}

TEST(Options, where_nothing_reads_them_degradations_and_whole_rates_take_their_defaults) {
  TrainingSpecification training = example_training();
  training.recipe.copies_from = settings::CopiesFrom::kNetwork;
  training.recipe.train_rates = {2};
  training.recipe.copies.blur = {0, 1};
  EXPECT_EQ(training.recipe, normalised(training).recipe);
  training.recipe.copies.rate = {2, 4};
  Recipe drawn = training.recipe;
  drawn.train_rates = Recipe().train_rates;
  EXPECT_EQ(drawn, normalised(training).recipe);
  training.method = BaselineOptions{};
  EXPECT_EQ(settings::DegradationSettings{}, normalised(training).recipe.copies);
}

// Each of these trains on the same bytes either way.
TEST(Options, where_no_copy_depends_on_it_copies_from_takes_its_default) {
  TrainingSpecification training = example_training();
  training.recipe.copies_from = settings::CopiesFrom::kNetwork;
  const auto kept = [](const TrainingSpecification& one) { return normalised(one).recipe == one.recipe; };
  EXPECT_TRUE(kept(training));
  training.method = BaselineOptions{};
  EXPECT_FALSE(kept(training));
  training.method = BaselineOptions{.images = methods::BaselineImages::kStored};
  EXPECT_TRUE(kept(training));
  training.recipe.train_rates = {1};
  EXPECT_FALSE(kept(training));
  training.recipe.train_rates = {1, 2};
  EXPECT_TRUE(kept(training));
  training.pack.view_from = settings::ViewFrom::kNetwork;
  EXPECT_FALSE(kept(training));
  training.pack.degradation.blur = {0, 1};
  EXPECT_TRUE(kept(training));
}

// The ids of all others stay: of those that have a label in most steps, or a loss without one.
TEST(Options, parameters_rest_where_most_steps_have_no_loss) {
  TrainingSpecification training;
  training.recipe.identities = 16;
  training.recipe.images = 4;
  const auto rests = [&](MethodOptions method, double fraction) {
    training.method = std::move(method);
    training.recipe.labelled_fraction = fraction;
    return normalised(training).recipe.rests_without_loss;
  };
  const RainOptions labels_alone{.adversary = methods::NoAdversary(), .reconstruction = false};
  const FtwaOptions streams{{}, methods::FtwaForm::kStreams};
  for (const MethodOptions& method :
       {MethodOptions(BaselineOptions{}), MethodOptions(labels_alone), MethodOptions(streams),
        MethodOptions(MsiflaOptions{}), MethodOptions(ResolutionAdaptiveOptions{})}) {
    EXPECT_TRUE(rests(method, 0.0)) << methods::method_name(method);
    EXPECT_TRUE(rests(method, 0.015)) << methods::method_name(method);
    for (const double fraction : {0.016, 0.2, 1.0}) EXPECT_FALSE(rests(method, fraction)) << fraction;
  }
  for (const MethodOptions& method : {MethodOptions(RainOptions{}), MethodOptions(FtwaOptions{})})
    EXPECT_FALSE(rests(method, 0.0)) << methods::method_name(method);
  training.recipe.labelled_by = settings::LabelledBy::kIdentity;
  EXPECT_TRUE(rests(BaselineOptions{}, 0.06));
  EXPECT_FALSE(rests(BaselineOptions{}, 0.07));
  EXPECT_EQ(settings::LabelledBy::kIdentity, normalised(training).recipe.labelled_by);
  for (const double fraction : {0.0, 1.0}) {
    training.recipe.labelled_fraction = fraction;
    EXPECT_EQ(settings::LabelledBy::kImage, normalised(training).recipe.labelled_by) << fraction;
  }
  training.recipe.jitter_hue = 0.5;
  training.recipe.policy_magnitude = 3;
  EXPECT_EQ(Recipe().jitter_hue, normalised(training).recipe.jitter_hue) << "nothing reads it";
  EXPECT_EQ(Recipe().policy_magnitude, normalised(training).recipe.policy_magnitude);
  training.recipe.jitter = 0.5;
  training.recipe.policy = settings::ColourPolicy::kRandAugmentColour;
  EXPECT_EQ(0.5, normalised(training).recipe.jitter_hue);
  EXPECT_EQ(3, normalised(training).recipe.policy_magnitude);
  training.recipe.program = 1;
  EXPECT_FALSE(rests(BaselineOptions{}, 0.0)) << "another program's arithmetic is its own";
}

TEST(Validation, options_of_a_program_are_the_canonical_json_of_plain_values_and_need_its_hash) {
  const auto refusal = [](const std::string& options, std::size_t digits = 64) {
    return violation_of([&](T& t) {
      t.recipe.program = 1;
      t.recipe.program_sha256 = std::string(digits, 'a');
      t.recipe.program_options = options;
    });
  };
  for (const char* good : {"{}", R"({"a":1,"b":0.5,"c":null,"d":"x","e":true})"}) EXPECT_EQ("", refusal(good)) << good;
  for (const char* wrong : {"{", "[]", "1", R"({"a": 1})", R"({"b":1,"a":1})", R"({"a":1,"a":1})", R"({"a":[1]})",
                            R"({"a":{}})", "{\"a\":NaN}", "\xff"})
    EXPECT_THAT(refusal(wrong), AllOf(StartsWith("row: key 'train.program_options'"), HasSubstr("canonical JSON")))
        << wrong;
  EXPECT_THAT(refusal("{}", 0), HasSubstr("'train.program_sha256' is empty"));
}

// As the tables of the paper's experiments mark rows.
TEST(Options, what_is_unlike_the_paper_is_told_with_its_key) {
  using testing::ElementsAre;
  EXPECT_THAT(methods::deviations(RainOptions{}), ElementsAre());
  EXPECT_THAT(methods::deviations(BaselineOptions{.mining = methods::Mining::kAll}), ElementsAre());
  EXPECT_THAT(methods::deviations(MsiflaOptions{}), ElementsAre());
  EXPECT_THAT(
      methods::deviations(MsiflaOptions{.recovery_weight = 50, .ir_residual = true}),
      ElementsAre("msifla.recovery_weight = 50.0 (paper: 1)", StartsWith("msifla.ir_residual = true (paper: ")));
  EXPECT_THAT(methods::deviations(FtwaOptions{}), ElementsAre("ftwa.mining = \"batch-hard\" (paper: all triplets)"));
  FtwaOptions without_triplets;
  without_triplets.triplet = false;
  EXPECT_THAT(methods::deviations(without_triplets), ElementsAre());
  EXPECT_THAT(methods::deviations(RainOptions{.adversary = methods::Adversary{.non_saturating = true}}),
              ElementsAre("rain.adversary = \"non-saturating\" (paper: minimax)"));
  EXPECT_THAT(methods::deviations(RainOptions{.adversary = methods::NoAdversary()}), ElementsAre());
  EXPECT_THAT(methods::deviations(ResolutionAdaptiveOptions{}),
              ElementsAre(StartsWith("resolution_adaptive.stage_steps = 0 (paper: ")));
}

TEST(Options, a_schedule_that_two_words_say_has_one_spelling) {
  const auto spelt = [](settings::Schedule schedule, double power) {
    TrainingSpecification training = example_training();
    training.recipe.milestones = {};
    training.recipe.schedule = schedule;
    training.recipe.power = power;
    return normalised(training).recipe.schedule;
  };
  EXPECT_EQ(settings::Schedule::kStep, spelt(settings::Schedule::kConstant, 1));
  EXPECT_EQ(settings::Schedule::kLinear, spelt(settings::Schedule::kPolynomial, 1));
  EXPECT_EQ(settings::Schedule::kPolynomial, spelt(settings::Schedule::kPolynomial, 2));
  EXPECT_EQ(settings::Schedule::kCosine, spelt(settings::Schedule::kCosine, 1));
}

// Help that says DEVIATION belongs to a member that tables mark.
TEST(Options, each_key_whose_help_says_deviation_marks_its_rows) {
  methods::for_each_method([]<class Options>() {
    methods::Section<Options>::members([](const auto& one) {
      if (one.help.starts_with("DEVIATION")) EXPECT_TRUE(one.deviates != nullptr) << one.key;
    });
  });
}

TEST(Options, what_an_evaluation_does_not_look_at_takes_its_default) {
  const auto of = [](MethodOptions method, Device device = Device::kCpu) {
    TrainingSpecification training;
    training.method = std::move(method);
    training.device = device;
    return training;
  };
  EvaluationSpecification evaluation;
  evaluation.protocol.query_rates = evaluation.split.query_rates;
  evaluation.protocol.sample_identities = 7;
  EXPECT_EQ(EvaluationProtocol(), normalised(evaluation, of(BaselineOptions{})).protocol);
  evaluation.protocol.device = settings::EvaluationDevice::kCpu;
  EXPECT_EQ(EvaluationProtocol(), normalised(evaluation, of(BaselineOptions{})).protocol) << "it is the training's";
  EXPECT_EQ(settings::EvaluationDevice::kCpu,
            normalised(evaluation, of(BaselineOptions{}, Device::kCuda)).protocol.device);
  evaluation.protocol.device = EvaluationProtocol().device;
  evaluation.protocol.query_rates = {4};
  evaluation.protocol.sample_rates = {1};
  EXPECT_EQ(evaluation, normalised(evaluation, of(BaselineOptions{})));
  evaluation.protocol.gallery_copy_rate = 2;
  EXPECT_EQ(evaluation, normalised(evaluation, of(FtwaOptions{})));
  EXPECT_EQ(EvaluationProtocol().gallery_copy_rate,
            normalised(evaluation, of(RainOptions{})).protocol.gallery_copy_rate);
  evaluation.protocol.query_level = settings::QueryLevel::kLowest;
  EXPECT_EQ(settings::QueryLevel::kLowest,
            normalised(evaluation, of(ResolutionAdaptiveOptions{})).protocol.query_level);
  EXPECT_EQ(
      settings::QueryLevel::kKnown,
      normalised(evaluation, of(ResolutionAdaptiveOptions{.varying_length = false, .masks = methods::Masks::kOff}))
          .protocol.query_level);
  evaluation.protocol.distance = settings::DistanceName::kWeighted;
  EXPECT_EQ(settings::DistanceName::kDefault, normalised(evaluation, of(FtwaOptions{})).protocol.distance);
}

}  // namespace
}  // namespace resolute::experiments::validation_test
