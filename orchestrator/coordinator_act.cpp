// What the coordinator does once its decisions are on disk.
#include <algorithm>

#include "core/log.h"
#include "core/secret.h"
#include "orchestrator/coordinator.h"

namespace resolute::orchestrator {
namespace {

bool on_one_host(const State& state, const Placement& placement) {
  auto host = [&](const Share& share) {
    auto agent = state.agents.find(share.agent);
    return agent == state.agents.end() ? std::string() : agent->second.host;
  };
  const std::string first = host(placement.front());
  return std::all_of(placement.begin(), placement.end(), [&](const Share& share) { return host(share) == first; });
}

// Says that something will not be done here: another run may have done it.
bool gives_up(const Event& decision) {
  if (std::holds_alternative<JobFailed>(decision)) return true;
  const auto* ended = std::get_if<RunEnded>(&decision);
  return ended != nullptr && ended->end != RunEnd::kComplete;
}

constexpr std::chrono::seconds kBetweenLooks(1);

}  // namespace

void Coordinator::make_decisions() {
  Policy policy = options_.policy;
  policy.agents_pending = agents_pending_;
  policy.agents_missing = joined_once_.size() < expected_.size();
  policy.give_up_at = stop_hard_;
  policy.attentive_since = attentive_since_;
  bool tried = false;
  while (true) {
    dirty_ = false;
    const Instant at = now();
    find_results(true);
    policy.store_fails = watch_.pause() || (tried && watch_.doubtful());
    policy.unsettled = {to_settle_.begin(), to_settle_.end()};
    std::vector<Event> decisions = decide(state_, policy, at);
    if (decisions.empty()) {
      wake_ = next_wake(state_, policy, at);
      break;
    }
    renew_owner_if_due();
    if (std::any_of(decisions.begin(), decisions.end(), gives_up) && !state_.stop) {
      if (find_results(false)) continue;
      if (watch_.pause() && !policy.store_fails) continue;  // that has shown it: nothing is given up now
    }
    for (Event& decision : decisions) {
      if (auto* placed = std::get_if<Placed>(&decision))
        if (auto used = used_attempts_.find(placed->job); used != used_attempts_.end())
          placed->attempt = std::max(placed->attempt, used->second + 1);
      tried = tried || std::holds_alternative<Placed>(decision);
      record(decision);
      to_act_.push_back(std::move(decision));
    }
  }
}

void Coordinator::carry_out() {
  for (const Event& decision : std::exchange(to_act_, {})) {
    renew_owner_if_due();
    act(decision);
  }
}

bool Coordinator::find_results(bool due) {
  if (watch_.pause()) return false;
  bool found = false;
  for (JobNumber number : numbers_to_look_for(due)) {
    const Job& job = job_of(state_, number);
    if (!std::holds_alternative<Waiting>(job.state) && !std::holds_alternative<Ready>(job.state)) continue;
    renew_owner_if_due();
    bool there = false;
    // A result that is not seen now is seen before its job is started.
    if (!on_store([&] { there = store_.has_result(job.id); })) break;
    if (!there) continue;
    record(JobSucceeded{number, 0});
    found = true;
  }
  return found;
}

std::vector<JobNumber> Coordinator::numbers_to_look_for(bool due) {
  if (!due) return look_for_results_.due(clock_.now(), kBetweenLooks) ? numbers_ : std::vector<JobNumber>();
  std::vector<JobNumber> numbers;
  const Instant at = now();
  for (auto held = held_.begin(); held != held_.end();) {
    if (held->second > at) {
      ++held;
      continue;
    }
    numbers.push_back(held->first);
    held = held_.erase(held);
  }
  return numbers;
}

void Coordinator::act(const Event& decision) {
  if (const auto* placed = std::get_if<Placed>(&decision)) {
    // It may have been followed by its own end within one batch of decisions.
    if (current(state_, placed->job, placed->attempt) != nullptr) start_attempt(*placed);
  } else if (const auto* stopped = std::get_if<AttemptStopped>(&decision)) {
    const Running* running = current(state_, stopped->job, stopped->attempt);
    if (running == nullptr) return;
    abandon_preparation(stopped->job, stopped->attempt, stopped->why);
    stop_ranks(stopped->job, *running, stopped->grace);
  } else if (const auto* ended = std::get_if<RunEnded>(&decision)) {
    end_why_ = ended->why;
    finished_ = true;
  }
}

void Coordinator::stop_ranks(JobNumber number, const Running& running, std::chrono::milliseconds grace) {
  for (const Share& share : running.placement)
    if (Address to = address_of(share.agent); to >= 0) send(to, Kill{key_of(number, running.attempt), grace.count()});
}

void Coordinator::start_attempt(const Placed& placed) {
  const Running& placed_now = *current(state_, placed.job, placed.attempt);
  if (placed_now.ending || placed_now.alive < job_of(state_, placed.job).slots) {
    end_unstarted(placed.job, placed.attempt, 0, "it was never started");
    return;
  }
  if (watch_.pause() || state_.stop) {
    record(HeldElsewhere{placed.job, placed.attempt, now(),
                         watch_.pause() ? "the store fails: " + watch_.pause()->why : *state_.stop});
    return;
  }
  try {
    if (!prepare_attempt(placed)) return;
  } catch (const core::RuntimeError& error) {
    // What is the job's own, such as a file where its folder should be, costs an attempt and not the run.
    end_unstarted(placed.job, placed.attempt, 1, error.what());
    return;
  }
  const Running& running = *current(state_, placed.job, placed.attempt);
  if (job_of(state_, placed.job).slots == 1) {
    launch(placed.job, running, nullptr);
    return;
  }
  attempts_.at(placed.job).preparing = true;
  send(address_of(running.placement.front().agent),
       Prepare{key_of(placed.job, placed.attempt), !on_one_host(state_, running.placement)});
}

bool Coordinator::prepare_attempt(const Placed& placed) {
  const Job& job = job_of(state_, placed.job);
  std::vector<const experiments::PlannedJob*> needs;
  for (JobNumber need : job.after) needs.push_back(&planned(need));
  std::optional<Preparation> made;
  if (!on_store([&] { made = store_.prepare(planned(placed.job), needs, placed.attempt); })) {
    record(taken_back(state_, options_.policy, now(), placed.job, watch_.pause()->why));
    return false;
  }
  dirty_ = dirty_ || watch_.doubtful();  // there may be more to start
  watch_.worked();
  if (const auto* held = std::get_if<HeldBy>(&*made)) {
    const Instant until = now() + options_.held_wait;
    held_[placed.job] = until;
    record(HeldElsewhere{placed.job, placed.attempt, until, held->whom});
    return false;
  }
  if (const auto* used = std::get_if<NumberUsed>(&*made)) {
    used_attempts_[placed.job] = used->last;
    record(HeldElsewhere{placed.job, placed.attempt, now(), "the attempt's number has been used in the store"});
    return false;
  }
  Attempt& attempt = attempts_[placed.job] = Attempt{};
  attempt.number = placed.attempt;
  attempt.placed = attempt.heard = clock_.now();
  attempt.first_step = std::max<std::int64_t>(job.checkpoint, 0);
  if (std::holds_alternative<FilesMade>(*made)) return true;
  end_unstarted(placed.job, placed.attempt, 0, "another run finished it");
  return false;
}

void Coordinator::launch_prepared() {
  if (to_launch_.empty() || watch_.pause()) return;
  if (!on_store([&] { store_.require_no_successor(); })) return;
  for (JobNumber number : std::exchange(to_launch_, {})) {
    const auto found = attempts_.find(number);
    if (found == attempts_.end() || !found->second.listener) continue;
    const Running* running = current(state_, number, found->second.number);
    if (running != nullptr && std::exchange(found->second.preparing, false))
      launch(number, *running, &*found->second.listener);
  }
}

void Coordinator::launch(JobNumber number, const Running& running, const Prepared* prepared) {
  Rendezvous rendezvous;
  std::string secret;
  if (prepared != nullptr) {
    const std::string& host = state_.agents.at(running.placement.front().agent).host;
    rendezvous = {prepared->address.empty() ? host : prepared->address, prepared->port};
    secret = core::random_token(32);
  }
  int rank = 0;
  for (const Share& share : running.placement) {
    Launch message{key_of(number, running.attempt), {}, secret};
    for (int i = 0; i < share.slots; ++i, ++rank) {
      message.ranks.push_back(rank_command(store_.layout(), planned(number), running.attempt, rank,
                                           prepared != nullptr ? &rendezvous : nullptr, commands_));
      message.ranks.back().gpu = job_of(state_, number).gpus;
    }
    if (Address to = address_of(share.agent); to >= 0) send(to, message);
  }
}

// The ranks of a gang that waits for its port were never started: nobody else will report their end.
void Coordinator::abandon_preparation(JobNumber number, int attempt, const std::string& evidence) {
  Attempt* own = attempt_of(number, attempt);
  if (own == nullptr || !std::exchange(own->preparing, false)) return;
  end_unstarted(number, attempt, 1, evidence);
}

void Coordinator::end_unstarted(JobNumber number, int attempt, int code, const std::string& evidence) {
  const Running* running = current(state_, number, attempt);
  if (running == nullptr) return;
  for (std::size_t rank = 0; rank < running->ended.size(); ++rank)
    if (!running->ended[rank])
      to_record_.push_back(RankExited{number, attempt, static_cast<int>(rank), code, 0, evidence});
  to_settle_.push_back(number);
}

// Before the event is applied: the attempt's life is measured, its claim given back.
void Coordinator::finish_attempt(const Event& event) {
  JobNumber number{-1};
  const auto* succeeded = std::get_if<JobSucceeded>(&event);
  if (succeeded != nullptr) number = succeeded->job;
  if (const auto* ended = std::get_if<AttemptEnded>(&event)) number = ended->job;
  auto found = attempts_.find(number);
  if (found == attempts_.end()) return;
  const Attempt& attempt = found->second;
  const Job& job = job_of(state_, number);
  if (succeeded != nullptr && attempt.ranks_started > 0) {
    const auto& workload = workloads_[position_of(number)];
    auto milliseconds = [&](core::MonotonicTime until) {
      return std::chrono::duration<double, std::milli>(until - attempt.placed).count();
    };
    MeasuredDuration measured{workload.class_name, workload.work, milliseconds(clock_.now()), 0};
    if (job.steps > 0) measured.work = static_cast<double>(std::max<std::int64_t>(job.steps - attempt.first_step, 1));
    if (attempt.first_checkpoint) measured.checkpoint_ms = milliseconds(*attempt.first_checkpoint);
    durations_.add(measured);
    measured_.push_back(std::move(measured));
  }
  store_.release(job.id);
  attempts_.erase(found);
}

void Coordinator::say(const Event& event) {
  auto label = [&](JobNumber number) -> const std::string& { return job_of(state_, number).label; };
  if (const auto* succeeded = std::get_if<JobSucceeded>(&event)) {
    progress_.update(static_cast<std::uint64_t>(++done_));
    if (!options_.quiet) core::log_info("{}/{} done: {}", done_, total_, label(succeeded->job));
  } else if (const auto* ended = std::get_if<AttemptEnded>(&event)) {
    if (ended->retry)
      core::log_warning("{}: attempt {} ended, to be run again ({}: {})", label(ended->job), ended->attempt,
                        name_of(ended->cause), ended->evidence);
    else
      core::log_error("{}: given up after attempt {} ({}: {})", label(ended->job), ended->attempt,
                      name_of(ended->cause), ended->evidence);
  } else if (const auto* excluded = std::get_if<HostExcluded>(&event)) {
    core::log_warning("nothing more is started on '{}' ({})", excluded->host, excluded->why);
  } else if (const auto* failed = std::get_if<JobFailed>(&event)) {
    core::log_error("{}: cannot be run ({})", label(failed->job), failed->why);
  } else if (const auto* run = std::get_if<RunEnded>(&event)) {
    core::log_debug("run ended: {} ({})", name_of(run->end), run->why);
  }
}

}  // namespace resolute::orchestrator
