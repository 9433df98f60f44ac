#include "methods/cadnet/networks/cadnet.h"

#include "core/error.h"
#include "networks/nn/losses.h"

namespace resolute::methods {
namespace {

using Maps = std::vector<at::Tensor>;

// The tensors of Activations; undefined where an option leaves the network out. Labelled… and logits hold the rows that
// have a label, the others all rows of their stream.
enum CadnetSlot : std::size_t {
  kCadnetFeatureHr,
  kCadnetFeatureLr,
  kCadnetImageHr,
  kCadnetImageLr,
  kCadnetLabelledHr,
  kCadnetLabelledLr,
  kCadnetLogitsHr,
  kCadnetLogitsLr,
  kCadnetSlots
};

constexpr const char *kOfFeatures = "discriminator_features", *kOfImages = "discriminator_images";

//! E[log(1 − D)] of what a generator made.
at::Tensor value_of_made(const at::Tensor& logits) {
  return networks::adversarial_value(logits.slice(0, 0, 0), logits);
}

//! A discriminator's logits of several parts, in one pass. \param frozen its parameters are constants
Maps judged(const Discriminator& discriminator, const Maps& parts, bool frozen) {
  const at::Tensor all = at::cat(parts);
  const at::Tensor logits = frozen ? discriminator.forward_frozen(all) : discriminator.forward(all.detach());
  Maps found;
  std::int64_t first = 0;
  for (const at::Tensor& part : parts) {
    found.push_back(logits.narrow(0, first, part.size(0)));
    first += part.size(0);
  }
  return found;
}

}  // namespace

Cadnet::Cadnet(const CadnetOptions& options, const settings::NetworkSettings& network, const settings::Recipe& recipe,
               int classes, std::uint64_t seed)
    : TrunkMethod(options, network, recipe), triplet_{options.margin, options.mining} {
  const settings::TrunkShape& shape = trunk_->shape();
  if (options.classification)
    classifier_ = root_->register_module("classifier",
                                         std::make_shared<IdentityClassifier>(embedding_size(), classes, network.neck));
  if (options.recovers()) decoder_ = root_->register_module("decoder", std::make_shared<SkipDecoder>(*trunk_));
  if (options.encodes_recovered())
    hr_encoder_ = root_->register_module("hr_encoder", std::make_shared<networks::Backbone>(shape));
  if (options.feature_adversary)
    feature_discriminator_ = root_->register_module(
        kOfFeatures, std::make_shared<Discriminator>(trunk_->channels(networks::kLevels), shape.discriminator_width));
  if (options.image_adversary)
    image_discriminator_ = root_->register_module(
        kOfImages, std::make_shared<Discriminator>(3, image_discriminator_layers(shape.discriminator_width)));
  networks::initialise(*root_, seed);
}

std::vector<ParameterGroup> Cadnet::parameter_groups() { return game_groups(*root_, recipe_); }

std::vector<Phase> Cadnet::phases() const {
  if (!feature_discriminator_ && !image_discriminator_) return {{kNetworks, {kNetworks}}};
  return {{kDiscriminators, {kDiscriminators}}, {kNetworks, {kNetworks}}};
}

StreamRows Cadnet::rows_of(const LaneBatch& batch) const {
  return stream_rows(batch, options_.pairing == Pairing::kShuffled);
}

//! GAP(v). \param g undefined without F
at::Tensor Cadnet::joined(const at::Tensor& f, const at::Tensor& g) const {
  if (!options_.compares_f()) return g;
  return g.defined() ? at::cat({f, g}, 1) : f;
}

//! GAP(v) of the labelled rows. \param f, images of all rows
Streams Cadnet::labelled_v(const Streams& f, const Streams& images, const StreamRows& rows) const {
  // Rows without a label stay out of F's batch norms and of the neck's.
  const Streams labelled{select_rows(pooled(f.hr), rows.labelled_hr), select_rows(pooled(f.lr), rows.labelled_lr)};
  if (!hr_encoder_) return labelled;
  Streams g = labelled;  // no row at all
  if (labelled.hr.size(0) + labelled.lr.size(0) > 0) {
    const Streams shown{select_rows(images.hr, rows.labelled_hr), select_rows(images.lr, rows.labelled_lr)};
    const auto encode = [&](const Maps& x) { return Maps{hr_encoder_->forward(x.front()).back()}; };
    const Streams maps = through_streams({shown}, joint_, encode).front();
    g = {pooled(maps.hr), pooled(maps.lr)};
  }
  return {joined(labelled.hr, g.hr), joined(labelled.lr, g.lr)};
}

Activations Cadnet::forward(const LaneBatch& batch) {
  const StreamRows rows = rows_of(batch);
  const Streams images{select_rows(batch.hr, rows.with_hr), select_rows(batch.lr, rows.lr)};
  const std::vector<Streams> f =
      through_streams({images}, joint_, [&](const Maps& x) { return trunk_->forward(x.front()); });
  Streams recovered;
  if (decoder_) {
    const auto decode = [&](const Maps& x) { return Maps{decoder_->forward(x, batch.lr.size(2), batch.lr.size(3))}; };
    recovered = through_streams(f, joint_, decode).front();
  }
  const Streams v = labelled_v(f.back(), recovered, rows);
  Streams logits;
  if (classifier_) {
    const auto classify = [&](const Maps& x) { return Maps{classifier_->forward(x.front())}; };
    logits = through_streams({v}, joint_, classify).front();
  }
  Activations activations{Maps(kCadnetSlots)};
  const auto put = [&](CadnetSlot first, const Streams& streams) {
    activations.tensors[first] = streams.hr;
    activations.tensors[first + 1] = streams.lr;
  };
  put(kCadnetFeatureHr, f.back());
  put(kCadnetImageHr, recovered);
  put(kCadnetLabelledHr, v);
  put(kCadnetLogitsHr, logits);
  return activations;
}

std::vector<LossTerm> Cadnet::losses(std::size_t phase, const Activations& activations, const LaneBatch& batch) {
  RESOLUTE_EXPECT(phase < phases().size(), "cadnet has no such phase");
  return phases()[phase].name == kDiscriminators ? discriminator_terms(activations, batch)
                                                 : network_terms(activations, batch);
}

//! max over D_F and D_I: minimises −L_adv of each.
std::vector<LossTerm> Cadnet::discriminator_terms(const Activations& activations, const LaneBatch& batch) const {
  const auto& slots = activations.tensors;
  std::vector<LossTerm> terms;
  if (feature_discriminator_) {
    const Maps d = judged(*feature_discriminator_, {slots[kCadnetFeatureHr], slots[kCadnetFeatureLr]}, false);
    terms.push_back({kOfFeatures, -networks::adversarial_value(d[0], d[1])});
  }
  if (image_discriminator_) {
    const at::Tensor real = select_rows(batch.hr, rows_of(batch).with_hr);
    const Maps d = judged(*image_discriminator_, {real, slots[kCadnetImageHr], slots[kCadnetImageLr]}, false);
    terms.push_back({kOfImages, -(networks::adversarial_value(d[0], d[2]) + networks::adversarial_value(d[0], d[1]))});
  }
  return terms;
}

//! min over E, G, F and C.
std::vector<LossTerm> Cadnet::network_terms(const Activations& activations, const LaneBatch& batch) const {
  const auto& slots = activations.tensors;
  const StreamRows rows = rows_of(batch);
  // Rows without a label have the adversarial and reconstruction losses alone.
  const Streams labels = stream_labels(batch, rows);
  std::vector<LossTerm> terms;
  if (options_.classification)
    terms.push_back({"classification", stream_classification({slots[kCadnetLogitsHr], slots[kCadnetLogitsLr]}, labels,
                                                             recipe_.label_smoothing)});
  if (options_.triplet)
    terms.push_back(
        {"triplet", stream_triplets({slots[kCadnetLabelledHr], slots[kCadnetLabelledLr]}, labels, triplet_, batch)});
  if (options_.reconstruction) {
    const Streams made{slots[kCadnetImageHr], select_rows(slots[kCadnetImageLr], rows.aimed_lr)};
    terms.push_back({"reconstruction", options_.reconstruction_weight * stream_reconstruction(made, batch, rows)});
  }
  if (feature_discriminator_) {
    const Maps d = judged(*feature_discriminator_, {slots[kCadnetFeatureHr], slots[kCadnetFeatureLr]}, true);
    terms.push_back(
        {"feature_adversarial", options_.feature_adversarial_weight * networks::adversarial_value(d[0], d[1])});
  }
  if (image_discriminator_) {
    const Maps d = judged(*image_discriminator_, {slots[kCadnetImageHr], slots[kCadnetImageLr]}, true);
    terms.push_back(
        {"image_adversarial", options_.image_adversarial_weight * (value_of_made(d[1]) + value_of_made(d[0]))});
  }
  return terms;
}

}  // namespace resolute::methods
