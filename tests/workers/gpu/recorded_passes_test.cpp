// Passes that are recorded and played give the bits of passes that run, whatever changes between two of them.

#include "networks/nn/recorded_passes.h"

#include <c10/core/AutogradState.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/function_hook.h>
#include <torch/csrc/autograd/variable.h>

#include "networks/nn/backbone.h"
#include "networks/nn/initialise.h"
#include "tests/support/accelerator/memory.h"
#include "tests/support/accelerator/recorder.h"
#include "tests/workers/gpu/gpu_gang.h"

namespace resolute::workers::gpu_test::recorded_passes_test {
namespace {

using accelerator::memory_use;
using accelerator::streams;

std::shared_ptr<networks::Backbone> trunk(settings::Trunk kind) {
  experiments::NetworkSettings network;
  network.backbone = kind;
  auto trunk = std::make_shared<networks::Backbone>(settings::trunk_shape(network));
  networks::initialise(*trunk, 7);
  trunk->to(at::kFloat);
  for (at::Tensor& parameter : trunk->parameters())
    if (parameter.dim() == 4) parameter.set_data(parameter.contiguous(at::MemoryFormat::ChannelsLast));
  trunk->to(device().place());
  return trunk;
}

at::Tensor images(std::int64_t rows, double phase) {
  const at::Tensor noise = (at::arange(rows * 3 * 32 * 16, at::kFloat) * 0.37 + phase).sin().view({rows, 3, 32, 16});
  return noise.contiguous(at::MemoryFormat::ChannelsLast).to(device().place());
}

struct Step {
  std::int64_t rows = 4;
  std::vector<std::size_t> maps = {4};  // that the loss is made of; none: of Backbone::deepest()
  bool held = false;                    // running statistics
};

// Trains a trunk for some steps. \param passes null: as they are. Weights and running statistics at the end.
std::vector<at::Tensor> trained(settings::Trunk kind, const std::vector<Step>& steps,
                                networks::RecordedPasses* passes) {
  const std::shared_ptr<networks::Backbone> network = trunk(kind);
  const std::vector<at::Tensor> parameters = network->parameters();
  double phase = 0;
  for (const Step& step : steps) {
    std::vector<at::Tensor> maps;
    {
      std::optional<networks::RecordedPasses::Forward> forward;
      if (passes != nullptr) forward.emplace(*passes, 0);
      std::optional<networks::RunningStatisticsHold> hold;
      if (step.held) hold.emplace();
      if (step.maps.empty())
        maps = {network->deepest(images(step.rows, phase += 1))};
      else
        maps = network->forward(images(step.rows, phase += 1));
    }
    at::Tensor loss = step.maps.empty() ? maps.front().pow(2).mean() : at::Tensor();
    for (const std::size_t map : step.maps) {
      const at::Tensor part = maps[map].pow(2).mean();
      loss = loss.defined() ? loss + part : part;
    }
    const auto gradients = torch::autograd::grad({loss}, parameters, {}, {}, false, /*allow_unused=*/true);
    const at::NoGradGuard no_grad;
    for (std::size_t i = 0; i < parameters.size(); ++i)
      if (gradients[i].defined()) parameters[i].add_(gradients[i], -0.1);
  }
  std::vector<at::Tensor> state;
  for (const at::Tensor& tensor : parameters) state.push_back(tensor.detach().cpu());
  for (const at::Tensor& tensor : network->buffers()) state.push_back(tensor.cpu());
  return state;
}

std::int64_t plays() {
  const accelerator::Counts counts = streams().counts();
  const auto found = counts.kernels.find("recording");
  return found == counts.kernels.end() ? 0 : found->second;
}

// \param played how many recordings, forward and backward \param most as accelerator::make_recorder()
void expect_bits_of_passes_that_run(const std::vector<Step>& steps, std::int64_t played, int most = 100,
                                    settings::Trunk kind = settings::Trunk::kResnetSmall,
                                    networks::RecordingUse use = {}) {
  const std::vector<at::Tensor> expected = trained(kind, steps, nullptr);
  const auto recorder = accelerator::make_recorder(device().place(), most);
  networks::RecordedPasses passes(*recorder, use);
  streams().reset_counts();
  const std::vector<at::Tensor> found = trained(kind, steps, &passes);
  EXPECT_EQ(played, plays());
  ASSERT_EQ(expected.size(), found.size());
  for (std::size_t i = 0; i < found.size(); ++i) EXPECT_TRUE(at::equal(expected[i], found[i])) << i;
}

struct Noted final : torch::autograd::PostAccumulateGradHook {
  explicit Noted(std::function<void()> note) : note(std::move(note)) {}
  void operator()(const at::Tensor&) override { note(); }
  std::function<void()> note;
};

TEST(RecordedPasses, are_recorded_when_a_shape_comes_again) { expect_bits_of_passes_that_run({{}, {}, {}}, 2 + 2); }

TEST(RecordedPasses, an_odd_batch_runs_as_it_is_and_those_around_it_are_played) {
  expect_bits_of_passes_that_run({{4}, {4}, {6}, {4}, {4}}, 3 + 3);
}

// Rows of 7 and 8 images take blocks of the same size, so that one shape's recordings lie in what the other's used.
TEST(RecordedPasses, of_shapes_in_turn_are_recorded_each_for_itself) {
  expect_bits_of_passes_that_run({{7}, {8}, {7}, {8}, {7}, {8, {2, 4}}, {7, {2}}, {8}, {7}}, 7 + 7);
  expect_bits_of_passes_that_run({{8}, {7}, {8}, {8, {4}, true}, {7}, {7, {4}, true}, {8, {4}, true}, {7}, {8}}, 5 + 5);
}

TEST(RecordedPasses, of_a_shape_beyond_four_run_until_another_has_not_come_for_long) {
  std::vector<Step> steps;
  for (const std::int64_t rows : {1, 2, 3, 4, 5}) steps.insert(steps.end(), 2, {rows});
  expect_bits_of_passes_that_run(steps, 4 + 4);
  steps.insert(steps.end(), 101, {2});
  steps.insert(steps.end(), {{5}, {1}, {5}});  // the first shape goes, and is a new one
  expect_bits_of_passes_that_run(steps, 2 * (4 + 101 + 2));
}

// A backward pass on a thread of its own gives its memory back when that thread comes to the next one.
void forget_the_last_backward_pass() {
  const at::Tensor leaf = at::ones({1}, at::kFloat).to(device().place()).requires_grad_();
  static_cast<void>(torch::autograd::grad({leaf.sum()}, {leaf}));
}

// The memory of the process once the steps are done, and their recordings live.
std::uint64_t kept(const std::vector<Step>& steps) {
  const auto recorder = accelerator::make_recorder(device().place(), 100);
  networks::RecordedPasses passes(*recorder, {});
  static_cast<void>(trained(settings::Trunk::kResnetSmall, steps, &passes));
  return memory_use().taken;
}

TEST(RecordedPasses, of_several_shapes_share_the_memory_that_they_use_while_they_run) {
  forget_the_last_backward_pass();
  const std::uint64_t none = kept({}), seven = kept({{7}, {7}}) - none, eight = kept({{8}, {8}}) - none;
  const std::uint64_t both = kept({{7}, {8}, {7}, {8}}) - none;
  std::cout << "recordings of 7 and 8 images take " << seven << " and " << eight << " bytes, of both " << both << '\n';
  // In pools apart it would be 0.30 of `seven` less than the sum: what both keep besides is one.
  EXPECT_LT(both, seven + eight - 3 * seven / 8);
}

// With little memory the first batch of another shape ends recording. With more it does not, but is not recorded.
TEST(RecordedPasses, leave_room_for_passes_that_run) {
  forget_the_last_backward_pass();
  const std::uint64_t taken = kept({{8}, {8}});
  for (const auto& [times, played] : {std::pair(2, 1 + 1), std::pair(3, 2 + 2), std::pair(9, 4 + 4)}) {
    accelerator::set_memory_limit(taken * static_cast<std::uint64_t>(times));
    expect_bits_of_passes_that_run({{8}, {8}, {7}, {7}, {8}, {7}}, played);
    accelerator::set_memory_limit(0);
  }
}

TEST(RecordedPasses, another_choice_of_maps_has_a_backward_pass_of_its_own) {
  expect_bits_of_passes_that_run({{4}, {4}, {4, {2, 4}}, {4, {2}}, {4}}, 4 + 4);
}

TEST(RecordedPasses, running_statistics_are_held_in_passes_of_their_own) {
  expect_bits_of_passes_that_run({{4}, {4, {4}, true}, {4}, {4, {4}, true}, {4}}, 3 + 3);
}

TEST(RecordedPasses, run_as_they_are_where_there_is_no_memory_for_them) {
  expect_bits_of_passes_that_run({{}, {}, {}}, 0, /*most=*/0);
}

TEST(RecordedPasses, where_there_is_no_memory_for_a_backward_pass_none_is_played_from_the_next_step_on) {
  expect_bits_of_passes_that_run({{}, {}, {}}, 1, /*most=*/1);
  expect_bits_of_passes_that_run({{4}, {4}, {4, {2, 4}}, {4}}, 2 + 1, /*most=*/2);
}

// A recording without running statistics held would leave too little for a pass with them held.
TEST(RecordedPasses, leave_their_memory_to_passes_that_run_as_they_are) {
  const std::vector<Step> steps{{4}, {4, {4}, true}, {4}, {4, {4}, true}, {4}, {4, {4}, true}};
  forget_the_last_backward_pass();
  const c10::AutogradState usual = c10::AutogradState::get_tls_state();
  c10::AutogradState::get_tls_state().set_multithreading_enabled(false);
  accelerator::set_memory_limit(0);
  const std::uint64_t before = memory_use().taken;
  static_cast<void>(trained(settings::Trunk::kResnetSmall, steps, nullptr));
  const std::uint64_t most = memory_use().most, refusals = memory_use().refusals;
  const auto expect_with_more = [&](std::uint64_t more, std::int64_t played) {
    accelerator::set_memory_limit(most + more);
    expect_bits_of_passes_that_run(steps, played);
    accelerator::set_memory_limit(0);
  };
  expect_with_more((most - before) / 32, 1 + 0);  // for the first backward pass, which keeps its graph
  expect_with_more((most - before) / 8, 1 + 1);   // too little for the second forward pass
  expect_with_more((most - before) / 2, 2 + 1);   // for its backward pass
  EXPECT_EQ(refusals + 3, memory_use().refusals);
  c10::AutogradState::set_tls_state(usual);
}

TEST(RecordedPasses, of_a_trunk_that_takes_other_pixels_too) {
  expect_bits_of_passes_that_run({{}, {}, {}}, 2 + 2, 100, settings::Trunk::kEfficientnetLite0);
}

TEST(RecordedPasses, of_a_trunk_in_halves_have_the_bits_of_one_that_runs) {
  expect_bits_of_passes_that_run({{4, {}}, {4, {}}, {4, {}, true}, {4, {}, true}, {4, {}}}, 4 + 4 + 4, 100,
                                 settings::Trunk::kResnetSmall, {.in_halves = true});
  expect_bits_of_passes_that_run({{4, {}}, {4, {}}}, 2, 100, settings::Trunk::kEfficientnetLite0);
  // Maps besides the deepest have gradients of their own, which are added up in the order of one pass.
  expect_bits_of_passes_that_run({{4, {1, 4}}, {4, {1, 4}}}, 2, 100, settings::Trunk::kResnetSmall,
                                 {.in_halves = true});
}

// Other ranks wait for the deep half's gradients, which are there before the shallow half's backward pass is played.
TEST(RecordedPasses, of_the_deep_half_give_their_gradients_first) {
  const std::shared_ptr<networks::Backbone> network = trunk(settings::Trunk::kResnetSmall);
  const auto recorder = accelerator::make_recorder(device().place(), 100);
  networks::RecordedPasses passes(*recorder, {.in_halves = true});
  std::map<std::string, std::int64_t> played;  // recordings before a parameter's gradient, in the last step
  for (const auto& item : network->named_parameters())
    torch::autograd::impl::set_post_acc_grad_hooks(
        item.value(), std::make_unique<Noted>([&, name = item.key()] { played[name] = plays(); }));
  for (int step = 0; step < 3; ++step) {
    std::optional<networks::RecordedPasses::Forward> forward(std::in_place, passes, 0);
    const at::Tensor loss = network->deepest(images(4, step)).pow(2).mean();
    forward.reset();
    streams().reset_counts();
    loss.backward();
  }
  ASSERT_EQ(network->named_parameters().size(), played.size());
  for (const auto& [name, before] : played) EXPECT_EQ(name < "layer2" ? 2 : 1, before) << name;
}

// A trunk and a second input that weighs its rows, which one form leaves out. Weights at the end.
std::vector<at::Tensor> weighed(const std::vector<int>& forms, networks::RecordedPasses* passes) {
  const std::shared_ptr<networks::Backbone> network = trunk(settings::Trunk::kResnetSmall);
  const std::vector<at::Tensor> parameters = network->parameters();
  double phase = 0;
  for (const int form : forms) {
    const at::Tensor weights = (at::arange(4, at::kFloat) + (phase += 1)).cos().view({4, 1, 1, 1}).to(device().place());
    const auto pass = [&](const std::vector<at::Tensor>& of) -> std::vector<at::Tensor> {
      const at::Tensor map = network->forward(of[0]).back();
      return {form == 0 ? map : map * of[1]};
    };
    std::optional<networks::RecordedPasses::Forward> forward;
    if (passes != nullptr) forward.emplace(*passes, 0);
    const at::Tensor loss =
        networks::recorded(*network, "weighed", {images(4, phase), weights}, pass, form).front().pow(2).mean();
    const auto gradients = torch::autograd::grad({loss}, parameters);
    const at::NoGradGuard no_grad;
    for (std::size_t i = 0; i < parameters.size(); ++i) parameters[i].add_(gradients[i], -0.1);
  }
  std::vector<at::Tensor> state;
  for (const at::Tensor& tensor : parameters) state.push_back(tensor.detach().cpu());
  return state;
}

TEST(RecordedPasses, of_several_inputs_are_recorded_anew_when_their_form_is_another) {
  const std::vector<int> forms{0, 0, 0, 1, 1, 1, 0, 0};
  const std::vector<at::Tensor> expected = weighed(forms, nullptr);
  const auto recorder = accelerator::make_recorder(device().place(), 100);
  networks::RecordedPasses passes(*recorder, {});
  streams().reset_counts();
  const std::vector<at::Tensor> found = weighed(forms, &passes);
  EXPECT_EQ(5 + 5, plays());
  ASSERT_EQ(expected.size(), found.size());
  for (std::size_t i = 0; i < found.size(); ++i) EXPECT_TRUE(at::equal(expected[i], found[i])) << i;
}

TEST(Recorder, refuses_what_a_gpu_cannot_record) {
  const auto recorder = accelerator::make_recorder(device().place(), 100);
  const at::Tensor tensor = at::ones({4}).to(device().place());
  const auto record = [&](const std::function<void()>& work) { recorder->record(work, nullptr); };
  EXPECT_THROW(record([&] { tensor.sum().item(); }), c10::Error);
  EXPECT_THROW(record([&] { tensor.copy_(at::ones({4})); }), c10::Error);
  EXPECT_NO_THROW(record([&] { tensor.mul_(2); }));
}

TEST(Recorder, does_nothing_until_it_is_played_and_then_each_time) {
  const auto recorder = accelerator::make_recorder(device().place(), 100);
  const at::Tensor tensor = at::ones({4}).to(device().place());
  at::Tensor doubled;
  const auto recording = recorder->record(
      [&] {
        doubled = tensor * 2;
        tensor.copy_(doubled);
      },
      nullptr);
  EXPECT_TRUE(at::equal(at::ones({4}), tensor.cpu()));
  for (int times : {2, 4, 8}) {
    recording->play();
    EXPECT_TRUE(at::equal(at::full({4}, times, at::kFloat), doubled.cpu())) << times;
  }
}

}  // namespace
}  // namespace resolute::workers::gpu_test::recorded_passes_test
