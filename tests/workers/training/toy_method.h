#pragma once
//! \file
//! A small method with two phases and an in-memory source, for tests of the trainer alone: a network of a convolution,
//! a batch norm and a classifier, and a critic on detached features whose verdict the network's second loss uses.

#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/random/random.h"
#include "methods/networks/method.h"
#include "networks/nn/batch_norm.h"
#include "networks/nn/placed.h"
#include "workers/training/batch_source.h"

namespace resolute::workers {

constexpr int kToyClasses = 8;

class ToyModule : public torch::nn::Module {
 public:
  ToyModule() {
    convolution = register_parameter("convolution_weight", draw("convolution", {16, 3, 3, 3}));
    norm = register_module("norm", std::make_shared<networks::BatchNorm>(16));
    classifier = register_parameter("classifier_weight", draw("classifier", {kToyClasses, 16}));
    critic = register_parameter("critic_weight", draw("critic", {1, 16}));
  }
  at::Tensor features(const at::Tensor& images) {
    return at::relu(norm->forward(at::conv2d(images, convolution, {}, 1, 1))).mean({2, 3});
  }
  at::Tensor convolution, classifier, critic;
  std::shared_ptr<networks::BatchNorm> norm;

 private:
  static at::Tensor draw(const std::string& name, at::IntArrayRef shape) {
    core::RandomStream stream("toy " + name, {});
    at::Tensor weight = at::empty(shape, at::kFloat);
    for (std::int64_t i = 0; i < weight.numel(); ++i)
      weight.mutable_data_ptr<float>()[i] = static_cast<float>(0.2 * stream.normal());
    return weight;
  }
};

//! Steps in which a group moves.
struct ToyWindow {
  std::uint64_t first = 0, end = std::numeric_limits<std::uint64_t>::max();
};

class ToyMethod final : public methods::Method {
 public:
  ToyMethod() : methods::Method(methods::Row{}) {}
  torch::nn::Module& module() override { return *module_; }
  std::vector<methods::ParameterGroup> parameter_groups() override {
    std::vector<methods::ParameterGroup> groups;
    const auto add = [&](const char* name, std::vector<std::pair<std::string, at::Tensor>> parameters,
                         const methods::OptimiserOptions& optimiser, const ToyWindow& window) {
      groups.push_back({name, std::move(parameters), optimiser, window.first, window.end});
    };
    const methods::OptimiserOptions decayed{.learning_rate = 1e-2, .weight_decay = 5e-4};
    const std::pair<std::string, at::Tensor> classifier{"classifier_weight", module_->classifier};
    add("critic", {{"critic_weight", module_->critic}}, {.learning_rate = 1e-3, .follows_schedule = false},
        critic_window);
    add("network",
        {{"convolution_weight", module_->convolution},
         classifier,
         {"norm.weight", module_->norm->weight},
         {"norm.bias", module_->norm->bias}},
        decayed, network_window);
    if (classifier_is == Classifier::kOfNetwork) return groups;
    std::erase_if(groups.back().parameters, [&](const auto& named) { return named.first == classifier.first; });
    if (classifier_is == Classifier::kGroup) add("classifier", {classifier}, decayed, classifier_window);
    return groups;
  }
  std::vector<methods::Phase> phases() const override {
    methods::Phase judge{"judge", {"critic"}, critic_in_both || critic_steps_with_network};
    methods::Phase train{"train", {"network"}, false, train_from};
    if (classifier_is == Classifier::kGroup) train.groups.push_back("classifier");
    if (critic_in_both) train.groups.push_back("critic");
    return {judge, train};
  }
  methods::Activations forward(const methods::LaneBatch& batch) override {
    return {{module_->features(batch.hr), module_->features(batch.lr)}};
  }
  std::vector<methods::LossTerm> losses(std::size_t phase, const methods::Activations& activations,
                                        const methods::LaneBatch& batch) override {
    const at::Tensor& hr = activations.tensors[0];
    const at::Tensor& lr = activations.tensors[1];
    const auto verdict = [&](const at::Tensor& features) {
      return at::matmul(features, module_->critic.t()).squeeze(1);
    };
    if (phase == 0)
      return {{"critic", at::softplus(-verdict(hr.detach())).mean() + at::softplus(verdict(lr.detach())).mean()}};
    const bool nudge = nudge_in_step == batch.step + 1 && batch.lane == nudged_lane;
    at::Tensor weight = module_->classifier;
    if (nudge) weight = weight + 1e-3 * (weight - weight.detach());  // the same value, another gradient
    at::Tensor scores = at::matmul(hr, weight.t()).to(at::kFloat);
    at::Tensor classification = at::cross_entropy_loss(scores, networks::placed(batch.labels, scores.device()));
    if (diverge_in_step == batch.step + 1 && batch.lane == diverging_lane) {
      // The square root's value at 0 is 0, its gradient is not finite.
      const at::Tensor nothing = (hr - hr.detach()).sum();
      classification = diverge_in_gradient ? classification + nothing.square().sqrt() : classification * std::nan("");
    }
    return {{"classification", classification}, {"critic", at::softplus(-verdict(lr)).mean()}};
  }
  at::Tensor embed(const at::Tensor& images) override {
    const at::NoGradGuard no_grad;
    module_->eval();
    at::Tensor features = module_->features(images);
    module_->train();
    return features;
  }
  int embedding_size() const override { return 16; }

