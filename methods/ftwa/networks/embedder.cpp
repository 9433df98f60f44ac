#include <utility>

#include "methods/ftwa/networks/ftwa.h"
#include "networks/nn/folded_backbone.h"
#include "networks/nn/initialise.h"
#include "networks/onnx/graph.h"

namespace resolute::methods {
namespace {

//! T, W_HR and W_LR as they stand now; null where the method has none.
struct Heads {
  std::shared_ptr<FeatureTransformation> transformation;
  std::shared_ptr<QualityEvaluator> weight_hr, weight_lr;
  at::Tensor mean_hr, mean_transformed, mean_lr;  //!< Ftwa::MeanWeights
};

//! N×1 weights, 1 without an evaluator.
at::Tensor weights_of(const std::shared_ptr<QualityEvaluator>& evaluator, const at::Tensor& mean,
                      const at::Tensor& vectors) {
  if (!evaluator) return at::ones({vectors.size(0), 1}, vectors.options());
  const at::Tensor weights = evaluator->forward(vectors).unsqueeze(1);
  return mean.defined() ? weights / mean : weights;
}

//! v'_HR, or v_LR without T.
at::Tensor transformed(const Heads& heads, const at::Tensor& f_lr) {
  return pooled(heads.transformation ? heads.transformation->forward(f_lr) : f_lr);
}

at::Tensor high_rows(const Heads& heads, const at::Tensor& f_hr) {
  const at::Tensor v = pooled(f_hr);
  return at::cat({v, weights_of(heads.weight_hr, heads.mean_hr, v), at::zeros({v.size(0), v.size(1) + 1}, v.options())},
                 1);
}

at::Tensor low_rows(const Heads& heads, const at::Tensor& f_lr) {
  const at::Tensor v_hr = transformed(heads, f_lr), v_lr = pooled(f_lr);
  return at::cat({v_hr, weights_of(heads.weight_hr, heads.mean_transformed, v_hr), v_lr,
                  weights_of(heads.weight_lr, heads.mean_lr, v_lr)},
                 1);
}

}  // namespace

Ftwa::MeanWeights Ftwa::mean_weights() const {
  if (weight_scales_.empty()) return {};
  const auto mean = [&](FtwaStream stream) { return weight_scales_[stream]->running_mean.to(at::kFloat).clone(); };
  return {mean(kHr) * mean(kLr) / mean(kCopy), mean(kTransformed), mean(kLr)};
}

Embedder Ftwa::make_embedder(const EmbedderOptions& options, bool branches) const {
  const bool high = options.side == Side::kHigh;
  Heads heads;
  if (transformation_ && !high)
    heads.transformation = networks::copied(
        *transformation_,
        std::make_shared<FeatureTransformation>(trunk_->channels(networks::kLevels), options_.transformation_blocks),
        options.precision);
  // W is float32 whatever the precision, as v is.
  if (weight_hr_ && branches) {
    for (const auto& [from, to] : {std::pair(weight_hr_, &heads.weight_hr), std::pair(weight_lr_, &heads.weight_lr)})
      *to =
          networks::copied(*from, std::make_shared<QualityEvaluator>(trunk_->channels(networks::kLevels)), at::kFloat);
    const MeanWeights means = mean_weights();
    heads.mean_hr = means.high;
    heads.mean_transformed = means.transformed;
    heads.mean_lr = means.low;
  }
  const networks::ShallowTrunk& shallow = high ? *trunk_ : *lr_encoder_;
  const auto trunk =
      std::make_shared<networks::FoldedBackbone>(shallow, *trunk_, options.precision, options.height, options.width);
  const auto rows = branches ? (high ? high_rows : low_rows) : transformed;
  const std::int64_t columns = branches ? 2 * (embedding_size() + 1) : embedding_size();
  return [=](const at::Tensor& images) {
    return trunk->apply(images, columns, [&](const at::Tensor& f5) { return rows(heads, f5); });
  };
}

std::string Ftwa::embedder_graph(networks::onnx::Graph& graph, Side side, int /*level*/) const {
  const std::int64_t columns = embedding_size();
  const auto weight = [&](const std::shared_ptr<QualityEvaluator>& evaluator, const at::Tensor& mean,
                          const std::string& vectors) {
    // Without an evaluator 1 for every row.
    if (!evaluator) return graph.linear(vectors, at::zeros({1, columns}), at::ones({1}));
    const std::string weights = evaluator->add_to(graph, vectors);
    return mean.defined() ? graph.node("Div", {weights, graph.constant("mean", mean)}) : weights;
  };
  const auto side_by_side = [&](const std::vector<std::string>& found) {
    return graph.node("Concat", found, {{"axis", std::int64_t{1}}});
  };
  const MeanWeights means = mean_weights();
  if (side == Side::kHigh) {
    const std::string v = graph.mean(graph.trunk(*trunk_, graph.images()));
    const std::string branch = side_by_side({v, weight(weight_hr_, means.high, v)});
    return side_by_side({branch, graph.node("Mul", {branch, graph.constant("none", at::scalar_tensor(0.0))})});
  }
  const networks::onnx::Map f_lr = graph.trunk(*lr_encoder_, *trunk_, graph.images());
  const std::string v_lr = graph.mean(f_lr);
  const std::string v_hr = transformation_ ? graph.mean(transformation_->add_to(graph, f_lr)) : v_lr;
  return side_by_side({v_hr, weight(weight_hr_, means.transformed, v_hr), v_lr, weight(weight_lr_, means.low, v_lr)});
}

}  // namespace resolute::methods
