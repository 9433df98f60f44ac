//! The end of a training step: losses and digests of all lanes to all ranks, a divergence told, and what the step
//! leaves in metrics and gradient log. And what is done where a step finds too little memory.
#include "workers/training/training_step.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "core/error.h"
#include "core/hash/sha256.h"
#include "core/log.h"
#include "networks/nn/batch_norm.h"
#include "workers/rank/stop_flag.h"

namespace resolute::workers {
namespace {

// A rank's wish, sent with its losses.
constexpr int kStop = 1, kCheckpoint = 2;

constexpr std::size_t kDigestBytes = 16;
using Digests = std::vector<std::uint64_t>;

// The first bytes of a SHA-256 as a number.
template <class Number>
Number folded(const Digests& digests) {
  const core::Sha256Digest hash = core::sha256(std::as_bytes(std::span(digests)));
  Number number = 0;
  std::memcpy(&number, hash.data(), sizeof(number));
  return number;
}

DivergedError divergence(std::string_view what, std::uint64_t step, std::string_view lane) {
  return {core::ErrorKind::kInput, fmt::format("{} in step {}, {}", what, step, lane), "the training diverged",
          "lower the learning rate, or set train.gradient_clip"};
}

}  // namespace

// Does the work. If memory runs short, recordings give theirs back, and the work is done once more without: the bits
// are the same. \param undo what the work has left
void Trainer::within_memory_of_recordings(const std::function<void()>& work, const std::function<void()>& undo) {
  try {
    return work();
  } catch (const c10::OutOfMemoryError&) {
    // A library that was refused memory too has taken other kernels for good; of a pass that was cut off some running
    // statistics have moved; other ranks have got something of it. Until then they wait, with recordings or without.
    if (!passes_ || parts_.device == nullptr || parts_.device->memory_refusals() != 1 || statistics_in_motion_ ||
        exchange_->gives_to_others())
      throw;
  }
  core::log_info("step {}: no network's pass is recorded any more: there is too little memory beside recordings",
                 step_ + 1);
  parts_.recorder->add_refusal();
  passes_.reset();
  undo();
  work();
}

// From here on they are numbers of the host. \param norms in the order of exchange_losses()
void Trainer::take_norms(const at::Tensor& norms, StepRecord& record) {
  std::int64_t next = 0;
  for (PhaseRecord& phase : record.phases)
    if (phase.norm.defined()) phase.norm = norms[next++];
  for (auto& [optimiser, norm] : record.summed_norms) norm = norms[next++];
}

// One copy of all that the host wants to know: losses, digests as the bits of doubles, norms.
void Trainer::send_losses(StepRecord& record) {
  std::vector<at::Tensor> values, digests, norms;
  for (PhaseRecord& phase : record.phases) {
    if (record.digested) digests.push_back(phase.lane_digests);
    if (phase.norm.defined()) norms.push_back(phase.norm);
    if (phase.values.empty()) continue;
    const auto count = static_cast<std::int64_t>(phase.terms.size());
    values.push_back(at::stack(phase.values).to(at::kDouble).view({range_.count, count}));
  }
  RESOLUTE_EXPECT(!values.empty(), fmt::format("no group moves in step {}", record.metrics.step));
  for (const auto& [optimiser, norm] : record.summed_norms) norms.push_back(norm);
  std::vector<at::Tensor> sent{at::cat(values, 1).flatten()};
  if (record.digested) sent.push_back(at::cat(digests, 1).view(at::kDouble).flatten());
  sent.push_back(at::stack(norms));
  record.sent = networks::Fetched(at::cat(sent));
}

// Each lane's losses and digest to all ranks, with this rank's wish to stop: where the host waits for the device.
void Trainer::exchange_losses(StepRecord& record) {
  const std::size_t lanes = record.lanes.size();
  std::size_t terms = 0, tensors = 0, norms = record.summed_norms.size();
  for (const PhaseRecord& phase : record.phases) {
    terms += phase.terms.size();
    if (record.digested) tensors += static_cast<std::size_t>(phase.lane_digests.size(1));
    norms += phase.norm.defined() ? 1 : 0;
  }
  const at::Tensor wanted = record.sent.wait();
  const double* own_values = wanted.const_data_ptr<double>();
  const double* own_bits = own_values + lanes * terms;
  take_norms(wanted.narrow(0, static_cast<std::int64_t>(lanes * (terms + tensors)), static_cast<std::int64_t>(norms)),
             record);

  const std::size_t slots = terms + tensors + 1;
  at::Tensor values = at::empty({range_.count * static_cast<std::int64_t>(slots)}, at::kDouble);
  double* to = values.mutable_data_ptr<double>();
  // This is as late as it can be: no further step is begun.
  const double wishes = (stop_requested() ? kStop : 0) + (pace_ && pace_->is_due(parts_.clock.now()) ? kCheckpoint : 0);
  for (std::size_t lane = 0; lane < lanes; ++lane) {
    to = std::copy_n(own_values + lane * terms, terms, to);
    to = std::copy_n(own_bits + lane * tensors, tensors, to);
    *to++ = wishes;
  }
  at::Tensor all = values;
  if (parts_.communicator) {
    all = at::empty({options_.lanes * static_cast<std::int64_t>(slots)}, at::kDouble);
    parts_.communicator->all_gather(all, values);
  }
  for (std::size_t lane = 0; lane < record.shares.size(); ++lane) {
    const double* from = all.const_data_ptr<double>() + lane * slots;
    record.terms.emplace_back(from, from + terms);
    Digests& of_lane = record.digests.emplace_back();
    for (std::size_t i = 0; i < tensors; ++i) of_lane.push_back(std::bit_cast<std::uint64_t>(from[terms + i]));
    const auto wished = static_cast<int>(from[slots - 1]);
    record.stop_anywhere = record.stop_anywhere || wished % kCheckpoint == kStop;
    record.checkpoint_wished = record.checkpoint_wished || wished >= kCheckpoint;
  }
}

// Losses first: they name the term. A gradient that is not finite has kept its optimiser from stepping
// (Optimiser::step).
void Trainer::refuse_divergence(StepRecord& record) {
  const std::uint64_t step = record.metrics.step;
  std::size_t column = 0;
  for (const PhaseRecord& phase : record.phases)
    for (const std::string& term : phase.terms) {
      for (std::size_t lane = 0; lane < record.terms.size(); ++lane)
        if (const double value = record.terms[lane][column]; !std::isfinite(value))
          throw divergence(fmt::format("loss '{}' is {}", term, value), step, fmt::format("lane {}", lane));
      ++column;
    }
  for (const PhaseRecord& phase : record.phases)
    if (phase.norm.defined() && !std::isfinite(phase.norm.item<double>()))
      throw divergence(fmt::format("a gradient of phase '{}' is not finite", phases_[phase.phase].name), step,
                       diverged_lane(phase, record.lanes));
  for (const auto& [optimiser, norm] : record.summed_norms)
    if (!std::isfinite(norm.item<double>()))
      throw divergence(fmt::format("the summed gradient of '{}' is not finite", optimisers_[optimiser].name()), step,
                       "though each phase's is");
}

// Differentiates each term of each own lane again, now that it matters which one it was. Lanes of other ranks are
// theirs to name.
std::string Trainer::diverged_lane(const PhaseRecord& phase, std::vector<Lane>& lanes) {
  const networks::RunningStatisticsHold hold;
  const std::vector<at::Tensor> parameters = parameters_of(phase.optimisers);
  for (Lane& lane : lanes) {
    lane.activations.reset();
    for (const methods::LossTerm& term : loss_terms(phase.phase, lane)) {
      if (!term.value.requires_grad()) continue;
      for (const at::Tensor& gradient : torch::autograd::grad({term.value}, parameters, {}, true, false, true))
        if (gradient.defined() && !at::isfinite(gradient).all().item<bool>())
          return fmt::format("lane {}, loss '{}'", lane.batch.lane, term.name);
    }
  }
  return lanes.size() == static_cast<std::size_t>(options_.lanes) ? "but not when it was computed again"
                                                                  : "in a lane of another process rank";
}

void Trainer::summarise(StepRecord& record) const {
  StepMetrics& metrics = record.metrics;
  std::size_t column = 0;
  for (const PhaseRecord& phase : record.phases) {
    if (phase.norm.defined()) metrics.gradient_norms.emplace_back(phases_[phase.phase].name, phase.norm.item<double>());
    for (const std::string& term : phase.terms) {
      double value = 0;
      for (std::size_t lane = 0; lane < record.terms.size(); ++lane)
        value += record.shares[lane] * record.terms[lane][column];
      ++column;
      metrics.loss += value;
      const bool taken = std::any_of(metrics.terms.begin(), metrics.terms.end(),
                                     [&](const auto& earlier) { return earlier.first == term; });
      metrics.terms.emplace_back(taken ? term + "." + phases_[phase.phase].name : term, value);
    }
  }
  if (!record.digested) return;
  record.gradients.step = metrics.step;
  core::Sha256 hash;
  for (const Digests& lane : record.digests) {
    hash.update(std::as_bytes(std::span(lane)));
    record.gradients.lanes.push_back(folded<std::uint64_t>(lane));
  }
  for (std::size_t tensor = 0; tensor < record.digests.front().size(); ++tensor) {
    Digests of_lanes;
    for (const Digests& lane : record.digests) of_lanes.push_back(lane[tensor]);
    record.gradients.tensors.push_back(folded<std::uint32_t>(of_lanes));
  }
  const core::Sha256Digest digest = hash.finish();
  metrics.gradients = core::to_hex(std::span(digest).first(kDigestBytes));
}

}  // namespace resolute::workers
