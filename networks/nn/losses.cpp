#include "networks/nn/losses.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "core/error.h"
#include "networks/nn/placed.h"

namespace resolute::networks {
namespace {

// cdist's mode without the |a|² + |b|² − 2ab form, which loses small distances.
constexpr std::int64_t kDifferences = 2;

// The label that libtorch's cross-entropy leaves out by default; none of ours is negative.
constexpr std::int64_t kIgnoredLabel = -100;

//! Mean, or an exact 0 over nothing.
at::Tensor mean_or_zero(const at::Tensor& values) { return values.numel() == 0 ? values.sum() : values.mean(); }

std::vector<std::int64_t> to_vector(const at::Tensor& labels) {
  RESOLUTE_EXPECT(labels.is_cpu(), "labels stay with the host, which mines by them");
  const at::Tensor local = labels.to(at::kLong).contiguous();
  std::span<const std::int64_t> values(local.const_data_ptr<std::int64_t>(), static_cast<std::size_t>(local.numel()));
  return {values.begin(), values.end()};
}

class TripletBuilder {
 public:
  void add(std::size_t anchor, std::size_t positive, std::size_t negative) {
    anchor_.push_back(static_cast<std::int64_t>(anchor));
    positive_.push_back(static_cast<std::int64_t>(positive));
    negative_.push_back(static_cast<std::int64_t>(negative));
  }
  Triplets build() const {
    return {at::tensor(anchor_, at::kLong), at::tensor(positive_, at::kLong), at::tensor(negative_, at::kLong)};
  }

 private:
  std::vector<std::int64_t> anchor_, positive_, negative_;
};

// Rows that have a positive and a negative.
std::vector<std::int64_t> anchors_of(const std::vector<std::int64_t>& labels) {
  std::vector<std::int64_t> anchors;
  for (std::size_t row = 0; row < labels.size(); ++row) {
    const auto same = static_cast<std::size_t>(std::count(labels.begin(), labels.end(), labels[row]));
    if (same > 1 && same < labels.size()) anchors.push_back(static_cast<std::int64_t>(row));
  }
  return anchors;
}

// If several are equal, argmax and argmin take the first, too.
Triplets hardest_on_device(const at::Tensor& labels, const std::vector<std::int64_t>& values,
                           const at::Tensor& distance) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const std::vector<std::int64_t> anchors = anchors_of(values);
  if (anchors.empty()) return TripletBuilder().build();  // argmax takes no row without a column
  const at::Tensor anchor = at::tensor(anchors, at::kLong), rows = placed(anchor, distance.device());
  const at::Tensor identities = placed(labels.to(at::kLong), distance.device());
  const at::Tensor other = identities.unsqueeze(1).ne(identities.unsqueeze(0));
  const at::Tensor positive = distance.masked_fill(other, -kInfinity).fill_diagonal_(-kInfinity).argmax(1);
  const at::Tensor negative = distance.masked_fill(other.logical_not(), kInfinity).argmin(1);
  return {anchor, positive.index_select(0, rows), negative.index_select(0, rows)};
}

}  // namespace

at::Tensor loss_precision(const at::Tensor& tensor) {
  const bool narrow = tensor.scalar_type() == at::kBFloat16 || tensor.scalar_type() == at::kHalf;
  return narrow ? tensor.to(at::kFloat) : tensor;
}

at::Tensor zero_loss(const at::Tensor& tensor) { return loss_precision(tensor.slice(0, 0, 0)).sum(); }

at::Tensor classification_loss(const at::Tensor& logits, const at::Tensor& labels, double smoothing) {
  if (labels.size(0) == 0) return zero_loss(logits);
  return at::cross_entropy_loss(loss_precision(logits), placed(labels, logits.device()), {}, at::Reduction::Mean,
                                kIgnoredLabel, smoothing);
}

at::Tensor classification_losses(const at::Tensor& logits, const at::Tensor& labels, double smoothing) {
  if (labels.size(0) == 0) return loss_precision(logits).sum(1);
  return at::cross_entropy_loss(loss_precision(logits), placed(labels, logits.device()), {}, at::Reduction::None,
                                kIgnoredLabel, smoothing);
}

at::Tensor reconstruction_loss(const at::Tensor& image, const at::Tensor& target) {
  RESOLUTE_EXPECT(image.sizes() == target.sizes(), "an image is compared with a target of its shape");
  at::Tensor wide = loss_precision(image);
  return mean_or_zero((wide - target.to(wide.scalar_type())).abs());
}

at::Tensor squared_error_loss(const at::Tensor& image, const at::Tensor& target) {
  RESOLUTE_EXPECT(image.sizes() == target.sizes(), "an image is compared with a target of its shape");
  const at::Tensor wide = loss_precision(image);
  return at::mse_loss(wide, target.to(wide.scalar_type()),
                      image.numel() == 0 ? at::Reduction::Sum : at::Reduction::Mean);
}

