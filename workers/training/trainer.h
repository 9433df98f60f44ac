#pragma once
//! \file
//! The loop that trains any method: data → lanes → phases → schedule → metrics → checkpoint (docs/inside/worker.md). It
//! knows process ranks and lanes, the method knows neither; it knows nothing of packs, jobs or the store.
//!
//! One step: for each phase, every lane of this rank runs forward (once a step, or again with running statistics held)
//! and backward; the lanes' gradients, each weighted with its share of the step's rows, are summed in a fixed tree over
//! all lanes beside the backward pass, or behind one that is played (ddp/gradient_exchange.h); the phase's groups take
//! an optimiser's step. Then the step ends: ranks tell one another their losses and their wish to stop, so all know the
//! same and stop after the same step. The trainer itself waits for a GPU nowhere else; of several process ranks each
//! phase waits for its last exchange. A GPU's step ends once the next one has been queued, so that a GPU alone never
//! runs dry while the CPU reads losses; it ends at once before anything is kept of it: a checkpoint, an evaluation, the
//! end of the training.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "experiments/specification/specification.h"
#include "networks/nn/recorded_passes.h"
#include "results/records/gradient_log.h"
#include "workers/ddp/gradient_exchange.h"
#include "workers/device/device.h"
#include "workers/device/step_trace.h"
#include "workers/rank/progress_pipe.h"
#include "workers/training/averaged_weights.h"
#include "workers/training/batch_source.h"
#include "workers/training/checkpoint.h"
#include "workers/training/metrics_log.h"
#include "workers/training/optimiser.h"

namespace resolute::workers {

//! A loss or a gradient is not finite: another try ends there too. kInput.
struct DivergedError : core::RuntimeError {
  using core::RuntimeError::RuntimeError;
};

struct TrainerOptions {
  experiments::Recipe recipe;          //!< steps, schedule, precision
  int lanes = 1;                       //!< L
  std::uint64_t checkpoint_every = 0;  //!< steps between checkpoints; 0: by the clock (CheckpointPace)
  //! Keep each lane's graph from the first phase to the last of a step. Off: run forward again for each phase, which
  //! holds one graph at a time. The bits are the same.
  bool keep_graphs = true;
  std::uint64_t evaluate_every = 0;  //!< steps between calls of TrainerParts::evaluate; 0: none
};

//! The parts that a trainer works with; all outlive it. Pointers may be null.
struct TrainerParts {
  methods::Method& method;
  BatchSource& source;
  ProgressPipe& progress;
  Communicator* communicator = nullptr;             //!< null: a single process
  networks::Recorder* recorder = nullptr;           //!< the device's, if it has one; used where graphs are kept
  const Device* device = nullptr;                   //!< asked whether its memory sufficed; null: the CPU
  CheckpointFolder* checkpoints = nullptr;          //!< process rank 0; null: none are written
  MetricsLog* metrics = nullptr;                    //!< process rank 0
  results::GradientLogWriter* gradients = nullptr;  //!< process rank 0; made for gradient_names()
  StepTrace* trace = nullptr;                       //!< asked for by whoever looks where the time goes
  std::function<void(std::uint64_t step)> evaluate = nullptr;  //!< called on every process rank, between two
                                                               //!< steps; the method has weights() meanwhile
  const core::Clock& clock = core::monotonic_clock();          //!< of process rank 0: when a checkpoint is due
};

//! True for a step whose gradients are digested for the logs: every step on the CPU; on a GPU, where digests take some
//! hundredths of a step, the first, each tenth and the last. \param step from 1
bool digests_gradients(at::Device device, std::uint64_t step, std::uint64_t steps);

//! "PHASE/PARAMETER" of every gradient of a step, in the order of a gradient log's tensors. The gradient of a phase
//! that has yet to begin (Phase::first_step) or of a group that stands still (ParameterGroup::moves_in) has the digest
//! of zeros.
std::vector<std::string> gradient_names(methods::Method& method);

struct TrainingOutcome {
  std::uint64_t step = 0;  //!< steps done since the training began
  double loss = 0;         //!< sum of all terms of the last step, mean over rows
  bool interrupted = false;
  std::uint64_t images = 0;   //!< of all lanes, in this run
  double seconds_waited = 0;  //!< for images, on this rank
};

class Trainer {
 public:
  //! \throws RuntimeError (kInput) if the ranks do not divide the lanes
  Trainer(TrainerParts parts, TrainerOptions options);

  //! Takes up a training after checkpoint.step steps. \throws RuntimeError (kCorrupt) if it does not fit the method
  void restore(const Checkpoint& checkpoint);
  //! The training as it stands between two steps: live tensors, which the next step changes.
  Checkpoint snapshot() const;
  //! The weights by name that a training publishes as it stands, live tensors: with Recipe::ema their averages.
  networks::NamedTensors weights() const;

  //! Trains to recipe.steps, or until the ranks agree to stop (stop_flag.h); then a checkpoint is on disk.
  //! \throws RuntimeError: kTransient for a lost peer; kEnvironment for a disk that is full, or a device without enough
  //!         memory (expect_memory()); DivergedError for a loss or gradient that is not finite, naming step, lane and
  //!         term: another try would end there too. On a GPU one more step may have been queued by then, of which
  //!         nothing is kept
  TrainingOutcome run();

 private:
  struct Lane;
  struct StepRecord;
  struct PhaseRecord;
  void train_step(StepRecord& record);
  bool end_step(StepRecord& record);
  bool keeps_something() const;
  bool checkpoints() const;
  bool evaluates() const;
  void evaluate();
  std::vector<Lane> load_lanes(StepRecord& record);
  void within_memory_of_recordings(const std::function<void()>& work, const std::function<void()>& undo);
  void run_phase(std::size_t phase, std::vector<Lane>& lanes, StepRecord& record);
  void run_lane(std::size_t phase, Lane& lane, PhaseRecord& record);
  std::vector<methods::LossTerm> loss_terms(std::size_t phase, Lane& lane);
  void step_optimisers(StepRecord& record);
  std::vector<std::size_t> moving_optimisers(std::size_t phase) const;
  std::vector<at::Tensor> parameters_of(const std::vector<std::size_t>& optimisers) const;
  at::Tensor lane_digests(const PhaseRecord& record) const;
  static void take_norms(const at::Tensor& norms, StepRecord& record);
  void send_losses(StepRecord& record);
  void exchange_losses(StepRecord& record);
  void refuse_divergence(StepRecord& record);
  std::string diverged_lane(const PhaseRecord& phase, std::vector<Lane>& lanes);
  void summarise(StepRecord& record) const;
  void forward(Lane& lane);
  void report(StepRecord& record);
  void write_checkpoint();
  void announce_checkpoint();

  TrainerParts parts_;
  TrainerOptions options_;
  LaneRange range_;
  std::vector<methods::Phase> phases_;
  std::vector<Optimiser> optimisers_;
  std::vector<std::vector<std::size_t>> optimisers_of_phase_;
  std::optional<AveragedWeights> average_;
  at::Device device_;
  std::optional<GradientExchange> exchange_;
  std::optional<networks::RecordedPasses> passes_;
  bool statistics_in_motion_ = false;  // a pass that moves running statistics has begun, and not ended
  std::uint64_t images_ = 0;
  std::uint64_t step_ = 0;
  double loss_ = 0;
  std::optional<CheckpointPace> pace_;  // process rank 0, where checkpoints go by the clock
  bool checkpoint_wished_ = false;      // by process rank 0; all ranks know it after the same step
  std::uint64_t announced_ = 0;         // step of the last checkpoint on a progress line
};

}  // namespace resolute::workers
