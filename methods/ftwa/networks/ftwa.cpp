#include "methods/ftwa/networks/ftwa.h"

#include <map>
#include <utility>
#include <vector>

#include "core/error.h"
#include "networks/nn/initialise.h"
#include "networks/nn/losses.h"
#include "networks/nn/placed.h"

namespace resolute::methods {
namespace {

// The tensors of Activations: each stream's v, f and w of its labelled rows; undefined where an option leaves the
// stream or the network out, f and w also where a network has no row. v of kHr, kCopy and kLr is always there.
// F_HR and T(F'_LR) are of all HR rows; both undefined without a transformation or an HR row.
constexpr std::size_t kVectors = 0, kFtwaLogits = kStreams, kWeights = 2 * kStreams;
constexpr std::size_t kHrMap = 3 * kStreams, kRestoredMap = kHrMap + 1, kFtwaSlots = kRestoredMap + 1;

//! Rows of `first`, then those of `second`, which may be undefined.
at::Tensor united(const at::Tensor& first, const at::Tensor& second) {
  return second.defined() ? at::cat({first, second}) : first;
}

//! One pass of C or W over the vectors of two streams, the second of which may be left out.
template <class Network>
void run(const Network& network, std::size_t slots, FtwaStream first, FtwaStream second, Activations& activations) {
  auto& tensors = activations.tensors;
  const at::Tensor both = united(tensors[kVectors + first], tensors[kVectors + second]);
  if (both.size(0) == 0) return;
  const at::Tensor output = network.forward(both);
  const std::int64_t count = tensors[kVectors + first].size(0);
  tensors[slots + first] = output.narrow(0, 0, count);
  if (tensors[kVectors + second].defined()) tensors[slots + second] = output.narrow(0, count, output.size(0) - count);
}

//! α and β of a weighted mean of two: scalars, or one of each row.
struct Shares {
  at::Tensor first, second;
};

Shares equal_shares(const at::Tensor& like) {
  const at::Tensor half = at::full({}, 0.5, networks::loss_precision(like.detach()).options());
  return {half, half};
}

// The sum divides first: of any equal weights each share is exactly one half.
Shares shares_of(const at::Tensor& first, const at::Tensor& second) {
  const at::Tensor sum = first + second;
  return {first / sum, second / sum};
}

//! α and β of eq. 5 for a pair of streams that has a row.
Shares pair_shares(const Activations& activations, FtwaStream first, FtwaStream second, bool per_sample) {
  const at::Tensor& a = activations.tensors[kWeights + first];
  const at::Tensor& b = activations.tensors[kWeights + second];
  if (!a.defined()) return equal_shares(activations.tensors[kVectors + first]);
  return per_sample ? shares_of(a, b) : shares_of(a.mean(), b.mean());
}

//! A lane may lack the rows of one of two factors: the other then stands alone.
at::Tensor mean_or_one(const at::Tensor& weights) {
  return weights.size(0) == 0 ? at::ones({}, weights.options()) : weights.mean();
}

//! The i-th HR row of an identity with its i-th LR row. On the CPU, as labels are.
struct Pairs {
  at::Tensor hr, lr;        //!< rows of each pair
  at::Tensor of_hr, of_lr;  //!< each row's pair, -1 where it has none
};

Pairs pairs_of(const Streams& labels) {
  const auto values = [](const at::Tensor& tensor) {
    const at::Tensor local = tensor.to(at::kLong).contiguous();
    const auto* begin = local.const_data_ptr<std::int64_t>();
    return std::vector<std::int64_t>(begin, begin + local.numel());
  };
  const std::vector<std::int64_t> hr_labels = values(labels.hr), lr_labels = values(labels.lr);
  std::map<std::int64_t, std::vector<std::size_t>> unpaired;  // LR rows of an identity, the last one first
  for (std::size_t row = lr_labels.size(); row-- > 0;) unpaired[lr_labels[row]].push_back(row);
  std::vector<std::int64_t> hr, lr, of_hr(hr_labels.size(), -1), of_lr(lr_labels.size(), -1);
  for (std::size_t row = 0; row < hr_labels.size(); ++row) {
    const auto found = unpaired.find(hr_labels[row]);
    if (found == unpaired.end() || found->second.empty()) continue;
    const std::size_t partner = found->second.back();
    found->second.pop_back();
    of_hr[row] = of_lr[partner] = static_cast<std::int64_t>(hr.size());
    hr.push_back(static_cast<std::int64_t>(row));
    lr.push_back(static_cast<std::int64_t>(partner));
  }
  const auto made = [](const std::vector<std::int64_t>& rows) { return at::tensor(rows, at::kLong); };
  return {made(hr), made(lr), made(of_hr), made(of_lr)};
}

//! The losses of anchors that have a pair, each times its pair's share.
at::Tensor weighted(const networks::AnchorLosses& anchors, const at::Tensor& pair_of_row, const at::Tensor& shares) {
  const at::Tensor pair = pair_of_row.index_select(0, anchors.anchor);
  const at::Tensor paired = pair.ge(0).nonzero().squeeze(1);
  return anchors.loss.index_select(0, networks::placed(paired, shares.device())) *
         shares.index_select(0, networks::placed(pair.index_select(0, paired), shares.device()));
}

}  // namespace

Ftwa::Ftwa(const FtwaOptions& options, const settings::NetworkSettings& network, const settings::Recipe& recipe,
           int classes, std::uint64_t seed)
    : TrunkMethod(options, network, recipe), triplet_{options.margin, options.mining} {
  lr_encoder_ = root_->register_module("lr_encoder", std::make_shared<networks::ShallowTrunk>(trunk_->shape()));
  const std::int64_t features = trunk_->channels(networks::kLevels);
  if (options.transforms())
    transformation_ = root_->register_module(
        "transformation", std::make_shared<FeatureTransformation>(features, options.transformation_blocks));
  const auto add_classifier = [&](const char* name) {
    return root_->register_module(
        name, std::make_shared<IdentityClassifier>(features, classes, network.neck, NeckBias::kDropped));
  };
  if (options.classification) {
    classifier_hr_ = add_classifier("classifier_hr");
    classifier_lr_ = add_classifier("classifier_lr");
  }
  if (options.weighs()) {
    weight_hr_ = root_->register_module("weight_hr", std::make_shared<QualityEvaluator>(features));
    weight_lr_ = root_->register_module("weight_lr", std::make_shared<QualityEvaluator>(features));
    if (options.weight_normalisation == WeightNormalisation::kRunningMean)
      for (const char* kind : {"hr", "copy", "lr", "transformed"})
        weight_scales_.push_back(
            root_->register_module(fmt::format("weight_scale_{}", kind), std::make_shared<WeightScale>()));
  }
  networks::initialise(*root_, seed);
  networks::copy_weights(*trunk_, *lr_encoder_);
}

Activations Ftwa::forward(const LaneBatch& batch) {
  const StreamRows rows = stream_rows(batch, /*shuffled=*/true);
  const std::int64_t all = batch.has_hr.size(0);
  const std::int64_t hr_count = rows.with_hr ? rows.with_hr->size(0) : all, lr_count = all - hr_count;
  // Copies of the HR rows first, then the LR rows.
  const bool one_kind = hr_count == 0 || lr_count == 0;
  const at::Tensor low =
      one_kind ? batch.lr : at::cat({select_rows(batch.lr, rows.with_hr), select_rows(batch.lr, rows.lr)});
  const at::Tensor low_f2 = lr_encoder_->forward_shallow(low)[1];

  const auto pass = [&](const at::Tensor& maps, at::IntArrayRef rows) {
    return networks::rows_apart(trunk_->forward_deep(maps).back(), rows);
  };
  std::vector<at::Tensor> maps;  // eq. 1: of the HR rows, of their copies and of the LR rows
  if (hr_count == 0) {
    maps = pass(low_f2, {0, 0, lr_count});
  } else {
    const at::Tensor high_f2 = trunk_->forward_shallow(select_rows(batch.hr, rows.with_hr))[1];
    if (joint_) {
      maps = pass(at::cat({high_f2, low_f2}), {hr_count, hr_count, lr_count});
    } else {
      const at::Tensor high = trunk_->forward_deep(high_f2).back();
      maps = pass(low_f2, {hr_count, lr_count});
      maps.insert(maps.begin(), high);
    }
  }
  const at::Tensor &f_hr = maps[0], &f_copy = maps[1], &f_lr = maps[2];

  Activations activations{std::vector<at::Tensor>(kFtwaSlots)};
  auto& slots = activations.tensors;
  slots[kVectors + kHr] = select_rows(pooled(f_hr), rows.labelled_hr);
  slots[kVectors + kCopy] = select_rows(pooled(f_copy), rows.labelled_hr);
  slots[kVectors + kLr] = select_rows(pooled(f_lr), rows.labelled_lr);
  if (transformation_) {
    if (hr_count > 0) slots[kHrMap] = f_hr;
    transform(f_copy, f_lr, activations);
    slots[kVectors + kTransformed] = select_rows(slots[kVectors + kTransformed], rows.labelled_lr);
  }
  if (classifier_hr_) {
    run(*classifier_hr_, kFtwaLogits, kHr, kTransformed, activations);
    run(*classifier_lr_, kFtwaLogits, kLr, kCopy, activations);
  }
  if (weight_hr_) weigh(activations);
  return activations;
}

void Ftwa::weigh(Activations& activations) const {
  run(*weight_hr_, kWeights, kHr, kTransformed, activations);
  run(*weight_lr_, kWeights, kLr, kCopy, activations);
  for (std::size_t stream = 0; stream < weight_scales_.size(); ++stream)
    if (at::Tensor& weights = activations.tensors[kWeights + stream]; weights.defined())
      weights = weight_scales_[stream]->forward(weights);
}

//! eq. 3 and T(F'_LR) of eq. 2, in one pass where both are wanted.
void Ftwa::transform(const at::Tensor& copy, const at::Tensor& lr, Activations& activations) const {
  auto& slots = activations.tensors;
  std::vector<at::Tensor> maps;
  const std::int64_t copies = copy.size(0);
  if (copies > 0) maps.push_back(options_.transformation_detach == Detached::kLr ? copy.detach() : copy);
  if (options_.transformed_losses() && (lr.size(0) > 0 || maps.empty())) maps.push_back(lr);
  if (maps.empty()) return;
  const at::Tensor output = transformation_->forward(maps.size() == 1 ? maps.front() : at::cat(maps));
  // Not rows_apart(): with a gradient that is channels-last oneDNN would sum T's gradients in another order.
  if (copies > 0) slots[kRestoredMap] = output.narrow(0, 0, copies);
  if (options_.transformed_losses()) slots[kVectors + kTransformed] = pooled(output.narrow(0, copies, lr.size(0)));
}

std::vector<LossTerm> Ftwa::losses(std::size_t phase, const Activations& activations, const LaneBatch& batch) {
  RESOLUTE_EXPECT(phase == 0, "ftwa has one phase");
  std::vector<LossTerm> terms;
  if (options_.classification)
    terms.push_back({"classification", options_.classification_weight * classification_term(activations, batch)});
  if (options_.triplet) terms.push_back({"triplet", options_.triplet_weight * triplet_term(activations, batch)});
  if (transformation_)
    terms.push_back({"transformation", options_.transformation_weight * transformation_term(activations)});
  if (weight_hr_ && options_.weight_balance > 0)
    terms.push_back({"weight_balance", options_.weight_balance * balance_term(activations)});
  return terms;
}

//! eq. 5.
at::Tensor Ftwa::classification_term(const Activations& activations, const LaneBatch& batch) const {
  const auto& slots = activations.tensors;
  const auto pair = [&](FtwaStream first, FtwaStream second, const at::Tensor& labels) {
    if (labels.size(0) == 0) return networks::zero_loss(slots[kVectors + first]);
    const auto losses_of = [&](FtwaStream stream) {
      return networks::classification_losses(slots[kFtwaLogits + stream], labels, recipe_.label_smoothing);
    };
    if (!slots[kFtwaLogits + second].defined()) return losses_of(first).mean();
    const Shares shares =
        pair_shares(activations, first, second, options_.classification_weighting == Weighting::kPerSample);
    return (shares.first * losses_of(first) + shares.second * losses_of(second)).mean();
  };
  const Streams labels = stream_labels(batch, stream_rows(batch, /*shuffled=*/true));
  return pair(kHr, kCopy, labels.hr) + pair(kLr, kTransformed, labels.lr);
}

//! eqs. 6 and 7.
at::Tensor Ftwa::triplet_term(const Activations& activations, const LaneBatch& batch) const {
  const auto& slots = activations.tensors;
  const Streams labels = stream_labels(batch, stream_rows(batch, /*shuffled=*/true));
  const bool transformed = slots[kVectors + kTransformed].defined();
  const networks::AnchorLosses high = mined_triplet_losses(
      united(slots[kVectors + kHr], slots[kVectors + kTransformed]),
      united(labels.hr, transformed ? labels.lr : at::Tensor()), triplet_, batch, MiningSite::kHighResolution);
  const networks::AnchorLosses low =
      mined_triplet_losses(united(slots[kVectors + kLr], slots[kVectors + kCopy]), united(labels.lr, labels.hr),
                           triplet_, batch, MiningSite::kLowResolution);
  const auto &w_hr = slots[kWeights + kHr], &w_copy = slots[kWeights + kCopy], &w_lr = slots[kWeights + kLr],
             &w_transformed = slots[kWeights + kTransformed];
  if (weight_hr_ && w_hr.defined() && options_.triplet_weighting == Weighting::kPerSample) {
    const Pairs pairs = pairs_of(labels);
    const at::Tensor hr = networks::placed(pairs.hr, w_hr.device()), lr = networks::placed(pairs.lr, w_hr.device());
    const Shares shares = shares_of(w_hr.index_select(0, hr) * w_transformed.index_select(0, lr),
                                    w_lr.index_select(0, lr) * w_copy.index_select(0, hr));
    const at::Tensor of_high = at::cat({pairs.of_hr, pairs.of_lr}), of_low = at::cat({pairs.of_lr, pairs.of_hr});
    return reduce_triplet_losses(weighted(high, of_high, shares.first), triplet_) +
           reduce_triplet_losses(weighted(low, of_low, shares.second), triplet_);
  }
  // w undefined: no weighting, or no row with a label and with it no anchor.
  const Shares shares = w_hr.defined() ? shares_of(mean_or_one(w_hr) * mean_or_one(w_transformed),
                                                   mean_or_one(w_lr) * mean_or_one(w_copy))
                                       : equal_shares(slots[kVectors + kLr]);
  return shares.first * reduce_triplet_losses(high.loss, triplet_) +
         shares.second * reduce_triplet_losses(low.loss, triplet_);
}

//! eq. 2.
at::Tensor Ftwa::transformation_term(const Activations& activations) const {
  const at::Tensor& target = activations.tensors[kHrMap];
  if (!target.defined()) return networks::zero_loss(activations.tensors[kVectors + kLr]);
  return networks::reconstruction_loss(activations.tensors[kRestoredMap],
                                       options_.transformation_detach == Detached::kHr ? target.detach() : target);
}

//! DEVIATION (option weight_balance): 0 where a pair's weights are equal.
at::Tensor Ftwa::balance_term(const Activations& activations) const {
  const auto& slots = activations.tensors;
  std::vector<at::Tensor> rows;
  for (const auto& [first, second] : {std::pair(kHr, kCopy), std::pair(kLr, kTransformed)}) {
    const std::int64_t count = slots[kVectors + first].size(0);
    if (count == 0) continue;
    const Shares shares =
        pair_shares(activations, first, second, options_.classification_weighting == Weighting::kPerSample);
    rows.push_back((-0.5 * (4 * shares.first * shares.second).log()).expand({count}));
  }
  return rows.empty() ? networks::zero_loss(slots[kVectors + kLr]) : at::cat(rows).mean();
}

}  // namespace resolute::methods