at::Tensor adversarial_value(const at::Tensor& hr_logits, const at::Tensor& lr_logits) {
  return mean_or_zero(at::log_sigmoid(loss_precision(hr_logits))) +
         mean_or_zero(at::log_sigmoid(-loss_precision(lr_logits)));
}

at::Tensor non_saturating_loss(const at::Tensor& lr_logits) {
  return -mean_or_zero(at::log_sigmoid(loss_precision(lr_logits)));
}

Triplets sample_triplets(const at::Tensor& labels, core::RandomStream& stream) {
  const std::vector<std::int64_t> values = to_vector(labels);
  TripletBuilder triplets;
  for (std::size_t anchor = 0; anchor < values.size(); ++anchor) {
    std::vector<std::size_t> positives, negatives;
    for (std::size_t row = 0; row < values.size(); ++row) {
      if (values[row] != values[anchor])
        negatives.push_back(row);
      else if (row != anchor)
        positives.push_back(row);
    }
    if (positives.empty() || negatives.empty()) continue;
    const std::size_t positive = positives[stream.below(positives.size())];
    triplets.add(anchor, positive, negatives[stream.below(negatives.size())]);
  }
  return triplets.build();
}

Triplets hardest_triplets(const at::Tensor& labels, const at::Tensor& features) {
  at::NoGradGuard no_grad;
  const std::vector<std::int64_t> values = to_vector(labels);
  at::Tensor wide = loss_precision(features.detach());
  at::Tensor distance = at::cdist(wide, wide, 2.0, kDifferences);
  if (!distance.is_cpu()) return hardest_on_device(labels, values, distance);
  distance = distance.to(at::kDouble).contiguous();
  const double* rows = distance.const_data_ptr<double>();
  TripletBuilder triplets;
  for (std::size_t anchor = 0; anchor < values.size(); ++anchor) {
    const double* to = rows + anchor * values.size();
    std::size_t positive = anchor, negative = anchor;  // the anchor itself: none found yet
    for (std::size_t row = 0; row < values.size(); ++row) {
      if (values[row] != values[anchor]) {
        if (negative == anchor || to[row] < to[negative]) negative = row;
      } else if (row != anchor) {
        if (positive == anchor || to[row] > to[positive]) positive = row;
      }
    }
    if (positive != anchor && negative != anchor) triplets.add(anchor, positive, negative);
  }
  return triplets.build();
}

at::Tensor triplet_losses(const at::Tensor& features, const Triplets& triplets, double margin) {
  at::Tensor wide = loss_precision(features);
  at::Tensor anchor = wide.index_select(0, placed(triplets.anchor, wide.device()));
  // linalg_vector_norm's gradient is 0 at the zero vector; that of a square root of a sum of squares is 0 · ∞.
  auto distance = [&](const at::Tensor& other) {
    return at::linalg_vector_norm(anchor - wide.index_select(0, placed(other, wide.device())), 2, at::IntArrayRef{1});
  };
  return (margin + distance(triplets.positive) - distance(triplets.negative)).clamp_min(0);
}

AnchorLosses all_triplet_losses(const at::Tensor& features, const at::Tensor& labels, double margin) {
  const std::vector<std::int64_t> values = to_vector(labels);
  const auto rows = static_cast<std::int64_t>(values.size());
  std::vector<std::int64_t> anchors, pairs;  // a pair by its place in the matrix of distances
  for (std::int64_t anchor = 0; anchor < rows; ++anchor)
    for (std::int64_t row = 0; row < rows; ++row)
      if (row != anchor && values[static_cast<std::size_t>(row)] == values[static_cast<std::size_t>(anchor)]) {
        anchors.push_back(anchor);
        pairs.push_back(anchor * rows + row);
      }
  const at::Tensor anchor = at::tensor(anchors, at::kLong);
  at::Tensor wide = loss_precision(features);
  if (anchors.empty()) return {anchor, wide.slice(0, 0, 0).sum(1)};
  // Its gradient is deterministic on GPUs too: a buffer of every pair's share, then a sum.
  const at::Tensor distance = at::cdist(wide, wide, 2.0, kDifferences);
  const at::Tensor to_positive =
      distance.flatten().index_select(0, placed(at::tensor(pairs, at::kLong), distance.device()));
  const at::Tensor to_any = distance.index_select(0, placed(anchor, distance.device()));
  const at::Tensor of_other =
      placed(labels.index_select(0, anchor).unsqueeze(1).ne(labels.unsqueeze(0)), distance.device());
  return {anchor,
          ((margin + to_positive.unsqueeze(1) - to_any).clamp_min(0) * of_other.to(to_any.scalar_type())).sum(1)};
}

}  // namespace resolute::networks
