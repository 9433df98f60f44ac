#pragma once
//! \file
//! The interface between a re-identification method and the trainer and evaluator: named parameters, a step divided
//! into phases, and an embedding. A method never talks to process ranks, lanes or files; it sees one lane's share of a
//! step at a time.
//!
//! Phases of one step, and who calls what (docs/inside/worker.md). For each lane:
//!     Activations a = method.forward(batch);              // once a lane and step; kept or recomputed for later phases
//!     for each phase p: sum over method.losses(p, a, batch), back-propagated into the groups that p names
//! The trainer sums gradients over lanes and steps the groups' optimisers at the end of each phase. A parameter may be
//! left without a gradient where the lane has nothing for it (no HR image, no labels): that counts as zeros.

#include <algorithm>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "methods/row.h"
#include "networks/torch.h"

namespace resolute::networks::onnx {
class Graph;
}

namespace resolute::methods {

//! One lane's share of one step. N rows, grouped by identity; row i of `lr` is the copy of row i of `hr`.
struct LaneBatch {
  at::Tensor hr, lr;  //!< N×3×H×W float32, channels-last in memory, normalised with ImageNet's mean and deviation
  std::vector<at::Tensor> copies;  //!< one for each of methods::copy_rates(), like `lr`, at that rate, under the same
                                   //!< augmentation; rows without has_hr are zero
  at::Tensor lr_rates;             //!< on the CPU whatever the device: N int64, the rate of each row of `lr`
  at::Tensor labels;               //!< on the CPU too: N int64, 0 to classes - 1; -1 where a row has no label
  at::Tensor has_hr;      //!< on the CPU whatever the device, so that a method can branch without waiting for a GPU: N
                          //!< bool: false where only an LR image is stored (train_pool "mlr") or the row stands in the
                          //!< batch as its LR copy alone (train.lr_images); that row of `hr` is zero, unless has_target
  at::Tensor has_target;  //!< on the CPU too: N bool, where the row of `hr` holds the HR image: to be seen with has_hr,
                          //!< to be aimed at alone without (methods::Originals); undefined: as has_hr
  at::Tensor has_label;   //!< on the CPU too: N bool, false where the row's label is not to be had
                          //!< (train.labelled_fraction); undefined: every row has one
  std::uint64_t seed = 0,
                step = 0;  //!< with `lane` the key of any random draw: RandomStream("mining", {seed, step, lane, site})
  int lane = 0;
};

//! One summand of a phase's loss: a scalar float32 with a graph, finite; exactly 0 where the lane has nothing to learn
//! from (no labels, no positives). `value` carries the term's weight already: the sum of a phase's values is
//! differentiated.
struct LossTerm {
  std::string name;
  at::Tensor value;
};

//! One backward pass within a training step, and the optimiser steps behind it.
struct Phase {
  std::string name;
  //! Names of the ParameterGroups whose parameters its gradient updates, in the order in which a backward pass reaches
  //! them; no others may move.
  std::vector<std::string> groups;
  //! Its groups step after the next phase's backward pass: both see the same parameters. A group of both steps once,
  //! with the sum of the two gradients.
  bool steps_with_next = false;
  //! Step (0, 1, …) from which the phase takes place. Before it, losses() is not asked, and a group that no other phase
  //! updates stands still. At least one phase begins at 0.
  std::uint64_t first_step = 0;
  bool updates(const std::string& group) const {
    return std::find(groups.begin(), groups.end(), group) != groups.end();
  }
};

//! The optimiser as a group of parameters wants it: Adam, unless another is asked for.
struct OptimiserOptions {
  double learning_rate = 0;
  double beta1 = 0.9, beta2 = 0.999;
  double weight_decay = 0;       //!< added to the gradient (L2); decoupled with settings::Optimiser::kAdamw
  bool decay_vectors = true;     //!< weight decay for parameters of one dimension too: biases, batch norms
  double gradient_clip = 0;      //!< largest norm of the group's gradient; 0: no limit
  bool follows_schedule = true;  //!< warm-up and milestones of the recipe apply
  bool rests = false;            //!< no step where the group's gradient is exactly zero: nothing moves or is counted
  settings::Optimiser optimiser = settings::Optimiser::kAdam;
  double momentum = 0;    //!< of SGD, which reads no beta
  bool nesterov = false;  //!< SGD's momentum is Nesterov's
  bool operator==(const OptimiserOptions&) const = default;
};

//! The recipe's options, for every group; the rate is the networks'.
inline OptimiserOptions optimiser_options(const settings::Recipe& recipe) {
  return {.learning_rate = recipe.learning_rate,
          .weight_decay = recipe.weight_decay,
          .decay_vectors = recipe.decay == settings::Decay::kAll,
          .gradient_clip = recipe.gradient_clip,
          .rests = recipe.rests_without_loss,
          .optimiser = recipe.optimiser,
          .momentum = recipe.momentum,
          .nesterov = recipe.nesterov};
}

struct ParameterGroup {
  std::string name;
  std::vector<std::pair<std::string, at::Tensor>> parameters;  //!< in module().named_parameters()'s order
  OptimiserOptions optimiser;
  //! Steps (0, 1, …) in which it moves. Before the first and from `end_step` on its parameters and its optimiser stand
  //! still, whichever phases name it.
  std::uint64_t first_step = 0, end_step = std::numeric_limits<std::uint64_t>::max();
  std::string kind{};  //!< the name that Row::groups has for it; empty: its own
  bool moves_in(std::uint64_t step) const { return first_step <= step && step < end_step; }
};

//! The result of the shared forward pass; only the method that made it knows what is in it. Every tensor hangs in the
//! graph of forward(), so dropping an Activations frees the graph; some may be undefined.
struct Activations {
  std::vector<at::Tensor> tensors;
};

//! N×3×H×W normalised images on the method's device → N×embedding_size() float32 there, without a graph.
using Embedder = std::function<at::Tensor(const at::Tensor& images)>;

//! The side on which an image stands in a cross-resolution comparison, whatever its own rate: queries and LR copies of
//! gallery images are low, gallery images high.
enum class Side { kHigh, kLow };

//! The images and the precision that an Embedder is made for.
struct EmbedderOptions {
  std::int64_t height = 0, width = 0;     //!< of the images
  at::ScalarType precision = at::kFloat;  //!< of weights and activations: at::kFloat or at::kBFloat16
  Side side = Side::kHigh;                //!< of the images; one and the same to a method of one stream
  int level = 0;                          //!< of resolution, 1 to Tells::level_rates.size(); 0: the highest
};

//! The factors that a block's output is scaled with, one a channel, for images of one level of resolution.
struct MaskValues {
  std::string block;  //!< as its parameters are named: "layer3.0"; a stage: "layer3"
  int level = 1;
  std::vector<float> values;  //!< 0 to 1
};

class Method {
 public:
  virtual ~Method() = default;

