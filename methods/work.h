#pragma once
//! \file
//! The multiplications of a training step and of an embedding, so that plans can tell prices (experiments/price.h)
//! before anything runs. The trunk's are counted from its layers' sizes. A method says how many passes of the trunk it
//! takes (Row::cost).

#include <optional>

#include "methods/options.h"

namespace resolute::methods {

//! The training whose work is asked for.
struct WorkCase {
  settings::NetworkSettings network;
  int height = 256, width = 128;  //!< of images at network size, pixels
  bool originals = false;         //!< Needs::originals finds some: an LR row has a target
  int copies = 3;                 //!< LR copies per HR image, for methods that take one at each of train.train_rates
};

//! A method's work in passes of its trunk: forward and backward for rows of a batch, forward for embeddings. By
//! default each image passes the trunk. An estimate: networks and losses that take a few per cent are left out.
struct Cost {
  double hr_row = 1;                //!< per row of the batch that has an HR image
  double lr_row = 1;                //!< per row that exists in low resolution only; nothing reads it without Needs::lr
  double query = 1;                 //!< to embed a query
  double gallery = 1;               //!< to embed a gallery image
  double gallery_copy = 1;          //!< to embed its LR copy, where distances use such copies
  double parameters = 1;            //!< of all networks, trained or frozen, by the trunk's
  std::optional<double> feature{};  //!< as Work::feature; nothing: channels of the trunk's last level
};

//! Multiply-adds (a multiply-add is two FLOP), forward and backward; the rest as in Cost.
struct Work {
  double hr_row = 0, lr_row = 0;
  double query = 0, gallery = 0, gallery_copy = 0;
  double parameters = 0;
  double feature = 0;  //!< floats that an evaluation keeps per image; 0: the evaluation keeps distances
};

//! The work of one image. Only convolutions count: they take nearly all the time.
struct TrunkWork {
  double forward = 0;
  double step = 0;  //!< forward and backward; frozen levels have no backward pass
  double parameters = 0;
};
TrunkWork trunk_work(const WorkCase& asked);

Work work(const MethodOptions& options, const WorkCase& asked);

}  // namespace resolute::methods
