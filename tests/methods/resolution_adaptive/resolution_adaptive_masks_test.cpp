//! Masks of the resolution-adaptive method: how many there are, what they do to a map and its gradient, whom they
//! learn from, and that saturated ones are none. What an embedder makes of them and of a level.
#include <ATen/autocast_mode.h>
#include <gtest/gtest.h>

#include "tests/methods/resolution_adaptive/resolution_adaptive_examples.h"
#include "tests/support/any_word.h"
#include "workers/training/make_method.h"

namespace resolute::workers::resolution_adaptive_masks_test {
namespace {

using experiments::ResolutionAdaptiveOptions;
using namespace worker_tests;

constexpr double kSaturated = 30;

//! bfloat16 while alive, as the trainer has it.
class Autocast {
 public:
  explicit Autocast(bool on) {
    at::autocast::set_autocast_dtype(at::kCPU, at::kBFloat16);
    at::autocast::set_autocast_enabled(at::kCPU, on);
  }
  ~Autocast() {
    at::autocast::clear_cache();
    at::autocast::set_autocast_enabled(at::kCPU, false);
  }
  Autocast(const Autocast&) = delete;
  Autocast& operator=(const Autocast&) = delete;
};

TEST(ResolutionMasks, resnet50_has_one_behind_each_block_or_each_stage) {
  for (const auto& [blocks, values, count] : {std::tuple{"blocks", 60'416, 16U}, std::tuple{"stages", 15'360, 4U}}) {
    const settings::TrunkShape shape = settings::trunk_shape({.backbone = settings::Trunk::kResnet50});
    const methods::ResolutionMasks masks(shape, {.mask_blocks = tests::AnyWord(blocks)});
    std::int64_t found = 0;
    for (const at::Tensor& parameter : masks.parameters()) found += parameter.numel();
    EXPECT_EQ(found, values);
    EXPECT_EQ(masks.size(), count);
    const bool stages = count == 4;
    EXPECT_EQ(masks.name(0), stages ? "layer1" : "layer1.0");
    EXPECT_EQ(masks.name(count - 1), stages ? "layer4" : "layer4.2");
    EXPECT_TRUE(masks.named_parameters().contains(stages ? "layer3.levels" : "layer3.5.levels"));
    // Behind the last block of each stage, or behind all.
    const std::vector<at::Tensor> scales = masks.scales(1, {0, count});
    ASSERT_EQ(scales.size(), 16U);
    std::size_t last = 0, number = 0;
    for (const settings::TrunkStage& stage : shape.stages) {
      last += static_cast<std::size_t>(stage.blocks);
      for (; number < last; ++number) {
        EXPECT_EQ(scales[number].defined(), !stages || number + 1 == last) << number;
        if (scales[number].defined()) {
          EXPECT_EQ(scales[number].size(0), stage.channels);
        }
      }
    }
  }
}

TEST(ResolutionMasks, the_whole_method_has_the_papers_shapes_on_resnet50) {
  auto specification = worker_tests::small_specification(ResolutionAdaptiveOptions{.masks = methods::Masks::kJoint});
  specification.network.backbone = settings::Trunk::kResnet50;
  const auto method = make_method(specification, 4);
  EXPECT_EQ(method->embedding_size(), 2048);
  EXPECT_EQ(method->compared_dimensions(1), 512);
  std::size_t values = 0;
  const std::vector<methods::MaskValues> masks = method->mask_values();
  ASSERT_EQ(masks.size(), 64U);
  for (std::size_t i = 0; i < masks.size(); ++i) {
    EXPECT_EQ(masks[i].level, static_cast<int>(1 + i % 4));
    values += masks[i].values.size();
    for (const float value : masks[i].values) ASSERT_TRUE(value > 0 && value < 1);
  }
  EXPECT_EQ(values, 60'416U);
  EXPECT_EQ(method->embed(at::zeros({1, 3, 64, 32})).sizes(), (at::IntArrayRef{1, 2048}));
}

TEST(ResolutionMasks, begin_as_normal_draws_of_their_name) {
  const auto drawn = [](double mean, double deviation, std::uint64_t seed) {
    const settings::TrunkShape shape = settings::trunk_shape({.backbone = settings::Trunk::kResnet50});
    const ResolutionAdaptiveOptions options{.mask_mean = mean, .mask_deviation = deviation};
    torch::nn::Module root("root");
    const auto masks = root.register_module("masks", std::make_shared<methods::ResolutionMasks>(shape, options));
    networks::initialise(root, seed);
    std::vector<at::Tensor> all;
    for (const at::Tensor& parameter : masks->parameters()) all.push_back(parameter.detach().flatten());
    return at::cat(all).to(at::kDouble);
  };
  const at::Tensor standard = drawn(0, 1, 1);  // 60,416 draws: deviations of the mean 0.004, of the deviation 0.003
  EXPECT_NEAR(standard.mean().item<double>(), 0, 0.02);
  EXPECT_NEAR(standard.std().item<double>(), 1, 0.015);
  EXPECT_TRUE(drawn(0, 1, 1).equal(standard));
  EXPECT_FALSE(drawn(0, 1, 2).equal(standard));
  EXPECT_FALSE(standard.narrow(0, 0, 1024).equal(standard.narrow(0, 1024, 1024)));
  EXPECT_TRUE(at::allclose(drawn(3, 2, 1), 3 + 2 * standard, 1e-6, 1e-6));
  EXPECT_TRUE(drawn(kSaturated, 0, 1).equal(at::full_like(standard, kSaturated)));
}

TEST(ResolutionMasks, scale_a_map_by_the_factors_of_its_images_levels_and_keep_it_channels_last) {
  const settings::TrunkShape shape = settings::trunk_shape({.backbone = settings::Trunk::kResnetSmall});
  methods::ResolutionMasks masks(shape, narrow_adaptive());
  tests::fill_with_numbers(masks);
  const at::Tensor levels = at::tensor(std::vector<std::int64_t>{4, 1, 2, 4, 3}, at::kLong);
  const at::Tensor one_hot = methods::one_hot_levels(levels, 4, masks.parameters().front());
  for (const at::ScalarType type : {at::kFloat, at::kBFloat16}) {
    const at::Tensor map =
        tests::numbers("map", {5, 64, 4, 2}, 2.0).to(type).contiguous(at::MemoryFormat::ChannelsLast).requires_grad_();
    const at::Tensor scaled = masks.after_block(one_hot, {0, 4})(2, map);
    ASSERT_EQ(scaled.scalar_type(), type);
    EXPECT_TRUE(scaled.is_contiguous(at::MemoryFormat::ChannelsLast));
    const at::Tensor factors = at::sigmoid(masks.named_parameters()["layer3.0.levels"]);
    for (std::int64_t image = 0; image < 5; ++image)
      EXPECT_TRUE(
          scaled[image].equal(map[image] * factors[levels[image].item<std::int64_t>() - 1].to(type).view({64, 1, 1})));
    const at::Tensor upstream =
        tests::numbers("upstream", map.sizes()).to(type).contiguous(at::MemoryFormat::ChannelsLast);
    scaled.backward(upstream);
    EXPECT_TRUE(map.grad().is_contiguous(at::MemoryFormat::ChannelsLast));
    EXPECT_EQ(masks.named_parameters()["layer3.0.levels"].grad().scalar_type(), at::kFloat);
    // Frozen: the same bits, and nothing learns. Below the first: no mask.
    masks.zero_grad();
    const at::Tensor frozen = masks.after_block(one_hot, {0, 0})(2, map);
    EXPECT_TRUE(frozen.equal(scaled));
    frozen.sum().backward();
    EXPECT_FALSE(masks.named_parameters()["layer3.0.levels"].grad().defined());
    EXPECT_TRUE(masks.after_block(one_hot, {3, 3})(2, map).is_same(map));
  }
}

TEST(ResolutionMasks, a_mask_learns_from_the_images_of_its_level_alone) {
  const auto method = made_up(narrow_adaptive());
  for (int level = 1; level <= 4; ++level) {
    const methods::LaneBatch batch = one_level_batch(5 - level);
    for (const auto& [name, gradient] :
         gradients_of(*method, sum_of(terms_of(*method, 0, method->forward(batch), batch)))) {
      if (!is_mask(name)) continue;
      for (int row = 1; row <= 4; ++row)
        EXPECT_EQ(gradient[row - 1].count_nonzero().item<std::int64_t>() > 0, row == level) << name << " " << row;
    }
  }
  // The HR images of a batch are of the highest level.
  methods::LaneBatch batch = worker_tests::made_up_batch(4, 2, 32, 16);
  const auto gradients = gradients_of(*method, sum_of(terms_of(*method, 0, method->forward(batch), batch)));
  const at::Tensor of_levels = gradients.at("masks.layer3.0.levels").abs().sum(1);
  EXPECT_EQ(of_levels.gt(0).nonzero().flatten().equal(at::tensor(std::vector<std::int64_t>{2, 3}, at::kLong)), true);
}

//! Two methods with the same weights, of which one has masks that are all 1.
struct Pair {
  std::unique_ptr<methods::Method> off, saturated;
};
Pair made_pair(const char* masks, const char* streams) {
  const auto made = [&](const char* kind) {
    ResolutionAdaptiveOptions options = narrow_adaptive(kind);
    options.mask_mean = kSaturated;
    options.mask_deviation = 0;
    auto specification = worker_tests::small_specification(options);
    specification.network.neck = true;
    specification.network.bn_streams = tests::AnyWord(streams);
    return make_method(specification, 4);
  };
  return {made("off"), made(masks)};
}

TEST(ResolutionMasks, saturated_ones_equal_none_to_the_bit) {
  methods::LaneBatch batch = mixed_levels_batch();
  batch.step = 6;  // of progressive masks all but the last act
  for (const char* masks : {"joint", "progressive"})
    for (const char* streams : {"joint", "separate"})
      for (const bool narrow : {false, true}) {
        SCOPED_TRACE(fmt::format("{}, {} streams{}", masks, streams, narrow ? ", bfloat16" : ""));
        const Pair pair = made_pair(masks, streams);
        {
          const Autocast autocast(narrow);
          const methods::Activations expected = pair.off->forward(batch), found = pair.saturated->forward(batch);
          for (std::size_t slot = 0; slot < expected.tensors.size(); ++slot)
            EXPECT_TRUE(found.tensors[slot].equal(expected.tensors[slot])) << slot;
          const auto terms = terms_of(*pair.off, 0, expected, batch),
                     others = terms_of(*pair.saturated, 0, found, batch);
          for (const auto& [name, term] : terms) EXPECT_TRUE(term.equal(others.at(name))) << name;
          const auto gradients = gradients_of(*pair.off, sum_of(terms)),
                     other_gradients = gradients_of(*pair.saturated, sum_of(others));
          EXPECT_EQ(gradients.size(), pair.off->module().named_parameters().size());
          for (const auto& [name, gradient] : gradients) EXPECT_TRUE(gradient.equal(other_gradients.at(name))) << name;
        }
        for (const auto& item : pair.off->module().named_buffers())
          EXPECT_TRUE(item.value().equal(pair.saturated->module().named_buffers()[item.key()])) << item.key();
        EXPECT_TRUE(pair.off->embed(batch.hr).equal(pair.saturated->embed(batch.hr)));
        for (int level = 1; level <= 4; ++level) {
          const methods::EmbedderOptions options{
              .height = 32, .width = 16, .precision = narrow ? at::kBFloat16 : at::kFloat, .level = level};
          EXPECT_TRUE(pair.off->embedder(options)(batch.lr).equal(pair.saturated->embedder(options)(batch.lr)))
              << level;
        }
      }
}

//! z of LR images of one level by the unfolded networks in evaluation mode.
at::Tensor unfolded(methods::Method& method, int level) {
  const at::NoGradGuard no_grad;
  method.module().eval();
  const at::Tensor z = worker_tests::representation_of(method, one_level_batch(5 - level));
  method.module().train();
  return z;
}

TEST(ResolutionMasks, an_embedder_is_the_unfolded_networks_at_its_level) {
  for (const char* masks : {"off", "joint"})
    for (const bool varying : {true, false}) {
      ResolutionAdaptiveOptions options = narrow_adaptive(masks);
      options.varying_length = varying;
      const auto method = made_up(options, {.backbone = settings::Trunk::kResnetSmall, .neck = true});
      const methods::LaneBatch batch = one_level_batch(1);
      for (int level = 1; level <= 4; ++level) {
        const methods::LaneBatch of_level = one_level_batch(5 - level);
        const at::Tensor expected = unfolded(*method, level);
        const methods::EmbedderOptions wide{.height = 32, .width = 16, .level = level},
            narrow{.height = 32, .width = 16, .precision = at::kBFloat16, .level = level};
        const at::Tensor found = method->embedder(wide)(of_level.lr), rough = method->embedder(narrow)(of_level.lr);
        const double size = expected.abs().max().item<double>();
        EXPECT_EQ(found.sizes(), expected.sizes());
        EXPECT_LT((found - expected).abs().max().item<double>(), 1e-5 * size) << level;
        EXPECT_EQ(rough.scalar_type(), at::kFloat);
        EXPECT_LT((rough - expected).abs().max().item<double>(), 3e-2 * size) << level;
        for (const at::Tensor& z : {found, rough})
          EXPECT_EQ(z.slice(1, method->compared_dimensions(level)).count_nonzero().item<std::int64_t>(), 0);
        const auto other = method->embedder({.height = 32, .width = 16, .level = level % 4 + 1})(of_level.lr);
        const std::int64_t shared = method->compared_dimensions(1);
        EXPECT_EQ(found.narrow(1, 0, shared).equal(other.narrow(1, 0, shared)), std::string(masks) == "off");
      }
      // embed() and an embedder that is told no level are of the highest.
      EXPECT_EQ(method->compared_dimensions(4), method->embedding_size());
      EXPECT_TRUE(at::allclose(method->embed(batch.lr), unfolded(*method, 4), 1e-5, 1e-6));
      const methods::EmbedderOptions untold{.height = 32, .width = 16}, highest{.height = 32, .width = 16, .level = 4};
      EXPECT_TRUE(method->embedder(untold)(batch.lr).equal(method->embedder(highest)(batch.lr)));
    }
}

}  // namespace
}  // namespace resolute::workers::resolution_adaptive_masks_test
