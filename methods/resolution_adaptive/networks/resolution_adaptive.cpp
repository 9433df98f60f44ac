#include "methods/resolution_adaptive/networks/resolution_adaptive.h"

#include <algorithm>
#include <numeric>
#include <string>

#include "core/error.h"
#include "networks/nn/folded_backbone.h"
#include "networks/nn/initialise.h"
#include "networks/nn/losses.h"
#include "networks/nn/placed.h"
#include "networks/nn/recorded_passes.h"
#include "networks/onnx/graph.h"

namespace resolute::methods {
namespace {

// The tensors of Activations, of the labelled HR images and then of all labelled rows' LR images; undefined where
// no row has a label, logits without classification too.
enum AdaptiveSlot : std::size_t { kRepresentation, kAdaptiveLogits, kAdaptiveSlots };

constexpr const char *kMasks = "masks", *kMask = "mask_", *kMaskModules = "masks.";

//! Rows of a batch that stand in a step: as HR images, as LR images.
struct AdaptiveRows {
  Rows hr, lr;
};

AdaptiveRows adaptive_rows_of(const LaneBatch& batch) {
  return {rows_where(batch.has_label.defined() ? batch.has_hr.logical_and(batch.has_label) : batch.has_hr),
          rows_where(batch.has_label)};
}

//! \param rates N int64 on the CPU
at::Tensor levels_of_rates(const std::vector<int>& level_rates, const at::Tensor& rates) {
  at::Tensor levels = rates.clone(at::MemoryFormat::Contiguous);
  auto* values = levels.mutable_data_ptr<std::int64_t>();
  std::transform(values, values + levels.numel(), values,
                 [&](std::int64_t rate) { return level_of_rate(level_rates, static_cast<int>(rate)); });
  return levels;
}

}  // namespace

ResolutionAdaptive::ResolutionAdaptive(const ResolutionAdaptiveOptions& options,
                                       const settings::NetworkSettings& network, const settings::Recipe& recipe,
                                       int classes, std::uint64_t seed)
    : TrunkMethod(options, network, recipe) {
  if (options.masks != Masks::kOff)
    masks_ = root_->register_module(kMasks, std::make_shared<ResolutionMasks>(trunk_->shape(), options));
  masked_trunk_.register_module("trunk", trunk_);
  if (masks_) masked_trunk_.register_module(kMasks, masks_);
  if (options.masks == Masks::kProgressive) {
    const auto count = static_cast<int>(masks_->size());
    stage_steps_ = stage_steps(options, count, recipe.steps);
    if (stage_steps_ < 1)
      throw core::input_error(fmt::format("{} steps for {} progressive masks", recipe.steps, count),
                              "each needs a step, and so does the training before the first",
                              fmt::format("set steps to at least {}, or masks to 'joint'", count + 1));
    stage_ = root_->register_buffer("stage", at::zeros({}, at::kLong));
    stage_iteration_ = root_->register_buffer("stage_iteration", at::zeros({}, at::kLong));
    frozen_ = root_->register_buffer("frozen", at::zeros({count}, at::kBool));
  }
  const std::int64_t size = std::accumulate(options.widths.begin(), options.widths.end(), std::int64_t{0});
  const auto linear = [&](const char* name, std::int64_t in, std::int64_t out) {
    return root_->register_module(name, std::make_shared<networks::Linear>(in, out));
  };
  embedding_ = linear("embedding", trunk_->channels(networks::kLevels), size);
  if (options.classification) {
    for (std::size_t k = 0; network.neck && k < options.widths.size(); ++k)
      necks_.push_back(root_->register_module(fmt::format("neck_{}", k + 1),
                                              std::make_shared<networks::BatchNorm>(options.widths[k])));
    classifier_ = linear("classifier", size, classes);
  }
  if (options.verification) {
    verification_1_ = linear("verification_1", size, options.verification_width);
    verification_2_ = linear("verification_2", options.verification_width, 1);
  }
  networks::initialise(*root_, seed);
}

std::vector<ParameterGroup> ResolutionAdaptive::parameter_groups() {
  const OptimiserOptions optimiser = optimiser_options(recipe_);
  std::vector<ParameterGroup> groups{{kNetworks, parameters_of(*root_, kMaskModules, /*inverse=*/true), optimiser}};
  if (!masks_) return groups;
  OptimiserOptions of_masks = optimiser;
  of_masks.learning_rate = options_.mask_learning_rate;
  of_masks.weight_decay = 0;
  if (options_.masks == Masks::kJoint) {
    groups.push_back({kMasks, parameters_of(*root_, kMaskModules, /*inverse=*/false), of_masks});
    return groups;
  }
  const std::size_t count = masks_->size();
  for (std::size_t mask = 0; mask < count; ++mask) {
    const std::string& name = masks_->name(mask);
    ParameterGroup& group = groups.emplace_back();
    group.name = kMask + name;
    group.kind = kMasks;
    group.parameters = parameters_of(*root_, kMaskModules + name + ".", /*inverse=*/false);
    group.optimiser = of_masks;
    const std::size_t stage = count - mask;
    group.first_step = stage * static_cast<std::uint64_t>(stage_steps_);
    if (stage < count) group.end_step = group.first_step + static_cast<std::uint64_t>(stage_steps_);
  }
  return groups;
}

std::vector<Phase> ResolutionAdaptive::phases() const {
  Phase phase{kNetworks, {kNetworks}};
  if (options_.masks == Masks::kJoint) phase.groups.emplace_back(kMasks);
  for (std::size_t mask = 0; options_.masks == Masks::kProgressive && mask < masks_->size(); ++mask)
    phase.groups.push_back(kMask + masks_->name(mask));
  return {phase};
}

ActingMasks ResolutionAdaptive::acting_masks(int stage) const {
  if (!masks_) return {};
  const std::size_t count = masks_->size();
  if (!stage_.defined()) return {0, count};
  const std::size_t first = count - static_cast<std::size_t>(stage);
  return {first, std::min(first + 1, count)};
}

ActingMasks ResolutionAdaptive::acting_masks() const {
  return acting_masks(stage_.defined() ? static_cast<int>(stage_.item<std::int64_t>()) : 0);
}

void ResolutionAdaptive::enter_stage(const MaskStage& stage) {
  const at::NoGradGuard no_grad;
  stage_.fill_(stage.stage);
  stage_iteration_.fill_(static_cast<std::int64_t>(stage.iteration));
  const auto first = static_cast<std::int64_t>(acting_masks(stage.stage).frozen);
  frozen_.fill_(false);
  frozen_.narrow(0, first, frozen_.size(0) - first).fill_(true);
}

Activations ResolutionAdaptive::forward(const LaneBatch& batch) {
  ActingMasks acting;
  if (stage_.defined() && root_->is_training()) {
    const auto stage = mask_stage(batch.step, static_cast<int>(masks_->size()), stage_steps_);
    enter_stage(stage);
    acting = acting_masks(stage.stage);  // not read back from a GPU
  } else {
    acting = acting_masks();
  }
  RESOLUTE_EXPECT(batch.lr_rates.defined(), "the rate of each LR image is known");
  const AdaptiveRows rows = adaptive_rows_of(batch);
  const at::Tensor hr = select_rows(batch.hr, rows.hr), lr = select_rows(batch.lr, rows.lr);
  const at::Tensor hr_levels = at::full({hr.size(0)}, levels(), at::kLong),
                   lr_levels = levels_of_rates(options_.level_rates, select_rows(batch.lr_rates, rows.lr));
  Activations activations{std::vector<at::Tensor>(kAdaptiveSlots)};
  if (lr.size(0) == 0) return activations;
  std::vector<Output> outputs;
  if (hr.size(0) == 0) {
    outputs.push_back(run(lr, lr_levels, acting));
  } else if (joint_) {
    outputs.push_back(run(at::cat({hr, lr}), at::cat({hr_levels, lr_levels}), acting));
  } else {
    outputs.push_back(run(hr, hr_levels, acting));
    outputs.push_back(run(lr, lr_levels, acting));
  }
  const auto joined = [&](const auto& member) {
    return outputs.size() == 1 ? member(outputs.front()) : at::cat({member(outputs.front()), member(outputs.back())});
  };
  activations.tensors[kRepresentation] = joined([](const Output& output) { return output.representation; });
  if (classifier_) activations.tensors[kAdaptiveLogits] = joined([](const Output& output) { return output.logits; });
  return activations;
}

ResolutionAdaptive::Output ResolutionAdaptive::run(const at::Tensor& images, const at::Tensor& levels,
                                                   ActingMasks acting) const {
  std::vector<at::Tensor> inputs{images};
  if (masks_) inputs.push_back(one_hot_levels(levels, this->levels(), embedding_->weight));
  const auto pass = [&](const std::vector<at::Tensor>& arguments) -> std::vector<at::Tensor> {
    return {trunk_->forward(arguments[0], masks_ ? masks_->after_block(arguments[1], acting) : networks::AfterBlock{})
                .back()};
  };
  const at::Tensor f5 =
      networks::recorded(masked_trunk_, "whole", inputs, pass, static_cast<int>(acting.first)).front();
  Output output{representation(networks::with_channels_last_gradient(f5), levels), {}};
  if (classifier_) output.logits = classifier_->forward(necked(output.representation, levels));
  return output;
}

//! z.
at::Tensor ResolutionAdaptive::representation(const at::Tensor& f5, const at::Tensor& levels) const {
  at::Tensor v = networks::loss_precision(embedding_->forward(pooled(f5)));
  if (!options_.varying_length) return v;
  at::Tensor lengths = at::zeros(levels.sizes(), at::kLong);
  for (int level = 1; level <= this->levels(); ++level)
    lengths.masked_fill_(levels.eq(level), compared_dimensions(level));
  return zero_padded(v, lengths);
}

//! The classifier's input. A sub-vector's statistics are of the images that have it: of the others it would see
//! zeros.
at::Tensor ResolutionAdaptive::necked(const at::Tensor& representation, const at::Tensor& levels) const {
  if (necks_.empty()) return representation;
  std::vector<at::Tensor> parts;
  std::int64_t first = 0;
  for (std::size_t k = 0; k < necks_.size(); ++k) {
    const at::Tensor part = representation.narrow(1, first, options_.widths[k]);
    first += options_.widths[k];
    const Rows rows = options_.varying_length ? rows_where(levels.gt(static_cast<std::int64_t>(k))) : std::nullopt;
    const at::Tensor normalised = necks_[k]->forward(select_rows(part, rows));
    parts.push_back(rows ? at::zeros_like(part).index_copy(0, networks::placed(*rows, part.device()), normalised)
                         : normalised);
  }
  return at::cat(parts, 1);
}

std::vector<LossTerm> ResolutionAdaptive::losses(std::size_t phase, const Activations& activations,
                                                 const LaneBatch& batch) {
  RESOLUTE_EXPECT(phase == 0, "resolution_adaptive has one phase");
  const at::Tensor& z = activations.tensors[kRepresentation];
  const AdaptiveRows rows = adaptive_rows_of(batch);
  const at::Tensor labels = at::cat({select_rows(batch.labels, rows.hr), select_rows(batch.labels, rows.lr)});
  const at::Tensor nothing = networks::zero_loss(root_->parameters().front());
  std::vector<LossTerm> terms;
  if (options_.classification)
    terms.push_back({"classification", z.defined() ? networks::classification_loss(activations.tensors[kAdaptiveLogits],
                                                                                   labels, recipe_.label_smoothing)
                                                   : nothing});
  if (options_.verification)
    terms.push_back({"verification", z.defined() ? verification_term(z, labels, batch) : nothing});
  return terms;
}

at::Tensor ResolutionAdaptive::verification_term(const at::Tensor& representation, const at::Tensor& labels,
                                                 const LaneBatch& batch) const {
  core::RandomStream stream("mining", {batch.seed, batch.step, static_cast<std::uint64_t>(batch.lane),
                                       static_cast<std::uint64_t>(MiningSite::kHighResolution)});
  const networks::Triplets drawn = networks::sample_triplets(labels, stream);
  if (drawn.anchor.size(0) == 0) return networks::zero_loss(representation);
  const auto chosen = [&](const at::Tensor& rows) {
    return representation.index_select(0, networks::placed(rows, representation.device()));
  };
  const at::Tensor anchor = chosen(drawn.anchor);
  const at::Tensor differences = at::cat({anchor - chosen(drawn.positive), anchor - chosen(drawn.negative)});
  return options_.verification_weight *
         verification_loss(verification_logits(*verification_1_, *verification_2_, differences));
}

at::Tensor ResolutionAdaptive::embed(const at::Tensor& images) {
  const at::Tensor levels = at::full({images.size(0)}, this->levels(), at::kLong);
  return evaluated(*root_, [&] {
    networks::AfterBlock after;
    if (masks_) after = masks_->after_block(one_hot_levels(levels, this->levels(), embedding_->weight), acting_masks());
    return representation(trunk_->forward(images, after).back(), levels).to(at::kFloat);
  });
}

std::vector<MaskValues> ResolutionAdaptive::mask_values() const {
  std::vector<MaskValues> found;
  if (!masks_) return found;
  for (std::size_t mask = acting_masks().first; mask < masks_->size(); ++mask) {
    const at::Tensor values = masks_->values(mask);
    for (int level = 1; level <= levels(); ++level) {
      const at::Tensor row = values[level - 1];
      const float* from = row.const_data_ptr<float>();
      found.push_back({masks_->name(mask), level, {from, from + row.numel()}});
    }
  }
  return found;
}

Embedder ResolutionAdaptive::embedder(const EmbedderOptions& options) {
  const int level = options.level == 0 ? levels() : options.level;
  const std::int64_t compared = compared_dimensions(level), columns = embedding_size();
  const auto trunk = std::make_shared<networks::FoldedBackbone>(
      *trunk_, options.precision, options.height, options.width,
      masks_ ? masks_->scales(level, acting_masks()) : std::vector<at::Tensor>{});
  // float32 whatever the precision, as f5's mean is.
  const auto embedding = networks::copied(
      *embedding_, std::make_shared<networks::Linear>(trunk_->channels(networks::kLevels), columns), at::kFloat);
  return [=](const at::Tensor& images) {
    return trunk->apply(images, columns, [&](const at::Tensor& f5) {
      at::Tensor z = embedding->forward(pooled(f5));
      z.narrow(1, compared, columns - compared).zero_();
      return z;
    });
  };
}

std::string ResolutionAdaptive::embedder_graph(networks::onnx::Graph& graph, Side /*side*/, int level) const {
  const int level_of_images = level == 0 ? levels() : level;
  const networks::onnx::Map f5 = graph.trunk(
      *trunk_, graph.images(), masks_ ? masks_->scales(level_of_images, acting_masks()) : std::vector<at::Tensor>{});
  // Dimensions beyond the level's are zeros: so are their weights.
  const std::int64_t compared = compared_dimensions(level_of_images), columns = embedding_size();
  const at::Tensor weight = embedding_->weight.detach().clone(), bias = embedding_->bias.detach().clone();
  weight.narrow(0, compared, columns - compared).zero_();
  bias.narrow(0, compared, columns - compared).zero_();
  return graph.linear(graph.mean(f5), weight, bias);
}

}  // namespace resolute::methods
