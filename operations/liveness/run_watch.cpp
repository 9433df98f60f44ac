#include "operations/liveness/run_watch.h"

#include <fmt/format.h>

#include <exception>
#include <utility>

#include "core/log.h"
#include "orchestrator/journal/epoch.h"
#include "orchestrator/journal/journal.h"

namespace resolute::operations {

namespace {

using namespace std::chrono_literals;

// An owner's counter moves every few seconds. In a container a process may have another id than in its owner file: a
// missing process counts only while the counter stands still too.
constexpr std::chrono::seconds kStillAndGone{20};
constexpr std::chrono::minutes kStill{5};
// Longer than RunOptions::owner_watch: the next run looks for itself once more.
constexpr std::chrono::seconds kStillAndFree{20};
// over() is asked every few seconds. A longer pause means that the store or this process stood still, and so did the
// run.
constexpr std::chrono::seconds kAbsent{20};
constexpr int kSlices = 15;
constexpr std::chrono::milliseconds kSlice{200};

}  // namespace

RunWatch::RunWatch(core::FileSystem& files, fs::path run_folder, const core::Clock& clock)
    : files_(files), folder_(std::move(run_folder)), clock_(clock), moved_(clock.now()) {
  try_to_look();
  first_ = owner_;
}

void RunWatch::look() {
  const auto epochs = orchestrator::journal_epochs(files_, folder_);
  const std::int64_t run = epochs.empty() ? 0 : orchestrator::read_run_epoch(files_, folder_, epochs.back());
  auto owner = orchestrator::read_owner(files_, folder_, run);
  if (run != run_) moved_ = clock_.now();
  run_ = run;
  if (!owner) return;
  if (!owner_ || owner_->counter != owner->counter || owned_ != run) moved_ = clock_.now();
  owner_ = std::move(owner);
  owned_ = run;
}

void RunWatch::try_to_look() {
  try {
    look();
  } catch (const std::exception& error) {
    core::log_debug("the run could not be looked at: {}", error.what());
  }
}

bool RunWatch::other_moved() {
  try_to_look();
  return owner_ && (!first_ || owner_->counter != first_->counter || owner_->ended != first_->ended);
}

bool RunWatch::other_over() {
  try_to_look();
  return !owner_ || owner_->ended || clock_.now() - moved_ > kStillAndFree;
}

std::string RunWatch::other() const {
  return owner_ ? fmt::format("process {} on '{}'", owner_->process, owner_->host) : "";
}

void RunWatch::expect(std::chrono::milliseconds limit) {
  run_before_ = last_run();
  asked_ = clock_.now();
  begins_by_ = asked_ + limit;
}

// The last run: every later one is new. If the store does not answer, the last known one.
std::int64_t RunWatch::last_run() {
  try {
    look();
    return run_;
  } catch (const std::exception& error) {
    core::log_warning("the last run could not be looked at: {}", error.what());
  }
  try {
    const auto epochs = orchestrator::journal_epochs(files_, folder_);
    return epochs.empty() ? 0 : epochs.back();
  } catch (const std::exception&) {
    return run_;  // no run will begin here either
  }
}

bool RunWatch::began() {
  try_to_look();
  return run_ > run_before_;
}

// The pause includes a call that blocked in the store.
void RunWatch::allow_for_absence() {
  const core::MonotonicTime now = clock_.now();
  const auto pause = now - std::exchange(asked_, now);
  if (pause <= kAbsent) return;
  moved_ = now;
  begins_by_ += pause;
}

bool RunWatch::over() {
  try {
    look();
    allow_for_absence();
    if (run_ <= run_before_) return clock_.now() > begins_by_;
    const bool owned = owned_ == run_;  // it may be killed before it says whose it is
    if (owned && owner_->ended) return true;
    const auto still = clock_.now() - moved_;
    const bool gone = owned && orchestrator::life_of(*owner_) == orchestrator::OwnerLife::kEnded;
    const bool over = still > (gone ? kStillAndGone : kStill);
    // A store that takes no files takes no owner file either.
    if (over) core::probe_storage(files_, folder_);
    return over;
  } catch (const std::exception& error) {
    core::log_debug("the run could not be looked at: {}", error.what());
    allow_for_absence();
    const auto* failed = dynamic_cast<const core::RuntimeError*>(&error);
    if (failed != nullptr && failed->is_storage()) moved_ = clock_.now();
    return false;
  }
}

bool wait_for_end(RunWatch& watch, const std::function<bool()>& stop,
                  const std::function<void(std::chrono::milliseconds)>& sleep) {
  while (!watch.other_over()) {
    for (int slice = 0; slice < kSlices; ++slice) {
      if (stop()) return false;
      sleep(kSlice);
    }
  }
  return true;
}

}  // namespace resolute::operations
