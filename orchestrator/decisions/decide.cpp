#include "orchestrator/decisions/decide.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include "core/quantity_text.h"
#include "orchestrator/decisions/aside.h"
#include "orchestrator/decisions/dispatch.h"
#include "orchestrator/decisions/failure.h"
#include "orchestrator/decisions/placement.h"

namespace resolute::orchestrator {
namespace {

// Another host could hold a job that has failed on this one.
bool is_held_elsewhere(const State& state, const Moment& moment, const Job& job, const std::string& host) {
  if (host.empty()) return false;
  GangNeed need = need_of(job);
  need.not_on.push_back(host);
  return moment.agents_pending || most_ranks_without(state, need, need.not_on) == need.slots;
}

AttemptEnded verdict(const State& state, JobIndex number, const Running& running, const Policy& policy,
                     const Moment& moment) {
  const Job& job = job_of(state, number);
  const AttemptEnding& ending = *running.ending;
  AttemptEnded ended{number, running.attempt, ending.cause, ending.evidence, false, Instant{}, {}};
  if (job.unwanted) {
    ended.cause = Cause::kCancelled;
    ended.evidence = *job.unwanted;
    ended.why = "it is not wanted any more";
    return ended;
  }
  const Budget budget = budget_of(ending.cause);
  if (budget.renewed) {
    const int fruitless = running.progressed ? 0 : job.fruitless + 1;
    ended.retry = state.stop.has_value() || fruitless < budget.attempts;
    ended.why = state.stop           ? "the run is to stop"
                : running.progressed ? "it made progress"
                                     : fmt::format("{} of {} ends without progress", fruitless, budget.attempts);
    return ended;
  }
  const int count = job.ends.at(static_cast<std::size_t>(ending.cause)) + 1;
  ended.retry = count < budget.attempts &&
                (ending.cause != Cause::kConfiguration || is_held_elsewhere(state, moment, job, ending.host));
  ended.why = !ended.retry && count == 1 ? "the same again would fail the same way"
                                         : fmt::format("{} {} of {}", name_of(ending.cause), count, budget.attempts);
  const Milliseconds wait = back_off(budget, count, policy.back_off_scale);
  if (ended.retry && wait > Milliseconds{0}) ended.not_before = moment.now + wait;
  return ended;
}

// Hosts on which ranks of the attempt have not ended.
std::set<std::string> hosts_of_living(const State& state, const Running& running) {
  std::set<std::string> hosts;
  auto ended = running.ended.begin();
  for (const Share& share : running.placement)
    for (int i = 0; i < share.slots; ++i, ++ended)
      if (!*ended) hosts.insert(state.agents.at(share.agent).host);
  return hosts;
}

// A process in a hanging system call outlives SIGKILL, and a stopped spawner kills nobody. Their slots are lost, their
// jobs need not be.
void give_up_unkillable(const State& state, const Policy& policy, const Moment& moment, std::vector<Event>& decisions) {
  const bool all = state.stop && moment.give_up_at && moment.now >= *moment.give_up_at;
  std::set<std::string> excluded;
  for (const auto& [stop_by, number] : state.stopping) {
    if (!all && std::max(stop_by, moment.attentive_since) > moment.now - policy.unkillable_limit) break;
    const Job& job = job_of(state, number);
    const auto& running = std::get<Running>(job.state);
    if (running.alive == 0) continue;
    std::string hosts;
    for (const std::string& host : hosts_of_living(state, running)) {
      hosts += (hosts.empty() ? "" : ", ") + host;
      if (!is_excluded(state, host) && excluded.insert(host).second)
        decisions.push_back(HostExcluded{host, fmt::format("job {} ({}) attempt {} cannot be ended there", number.value,
                                                           job.label, running.attempt)});
    }
    decisions.push_back(RanksGivenUp{
        number, running.attempt,
        fmt::format("{} of {} process ranks on {} have not ended though they were to ({}: {})", running.alive,
                    job.slots, hosts, name_of(running.ending->cause), running.ending->evidence)});
  }
}

void settle_attempts(const State& state, const Policy& policy, const Moment& moment, std::vector<Event>& decisions) {
  for (JobIndex number : state.attention) {
    const auto& running = std::get<Running>(job_of(state, number).state);
    if (running.alive == 0) {
      if (moment.unsettled.contains(number)) continue;
      decisions.push_back(verdict(state, number, running, policy, moment));
      continue;
    }
    const Cause cause = running.ending ? running.ending->cause : state.stop_cause;
    decisions.push_back(AttemptStopped{number, running.attempt, cause,
                                       leaves_time(cause) ? policy.stop_grace : Milliseconds{0},
                                       running.ending ? running.ending->evidence : *state.stop, moment.now});
  }
}

std::string why_doomed(const State& state, const Job& job) {
  if (job.unwanted) return *job.unwanted;
  for (JobIndex need : job.after)
    if (const Job& needed = job_of(state, need); ended_badly(needed))
      return fmt::format("it needs job {} ({}), which {}", experiments::short_id(needed.id), needed.label,
                         std::holds_alternative<Failed>(needed.state) ? "failed" : "was cancelled");
  throw core::ContractError("a doomed job needs none that ended badly");
}

void settle(const State& state, const Policy& policy, const Moment& moment, std::vector<Event>& decisions) {
  give_up_unkillable(state, policy, moment, decisions);
  if (!decisions.empty()) return;  // what else there is to decide depends on the hosts that are left
  settle_attempts(state, policy, moment, decisions);
  const Instant now = moment.now;
  for (JobIndex number : state.doomed)
    decisions.push_back(JobCancelled{number, why_doomed(state, job_of(state, number))});
  if (auto excluded = exclude_host(state, policy)) {
    decisions.emplace_back(*std::move(excluded));
  } else if (decisions.empty()) {
    if (auto change = next_change_of_places(state, policy, moment)) decisions.push_back(*std::move(change));
  }
  if (state.run.ends_at != Instant{} && !state.stop && now >= state.run.ends_at - policy.stop_lead)
    decisions.push_back(
        StopRequested{fmt::format("the allocation ends in {}",
                                  core::duration_text(std::max<std::int64_t>((state.run.ends_at - now).count(), 0))),
                      Cause::kWalltime});
}

bool is_idle_for_too_long(const Policy& policy, const Moment& moment) {
  return policy.idle_limit && moment.now - moment.idle_since >= *policy.idle_limit;
}

// A job that no wait will place, as far as this run can tell: why; else empty.
std::string why_unplaceable(const State& state, const Moment& moment, const Job& job) {
  // The same plan may have its place in another run that misses no agent.
  const bool agents_missing = moment.agents_missing || state.agents_gone || state.agents.empty() ||
                              state.machine_of.size() != state.agents.size() || !state.gpus_aside.empty();
  if (agents_missing) return {};
  const int all = capacity(state, job.gpus, &MachineClass::width);
  if (job.gpus && all == 0)
    return fmt::format("it needs {} and the run has none; `resolute doctor` on its nodes says why",
                       slots_text(job.slots, true));
  if (job.slots > all)
    return fmt::format(
        "it needs {} and the run has {}; `ranks` in the suite says how many, and a run has as many as {}",
        slots_text(job.slots, job.gpus), all, job.gpus ? "there are GPUs" : "--slots says");
  const int ranks = most_ranks(state, need_of(job));
  if (ranks >= job.slots) return {};
  return fmt::format("it needs {} of one numeric class with {} MiB each and the run has {} such",
                     slots_text(job.slots, job.gpus), job.memory_mib, ranks);
}

std::string why_interrupted(const State& state, const Policy& policy, Instant now) {
  if (state.agents.empty()) return "no agent is left";
  if (state.machine_of.empty()) return "every agent that is left is leaving, or its host drained or excluded";
  for (const auto& [need, queue] : state.ready)
    if (most_ranks(state, need) == need.slots)
      if (const auto number = queue.by_path.begin()->second;
          !reaches_checkpoint(state, policy, job_of(state, number), now))
        return fmt::format("what is left, such as job {}, would keep nothing before the allocation ends", number.value);
  return fmt::format("the {} slots and {} GPUs that are left hold no ready job", capacity(state),
                     capacity(state, true, &MachineClass::width));
}

// A gang whose checkpoint's numeric class has too few slots, on machines of another, where it begins anew.
std::optional<Placed> begin_anew(const State& state, JobIndex number, Instant now) {
  const Job& job = job_of(state, number);
  GangNeed need = need_of(job);
  if (std::exchange(need.numeric_class, "").empty()) return std::nullopt;
  Placement placement = choose_placement(state, need);
  if (placement.empty()) return std::nullopt;
  return Placed{number,
                job.attempts + 1,
                std::move(placement),
                -1,
                "it starts over: too few of its checkpoint's numeric class are there",
                now};
}

// Jobs are left that could not be placed, and nothing runs.
void conclude_unfinished(const State& state, const Policy& policy, const Moment& moment,
                         std::vector<Event>& decisions) {
  const Instant now = moment.now;
  const bool limited = limit_reached(state);
  for (const auto& [time, number] : state.resting) {
    const Job& job = job_of(state, number);
    const bool room = moment.agents_pending || most_ranks(state, need_of(job)) == job.slots;
    if (room && (!limited || job.placements > 0) && reaches_checkpoint(state, policy, job, std::max(time, now)))
      return;  // started when its time comes
  }
  if (limited) {
    decisions.push_back(RunEnded{RunEnd::kLimited, fmt::format("{} jobs were allowed", state.run.max_jobs)});
    return;
  }
  if (moment.agents_pending) return;
  for (const auto& [need, queue] : state.ready) {
    const JobIndex first = queue.by_path.begin()->second;
    const std::string why = why_unplaceable(state, moment, job_of(state, first));
    if (why.empty()) continue;
    if (auto anew = begin_anew(state, first, now)) {
      if (!reaches_checkpoint(state, policy, job_of(state, first), now)) continue;
      decisions = {*std::move(anew)};
      return;
    }
    for (const auto& [path, number] : queue.by_path) decisions.push_back(JobFailed{number, Cause::kUnplaceable, why});
  }
  // A later run can do the rest.
  if (decisions.empty()) decisions.push_back(RunEnded{RunEnd::kInterrupted, why_interrupted(state, policy, now)});
}

// Jobs of other allocations' kinds are left, and what is left here, if anything, waits for them.
void conclude_part(const State& state, const Policy& policy, const Moment& moment, const Counts& counts,
                   std::vector<Event>& decisions) {
  const auto end = [&](RunEnd kind, std::string why) { decisions.push_back(RunEnded{kind, std::move(why)}); };
  const int left = counts.waiting + counts.ready;
  if (state.unfinished.empty())
    end(RunEnd::kIdle, fmt::format("its part is done; {} jobs are other allocations'", left));
  else if (is_idle_for_too_long(policy, moment))
    end(RunEnd::kIdle, fmt::format("nothing to do for {}; what is left waits for other allocations",
                                   core::duration_text((moment.now - moment.idle_since).count())));
  else if (!moment.agents_pending && state.machine_of.empty())
    end(RunEnd::kInterrupted, why_interrupted(state, policy, moment.now));
}

// Nothing runs and nothing was decided: is that the end?
void conclude(const State& state, const Policy& policy, const Moment& moment, std::vector<Event>& decisions) {
  const Counts counts = count(state);
  // A signal that came with the last result interrupts nothing.
  if (counts.waiting + counts.ready == 0) {
    const bool complete = counts.failed + counts.cancelled == 0;
    // Another run may have done what failed here.
    if (!complete && moment.store_fails && !state.stop) return;
    decisions.push_back(RunEnded{
        complete ? RunEnd::kComplete : RunEnd::kIncomplete,
        fmt::format("{} succeeded, {} failed, {} cancelled", counts.succeeded, counts.failed, counts.cancelled)});
  } else if (state.stop) {
    decisions.push_back(RunEnded{RunEnd::kInterrupted, *state.stop});
  } else if (!moment.store_fails) {
    if (state.ready.empty() && state.resting.empty())
      conclude_part(state, policy, moment, counts, decisions);
    else if (is_idle_for_too_long(policy, moment))
      decisions.push_back(
          RunEnded{RunEnd::kIdle, fmt::format("nothing could be started for {}",
                                              core::duration_text((moment.now - moment.idle_since).count()))});
    else
      conclude_unfinished(state, policy, moment, decisions);
  }
}

}  // namespace

std::vector<Event> decide(const State& state, const Policy& policy, const Moment& moment) {
  std::vector<Event> decisions;
  if (state.end) return decisions;
  settle(state, policy, moment, decisions);
  if (!decisions.empty()) return decisions;
  if (!state.stop && !moment.store_fails)
    if (auto placed = next_placement(state, policy, moment.now)) decisions.emplace_back(std::move(*placed));
  if (decisions.empty() && state.running.empty()) conclude(state, policy, moment, decisions);
  return decisions;
}

AttemptEnded taken_back(const State& state, const Policy& policy, Instant now, JobIndex number,
                        const std::string& evidence) {
  const Job& job = job_of(state, number);
  const int count = job.ends.at(static_cast<std::size_t>(Cause::kStoreError)) + 1;
  AttemptEnded ended{number, std::get<Running>(job.state).attempt, Cause::kStoreError, evidence, true, {}, {}};
  ended.why = "nothing of it was started";
  ended.not_before = now + back_off(budget_of(Cause::kStoreError), count + 1, policy.back_off_scale);
  return ended;
}

std::optional<Instant> next_wake(const State& state, const Policy& policy, const Moment& moment) {
  if (state.end) return std::nullopt;
  std::optional<Instant> wake;
  if (!state.stopping.empty())
    wake = std::max(state.stopping.begin()->first, moment.attentive_since) + policy.unkillable_limit;
  if (state.stop) return wake && moment.give_up_at ? std::min(*wake, *moment.give_up_at) : wake;
  const auto wake_by = [&](Instant until) {
    if (!wake || until < *wake) wake = until;
  };
  if (!state.gpus_aside.empty() && !state.unfinished.empty()) wake_by(std::get<Instant>(*state.gpus_aside.begin()));
  if (!state.hosts_aside.empty() && !state.unfinished.empty()) wake_by(state.hosts_aside.begin()->first);
  const auto resting = state.resting.upper_bound({moment.now, JobIndex{std::numeric_limits<int>::max()}});
  if (resting != state.resting.end()) wake_by(resting->first);
  if (state.run.ends_at != Instant{}) {
    const Instant stop = state.run.ends_at - policy.stop_lead;
    if (stop > moment.now) wake_by(stop);
  }
  if (policy.idle_limit && state.running.empty()) {
    const Instant idle = moment.idle_since + *policy.idle_limit;
    if (idle > moment.now) wake_by(idle);
  }
  return wake;
}

std::string why_waiting(const State& state, const Policy& policy, Instant now, JobIndex number) {
  const Job& job = job_of(state, number);
  const auto* ready = std::get_if<Ready>(&job.state);
  if (!job.wanted || (ready == nullptr && !std::holds_alternative<Waiting>(job.state))) return {};
  if (job.unwanted) return fmt::format("it is to be cancelled: {}", *job.unwanted);
  if (ready == nullptr) {
    for (JobIndex need : job.after) {
      const Job& needed = job_of(state, need);
      if (std::holds_alternative<Succeeded>(needed.state)) continue;
      const int others = std::get<Waiting>(job.state).unmet - 1;
      return fmt::format("it needs job {} ({}), which is {}{}", experiments::short_id(needed.id), needed.label,
                         name_of(needed.state), others > 0 ? fmt::format(", and {} more", others) : "");
    }
  }
  if (state.end) return "no run is at work";
  if (state.stop) return fmt::format("the run is to stop: {}", *state.stop);
  if (state.agents.empty()) return "no agent is there";
  if (job.elsewhere) return "other allocations run jobs of its kind";
  if (ready->not_before > now)
    return fmt::format("it is tried again in {}", core::duration_text((ready->not_before - now).count()));
  return why_not_placed(state, policy, now, number);
}

}  // namespace resolute::orchestrator
