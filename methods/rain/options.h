#pragma once
//! \file
//! Options of RAIN.

#include <variant>
#include <vector>

#include "methods/mining.h"

namespace resolute::methods {

//! The networks' game against the discriminators; kOff: there are none.
enum class Game { kMinimax, kNonSaturating, kOff };
constexpr auto words_of(Game) { return settings::words("minimax", "non-saturating", "off"); }

//! Discriminators step, then the others against them; or both from one state.
enum class Updates { kAlternating, kSimultaneous };
constexpr auto words_of(Updates) { return settings::words("alternating", "simultaneous"); }

//! Our reading's layers, or 1×1 convolutions alone.
enum class DiscriminatorKind { kConvolutional, kPixelwise };
constexpr auto words_of(DiscriminatorKind) { return settings::words("convolutional", "pixelwise"); }

//! How the decoder doubles its maps: nearest neighbours, or transposed convolutions.
enum class DecoderKind { kNearest, kTransposed };
constexpr auto words_of(DecoderKind) { return settings::words("nearest", "transposed"); }

//! Images of the LR stream enter every loss, or the adversarial and reconstruction losses alone.
enum class Supervision { kAll, kHrOnlyLabels };
constexpr auto words_of(Supervision) { return settings::words("all", "hr-only-labels"); }

//! The images of the LR stream: each HR image's own copy beside those stored as LR, or rows that stand in the batch as
//! LR images alone (train.lr_images), so that no HR image's copy is seen in its step.
enum class Pairing { kAligned, kShuffled };
constexpr auto words_of(Pairing) { return settings::words("aligned", "shuffled"); }

//! Discriminators of features, and the game against them.
struct Adversary {
  std::vector<int> levels = {4, 5};  //!< feature levels with a discriminator, ascending, of 1 to 5; never empty
  bool non_saturating = false;       //!< or minimax
  Updates updates = Updates::kAlternating;
  DiscriminatorKind discriminator = DiscriminatorKind::kConvolutional;
  double weight = 1.0;  //!< the paper's eq. 7 has 1
  bool operator==(const Adversary&) const = default;
};

struct NoAdversary {
  bool operator==(const NoAdversary&) const = default;
};

//! RAIN's options as a suite's section and a specification's JSON have them: flat, the adversary "off" beside options
//! that nothing then reads.
struct RainSection {
  std::vector<int> levels = Adversary().levels;
  bool classification = true;
  bool triplet = true;
  bool reconstruction = true;
  double margin = 0.3;
  Mining mining = Mining::kRandom;
  Game adversary = Game::kMinimax;
  Updates updates = Adversary().updates;
  DiscriminatorKind discriminator = Adversary().discriminator;
  DecoderKind decoder = DecoderKind::kNearest;
  double adversarial_weight = Adversary().weight;
  double reconstruction_weight = 1.0;
  Supervision supervision = Supervision::kAll;
  Pairing pairing = Pairing::kAligned;
  bool operator==(const RainSection&) const = default;

  static void members(auto&& visit) {
    using O = RainSection;
    using namespace settings;
    visit(member("levels", &O::levels, ascending(1, 5), "feature levels with a discriminator, at least one"));
    visit(member("classification", &O::classification, "the loss of identities"));
    visit(member("triplet", &O::triplet, "the triplet loss"));
    visit(member("reconstruction", &O::reconstruction, "the decoder and its loss"));
    visit(member("margin", &O::margin, above_zero(100), "of the triplet loss"));
    visit(member("mining", &O::mining, "triplets, as baseline.mining")
              .deviation([](const O& o) { return o.mining != Mining::kRandom; }, "one sampled triplet of each anchor"));
    visit(member("adversary", &O::adversary,
                 "the discriminators' game; off: no adversarial loss, whatever rain.levels says")
              .deviation([](const O& o) { return o.adversary == Game::kNonSaturating; }, "minimax"));
    visit(member("updates", &O::updates,
                 "discriminators step first, the others then against the new ones; simultaneous: both from one state")
              .deviation([](const O& o) { return o.updates == Updates::kSimultaneous; }, "min-max in turns"));
    visit(member("discriminator", &O::discriminator, "its layers; pixelwise: 1×1 convolutions alone"));
    visit(member("decoder", &O::decoder, "how the decoder doubles its maps: nearest, or transposed convolutions"));
    visit(member("adversarial_weight", &O::adversarial_weight, between(0, 1e6), "factor of the adversarial loss"));
    visit(member("reconstruction_weight", &O::reconstruction_weight, between(0, 1e6), "factor of the reconstruction"));
    visit(member("supervision", &O::supervision,
                 "hr-only-labels: LR images enter the adversarial and reconstruction losses alone")
              .deviation([](const O& o) { return o.supervision != Supervision::kAll; },
                         "LR images teach identities too"));
    visit(member("pairing", &O::pairing,
                 "aligned: the LR stream has the copy of each HR image; shuffled: other images of the same identities, "
                 "so many of each as train.lr_images says, and no copy of an HR image")
              .silent_at_default());
  }
};

//! RAIN (Chen et al., AAAI 2019). Without the adversary it is the paper's "Baseline (train on HR & LR)" and "without
//! L_adv".
struct RainOptions {
  static constexpr const char* kMethod = "rain";
  static constexpr int kRevision = 1;
  std::variant<Adversary, NoAdversary> adversary{};
  bool classification = true;
  bool triplet = true;
  bool reconstruction = true;
  double margin = 0.3;
  Mining mining = Mining::kRandom;
  DecoderKind decoder = DecoderKind::kNearest;
  double reconstruction_weight = 1.0;
  Supervision supervision = Supervision::kAll;
  Pairing pairing = Pairing::kAligned;
  bool operator==(const RainOptions&) const = default;

  //! Null where there is none.
  const Adversary* opponent() const { return std::get_if<Adversary>(&adversary); }

  using Section = RainSection;
  //! Without an adversary, members that nothing reads have their defaults, and there is no level.
  RainSection section() const;
  //! The inverse; what nothing reads is dropped. \throws MemberError for an adversary without a level
  static RainOptions of(const RainSection& section);
};

//! same_networks() (methods/rules.h) of this method.
bool same_tensors(const RainOptions& a, const RainOptions& b);

RESOLUTE_METHOD(RainOptions)

}  // namespace resolute::methods
