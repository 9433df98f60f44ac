#pragma once
//! \file
//! SLURM's view of a suite joined with the store's: which allocations wait, run, or have gone without a word. The join
//! is pure.

#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/files/file_system.h"
#include "core/files/json.h"
#include "experiments/store/store_layout.h"
#include "settings/choice.h"
#include "slurm/allocation.h"
#include "slurm/client.h"
#include "slurm/submission.h"

namespace resolute::cli {

//! A batch as the store knows it.
struct StoredBatch {
  slurm::Batch batch;
  std::filesystem::path folder;
  int generation = -1;                     //!< the last one that was intended; -1: none
  bool unanswered = false;                 //!< nobody wrote how the submission of the last one went
  std::vector<slurm::KnownJob> known;      //!< one a generation that SLURM took
  std::optional<std::string> refused;      //!< why SLURM did not take the last one
  std::vector<slurm::AllocationRun> runs;  //!< in order of begin
  std::set<std::string> logs{};            //!< names of the files in its log folder
};
struct StoredSubmission {
  slurm::SubmissionRequest request;
  bool ended = false;
  std::vector<StoredBatch> batches;
  std::optional<std::string> other_user{};  //!< who submitted it, if not we (submitter.h): SLURM tells only him
};
//! Every submission of a suite, oldest first. One that cannot be read is left out, with a warning. \param warned
//! warnings that were given before: none is given twice
std::vector<StoredSubmission> read_submissions(core::FileSystem& files, const std::filesystem::path& suite_folder,
                                               std::set<std::string>* warned = nullptr);

//! Names of the batches that SLURM may still know; empty: there is nothing to ask. Pure.
std::vector<std::string> names_to_ask(const std::vector<StoredSubmission>& submissions);

//! What SLURM said.
struct SlurmAnswer {
  std::vector<slurm::QueuedJob> queued;
  std::optional<std::string> trouble;  //!< it did not answer, or there is none here: why
};
//! One squeue for all names; none without a name. Never throws for what SLURM does.
SlurmAnswer ask_slurm(slurm::Client& client, const std::vector<std::string>& names);

//! One allocation, or a whole array.
struct AllocationView {
  //! kNotSubmitted: an intent without an answer; kLost: SLURM knows it no more, and it did not end by its own record.
  enum class State { kWaits, kHeld, kRuns, kEnding, kEnded, kLost, kRefused, kNotSubmitted, kUnknown };
  std::string submission;  //!< token
  int batch = 1;
  int allocation = 1;  //!< the first of the batch
  int elements = 0;    //!< of an array; 0: none
  slurm::JobNumber job = 0;
  State state = State::kUnknown;
  std::string slurm_state;             //!< SLURM's word: "PENDING"; of an array, counts: "3 RUNNING, 7 PENDING"
  std::string reason;                  //!< why it waits, in SLURM's words (pending_reason.h), or why it was refused
  int nodes = 0;                       //!< different ones
  std::string node_list;               //!< compressed; of an array, those of its elements after one another
  std::optional<slurm::Time> begin{};  //!< begin, or when it is expected to
  std::optional<slurm::Time> end{};
  int starts = 0;        //!< of its script
  std::string last_end;  //!< cause and verdict of the last start that has ended; of an array, counts by cause
  std::string advice;    //!< what to do; empty: nothing
};
constexpr auto words_of(AllocationView::State) {
  return settings::words("waits", "held", "runs", "ending", "ended", "lost", "refused", "not-submitted", "unknown");
}
constexpr std::string_view name_of(AllocationView::State state) { return settings::word(state); }
//! It will run, or may: SLURM has it, or could not be asked.
bool may_live(AllocationView::State state);
//! Those of submissions that have not ended, or, where all have, of the last one. A job is found by its batch's name,
//! which no other has; never by id and time of submission, which a requeue changes. Pure. \param complete every job has
//! its result
std::vector<AllocationView> join(const std::vector<StoredSubmission>& submissions, const SlurmAnswer& answer,
                                 bool complete);

//! One line each, for `suite status`, and one more for SLURM's trouble; nothing without submissions.
std::vector<std::string> allocation_lines(const std::vector<AllocationView>& views, const SlurmAnswer& answer,
                                          slurm::Time now);
//! [{"submission", "batch", "allocation", "elements", "job", "state", "slurm_state", "reason", "nodes", "node_list",
//! "begin", "end", "starts", "last_end", "advice"}]; times as "2026-01-31T12:00:00Z" or null.
core::Json allocations_json(const std::vector<AllocationView>& views);

}  // namespace resolute::cli
