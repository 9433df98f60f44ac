// The coordinator's work on its journal, and while the store fails or does not answer.
#include "core/log.h"
#include "orchestrator/coordinator/coordinator.h"

namespace resolute::orchestrator {
bool Coordinator::stalls() const { return watch_.pause() || store_.blocked_for() > Announcer::kStall; }

bool Coordinator::on_store(const std::function<void()>& work) {
  try {
    work();
    return true;
  } catch (const core::RuntimeError& error) {
    if (!error.is_storage()) throw;
    if (watch_.failed(error.what(), clock_.now()))
      core::log_warning("the store fails, nothing is started until it answers again ({})", error.what());
    return false;
  }
}

void Coordinator::probe_store() {
  if (under_way_.contains(StoreCall::kSync) || !watch_.probe_due(clock_.now()) ||
      !under_way_.insert(StoreCall::kProbe).second)
    return;
  store_.probe([this](Answer<Done>& answer) {
    under_way_.erase(StoreCall::kProbe);
    try {
      answer.take();
    } catch (const core::RuntimeError& error) {
      watch_.failed(error.what(), clock_.now());
      core::log_debug("the store still fails ({})", error.what());
      return;
    }
    if (journal_.fails())
      keep_records(true);
    else
      end_pause();
  });
}

void Coordinator::end_pause() {
  const auto paused = clock_.now() - watch_.pause()->since;
  core::log_info("the store answers again, after {} s",
                 std::chrono::duration_cast<std::chrono::seconds>(paused).count());
  watch_.answered(clock_.now());
  occasion_.arise();
}

// A store that neither answers nor fails is only waited for; a signal is passed on all the same, and a second one ends
// the run.
void Coordinator::tell_of_stall() {
  const auto blocked = store_.blocked_for();
  if (blocked > Announcer::kStall) stop_undecided();
  const auto give_up_at = stopping_.give_up_at();
  if (give_up_at && now() >= *give_up_at && (journal_.fails() || blocked > Announcer::kStall))
    throw core::RuntimeError(core::ErrorKind::kInterrupted, "the run is ended while its store does not answer",
                             watch_.pause() ? watch_.pause()->why : "",
                             "start it again: it goes on from what was kept");
  announcer_.tell_of_stall(blocked);
}

void Coordinator::keep_records(bool again) {
  const bool full = journal_.is_as_long_as(options_.epoch_length);
  // Between two probes it would only fail again.
  if (journal_.fails() && !again) return;
  if (store_.all_sent() && !full && !again) return;
  if (!under_way_.insert(StoreCall::kSync).second) return;
  store_.sync([this, full](Answer<Kept>& answer) {
    if (!full) under_way_.erase(StoreCall::kSync);
    kept(answer);
  });
  if (!full) return;
  // The state has seen all records before this call and none after it.
  store_.go_on(state_, now(), options_.epoch_length, [this](Answer<Kept>& answer) {
    under_way_.erase(StoreCall::kSync);
    if (on_store([&] { journal_.go_on(answer.take().length); })) return;
    journal_.fail();
    stop_undecided();
  });
}

void Coordinator::kept(Answer<Kept>& answer) {
  bool failed = false;
  if (!on_store([&] { failed = journal_.keep(answer.take()); })) {
    journal_.fail();
    stop_undecided();
    return;
  }
  if (failed) end_pause();
  discard_requests();  // before the run's end is carried out, which may stand among the same records
  carry_out();
}

// The ranks' checkpoints need not wait for a journal that takes no decision.
void Coordinator::stop_undecided() {
  if (state_.stop && stopping_.tell_undecided()) stop_all(options_.policy.stop_grace);
}

}  // namespace resolute::orchestrator
