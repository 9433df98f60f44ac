#include "methods/msifla/networks/msifla.h"

#include <algorithm>
#include <string>

#include "core/error.h"
#include "networks/nn/initialise.h"
#include "networks/nn/losses.h"

namespace resolute::methods {
namespace {

// The tensors of Activations, for each stream. Undefined: the images without an HR row, the others without a
// labelled row or before the re-ID networks begin; logits also without classification. Images are N×3×H×W of the HR
// rows, of their copies rate by rate; the others of the labelled HR rows and then of the labelled LR rows.
constexpr std::size_t kOfHr = 0, kOfCopies = 1, kFeatures = 2, kMsiflaLogits = kFeatures + kParts,
                      kMsiflaSlots = kMsiflaLogits + kParts;

constexpr const char *kReid = "reid", *kIr = "ir";

//! The site of a part's draws (mining "random"), the same whatever other scales and networks there are.
MiningSite part_site(int scale, std::size_t of_ensemble, std::size_t part) {
  constexpr std::size_t kScales = settings::kLargestRate + 1;
  return static_cast<MiningSite>(kParts * (kScales * of_ensemble + static_cast<std::size_t>(scale)) + part);
}

std::string of_scale(const char* name, int scale) { return fmt::format("{}_scale_{}", name, scale); }

//! The names of re-ID networks.
std::vector<std::string> reid_names(const MsiflaOptions& options) {
  std::vector<std::string> names;
  const auto name = [](int scale) { return fmt::format("{}_{}", kReid, scale); };
  if (options.reid_networks == ReidNetworks::kShared && options.scales.size() > 1) return {name(1)};
  for (const int scale : options.scales) names.push_back(name(scale));
  for (int i = 2; i <= options.reid_ensemble; ++i) names.push_back(fmt::format("{}_{}", name(1), i));
  return names;
}

//! An exact 0 with a graph, for a lane that has nothing for these networks.
at::Tensor nothing_to_learn(const torch::nn::Module& network) {
  return networks::zero_loss(network.parameters().front());
}

}  // namespace

Msifla::Msifla(const MsiflaOptions& options, const settings::NetworkSettings& network, const settings::Recipe& recipe,
               int classes, std::uint64_t seed)
    : NetworkMethod(options, network, recipe), triplet_{options.margin, options.mining} {
  const settings::TrunkShape shape = settings::trunk_shape(network);
  for (const int scale : options.scales)
    ir_.push_back(root_->register_module(fmt::format("{}_{}", kIr, scale), std::make_shared<ImageRecoveryNetwork>(
                                                                               options.ir_width, options.ir_residual)));
  for (const std::string& name : reid_names(options))
    reid_.push_back(root_->register_module(
        name, std::make_shared<PartNetwork>(shape, classes, network.neck, options.classification)));
  networks::initialise(*root_, seed);
}

std::vector<ParameterGroup> Msifla::parameter_groups() {
  const OptimiserOptions optimiser = optimiser_options(recipe_);
  OptimiserOptions of_ir = optimiser;
  of_ir.learning_rate = options_.ir_learning_rate;
  return {{kReid, parameters_of(*root_, std::string(kReid) + "_", /*inverse=*/false), optimiser},
          {kIr, parameters_of(*root_, std::string(kIr) + "_", /*inverse=*/false), of_ir}};
}

std::vector<Phase> Msifla::phases() const {
  std::vector<std::string> reached{kReid};
  if (options_.reid_into_ir) reached.emplace_back(kIr);
  return {{"recovery", {kIr}, /*steps_with_next=*/true},
          {"reid", reached, /*steps_with_next=*/false, static_cast<std::uint64_t>(options_.ir_warmup_steps)}};
}

//! x^1, x^2, …: one for each scale.
std::vector<at::Tensor> Msifla::cascade(const at::Tensor& images) const {
  std::vector<at::Tensor> outputs;
  for (const auto& network : ir_) outputs.push_back(network->forward(outputs.empty() ? images : outputs.back()));
  return outputs;
}

// HR rows, copies and LR rows pass apart: each loss then goes back through those that it is made of, and no others.
Activations Msifla::forward(const LaneBatch& batch) {
  const StreamRows rows = stream_rows(batch, /*shuffled=*/true);
  Activations activations{std::vector<at::Tensor>(kMsiflaSlots * streams())};
  std::vector<at::Tensor> of_hr;
  if (const at::Tensor hr = select_rows(batch.hr, rows.with_hr); hr.size(0) > 0) {
    of_hr = cascade(hr);
    std::vector<at::Tensor> copies;
    for (const at::Tensor& images : batch.copies) copies.push_back(select_rows(images, rows.with_hr));
    const std::vector<at::Tensor> of_copies = cascade(at::cat(copies));
    for (std::size_t scale = 0; scale < ir_.size(); ++scale) {
      activations.tensors[scale * kMsiflaSlots + kOfHr] = of_hr[scale];
      activations.tensors[scale * kMsiflaSlots + kOfCopies] = of_copies[scale];
    }
  }
  if (batch.step < static_cast<std::uint64_t>(options_.ir_warmup_steps)) return activations;

  std::vector<std::vector<at::Tensor>> shown(ir_.size());
  for (std::size_t scale = 0; scale < of_hr.size(); ++scale)
    if (const at::Tensor images = select_rows(of_hr[scale], rows.labelled_hr); images.size(0) > 0)
      shown[scale].push_back(options_.reid_into_ir ? images : images.detach());
  if (const at::Tensor lr = select_rows(select_rows(batch.lr, rows.lr), rows.labelled_lr); lr.size(0) > 0) {
    const at::AutoGradMode graph(options_.reid_into_ir && at::GradMode::is_enabled());
    const auto of_lr = cascade(lr);
    for (std::size_t scale = 0; scale < ir_.size(); ++scale) shown[scale].push_back(of_lr[scale]);
  }
  if (shown.front().empty()) return activations;
  std::vector<at::Tensor> images;
  for (const auto& of_scale : shown) images.push_back(of_scale.size() == 1 ? of_scale.front() : at::cat(of_scale));
  identify(images, activations);
  return activations;
}

//! Features and logits of every stream. \param images of each scale
void Msifla::identify(const std::vector<at::Tensor>& images, Activations& activations) const {
  const std::int64_t rows = images.front().size(0);
  const std::size_t together = streams() / reid_.size();  // scales of a network
  for (std::size_t network = 0; network < reid_.size(); ++network) {
    const std::vector<at::Tensor> parts =
        reid_[network]->parts(together == 1 ? images[scale_of(network)] : at::cat(images));
    const std::vector<at::Tensor> logits = reid_[network]->logits(parts);
    for (std::size_t i = 0; i < together; ++i) {
      const auto slots = activations.tensors.begin() + static_cast<std::ptrdiff_t>((network + i) * kMsiflaSlots);
      const auto put = [&](std::size_t first, const std::vector<at::Tensor>& all) {
        for (std::size_t part = 0; part < all.size(); ++part)
          slots[static_cast<std::ptrdiff_t>(first + part)] =
              all[part].narrow(0, static_cast<std::int64_t>(i) * rows, rows);
      };
      put(kFeatures, parts);
      put(kMsiflaLogits, logits);
    }
  }
}

std::vector<LossTerm> Msifla::losses(std::size_t phase, const Activations& activations, const LaneBatch& batch) {
  RESOLUTE_EXPECT(phase < 2, "msifla has two phases");
  std::vector<LossTerm> terms;
  if (phase == 0) {
    for (std::size_t i = 0; i < options_.scales.size(); ++i)
      terms.push_back(
          {of_scale("recovery", options_.scales[i]), options_.recovery_weight * recovery_term(i, activations, batch)});
    return terms;
  }
  const Streams of_streams = stream_labels(batch, stream_rows(batch, /*shuffled=*/true));
  const at::Tensor labels = at::cat({of_streams.hr, of_streams.lr});
  for (std::size_t stream = 0; stream < streams(); ++stream) {
    const auto classification = [&](const at::Tensor& logits, std::size_t) {  // eq. 11
      return networks::classification_loss(logits, labels, recipe_.label_smoothing);
    };
    const auto triplet = [&](const at::Tensor& features, std::size_t part) {  // eq. 12
      const std::size_t scale = scale_of(stream);
      return mined_triplet_loss(features, labels, triplet_, batch,
                                part_site(options_.scales[scale], stream - scale, part));
    };
    if (options_.classification)
      terms.push_back(
          {term_name("classification", stream), sum_over_parts(stream, kMsiflaLogits, activations, classification)});
    if (options_.triplet)
      terms.push_back({term_name("triplet", stream), sum_over_parts(stream, kFeatures, activations, triplet)});
  }
  return terms;
}

//! The header describes it.
std::string Msifla::term_name(const char* kind, std::size_t stream) const {
  const std::size_t scale = scale_of(stream), of_ensemble = stream - scale;
  const std::string name = of_scale(kind, options_.scales[scale]);
  return of_ensemble == 0 ? name : fmt::format("{}_network_{}", name, of_ensemble + 1);
}

//! eqs. 1–3.
at::Tensor Msifla::recovery_term(std::size_t scale, const Activations& activations, const LaneBatch& batch) const {
  const at::Tensor& of_hr = activations.tensors[scale * kMsiflaSlots + kOfHr];
  if (!of_hr.defined()) return nothing_to_learn(*ir_[scale]);
  const auto& rates = recipe_.train_rates;
  const auto rate = std::find(rates.begin(), rates.end(), options_.scales[scale]) - rates.begin();
  const at::Tensor target = select_rows(
      options_.scales[scale] == 1 ? batch.hr : batch.copies[static_cast<std::size_t>(rate)], rows_where(batch.has_hr));
  at::Tensor sum = networks::squared_error_loss(of_hr, target);
  for (const at::Tensor& of_copy : activations.tensors[scale * kMsiflaSlots + kOfCopies].split(of_hr.size(0)))
    sum = sum + networks::squared_error_loss(of_copy, target);
  return sum;
}

//! The losses of a stream's parts, of what stands in their slots from `first` on.
template <class LossOf>
at::Tensor Msifla::sum_over_parts(std::size_t stream, std::size_t first, const Activations& activations,
                                  const LossOf& loss_of) const {
  at::Tensor sum;
  for (std::size_t part = 0; part < kParts; ++part) {
    const at::Tensor& of_part = activations.tensors[stream * kMsiflaSlots + first + part];
    if (!of_part.defined()) return nothing_to_learn(reid_of(stream));
    const at::Tensor loss = loss_of(of_part, part);
    sum = sum.defined() ? sum + loss : loss;
  }
  return sum;
}

int Msifla::embedding_size() const {
  return static_cast<int>(static_cast<std::int64_t>(streams()) * kParts *
                          reid_.front()->trunk().channels(networks::kLevels));
}

at::Tensor Msifla::embed(const at::Tensor& images) {
  return evaluated(*root_, [&] {
    const std::vector<at::Tensor> recovered = cascade(images);
    std::vector<at::Tensor> features;
    for (std::size_t stream = 0; stream < streams(); ++stream)
      features.push_back(part_descriptor(reid_of(stream).parts(recovered[scale_of(stream)]), options_.unit_parts));
    return at::cat(features, 1).to(at::kFloat);
  });
}

std::vector<at::Tensor> Msifla::recover(const at::Tensor& images) {
  const at::NoGradGuard no_grad;  // no IR network has a mode
  std::vector<at::Tensor> outputs = cascade(images);
  for (at::Tensor& output : outputs) output = networks::loss_precision(output);
  return outputs;
}

}  // namespace resolute::methods
