#pragma once
//! \file
//! A suite's past, replayed, and the claim on its next epoch.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "core/files/file_system.h"
#include "core/log.h"
#include "experiments/specification/plan.h"
#include "experiments/store/seen_record.h"
#include "experiments/store/store_layout.h"
#include "orchestrator/decisions/state.h"
#include "orchestrator/journal/journal.h"

namespace resolute::orchestrator {

//! The past that a suite's folder tells: the newest snapshot and the records behind it.
struct Past {
  State state;
  std::int64_t epoch = 0;      //!< the last; 0: the suite has never been run
  std::uint64_t length = 0;    //!< valid bytes of its journal
  std::int64_t run_epoch = 0;  //!< in which the last run began: its owner file's number
};
//! Safe beside a run that appends, goes on in another epoch or removes what a snapshot covers. \throws RuntimeError
//! (kCorrupt) naming file and offset of damage, or of an event that cannot be
Past read_past(core::FileSystem& files, const std::filesystem::path& suite_folder);
//! The last run has not ended and is known to be at work (same host) or may be (another host).
bool is_live(core::FileSystem& files, const std::filesystem::path& suite_folder, const Past& past);

//! The folders below suites/ that allocations of a suite have made, by their numbers.
std::vector<std::string> run_names(core::FileSystem& files, const experiments::StoreLayout& store,
                                   const std::string& suite);
//! Those of all suites, sorted. Files beside them are somebody else's.
std::vector<std::string> run_names(core::FileSystem& files, const experiments::StoreLayout& store);
//! The last run of one allocation, by its journals.
struct KnownRun : Past {
  std::string name;   //!< experiments::run_name(): its folder
  bool live = false;  //!< as is_live()
};
//! The folders below suites/ with these names that have ever been run. \throws RuntimeError as read_past()
std::vector<KnownRun> read_runs(core::FileSystem& files, const experiments::StoreLayout& store,
                                const std::vector<std::string>& names);
//! Calls `read` again, a few times, if it fails and journals have come or gone meanwhile: a run beside us may have gone
//! on in another epoch and removed files while they were read. \throws what the last call did
void read_beside_a_run(core::FileSystem& files, const std::filesystem::path& suite_folder,
                       const std::function<void()>& read);

//! An epoch that this process owns.
struct OwnedEpoch {
  State state;             //!< replayed; no RunStarted of this epoch yet
  std::int64_t epoch = 0;  //!< in which the run began: its owner file's number; journal->epoch() may be further
  std::string run;         //!< token
  std::filesystem::path suite_folder;
  std::unique_ptr<JournalWriter> journal;
};

//! Checks that no other run owns the suite, replays its past and claims the next epoch.
//! \param watch how long an owner that may live is watched for signs of it (owner.h)
//! \throws RuntimeError kTransient: it is being run already; kInput: the store takes no files; kCorrupt: a damaged
//! journal
OwnedEpoch claim_epoch(core::FileSystem& files, const experiments::StoreLayout& store, const std::string& suite,
                       Instant now, std::chrono::milliseconds watch);

//! The same run goes on in the next epoch, and a snapshot keeps what was: to be called, between two batches, when
//! `owned.journal` has grown to its length. `state` has seen every record. \param keep bytes of journals that the
//! snapshot covers and that stay (keep_snapshot()) \throws RuntimeError (kInterrupted) if another run has taken over
void go_on_in_next_epoch(core::FileSystem& files, OwnedEpoch& owned, const State& state, Instant now,
                         std::uint64_t keep = kEpochLength);

//! Ends what a run that ended without a word left running, by cause coordinator-lost; nothing where it ended in order.
//! To be applied before the next run's RunStarted. Pure.
std::vector<Event> end_abandoned(const State& state);

//! A job's state in the store.
struct FoundJob {
  bool result = false;
  int attempts = 0;             //!< attempts_in_store(), where there is no result
  std::string numeric_class{};  //!< JobAdded::numeric_class
};

//! Reconciles the plan with journal and store: one JobAdded per job, and JobSucceeded where its result is there (the
//! truth; a success in the journal without it counts for nothing); instead of both one JobsKept for jobs in a row of
//! which the journal has as much (is_kept()). `state` must have seen this run's RunStarted; it is advanced. Pure.
//! \param found of each job of the plan, in its order \param complete called once a job of the plan, in its order, to
//! fill in what neither plan nor store know
std::vector<Event> reconcile(const std::vector<FoundJob>& found, const experiments::Plan& plan, State& state,
                             const std::function<void(JobAdded&)>& complete);

//! \return whether the root of the store can be looked at: a store whose ticket has run out says EACCES of everything
bool can_be_looked_at(core::FileSystem& files, const experiments::StoreLayout& store);

//! The result of `look`; nothing where something foreign is in the way (a folder that is another user's alone, a file
//! in its place). It costs the job whose attempt meets it, and no other. Errors of the store are thrown on, and any
//! where its root cannot be looked at either: then as is_storage().
template <class Look>
std::optional<std::invoke_result_t<Look>> unless_foreign(core::FileSystem& files, const experiments::StoreLayout& store,
                                                         Look look) {
  try {
    return look();
  } catch (const core::RuntimeError& error) {
    if (error.kind() != core::ErrorKind::kInput) throw;
    if (!error.is_missing() && !can_be_looked_at(files, store)) throw error.of_storage();
    core::log_debug("left alone: {}", error.what());
    return std::nullopt;
  }
}

//! The names in a folder as they are now: a client of NFS believes a listing for up to a minute, but not behind a
//! change of its own. \throws RuntimeError of the store
std::vector<std::string> fresh_list(core::FileSystem& files, const std::filesystem::path& folder);

//! Reads what stands where a job's result.json belongs: nothing where there is none. Other parts give it
//! (results::record_check()); without one a file is enough.
//! \param kind experiments::kind_name() of the job; empty: not known
using RecordCheck =
    std::function<std::optional<experiments::SeenRecord>(const experiments::JobId& job, std::string_view kind)>;

//! The second also holds the weights that a training's record names against their hash, which takes as long as reading
//! them.
struct RecordChecks {
  RecordCheck plain, with_weights;
};

//! A damaged record's name once an attempt that makes it anew begins.
inline constexpr const char* kDamagedRecord = "damaged-result.json";

//! Calls RecordCheck for a record that can be seen: one behind a folder that is not ours to enter counts as none.
std::optional<experiments::SeenRecord> look_at_result(core::FileSystem& files, const experiments::StoreLayout& store,
                                                      const experiments::JobId& job, const RecordCheck& check,
                                                      std::string_view kind = {});

//! True if the job has a result, by look_at_result().
bool has_result(core::FileSystem& files, const experiments::StoreLayout& store, const experiments::JobId& job,
                const RecordCheck& check = {}, std::string_view kind = {});

//! Highest number up to kMostAttempts of an attempt that has left something in the job's folder, 0 if there is none or
//! nothing can be seen: a journal may have been lost, and another run of the store may have tried the job.
int attempts_in_store(core::FileSystem& files, const experiments::StoreLayout& store, const experiments::JobId& job);

}  // namespace resolute::orchestrator
