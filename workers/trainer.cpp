#include "workers/trainer.h"

#include <ATen/autocast_mode.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>
#include <utility>

#include "core/error.h"
#include "core/sha256.h"
#include "workers/nn/batch_norm.h"
#include "workers/stop_flag.h"

namespace resolute::workers {
namespace {

constexpr std::size_t kDigestBytes = 16;

// bfloat16 in matrix products and convolutions while alive. Casts of weights are cached only for one lane's pass: a
// cached cast must outlive neither an optimiser step nor the graph that it belongs to.
class Autocast {
 public:
  explicit Autocast(bool on) : on_(on) {
    if (!on_) return;
    at::autocast::set_autocast_dtype(at::kCPU, at::kBFloat16);
    at::autocast::set_autocast_enabled(at::kCPU, true);
  }
  Autocast(const Autocast&) = delete;
  Autocast& operator=(const Autocast&) = delete;
  ~Autocast() {
    if (!on_) return;
    at::autocast::set_autocast_enabled(at::kCPU, false);
    at::autocast::clear_cache();
  }

 private:
  bool on_;
};

std::span<const std::byte> bytes_of(const at::Tensor& contiguous) {
  return {static_cast<const std::byte*>(contiguous.const_data_ptr()), contiguous.nbytes()};
}

}  // namespace

struct Trainer::Lane {
  LaneBatch batch;
  float share = 0;  // of the step's rows
  std::optional<Activations> activations;
};

struct Trainer::StepRecord {
  StepMetrics metrics;
  core::Sha256 gradients;
  bool stop_here = false;      // this rank's wish, read once
  bool stop_anywhere = false;  // known after the last phase
  std::uint64_t images = 0;    // of all lanes
  std::vector<std::string> term_names;
};

Trainer::Trainer(TrainerParts parts, TrainerOptions options)
    : parts_(parts),
      options_(std::move(options)),
      range_(lanes_of(parts.communicator ? parts.communicator->process_rank() : 0,
                      parts.communicator ? parts.communicator->process_ranks() : 1, options_.lanes)),
      phases_(parts.method.phases()) {
  RESOLUTE_EXPECT(!phases_.empty() && options_.checkpoint_every > 0, "a method has a phase, checkpoints an interval");
  std::vector<std::string> names;
  for (ParameterGroup& group : parts_.method.parameter_groups()) {
    names.push_back(group.name);
    optimisers_.emplace_back(std::move(group));
  }
  for (const Phase& phase : phases_) {
    const auto found = std::find(names.begin(), names.end(), phase.group);
    RESOLUTE_EXPECT(found != names.end(), fmt::format("phase '{}' updates no known group", phase.name));
    optimiser_of_phase_.push_back(static_cast<std::size_t>(found - names.begin()));
  }
}

void Trainer::restore(const Checkpoint& checkpoint) {
  load_module(parts_.method.module(), "model.", checkpoint.tensors, "checkpoint");
  for (Adam& optimiser : optimisers_) optimiser.load(checkpoint.tensors);
  step_ = checkpoint.step;
  loss_ = checkpoint.loss;
}

Checkpoint Trainer::snapshot() const {
  Checkpoint checkpoint{step_, loss_, {}};
  save_module(parts_.method.module(), "model.", checkpoint.tensors);
  for (const Adam& optimiser : optimisers_) optimiser.save(checkpoint.tensors);
  return checkpoint;
}

TrainingOutcome Trainer::run() {
  const auto steps = static_cast<std::uint64_t>(options_.recipe.steps);
  std::uint64_t images = 0;
  bool interrupted = false;
  parts_.progress.step(step_, steps, std::nullopt, 0);
  while (step_ < steps && !interrupted) {
    StepRecord record;
    record.stop_here = stop_requested();
    train_step(record);
    ++step_;
    loss_ = record.metrics.loss;
    images += record.images;
    report(record, images);
    interrupted = record.stop_anywhere && step_ < steps;
    if (interrupted || (step_ % options_.checkpoint_every == 0 && step_ < steps)) write_checkpoint();
  }
  if (parts_.checkpoints) {
    parts_.checkpoints->finish();
    announce_checkpoint();
  }
  // Ranks leave together: a rank that ended sooner would look lost to one that still talks to the store.
  if (interrupted && parts_.communicator) parts_.communicator->barrier();
  return {step_, loss_, interrupted};
}

void Trainer::train_step(StepRecord& record) {
  const std::vector<std::int64_t> rows = parts_.source.lane_rows(step_);
  RESOLUTE_EXPECT(rows.size() == static_cast<std::size_t>(options_.lanes), "the source has another number of lanes");
  const std::int64_t all_rows = std::accumulate(rows.begin(), rows.end(), std::int64_t{0});
  record.images = static_cast<std::uint64_t>(all_rows);
  record.metrics.step = step_ + 1;
  record.metrics.learning_rate_factor = schedule_factor(options_.recipe, step_);

  std::vector<Lane> lanes;
  for (int lane = range_.first; lane < range_.first + range_.count; ++lane) {
    const std::int64_t own_rows = rows[static_cast<std::size_t>(lane)];
    lanes.push_back({parts_.source.batch(step_, lane),
                     static_cast<float>(static_cast<double>(own_rows) / static_cast<double>(all_rows)), std::nullopt});
    RESOLUTE_EXPECT(lanes.back().batch.labels.size(0) == own_rows, "a lane has another number of rows than was said");
  }
  for (std::size_t phase = 0; phase < phases_.size(); ++phase) run_phase(phase, lanes, record);
  const core::Sha256Digest digest = record.gradients.finish();
  record.metrics.gradients = core::to_hex(std::span(digest).first(kDigestBytes));
}

void Trainer::run_phase(std::size_t phase, std::vector<Lane>& lanes, StepRecord& record) {
  Adam& optimiser = optimisers_[optimiser_of_phase_[phase]];
  LaneSum sum;
  for (Lane& lane : lanes) sum.add(lane.batch.lane, lane_vector(phase, lane, record));
  const at::Tensor total = sum_over_lanes(std::move(sum), options_.lanes, parts_.communicator);

  at::Tensor gradient = total.narrow(0, 0, optimiser.elements());
  const at::Tensor tail = total.narrow(0, optimiser.elements(), total.numel() - optimiser.elements()).contiguous();
  const float* values = tail.const_data_ptr<float>();
  for (std::size_t i = 0; i < record.term_names.size(); ++i) {
    const double value = values[i];
    if (!std::isfinite(value))
      throw core::RuntimeError(core::ErrorKind::kEnvironment,
                               fmt::format("loss '{}' is {} in step {}", record.term_names[i], value, step_ + 1),
                               "the training diverged", "lower the learning rate");
    record.metrics.loss += value;
    const bool taken = std::any_of(record.metrics.terms.begin(), record.metrics.terms.end(),
                                   [&](const auto& term) { return term.first == record.term_names[i]; });
    const std::string name = taken ? record.term_names[i] + "." + phases_[phase].name : record.term_names[i];
    record.metrics.terms.emplace_back(name, value);
  }
  record.stop_anywhere = values[record.term_names.size()] > 0;
  // The sum of finite values of a gradient's size cannot overflow; that of one with NaN or infinity is not finite.
  if (!std::isfinite(gradient.sum(at::kDouble).item<double>()))
    throw core::RuntimeError(
        core::ErrorKind::kEnvironment,
        fmt::format("a gradient of phase '{}' is not finite in step {}", phases_[phase].name, step_ + 1),
        "the training diverged", "lower the learning rate");
  record.gradients.update(bytes_of(gradient));
  optimiser.step(gradient, record.metrics.learning_rate_factor);
}

// The lane's weighted gradient of one phase, followed by its weighted losses and this rank's wish to stop.
at::Tensor Trainer::lane_vector(std::size_t phase, Lane& lane, StepRecord& record) {
  const bool last = phase + 1 == phases_.size();
  const Adam& optimiser = optimisers_[optimiser_of_phase_[phase]];
  if (!lane.activations) forward(phase, lane);

  std::vector<LossTerm> terms;
  {
    const Autocast autocast(options_.recipe.precision == "bf16");
    terms = parts_.method.losses(phase, *lane.activations, lane.batch);
  }
  RESOLUTE_EXPECT(!terms.empty(), "a phase without losses");
  at::Tensor loss = terms.front().value;
  for (std::size_t i = 1; i < terms.size(); ++i) loss = loss + terms[i].value;
  // A lane that has nothing to learn from has no graph; its gradient is zero.
  if (loss.requires_grad()) {
    torch::autograd::variable_list inputs;
    for (const auto& [name, parameter] : optimiser.group().parameters) inputs.push_back(parameter);
    const bool keep = options_.keep_graphs && !last;
    torch::autograd::backward({loss}, {at::full({}, lane.share, loss.options())}, keep, false, inputs);
  }
  if (last || !options_.keep_graphs) lane.activations.reset();

  at::Tensor vector = optimiser.take_gradients(static_cast<std::int64_t>(terms.size()) + 1);
  record.term_names.clear();
  float* tail = vector.mutable_data_ptr<float>() + optimiser.elements();
  for (const LossTerm& term : terms) {
    record.term_names.push_back(term.name);
    *tail++ = term.value.detach().to(at::kFloat).item<float>() * lane.share;
  }
  *tail = record.stop_here ? 1.0F : 0.0F;
  return vector;
}

void Trainer::forward(std::size_t phase, Lane& lane) {
  // Running statistics move with lane 0 only, once a step.
  std::optional<RunningStatisticsHold> hold;
  if (lane.batch.lane != 0 || phase > 0) hold.emplace();
  const Autocast autocast(options_.recipe.precision == "bf16");
  lane.activations = parts_.method.forward(lane.batch);
}

void Trainer::report(const StepRecord& record, std::uint64_t images) {
  if (parts_.metrics) parts_.metrics->write(record.metrics);
  parts_.progress.step(step_, static_cast<std::uint64_t>(options_.recipe.steps), record.metrics.loss, images);
  if (parts_.checkpoints) announce_checkpoint();
}

void Trainer::write_checkpoint() {
  if (parts_.checkpoints) parts_.checkpoints->save(snapshot());
}

// A checkpoint is progress once it is on disk, not when its writing begins.
void Trainer::announce_checkpoint() {
  const std::uint64_t written = parts_.checkpoints->written_step();
  if (written == announced_) return;
  announced_ = written;
  parts_.progress.checkpoint(written);
}

}  // namespace resolute::workers
