//! Which training another one may start from, and what it takes over.

#include "experiments/specification/stages.h"

#include <gmock/gmock.h>

#include "tests/experiments/example_specifications.h"
#include "tests/support/refusal.h"

namespace resolute::experiments::stages_test {
namespace {

using namespace testing;
using Change = std::function<void(TrainingSpecification& first, TrainingSpecification& second)>;
using T = TrainingSpecification;

StartPart part_of(const Change& change) {
  TrainingSpecification first = example_training(), second = first;
  change(first, second);
  return part_to_start(first, second, "hr");
}

std::string refusal_of(const Change& change) {
  return tests::refusal([&] { part_of(change); });
}

TEST(Stages, networks_of_one_shape_on_the_same_people_start_whole) {
  EXPECT_EQ(StartPart::kModule, part_of([](T&, T&) {}));
  EXPECT_EQ(StartPart::kModule, part_of([](T&, T& s) {
              s.recipe.steps = 99;
              s.recipe.learning_rate = 1e-5;
              s.network.frozen_levels = 2;
              s.split.query_rates = {2};
              s.method = RainOptions{.margin = 1, .mining = methods::Mining::kAll, .reconstruction_weight = 5};
            }));
  EXPECT_EQ(StartPart::kModule, part_of([](T& f, T& s) {
              f.method = BaselineOptions{};
              s.method = BaselineOptions{.images = methods::BaselineImages::kStored, .triplet = false};
            }));
}

TEST(Stages, of_other_networks_the_trunk_alone_starts) {
  for (const MethodOptions& other : std::vector<MethodOptions>{
           BaselineOptions{}, FtwaOptions{}, MsiflaOptions{}, ResolutionAdaptiveOptions{},
           RainOptions{.adversary = methods::NoAdversary()}, RainOptions{.reconstruction = false},
           RainOptions{.adversary = methods::Adversary{.levels = {3}}},
           RainOptions{.decoder = methods::DecoderKind::kTransposed}})
    EXPECT_EQ(StartPart::kTrunk, part_of([&](T&, T& s) { s.method = other; }));
  EXPECT_EQ(StartPart::kTrunk, part_of([](T&, T& s) { s.network.neck = true; }));
  EXPECT_EQ(StartPart::kTrunk, part_of([](T&, T& s) { s.split.train_identities = 4; }));
  EXPECT_EQ(StartPart::kTrunk, part_of([](T&, T& s) { s.split.train_pool = settings::TrainPool::kHrViewOnly; }));
  EXPECT_EQ(StartPart::kTrunk,
            part_of([](T& f, T& s) { f.method = s.method = ResolutionAdaptiveOptions{}; }));  // they count their stages
}

TEST(Stages, what_cannot_be_read_or_does_not_fit_is_refused) {
  EXPECT_THAT(refusal_of([](T& f, T&) { f.recipe.program = 1; }),
              AllOf(HasSubstr("key 'start_from' has the value 'hr' (that row is trained by a method in Python")));
  EXPECT_THAT(refusal_of([](T&, T& s) { s.recipe.program = 1; }), HasSubstr("(this row is trained by"));
  EXPECT_THAT(refusal_of([](T&, T& s) { s.pack.name = "other"; }), HasSubstr("another pack"));
  EXPECT_THAT(refusal_of([](T&, T& s) { s.network.backbone = settings::Trunk::kEfficientnetLite0; }),
              HasSubstr("its backbone is resnet50, not efficientnet-lite0"));
  EXPECT_THAT(refusal_of([](T& f, T&) { f.method = MsiflaOptions{.scales = {3, 2, 1}}; }), HasSubstr("3 trunks"));
  EXPECT_THAT(refusal_of([](T& f, T&) { f.method = MsiflaOptions{.scales = {1}, .reid_ensemble = 2}; }),
              HasSubstr("2 trunks"));
}

TEST(Stages, nobody_is_tested_who_has_trained_before) {
  const std::vector<std::function<void(SplitSettings&)>> others = {
      [](SplitSettings& s) { s.seed = 1; },
      [](SplitSettings& s) { s.test_identities = 3; },
      [](SplitSettings& s) {
        s.tested = {1, 2};
      },
      [](SplitSettings& s) { s.lr_camera = 2; },
      [](SplitSettings& s) { s.lr_cameras = {2}; },
      [](SplitSettings& s) { s.lr_side = settings::LrSide::kDrawn; },
      [](SplitSettings& s) { s.partition = settings::Partition::kOfficial; }};
  SplitSettings halves;
  halves.lr_camera = 1;
  EXPECT_TRUE(tests_strangers(halves, halves));
  for (const auto& change : others) {
    SplitSettings other = halves;
    change(other);
    EXPECT_FALSE(tests_strangers(halves, other));
    EXPECT_THAT(refusal_of([&](T& f, T& s) {
                  f.split = halves;
                  s.split = other;
                }),
                HasSubstr("people who train there are tested here"));
  }
  SplitSettings listed = halves, elsewhere = halves;
  listed.tested = {1, 2};
  elsewhere.tested = {3, 4};
  EXPECT_FALSE(tests_strangers(listed, elsewhere));
  EXPECT_FALSE(tests_strangers(listed, halves));
  elsewhere.tested = listed.tested;
  elsewhere.seed = 1;
  EXPECT_TRUE(tests_strangers(listed, elsewhere)) << "no seed draws who is listed";
  SplitSettings official = halves, published = halves;
  official.partition = settings::Partition::kOfficial;
  published.partition = settings::Partition::kPublished;
  for (SplitSettings* split : {&official, &published}) {
    SplitSettings other = *split;
    other.lr_camera = 2;
    other.train_pool = settings::TrainPool::kHrViewOnly;
    EXPECT_TRUE(tests_strangers(*split, other));
    other.seed = 1;
    EXPECT_EQ(split == &official, tests_strangers(*split, other));
  }
}

TEST(Stages, who_holds_people_out_tests_them_or_the_whole_test_and_nobody_else_tests_them) {
  SplitSettings whole, held;
  held.validation_identities = 3;
  EXPECT_TRUE(tests_strangers(held, held));
  EXPECT_TRUE(tests_strangers(held, whole)) << "fewer train, and the test is the same";
  EXPECT_FALSE(tests_strangers(whole, held)) << "those who are held out there train here";
  for (auto partition : {settings::Partition::kOfficial, settings::Partition::kRandomHalves}) {
    SplitSettings other = held, same = held;
    other.partition = same.partition = partition;
    other.seed = 1;
    EXPECT_TRUE(tests_strangers(same, same));
    EXPECT_FALSE(tests_strangers(other, same)) << "another seed holds others out";
    other = same;
    other.validation_identities = 4;
    EXPECT_FALSE(tests_strangers(same, other));
  }
}

TEST(GoesOn, from_the_same_training_with_fewer_steps_whose_steps_do_not_follow_the_length) {
  const auto after = [](const std::function<void(TrainingSpecification&)>& change, int steps = 9) {
    TrainingSpecification shorter = example_training();
    shorter.recipe.steps = 4;
    shorter.recipe.warmup_steps = 2;
    TrainingSpecification longer = shorter;
    longer.recipe.steps = steps;
    change(shorter);
    change(longer);
    return goes_on(shorter, longer);
  };
  const auto as_it_is = [](TrainingSpecification&) {};
  EXPECT_TRUE(after(as_it_is));
  EXPECT_FALSE(after(as_it_is, 4));
  EXPECT_FALSE(after(as_it_is, 3));
  EXPECT_TRUE(after([](T& t) { t.recipe.schedule = settings::Schedule::kConstant; }));
  EXPECT_TRUE(after([](T& t) { t.recipe.milestones = {3, 7}; }));
  for (const auto schedule :
       {settings::Schedule::kCosine, settings::Schedule::kLinear, settings::Schedule::kPolynomial})
    EXPECT_FALSE(after([&](T& t) { t.recipe.schedule = schedule; }));
  EXPECT_FALSE(after([](T& t) { t.seed += static_cast<std::uint64_t>(t.recipe.steps); }));
  EXPECT_FALSE(after([](T& t) { t.recipe.learning_rate = 1e-3 * t.recipe.steps; }));
  EXPECT_FALSE(after([](T& t) { t.split.seed = static_cast<std::uint64_t>(t.recipe.steps); }));
  ResolutionAdaptiveOptions staged;
  staged.masks = methods::Masks::kProgressive;
  EXPECT_FALSE(after([&](T& t) { t.method = staged; }));
  staged.stage_steps = 2;
  EXPECT_TRUE(after([&](T& t) { t.method = staged; }));
  staged.masks = methods::Masks::kJoint;
  EXPECT_TRUE(after([&](T& t) { t.method = staged; }));
}

}  // namespace
}  // namespace resolute::experiments::stages_test
