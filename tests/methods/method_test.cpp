#include "methods/networks/method.h"

#include <ATen/autocast_mode.h>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <set>

#include "core/error.h"
#include "methods/rain/networks/rain.h"
#include "methods/rules.h"
#include "networks/nn/backbone.h"
#include "networks/nn/batch_norm.h"
#include "networks/nn/folded_backbone.h"
#include "networks/onnx/graph.h"
#include "tests/methods/small_training.h"
#include "tests/support/any_word.h"
#include "workers/training/checkpoint.h"
#include "workers/training/make_method.h"
#include "workers/training/optimiser.h"

namespace resolute::workers::method_test {
namespace {

using experiments::BaselineOptions;
using experiments::CadnetOptions;
using experiments::FtwaOptions;
using experiments::MethodOptions;
using experiments::MsiflaOptions;
using experiments::RainOptions;
using experiments::ResolutionAdaptiveOptions;
using tests::images;
using worker_tests::made_up;
using worker_tests::made_up_batch;
using worker_tests::small_specification;

std::vector<MethodOptions> every_kind() {
  return {BaselineOptions{},
          RainOptions{},
          RainOptions{.adversary = methods::NoAdversary()},
          RainOptions{.adversary = methods::Adversary{.levels = {1, 2, 3, 4, 5}, .non_saturating = true},
                      .mining = methods::Mining::kBatchHard},
          RainOptions{.reconstruction = false, .supervision = methods::Supervision::kHrOnlyLabels},
          RainOptions{.adversary = methods::Adversary{.updates = methods::Updates::kSimultaneous,
                                                      .discriminator = methods::DiscriminatorKind::kPixelwise},
                      .decoder = methods::DecoderKind::kTransposed},
          CadnetOptions{},
          CadnetOptions{.features = methods::JointFeature::kG, .image_adversary = false},
          CadnetOptions{.features = methods::JointFeature::kF, .mining = methods::Mining::kBatchHard},
          CadnetOptions{.classification = false, .triplet = false, .feature_adversary = false},
          FtwaOptions{},
          FtwaOptions{{.mining = methods::Mining::kAll,
                       .triplet_weighting = methods::Weighting::kPerSample,
                       .weight_balance = 1,
                       .weight_normalisation = methods::WeightNormalisation::kRunningMean}},
          FtwaOptions{{}, methods::FtwaForm::kStreams},
          MsiflaOptions{.ir_width = 8},
          MsiflaOptions{.scales = {1}, .reid_ensemble = 2, .ir_width = 8},
          MsiflaOptions{
              .scales = {2, 1}, .reid_networks = methods::ReidNetworks::kShared, .reid_into_ir = false, .ir_width = 8},
          ResolutionAdaptiveOptions{.widths = {8, 8, 8, 8}, .stage_steps = 3, .verification_width = 8},
          ResolutionAdaptiveOptions{
              .level_rates = {2, 1}, .widths = {4, 8}, .masks = methods::Masks::kJoint, .verification_width = 8},
          ResolutionAdaptiveOptions{.varying_length = false, .masks = methods::Masks::kOff},
          methods::VpfaOptions{.hidden = 8}};
}

//! Names and shapes of all that a checkpoint would hold.
std::map<std::string, std::vector<std::int64_t>> tensors_of(const MethodOptions& options) {
  auto method = make_method(small_specification(options), 6);
  networks::NamedTensors tensors;
  list_module(method->module(), "", tensors);
  std::map<std::string, std::vector<std::int64_t>> shapes;
  for (const auto& [name, tensor] : tensors) shapes[name] = tensor.sizes().vec();
  return shapes;
}

//! The options with one switch or word changed, for each of them that may be together.
template <class Options>
std::vector<MethodOptions> with_one_change(const Options& options) {
  std::vector<MethodOptions> changed;
  const auto section = methods::section_of(options);
  methods::Section<Options>::members([&](const auto& one) {
    using T = typename std::decay_t<decltype(one)>::Type;
    const auto add = [&](const T& value) {
      auto other = section;
      other.*one.at = value;
      try {
        const auto made = methods::options_of<Options>(other);
        if (made != options) changed.push_back(made);
      } catch (const settings::MemberError&) {
      }
    };
    if constexpr (std::is_same_v<T, bool>)
      add(!(section.*one.at));
    else if constexpr (settings::Choice<T>)
      for (const std::string& word : settings::word_list<T>()) add(settings::parse_word<T>(word, "word"));
  });
  return changed;
}

TEST(Method, networks_that_are_said_to_be_the_same_have_the_same_tensors) {
  int same = 0, others = 0;
  for (const MethodOptions& options : every_kind()) {
    const auto shapes = tensors_of(options);
    for (const MethodOptions& other : std::visit([](const auto& chosen) { return with_one_change(chosen); }, options)) {
      if (!methods::same_networks(options, other)) {
        ++others;
        continue;
      }
      ++same;
      std::map<std::string, std::vector<std::int64_t>> found;
      EXPECT_NO_THROW(found = tensors_of(other));
      EXPECT_EQ(shapes, found) << methods::method_name(options);
    }
  }
  EXPECT_GT(same, 20);
  EXPECT_GT(others, 10);
}

TEST(Method, its_row_counts_its_trunks) {
  for (const MethodOptions& options : every_kind()) {
    const auto method = make_method(small_specification(options), 6);
    int trunks = 0;
    for (const auto& module : method->module().modules())
      trunks += dynamic_cast<const networks::Backbone*>(module.get()) != nullptr ? 1 : 0;
    EXPECT_EQ(trunks, method->row().trunks) << methods::method_name(options);
  }
}

TEST(Method, groups_hold_every_parameter_that_learns_once_and_phases_name_them) {
  for (const MethodOptions& options : every_kind()) {
    auto method = make_method(small_specification(options), 6);
    std::set<std::string> seen, groups;
    for (const methods::ParameterGroup& group : method->parameter_groups()) {
      groups.insert(group.name);
      for (const auto& [name, parameter] : group.parameters) EXPECT_TRUE(seen.insert(name).second) << name;
    }
    const auto parameters = method->module().parameters();
    EXPECT_EQ(std::ssize(seen), std::ranges::count_if(parameters, [](const auto& one) { return one.requires_grad(); }));
    std::set<std::string> updated;
    for (const methods::Phase& phase : method->phases()) updated.insert(phase.groups.begin(), phase.groups.end());
    EXPECT_EQ(updated, groups);
  }
}

//! The level of a parameter of resnet-small by its published name; 0 outside of trunks.
int level_by_name(const std::string& name) {
  for (const std::string part : {"trunk.", "lr_encoder.", "hr_encoder."}) {
    const std::size_t begin = name.find(part);
    if (begin == std::string::npos) continue;
    const std::string rest = name.substr(begin + part.size());
    return rest.starts_with("layer") ? rest[5] - '0' + 1 : 1;
  }
  return 0;
}

TEST(Method, rates_fall_from_what_is_new_to_the_trunks_first_level) {
  const settings::Recipe recipe{.trunk_learning_rate_factor = 0.5, .layer_decay = 0.8, .milestones = {}};
  for (const MethodOptions& options : every_kind()) {
    const auto method = make_method(small_specification(options), 6);
    std::set<int> levels;
    for (const methods::ParameterGroup& group : method->parameter_groups()) {
      const std::vector<double> usual = rate_factors(method->module(), group, settings::Recipe());
      EXPECT_EQ(usual, std::vector<double>(group.parameters.size(), 1.0));
      const std::vector<double> factors = rate_factors(method->module(), group, recipe);
      ASSERT_EQ(factors.size(), group.parameters.size());
      for (std::size_t i = 0; i < factors.size(); ++i) {
        const std::string& name = group.parameters[i].first;
        const int level = level_by_name(name);
        EXPECT_NEAR(factors[i], level == 0 ? 1.0 : 0.5 * std::pow(0.8, 6 - level), 1e-12) << name;
        levels.insert(level);
      }
    }
    const bool trunk_learns = !std::holds_alternative<methods::VpfaOptions>(options);
    EXPECT_EQ(trunk_learns, levels.contains(1) && levels.contains(5));
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
      const methods::LaneBatch batch = made_up_batch(4, 2, 32, 16);
      const methods::Activations activations = method->forward(batch);
      for (std::size_t phase = 0; phase < method->phases().size(); ++phase) {
        at::Tensor total = at::zeros({});
        for (const methods::LossTerm& term : method->losses(phase, activations, batch)) total = total + term.value;
        total.backward({}, true);
      }
      method->embed(batch.lr);
    }
  }
  EXPECT_TRUE(at::equal(before, generator.get_state()));
}

TEST(Method, a_phase_moves_no_other_group_and_losses_move_no_statistics) {
  auto method = make_method(small_specification(RainOptions{}), 4);
  const methods::LaneBatch batch = made_up_batch(4, 2, 32, 16);
  const methods::Activations activations = method->forward(batch);
  const std::string hash = worker_tests::state_hash(method->module());
  for (std::size_t phase = 0; phase < 2; ++phase) {
    method->module().zero_grad();
    at::Tensor total = at::zeros({});
    for (const methods::LossTerm& term : method->losses(phase, activations, batch)) total = total + term.value;
    total.backward({}, true);
    for (const methods::ParameterGroup& group : method->parameter_groups())
      for (const auto& [name, parameter] : group.parameters)
        EXPECT_EQ(parameter.grad().defined(), method->phases()[phase].updates(group.name)) << name;
  }
  EXPECT_EQ(worker_tests::state_hash(method->module()), hash);
}

TEST(Method, recomputed_forward_gives_the_same_bits_and_keeps_statistics) {
  for (const MethodOptions& options : every_kind()) {
    auto method = make_method(small_specification(options), 4);
    const methods::LaneBatch batch = made_up_batch(4, 2, 32, 16);
    const methods::Activations kept = method->forward(batch);
    const std::string hash = worker_tests::state_hash(method->module());
    networks::RunningStatisticsHold hold;
    const methods::Activations again = method->forward(batch);
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
      specification.network.bn_streams = tests::AnyWord(streams);
      auto method = make_method(specification, 4);
      methods::LaneBatch batch = made_up_batch(2, 2, 32, 16);
      batch.has_hr.fill_(false);
      const methods::Activations activations = method->forward(batch);
      for (std::size_t phase = 0; phase < method->phases().size(); ++phase) {
        at::Tensor total = at::zeros({});
        for (const methods::LossTerm& term : method->losses(phase, activations, batch)) {
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
  const methods::LaneBatch batch = made_up_batch(2, 2, 64, 32);
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
    const methods::LaneBatch batch = made_up_batch(4, 2, 32, 16);
    const methods::Activations activations = method->forward(batch);
    for (std::size_t phase = 0; phase < method->phases().size(); ++phase)
      for (const methods::LossTerm& term : method->losses(phase, activations, batch)) {
        EXPECT_EQ(term.value.scalar_type(), at::kFloat) << term.name;
        EXPECT_TRUE(std::isfinite(term.value.item<double>())) << term.name;
      }
  }
  at::autocast::clear_cache();
  at::autocast::set_autocast_enabled(at::kCPU, false);
}

//! An embedder of a method's by what it is of.
struct NamedEmbedder {
  std::string name;
  methods::Embedder embed;
  std::int64_t columns;
};

//! For images of 32×16 pixels: of either side, of each level, of all branches.
std::vector<NamedEmbedder> embedders_of(methods::Method& method, at::ScalarType precision) {
  std::vector<NamedEmbedder> found;
  const std::int64_t columns = method.embedding_size();
  for (const methods::Side side : {methods::Side::kHigh, methods::Side::kLow}) {
    if (side == methods::Side::kLow && !method.tells().sides) continue;
    for (int level = 0; level <= static_cast<int>(method.tells().level_rates.size()); ++level) {
      const methods::EmbedderOptions options{32, 16, precision, side, level};
      const std::string name = fmt::format("{} side, level {}", side == methods::Side::kHigh ? "high" : "low", level);
      found.push_back({name, method.embedder(options), columns});
      if (!method.tells().branches.empty())
        found.push_back({name + ", branches", method.branch_embedder(options), method.row_size()});
    }
  }
  return found;
}

//! every_kind(), and options that embedders alone look at.
std::vector<MethodOptions> every_embedder() {
  auto kinds = every_kind();
  for (const std::vector<int>& scales : {std::vector{1}, std::vector{4, 3, 2, 1}})
    kinds.emplace_back(MsiflaOptions{.scales = scales, .ir_width = 4});
  kinds.emplace_back(
      MsiflaOptions{.reid_networks = methods::ReidNetworks::kShared, .ir_width = 4, .ir_residual = true});
  kinds.emplace_back(MsiflaOptions{.ir_width = 4, .unit_parts = true});
  return kinds;
}

TEST(Embedders, give_an_image_the_same_row_in_any_company) {
  const std::int64_t rows = 2 * networks::FoldedBackbone::kBlockOnCpu + 3;
  const at::Tensor input = images(rows);
  for (const MethodOptions& options : every_embedder()) {
    const auto method = made_up(options);
    for (const at::ScalarType precision : {at::kFloat, at::kBFloat16})
      for (const auto& [name, embed, columns] : embedders_of(*method, precision)) {
        SCOPED_TRACE(fmt::format("{} {}, {}", experiments::method_name(options), name, at::toString(precision)));
        const at::Tensor together = embed(input);
        for (const std::int64_t row : {std::int64_t{0}, std::int64_t{7}, rows - 1})
          EXPECT_TRUE(together[row].equal(embed(input.narrow(0, row, 1))[0])) << row;
        EXPECT_TRUE(together.equal(embed(input.flip({0})).flip({0})));
        EXPECT_EQ(embed(input.narrow(0, 0, 0)).sizes(), (at::IntArrayRef{0, columns}));
      }
  }
}

// That the graph computes what the embedder does, onnxruntime says: tests/documentation/weights_test.py.
TEST(Embedders, have_a_graph_for_each_side) {
  for (const MethodOptions& options : every_embedder()) {
    const auto method = made_up(options);
    for (const methods::Side side : {methods::Side::kHigh, methods::Side::kLow}) {
      networks::onnx::Graph graph(32, 16, method->row_size());
      EXPECT_NE(method->embedder_graph(graph, side, 0), "") << experiments::method_name(options);
    }
  }
}

TEST(Embedders, of_bfloat16_are_near_float32_and_give_float32) {
  const at::Tensor input = images(5);
  for (const MethodOptions& options : every_embedder()) {
    const auto method = made_up(options);
    const auto wide = embedders_of(*method, at::kFloat), narrow = embedders_of(*method, at::kBFloat16);
    for (std::size_t i = 0; i < wide.size(); ++i) {
      SCOPED_TRACE(fmt::format("{} {}", experiments::method_name(options), wide[i].name));
      const at::Tensor expected = wide[i].embed(input), found = narrow[i].embed(input);
      EXPECT_EQ(found.scalar_type(), at::kFloat);
      const double apart = ((found - expected).norm() / expected.norm()).item<double>();
      EXPECT_LT(apart, std::holds_alternative<FtwaOptions>(options) ? 3e-2 : 5e-2);
      EXPECT_GT(apart, 0);
    }
  }
}

TEST(Embedders, keep_the_weights_that_they_were_made_of) {
  const at::Tensor input = images(2);
  for (const MethodOptions& options : every_embedder()) {
    const auto method = made_up(options);
    const auto embedders = embedders_of(*method, at::kFloat);
    std::vector<at::Tensor> before;
    for (const NamedEmbedder& one : embedders) before.push_back(one.embed(input));
    const at::NoGradGuard no_grad;
    for (at::Tensor& parameter : method->module().parameters()) parameter.mul_(2);
    for (std::size_t i = 0; i < before.size(); ++i)
      EXPECT_TRUE(before[i].equal(embedders[i].embed(input)))
          << experiments::method_name(options) << " " << embedders[i].name;
  }
}

TEST(Method, the_decoder_returns_to_any_image_size) {
  for (const auto decoder : {methods::DecoderKind::kNearest, methods::DecoderKind::kTransposed})
    for (int last_stride : {1, 2})
      for (auto [height, width] : {std::pair{64, 32}, std::pair{37, 19}, std::pair{128, 64}}) {
        auto specification = small_specification(RainOptions{.decoder = decoder});
        specification.network.last_stride = last_stride;
        auto method = make_method(specification, 4);
        at::Tensor images = at::zeros({1, 3, height, width});
        EXPECT_EQ(method->recover(images).at(0).sizes(), images.sizes());
      }
}

TEST(Method, resnet50_step_has_finite_terms) {
  for (int last_stride : {1, 2}) {
    auto specification = small_specification(RainOptions{.adversary = methods::Adversary{.levels = {1, 4, 5}}});
    specification.network.backbone = settings::Trunk::kResnet50;
    specification.network.last_stride = last_stride;
    auto method = make_method(specification, 4);
    EXPECT_EQ(method->embedding_size(), 2048);
    const methods::LaneBatch batch = made_up_batch(2, 2, 64, 32);
    const methods::Activations activations = method->forward(batch);
    for (std::size_t phase = 0; phase < 2; ++phase)
      for (const methods::LossTerm& term : method->losses(phase, activations, batch))
        EXPECT_TRUE(std::isfinite(term.value.item<double>())) << term.name;
  }
}

TEST(Method, is_not_made_for_one_identity) {
  EXPECT_THROW(make_method(small_specification(RainOptions{}), 1), core::RuntimeError);
}

}  // namespace
}  // namespace resolute::workers::method_test
