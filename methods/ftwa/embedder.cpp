#include <utility>

#include "methods/ftwa/ftwa.h"
#include "workers/nn/folded_backbone.h"
#include "workers/nn/initialise.h"

namespace resolute::workers {
namespace {

//! T, W_HR and W_LR as they stand now; null where the method has none.
struct Heads {
  std::shared_ptr<FeatureTransformation> transformation;
  std::shared_ptr<QualityEvaluator> weight_hr, weight_lr;
  //! What branch_embedder()'s w_HR, w'_HR and w_LR are divided by; undefined without normalisation.
  at::Tensor mean_hr, mean_transformed, mean_lr;
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

Embedder Ftwa::make_embedder(const EmbedderOptions& options, bool branches) const {
  const bool high = options.side == Side::kHigh;
  Heads heads;
  if (transformation_ && !high)
    heads.transformation =
        copied(*transformation_,
               std::make_shared<FeatureTransformation>(trunk_->channels(kLevels), options_.transformation_blocks),
               options.precision);
  // W is float32 whatever the precision, as v is.
  if (weight_hr_ && branches) {
    for (const auto& [from, to] : {std::pair(weight_hr_, &heads.weight_hr), std::pair(weight_lr_, &heads.weight_lr)})
      *to = copied(*from, std::make_shared<QualityEvaluator>(trunk_->channels(kLevels)), at::kFloat);
    if (!weight_scales_.empty()) {
      const auto mean = [&](FtwaStream stream) { return weight_scales_[stream]->running_mean.to(at::kFloat).clone(); };
      heads.mean_hr = mean(kHr) * mean(kLr) / mean(kCopy);
      heads.mean_transformed = mean(kTransformed);
      heads.mean_lr = mean(kLr);
    }
  }
  const ShallowTrunk& shallow = high ? *trunk_ : *lr_encoder_;
  const auto trunk =
      std::make_shared<FoldedBackbone>(shallow, *trunk_, options.precision, options.height, options.width);
  const auto rows = branches ? (high ? high_rows : low_rows) : transformed;
  const std::int64_t columns = branches ? 2 * (embedding_size() + 1) : embedding_size();
  return [=](const at::Tensor& images) {
    return trunk->apply(images, columns, [&](const at::Tensor& f5) { return rows(heads, f5); });
  };
}

}  // namespace resolute::workers
