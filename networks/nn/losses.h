#pragma once
//! \file
//! The losses that methods share. Each takes features or logits of any floating type, computes in float32 (float64
//! stays float64) and yields a scalar with a graph; over no rows it is exactly 0, never 0/0, and its gradient is 0.

#include "core/random/random.h"
#include "networks/torch.h"

namespace resolute::networks {

//! Half and bfloat16 become float32; float32 and float64 stay.
at::Tensor loss_precision(const at::Tensor& tensor);

//! The scalar 0 that hangs in the graph of `tensor` and sends it zero gradients, even where `tensor` is not finite.
at::Tensor zero_loss(const at::Tensor& tensor);

//! Mean cross-entropy of N×C logits with N int64 labels. \param smoothing share of a label's probability spread evenly
//! over all C (Szegedy et al., CVPR 2016, §7), 0 to below 1
at::Tensor classification_loss(const at::Tensor& logits, const at::Tensor& labels, double smoothing = 0);

//! The same row by row, before the mean: N.
at::Tensor classification_losses(const at::Tensor& logits, const at::Tensor& labels, double smoothing = 0);

//! Mean absolute difference of two tensors of the same shape.
at::Tensor reconstruction_loss(const at::Tensor& image, const at::Tensor& target);

//! Mean squared difference of two tensors of the same shape.
at::Tensor squared_error_loss(const at::Tensor& image, const at::Tensor& target);

//! E[log D(hr)] + E[log(1 − D(lr))] over every cell of the two maps of logits, D = sigmoid(logit); at most 0. A
//! discriminator maximises it (RAIN, eq. 1; Goodfellow et al., NIPS 2014).
at::Tensor adversarial_value(const at::Tensor& hr_logits, const at::Tensor& lr_logits);

//! −E[log D(lr)]: what a generator minimises instead where the value above saturates (Goodfellow et al., §3).
at::Tensor non_saturating_loss(const at::Tensor& lr_logits);

//! Rows of a batch, int64, anchors on the CPU, the others there or on the features' device: T anchors, each with one
//! positive (same label, another row) and one negative. Rows without either are no anchors.
struct Triplets {
  at::Tensor anchor, positive, negative;
};

//! One positive and one negative drawn uniformly for each anchor, rows in order, the positive first.
//! Draws: below(number of positives), below(number of negatives), both counted in row order.
Triplets sample_triplets(const at::Tensor& labels, core::RandomStream& stream);

//! For each anchor the farthest positive and the nearest negative; of equals, the first row. On a GPU nobody waits for
//! the distances: what comes back lies there.
//! Source: Hermans et al., "In Defense of the Triplet Loss for Person Re-Identification", 2017.
Triplets hardest_triplets(const at::Tensor& labels, const at::Tensor& features);

//! [margin + ‖a − p‖₂ − ‖a − n‖₂]₊ of each triplet of N×D features: T. The gradient is 0, not NaN, at distance 0.
at::Tensor triplet_losses(const at::Tensor& features, const Triplets& triplets, double margin);

//! Losses of triplets by the row that is their anchor.
struct AnchorLosses {
  at::Tensor anchor;  //!< int64 rows, ascending, on the CPU; one may stand there several times
  at::Tensor loss;    //!< of the same length
};

//! Every triplet there is: an entry for each pair of an anchor and a positive, the sum of its hinges over all
//! negatives. Their sum is eq. 6 of Zhang et al. (FTWA). Rows without a positive have no entry; without a negative the
//! entry is 0.
AnchorLosses all_triplet_losses(const at::Tensor& features, const at::Tensor& labels, double margin);

}  // namespace resolute::networks
