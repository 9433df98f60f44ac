#pragma once
//! \file
//! Shared by methods whose batch is two streams: HR images, and LR images, some of them copies of the former; and by
//! those of them that play a game against discriminators.

#include <functional>
#include <vector>

#include "methods/networks/identity_terms.h"

namespace resolute::methods {

//! The same of the HR stream's rows and of the LR stream's: a network's output, labels.
struct Streams {
  at::Tensor hr, lr;
};

//! The rows of a batch by where they belong.
struct StreamRows {
  Rows with_hr;      //!< of the batch: the HR stream
  Rows lr;           //!< of the batch: the LR stream
  Rows labelled_hr;  //!< of the HR stream
  Rows labelled_lr;  //!< of the LR stream
  Rows aimed_lr;     //!< of the LR stream: with a reconstruction target
};
//! \param shuffled the LR stream has the rows without an HR image alone (Pairing::kShuffled), or every row
StreamRows stream_rows(const LaneBatch& batch, bool shuffled);
//! Labels of the labelled rows.
Streams stream_labels(const LaneBatch& batch, const StreamRows& rows);

//! A network's maps of some images, one tensor each for the inputs that it takes.
using StreamPass = std::function<std::vector<at::Tensor>(const std::vector<at::Tensor>& inputs)>;
//! Both streams through a network. UNSTATED in the papers: whether HR and LR images share a batch-norm batch → one pass
//! over both (joint), or one each. A stream without rows passes with the other.
//! \param inputs at least one, all of as many rows
std::vector<Streams> through_streams(const std::vector<Streams>& inputs, bool joint, const StreamPass& pass);

//! Sums of both streams' losses: of labelled rows, triplets within each stream.
at::Tensor stream_classification(const Streams& logits, const Streams& labels, double label_smoothing);
at::Tensor stream_triplets(const Streams& features, const Streams& labels, const TripletSettings& settings,
                           const LaneBatch& batch);
//! The same of images made of the HR stream and of the aimed rows of the LR stream. UNSTATED: the scale of ‖·‖₁ → mean
//! over elements.
at::Tensor stream_reconstruction(const Streams& made, const LaneBatch& batch, const StreamRows& rows);

//! The name of a group and of its phase. All modules of discriminators, and no others, have names with the prefix.
constexpr const char* kDiscriminators = "discriminators";
constexpr const char* kDiscriminatorPrefix = "discriminator_";
//! The networks, and the discriminators if there are some.
std::vector<ParameterGroup> game_groups(const torch::nn::Module& module, const settings::Recipe& recipe);

}  // namespace resolute::methods
