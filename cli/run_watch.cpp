#include "cli/run_watch.h"

#include <fmt/format.h>

#include <exception>
#include <utility>

#include "core/log.h"
#include "orchestrator/journal/epoch.h"
#include "orchestrator/journal/journal.h"
#include "orchestrator/journal/owner.h"

namespace resolute::cli {

namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

// An owner's counter moves every few seconds. In a container a process may have another id than its owner file says:
// that it is not there counts only while the counter stands still too.
constexpr std::chrono::seconds kStillAndGone{20};
constexpr std::chrono::minutes kStill{5};
// Longer than RunOptions::owner_watch: the next run looks for itself once more.
constexpr std::chrono::seconds kStillAndFree{20};
constexpr int kSlices = 15;
constexpr std::chrono::milliseconds kSlice{200};

// The run that wrote the last journal of a folder: the number of its first one, 0 without any.
std::int64_t last_run(core::FileSystem& files, const fs::path& run_folder) {
  const auto epochs = orchestrator::journal_epochs(files, run_folder);
  if (epochs.empty()) return 0;
  return orchestrator::read_run_epoch(files, run_folder, epochs.back());
}

// No run that is there yet is a later one than this.
std::int64_t run_at_begin(core::FileSystem& files, const fs::path& run_folder) {
  try {
    return last_run(files, run_folder);
  } catch (const std::exception& error) {
    core::log_warning("the last run could not be looked at: {}", error.what());
  }
  try {
    return orchestrator::journal_epochs(files, run_folder).back();
  } catch (const std::exception&) {
    return 0;  // no run will begin here either
  }
}

// A folder that cannot be read shows no run.
std::int64_t last_run_or_none(core::FileSystem& files, const fs::path& run_folder) {
  try {
    return last_run(files, run_folder);
  } catch (const std::exception& error) {
    core::log_debug("the run could not be looked at: {}", error.what());
    return 0;
  }
}

}  // namespace

RunWatch::RunWatch(core::FileSystem& files, fs::path run_folder, const core::Clock& clock,
                   std::chrono::milliseconds begin_limit)
    : files_(files),
      folder_(std::move(run_folder)),
      clock_(clock),
      run_before_(run_at_begin(files, folder_)),
      begins_by_(clock.now() + begin_limit) {}

bool RunWatch::began() const { return last_run_or_none(files_, folder_) > run_before_; }

bool RunWatch::over() {
  try {
    const std::int64_t run = last_run(files_, folder_);
    if (run <= run_before_) return clock_.now() > begins_by_;
    const auto owner = orchestrator::read_owner(files_, folder_, run);
    if (!owner) return false;
    if (owner->ended) return true;
    if (counter_ != owner->counter) {
      counter_ = owner->counter;
      moved_ = clock_.now();
    }
    const auto still = clock_.now() - moved_;
    const bool over =
        still > kStill || (still > kStillAndGone && orchestrator::life_of(*owner) == orchestrator::OwnerLife::kEnded);
    // A store that takes no files takes no owner file either.
    if (over) core::probe_storage(files_, folder_);
    return over;
  } catch (const std::exception& error) {
    core::log_debug("the run could not be looked at: {}", error.what());
    const auto* failed = dynamic_cast<const core::RuntimeError*>(&error);
    if (failed != nullptr && failed->is_storage()) moved_ = clock_.now();
    return false;
  }
}

OtherRun::OtherRun(core::FileSystem& files, fs::path run_folder, const core::Clock& clock)
    : files_(files), folder_(std::move(run_folder)), clock_(clock), moved_(clock.now()) {
  look();
  first_ = last_;
}

// What cannot be read gives no sign of life.
void OtherRun::look() {
  try {
    const auto owner = orchestrator::read_owner(files_, folder_, last_run(files_, folder_));
    if (!owner) return;
    if (owner->counter != last_.counter) moved_ = clock_.now();
    last_ = {owner->counter, owner->ended, fmt::format("process {} on '{}'", owner->process, owner->host)};
  } catch (const std::exception& error) {
    core::log_debug("the other run could not be looked at: {}", error.what());
  }
}

bool OtherRun::moved() {
  look();
  return last_.counter != first_.counter || last_.ended != first_.ended;
}

bool OtherRun::over() {
  look();
  return last_.ended || clock_.now() - moved_ > kStillAndFree;
}

std::string OtherRun::who() const { return last_.who; }

bool wait_for_end(OtherRun& other, const std::function<bool()>& stop,
                  const std::function<void(std::chrono::milliseconds)>& sleep) {
  while (!other.over()) {
    for (int slice = 0; slice < kSlices; ++slice) {
      if (stop()) return false;
      sleep(kSlice);
    }
  }
  return true;
}

}  // namespace resolute::cli
