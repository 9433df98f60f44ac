#pragma once
//! \file
//! Members that the methods share: options, recipe, the module that holds all networks, and a trunk.

#include <memory>
#include <string>

#include "methods/networks/identity_terms.h"
#include "methods/networks/method.h"
#include "networks/nn/folded_backbone.h"
#include "networks/onnx/graph.h"

namespace resolute::methods {

//! A method of these options. Its networks are modules of `root_`: one group that moves in one phase, unless the method
//! overrides both.
template <class MethodOptions>
class NetworkMethod : public Method {
 public:
  using Options = MethodOptions;
  torch::nn::Module& module() override { return *root_; }
  std::vector<ParameterGroup> parameter_groups() override {
    return {{kNetworks, parameters_of(*root_, "", /*inverse=*/false), optimiser_options(recipe_)}};
  }
  std::vector<Phase> phases() const override { return {{kNetworks, {kNetworks}}}; }

 protected:
  NetworkMethod(const Options& options, const settings::NetworkSettings& network, const settings::Recipe& recipe)
      : Method(methods::row(options)),
        options_(options),
        recipe_(recipe),
        joint_(network.bn_streams == settings::BatchNormStreams::kJoint) {}

  Options options_;
  settings::Recipe recipe_;
  bool joint_;  //!< HR and LR images share a batch-norm batch
  std::shared_ptr<torch::nn::Module> root_ = std::make_shared<torch::nn::Module>(Options::kMethod);
};

//! A method whose first network is a trunk. The embedding is the pooled f5, unless the method overrides it.
template <class MethodOptions>
class TrunkMethod : public NetworkMethod<MethodOptions> {
 public:
  at::Tensor embed(const at::Tensor& images) override {
    return evaluated(*this->root_, [&] { return pooled(trunk_->forward(images).back()).to(at::kFloat); });
  }
  Embedder embedder(const EmbedderOptions& options) override {
    auto folded = std::make_shared<networks::FoldedBackbone>(*trunk_, options.precision, options.height, options.width);
    return [folded](const at::Tensor& images) { return folded->embed(images); };
  }
  std::string embedder_graph(networks::onnx::Graph& graph, Side /*side*/, int /*level*/) const override {
    return graph.mean(graph.trunk(*trunk_, graph.images()));
  }
  int embedding_size() const override { return static_cast<int>(trunk_->channels(networks::kLevels)); }

 protected:
  TrunkMethod(const MethodOptions& options, const settings::NetworkSettings& network, const settings::Recipe& recipe)
      : NetworkMethod<MethodOptions>(options, network, recipe),
        trunk_(this->root_->register_module("trunk",
                                            std::make_shared<networks::Backbone>(settings::trunk_shape(network)))) {}

  std::shared_ptr<networks::Backbone> trunk_;
};

}  // namespace resolute::methods
