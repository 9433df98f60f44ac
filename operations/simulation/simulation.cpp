#include "operations/simulation/simulation.h"

#include <algorithm>

#include "operations/simulation/bounds.h"
#include "orchestrator/decisions/apply.h"

namespace resolute::operations {
namespace {

using orchestrator::Event;
using orchestrator::Instant;
using orchestrator::JobIndex;
using orchestrator::Milliseconds;

// Any time but 0, which stands for none.
constexpr Instant kBegin{std::chrono::seconds(1'700'000'000)};
constexpr Milliseconds kLongestSimulation{std::chrono::hours(24 * 365 * 100)};

}  // namespace

Simulation::Simulation(const SimulatedWorkload& workload, const SimulatedMachine& machine,
                       const SimulationOptions& options)
    : workload_(workload), machine_(machine), options_(options), lives_(workload.jobs.size()) {
  for (int i = 0; i < machine.nodes; ++i)
    nodes_.push_back({{}, core::RandomStream("simulated node", {options.seed, static_cast<std::uint64_t>(i)}), {}});
  add_jobs();
}

void Simulation::add_jobs() {
  for (const SimulatedJob& job : workload_.jobs) {
    orchestrator::JobAdded added;
    added.job = {static_cast<int>(added_.size())};
    added.id.hex = fmt::format("{:064x}", added_.size() + 1);
    added.kind = job.kind;
    added.label = job.label;
    for (int need : job.after) added.after.push_back({need});
    added.slots = job.ranks;
    added.gpus = job.gpus && machine_.gpus > 0;
    added.priority = orchestrator::priority_of(added.kind, false);
    const auto pauses = job.checkpoints ? job.estimate / machine_.checkpoint_every : 0;
    if (job.estimate.count() > 0)
      added.expected_ms = (machine_.start_cost + job.estimate + pauses * machine_.checkpoint_cost).count();
    added.checkpoint_ms = added.expected_ms;
    if (job.checkpoints) {
      added.steps = job.work.count();
      const auto first = (machine_.start_cost + machine_.checkpoint_every + machine_.checkpoint_cost).count();
      added.checkpoint_ms = added.expected_ms > 0 ? std::min(first, added.expected_ms) : first;
    }
    added.path_ms = added.expected_ms;
    added_.push_back(std::move(added));
  }
  for (auto added = added_.rbegin(); added != added_.rend(); ++added)
    for (JobIndex need : added->after) {
      orchestrator::JobAdded& needed = added_[static_cast<std::size_t>(need.value)];
      needed.path_ms = std::max(needed.path_ms, needed.expected_ms + added->path_ms);
    }
}

Instant Simulation::instant(Milliseconds at) const { return kBegin + at; }

void Simulation::push(Milliseconds at, Happening happening, int index, int serial) {
  pending_.push({at, pushed_++, happening, index, serial});
}

void Simulation::record(const Event& event) {
  orchestrator::apply(state_, event);
  ++report_.events;
  if (report_.events % options_.full_check_every == 0) {
    orchestrator::check_invariants(state_);
    ++report_.full_checks;
  }
  if (options_.on_event) options_.on_event(instant(now_), state_, event);
}

bool Simulation::decide_all() {
  bool decided = false;
  const orchestrator::Moment moment{.now = instant(now_), .agents_pending = nodes_up_ < machine_.nodes};
  for (;;) {
    std::vector<Event> decisions = orchestrator::decide(state_, options_.policy, moment);
    if (decisions.empty()) return decided;
    decided = true;
    for (Event& decision : decisions) {
      record(decision);
      act(decision);
    }
  }
}

std::optional<Milliseconds> Simulation::next_time() const {
  std::optional<Milliseconds> next;
  if (!pending_.empty()) next = pending_.top().at;
  if (auto wake = orchestrator::next_wake(state_, options_.policy, {instant(now_)})) {
    const auto at = *wake - kBegin;
    if (at > now_ && (!next || at < *next)) next = at;
  }
  return next;
}

SimulationReport Simulation::run() {
  bool more = begin_allocation();
  while (more) {
    decide_all();
    draw_curves();
    if (state_.end) {
      end_allocation();
      more = begin_allocation();
      continue;
    }
    const auto next = next_time();
    RESOLUTE_EXPECT(next.has_value() && *next >= now_,
                    "the simulation stands still: nothing runs and nothing is decided");
    if (*next > kLongestSimulation)
      throw core::input_error("the simulated suite does not end", "a hundred years have passed",
                              "give it a machine that fails less often, or shorter checkpoint intervals");
    now_ = *next;
    bool ended = false;
    while (!pending_.empty() && pending_.top().at <= now_ && !ended) {
      const Pending pending = pending_.top();
      pending_.pop();
      ended = std::holds_alternative<AllocationEnds>(pending.happening);
      if (!ended) happen(pending);
    }
    if (ended) {
      end_allocation();
      more = begin_allocation();
    }
  }
  return report();
}

bool Simulation::begin_allocation() {
  if (report_.allocations > 0) {
    const bool to_go_on =
        machine_.walltime.count() > 0 && (!state_.end || *state_.end == orchestrator::RunEnd::kInterrupted);
    if (!to_go_on || kept_ == 0) return false;
    now_ += machine_.queue_wait;
  }
  ++report_.allocations;
  kept_ = 0;
  allocation_begin_ = now_;
  const Instant ends_at = machine_.walltime.count() > 0 ? instant(now_ + machine_.walltime) : Instant{};
  record(orchestrator::RunStarted{report_.allocations, "simulation", "simulated", 1, -1, ends_at});
  orchestrator::JobsKept kept;
  for (const orchestrator::JobAdded& added : added_) {
    append(kept.jobs, added.job);
    if (life(added.job).done) append(kept.done, added.job);
    if (report_.allocations == 1) record(added);
  }
  if (report_.allocations > 1) record(kept);
  for (int i = 0; i < machine_.nodes; ++i) join(i);
  if (ends_at != Instant{}) push(now_ + machine_.walltime, AllocationEnds{}, 0, 0);
  return true;
}

void Simulation::end_allocation() {
  allocated_ += now_ - allocation_begin_;
  for (JobIndex number : std::set<JobIndex>(state_.running)) {
    halt(number);
    release(number);
  }
  for (Node& node : nodes_) {
    node.up = false;
    node.jobs.clear();
    ++node.serial;
  }
  nodes_up_ = agents_up_ = 0;
  pending_ = {};
  draw_curves();
}

void Simulation::draw_curves() {
  const double per_node = static_cast<double>(pool_of(machine_)) / machine_.nodes;
  up_curve_.set(hours(now_), agents_up_ * per_node);
  busy_curve_.set(hours(now_), busy_);
}

void Simulation::act(const Event& decision) {
  if (const auto* placed = std::get_if<orchestrator::Placed>(&decision)) {
    place(*placed);
  } else if (const auto* stopped = std::get_if<orchestrator::AttemptStopped>(&decision)) {
    stop(*stopped);
  } else if (const auto* attempt = std::get_if<orchestrator::AttemptEnded>(&decision)) {
    release(attempt->job);
  } else if (std::holds_alternative<orchestrator::HostExcluded>(decision)) {
    ++report_.hosts_excluded;
  } else if (const auto* ended = std::get_if<orchestrator::RunEnded>(&decision)) {
    report_.end = ended->why;
  }
}

void Simulation::place(const orchestrator::Placed& placed) {
  ++report_.attempts;
  Life& placed_life = life(placed.job);
  ++placed_life.serial;
  placed_life.saved_before = placed_life.saved;
  placed_life.unsaved = {};
  placed_life.placement = placed.placement;
  placed_life.computing = placed_life.broken = false;
  for (const orchestrator::Share& share : placed.placement) {
    Node& host = node_of(share.agent);
    host.jobs.push_back(placed.job);
    if (!host.up) placed_life.broken = true;  // it failed, and nobody has noticed yet
  }
  busy_ += weight_of(job(placed.job), machine_);
  if (!placed_life.broken) push_job(now_ + machine_.start_cost, JobChange::kStarted, placed.job);
}

void Simulation::stop(const orchestrator::AttemptStopped& stopped) {
  Life& stopped_life = life(stopped.job);
  ++stopped_life.serial;
  if (stopped.grace.count() == 0 || stopped_life.broken) {
    push_job(now_, JobChange::kKilled, stopped.job);
    return;
  }
  Milliseconds writing{};
  if (stopped_life.computing && job(stopped.job).checkpoints) {
    // The one that is being written is enough.
    const auto under_way = now_ - stopped_life.computing_since - stopped_life.stretch;
    writing = machine_.checkpoint_cost - std::max(under_way, Milliseconds{});
    stopped_life.stretch = computed(stopped_life);
  }
  if (writing > stopped.grace)
    push_job(now_ + stopped.grace, JobChange::kKilled, stopped.job);
  else
    push_job(now_ + writing, JobChange::kStopped, stopped.job);
}

void Simulation::happen(const Pending& pending) {
  if (const auto* change = std::get_if<NodeChange>(&pending.happening)) {
    if (node(pending.index).serial == pending.serial) happen_to_node(*change, pending.index);
  } else if (const auto* job_change = std::get_if<JobChange>(&pending.happening)) {
    if (life({pending.index}).serial == pending.serial) happen_to_job(*job_change, {pending.index});
  }
}

// The next stretch, to a checkpoint or to the job's end.
void Simulation::compute(JobIndex number) {
  Life& computing = life(number);
  const SimulatedJob& simulated = job(number);
  const Milliseconds left = simulated.work - computing.saved;
  computing.computing = true;
  computing.computing_since = now_;
  if (!simulated.checkpoints || left <= machine_.checkpoint_every) {
    computing.stretch = left;
    push_job(now_ + left, JobChange::kDone, number);
  } else {
    computing.stretch = machine_.checkpoint_every;
    push_job(now_ + machine_.checkpoint_every + machine_.checkpoint_cost, JobChange::kCheckpoint, number);
  }
}

Milliseconds Simulation::computed(const Life& life) const {
  return life.computing ? std::min(now_ - life.computing_since, life.stretch) : Milliseconds{};
}

// It computes no more, and what no checkpoint holds is lost.
void Simulation::halt(JobIndex number) {
  Life& halted = life(number);
  halted.unsaved += computed(halted);
  halted.computing = false;
  ++halted.serial;
}

// All ranks that have not ended on nodes that live.
void Simulation::end_ranks(JobIndex number, int code, int signal) {
  const orchestrator::Running& running = std::get<orchestrator::Running>(orchestrator::job_of(state_, number).state);
  const int attempt = running.attempt;
  const std::vector<bool> ended = running.ended;
  int rank = 0;
  for (const orchestrator::Share& share : life(number).placement)
    for (int i = 0; i < share.slots; ++i, ++rank)
      if (!ended[static_cast<std::size_t>(rank)] && node_of(share.agent).up)
        record(orchestrator::RankExited{number, attempt, rank, code, signal, "", false});
}

void Simulation::happen_to_job(JobChange change, JobIndex number) {
  Life& job_life = life(number);
  const int attempt = std::get<orchestrator::Running>(orchestrator::job_of(state_, number).state).attempt;
  switch (change) {
    case JobChange::kStarted:
      record(orchestrator::Started{number, attempt});
      compute(number);
      break;
    case JobChange::kCheckpoint:
      job_life.saved += job_life.stretch;
      ++kept_;
      record(orchestrator::Progressed{number, attempt, job_life.saved.count()});
      compute(number);
      break;
    case JobChange::kDone:
      job_life.saved = job(number).work;
      job_life.computing = false;
      job_life.done = true;
      ++kept_;
      end_ranks(number, 0, 0);
      record(orchestrator::JobSucceeded{number, attempt});
      release(number);
      break;
    case JobChange::kStopped:
      if (job_life.computing && job(number).checkpoints && job_life.stretch.count() > 0) {
        job_life.saved += job_life.stretch;
        job_life.computing = false;
        ++kept_;
        record(orchestrator::Progressed{number, attempt, job_life.saved.count()});
      }
      halt(number);
      end_ranks(number, 75, 0);
      break;
    case JobChange::kKilled:
      halt(number);
      end_ranks(number, 0, 9);
  }
}

void Simulation::release(JobIndex number) {
  Life& job_life = life(number);
  const double weight = weight_of(job(number), machine_);
  busy_ -= weight;
  report_.hours.useful += weight * hours(job_life.saved - job_life.saved_before);
  report_.hours.lost += weight * hours(job_life.unsaved);
  for (const orchestrator::Share& share : job_life.placement) std::erase(node_of(share.agent).jobs, number);
  job_life.placement.clear();
}

namespace {

void require_workload(bool holds, const char* problem) {
  if (!holds) throw core::input_error("the simulation cannot begin", problem);
}

}  // namespace

SimulationReport simulate(const SimulatedWorkload& workload, const SimulatedMachine& machine,
                          const SimulationOptions& options) {
  require_workload(machine.nodes >= 1 && machine.gpus >= 0 && machine.slots >= 0 && machine.gpus + machine.slots >= 1,
                   "a machine has nodes, and they have slots or GPUs");
  require_workload(machine.checkpoint_every.count() > 0, "there is no time between two checkpoints");
  for (Milliseconds time :
       {machine.mean_time_to_failure, machine.repair, machine.mean_time_to_preemption, machine.notice, machine.taken,
        machine.walltime, machine.queue_wait, machine.checkpoint_cost, machine.start_cost, machine.detection})
    require_workload(time.count() >= 0, "a time is negative");
  require_workload(options.full_check_every > 0, "the full check needs a number of events");
  require_workload(!workload.jobs.empty(), "there are no jobs");
  for (std::size_t i = 0; i < workload.jobs.size(); ++i) {
    const SimulatedJob& job = workload.jobs[i];
    require_workload(job.ranks >= 1 && job.work.count() > 0, "a job has no ranks or no work");
    for (int need : job.after)
      require_workload(need >= 0 && static_cast<std::size_t>(need) < i,
                       "a job needs one that does not stand before it");
  }
  return Simulation(workload, machine, options).run();
}

}  // namespace resolute::operations
