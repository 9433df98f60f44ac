#pragma once
//! \file
//! Everything that a coordinator asks of the store while its run is at work. A call may take as long as the store does,
//! so none is made on the coordinator's thread: a member with a parameter `then` gives the call to StoreLanes and
//! returns at once, and take_answers() passes the answer to `then`. If a call fails with is_storage(), the store has
//! failed and not the job, and the same call may be made again.

#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/clock.h"
#include "core/files/file_system.h"
#include "orchestrator/journal/epoch.h"
#include "orchestrator/journal/owner.h"
#include "orchestrator/store/durations.h"
#include "orchestrator/store/live.h"
#include "orchestrator/store/requests.h"
#include "orchestrator/store/store_lanes.h"

namespace resolute::orchestrator {

//! The outcome of making a job ready to run.
struct FilesMade {};
struct HeldBy {
  std::string holder;  //!< another run, for people
};
struct ResultThere {};  //!< another run finished it; the claim is ours
struct NumberUsed {
  int last = 0;  //!< highest attempt number in the store; the claim has been given back
};
using Preparation = std::variant<FilesMade, HeldBy, ResultThere, NumberUsed>;

//! How far the journal is.
struct Kept {
  std::uint64_t records = 0;  //!< of RunStore::append(), on the disk
  std::uint64_t length = 0;   //!< bytes of its file
};

//! The result of a call.
template <class T>
class Answer {
 public:
  //! Once. \throws what the call threw
  T take() {
    if (error_) std::rethrow_exception(error_);
    return std::move(*value_);
  }
  void set(T value) { value_ = std::move(value); }
  void fail(std::exception_ptr error) { error_ = std::move(error); }

 private:
  std::optional<T> value_;
  std::exception_ptr error_;
};
template <class T>
using Then = std::function<void(Answer<T>&)>;
struct Done {};

class RunStore {
 public:
  //! Claims the suite's next epoch; that may take long. \param run experiments::run_name() \param watch
  //! RunOptions::owner_watch \param checks called from any thread \throws as claim_epoch()
  RunStore(core::FileSystem& files, const core::Clock& clock, experiments::StoreLayout layout, const std::string& run,
           Instant now, std::chrono::milliseconds watch, std::unique_ptr<StoreLanes> lanes, RecordChecks checks);

  const experiments::StoreLayout& layout() const { return layout_; }
  //! The epoch in which the run began, and the run's token.
  std::int64_t epoch() const { return epoch_; }
  const std::string& run() const { return run_; }
  //! The past that was replayed; once, before anything else.
  State take_past();

  //! Calls `then` for every answer that has come. \return whether there was any \throws what a `then` throws
  bool take_answers();
  //! Waits until no call is under way. \return false if the time ended before that
  bool wait(std::chrono::milliseconds limit) { return lanes_->wait(limit); }
  //! For how long the oldest call under way has not returned.
  core::MonotonicTime::duration blocked_for() const { return lanes_->blocked_for(); }
  //! Readable while there are answers.
  int descriptor() const { return lanes_->descriptor(); }

  // In order.
  //! A record for the next sync(). \return its number: 1, 2, …
  std::uint64_t append(const Event& event, Instant at);
  //! Number of the last record.
  std::uint64_t appended() const { return appended_; }
  //! No record waits for sync() to be called.
  bool all_sent() const { return unsent_.empty(); }
  //! All records appended so far are on the disk when it answers. \throws RuntimeError (kInterrupted) after a take-over
  void sync(Then<Kept> then);
  //! Goes on in the next epoch if everything is kept and the journal has `length` bytes. \param state has seen what was
  //! appended
  void go_on(const State& state, Instant now, std::uint64_t length, Then<Kept> then);
  //! \throws RuntimeError (kInterrupted) after a take-over
  void require_no_successor(Then<Done> then);
  //! Raises the counter of the owner file. A failure is a line in the log: if another run takes over because of it, the
  //! journal keeps this run from acting. \throws as JournalWriter::require_ours(), before that
  void renew_owner(Then<Done> then);
  //! The functions of RequestBox.
  void read_requests(Then<std::vector<PendingRequest>> then);
  void discard_requests(std::vector<std::string> names);
  //! Nothing depends on these two: a failure is a line in the debug log.
  void write_live(LiveStatus status, Then<Done> then);
  void write_durations(std::vector<MeasuredDuration> measured);
  //! Tries on a file of its own what the other calls do. \throws RuntimeError while the store fails
  void probe(Then<Done> then);

  // Calls in order for each job, side by side between jobs.
  //! Claim, specifications and folder of an attempt. A damaged record of the job is moved aside, so that the attempt
  //! can publish its own. \param needs the jobs that it needs: their specifications may have been left torn by a power
  //! failure
  void prepare(std::shared_ptr<const experiments::PlannedJob> job,
               std::vector<std::shared_ptr<const experiments::PlannedJob>> needs, int attempt, Then<Preparation> then);
  //! The damage that look_at_result() sees, of each of the jobs. \param jobs one at least
  void look(std::vector<std::shared_ptr<const experiments::PlannedJob>> jobs,
            Then<std::vector<std::optional<std::string>>> then);
  //! find_jobs(): what earlier runs have left of all jobs.
  void look_back(std::shared_ptr<const std::vector<experiments::PlannedJob>> jobs, Then<std::vector<FoundJob>> then);
  //! Claims::has().
  void look_at_claim(const experiments::JobId& job, Then<bool> then);
  //! Gives a claim back, whatever the store does about it.
  void release(const experiments::JobId& job);

  //! At the end of the run. A call that fails, or does not return within the limit, is a line in the log.
  void close(std::chrono::milliseconds limit);

 private:
  struct Desk;
  struct Unsent {
    Event event;
    Instant at;
  };
  //! \param work takes the Desk; gives a T, or nothing where that is Done
  template <class T, class Work>
  StoreLanes::Call call(Work work, Then<T> then);
  template <class T, class Work>
  void in_order(Work work, Then<T> then);
  template <class T, class Work>
  void beside(const std::string& name, Work work, Then<T> then);

  experiments::StoreLayout layout_;
  std::int64_t epoch_ = 0;
  std::string run_;
  std::shared_ptr<Desk> desk_;
  std::unique_ptr<StoreLanes> lanes_;
  std::vector<Unsent> unsent_;
  std::uint64_t appended_ = 0;
};

}  // namespace resolute::orchestrator
