#pragma once
//! \file
//! CAD-Net: Li, Chen, Lin, Du, Wang, "Recover and Identify: A Generative Dual Model for Cross-Resolution Person
//! Re-Identification", ICCV 2019. More, and where its statements were read: docs/inside/methods/cadnet.md.
//!
// clang-format off
//! symbol            here
//! E, f              trunk_                  Backbone; f = its f5
//! G                 decoder_                SkipDecoder (null where nothing reads recovered images)
//! F, g              hr_encoder_             Backbone of its own; g = its f5 on G's images (null without L_cls, and with features "f")
//! D_F               feature_discriminator_  RAIN's Discriminator on f (null without the feature adversary)
//! D_I               image_discriminator_    Discriminator of image_discriminator_layers() (null without the image adversary)
//! v = [f, g], C     classifier_             IdentityClassifier on GAP(v) (null without classification)
//! x_H, x_L          LaneBatch::hr, lr: two streams, as RAIN's
//! L_adv^D_F         "discriminator_features" (−L_adv) in phase "discriminators", "feature_adversarial" in "networks"
//! L_adv^D_I         "discriminator_images" (−L_adv) in phase "discriminators", "image_adversarial" in "networks"
//! L_rec             "reconstruction"
//! L_cls             "classification" (L_id) and "triplet" (L_tri, φ: CadnetOptions::margin)
//! L                 the sum of phase "networks"; min over E, G, F, C and max over D_F, D_I as two phases of one step
//!
//! Stated: L_adv and L_rec train E and G; L_cls trains E, G, F and C. So L_cls passes through the recovered image.
//! UNSTATED: order and number of the min-max updates → as RAIN's "alternating": one step of D_F and D_I on what is
//!   detached from E and G, then one of the others with both frozen.
//! UNSTATED: what E and G minimise of L_adv^D_I → its summands of recovered images (those of real ones are constants to
//!   them); of L_adv^D_F all of it.
//! UNSTATED: what has no HR image → the LR stream alone, as RAIN's: its recovered image enters D_I and F, and L_rec
//!   where it has a target (train_pool "mlr-with-originals"). D_I's real images are the HR stream's.
//! UNSTATED: rows without a label → E, G, L_rec, both L_adv; absent from F, C, L_id and L_tri.
//! DEVIATION (option pairing = "aligned"): each x_L stands in the batch beside its x_H. Stated: both sets are shuffled.
//! DEVIATION (options, none on by default): mining "batch-hard" or "all", train.label_smoothing in L_id.
// clang-format on

#include <memory>
#include <string>
#include <vector>

#include "methods/cadnet/networks/networks.h"
#include "methods/networks/streams.h"
#include "methods/networks/trunk_method.h"

namespace resolute::methods {

class Cadnet : public TrunkMethod<CadnetOptions> {
 public:
  Cadnet(const CadnetOptions& options, const settings::NetworkSettings& network, const settings::Recipe& recipe,
         int classes, std::uint64_t seed);

  std::vector<ParameterGroup> parameter_groups() override;
  std::vector<Phase> phases() const override;
  Activations forward(const LaneBatch& batch) override;
  std::vector<LossTerm> losses(std::size_t phase, const Activations& activations, const LaneBatch& batch) override;

  //! GAP(v).
  at::Tensor embed(const at::Tensor& images) override;
  Embedder embedder(const EmbedderOptions& options) override;
  std::string embedder_graph(networks::onnx::Graph& graph, Side side, int level) const override;
  int embedding_size() const override;
  //! G(E(images)).
  std::vector<at::Tensor> recover(const at::Tensor& images) override;

 private:
  StreamRows rows_of(const LaneBatch& batch) const;
  at::Tensor joined(const at::Tensor& f, const at::Tensor& g) const;
  Streams labelled_v(const Streams& f, const Streams& images, const StreamRows& rows) const;
  std::vector<LossTerm> discriminator_terms(const Activations& activations, const LaneBatch& batch) const;
  std::vector<LossTerm> network_terms(const Activations& activations, const LaneBatch& batch) const;

  TripletSettings triplet_;
  std::shared_ptr<SkipDecoder> decoder_;
  std::shared_ptr<networks::Backbone> hr_encoder_;
  std::shared_ptr<IdentityClassifier> classifier_;
  std::shared_ptr<Discriminator> feature_discriminator_, image_discriminator_;
};

}  // namespace resolute::methods
