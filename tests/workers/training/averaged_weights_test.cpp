#include "workers/training/averaged_weights.h"

#include <gmock/gmock.h>

#include "core/error.h"
#include "tests/support/refusal.h"
#include "tests/workers/training/toy_training.h"

namespace resolute::workers::averaged_weights_test {
namespace {

constexpr double kDecay = 0.8;

networks::NamedTensors copied(networks::NamedTensors tensors) {
  for (auto& [name, tensor] : tensors) tensor = tensor.detach().clone();
  return tensors;
}

//! The tensors that each evaluation of a training of six steps sees in the networks, and then Trainer::weights().
std::vector<networks::NamedTensors> seen_by_evaluations(double ema) {
  ToyMethod method;
  ToySource source(4);
  ProgressPipe progress(-1);
  std::vector<networks::NamedTensors> seen;
  Trainer trainer({.method = method,
                   .source = source,
                   .progress = progress,
                   .evaluate =
                       [&](std::uint64_t) {
                         networks::NamedTensors now;
                         list_module(method.module(), "", now);
                         seen.push_back(copied(now));
                       }},
                  {.recipe = {.steps = 6, .milestones = {}, .ema = ema}, .lanes = 4, .evaluate_every = 1});
  trainer.run();
  seen.push_back(copied(trainer.weights()));
  return seen;
}

TEST(AveragedWeights, are_what_evaluations_and_the_result_have) {
  at::set_num_threads(1);
  const auto weights = seen_by_evaluations(0), averages = seen_by_evaluations(kDecay);
  ASSERT_EQ(7U, weights.size());
  ASSERT_EQ(7U, averages.size());
  for (const auto& [name, begun] : weights.front()) {
    at::Tensor expected = begun.to(at::kDouble);
    for (std::size_t step = 0; step < 6; ++step) {
      const at::Tensor live = weights[step].at(name).to(at::kDouble);
      if (begun.is_floating_point())
        expected = kDecay * expected + (1 - kDecay) * (step == 0 ? expected : live);
      else
        expected = live;
      EXPECT_LT((averages[step].at(name).to(at::kDouble) - expected).abs().max().item<double>(), 1e-6) << name << step;
    }
    EXPECT_TRUE(at::equal(averages[5].at(name), averages[6].at(name))) << name;
    EXPECT_TRUE(at::equal(weights[5].at(name), weights[6].at(name))) << name;
  }
  EXPECT_FALSE(at::equal(weights[6].at("classifier_weight"), averages[6].at("classifier_weight")));
  EXPECT_FALSE(at::equal(weights[6].at("norm.running_mean"), averages[6].at("norm.running_mean")));
}

ToyTraining averaged() {
  ToyTraining training;
  training.ema = kDecay;
  return training;
}

TEST(AveragedWeights, leave_the_training_itself_as_it_is) {
  at::set_num_threads(1);
  const Checkpoint plain = ToyTraining().run();
  Checkpoint with = averaged().run();
  const auto removed =
      std::erase_if(with.tensors, [](const auto& named) { return named.first.starts_with("average."); });
  EXPECT_GT(removed, 0U);
  EXPECT_THAT(differences(plain, with), testing::IsEmpty());
}

TEST(AveragedWeights, have_the_same_bits_on_any_number_of_ranks_and_after_a_resume) {
  at::set_num_threads(1);
  const Checkpoint whole = averaged().run();
  for (const int ranks : {2, 4}) EXPECT_THAT(differences(whole, averaged().run_with_ranks(ranks)), testing::IsEmpty());
  for (const int first : {1, 4}) EXPECT_THAT(differences(whole, averaged().run(nullptr, first)), testing::IsEmpty());
}

TEST(AveragedWeights, that_a_checkpoint_lacks_are_no_checkpoint_of_the_training) {
  Checkpoint state = averaged().run();
  state.tensors.erase("average.norm.weight");
  EXPECT_THAT([&] { averaged().run_from(state); }, tests::fails(core::ErrorKind::kCorrupt));
}

}  // namespace
}  // namespace resolute::workers::averaged_weights_test
