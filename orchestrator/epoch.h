#pragma once
//! \file
//! A suite's past, replayed, and the claim on its next epoch.

#include <memory>
#include <vector>

#include "core/file_system.h"
#include "experiments/plan.h"
#include "experiments/store_layout.h"
#include "orchestrator/journal.h"
#include "orchestrator/state.h"

namespace resolute::orchestrator {

//! Applies every record of every epoch. \throws RuntimeError (kCorrupt), naming file and offset of an event that cannot
//! be
State replay(const std::vector<JournalContents>& journals);

//! An epoch that this process owns.
struct OwnedEpoch {
  State state;  //!< replayed; no RunStarted of this epoch yet
  std::int64_t epoch = 0;
  std::string run;  //!< token
  std::filesystem::path suite_folder;
  std::unique_ptr<JournalWriter> journal;
};

//! Replays the suite's journals, checks that no other run owns it, and claims the next epoch.
//! \param watch how long the owner on another host is watched for signs of life
//! \throws RuntimeError kInput: it is being run already, or the store takes no files; kCorrupt: a damaged journal
OwnedEpoch claim_epoch(core::FileSystem& files, const experiments::StoreLayout& store, const std::string& suite,
                       Instant now, std::chrono::milliseconds watch);

//! Reconciles the plan with journal and store: one JobAdded a job, and JobSucceeded where result.json is there (the
//! truth; a success in the journal without it counts for nothing). `state` must have seen this run's RunStarted; it is
//! advanced.
std::vector<Event> reconcile(core::FileSystem& files, const experiments::StoreLayout& store,
                             const experiments::Plan& plan, State& state);

//! `bytes` random bytes of the kernel in hexadecimal: run tokens and store prefixes that nobody can guess.
std::string random_token(int bytes);

}  // namespace resolute::orchestrator
