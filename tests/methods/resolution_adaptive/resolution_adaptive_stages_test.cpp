//! Progressive masks through the real trainer, from the block nearest the output downwards: what moves in a stage, what
//! the buffers say, and which masks an embedder made of the weights has.
#include <gtest/gtest.h>

#include <functional>

#include "settings/trunk_shape.h"
#include "tests/methods/resolution_adaptive/resolution_adaptive_examples.h"
#include "tests/methods/whole_training.h"
#include "tests/support/any_word.h"
#include "workers/training/make_method.h"
#include "workers/training/trainer.h"

namespace resolute::workers::resolution_adaptive_stages_test {
namespace {

using experiments::ResolutionAdaptiveOptions;
using namespace worker_tests;

constexpr int kMasks = 4, kStageSteps = 2;  // of resnet-small; of narrow_adaptive()
const std::vector<std::string> kNames{"layer1.0", "layer2.0", "layer3.0", "layer4.0"};

//! Of two lanes; in the second one row has no HR image and one no label.
methods::LaneBatch mixed(std::uint64_t step, int lane) {
  methods::LaneBatch batch = mixed_levels_batch(2, 2 * step + static_cast<std::uint64_t>(lane));
  batch.has_label = at::ones({8}, at::kBool);
  if (lane == 0) return batch;
  worker_tests::drop_hr_images(batch, at::arange(8).ne(2));
  batch.has_label[5] = false;
  batch.labels[5] = -1;
  return batch;
}

std::unique_ptr<methods::Method> made(std::uint64_t seed = 0, const char* masks = "progressive") {
  auto specification = worker_tests::small_specification(narrow_adaptive(masks));
  specification.seed = seed;
  specification.network.neck = true;
  return make_method(specification, 4);
}

networks::NamedTensors copied(const networks::NamedTensors& tensors) {
  networks::NamedTensors copies;
  for (const auto& [name, tensor] : tensors) copies.emplace(name, tensor.detach().clone());
  return copies;
}

//! Trains on two lanes. \param after_step gets the steps done so far and the checkpoint as it would be written
void train(methods::Method& method, int steps,
           const std::function<void(std::uint64_t, const networks::NamedTensors&)>& after_step = {},
           bool keep_graphs = true) {
  MadeSource source({8, 8}, mixed);
  ProgressPipe progress(-1);
  const TrainerOptions options{
      .recipe = {.steps = steps, .milestones = {}}, .lanes = 2, .keep_graphs = keep_graphs, .evaluate_every = 1};
  Trainer* running = nullptr;
  TrainerParts parts{.method = method, .source = source, .progress = progress};
  parts.evaluate = [&](std::uint64_t step) {
    if (after_step) after_step(step, copied(running->snapshot().tensors));
  };
  Trainer trainer(parts, options);
  running = &trainer;
  trainer.run();
}

//! The stage in which a step (0, 1, …) takes place, counted out.
int stage_of(std::uint64_t step) { return std::min(kMasks, static_cast<int>(step) / kStageSteps); }

TEST(MaskStages, have_as_many_masks_as_the_checks_of_a_suite_count) {
  for (const char* backbone : {"resnet50", "resnet-small"})
    for (const char* blocks : {"blocks", "stages"}) {
      const experiments::NetworkSettings network{.backbone = tests::AnyWord(backbone)};
      const ResolutionAdaptiveOptions options{.mask_blocks = tests::AnyWord(blocks)};
      const methods::ResolutionMasks masks(settings::trunk_shape(network), options);
      EXPECT_EQ(masks.size(), static_cast<std::size_t>(methods::mask_count(options, network)))
          << backbone << " " << blocks;
      EXPECT_EQ(masks.scales(1, {0, masks.size()}).size(),
                static_cast<std::size_t>(settings::trunk_shape(network).blocks()))
          << backbone;
    }
}

TEST(MaskStages, in_each_only_its_own_mask_moves_with_its_moments) {
  const auto method = made();
  networks::NamedTensors before;
  list_module(method->module(), "model.", before);
  before = copied(before);
  std::size_t checked = 0;
  train(*method, 12, [&](std::uint64_t done, const networks::NamedTensors& now) {
    const int stage = stage_of(done - 1);
    for (const auto& [name, tensor] : now) {
      const auto known = before.find(name);
      const bool moment = name.starts_with("optimiser.");
      // Before the first step no moments are known: they were zero.
      const at::Tensor earlier = known != before.end() ? known->second : at::zeros_like(tensor);
      const auto mask = name.find("masks.");
      if (mask == std::string::npos && !name.starts_with("optimiser.mask_")) {
        if (name.ends_with("weight") || (moment && name.ends_with("weight.moment1"))) {
          EXPECT_FALSE(tensor.equal(earlier)) << name << " after " << done;
        }
        continue;
      }
      const bool learns = stage > 0 && name.find(kNames[static_cast<std::size_t>(kMasks - stage)]) != std::string::npos;
      EXPECT_EQ(tensor.equal(earlier), !learns) << name << " after " << done;
      ++checked;
    }
    before = now;
  });
  EXPECT_EQ(checked, 12U * kMasks * 4);  // a mask, its two moments, its steps
}

TEST(MaskStages, buffers_say_where_the_training_stands) {
  const auto method = made();
  const auto buffers = method->module().named_buffers();
  EXPECT_EQ(buffers["stage"].item<std::int64_t>(), 0);
  EXPECT_EQ(buffers["stage"].scalar_type(), at::kLong);
  EXPECT_EQ(buffers["stage_iteration"].scalar_type(), at::kLong);
  EXPECT_EQ(buffers["frozen"].scalar_type(), at::kBool);
  std::uint64_t last = 0;
  train(*method, 13, [&](std::uint64_t done, const networks::NamedTensors& now) {
    const int stage = stage_of(done - 1);
    EXPECT_EQ(now.at("model.stage").item<std::int64_t>(), stage) << done;
    EXPECT_EQ(now.at("model.stage_iteration").item<std::int64_t>(),
              static_cast<std::int64_t>(done) - 1 - stage * kStageSteps)
        << done;
    for (int mask = 0; mask < kMasks; ++mask)  // the learning one is kMasks - stage, the frozen ones are behind it
      EXPECT_EQ(now.at("model.frozen")[mask].item<bool>(), mask > kMasks - stage) << done << " " << mask;
    last = done;
  });
  EXPECT_EQ(last, 13U);
  const auto joint = made(0, "joint"), off = made(0, "off");
  for (methods::Method* other : {joint.get(), off.get()})
    for (const char* name : {"stage", "stage_iteration", "frozen"})
      EXPECT_FALSE(other->module().named_buffers().contains(name)) << name;
}

TEST(MaskStages, windows_of_the_groups_follow_one_another) {
  const auto method = made();
  const std::vector<methods::ParameterGroup> groups = method->parameter_groups();
  ASSERT_EQ(groups.size(), 1U + kMasks);
  const std::vector<methods::Phase> phases = method->phases();
  ASSERT_EQ(phases.size(), 1U);
  for (std::uint64_t step = 0; step < 14; ++step) {
    EXPECT_TRUE(groups[0].moves_in(step));
    for (int mask = 0; mask < kMasks; ++mask) {
      const methods::ParameterGroup& group = groups[static_cast<std::size_t>(1 + mask)];
      EXPECT_EQ(group.name, "mask_" + kNames[static_cast<std::size_t>(mask)]);
      EXPECT_EQ(phases[0].groups[static_cast<std::size_t>(1 + mask)], group.name);
      ASSERT_EQ(group.parameters.size(), 1U);
      EXPECT_EQ(group.parameters[0].first, "masks." + kNames[static_cast<std::size_t>(mask)] + ".levels");
      EXPECT_EQ(group.optimiser.weight_decay, 0);
      EXPECT_EQ(group.optimiser.learning_rate, narrow_adaptive().mask_learning_rate);
      EXPECT_EQ(group.moves_in(step), stage_of(step) == kMasks - mask) << step << " " << mask;
    }
  }
  const auto joint = made(0, "joint");
  ASSERT_EQ(joint->parameter_groups().size(), 2U);
  EXPECT_EQ(joint->parameter_groups()[1].name, "masks");
  EXPECT_EQ(joint->parameter_groups()[1].parameters.size(), 4U);
}

TEST(MaskStages, a_mask_that_is_not_reached_is_not_applied) {
  for (int stage = 0; stage <= kMasks; ++stage) {
    methods::LaneBatch batch = mixed_levels_batch();
    batch.step = static_cast<std::uint64_t>(stage * kStageSteps);
    const auto method = made();
    const at::Tensor z = worker_tests::representation_of(*method, batch);
    const auto masks = method->mask_values();
    EXPECT_EQ(masks.size(), static_cast<std::size_t>(4 * stage));
    for (std::size_t i = 0; i < masks.size(); ++i)
      EXPECT_EQ(masks[i].block, kNames[static_cast<std::size_t>(kMasks - stage) + i / 4]);
    for (int mask = 0; mask < kMasks; ++mask) {
      const auto other = made();
      const at::NoGradGuard no_grad;
      descendant<methods::ResolutionMask>(*other, "masks." + kNames[static_cast<std::size_t>(mask)]).levels.neg_();
      EXPECT_EQ(worker_tests::representation_of(*other, batch).equal(z), mask < kMasks - stage) << stage << " " << mask;
    }
  }
}

// What acts follows from the weights alone.
TEST(MaskStages, weights_taken_in_the_middle_of_a_stage_embed_with_the_masks_reached) {
  const auto trained = made();
  networks::NamedTensors weights;
  train(*trained, 5);  // the last of them in stage 2
  list_module(trained->module(), "model.", weights);
  const auto loaded = made(7);
  load_module(loaded->module(), "model.", weights, "weights");
  // The same by joint masks: 1 where none is reached.
  const auto joint = made(7, "joint");
  networks::NamedTensors without = copied(weights);
  for (const char* name : {"stage", "stage_iteration", "frozen"}) without.erase(std::string("model.") + name);
  for (const char* name : {"layer1.0", "layer2.0"}) without.at(fmt::format("model.masks.{}.levels", name)).fill_(30);
  load_module(joint->module(), "model.", without, "weights");
  const at::Tensor images = mixed_levels_batch().lr;
  const at::Tensor expected = trained->embed(images);
  EXPECT_TRUE(loaded->embed(images).equal(expected));
  EXPECT_TRUE(joint->embed(images).equal(expected));
  EXPECT_EQ(loaded->mask_values().size(), 8U);
  EXPECT_EQ(loaded->mask_values().front().block, "layer3.0");
  for (int level = 1; level <= 4; ++level)
    for (const at::ScalarType precision : {at::kFloat, at::kBFloat16}) {
      const methods::EmbedderOptions options{.height = 32, .width = 16, .precision = precision, .level = level};
      const at::Tensor by_level = trained->embedder(options)(images);
      EXPECT_TRUE(loaded->embedder(options)(images).equal(by_level)) << level;
      EXPECT_TRUE(joint->embedder(options)(images).equal(by_level)) << level;
    }
}

TEST(MaskStages, graphs_kept_or_run_again_give_the_same_bits) {
  const auto kept = made(), again = made();
  train(*kept, 7);
  train(*again, 7, {}, /*keep_graphs=*/false);
  EXPECT_EQ(worker_tests::state_hash(kept->module()), worker_tests::state_hash(again->module()));
  EXPECT_NE(worker_tests::state_hash(made()->module()), worker_tests::state_hash(kept->module()));
}

}  // namespace
}  // namespace resolute::workers::resolution_adaptive_stages_test
