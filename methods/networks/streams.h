#pragma once
//! \file
//! Shared by methods whose batch is two streams: HR images, and LR images, some of them copies of the former.

#include <functional>
#include <vector>

#include "methods/networks/identity_terms.h"

namespace resolute::methods {

//! The same network's output for the HR stream's rows and for the LR stream's.
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

//! A network's maps of some images, one tensor each for the inputs that it takes.
using StreamPass = std::function<std::vector<at::Tensor>(const std::vector<at::Tensor>& inputs)>;
//! Both streams through a network. UNSTATED in the papers: whether HR and LR images share a batch-norm batch → one pass
//! over both (joint), or one each. A stream without rows passes with the other.
//! \param inputs at least one, all of as many rows
std::vector<Streams> through_streams(const std::vector<Streams>& inputs, bool joint, const StreamPass& pass);

}  // namespace resolute::methods