  std::uint64_t diverge_in_step = 0;  // 0: never
  int diverging_lane = 0;
  bool diverge_in_gradient = false;  // the loss itself stays finite
  std::uint64_t nudge_in_step = 0;   // the gradient of the classifier is another there, in one lane
  int nudged_lane = 0;
  bool critic_steps_with_network = false;
  bool critic_in_both = false;   // phase "train" updates the critic too, which steps once
  std::uint64_t train_from = 0;  // first step of phase "train"
  enum class Classifier { kOfNetwork, kGroup, kFixed };
  Classifier classifier_is = Classifier::kOfNetwork;  // of the group "network", one of its own, or of none
  ToyWindow critic_window, network_window, classifier_window;

 private:
  std::shared_ptr<ToyModule> module_ = std::make_shared<ToyModule>();
};

//! Lanes of 4 rows (the first has 6), values keyed by step and lane.
class ToySource final : public BatchSource {
 public:
  explicit ToySource(int lanes) : lanes_(lanes) {}
  std::vector<std::int64_t> lane_rows(std::uint64_t) override {
    std::vector<std::int64_t> rows(static_cast<std::size_t>(lanes_), 4);
    rows[0] = 6;
    return rows;
  }
  methods::LaneBatch batch(std::uint64_t step, int lane) override {
    const std::int64_t rows = lane_rows(step)[static_cast<std::size_t>(lane)];
    core::RandomStream stream("toy batch", {step, static_cast<std::uint64_t>(lane)});
    methods::LaneBatch batch;
    batch.hr = images(stream, rows);
    batch.lr = images(stream, rows);
    batch.labels = at::empty({rows}, at::kLong);
    for (std::int64_t i = 0; i < rows; ++i)
      batch.labels.mutable_data_ptr<std::int64_t>()[i] = static_cast<std::int64_t>(stream.below(kToyClasses));
    batch.has_hr = at::ones({rows}, at::kBool);
    batch.step = step;
    batch.lane = lane;
    return batch;
  }

 private:
  static at::Tensor images(core::RandomStream& stream, std::int64_t rows) {
    at::Tensor pixels = at::empty({rows, 3, 16, 8}, at::kFloat, {}, {}, {}, at::MemoryFormat::ChannelsLast);
    for (std::int64_t i = 0; i < pixels.numel(); ++i)
      pixels.mutable_data_ptr<float>()[i] = static_cast<float>(stream.normal());
    return pixels;
  }
  int lanes_;
};

}  // namespace resolute::workers
