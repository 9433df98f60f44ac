#pragma once
//! \file
//! RAIN: Chen, Li, Du, Wang, "Learning Resolution-Invariant Deep Representations for Person Re-Identification", AAAI
//! 2019. No adversarial level is their "Baseline (train on HR & LR)" and "Ours w/o L_adv". More: docs/methods/rain.md.
//!
//! symbol          here
//! F, f_1..f_5     trunk_            Backbone; f_j = last activation of block j
//! G               decoder_          Decoder, on f5 alone (null without reconstruction)
//! D_j             discriminators_   one Discriminator a level of RainOptions::levels
//! C, v            classifier_       IdentityClassifier on v = GAP(f5) (null without classification)
//! x_H, x_L        LaneBatch::hr, lr: two streams; x_L→H of lr's row i is hr's row i
//! L_adv^Dj        eq. 1: "discriminator_level_j" (−L_adv) in phase "discriminators", "adversarial_level_j" in
//! "networks" L_rec           eq. 2: "reconstruction" L_cls           eq. 3: "classification" L_tri, m        eqs. 4–6:
//! "triplet", RainOptions::margin eqs. 7, 8       the sum of a phase's terms; min over F, G, C and max over D_j as two
//! phases of one step
//!
//! UNSTATED: order and number of the min-max updates → one step of D on features detached from F, then one of F, G, C
//! with D frozen.
//! DEVIATION: images of which only an LR version is stored (train_pool "mlr") belong to the LR stream alone and have no
//! reconstruction target; the paper makes every x_L from an x_H.

#include <memory>

#include "workers/methods/identity_terms.h"
#include "workers/methods/method.h"
#include "workers/methods/rain_networks.h"
#include "workers/nn/backbone.h"

namespace resolute::workers {

class Rain : public Method {
 public:
  Rain(const experiments::RainOptions& options, const experiments::NetworkSettings& network,
       const experiments::Recipe& recipe, int classes, std::uint64_t seed);

  torch::nn::Module& module() override { return *root_; }
  std::vector<ParameterGroup> parameter_groups() override;
  std::vector<Phase> phases() const override;
  //! All of F, C and G, so that every running statistic moves here and none in losses().
  Activations forward(const LaneBatch& batch) override;
  std::vector<LossTerm> losses(std::size_t phase, const Activations& activations, const LaneBatch& batch) override;
  at::Tensor embed(const at::Tensor& images) override { return embed_pooled(*root_, *trunk_, images); }
  Embedder embedder(const EmbedderOptions& options) override { return folded_embedder(*trunk_, options); }
  int embedding_size() const override { return static_cast<int>(trunk_->channels(kLevels)); }
  //! G(F(images)) in evaluation mode without a graph, for reports. N×3×H×W → the same.
  //! \throws ContractError without a decoder
  at::Tensor reconstruct(const at::Tensor& images);

 private:
  //! The same network's output for the HR stream's rows and for the LR stream's.
  struct Streams {
    at::Tensor hr, lr;
  };
  template <class Run>
  std::vector<Streams> through(const Run& run, const Streams& input) const;
  std::vector<LossTerm> discriminator_terms(const Activations& activations) const;
  std::vector<LossTerm> network_terms(const Activations& activations, const LaneBatch& batch) const;
  at::Tensor adversarial_loss(std::size_t index, const Activations& activations) const;
  Streams feature(std::size_t index, const Activations& activations) const;

  experiments::RainOptions options_;
  experiments::Recipe recipe_;
  bool joint_ = true;  //!< HR and LR images share a batch-norm batch
  bool non_saturating_ = false;
  TripletSettings triplet_;
  std::shared_ptr<torch::nn::Module> root_;
  std::shared_ptr<Backbone> trunk_;
  std::shared_ptr<IdentityClassifier> classifier_;
  std::shared_ptr<Decoder> decoder_;
  std::vector<std::shared_ptr<Discriminator>> discriminators_;
};

}  // namespace resolute::workers
