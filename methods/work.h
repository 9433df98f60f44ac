#pragma once
//! \file
//! The multiplications of a training step and of an embedding, counted from the layers' sizes. Only convolutions and
//! matrix products count: they take nearly all the time of a step. bench/methods counts the same while a step runs;
//! here nothing runs, so that plans can tell prices (experiments/price.h). A method's own count is in its row
//! (methods/NAME/row.cpp).

#include <array>

#include "methods/options.h"
#include "methods/trunk_shape.h"

namespace resolute::methods {

//! The case that is counted.
struct WorkCase {
  settings::NetworkSettings network;
  int height = 256, width = 128;  //!< of images at network size, pixels
  int identities = 751;           //!< identities that train, which is the classifier's width
  bool originals = false;         //!< Needs::originals finds some: an LR row has a target
  int copies = 3;                 //!< LR copies per HR image, for methods that take one at each of train.train_rates
};

//! Multiply-adds (a multiply-add is two FLOP), forward and backward. Where a batch draws at random, the mean.
struct Work {
  double hr_row = 0;        //!< in a step, per row of the batch that has an HR image
  double lr_row = 0;        //!< in a step, per row that exists in low resolution only
  double query = 0;         //!< to embed a query
  double gallery = 0;       //!< to embed a gallery image
  double gallery_copy = 0;  //!< to embed its LR copy, where distances use such copies
  double parameters = 0;    //!< parameters of the networks, trained or frozen
  double feature = 0;       //!< floats that an evaluation keeps per image; 0: the evaluation keeps distances
};

//! Size of a feature map, in pixels.
struct Grid {
  int height = 0, width = 0;
  double cells() const { return static_cast<double>(height) * width; }
  //! Halved `stride / 2` times, rounding up.
  Grid by(int stride) const { return {(height + stride - 1) / stride, (width + stride - 1) / stride}; }
};

//! Forward work and parameters of one layer.
struct LayerWork {
  double forward = 0;
  double parameters = 0;
};

//! A convolution. \param cells pixels of its output \param groups of its channels \param bias true: it has a bias;
//! false: a batch norm follows it, with two parameters per channel
LayerWork convolution_work(double inputs, double outputs, double kernel, double cells, double groups = 1,
                           bool bias = false);

//! Forward, gradient of the weights and gradient of the inputs. \param first work of layers whose input is a constant:
//! they need no gradient of the inputs
constexpr double trained(double forward, double first = 0) { return 3 * forward - first; }

struct TrunkWork {
  double forward = 0;
  double step = 0;          //!< per image that needs no gradient itself; frozen levels have no gradient of weights
  double step_through = 0;  //!< per image whose gradient is needed
  double parameters = 0;
  std::array<double, kTrunkLevels + 1> parameters_to{};  //!< of levels 1 to l
  std::array<Grid, kTrunkLevels + 1> grid{};             //!< of f_l
};
TrunkWork trunk_work(const WorkCase& of);

//! A linear layer from the trunk's feature, or from `inputs` dimensions, to the identities, and the neck before it if
//! there is one.
LayerWork classifier_work(const WorkCase& of, double inputs = 0);

//! Work of a training and an evaluation of the method, by its row. If the row has no count, each image passes the trunk
//! and a classifier.
Work work(const MethodOptions& options, const WorkCase& of);

}  // namespace resolute::methods
