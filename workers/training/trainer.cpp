//! One training step, in the order in which it happens; its end is in training_step.cpp.
#include "workers/training/trainer.h"

#include <ATen/autocast_mode.h>
#include <ATen/record_function.h>

#include <algorithm>
#include <numeric>
#include <optional>
#include <utility>

#include "core/error.h"
#include "networks/nn/batch_norm.h"
#include "workers/training/training_step.h"

namespace resolute::workers {
namespace {

// bfloat16 in matrix products and convolutions while alive. On the CPU the casts of weights that it caches serve all
// lanes of a phase; they must not outlive an optimiser step. A GPU's passes are recorded with their casts, so none are
// cached there: the gradients of two passes are then added up as float32 either way.
class Autocast {
 public:
  Autocast(bool on, at::DeviceType device)
      : on_(on), device_(device), cached_(at::autocast::is_autocast_cache_enabled()) {
    if (!on_) return;
    at::autocast::set_autocast_dtype(device_, at::kBFloat16);
    at::autocast::set_autocast_enabled(device_, true);
    at::autocast::set_autocast_cache_enabled(device == at::kCPU);
  }
  Autocast(const Autocast&) = delete;
  Autocast& operator=(const Autocast&) = delete;
  ~Autocast() {
    if (!on_) return;
    at::autocast::set_autocast_cache_enabled(cached_);
    at::autocast::set_autocast_enabled(device_, false);
  }

