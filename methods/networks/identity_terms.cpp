#include "methods/networks/identity_terms.h"

#include "networks/nn/placed.h"

namespace resolute::methods {

at::Tensor pooled(const at::Tensor& map) { return networks::loss_precision(map).mean(at::IntArrayRef{2, 3}); }

IdentityClassifier::IdentityClassifier(std::int64_t features, std::int64_t classes, bool neck, NeckBias bias) {
  if (neck) neck_ = register_module("neck", std::make_shared<networks::BatchNorm>(features));
  linear_ = register_module("linear",
                            std::make_shared<networks::Linear>(features, classes, !neck || bias == NeckBias::kKept));
}

at::Tensor IdentityClassifier::forward(const at::Tensor& features) const {
  return linear_->forward(neck_ ? neck_->forward(features) : features);
}

networks::AnchorLosses mined_triplet_losses(const at::Tensor& features, const at::Tensor& labels,
                                            const TripletSettings& settings, const LaneBatch& batch, MiningSite site) {
  if (settings.mining == Mining::kAll) return networks::all_triplet_losses(features, labels, settings.margin);
  networks::Triplets triplets;
  if (settings.mining == Mining::kBatchHard) {
    triplets = networks::hardest_triplets(labels, features);
  } else {
    core::RandomStream stream(
        "mining", {batch.seed, batch.step, static_cast<std::uint64_t>(batch.lane), static_cast<std::uint64_t>(site)});
    triplets = networks::sample_triplets(labels, stream);
  }
  return {triplets.anchor, networks::triplet_losses(features, triplets, settings.margin)};
}

at::Tensor reduce_triplet_losses(const at::Tensor& losses, const TripletSettings& settings) {
  return settings.mining == Mining::kAll || losses.numel() == 0 ? losses.sum() : losses.mean();
}

at::Tensor mined_triplet_loss(const at::Tensor& features, const at::Tensor& labels, const TripletSettings& settings,
                              const LaneBatch& batch, MiningSite site) {
  return reduce_triplet_losses(mined_triplet_losses(features, labels, settings, batch, site).loss, settings);
}

Rows rows_where(const at::Tensor& mask) {
  if (!mask.defined()) return std::nullopt;
  at::Tensor rows = mask.nonzero().squeeze(1);
  if (rows.size(0) == mask.size(0)) return std::nullopt;
  return rows;
}

at::Tensor select_rows(const at::Tensor& tensor, const Rows& rows) {
  if (!rows || !tensor.defined()) return tensor;
  at::Tensor selected = tensor.index_select(0, networks::placed(*rows, tensor.device()));
  return tensor.dim() == 4 ? selected.contiguous(at::MemoryFormat::ChannelsLast) : selected;
}

std::vector<std::pair<std::string, at::Tensor>> parameters_of(const torch::nn::Module& module,
                                                              const std::string& prefix, bool inverse) {
  std::vector<std::pair<std::string, at::Tensor>> found;
  for (const auto& item : module.named_parameters())
    if (item.value().requires_grad() && item.key().starts_with(prefix) != inverse)
      found.emplace_back(item.key(), item.value());
  return found;
}

}  // namespace resolute::methods
