#pragma once
//! \file
//! What a training step and an embedding multiply, counted from the layers' sizes: convolutions and matrix products, of
//! which nearly all the time of a step is made. What bench/methods counts while a step runs, without running one; for
//! prices (experiments/price.h). A method's own is in its row (methods/NAME/row.cpp).

#include <array>

#include "methods/options.h"
#include "methods/trunk_shape.h"

namespace resolute::methods {

//! What it is counted for.
struct WorkCase {
  settings::NetworkSettings network;
  int height = 256, width = 128;  //!< of images at network size, pixels
  int identities = 751;           //!< that train: a classifier's width
  int copies = 3;                 //!< train.train_rates, of methods that take a copy at each
};

//! Multiply-adds (half as many as FLOP), forward and backward; means where a batch draws.
struct Work {
  double hr_row = 0;        //!< of a step, for each row of the batch that has an HR image
  double lr_row = 0;        //!< for each row that is stored in low resolution only
  double query = 0;         //!< to embed a query
  double gallery = 0;       //!< to embed a gallery image
  double gallery_copy = 0;  //!< and its LR copy, where distances look at those
  double parameters = 0;    //!< that are trained, or kept from initial weights
  double feature = 0;       //!< floats that an evaluation keeps of an image; 0: it keeps distances
};

//! Pixels of a map.
struct Grid {
  int height = 0, width = 0;
  double cells() const { return static_cast<double>(height) * width; }
  //! Halved `stride / 2` times, rounding up.
  Grid by(int stride) const { return {(height + stride - 1) / stride, (width + stride - 1) / stride}; }
};

//! Of a layer, forward.
struct LayerWork {
  double forward = 0;
  double parameters = 0;
};

//! A convolution. \param cells of its output \param groups its inputs and outputs are cut into as many \param bias or
//! (false) a batch norm behind it, which has two parameters per channel
LayerWork convolution_work(double inputs, double outputs, double kernel, double cells, double groups = 1,
                           bool bias = false);

//! Forward, the gradient of the weights and that of the inputs; `first` of it is not needed: the gradient of the inputs
//! of layers that see constants.
constexpr double trained(double forward, double first = 0) { return 3 * forward - first; }

struct TrunkWork {
  double forward = 0;
  double step = 0;          //!< of an image that is a constant; levels that are frozen have no gradient of weights
  double step_through = 0;  //!< of an image whose gradient is wanted
  double parameters = 0;
  std::array<double, kTrunkLevels + 1> parameters_to{};  //!< of levels 1 to l
  std::array<Grid, kTrunkLevels + 1> grid{};             //!< of f_l
};
TrunkWork trunk_work(const WorkCase& of);

//! A linear layer from the trunk's feature, or `inputs`, to the identities, with the neck before it where there is one.
LayerWork classifier_work(const WorkCase& of, double inputs = 0);

//! Of a training and an evaluation of the method: what its row says, or of a row that says nothing the trunk and a
//! classifier on each image.
Work work(const MethodOptions& options, const WorkCase& of);

}  // namespace resolute::methods
