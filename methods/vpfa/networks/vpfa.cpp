#include "methods/vpfa/networks/vpfa.h"

#include "methods/levels.h"
#include "networks/nn/folded_backbone.h"
#include "networks/nn/initialise.h"

namespace resolute::methods {
namespace {

constexpr std::size_t kHiddenLayers = 3;
constexpr double kEpsilon = 1e-5;  // torch's

settings::NetworkSettings standing(settings::NetworkSettings network) {
  network.frozen_levels = settings::kTrunkLevels;
  return network;
}

}  // namespace

at::Tensor LayerNorm::forward(const at::Tensor& rows) const {
  return at::layer_norm(rows, weight.sizes(), weight, bias, kEpsilon);
}

// ONNX has a layer norm from operator set 17 on, and the graph is of set 13.
std::string LayerNorm::graph(networks::onnx::Graph& graph, const std::string& rows) const {
  const std::vector<networks::onnx::Attribute> row_wise{{"axes", std::vector<std::int64_t>{-1}}};
  const std::string centred = graph.node("Sub", {rows, graph.node("ReduceMean", {rows}, row_wise)});
  const std::string variance = graph.node("ReduceMean", {graph.node("Mul", {centred, centred})}, row_wise);
  const std::string deviation =
      graph.node("Sqrt", {graph.node("Add", {variance, graph.constant("epsilon", at::full({1}, kEpsilon))})});
  const std::string scaled =
      graph.node("Mul", {graph.node("Div", {centred, deviation}), graph.constant("weight", weight)});
  return graph.node("Add", {scaled, graph.constant("bias", bias)});
}

FeatureMap::FeatureMap(std::int64_t features, std::int64_t hidden) {
  for (std::size_t i = 0; i <= kHiddenLayers; ++i) {
    layers_.push_back(register_module(
        fmt::format("linear{}", i),
        std::make_shared<networks::Linear>(i == 0 ? features : hidden, i == kHiddenLayers ? features : hidden)));
    if (i < kHiddenLayers)
      norms_.push_back(register_module(fmt::format("norm{}", i), std::make_shared<LayerNorm>(hidden)));
  }
}

at::Tensor FeatureMap::forward(const at::Tensor& features) const {
  at::Tensor x = features;
  for (std::size_t i = 0; i < kHiddenLayers; ++i) x = norms_[i]->forward(layers_[i]->forward(x)).relu();
  return features + layers_.back()->forward(x).tanh();
}

std::string FeatureMap::graph(networks::onnx::Graph& graph, const std::string& features) const {
  std::string x = features;
  for (std::size_t i = 0; i < kHiddenLayers; ++i) {
    x = graph.linear(x, layers_[i]->weight, layers_[i]->bias);
    x = norms_[i]->graph(graph, x);
    x = graph.node("Relu", {x});
  }
  x = graph.node("Tanh", {graph.linear(x, layers_.back()->weight, layers_.back()->bias)});
  return graph.node("Add", {features, x});
}

Vpfa::Vpfa(const VpfaOptions& options, const settings::NetworkSettings& network, const settings::Recipe& recipe,
           int /*classes*/, std::uint64_t seed)
    : TrunkMethod(options, standing(network), recipe), rates_(copy_rates(row().needs, recipe)) {
  for (std::size_t level = 1; level < options.level_rates.size(); ++level)
    maps_.push_back(root_->register_module(fmt::format("map{}", level),
                                           std::make_shared<FeatureMap>(embedding_size(), options.hidden)));
  networks::initialise(*root_, seed);
}

const FeatureMap* Vpfa::map_of(int level) const {
  return level == 0 || static_cast<std::size_t>(level) > maps_.size()
             ? nullptr
             : maps_[static_cast<std::size_t>(level) - 1].get();
}

// The feature of each row's HR image, then those of its copies, moved.
Activations Vpfa::forward(const LaneBatch& batch) {
  const Rows rows = rows_where(batch.has_hr);
  std::vector<at::Tensor> images{select_rows(batch.hr, rows)};
  for (const at::Tensor& copy : batch.copies) images.push_back(select_rows(copy, rows));
  const std::int64_t count = images.front().size(0);
  const at::Tensor features = count == 0 ? at::zeros({0, embedding_size()}, batch.hr.options().dtype(at::kFloat))
                                         : pooled(trunk_->deepest(at::cat(images)));
  std::vector<at::Tensor> parts;
  for (std::size_t i = 0; i < images.size(); ++i) {
    const at::Tensor part = features.narrow(0, static_cast<std::int64_t>(i) * count, count);
    parts.push_back(i == 0 ? part : map_of(level_of_rate(options_.level_rates, rates_[i - 1]))->forward(part));
  }
  return {parts};
}

std::vector<LossTerm> Vpfa::losses(std::size_t, const Activations& activations, const LaneBatch&) {
  std::vector<LossTerm> terms;
  for (std::size_t i = 0; i < rates_.size(); ++i)
    terms.push_back({fmt::format("rate_{}", rates_[i]),
                     networks::squared_error_loss(activations.tensors[i + 1], activations.tensors[0])});
  return terms;
}

Embedder Vpfa::embedder(const EmbedderOptions& options) {
  const FeatureMap* trained = map_of(options.level);
  if (trained == nullptr) return TrunkMethod::embedder(options);
  const std::int64_t columns = embedding_size();
  const auto trunk =
      std::make_shared<networks::FoldedBackbone>(*trunk_, options.precision, options.height, options.width);
  // float32 whatever the precision, as f5's mean is.
  const auto map = networks::copied(*trained, std::make_shared<FeatureMap>(columns, options_.hidden), at::kFloat);
  return [=](const at::Tensor& images) {
    return trunk->apply(images, columns, [&](const at::Tensor& f5) { return map->forward(pooled(f5)); });
  };
}

std::string Vpfa::embedder_graph(networks::onnx::Graph& graph, Side side, int level) const {
  const std::string features = TrunkMethod::embedder_graph(graph, side, level);
  const FeatureMap* map = map_of(level);
  return map == nullptr ? features : map->graph(graph, features);
}

}  // namespace resolute::methods
