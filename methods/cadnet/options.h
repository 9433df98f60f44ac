#pragma once
//! \file
//! Options of CAD-Net.

#include "methods/rain/options.h"

namespace resolute::methods {

//! The parts of the joint feature v: the resolution-invariant feature f, and g of the recovered image.
enum class JointFeature { kBoth, kF, kG };
constexpr auto words_of(JointFeature) { return settings::words("both", "f", "g"); }

//! CAD-Net (Li et al., ICCV 2019).
struct CadnetOptions {
  static constexpr const char* kMethod = "cadnet";
  static constexpr int kRevision = 1;
  JointFeature features = JointFeature::kBoth;
  bool classification = true;
  bool triplet = true;
  bool reconstruction = true;
  bool feature_adversary = true;
  bool image_adversary = true;
  double margin = 0.3;
  Mining mining = Mining::kRandom;
  double feature_adversarial_weight = 1.0;
  double image_adversarial_weight = 1.0;
  double reconstruction_weight = 1.0;
  Pairing pairing = Pairing::kAligned;
  bool operator==(const CadnetOptions&) const = default;

  //! True if L_cls is there: something learns identities.
  bool identifies() const { return classification || triplet; }
  //! True if recovered images pass the encoder F. It learns from L_cls alone.
  bool encodes_recovered() const { return identifies() && features != JointFeature::kF; }
  //! True if something reads recovered images.
  bool recovers() const { return reconstruction || image_adversary || encodes_recovered(); }
  //! True if f is a part of v. Without L_cls v is f alone: nothing teaches F.
  bool compares_f() const { return features != JointFeature::kG || !encodes_recovered(); }

  static void members(auto&& visit) {
    using O = CadnetOptions;
    using namespace settings;
    visit(member("features", &O::features,
                 "the joint feature v: f of the image and g of the recovered one, or one of them alone"));
    visit(member("classification", &O::classification, "L_id, the loss of identities"));
    visit(member("triplet", &O::triplet, "the triplet loss, which is L_cls with L_id"));
    visit(member("reconstruction", &O::reconstruction, "L_rec; the decoder stays where recovered images are encoded"));
    visit(member("feature_adversary", &O::feature_adversary, "the discriminator of features, and its game"));
    visit(member("image_adversary", &O::image_adversary, "the discriminator of recovered images, and its game"));
    visit(member("margin", &O::margin, above_zero(100), "of the triplet loss"));
    visit(member("mining", &O::mining, "triplets, as baseline.mining")
              .deviation([](const O& o) { return o.mining != Mining::kRandom; }, "one sampled triplet of each anchor"));
    visit(member("feature_adversarial_weight", &O::feature_adversarial_weight, between(0, 1e6),
                 "factor of the adversarial loss of features"));
    visit(member("image_adversarial_weight", &O::image_adversarial_weight, between(0, 1e6),
                 "factor of the adversarial loss of images"));
    visit(member("reconstruction_weight", &O::reconstruction_weight, between(0, 1e6), "factor of the reconstruction"));
    visit(member("pairing", &O::pairing,
                 "as rain.pairing; shuffled is the paper's, and train.lr_images says how many LR images there are")
              .deviation([](const O& o) { return o.pairing == Pairing::kAligned; }, "HR and LR images are shuffled"));
  }
};

RESOLUTE_METHOD(CadnetOptions)

}  // namespace resolute::methods
