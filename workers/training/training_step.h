#pragma once
//! \file
//! The state of a step that a Trainer keeps while it lasts. For trainer.cpp and training_step.cpp alone.

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "networks/nn/fetched.h"
#include "workers/training/trainer.h"

namespace resolute::workers {

struct Trainer::Lane {
  methods::LaneBatch batch;
  float share = 0;  // of the step's rows
  std::optional<methods::Activations> activations;
  bool passed = false;  // through the networks, in this step
};

// One phase of a step on this rank.
struct Trainer::PhaseRecord {
  std::size_t phase = 0;
  std::vector<std::string> terms;
  std::vector<at::Tensor> values;          // own lanes × terms, of a lane's own mean
  std::vector<std::size_t> optimisers;     // of the phase's groups, those that move in this step
  std::vector<SummedGradients> gradients;  // one for each of them
  at::Tensor lane_digests;  // int64, own lanes × parameters of all its groups; 0 for those that stand still; undefined
                            // in a step without digests
  at::Tensor norm;          // float64, of all of them; undefined where none moves
};

struct Trainer::StepRecord {
  StepMetrics metrics;
  std::vector<Lane> lanes;  // without their graphs, once all phases have run
  std::vector<PhaseRecord> phases;
  std::vector<std::size_t> unstepped;  // phases whose optimisers wait for the next phase's gradients
  std::vector<std::pair<std::size_t, at::Tensor>> summed_norms;  // by optimiser: of gradients of several phases
  bool digested = false;                                         // digests_gradients()
  networks::Fetched sent;      // what exchange_losses() reads: own lanes' losses, then their digests, then norms
  std::vector<double> shares;  // of each of the L lanes
  std::vector<std::vector<double>> terms;           // of each of the L lanes, all phases in order
  std::vector<std::vector<std::uint64_t>> digests;  // of each of the L lanes: its gradients, all phases in order
  results::StepGradients gradients;                 // without lanes and tensors in a step without digests
  bool stop_anywhere = false;                       // known at the end of the step, as the next is
  bool checkpoint_wished = false;                   // by process rank 0
  std::uint64_t images = 0;                         // of all lanes
};

}  // namespace resolute::workers
