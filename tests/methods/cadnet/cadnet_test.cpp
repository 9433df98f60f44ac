//! CAD-Net: which networks its options build, where each loss's gradient goes, and the shapes of what it adds to RAIN.
//! Its numbers stand in golden_methods_test.
#include "methods/cadnet/networks/cadnet.h"

#include <gtest/gtest.h>

#include <set>

#include "tests/methods/method_terms.h"
#include "tests/methods/small_training.h"
#include "tests/support/formula.h"
#include "workers/training/make_method.h"

namespace resolute::workers::cadnet_test {
namespace {

using experiments::CadnetOptions;
using methods::JointFeature;
using worker_tests::made_up;
using worker_tests::made_up_batch;
using worker_tests::parameter_count;
using Names = std::set<std::string>;

//! The modules directly under the root that these parameters belong to.
template <class Parameters>
Names parts_of(const Parameters& parameters) {
  Names found;
  for (const auto& [name, tensor] : parameters) found.insert(name.substr(0, name.find('.')));
  return found;
}

Names parts_of(methods::Method& method) {
  Names found;
  for (const methods::ParameterGroup& group : method.parameter_groups()) found.merge(parts_of(group.parameters));
  return found;
}

//! The modules in which a loss has a gradient that is not exactly zero.
Names reached(methods::Method& method, const at::Tensor& loss) {
  std::map<std::string, at::Tensor> found = worker_tests::gradients_of(method, loss);
  std::erase_if(found, [](const auto& item) { return item.second.count_nonzero().template item<std::int64_t>() == 0; });
  return parts_of(found);
}

TEST(Cadnet, builds_what_its_losses_read) {
  const std::vector<std::pair<CadnetOptions, Names>> cases{
      {{}, {"trunk", "classifier", "decoder", "hr_encoder", "discriminator_features", "discriminator_images"}},
      {{.image_adversary = false}, {"trunk", "classifier", "decoder", "hr_encoder", "discriminator_features"}},
      {{.feature_adversary = false}, {"trunk", "classifier", "decoder", "hr_encoder", "discriminator_images"}},
      {{.reconstruction = false, .feature_adversary = false, .image_adversary = false},
       {"trunk", "classifier", "decoder", "hr_encoder"}},
      {{.features = JointFeature::kF},
       {"trunk", "classifier", "decoder", "discriminator_features", "discriminator_images"}},
      {{.features = JointFeature::kF, .reconstruction = false, .image_adversary = false},
       {"trunk", "classifier", "discriminator_features"}},
      {{.features = JointFeature::kG, .classification = false},
       {"trunk", "decoder", "hr_encoder", "discriminator_features", "discriminator_images"}},
      {{.classification = false, .triplet = false},
       {"trunk", "decoder", "discriminator_features", "discriminator_images"}}};
  for (const auto& [options, parts] : cases) EXPECT_EQ(parts, parts_of(*made_up(options)));
}

TEST(Cadnet, compares_by_the_features_that_it_classifies) {
  const auto size = [](const CadnetOptions& options) { return made_up(options)->embedding_size(); };
  EXPECT_EQ(256, size({}));
  EXPECT_EQ(128, size({.features = JointFeature::kF}));
  EXPECT_EQ(128, size({.features = JointFeature::kG}));
  EXPECT_EQ(128, size({.classification = false, .triplet = false}));
  // The parts of [f, g] are what each alone is of the same weights.
  const at::Tensor images = made_up_batch(2, 2, 32, 16).hr;
  const at::Tensor both = made_up(CadnetOptions{})->embed(images);
  EXPECT_TRUE(at::equal(both.narrow(1, 0, 128), made_up(CadnetOptions{.features = JointFeature::kF})->embed(images)));
  EXPECT_TRUE(at::equal(both.narrow(1, 128, 128), made_up(CadnetOptions{.features = JointFeature::kG})->embed(images)));
}

// L_cls trains all but the discriminators; L_rec and D_I's loss E and G; D_F's loss E; and D's own phase D alone.
TEST(Cadnet, each_loss_reaches_the_networks_that_answer_it) {
  const auto method = made_up(CadnetOptions{.margin = 5});
  methods::LaneBatch batch = made_up_batch(3, 4, 32, 16);
  worker_tests::drop_hr_images(batch, at::arange(12).remainder(4).lt(3));
  const methods::Activations activations = method->forward(batch);
  const auto judges = worker_tests::terms_of(*method, 0, activations, batch);
  EXPECT_EQ(Names{"discriminator_features"}, reached(*method, judges.at("discriminator_features")));
  EXPECT_EQ(Names{"discriminator_images"}, reached(*method, judges.at("discriminator_images")));
  const auto networks = worker_tests::terms_of(*method, 1, activations, batch);
  EXPECT_EQ(5U, networks.size());
  EXPECT_EQ((Names{"trunk", "decoder", "hr_encoder", "classifier"}), reached(*method, networks.at("classification")));
  EXPECT_EQ((Names{"trunk", "decoder", "hr_encoder"}), reached(*method, networks.at("triplet")));
  EXPECT_EQ((Names{"trunk", "decoder"}), reached(*method, networks.at("reconstruction")));
  EXPECT_EQ((Names{"trunk", "decoder"}), reached(*method, networks.at("image_adversarial")));
  EXPECT_EQ(Names{"trunk"}, reached(*method, networks.at("feature_adversarial")));
}

// Both play one game: a step of D against the others raises their loss, and one of theirs lowers it.
TEST(Cadnet, its_phases_pull_at_one_value) {
  const auto method = made_up(CadnetOptions{.classification = false, .triplet = false, .reconstruction = false});
  const methods::LaneBatch batch = made_up_batch(3, 4, 32, 16);
  const auto value = [&](const std::string& name) {
    return worker_tests::terms_of(*method, 1, method->forward(batch), batch).at(name).item<double>();
  };
  const auto step = [&](std::size_t phase, double rate) {
    const auto terms = worker_tests::terms_of(*method, phase, method->forward(batch), batch);
    const auto gradients = worker_tests::gradients_of(*method, worker_tests::sum_of(terms));
    const at::NoGradGuard no_grad;
    for (auto& item : method->module().named_parameters())
      if (gradients.contains(item.key())) item.value().sub_(rate * gradients.at(item.key()));
  };
  const double features = value("feature_adversarial"), images = value("image_adversarial");
  step(0, 1e-2);
  const double features_judged = value("feature_adversarial"), images_judged = value("image_adversarial");
  EXPECT_GT(features_judged, features);
  step(1, 1e-4);
  EXPECT_LT(value("feature_adversarial") + value("image_adversarial"), features_judged + images_judged);
  EXPECT_NE(images, images_judged);
}

TEST(Cadnet, a_decoder_has_the_parameters_of_its_layers_and_returns_to_any_size) {
  const at::NoGradGuard no_grad;
  struct Layer {
    std::int64_t in, beside, out;
  };
  const std::vector<std::pair<int, std::vector<Layer>>> cases{
      {1, {{2048, 512, 512}, {512, 256, 256}, {256, 64, 128}, {128, 0, 64}}},
      {2, {{2048, 1024, 512}, {512, 512, 256}, {256, 256, 128}, {128, 64, 64}, {64, 0, 32}}}};
  for (const auto& [last_stride, layers] : cases) {
    const networks::Backbone trunk(
        settings::trunk_shape({.backbone = settings::Trunk::kResnet50, .last_stride = last_stride}));
    std::int64_t expected = 9 * layers.back().out * 3 + 3;
    for (const Layer& layer : layers) expected += 9 * (layer.in + layer.beside) * layer.out + 2 * layer.out;
    EXPECT_EQ(expected, parameter_count(methods::SkipDecoder(trunk)));
  }
  for (const int last_stride : {1, 2})
    for (const auto& [height, width] : {std::pair{64, 32}, std::pair{37, 19}, std::pair{35, 70}}) {
      auto specification = worker_tests::small_specification(CadnetOptions{});
      specification.network.last_stride = last_stride;
      const at::Tensor images = at::zeros({1, 3, height, width});
      EXPECT_EQ(images.sizes(), make_method(specification, 4)->recover(images).at(0).sizes());
    }
}

// A skip connection of f1: what the last doubling draws depends on an image's pixel by itself.
TEST(Cadnet, a_decoder_sees_the_maps_before_f) {
  const networks::Backbone trunk(settings::trunk_shape({.backbone = settings::Trunk::kResnetSmall}));
  methods::SkipDecoder decoder(trunk);
  tests::fill_with_numbers(decoder);
  std::vector<at::Tensor> maps;
  for (int level = 1; level <= 5; ++level) {
    const std::int64_t stride = trunk.shape().stride(level);
    maps.push_back(tests::numbers("f" + std::to_string(level), {1, trunk.channels(level), 32 / stride, 16 / stride})
                       .requires_grad_());
  }
  const auto gradients =
      torch::autograd::grad({decoder.forward(maps, 32, 16).sum()}, maps, {}, false, false, /*allow_unused=*/true);
  for (std::size_t i = 0; i < maps.size(); ++i)
    EXPECT_EQ(i != 3, gradients[i].defined()) << "f4 is as large as f5, and f" << i + 1;
}

TEST(Cadnet, a_discriminator_of_images_judges_patches) {
  methods::Discriminator discriminator(3, methods::image_discriminator_layers(64));
  tests::fill_with_numbers(discriminator);
  EXPECT_EQ(parameter_count(discriminator), (27 * 16 + 16) + (9 * 16 * 32 + 32) + (9 * 32 * 64 + 64) + (64 + 1));
  at::Tensor image = tests::images(1, 64, 48).requires_grad_();
  const at::Tensor judged = discriminator.forward(image);
  EXPECT_EQ(judged.sizes(), (at::IntArrayRef{1, 1, 8, 6}));
  const at::Tensor seen = torch::autograd::grad({judged[0][0][4][3]}, {image})[0].abs().sum(1)[0] > 0;
  EXPECT_EQ(15, seen.any(1).sum().item<std::int64_t>());
  EXPECT_EQ(15, seen.any(0).sum().item<std::int64_t>());
}

// Bits of a pairing that keeps copies apart do not depend on the copies of HR images.
TEST(Cadnet, a_shuffled_batch_looks_at_no_copy_of_an_hr_image) {
  const auto method = made_up(CadnetOptions{.pairing = methods::Pairing::kShuffled});
  methods::LaneBatch batch = made_up_batch(3, 4, 32, 16), other = made_up_batch(3, 4, 32, 16);
  const at::Tensor has_hr = at::arange(12).remainder(4).lt(2);
  for (methods::LaneBatch* one : {&batch, &other}) worker_tests::drop_hr_images(*one, has_hr);
  other.lr.index_put_({has_hr}, 7.0);
  for (std::size_t phase = 0; phase < 2; ++phase) {
    const auto terms = worker_tests::terms_of(*method, phase, method->forward(batch), batch);
    for (const auto& [name, value] : worker_tests::terms_of(*method, phase, method->forward(other), other))
      EXPECT_TRUE(at::equal(terms.at(name), value)) << name;
  }
}

}  // namespace
}  // namespace resolute::workers::cadnet_test
