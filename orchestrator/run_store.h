#pragma once
//! \file
//! What a coordinator asks of the store while its run is at work, all in one place. Every call may block as long as the
//! store does, and may throw RuntimeError; one whose is_storage() holds says that the store failed, not the job that
//! the call was for, and the same call may be made again.

#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/clock.h"
#include "core/file_system.h"
#include "orchestrator/claim.h"
#include "orchestrator/durations.h"
#include "orchestrator/epoch.h"
#include "orchestrator/launch.h"
#include "orchestrator/live.h"
#include "orchestrator/owner.h"
#include "orchestrator/requests.h"

namespace resolute::orchestrator {

//! What became of making a job ready to run.
struct FilesMade {};
struct HeldBy {
  std::string whom;  //!< another run, for people
};
struct ResultThere {};  //!< another run finished it; the claim is ours
struct NumberUsed {
  int last = 0;  //!< highest attempt number in the store; the claim is given back
};
using Preparation = std::variant<FilesMade, HeldBy, ResultThere, NumberUsed>;

class RunStore {
 public:
  //! Claims the suite's next epoch. \param run experiments::run_name() \param watch RunOptions::owner_watch \throws as
  //! claim_epoch()
  RunStore(core::FileSystem& files, const core::Clock& clock, experiments::StoreLayout layout, const std::string& run,
           Instant now, std::chrono::milliseconds watch);

  const experiments::StoreLayout& layout() const { return layout_; }
  core::FileSystem& files() { return files_; }
  const Owner& owner() const { return owner_; }
  //! In which the run began, and its token.
  std::int64_t epoch() const { return epoch_.epoch; }
  const std::string& run() const { return epoch_.run; }
  //! The past that was replayed; once.
  State take_past() { return std::move(epoch_.state); }

  //! A record for the next sync(); no I/O.
  void append(const Event& event, Instant at) { epoch_.journal->append(event, at); }
  bool synced() const { return epoch_.journal->synced(); }
  //! What was appended is on the disk when it returns. \throws RuntimeError (kInterrupted) after a take-over
  void sync() { epoch_.journal->sync(); }
  //! Once the journal has `length` bytes: goes on in the next epoch. Between two batches.
  void go_on(const State& state, Instant now, std::uint64_t length);
  //! \throws RuntimeError (kInterrupted) after a take-over
  void require_no_successor() const { epoch_.journal->require_no_successor(); }
  //! And if the journal is gone. \throws as JournalWriter
  void require_ours() const { epoch_.journal->require_ours(); }
  //! Counts the owner file on. A failure is a line in the log: should another run take over because of it, the journal
  //! keeps this one from acting.
  void renew_owner(bool ended);

  //! Claim, specifications and folder of an attempt. \param needs the jobs that it needs: their specifications may have
  //! been left torn by a power failure
  Preparation prepare(const experiments::PlannedJob& job, const std::vector<const experiments::PlannedJob*>& needs,
                      int attempt);
  bool has_result(const experiments::JobId& job) { return orchestrator::has_result(files_, layout_, job); }
  //! Gives a claim back. Never throws a RuntimeError.
  void release(const experiments::JobId& job) { claims_->release(job); }

  //! As RequestBox.
  std::vector<PendingRequest> requests() { return request_box_.read(); }
  void discard_request(const std::string& name) { request_box_.discard(name); }
  //! Nothing depends on these two: a failure is a line in the debug log.
  void write_live(const LiveStatus& status);
  void write_durations(const std::vector<MeasuredDuration>& measured);

  //! Does on a file of its own what the calls above do on theirs. \throws RuntimeError while the store fails
  void probe();
  //! At the end of the run. A failure is a line in the log.
  void close();

 private:
  core::FileSystem& files_;
  experiments::StoreLayout layout_;
  OwnedEpoch epoch_;
  Owner owner_;
  std::optional<Claims> claims_;
  AttemptFolders folders_;
  RequestBox request_box_;
};

}  // namespace resolute::orchestrator
