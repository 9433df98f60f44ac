//! \file
//! Gradients against central differences in float64 along random directions, one a tensor: of every loss, of D and G in
//! each of their kinds, and of whole steps of RAIN, MSIFLA and the resolution-adaptive method. The signs of RAIN's
//! min-max game are held against its eq. 1 itself.
#include "tests/methods/finite_difference.h"

#include "methods/rain/networks/networks.h"
#include "networks/nn/losses.h"
#include "tests/support/any_word.h"

namespace resolute::workers::finite_difference_test {
namespace {

using namespace worker_tests;

TEST(FiniteDifference, of_every_loss) {
  const at::Tensor labels = at::tensor(std::vector<std::int64_t>{0, 0, 1, 1, 1, 2, 3, 3}, at::kLong);
  const at::Tensor v = wide("v", {8, 6}, 2.0).requires_grad_(), logits = wide("logits", {8, 5}, 3.0).requires_grad_();
  const at::Tensor hr = wide("d_hr", {3, 1, 2, 2}, 4.0).requires_grad_();
  const at::Tensor lr = wide("d_lr", {4, 1, 2, 2}, 4.0).requires_grad_();
  const at::Tensor image = wide("image", {2, 3, 4, 3}).requires_grad_(), target = wide("target", {2, 3, 4, 3});
  core::RandomStream stream("mining", {1, 2, 3, 0});
  const networks::Triplets drawn = networks::sample_triplets(labels, stream),
                           hardest = networks::hardest_triplets(labels, v);

  for (double smoothing : {0.0, 0.1})
    expect_gradients([&] { return networks::classification_loss(logits, labels, smoothing); }, {{"logits", logits}});
  expect_gradients([&] { return networks::reconstruction_loss(image, target); }, {{"image", image}});
  expect_gradients([&] { return networks::adversarial_value(hr, lr); }, {{"hr", hr}, {"lr", lr}});
  expect_gradients([&] { return networks::non_saturating_loss(lr); }, {{"lr", lr}});
  for (const networks::Triplets& triplets : {drawn, hardest})
    for (double margin : {0.3, 5.0})
      expect_gradients([&] { return networks::triplet_losses(v, triplets, margin).mean(); }, {{"v", v}});

  // Each of several losses at once: their sum under weights of their own.
  const auto weighed = [](const at::Tensor& losses) { return (losses * wide("each", losses.sizes())).sum(); };
  for (double smoothing : {0.0, 0.1})
    expect_gradients([&] { return weighed(networks::classification_losses(logits, labels, smoothing)); },
                     {{"logits", logits}});
  for (double margin : {0.3, 5.0}) {
    for (const networks::Triplets& triplets : {drawn, hardest})
      expect_gradients([&] { return weighed(networks::triplet_losses(v, triplets, margin)); }, {{"v", v}});
    expect_gradients([&] { return weighed(networks::all_triplet_losses(v, labels, margin).loss); }, {{"v", v}});
  }
}

TEST(FiniteDifference, of_both_discriminators) {
  for (const char* kind : {"convolutional", "pixelwise"}) {
    SCOPED_TRACE(kind);
    methods::Discriminator discriminator(6, 8, tests::AnyWord(kind));
    tests::fill_with_numbers(discriminator);
    discriminator.to(at::kDouble);
    const at::Tensor feature = wide("feature", {3, 6, 5, 4}, 2.0).requires_grad_();
    const at::Tensor weights = wide("weights", discriminator.forward(feature).sizes());
    auto value = [&] { return (discriminator.forward(feature) * weights).sum(); };
    Tensors tensors = parameters_in(discriminator);
    tensors.emplace_back("feature", feature);
    expect_gradients(value, tensors);
    expect_gradients([&] { return (discriminator.forward_frozen(feature) * weights).sum(); }, {{"feature", feature}});
  }
}

// With a shortcut and without, sides even and odd under a stride of 2.
TEST(FiniteDifference, of_inverted_blocks) {
  for (const auto& [stride, out, height, width] :
       {std::tuple{1, 6, 5, 4}, std::tuple{2, 8, 6, 5}, std::tuple{2, 6, 3, 4}}) {
    SCOPED_TRACE(fmt::format("{} {} {}", stride, height, width));
    networks::ResidualBlock block({.kind = settings::TrunkBlock::kInverted,
                                   .in = 6,
                                   .out = out,
                                   .stride = stride,
                                   .kernel = 5,
                                   .expansion = 3,
                                   .norm = {}});
    EXPECT_EQ(block.has_shortcut(), stride == 1);
    tests::fill_with_numbers(block);
    block.to(at::kDouble);
    const at::Tensor input = wide("input", {3, 6, height, width}, 2.0).requires_grad_();
    const at::Tensor weights = wide("weights", block.forward(input).sizes());
    Tensors tensors = parameters_in(block);
    tensors.emplace_back("input", input);
    expect_gradients([&] { return (block.forward(input) * weights).sum(); }, tensors);
  }
}

TEST(FiniteDifference, of_both_decoders) {
  const networks::Backbone trunk(settings::trunk_shape({.backbone = settings::Trunk::kResnetSmall}));
  for (const char* kind : {"nearest", "transposed"}) {
    SCOPED_TRACE(kind);
    methods::Decoder decoder(trunk, tests::AnyWord(kind));
    tests::fill_with_numbers(decoder);
    decoder.to(at::kDouble);
    const at::Tensor f5 = wide("f5", {3, 128, 3, 2}, 2.0).requires_grad_();
    const at::Tensor weights = wide("weights", {3, 3, 21, 13}, 0.1);  // an image whose surplus is cut
    Tensors tensors = parameters_in(decoder);
    tensors.emplace_back("f5", f5);
    expect_gradients([&] { return (decoder.forward(f5, 21, 13) * weights).sum(); }, tensors);
  }
}

class RainStep : public worker_tests::MethodStep {
 protected:
  RainStep() { make_batch({0, 0, 1, 1, 2, -1, 3, -1}, {1, 1, 1, 1, 1, 1, 0, 1}); }
  template <class Part>
  std::shared_ptr<Part> part(const std::string& name) {
    return std::dynamic_pointer_cast<Part>(method_->module().named_children()[name]);
  }
  //! eq. 1 at one level as the paper prints it: probabilities, logarithms, two expectations.
  at::Tensor equation_1(int level) {
    const at::Tensor with_hr = batch_.has_hr.nonzero().squeeze(1);
    const at::Tensor hr = batch_.hr.index_select(0, with_hr);
    const auto f =
        part<networks::Backbone>("trunk")->forward(at::cat({hr, batch_.lr}))[static_cast<std::size_t>(level - 1)];
    const at::Tensor judged =
        at::sigmoid(part<methods::Discriminator>("discriminator_level_" + std::to_string(level))->forward(f));
    return judged.narrow(0, 0, hr.size(0)).log().mean() +
           (1 - judged.narrow(0, hr.size(0), batch_.lr.size(0))).log().mean();
  }
};

TEST_F(RainStep, has_the_gradients_of_its_totals) {
  const std::vector<std::pair<std::string, experiments::RainOptions>> every = {
      {"joint", {.adversary = methods::Adversary{.levels = {1, 2, 3, 4, 5}}, .margin = 1.0}},
      {"separate",
       {.adversary = methods::Adversary{.levels = {2, 5}, .non_saturating = true},
        .mining = methods::Mining::kBatchHard}},
      {"joint",
       {.adversary =
            methods::Adversary{{3}, false, methods::Updates::kSimultaneous, methods::DiscriminatorKind::kPixelwise},
        .decoder = methods::DecoderKind::kTransposed}},
      {"separate", {.adversary = methods::NoAdversary(), .supervision = methods::Supervision::kHrOnlyLabels}}};
  for (const auto& [bn_streams, options] : every) {
    SCOPED_TRACE(settings::canonical(options.section()).text() + bn_streams);
    make(options, bn_streams);
    for (std::size_t phase = 0; phase < method_->phases().size(); ++phase) {
      Tensors tensors = parameters(phase);
      const bool last = phase + 1 == method_->phases().size();
      if (last) tensors.insert(tensors.end(), {{"hr", batch_.hr.requires_grad_()}, {"lr", batch_.lr.requires_grad_()}});
      expect_gradients([&] { return total(phase); }, tensors);
    }
  }
}

TEST_F(RainStep, plays_the_min_max_game_of_equation_1) {
  for (const auto& [updates, level] :
       {std::pair{methods::Updates::kAlternating, 5}, std::pair{methods::Updates::kSimultaneous, 1}}) {
    SCOPED_TRACE(settings::word(updates));
    make(experiments::RainOptions{.adversary = methods::Adversary{.levels = {level}, .updates = updates},
                                  .classification = false,
                                  .triplet = false,
                                  .reconstruction = false},
         "joint");
    auto value = [this, at = level] { return equation_1(at); };
    expect_gradients([&] { return total(0); }, parameters(0), /*factor=*/-1, value);  // D climbs
    expect_gradients([&] { return total(1); }, parameters(1), /*factor=*/1, value);   // F descends
    // As steps: D's raises eq. 1, F's lowers it.
    for (const auto& [phase, rises] : {std::pair{0U, true}, std::pair{1U, false}}) {
      const double before = value().item<double>();
      std::vector<at::Tensor> moved;
      for (const auto& [name, parameter] : parameters(phase)) moved.push_back(parameter);
      const auto gradients = torch::autograd::grad({total(phase)}, moved, {}, std::nullopt, false, true);
      at::NoGradGuard no_grad;
      for (std::size_t i = 0; i < moved.size(); ++i)
        if (gradients[i].defined()) moved[i].sub_(gradients[i], 1e-3);
      EXPECT_EQ(value().item<double>() > before, rises);
    }
  }
}

class MsiflaStep : public worker_tests::MethodStep {
 protected:
  //! Identities 0 and 1 have rows of either kind, 2 has one row, and two rows have no label.
  MsiflaStep() { make_batch({0, 0, 1, 1, 2, -1, -1}, {1, 0, 1, 0, 1, 1, 0}, /*height=*/32); }
  //! Copies are targets too: then they are no constants, and their gradient is the slope.
  Tensors images() {
    Tensors all{{"hr", batch_.hr.requires_grad_()}, {"lr", batch_.lr.requires_grad_()}};
    for (std::size_t i = 0; i < batch_.copies.size(); ++i)
      all.emplace_back("copies " + std::to_string(i), batch_.copies[i].requires_grad_());
    return all;
  }
};

TEST_F(MsiflaStep, has_the_gradients_of_its_totals) {
  const std::vector<experiments::MsiflaOptions> every = {
      {.scales = {2, 1}, .margin = 2.0, .ir_width = 2},
      {.scales = {3, 1},
       .reid_networks = methods::ReidNetworks::kShared,
       .mining = methods::Mining::kRandom,
       .ir_width = 4,
       .ir_residual = true},
      {.scales = {1}, .classification = false, .mining = methods::Mining::kAll, .reid_into_ir = false, .ir_width = 2}};
  for (const experiments::MsiflaOptions& options : every) {
    SCOPED_TRACE(
        fmt::format("scales [{}], {}", fmt::join(options.scales, ", "), settings::word(options.reid_networks)));
    make(options, "joint");
    for (std::size_t phase = 0; phase < method_->phases().size(); ++phase) {
      Tensors tensors = parameters(phase);
      // An IR network's output as a constant hides the images behind it.
      if (phase == 0 || options.reid_into_ir)
        for (const auto& item : images()) tensors.push_back(item);
      expect_gradients([&] { return total(phase); }, tensors);
    }
  }
}

class ResolutionAdaptiveStep : public worker_tests::MethodStep {
 protected:
  //! Every level among the LR images; a row of an LR image alone and one without a label.
  ResolutionAdaptiveStep() { make_batch({0, 0, 1, 1, 2, -1, 2, 3}, {1, 1, 0, 1, 1, 1, 1, 0}); }
};

TEST_F(ResolutionAdaptiveStep, has_the_gradients_of_its_totals) {
  using Options = experiments::ResolutionAdaptiveOptions;
  const Options narrow{.widths = {3, 4, 2, 5}, .stage_steps = 1, .verification_weight = 2.0, .verification_width = 6};
  const std::vector<std::pair<std::string, std::function<void(Options&)>>> every = {
      {"joint", [](Options& o) { o.masks = methods::Masks::kJoint; }},
      {"separate", [](Options& o) { o.masks = methods::Masks::kJoint, o.varying_length = false; }},
      {"joint", [](Options& o) { o.masks = methods::Masks::kOff, o.classification = false; }},
      {"separate",
       [](Options& o) {
         o.level_rates = {3, 1}, o.widths = {4, 3}, o.verification = false;
       }},
      {"joint", [](Options&) {}}};
  for (const auto& [bn_streams, change] : every) {
    Options options = narrow;
    change(options);
    SCOPED_TRACE(
        fmt::format("{} masks, {} levels, {}", settings::word(options.masks), options.level_rates.size(), bn_streams));
    make(options, bn_streams);
    batch_.step = 2;  // progressive: that of layer3 learns, that of layer4 is frozen, the others are not reached
    Tensors tensors;
    for (const methods::ParameterGroup& group : method_->parameter_groups())
      if (group.moves_in(batch_.step)) tensors.insert(tensors.end(), group.parameters.begin(), group.parameters.end());
    EXPECT_EQ(tensors.size() < method_->module().named_parameters().size(),
              options.masks == methods::Masks::kProgressive);
    tensors.insert(tensors.end(), {{"hr", batch_.hr.requires_grad_()}, {"lr", batch_.lr.requires_grad_()}});
    expect_gradients([&] { return total(0); }, tensors);
  }
}

}  // namespace
}  // namespace resolute::workers::finite_difference_test
