#include "orchestrator/run_store.h"

#include <algorithm>

#include "core/bytes.h"
#include "core/log.h"

namespace resolute::orchestrator {

namespace fs = std::filesystem;

RunStore::RunStore(core::FileSystem& files, const core::Clock& clock, experiments::StoreLayout layout,
                   const std::string& run, Instant now, std::chrono::milliseconds watch)
    : files_(files),
      layout_(std::move(layout)),
      epoch_(claim_epoch(files, layout_, run, now, watch)),
      owner_(this_owner()),
      folders_(files, layout_),
      request_box_(files, epoch_.suite_folder, epoch_.epoch) {
  claims_.emplace(files, clock, layout_, Claim{run, epoch_.epoch, epoch_.run}, watch);
}

void RunStore::go_on(const State& state, Instant now, std::uint64_t length) {
  if (epoch_.journal->length() >= length) go_on_in_next_epoch(files_, epoch_, state, now, length);
}

void RunStore::renew_owner(bool ended) {
  ++owner_.counter;
  owner_.ended = ended;
  try {
    write_owner(files_, epoch_.suite_folder, epoch_.epoch, owner_);
  } catch (const core::RuntimeError& error) {
    core::log_warning("the run's owner file was not renewed: {}", error.what());
  }
}

Preparation RunStore::prepare(const experiments::PlannedJob& job,
                              const std::vector<const experiments::PlannedJob*>& needs, int attempt) {
  for (const auto* need : needs) folders_.prepare_job(*need);
  const bool fresh = folders_.prepare_job(job);
  if (auto holder = claims_->take(job.id)) return HeldBy{std::move(*holder)};
  if (fresh) return FilesMade{};
  try {
    // Another suite's run may have had the job in work when this one looked.
    if (has_result(job.id)) return ResultThere{};
    const int last = attempts_in_store(files_, layout_.job_folder(job.id));
    if (last < attempt) return FilesMade{};
    claims_->release(job.id);
    return NumberUsed{last};
  } catch (const core::RuntimeError&) {
    claims_->release(job.id);
    throw;
  }
}

void RunStore::write_live(const LiveStatus& status) {
  try {
    orchestrator::write_live(files_, epoch_.suite_folder, status);
  } catch (const core::RuntimeError& error) {
    core::log_debug("the live status was not written: {}", error.what());
  }
}

void RunStore::write_durations(const std::vector<MeasuredDuration>& measured) {
  try {
    append_durations(files_, layout_, epoch_.run, measured);
  } catch (const core::RuntimeError& error) {
    core::log_debug("durations were not kept: {}", error.what());
  }
}

void RunStore::probe() { core::probe_storage(files_, epoch_.suite_folder); }

void RunStore::close() {
  try {
    remove_live(files_, epoch_.suite_folder);
  } catch (const std::exception& error) {
    core::log_warning("{}", error.what());
  }
  claims_.reset();
  renew_owner(true);
}

}  // namespace resolute::orchestrator
