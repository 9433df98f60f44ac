// The coordinator's work because time has passed.
#include "core/log.h"
#include "core/overloaded.h"
#include "orchestrator/coordinator/coordinator.h"
#include "orchestrator/course/live_view.h"
#include "orchestrator/decisions/apply.h"
#include "orchestrator/store/wall_clock.h"

namespace resolute::orchestrator {
namespace {

double seconds(core::MonotonicTime::duration time) { return std::chrono::duration<double>(time).count(); }

}  // namespace

void Coordinator::do_chores() {
  const auto time = clock_.now();
  renew_owner_if_due();
  if (attention_.claims_in_doubt(time) && !watch_.pause() &&
      duties_[Duty::kLookAtClaims].due(time, options_.owner_watch / 3))
    look_at_claims();
  if (!finished() && !journal_.fails() && duties_[Duty::kTakeRequests].due(time, options_.request_interval)) {
    note_idleness();
    take_requests();
    check_signs_of_life();
  }
  if (options_.spent && !finished() && !state_.stop && !watch_.pause() &&
      duties_[Duty::kAskWhatIsSpent].due(time, options_.spent_interval))
    if (const auto why = options_.spent()) request_stop(StopRequested{cancelled_by(*why)}, false);
  if (!under_way_.contains(StoreCall::kWriteLive) && duties_[Duty::kTellLookers].due(time, options_.live_interval)) {
    write_live_status();
    store_.write_durations(forecast_.take_learned());
  }
}

void Coordinator::keep_aside(const std::vector<Event>& events) {
  for (const Event& event : events) {
    store_.append(event, now());
    orchestrator::apply(state_, event);
  }
  occasion_.arise();
}

// A job that another run holds is tried here every few seconds. Only an attempt that has its files is at work.
void Coordinator::note_idleness() {
  if (peers_.pending() || watch_.pause() || at_work_.any()) occasion_.note_work(now());
}

void Coordinator::renew_owner_if_due() {
  if (under_way_.contains(StoreCall::kRenewOwner) ||
      !duties_[Duty::kRenewOwner].due(clock_.now(), options_.owner_watch / 3))
    return;
  under_way_.insert(StoreCall::kRenewOwner);
  // A run that has nothing to journal finds out here that another has taken over.
  store_.renew_owner([this](Answer<Done>& answer) {
    under_way_.erase(StoreCall::kRenewOwner);
    on_store([&] { answer.take(); });
  });
}

// Others break the claims of a run that stood still, and work on its jobs: one of the two has to stop. They may look
// while it comes back, so it looks again.
void Coordinator::look_at_claims() {
  for (const auto& [number, attempt] : at_work_.attempts.all())
    if (!at_work_.starting.starts(number))
      store_.look_at_claim(jobs_.at(number).id,
                           [this, number = number, attempt = attempt.number](Answer<bool>& answer) {
                             on_store([&] {
                               if (!answer.take() && current(state_, number, attempt) != nullptr)
                                 record(ClaimLost{number, attempt});
                             });
                           });
}

void Coordinator::take_requests() {
  // Their files go once what follows from them cannot be lost with them.
  if (journal_.has_requests() || !under_way_.insert(StoreCall::kReadRequests).second) return;
  store_.read_requests([this](Answer<std::vector<PendingRequest>>& answer) {
    under_way_.erase(StoreCall::kReadRequests);
    const auto waiting = answer.take();
    if (journal_.fails()) return;
    std::vector<std::string> taken;
    for (const PendingRequest& pending : waiting) {
      take_request(pending.request, pending.by);
      for (const Event& event : journal_.take_held()) record(event);
      taken.push_back(pending.name);
    }
    journal_.take_up(std::move(taken), store_.appended());
    discard_requests();  // those that no event follows from
  });
}

void Coordinator::discard_requests() {
  if (std::vector<std::string> done = journal_.take_requests(); !done.empty()) store_.discard_requests(std::move(done));
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
                                if (!drain.on) place_checks_.forget(state_, drain.host);
                                record(HostDrained{drain.host, drain.on,
                                                   fmt::format("{} by {}", drain.on ? "drained" : "back in use", by)});
                              }},
             request);
}

// Shards and seals say nothing between their begin and their end. Nobody speaks for an attempt that waits for the store
// alone.
void Coordinator::check_signs_of_life() {
  const auto limit = options_.no_progress_limit;
  if (limit.count() == 0) return;
  const auto speaks = [&](JobIndex number) {
    const auto& specification = jobs_.at(number).specification;
    return !at_work_.starting.waits_for_store(number) &&
           !std::holds_alternative<experiments::ShardSpecification>(specification) &&
           !std::holds_alternative<experiments::SealSpecification>(specification);
  };
  for (JobIndex number : at_work_.attempts.stall(clock_.now(), limit, speaks)) {
    const AttemptAtWork& attempt = at_work_.attempts.at(number);
    record(Stalled{number, attempt.number,
                   fmt::format("no line of progress for {:.0f} s", seconds(clock_.now() - attempt.heard))});
  }
}

void Coordinator::write_live_status() {
  const auto time = clock_.now();
  LiveStatus status = live_view(state_, at_work_.attempts, at_work_.starting, forecast_, time);
  status.epoch = store_.epoch();
  status.at = wall_clock();  // as who looks on has it, whatever steps it made
  if (const auto& pause = watch_.pause()) status.store = LiveStoreFailure{pause->why, seconds(time - pause->since)};
  announcer_.show(state_, status);
  under_way_.insert(StoreCall::kWriteLive);
  store_.write_live(std::move(status), [this](Answer<Done>&) { under_way_.erase(StoreCall::kWriteLive); });
}

}  // namespace resolute::orchestrator
