//! \file
//! Trainings whose phases share a group or begin late.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/support/temporary_folder.h"
#include "tests/workers/training/metrics_lines.h"
#include "tests/workers/training/toy_training.h"

namespace resolute::workers::training_phases_test {
namespace {

TEST(TrainingPhases, a_group_of_two_phases_steps_once_with_the_sum_of_its_gradients) {
  at::set_num_threads(1);
  const auto untrained = ToyTraining{}.method();
  const at::Tensor critic = untrained->parameter_groups()[0].parameters[0].second;
  ToySource source(4);
  at::Tensor sum = at::zeros_like(critic.detach());
  for (int lane = 0; lane < 4; ++lane) {
    const methods::LaneBatch batch = source.batch(0, lane);
    const methods::Activations activations = untrained->forward(batch);
    for (std::size_t phase : {0U, 1U})
      for (const methods::LossTerm& term : untrained->losses(phase, activations, batch))
        if (term.name == "critic")
          sum = sum + static_cast<double>(batch.labels.size(0)) / 18.0 *
                          torch::autograd::grad({term.value}, {critic}, {}, true)[0];
  }
  ToyTraining training{.steps = 1};
  const Checkpoint both = training.run();
  const at::Tensor moment = both.tensors.at("optimiser.critic.critic_weight.moment1");
  EXPECT_LT((moment - 0.1 * sum).abs().max().item<double>(), 1e-7);
  EXPECT_GT(sum.abs().max().item<double>(), 1e-3);
  // Adam's first step is the rate whatever the gradient; a second one would double it.
  EXPECT_NEAR(1e-3, (both.tensors.at("model.critic_weight") - critic.detach()).abs().max().item<double>(), 1e-5);
  training.critic_in_both = false;
  EXPECT_FALSE(at::equal(moment, training.run().tensors.at("optimiser.critic.critic_weight.moment1")));
}

TEST(TrainingPhases, before_its_first_step_a_phase_leaves_its_group_still) {
  at::set_num_threads(1);
  const auto state = [](int steps) {
    return ToyTraining{.critic_in_both = false, .train_from = 3, .steps = steps}.run().tensors;
  };
  const auto before = state(0), still = state(3), moved = state(4);
  int of_network = 0;
  for (const auto& [name, tensor] : before) {
    if (name.find("running_") != std::string::npos) continue;  // they move in every forward pass
    const bool critic = name.find("critic") != std::string::npos;
    EXPECT_EQ(critic, !at::equal(tensor, still.at(name))) << name;
    EXPECT_FALSE(at::equal(tensor, moved.at(name))) << name;
    of_network += critic ? 0 : 1;
  }
  EXPECT_GE(of_network, 4 * 3);  // of each of four parameters the value and two moments
}

TEST(TrainingPhases, before_its_first_step_a_phase_has_no_losses_and_its_gradients_are_logged_as_zeros) {
  at::set_num_threads(1);
  const tests::TemporaryFolder folder;
  const ToyTraining asked{.train_from = 2, .steps = 4};
  const auto method = asked.method();
  const auto names = gradient_names(*method);
  ASSERT_EQ((std::vector<std::string>{"judge/critic_weight", "train/convolution_weight", "train/classifier_weight",
                                      "train/norm.weight", "train/norm.bias", "train/critic_weight"}),
            names);
  results::GradientLogWriter gradients(core::real_file_system(), folder.path() / "gradients", 4, names);
  MetricsLog metrics(core::real_file_system(), folder.path() / "metrics.jsonl");
  ToySource source(4);
  ProgressPipe progress(-1);
  Trainer({.method = *method, .source = source, .progress = progress, .metrics = &metrics, .gradients = &gradients},
          asked.options())
      .run();
  gradients.close();
  metrics.close();
  const auto log = results::read_gradient_log(core::real_file_system(), folder.path() / "gradients");
  const std::vector<core::Json> lines = metrics_lines(folder.path() / "metrics.jsonl");
  ASSERT_EQ(4U, lines.size());
  for (std::size_t step = 0; step < 4; ++step) {
    const core::Json& written = lines[step];
    EXPECT_EQ(step >= 2, written["losses"].contains("classification")) << written;
    EXPECT_EQ(step >= 2, written["gradient_norms"].contains("train")) << written;
    const auto& tensors = log.steps[step].tensors;
    ASSERT_EQ(6U, tensors.size());
    for (std::size_t tensor = 1; tensor < 6; ++tensor) {
      EXPECT_NE(tensors[0], tensors[tensor]);
      // Zeros of all lanes have one digest.
      EXPECT_EQ(step < 2, tensors[tensor] == log.steps[0].tensors[1]) << step << " " << names[tensor];
    }
  }
}

TEST(TrainingPhases, give_the_same_bits_on_any_ranks_taken_up_anywhere_and_with_graphs_computed_again) {
  at::set_num_threads(1);
  for (const bool critic_in_both : {false, true}) {
    ToyTraining training{.critic_in_both = critic_in_both, .train_from = 3};
    const Checkpoint whole = training.run();
    const std::vector<std::string> none;
    for (int ranks : {1, 2, 4}) EXPECT_EQ(none, differences(whole, training.run_with_ranks(ranks))) << ranks;
    for (int first : {2, 3, 4}) EXPECT_EQ(none, differences(whole, training.run(nullptr, first))) << first;
    training.keep_graphs = false;
    EXPECT_EQ(none, differences(whole, training.run()));
    training.train_from = 2;
    EXPECT_NE(none, differences(whole, training.run()));
  }
}

}  // namespace
}  // namespace resolute::workers::training_phases_test
