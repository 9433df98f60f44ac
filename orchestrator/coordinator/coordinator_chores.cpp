// What the coordinator does because time has passed.
#include <algorithm>
#include <array>

#include "core/log.h"
#include "core/overloaded.h"
#include "orchestrator/coordinator/coordinator.h"
#include "orchestrator/store/wall_clock.h"

namespace resolute::orchestrator {
namespace {

double seconds(core::MonotonicTime::duration time) { return std::chrono::duration<double>(time).count(); }

// Why less than all of an agent is given out: LiveAgent's state and why.
std::pair<std::string, std::string> state_of(const State& state, const AgentSlots& agent) {
  if (agent.leaving) return {"leaving", ""};
  if (const auto host = state.hosts.find(agent.host); host != state.hosts.end()) {
    const HostRecord& record = host->second;
    if (record.drained) return {"drained", *record.drained};
    if (record.excluded) return {"excluded", *record.excluded};
    if (!usable(state, agent)) return {"set aside", record.place.why};
  }
  const auto aside = gpus_aside(agent);
  if (aside.empty()) return {};
  return {fmt::format("without GPU {}", fmt::join(aside, ", ")), agent.gpu_records.at(aside.front()).why};
}

}  // namespace

void Coordinator::do_chores() {
  const auto time = clock_.now();
  renew_owner_if_due();
  if (time < claims_in_doubt_until_ && !watch_.pause() && claims_.due(time, options_.owner_watch / 3)) look_at_claims();
  if (!finished() && !journal_fails_ && requests_.due(time, options_.request_interval)) {
    note_idleness();
    take_requests();
    check_signs_of_life();
  }
  if (options_.spent && !finished() && !state_.stop && !watch_.pause() && spent_.due(time, options_.spent_interval))
    if (const auto why = options_.spent()) request_stop(StopRequested{cancelled_by(*why)}, false);
  if (!calls_.has(StoreCall::kWriteLive) && live_.due(time, options_.live_interval)) {
    write_live_status();
    write_durations();
  }
}

// What another run holds is tried here every few seconds, and is nothing at work: only what has its files is.
void Coordinator::note_idleness() {
  if (peers_.pending() || watch_.pause() || attempts_.size() > starting_.making_files()) idle_since_ = now();
}

void Coordinator::renew_owner_if_due() {
  if (calls_.has(StoreCall::kRenewOwner) || !owner_renewal_.due(clock_.now(), options_.owner_watch / 3)) return;
  calls_.begin(StoreCall::kRenewOwner);
  // A run that has nothing to journal finds out here that another has taken over.
  store_.renew_owner([this](Answer<Done>& answer) {
    calls_.end(StoreCall::kRenewOwner);
    on_store([&] { answer.take(); });
  });
}

// Others break the claims of a run that stood still, and work on its jobs: one of the two has to stop. They may look
// while it comes back, so it looks again.
void Coordinator::look_at_claims() {
  for (const auto& [number, attempt] : attempts_)
    if (!starting_.starts(number))
      store_.look_at_claim(planned(number).id, [this, number = number, attempt = attempt.number](Answer<bool>& answer) {
        on_store([&] {
          if (!answer.take() && current(state_, number, attempt) != nullptr) record(ClaimLost{number, attempt});
        });
      });
}

void Coordinator::take_requests() {
  // Their files go once what follows from them cannot be lost with them.
  if (!taken_requests_.empty() || !calls_.begin(StoreCall::kReadRequests)) return;
  store_.read_requests([this](Answer<std::vector<PendingRequest>>& answer) {
    calls_.end(StoreCall::kReadRequests);
    const auto waiting = answer.take();
    if (journal_fails_) return;
    for (const PendingRequest& pending : waiting) {
      take_request(pending.request, pending.by);
      for (const Event& event : std::exchange(to_record_, {})) record(event);
      taken_requests_.push_back(pending.name);
    }
    taken_at_ = store_.appended();
    discard_requests();  // those that no event follows from
  });
}

void Coordinator::discard_requests() {
  if (!taken_requests_.empty() && kept_.records >= taken_at_)
    store_.discard_requests(std::exchange(taken_requests_, {}));
}

void Coordinator::take_request(const Request& request, const std::string& by) {
  std::visit(core::Overloaded{[&](const StopRun&) {
                                // Given again, by who waits for the checkpoints, it takes nothing from them; only where
                                // the store fails there are none to wait for.
                                request_stop(StopRequested{cancelled_by(by)}, !state_.stop || watch_.pause());
                              },
                              [&](const CancelJob& cancel) {
                                const auto number = state_.numbers.find(cancel.job.hex);
                                if (number == state_.numbers.end() || !job_of(state_, number->second).wanted)
                                  core::log_warning("{} wants job {} cancelled, which is not in this run", by,
                                                    cancel.job.hex);
                                else
                                  record(CancelRequested{number->second, cancelled_by(by)});
                              },
                              [&](const DrainHost& drain) {
                                if (!drain.on) forget_burn_ins(drain.host);
                                record(HostDrained{drain.host, drain.on,
                                                   fmt::format("{} by {}", drain.on ? "drained" : "back in use", by)});
                              }},
             request);
}

// Who looked at a host knows better.
void Coordinator::forget_burn_ins(const std::string& host) {
  std::erase_if(burn_ins_, [&](const BurnedIn& done) {
    const auto agent = state_.agents.find(done.agent);
    return agent != state_.agents.end() && agent->second.host == host;
  });
}

// Shards and seals say nothing between their begin and their end.
void Coordinator::check_signs_of_life() {
  if (options_.no_progress_limit.count() == 0) return;
  for (auto& [number, attempt] : attempts_) {
    // Of what waits for the store alone nobody can say anything.
    if (starting_.waits_for_store(number)) continue;
    const auto silent = clock_.now() - attempt.heard;
    if (attempt.stalled || silent < options_.no_progress_limit) continue;
    const auto& specification = planned(number).specification;
    if (std::holds_alternative<experiments::ShardSpecification>(specification) ||
        std::holds_alternative<experiments::SealSpecification>(specification))
      continue;
    attempt.stalled = true;
    record(Stalled{number, attempt.number, fmt::format("no line of progress for {:.0f} s", seconds(silent))});
  }
}

void Coordinator::write_durations() { store_.write_durations(std::exchange(measured_, {})); }

void Coordinator::write_live_status() {
  LiveStatus status;
  status.epoch = store_.epoch();
  status.at = wall_clock();  // as who looks on has it, whatever steps it made
  status.seconds_left = seconds_left();
  for (const auto& [number, agent] : state_.agents) {
    LiveAgent live{agent.host, agent.slots, agent.free, agent.gpus, agent.free_gpus, ""};
    if (!agent.numeric_class.empty()) status.classes.insert(agent.numeric_class);
    std::tie(live.state, live.why) = state_of(state_, agent);
    status.agents.push_back(std::move(live));
  }
  for (const auto& [number, attempt] : attempts_)
    if (!starting_.starts(number)) status.running.push_back(live_attempt(number, attempt));
  std::erase_if(retried_, [&](const auto& one) { return has_ended(job_of(state_, one.first)); });
  for (const auto& [number, retry] : retried_)
    status.retried.push_back({job_of(state_, number).id, retry.attempt, std::string(name_of(retry.cause)),
                              retry.evidence, seconds(clock_.now() - retry.ended)});
  keep_newest(status.retried);
  if (const auto& pause = watch_.pause())
    status.store = LiveStoreFailure{pause->why, seconds(clock_.now() - pause->since)};
  calls_.begin(StoreCall::kWriteLive);
  store_.write_live(std::move(status), [this](Answer<Done>&) { calls_.end(StoreCall::kWriteLive); });
}

LiveAttempt Coordinator::live_attempt(JobIndex number, const Attempt& attempt) const {
  const Job& job = job_of(state_, number);
  LiveAttempt live;
  live.job = job.id;
  live.attempt = attempt.number;
  live.ranks = job.slots;
  live.seconds = seconds(clock_.now() - attempt.launched);
  if (const Running* running = current(state_, number, attempt.number))
    for (const Share& share : running->placement)
      if (auto agent = state_.agents.find(share.agent); agent != state_.agents.end())
        if (live.hosts.empty() || live.hosts.back() != agent->second.host) live.hosts.push_back(agent->second.host);
  if (!attempt.line.empty()) read_progress_line(attempt.line, live);
  live.seconds_left = seconds_left_of(number, attempt, live);
  return live;
}

// By its own speed where a training has said how far it is; else by what was learned of its like. -1: unknown.
double Coordinator::seconds_left_of(JobIndex number, const Attempt& attempt, const LiveAttempt& live) const {
  const auto done = live.step - attempt.first_step;
  if (live.step >= 0 && live.steps >= live.step && done > 0)
    return live.seconds / static_cast<double>(done) * static_cast<double>(live.steps - live.step);
  Workload workload = workloads_[position_of(number)];
  const std::int64_t steps = job_of(state_, number).steps;
  if (steps > 0) workload.work = static_cast<double>(std::max<std::int64_t>(steps - attempt.first_step, 1));
  const Durations::Expected expected = durations_.expected(workload);
  return expected.learned ? std::max(0.0, expected.milliseconds / 1000 - live.seconds) : -1;
}

// As long as the work that is left takes on all slots and on all GPUs, or its longest chain. -1: of some job nothing is
// known, or there is no place for it.
double Coordinator::seconds_left() const {
  std::array<double, 2> work{};  // by slots, by GPUs
  double longest = 0;
  std::vector<double> longest_after(jobs_.size(), 0);
  std::map<JobIndex, double> running;
  for (const auto& [number, attempt] : attempts_)
    if (!starting_.starts(number)) running[number] = live_attempt(number, attempt).seconds_left;
  for (std::size_t i = jobs_.size(); i-- > 0;) {
    const JobIndex number = numbers_[i];
    const Job& job = job_of(state_, number);
    if (has_ended(job)) continue;
    double left = 0;
    if (auto live = running.find(number); live != running.end()) {
      left = live->second;
    } else {
      const Durations::Expected expected = durations_.expected(workloads_[i]);
      left = expected.learned ? expected.milliseconds / 1000 : -1;
    }
    if (left < 0) return -1;
    work.at(job.gpus ? 1 : 0) += left * job.slots;
    const double path = left + longest_after[i];
    longest = std::max(longest, path);
    for (JobIndex need : job.after) {
      double& after = longest_after[position_of(need)];
      after = std::max(after, path);
    }
  }
  for (const bool gpus : {false, true}) {
    const double left = work.at(gpus ? 1 : 0);
    const int places = capacity(state_, gpus);
    if (left > 0 && places == 0) return -1;
    if (places > 0) longest = std::max(longest, left / places);
  }
  return longest;
}

}  // namespace resolute::orchestrator
