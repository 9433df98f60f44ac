#pragma once
//! \file
//! VPFA (Liu et al., arXiv 2510.00936): features of LR images are moved to where those of HR images lie. By the
//! authors' code, github.com/ashmentlzw/VPFA.

#include <memory>
#include <vector>

#include "methods/networks/trunk_method.h"

namespace resolute::methods {

//! N×C → N×C, each row normalised, then weighted and moved.
class LayerNorm : public networks::NormLayer {
 public:
  using NormLayer::NormLayer;
  at::Tensor forward(const at::Tensor& rows) const;
  //! The same of a value of the graph. \return the normalised rows
  std::string graph(networks::onnx::Graph& graph, const std::string& rows) const;
};

//! x + tanh(MLP(x)), the MLP of three hidden layers, each with a layer norm and a rectifier. N×D → N×D.
class FeatureMap : public torch::nn::Module {
 public:
  FeatureMap(std::int64_t features, std::int64_t hidden);
  at::Tensor forward(const at::Tensor& features) const;
  //! The same of a value of the graph. \return the moved rows
  std::string graph(networks::onnx::Graph& graph, const std::string& features) const;

 private:
  std::vector<std::shared_ptr<networks::Linear>> layers_;
  std::vector<std::shared_ptr<LayerNorm>> norms_;
};

//! The trunk's weights and statistics stay as they came, whatever network.frozen_levels says.
class Vpfa : public TrunkMethod<VpfaOptions> {
 public:
  Vpfa(const VpfaOptions& options, const settings::NetworkSettings& network, const settings::Recipe& recipe,
       int classes, std::uint64_t seed);

  std::vector<ParameterGroup> parameter_groups() override {
    return {{"maps", parameters_of(*root_, "map", /*inverse=*/false), optimiser_options(recipe_)}};
  }
  std::vector<Phase> phases() const override { return {{"maps", {"maps"}}}; }
  Activations forward(const LaneBatch& batch) override;
  std::vector<LossTerm> losses(std::size_t phase, const Activations& activations, const LaneBatch& batch) override;
  Embedder embedder(const EmbedderOptions& options) override;
  std::string embedder_graph(networks::onnx::Graph& graph, Side side, int level) const override;

 private:
  //! Null at the highest level. \param level 1 to its number; 0: the highest
  const FeatureMap* map_of(int level) const;
  std::vector<int> rates_;  //!< of LaneBatch::copies
  std::vector<std::shared_ptr<FeatureMap>> maps_;
};

}  // namespace resolute::methods