  //! The row of its options: its needs of a batch, and the outputs that it can give.
  const Row& row() const { return row_; }
  const Tells& tells() const { return row_.tells; }

  //! named_parameters() and named_buffers() of it are the names in checkpoints and weights files.
  virtual torch::nn::Module& module() = 0;
  //! Every parameter that learns (not those of network.frozen_levels) stands in exactly one group; groups and
  //! parameters in a fixed order. A frozen group has none.
  virtual std::vector<ParameterGroup> parameter_groups() = 0;
  //! The phases of a step in order, at least one.
  virtual std::vector<Phase> phases() const = 0;

  //! The pass that all phases of a step share, with its graph, in training mode. Running statistics of batch norms move
  //! unless a RunningStatisticsHold (networks/nn/batch_norm.h) is alive on this thread.
  virtual Activations forward(const LaneBatch& batch) = 0;
  //! The terms of one phase; no running statistic moves here, so forward() runs every network that has some.
  //! Differentiating their sum fills gradients of the phase's group and, it may be, of others, which the trainer
  //! ignores. Losses are computed in float32 (or wider) whatever autocast made of the activations. \param phase index
  //! into phases()
  virtual std::vector<LossTerm> losses(std::size_t phase, const Activations& activations, const LaneBatch& batch) = 0;

  //! N×3×H×W normalised images → N×embedding_size() float32, compared by Euclidean distance. In evaluation mode,
  //! without a graph; the module's mode is put back. If the method tells sides, images are of the high one.
  virtual at::Tensor embed(const at::Tensor& images) = 0;
  //! embed() for many images of one size, with the weights as they stand now; asking for one changes nothing in the
  //! method. It may be faster and round otherwise (batch norms folded, options.precision). Valid until the method goes
  //! or trains on.
  virtual Embedder embedder(const EmbedderOptions& /*options*/) {
    return [this](const at::Tensor& images) { return embed(images); };
  }
  //! embedder() in float32 as a graph, of a method that tells branches branch_embedder(): the value that holds its
  //! rows. Empty: the method has none. Side and level are those of EmbedderOptions.
  virtual std::string embedder_graph(networks::onnx::Graph& /*graph*/, Side /*side*/, int /*level*/) const {
    return {};
  }
  virtual int embedding_size() const = 0;
  //! Columns of an image's row: embedding_size(), or of each branch that many and its weight.
  std::int64_t row_size() const {
    const auto branches = static_cast<std::int64_t>(tells().branches.size());
    return branches == 0 ? embedding_size() : branches * (embedding_size() + std::int64_t{1});
  }
  //! If it tells branches: as embedder(), with a row of row_size(): each branch's feature, then its weight,
  //! positive. A branch with gallery_copy has zeros on the high side, weight 0.
  virtual Embedder branch_embedder(const EmbedderOptions& /*options*/) { return {}; }
  //! How many leading dimensions of embed() a query of a level is compared by: all of them, or Tells::prefixes.
  //! \param level 1 to Tells::level_rates.size()
  int compared_dimensions(int level) const {
    const std::vector<int>& prefixes = tells().prefixes;
    return prefixes.empty() ? embedding_size() : prefixes.at(static_cast<std::size_t>(level) - 1);
  }
  //! If it tells masks: those that act by now, in the network's order, levels within blocks.
  virtual std::vector<MaskValues> mask_values() const { return {}; }

  //! The images that the method's decoders make of normalised ones, for reports: N×3×H×W → as many for each of
  //! Tells::recovered, float32. In evaluation mode, without a graph; the module's mode is put back.
  virtual std::vector<at::Tensor> recover(const at::Tensor& /*images*/) { return {}; }

 protected:
  explicit Method(Row row) : row_(std::move(row)) {}
  Method(const Method&) = delete;
  Method& operator=(const Method&) = delete;

 private:
  Row row_;
};

}  // namespace resolute::methods
