#pragma once
//! \file
//! Every method that learns identities from labels shares these: the pooled feature, the classifier behind it, and the
//! triplet loss with its mining.

#include <memory>
#include <optional>
#include <string>

#include "methods/networks/method.h"
#include "networks/nn/backbone.h"
#include "networks/nn/batch_norm.h"
#include "networks/nn/layers.h"
#include "networks/nn/losses.h"
#include "networks/torch.h"

namespace resolute::methods {

//! N×C×h×w → N×C float32 (float64 stays): the global average, as a mean (adaptive pooling is not deterministic on
//! GPUs).
at::Tensor pooled(const at::Tensor& map);

//! The bias of the linear layer behind a neck.
enum class NeckBias { kKept, kDropped };

//! v → logits over identities: linear, with a batch norm before it where the network has a neck. N×D → N×classes.
class IdentityClassifier : public torch::nn::Module {
 public:
  //! \param bias of the linear layer behind a neck; without a neck it always has one
  IdentityClassifier(std::int64_t features, std::int64_t classes, bool neck, NeckBias bias = NeckBias::kKept);
  at::Tensor forward(const at::Tensor& features) const;

 private:
  std::shared_ptr<networks::BatchNorm> neck_;  //!< null without a neck
  std::shared_ptr<networks::Linear> linear_;
};

//! The stream whose triplets are drawn: the last part of the key of RandomStream("mining", {seed, step, lane, site}).
enum class MiningSite : std::uint64_t { kHighResolution = 0, kLowResolution = 1 };

//! A triplet loss as an option struct spells it.
struct TripletSettings {
  double margin = 0.3;
  Mining mining = Mining::kRandom;
};

//! Triplets within these rows alone, sampled, mined or all of them, and their losses by anchor. `features` N×D,
//! `labels` N.
networks::AnchorLosses mined_triplet_losses(const at::Tensor& features, const at::Tensor& labels,
                                            const TripletSettings& settings, const LaneBatch& batch, MiningSite site);
//! The scalar that AnchorLosses::loss, or a weighted form of it, amounts to: the mean, of all triplets the sum. Over
//! none an exact 0.
at::Tensor reduce_triplet_losses(const at::Tensor& losses, const TripletSettings& settings);
//! Both.
at::Tensor mined_triplet_loss(const at::Tensor& features, const at::Tensor& labels, const TripletSettings& settings,
                              const LaneBatch& batch, MiningSite site);

//! Calls `make()` in evaluation mode without a graph. Puts the mode of `module` back.
template <class Make>
at::Tensor evaluated(torch::nn::Module& module, const Make& make) {
  const at::NoGradGuard no_grad;
  const bool training = module.is_training();
  module.eval();
  at::Tensor made = make();
  module.train(training);
  return made;
}

//! Rows of a batch or of a part of it: int64 indices on the CPU, ascending, or nothing for all of them (the
//! common case, which then copies nothing).
using Rows = std::optional<at::Tensor>;
//! Rows where `mask` (N bool, on the CPU) holds; all of them for an undefined mask.
Rows rows_where(const at::Tensor& mask);
//! The rows of `tensor` (on any device); images stay channels-last. An undefined tensor stays undefined.
at::Tensor select_rows(const at::Tensor& tensor, const Rows& rows);

//! The name of a method's first group, of all that no other group has, and of its phase.
constexpr const char* kNetworks = "networks";
//! Those of module().named_parameters() that learn and whose name begins with the prefix (inverse: does not), in order.
std::vector<std::pair<std::string, at::Tensor>> parameters_of(const torch::nn::Module& module,
                                                              const std::string& prefix, bool inverse);

}  // namespace resolute::methods
