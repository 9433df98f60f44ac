#include "workers/methods/method.h"

#include <ATen/autocast_mode.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "core/error.h"
#include "methods/rain/rain.h"
#include "tests/methods/small_training.h"
#include "workers/nn/batch_norm.h"

namespace resolute::workers::method_test {
namespace {

using experiments::BaselineOptions;
using experiments::FtwaOptions;
using experiments::MethodOptions;
using experiments::MsiflaOptions;
using experiments::RainOptions;
using experiments::ResolutionAdaptiveOptions;
using worker_tests::made_up_batch;
using worker_tests::small_specification;

std::vector<MethodOptions> every_kind() {
  return {BaselineOptions{},
          RainOptions{},
          RainOptions{.levels = {}, .adversary = "off"},
          RainOptions{.levels = {1, 2, 3, 4, 5}, .mining = "batch-hard", .adversary = "non-saturating"},
          RainOptions{.reconstruction = false, .supervision = "hr-only-labels"},
          RainOptions{.updates = "simultaneous", .discriminator = "pixelwise", .decoder = "transposed"},
          FtwaOptions{},
          FtwaOptions{.mining = "all", .triplet_weighting = "per-sample", .weight_balance = 1},
          FtwaOptions{.transformation = false, .weighting = false},
          MsiflaOptions{.ir_width = 8},
          MsiflaOptions{.scales = {2, 1}, .reid_networks = "shared", .reid_into_ir = false, .ir_width = 8},
          ResolutionAdaptiveOptions{.widths = {8, 8, 8, 8}, .stage_steps = 3, .verification_width = 8},
          ResolutionAdaptiveOptions{.level_rates = {2, 1}, .widths = {4, 8}, .masks = "joint", .verification_width = 8},
          ResolutionAdaptiveOptions{.varying_length = false, .masks = "off"}};
}

TEST(Method, groups_hold_every_parameter_once_and_phases_name_them) {
  for (const MethodOptions& options : every_kind()) {
    auto method = make_method(small_specification(options), 6);
    std::set<std::string> seen, groups;
    for (const ParameterGroup& group : method->parameter_groups()) {
      groups.insert(group.name);
      for (const auto& [name, parameter] : group.parameters) EXPECT_TRUE(seen.insert(name).second) << name;
    }
    EXPECT_EQ(seen.size(), method->module().named_parameters().size());
    std::set<std::string> updated;
    for (const Phase& phase : method->phases()) updated.insert(phase.groups.begin(), phase.groups.end());
    EXPECT_EQ(updated, groups);
  }
}

TEST(Method, libtorchs_generators_never_advance) {
  auto generator = at::detail::getDefaultCPUGenerator();
  const at::Tensor before = generator.get_state().clone();
  for (const MethodOptions& options : every_kind()) {
    auto specification = small_specification(options);
    for (bool neck : {false, true}) {
      specification.network.neck = neck;
      auto method = make_method(specification, 4);
      const LaneBatch batch = made_up_batch(4, 2, 32, 16);
      const Activations activations = method->forward(batch);
      for (std::size_t phase = 0; phase < method->phases().size(); ++phase) {
        at::Tensor total = at::zeros({});
        for (const LossTerm& term : method->losses(phase, activations, batch)) total = total + term.value;
        total.backward({}, true);
      }
      method->embed(batch.lr);
    }
  }
  EXPECT_TRUE(at::equal(before, generator.get_state()));
}

TEST(Method, a_phase_moves_no_other_group_and_losses_move_no_statistics) {
  auto method = make_method(small_specification(RainOptions{}), 4);
  const LaneBatch batch = made_up_batch(4, 2, 32, 16);
  const Activations activations = method->forward(batch);
  const std::string hash = worker_tests::state_hash(method->module());
  for (std::size_t phase = 0; phase < 2; ++phase) {
    method->module().zero_grad();
    at::Tensor total = at::zeros({});
    for (const LossTerm& term : method->losses(phase, activations, batch)) total = total + term.value;
    total.backward({}, true);
    for (const ParameterGroup& group : method->parameter_groups())
      for (const auto& [name, parameter] : group.parameters)
        EXPECT_EQ(parameter.grad().defined(), method->phases()[phase].updates(group.name)) << name;
  }
  EXPECT_EQ(worker_tests::state_hash(method->module()), hash);
}

TEST(Method, recomputed_forward_gives_the_same_bits_and_keeps_statistics) {
  for (const MethodOptions& options : every_kind()) {
    auto method = make_method(small_specification(options), 4);
    const LaneBatch batch = made_up_batch(4, 2, 32, 16);
    const Activations kept = method->forward(batch);
    const std::string hash = worker_tests::state_hash(method->module());
    RunningStatisticsHold hold;
    const Activations again = method->forward(batch);
    EXPECT_EQ(worker_tests::state_hash(method->module()), hash);
    ASSERT_EQ(kept.tensors.size(), again.tensors.size());
    for (std::size_t i = 0; i < kept.tensors.size(); ++i) {
      ASSERT_EQ(kept.tensors[i].defined(), again.tensors[i].defined());
      if (!kept.tensors[i].defined()) continue;
      EXPECT_TRUE(at::equal(kept.tensors[i], again.tensors[i])) << i;
    }
  }
}

TEST(Method, a_lane_without_hr_images_is_finite) {
  for (const MethodOptions& options : every_kind()) {
    for (const char* streams : {"joint", "separate"}) {
      auto specification = small_specification(options);
      specification.network.bn_streams = streams;
      auto method = make_method(specification, 4);
      LaneBatch batch = made_up_batch(2, 2, 32, 16);
      batch.has_hr.fill_(false);
      const Activations activations = method->forward(batch);
      for (std::size_t phase = 0; phase < method->phases().size(); ++phase) {
        at::Tensor total = at::zeros({});
        for (const LossTerm& term : method->losses(phase, activations, batch)) {
          EXPECT_TRUE(std::isfinite(term.value.item<double>())) << term.name;
          if (std::holds_alternative<BaselineOptions>(options)) {
            EXPECT_EQ(term.value.item<double>(), 0.0);
          }
          total = total + term.value;
        }
        ASSERT_TRUE(total.requires_grad());
        total.backward({}, true);
      }
      for (const auto& parameter : method->module().parameters()) {
        if (!parameter.grad().defined()) continue;
        EXPECT_TRUE(at::isfinite(parameter.grad()).all().item<bool>());
      }
    }
  }
}

TEST(Method, embed_is_float32_deterministic_and_keeps_the_mode) {
  auto method = make_method(small_specification(RainOptions{}), 4);
  const LaneBatch batch = made_up_batch(2, 2, 64, 32);
  const std::string hash = worker_tests::state_hash(method->module());
  at::Tensor all = method->embed(batch.hr);
  EXPECT_EQ(all.sizes(), (at::IntArrayRef{4, method->embedding_size()}));
  EXPECT_EQ(all.scalar_type(), at::kFloat);
  EXPECT_FALSE(all.requires_grad());
  EXPECT_TRUE(method->module().is_training());
  EXPECT_EQ(worker_tests::state_hash(method->module()), hash);
  EXPECT_TRUE(at::allclose(all[2], method->embed(batch.hr.narrow(0, 2, 1))[0], 1e-5, 1e-6));
}

TEST(Method, bfloat16_autocast_gives_float32_losses) {
  at::autocast::set_autocast_enabled(at::kCPU, true);
  at::autocast::set_autocast_dtype(at::kCPU, at::kBFloat16);
  for (const MethodOptions& options : every_kind()) {
    auto method = make_method(small_specification(options), 4);
    const LaneBatch batch = made_up_batch(4, 2, 32, 16);
    const Activations activations = method->forward(batch);
    for (std::size_t phase = 0; phase < method->phases().size(); ++phase)
      for (const LossTerm& term : method->losses(phase, activations, batch)) {
        EXPECT_EQ(term.value.scalar_type(), at::kFloat) << term.name;
        EXPECT_TRUE(std::isfinite(term.value.item<double>())) << term.name;
      }
  }
  at::autocast::clear_cache();
  at::autocast::set_autocast_enabled(at::kCPU, false);
}

TEST(Method, the_decoder_returns_to_any_image_size) {
  for (const char* decoder : {"nearest", "transposed"})
    for (int last_stride : {1, 2})
      for (auto [height, width] : {std::pair{64, 32}, std::pair{37, 19}, std::pair{128, 64}}) {
        auto specification = small_specification(RainOptions{.decoder = decoder});
        specification.network.last_stride = last_stride;
        auto method = make_method(specification, 4);
        at::Tensor images = at::zeros({1, 3, height, width});
        EXPECT_EQ(method->recover(images).at(0).images.sizes(), images.sizes());
      }
  auto without = make_method(small_specification(RainOptions{.reconstruction = false}), 4);
  EXPECT_TRUE(without->recover(at::zeros({1, 3, 64, 32})).empty());
}

TEST(Method, resnet50_step_has_finite_terms) {
  for (int last_stride : {1, 2}) {
    auto specification = small_specification(RainOptions{.levels = {1, 4, 5}});
    specification.network.backbone = "resnet50";
    specification.network.last_stride = last_stride;
    auto method = make_method(specification, 4);
    EXPECT_EQ(method->embedding_size(), 2048);
    const LaneBatch batch = made_up_batch(2, 2, 64, 32);
    const Activations activations = method->forward(batch);
    for (std::size_t phase = 0; phase < 2; ++phase)
      for (const LossTerm& term : method->losses(phase, activations, batch))
        EXPECT_TRUE(std::isfinite(term.value.item<double>())) << term.name;
  }
}

TEST(Method, refuses_options_that_train_nothing_or_are_unknown) {
  auto refused = [](const MethodOptions& options) {
    EXPECT_THROW(make_method(small_specification(options), 4), core::RuntimeError);
  };
  refused(BaselineOptions{.classification = false, .triplet = false});
  refused(BaselineOptions{.mining = "soft"});
  refused(BaselineOptions{.margin = 0});
  refused(RainOptions{.levels = {0}});
  refused(RainOptions{.levels = {5, 4}});
  refused(RainOptions{.levels = {5, 5}});
  refused(RainOptions{.adversary = "wasserstein"});
  refused(RainOptions{.adversarial_weight = -1});
  refused(RainOptions{.levels = {}});
  refused(RainOptions{.levels = {5}, .adversary = "off"});
  refused(RainOptions{.updates = "asynchronous"});
  refused(RainOptions{.discriminator = "patch"});
  refused(RainOptions{.decoder = "bilinear"});
  refused(RainOptions{.supervision = "none"});
  refused(RainOptions{
      .levels = {}, .classification = false, .triplet = false, .reconstruction = false, .adversary = "off"});
  EXPECT_THROW(make_method(small_specification(RainOptions{}), 1), core::RuntimeError);
}

}  // namespace
}  // namespace resolute::workers::method_test
