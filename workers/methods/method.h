#pragma once
//! \file
//! What a re-identification method is to the trainer and the evaluator: named parameters, a step divided into phases,
//! and an embedding. A method never talks to process ranks, lanes or files; it sees one lane's share of a step at a
//! time.
//!
//! Phases of one step, and who calls what (design, §6). For each lane:
//!     Activations a = method.forward(batch);              // once a lane and step; kept or recomputed for later phases
//!     for each phase p: sum over method.losses(p, a, batch), back-propagated into the group that p names
//! The trainer sums gradients over lanes and steps the group's optimiser at the end of each phase. A parameter may be
//! left without a gradient where the lane has nothing for it (no HR image, no labels): that counts as zeros.

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "experiments/specification.h"
#include "workers/torch.h"

namespace resolute::workers {

//! One lane's share of one step. N rows, grouped by identity; row i of `lr` is the copy of row i of `hr`.
struct LaneBatch {
  at::Tensor hr, lr;  //!< N×3×H×W float32, channels-last in memory, normalised with ImageNet's mean and deviation
  at::Tensor labels;  //!< N int64, 0 to classes - 1
  at::Tensor
      has_hr;  //!< N bool: false where only a stored LR image exists (train_pool "mlr"); that row of `hr` is zero
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

//! One optimiser step within a training step.
struct Phase {
  std::string name;
  std::string group;  //!< name of the ParameterGroup whose parameters its gradient updates; no others may move
};

//! Adam as a group of parameters wants it.
struct AdamOptions {
  double learning_rate = 0;
  double beta1 = 0.9, beta2 = 0.999;
  double weight_decay = 0;       //!< added to the gradient (L2), not decoupled
  bool follows_schedule = true;  //!< warm-up and milestones of the recipe apply
  bool operator==(const AdamOptions&) const = default;
};

struct ParameterGroup {
  std::string name;
  std::vector<std::pair<std::string, at::Tensor>> parameters;  //!< in module().named_parameters()'s order
  AdamOptions adam;
};

//! What the shared forward pass yields; only the method that made it knows what is in it. Every tensor hangs in the
//! graph of forward(), so dropping an Activations frees the graph; some may be undefined.
struct Activations {
  std::vector<at::Tensor> tensors;
};

class Method {
 public:
  virtual ~Method() = default;

  //! named_parameters() and named_buffers() of it are the names in checkpoints and weights files.
  virtual torch::nn::Module& module() = 0;
  //! Every parameter stands in exactly one group; groups and parameters in a fixed order.
  virtual std::vector<ParameterGroup> parameter_groups() = 0;
  //! The phases of a step in order, at least one.
  virtual std::vector<Phase> phases() const = 0;

  //! The pass that all phases of a step share, with its graph, in training mode. Running statistics of batch norms move
  //! unless a RunningStatisticsHold (workers/nn/batch_norm.h) is alive on this thread.
  virtual Activations forward(const LaneBatch& batch) = 0;
  //! The terms of one phase; no running statistic moves here. Differentiating their sum fills gradients of the phase's
  //! group and, it may be, of others, which the trainer ignores. Losses are computed in float32 (or wider) whatever
  //! autocast made of the activations. \param phase index into phases()
  virtual std::vector<LossTerm> losses(std::size_t phase, const Activations& activations, const LaneBatch& batch) = 0;

  //! N×3×H×W normalised images → N×embedding_size() float32, compared by Euclidean distance. In evaluation mode,
  //! without a graph; the module's mode is put back.
  virtual at::Tensor embed(const at::Tensor& images) = 0;
  virtual int embedding_size() const = 0;

 protected:
  Method() = default;
  Method(const Method&) = delete;
  Method& operator=(const Method&) = delete;
};

//! The method of a training, on the CPU, in training mode, channels-last, its weights drawn from RandomStreams keyed by
//! (specification.seed, parameter name): libtorch's own generators never advance.
//! \param classes identities in the training split, at least 2
//! \throws RuntimeError (kInput) for what experiments::validate() refuses as far as a method reads it
std::unique_ptr<Method> make_method(const experiments::TrainingSpecification& specification, int classes);

}  // namespace resolute::workers
