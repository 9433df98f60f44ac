#include "methods/networks/streams.h"

#include <algorithm>

#include "networks/nn/layers.h"

namespace resolute::methods {

StreamRows stream_rows(const LaneBatch& batch, bool shuffled) {
  StreamRows rows;
  rows.with_hr = rows_where(batch.has_hr);
  if (shuffled) rows.lr = rows_where(batch.has_hr.logical_not());
  rows.labelled_hr = rows_where(select_rows(batch.has_label, rows.with_hr));
  rows.labelled_lr = rows_where(select_rows(batch.has_label, rows.lr));
  rows.aimed_lr = rows_where(select_rows(batch.has_target.defined() ? batch.has_target : batch.has_hr, rows.lr));
  return rows;
}

Streams stream_labels(const LaneBatch& batch, const StreamRows& rows) {
  return {select_rows(select_rows(batch.labels, rows.with_hr), rows.labelled_hr),
          select_rows(select_rows(batch.labels, rows.lr), rows.labelled_lr)};
}

std::vector<Streams> through_streams(const std::vector<Streams>& inputs, bool joint, const StreamPass& pass) {
  const std::int64_t hr_rows = inputs.front().hr.size(0), lr_rows = inputs.front().lr.size(0);
  std::vector<Streams> outputs;
  if (joint || hr_rows == 0 || lr_rows == 0) {
    std::vector<at::Tensor> together;
    for (const Streams& input : inputs) together.push_back(at::cat({input.hr, input.lr}));
    for (const at::Tensor& both : pass(together)) {
      const std::vector<at::Tensor> streams = networks::rows_apart(both, {hr_rows, lr_rows});
      outputs.push_back({streams[0], streams[1]});
    }
    return outputs;
  }
  std::vector<at::Tensor> hr, lr;
  for (const Streams& input : inputs) {
    hr.push_back(input.hr);
    lr.push_back(input.lr);
  }
  const std::vector<at::Tensor> of_hr = pass(hr), of_lr = pass(lr);
  for (std::size_t i = 0; i < of_hr.size(); ++i) outputs.push_back({of_hr[i], of_lr[i]});
  return outputs;
}

at::Tensor stream_classification(const Streams& logits, const Streams& labels, double label_smoothing) {
  return networks::classification_loss(logits.hr, labels.hr, label_smoothing) +
         networks::classification_loss(logits.lr, labels.lr, label_smoothing);
}

at::Tensor stream_triplets(const Streams& features, const Streams& labels, const TripletSettings& settings,
                           const LaneBatch& batch) {
  return mined_triplet_loss(features.hr, labels.hr, settings, batch, MiningSite::kHighResolution) +
         mined_triplet_loss(features.lr, labels.lr, settings, batch, MiningSite::kLowResolution);
}

at::Tensor stream_reconstruction(const Streams& made, const LaneBatch& batch, const StreamRows& rows) {
  const at::Tensor hr_target = select_rows(batch.hr, rows.with_hr);
  const bool same = !rows.lr && !batch.has_target.defined();  // images and their own copies alone
  const at::Tensor lr_target = same ? hr_target : select_rows(select_rows(batch.hr, rows.lr), rows.aimed_lr);
  return networks::reconstruction_loss(made.hr, hr_target) + networks::reconstruction_loss(made.lr, lr_target);
}

std::vector<ParameterGroup> game_groups(const torch::nn::Module& module, const settings::Recipe& recipe) {
  std::vector<ParameterGroup> groups{
      {kNetworks, parameters_of(module, kDiscriminatorPrefix, /*inverse=*/true), optimiser_options(recipe)}};
  // UNSTATED: optimisers → Adam; D with betas (0.5, 0.999), without weight decay, on the schedule of the others so that
  // the balance of the game stays.
  const auto is_opponent = [](const auto& module) { return module.key().starts_with(kDiscriminatorPrefix); };
  if (std::ranges::any_of(module.named_children(), is_opponent))  // with none to learn, if all are frozen
    groups.push_back({kDiscriminators, parameters_of(module, kDiscriminatorPrefix, /*inverse=*/false),
                      OptimiserOptions{.learning_rate = recipe.discriminator_learning_rate,
                                       .beta1 = 0.5,
                                       .gradient_clip = recipe.gradient_clip}});
  return groups;
}

}  // namespace resolute::methods