 private:
  bool on_;
  at::DeviceType device_;
  bool cached_;
};

constexpr const char* kAverage = "average.";  // of names in checkpoints

//! Those that learn.
std::vector<methods::ParameterGroup> groups_of(methods::Method& method) {
  std::vector<methods::ParameterGroup> groups = method.parameter_groups();
  std::erase_if(groups, [](const methods::ParameterGroup& group) { return group.parameters.empty(); });
  RESOLUTE_EXPECT(!groups.empty() && !groups.front().parameters.empty(), "a method has parameters");
  return groups;
}

}  // namespace

bool digests_gradients(at::Device device, std::uint64_t step, std::uint64_t steps) {
  constexpr std::uint64_t kEvery = 10;
  return device.is_cpu() || step == 1 || step % kEvery == 0 || step == steps;
}

std::vector<std::string> gradient_names(methods::Method& method) {
  std::vector<std::string> names;
  const std::vector<methods::ParameterGroup> groups = method.parameter_groups();
  for (const methods::Phase& phase : method.phases())
    for (const std::string& wanted : phase.groups)
      for (const methods::ParameterGroup& group : groups)
        if (group.name == wanted)
          for (const auto& [name, parameter] : group.parameters) names.push_back(phase.name + "/" + name);
  return names;
}

Trainer::Trainer(TrainerParts parts, TrainerOptions options)
    : parts_(std::move(parts)),
      options_(std::move(options)),
      range_(lanes_of(parts_.communicator ? parts_.communicator->process_rank() : 0,
                      parts_.communicator ? parts_.communicator->process_ranks() : 1, options_.lanes)),
      phases_(parts_.method.phases()),
      device_(groups_of(parts_.method).front().parameters.front().second.device()) {
  exchange_.emplace(groups_of(parts_.method), options_.lanes, range_, parts_.communicator);
  RESOLUTE_EXPECT(!phases_.empty(), "a method has at least one phase");
  RESOLUTE_EXPECT(!phases_.back().steps_with_next, "no phase follows the last");
  RESOLUTE_EXPECT(
      std::any_of(phases_.begin(), phases_.end(), [](const methods::Phase& phase) { return phase.first_step == 0; }),
      "a phase takes place in the first step");
  std::vector<std::string> names, frozen;
  for (const methods::ParameterGroup& group : parts_.method.parameter_groups())
    if (group.parameters.empty()) frozen.push_back(group.name);
  for (methods::ParameterGroup& group : groups_of(parts_.method)) {
    names.push_back(group.name);
    const std::vector<double> factors = rate_factors(parts_.method.module(), group, options_.recipe);
    optimisers_.emplace_back(std::move(group), factors);
  }
  for (const methods::Phase& phase : phases_) {
    RESOLUTE_EXPECT(!phase.groups.empty(), fmt::format("phase '{}' updates no group", phase.name));
    std::vector<std::size_t>& of_phase = optimisers_of_phase_.emplace_back();
    for (const std::string& group : phase.groups) {
      if (std::find(frozen.begin(), frozen.end(), group) != frozen.end()) continue;
      const auto found = std::find(names.begin(), names.end(), group);
      RESOLUTE_EXPECT(found != names.end(), fmt::format("phase '{}' updates no known group", phase.name));
      const auto optimiser = static_cast<std::size_t>(found - names.begin());
      RESOLUTE_EXPECT(std::find(of_phase.begin(), of_phase.end(), optimiser) == of_phase.end(),
                      fmt::format("phase '{}' names a group twice", phase.name));
      of_phase.push_back(optimiser);
    }
  }
  if (options_.recipe.ema > 0) average_.emplace(parts_.method.module(), options_.recipe.ema);
  if (parts_.recorder != nullptr && options_.keep_graphs) {
    // A phase's gradients are read until its groups step: behind those of the lanes after it, and of the next phase.
    const bool outlive =
        range_.count > 1 ||
        std::any_of(phases_.begin(), phases_.end(), [](const methods::Phase& phase) { return phase.steps_with_next; });
    passes_.emplace(*parts_.recorder, networks::RecordingUse{outlive, parts_.communicator != nullptr});
  }
}

void Trainer::restore(const Checkpoint& checkpoint) {
  load_module(parts_.method.module(), "model.", checkpoint.tensors, "checkpoint");
  for (Optimiser& optimiser : optimisers_) optimiser.load(checkpoint.tensors);
  if (average_) average_->load(kAverage, checkpoint.tensors);
  step_ = checkpoint.step;
  loss_ = checkpoint.loss;
}

Checkpoint Trainer::snapshot() const {
  Checkpoint checkpoint{step_, loss_, {}};
  list_module(parts_.method.module(), "model.", checkpoint.tensors);
  for (const Optimiser& optimiser : optimisers_) optimiser.save(checkpoint.tensors);
  if (average_) average_->list(kAverage, checkpoint.tensors);
  return checkpoint;
}

networks::NamedTensors Trainer::weights() const {
  networks::NamedTensors tensors;
  list_module(parts_.method.module(), "", tensors);
  if (average_) average_->list("", tensors);
  return tensors;
}

TrainingOutcome Trainer::run() {
  const auto steps = static_cast<std::uint64_t>(options_.recipe.steps);
  bool interrupted = false;
  images_ = 0;
  // Memory for the first checkpoint is touched now, not in the step after which it is written.
  if (parts_.checkpoints) parts_.checkpoints->prepare(snapshot());
  if (parts_.checkpoints && options_.checkpoint_every == 0) pace_.emplace(parts_.clock.now());
  parts_.progress.step(step_, steps, std::nullopt, 0);
  // The checkpoint of a step is written before the step is evaluated: a training that ended between the two does it
  // now.
  if (step_ > 0 && step_ < steps && evaluates()) evaluate();
  std::optional<StepRecord> unread;  // the step before, whose losses a GPU has yet to give
  while (step_ < steps && !interrupted) {
    StepRecord record;
    if (parts_.trace != nullptr) parts_.trace->before(step_ + 1);
    train_step(record);
    if (parts_.trace != nullptr) parts_.trace->after(step_ + 1, step_ + 1 == steps);
    if (parts_.device != nullptr) expect_memory(*parts_.device);  // before anything is kept of the step
    ++step_;
    if (unread) interrupted = end_step(*unread);
    unread = std::move(record);
    if (device_.is_cpu() || interrupted || keeps_something()) {
      interrupted = end_step(*unread) || interrupted;
      unread.reset();
    }
    interrupted = interrupted && step_ < steps;
    if (interrupted || checkpoints()) write_checkpoint();
    if (!interrupted && evaluates()) evaluate();
  }
  if (parts_.checkpoints) {
    parts_.checkpoints->finish();
    announce_checkpoint();
  }
  // Ranks leave together: a rank that ended sooner would look lost to one that still talks to the store.
  if (interrupted && parts_.communicator) parts_.communicator->barrier();
  return {step_, loss_, interrupted, images_, parts_.source.seconds_waited()};
}

// True if a checkpoint follows this step; the last one's state is the result.
bool Trainer::checkpoints() const {
  const bool due = options_.checkpoint_every == 0 ? checkpoint_wished_ : step_ % options_.checkpoint_every == 0;
  return due && step_ < static_cast<std::uint64_t>(options_.recipe.steps);
}

bool Trainer::evaluates() const {
  return parts_.evaluate && options_.evaluate_every > 0 && step_ % options_.evaluate_every == 0;
}

void Trainer::evaluate() {
  if (average_) average_->swap();
  within_memory_of_recordings([&] { parts_.evaluate(step_); }, [] {});
  if (average_) average_->swap();
}

// True if something is kept of this step, which must not have diverged then.
bool Trainer::keeps_something() const {
  return step_ == static_cast<std::uint64_t>(options_.recipe.steps) || checkpoints() || evaluates();
}

// Queues a step: on a GPU nothing here waits for it.
void Trainer::train_step(StepRecord& record) {
  record.metrics.step = step_ + 1;
  record.metrics.learning_rate_factor = schedule_factor(options_.recipe, step_);
  record.digested = digests_gradients(device_, step_ + 1, static_cast<std::uint64_t>(options_.recipe.steps));
  record.lanes = load_lanes(record);
  for (std::size_t phase = 0; phase < phases_.size(); ++phase) run_phase(phase, record.lanes, record);
  if (average_) average_->take(step_ == 0);
  send_losses(record);
}

// True if any rank wishes to stop.
bool Trainer::end_step(StepRecord& record) {
  exchange_losses(record);
  refuse_divergence(record);
  summarise(record);
  loss_ = record.metrics.loss;
  images_ += record.images;
  report(record);
  checkpoint_wished_ = checkpoint_wished_ || record.checkpoint_wished;
  return record.stop_anywhere;
}

std::vector<Trainer::Lane> Trainer::load_lanes(StepRecord& record) {
  RECORD_USER_SCOPE("wait for images");
  const std::vector<std::int64_t> rows = parts_.source.lane_rows(step_);
  RESOLUTE_EXPECT(rows.size() == static_cast<std::size_t>(options_.lanes), "the source has another number of lanes");
  const std::int64_t all_rows = std::accumulate(rows.begin(), rows.end(), std::int64_t{0});
  record.images = static_cast<std::uint64_t>(all_rows);
  for (std::int64_t lane_rows : rows)
    record.shares.push_back(static_cast<double>(lane_rows) / static_cast<double>(all_rows));
  std::vector<Lane> lanes;
  for (int lane = range_.first; lane < range_.first + range_.count; ++lane) {
    const auto index = static_cast<std::size_t>(lane);
    lanes.push_back({parts_.source.batch(step_, lane), static_cast<float>(record.shares[index]), std::nullopt});
    RESOLUTE_EXPECT(lanes.back().batch.labels.size(0) == rows[index],
                    "a lane has another number of rows than was said");
  }
  return lanes;
}

void Trainer::run_phase(std::size_t phase, std::vector<Lane>& lanes, StepRecord& record) {
  PhaseRecord& phase_record = record.phases.emplace_back();
  phase_record.phase = phase;
  phase_record.optimisers = moving_optimisers(phase);
  if (!phase_record.optimisers.empty()) {
    const auto work = [&] {
      exchange_->begin(phase_record.optimisers, record.digested);
      for (Lane& lane : lanes) run_lane(phase, lane, phase_record);
      phase_record.gradients = exchange_->finish();
    };
    within_memory_of_recordings(work, [&] {
      phase_record.values.clear();
      for (Lane& lane : lanes) lane.activations.reset();
      exchange_.emplace(groups_of(parts_.method), options_.lanes, range_, parts_.communicator);
    });
    std::vector<at::Tensor> norms;
    for (const SummedGradients& group : phase_record.gradients) norms.push_back(group.norm);
    phase_record.norm = norms.size() == 1 ? norms.front() : at::linalg_vector_norm(at::stack(norms));
    record.unstepped.push_back(phase);
  }
  if (record.digested) phase_record.lane_digests = lane_digests(phase_record);
  if (!phases_[phase].steps_with_next) step_optimisers(record);
}

// The phase's groups that move in this step; none before the phase begins.
std::vector<std::size_t> Trainer::moving_optimisers(std::size_t phase) const {
  std::vector<std::size_t> moving;
  if (step_ < phases_[phase].first_step) return moving;
  for (std::size_t optimiser : optimisers_of_phase_[phase])
    if (optimisers_[optimiser].group().moves_in(step_)) moving.push_back(optimiser);
  return moving;
}

// Own lanes × parameters of all the phase's groups; zeros for those that stand still.
at::Tensor Trainer::lane_digests(const PhaseRecord& record) const {
  std::vector<at::Tensor> digests;
  auto moving = record.optimisers.begin();
  for (std::size_t optimiser : optimisers_of_phase_[record.phase]) {
    if (moving != record.optimisers.end() && *moving == optimiser) {
      digests.push_back(record.gradients[static_cast<std::size_t>(moving++ - record.optimisers.begin())].lane_digests);
      continue;
    }
    const auto parameters = static_cast<std::int64_t>(optimisers_[optimiser].group().parameters.size());
    digests.push_back(at::zeros({range_.count, parameters}, at::TensorOptions(at::kLong).device(device_)));
  }
  if (digests.empty())  // all of the phase's groups are frozen
    return at::empty({range_.count, 0}, at::TensorOptions(at::kLong).device(device_));
  return at::cat(digests, 1);
}

// In the order of the phases that named a group first; gradients of one group are added up in the order of phases.
void Trainer::step_optimisers(StepRecord& record) {
  RECORD_USER_SCOPE("optimisers");
  const at::NoGradGuard no_grad;
  std::vector<std::pair<std::size_t, SummedGradients>> steps;
  for (std::size_t phase : std::exchange(record.unstepped, {})) {
    std::vector<SummedGradients>& of_phase = record.phases[phase].gradients;
    for (std::size_t i = 0; i < of_phase.size(); ++i) {
      const std::size_t optimiser = record.phases[phase].optimisers[i];
      const auto known =
          std::find_if(steps.begin(), steps.end(), [&](const auto& one) { return one.first == optimiser; });
      if (known == steps.end()) {
        steps.emplace_back(optimiser, std::move(of_phase[i]));
        continue;
      }
      SummedGradients& sum = known->second;
      sum.gradients = at::_foreach_add(sum.gradients, of_phase[i].gradients);
      sum.norm = gradient_norm(sum.gradients);
      record.summed_norms.emplace_back(optimiser, sum.norm);
    }
    of_phase.clear();
  }
  for (const auto& [optimiser, sum] : steps)
    optimisers_[optimiser].step(sum.gradients, sum.norm, record.metrics.learning_rate_factor);
  at::autocast::clear_cache();
}

std::vector<at::Tensor> Trainer::parameters_of(const std::vector<std::size_t>& optimisers) const {
  std::vector<at::Tensor> parameters;
  for (std::size_t optimiser : optimisers)
    for (const auto& [name, parameter] : optimisers_[optimiser].group().parameters) parameters.push_back(parameter);
  return parameters;
}

void Trainer::run_lane(std::size_t phase, Lane& lane, PhaseRecord& record) {
  bool last = true;
  for (std::size_t later = phase + 1; later < phases_.size(); ++later) last = last && moving_optimisers(later).empty();
  const std::vector<methods::LossTerm> terms = loss_terms(phase, lane);
  at::Tensor loss = terms.front().value;
  for (std::size_t i = 1; i < terms.size(); ++i) loss = loss + terms[i].value;
  record.terms.clear();
  for (const methods::LossTerm& term : terms) {
    record.terms.push_back(term.name);
    record.values.push_back(term.value.detach());
  }
  // A lane that has nothing to learn from has no graph; its gradient is zero.
  if (loss.requires_grad()) {
    RECORD_USER_SCOPE("backward");
    const bool keep = options_.keep_graphs && !last;
    torch::autograd::backward({loss}, {at::full({}, lane.share, loss.options())}, keep, false,
                              parameters_of(record.optimisers));
  }
  exchange_->end_lane();
  if (last || !options_.keep_graphs) lane.activations.reset();
}

std::vector<methods::LossTerm> Trainer::loss_terms(std::size_t phase, Lane& lane) {
  if (!lane.activations) forward(lane);
  RECORD_USER_SCOPE("losses");
  const Autocast autocast(options_.recipe.precision == settings::Precision::kBf16, device_.type());
  std::vector<methods::LossTerm> terms = parts_.method.losses(phase, *lane.activations, lane.batch);
  RESOLUTE_EXPECT(!terms.empty(), "a phase without losses");
  return terms;
}

void Trainer::forward(Lane& lane) {
  RECORD_USER_SCOPE("forward");
  // Running statistics move with lane 0 only, once a step: in its first forward pass.
  std::optional<networks::RunningStatisticsHold> hold;
  statistics_in_motion_ = !std::exchange(lane.passed, true) && lane.batch.lane == 0;
  if (!statistics_in_motion_) hold.emplace();
  const Autocast autocast(options_.recipe.precision == settings::Precision::kBf16, device_.type());
  // With one phase a lane's graph is gone when the next lane's begins.
  std::optional<networks::RecordedPasses::Forward> recorded;
  if (passes_) recorded.emplace(*passes_, phases_.size() > 1 ? lane.batch.lane : 0);
  lane.activations = parts_.method.forward(lane.batch);
  statistics_in_motion_ = false;
}

void Trainer::report(StepRecord& record) {
  if (parts_.metrics) parts_.metrics->write(record.metrics);
  if (parts_.gradients && record.digested) parts_.gradients->write(record.gradients);
  parts_.progress.step(record.metrics.step, static_cast<std::uint64_t>(options_.recipe.steps), record.metrics.loss,
                       images_);
  if (parts_.checkpoints) announce_checkpoint();
}

void Trainer::write_checkpoint() {
  checkpoint_wished_ = false;
  if (!parts_.checkpoints) return;
  const core::MonotonicTime begun = parts_.clock.now();
  parts_.checkpoints->save(snapshot());
  const core::MonotonicTime now = parts_.clock.now();
  if (pace_) pace_->written(now, now - begun);
}

// A checkpoint is progress once it is on disk, not when its writing begins.
void Trainer::announce_checkpoint() {
  const std::uint64_t written = parts_.checkpoints->written_step();
  if (written == announced_) return;
  announced_ = written;
  parts_.progress.checkpoint(written);
}

}  // namespace resolute::workers
