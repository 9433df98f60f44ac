#pragma once
//! \file
//! The network that is trained, and how.

#include <string>
#include <vector>

namespace resolute::settings {

//! The network's trunk.
struct NetworkSettings {
  std::string backbone = "resnet50";  //!< "resnet50" or "resnet-small"
  int last_stride = 1;                //!< stride of the last stage, 1 or 2
  bool neck = false;                  //!< a batch norm between the pooled feature and the classifier
  std::string bn_streams = "joint";   //!< HR and LR images share a batch-norm batch ("joint") or not ("separate")
  bool operator==(const NetworkSettings&) const = default;
};

//! How a training runs. A batch holds `identities` × `images` HR images (and, where the method wants them, their LR
//! copies).
struct Recipe {
  int steps = 0;        //!< optimiser steps, at least 1
  int identities = 16;  //!< P identities a global batch
  int images = 4;       //!< K images of each identity
  //! Of the K, how many stand in the batch as LR images alone (datasets/sampling.h); 0: as the pool has them, cameras
  //! taking turns.
  int lr_images = 0;
  std::vector<int> train_rates = {2, 3,
                                  4};  //!< rates of the LR copies, drawn uniformly per image; a subset of the pack's
  double learning_rate = 3.5e-4;       //!< Adam
  double weight_decay = 5e-4;
  std::string decay = "all";      //!< "all" parameters, or "weights": not biases and batch norms
  double gradient_clip = 0;       //!< largest norm of a group's summed gradient; 0: no limit
  int warmup_steps = 0;           //!< linear warm-up from learning_rate / 100
  std::string schedule = "step";  //!< after the warm-up: "step" (milestones) or "cosine" (to 0 at the last step)
  std::vector<int> milestones;    //!< steps at which the rate is multiplied by gamma, ascending
  double gamma = 0.1;
  double label_smoothing = 0;  //!< share of a label's probability spread evenly over all identities, below 1
  //! Share of each identity's training images that carry a label, 0 to 1 (datasets/labelled.h). What the others still
  //! teach is the method's business.
  double labelled_fraction = 1;
  double discriminator_learning_rate = 1e-4;  //!< Adam, betas (0.5, 0.999)
  double flip = 0.5;              //!< probability of a horizontal flip, the same draw for an image and its copy
  int pad = 10;                   //!< zero padding before a random crop back to size, pixels
  double erasing = 0.0;           //!< probability of random erasing
  std::string precision = "f32";  //!< "f32" or "bf16" (autocast)
  bool operator==(const Recipe&) const = default;
};

}  // namespace resolute::settings
