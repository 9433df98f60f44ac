//! \file
//! Trainings in which a parameter group stands still before its first step or from its end on.
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "tests/support/temporary_folder.h"
#include "tests/workers/training/toy_training.h"

namespace resolute::workers::training_windows_test {
namespace {

using Tensors = std::map<std::string, at::Tensor>;

// The classifier in a group of its own, which moves in steps `first` to `end` - 1.
ToyTraining windowed(std::uint64_t first, std::uint64_t end, int steps = 6) {
  return {.critic_in_both = false, .steps = steps, .arrange = [=](ToyMethod& method) {
            method.classifier_is = ToyMethod::Classifier::kGroup;
            method.classifier_window = {first, end};
          }};
}

// The same without that group.
ToyTraining without_group(int steps) {
  return {.critic_in_both = false, .steps = steps, .arrange = [](ToyMethod& method) {
            method.classifier_is = ToyMethod::Classifier::kFixed;
          }};
}

bool of_group(const std::string& tensor) { return tensor.find("classifier") != std::string::npos; }

const std::vector<std::string> kNone;

//! What is not the group's.
Checkpoint others(Checkpoint state) {
  std::erase_if(state.tensors, [](const auto& named) { return of_group(named.first); });
  return state;
}

//! What is the group's: its parameter and its optimiser's three tensors.
Tensors own(const Checkpoint& state) {
  Tensors found;
  for (const auto& [name, tensor] : state.tensors)
    if (of_group(name)) found[name] = tensor;
  EXPECT_EQ(4U, found.size());
  return found;
}

//! How many of the group's tensors differ in a bit.
int moved(const Tensors& a, const Tensors& b) {
  int count = 0;
  for (const auto& [name, tensor] : a) count += at::equal(tensor, b.at(name)) ? 0 : 1;
  return count;
}

TEST(TrainingWindows, outside_its_steps_a_group_and_its_optimiser_stand_still) {
  at::set_num_threads(1);
  std::vector<Tensors> after;
  for (int steps = 0; steps <= 6; ++steps) after.push_back(own(windowed(2, 4, steps).run()));
  for (std::size_t step = 0; step < 6; ++step)
    EXPECT_EQ(step == 2 || step == 3 ? 4 : 0, moved(after[step], after[step + 1])) << step;
}

// Its learning rate has followed the schedule meanwhile; Adam's first step is as long as the rate whatever the
// gradient, its bias correction that of a first step.
TEST(TrainingWindows, a_group_that_begins_late_begins_with_adams_first_step) {
  at::set_num_threads(1);
  const auto steps_taken = [](int steps) {
    const Checkpoint state = windowed(3, 5, steps).run();
    return state.tensors.at("optimiser.classifier.steps").item<float>();
  };
  const std::vector<float> expected{0, 0, 0, 0, 1, 2, 2, 2};
  for (int steps = 0; steps < 8; ++steps) EXPECT_EQ(expected[static_cast<std::size_t>(steps)], steps_taken(steps));
  const at::Tensor before = windowed(3, 5, 3).run().tensors.at("model.classifier_weight");
  const Checkpoint first = windowed(3, 5, 4).run();
  const at::Tensor moment1 = first.tensors.at("optimiser.classifier.classifier_weight.moment1");
  const at::Tensor moment2 = first.tensors.at("optimiser.classifier.classifier_weight.moment2");
  EXPECT_LT((moment2 - 1e-3 * (moment1 / 0.1).square()).abs().max().item<double>(), 1e-9);
  const double rate = 1e-2 * schedule_factor(windowed(3, 5).options().recipe, 3);
  EXPECT_NEAR(rate, (first.tensors.at("model.classifier_weight") - before).abs().max().item<double>(), 1e-3 * rate);
}

TEST(TrainingWindows, while_it_stands_still_the_others_get_the_bits_as_if_there_were_no_such_group) {
  at::set_num_threads(1);
  const Checkpoint absent = without_group(6).run();
  EXPECT_EQ(kNone, differences(absent, [] {
              Checkpoint state = windowed(6, 9).run();
              std::erase_if(state.tensors, [](const auto& named) {
                return of_group(named.first) && named.first.starts_with("optimiser.");
              });
              return state;
            }()));
  // It has moved before: from there on without it.
  const Checkpoint ended = windowed(1, 3, 3).run();
  const Checkpoint with = windowed(1, 3).run();
  EXPECT_EQ(kNone, differences(others(with), others(without_group(6).run_from(ended))));
  EXPECT_NE(kNone, differences(others(with), others(absent)));  // it mattered that it moved
}

TEST(TrainingWindows, its_gradients_are_logged_as_zeros_outside_its_steps) {
  at::set_num_threads(1);
  const tests::TemporaryFolder folder;
  const ToyTraining asked = windowed(2, 4);
  const auto logged = [&](const ToyTraining& training, const std::string& name) {
    const auto method = training.method();
    results::GradientLogWriter gradients(core::real_file_system(), folder.path() / name, 4, gradient_names(*method));
    MetricsLog metrics(core::real_file_system(), folder.path() / (name + ".jsonl"));
    ToySource source(4);
    ProgressPipe progress(-1);
    Trainer({.method = *method, .source = source, .progress = progress, .metrics = &metrics, .gradients = &gradients},
            training.options())
        .run();
    gradients.close();
    metrics.close();
    return results::read_gradient_log(core::real_file_system(), folder.path() / name);
  };
  const auto with = logged(asked, "with"), without = logged(without_group(6), "without");
  ASSERT_EQ((std::vector<std::string>{"judge/critic_weight", "train/convolution_weight", "train/norm.weight",
                                      "train/norm.bias", "train/classifier_weight"}),
            with.tensors);
  ASSERT_EQ(6U, with.steps.size());
  std::set<std::uint32_t> of_group;
  for (std::size_t step = 0; step < 6; ++step) {
    const auto& tensors = with.steps[step].tensors;
    of_group.insert(tensors.at(4));
    // Zeros of all lanes have one digest.
    EXPECT_EQ(step < 2 || step >= 4, tensors[4] == with.steps[0].tensors[4]) << step;
    // Up to the step after which it has moved for the first time the others' are the same.
    for (std::size_t tensor = 0; tensor < 4 && step < 3; ++tensor)
      EXPECT_EQ(without.steps[step].tensors[tensor], tensors[tensor]) << step << " " << with.tensors[tensor];
  }
  EXPECT_EQ(3U, of_group.size());
  std::istringstream lines(core::read_text(core::real_file_system(), folder.path() / "with.jsonl"));
  int count = 0;
  for (std::string line; std::getline(lines, line); ++count) {
    const core::Json step = core::parse_json(line, "metrics");
    EXPECT_TRUE(step["losses"].contains("classification")) << line;  // it teaches the others
    EXPECT_TRUE(step["gradient_norms"].contains("train")) << line;
  }
  EXPECT_EQ(6, count);
}

// A phase none of whose groups moves is one that has yet to begin, or has ended.
TEST(TrainingWindows, a_phase_whose_groups_all_stand_still_does_not_take_place) {
  at::set_num_threads(1);
  const auto training = [](bool steps_with_next, std::uint64_t train_from, ToyWindow network, ToyWindow critic) {
    return ToyTraining{.critic_in_both = false,
                       .train_from = train_from,
                       .arrange =
                           [=](ToyMethod& method) {
                             method.critic_steps_with_network = steps_with_next;
                             method.network_window = network;
                             method.critic_window = critic;
                           }}
        .run();
  };
  for (const bool together : {false, true}) {
    SCOPED_TRACE(together);
    EXPECT_EQ(kNone, differences(training(together, 3, {}, {}), training(together, 0, {.first = 3}, {})));
    // The critic's phase comes first in the step; the network's is then the only one.
    const Checkpoint late = training(together, 0, {}, {.first = 3});
    EXPECT_EQ(3, late.tensors.at("optimiser.critic.steps").item<float>());
    EXPECT_EQ(6, late.tensors.at("optimiser.network.steps").item<float>());
    const Checkpoint ended = training(together, 0, {.end = 2}, {});
    EXPECT_EQ(6, ended.tensors.at("optimiser.critic.steps").item<float>());
    EXPECT_EQ(2, ended.tensors.at("optimiser.network.steps").item<float>());
  }
}

// They move in a step's first forward pass, whichever phase that is of.
TEST(TrainingWindows, running_statistics_move_in_every_step) {
  at::set_num_threads(1);
  for (const bool keep_graphs : {true, false}) {
    const auto statistics = [&](int steps) {
      return ToyTraining{.critic_in_both = false,
                         .steps = steps,
                         .keep_graphs = keep_graphs,
                         .arrange = [](ToyMethod& method) { method.critic_window.first = 2; }}
          .run()
          .tensors.at("model.norm.running_mean");
    };
    for (int steps = 0; steps < 4; ++steps) EXPECT_FALSE(at::equal(statistics(steps), statistics(steps + 1))) << steps;
  }
}

// Of a group that two phases name, both gradients are left out.
TEST(TrainingWindows, a_group_of_several_phases_stands_still_in_all_of_them) {
  at::set_num_threads(1);
  const auto critic_moves = [](ToyWindow window, int steps) {
    return ToyTraining{.steps = steps, .arrange = [=](ToyMethod& method) { method.critic_window = window; }}.run();
  };
  const auto critic = [](const Checkpoint& state) { return state.tensors.at("model.critic_weight"); };
  const at::Tensor untrained = critic(critic_moves({}, 0));
  EXPECT_TRUE(at::equal(untrained, critic(critic_moves({.first = 2}, 2))));
  EXPECT_FALSE(at::equal(untrained, critic(critic_moves({.first = 2}, 3))));
  EXPECT_TRUE(at::equal(critic(critic_moves({.end = 2}, 2)), critic(critic_moves({.end = 2}, 5))));
  // What the network learns from the critic's verdict it learns all the same.
  EXPECT_FALSE(at::equal(critic_moves({.first = 6}, 0).tensors.at("model.convolution_weight"),
                         critic_moves({.first = 6}, 3).tensors.at("model.convolution_weight")));
}

TEST(TrainingWindows, give_the_same_bits_on_any_ranks_taken_up_anywhere_and_with_graphs_computed_again) {
  at::set_num_threads(1);
  for (const bool critic_in_both : {false, true}) {
    SCOPED_TRACE(critic_in_both);
    ToyTraining training = windowed(2, 5, 7);
    training.critic_in_both = critic_in_both;
    training.arrange = [arrange = training.arrange](ToyMethod& method) {
      arrange(method);
      method.critic_window = {0, 4};
      method.network_window = {1, 7};
    };
    const Checkpoint whole = training.run();
    for (int ranks : {1, 2, 4}) EXPECT_EQ(kNone, differences(whole, training.run_with_ranks(ranks))) << ranks;
    for (int first = 1; first < 7; ++first) EXPECT_EQ(kNone, differences(whole, training.run(nullptr, first))) << first;
    training.keep_graphs = false;
    EXPECT_EQ(kNone, differences(whole, training.run()));
  }
}

}  // namespace
}  // namespace resolute::workers::training_windows_test
