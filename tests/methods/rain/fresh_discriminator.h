#pragma once
//! \file
//! How well features tell an HR image from an LR one: discriminators trained on frozen feature maps, and the share of
//! images that one gets right.

#include <cstdint>
#include <memory>
#include <vector>

#include "core/random/random.h"
#include "methods/networks/method.h"
#include "methods/rain/networks/networks.h"
#include "networks/nn/backbone.h"
#include "networks/nn/losses.h"
#include "networks/torch.h"
#include "tests/methods/method_terms.h"

namespace resolute::workers::worker_tests {

//! N×C×h×w each, of HR images and of LR ones; numbers of images may differ.
struct FeatureMaps {
  at::Tensor hr, lr;
};

//! f1..f5 of N images in evaluation mode, without a graph.
inline std::vector<at::Tensor> frozen_maps(methods::Method& method, const at::Tensor& images) {
  const at::NoGradGuard no_grad;
  method.module().eval();
  std::vector<at::Tensor> maps = descendant<networks::Backbone>(method, "trunk").forward(images);
  method.module().train();
  return maps;
}

//! Share of HR images whose mean cell's logit is above 0, and of LR images whose is not: the mean of the two, so that
//! 0.5 is chance whatever their numbers.
inline double accuracy(const methods::Discriminator& discriminator, const FeatureMaps& maps) {
  const at::NoGradGuard no_grad;
  const auto called_hr = [&](const at::Tensor& features) {
    return discriminator.forward(features).mean({1, 2, 3}).gt(0).to(at::kDouble).mean().item<double>();
  };
  return (called_hr(maps.hr) + 1 - called_hr(maps.lr)) / 2;
}

//! A discriminator for maps of C channels, as wide as those of resnet-small.
inline std::unique_ptr<methods::Discriminator> fresh_discriminator(const at::Tensor& maps,
                                                                   methods::DiscriminatorKind kind,
                                                                   std::uint64_t seed) {
  auto discriminator = std::make_unique<methods::Discriminator>(maps.size(1), 64, kind);
  networks::initialise(*discriminator, seed);
  return discriminator;
}

//! Maximises eq. 1 (adversarial_value) as RAIN's own discriminators do, at rate 1e-3, 32 maps of each stream a step.
inline void train_discriminator(methods::Discriminator& discriminator, const FeatureMaps& maps, int steps,
                                std::uint64_t seed) {
  torch::optim::Adam optimiser(discriminator.parameters(), torch::optim::AdamOptions(1e-3).betas({0.5, 0.999}));
  core::RandomStream stream("fresh discriminator", {seed});
  const auto drawn = [&](const at::Tensor& all) {
    std::vector<std::int64_t> rows(32);
    for (std::int64_t& row : rows)
      row = static_cast<std::int64_t>(stream.below(static_cast<std::uint64_t>(all.size(0))));
    return all.index_select(0, at::tensor(rows, at::kLong));
  };
  for (int step = 0; step < steps; ++step) {
    optimiser.zero_grad();
    const at::Tensor hr = drawn(maps.hr), lr = drawn(maps.lr);
    (-networks::adversarial_value(discriminator.forward(hr), discriminator.forward(lr))).backward();
    optimiser.step();
  }
}

}  // namespace resolute::workers::worker_tests
