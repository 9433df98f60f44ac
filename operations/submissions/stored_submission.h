#pragma once
//! \file
//! A suite's submissions as the store has them, who made them, and SLURM's answer on their jobs. Two views are made of
//! both: the state of each batch for submit, resume and cancel (standing.h), and the state of each allocation for those
//! who look (allocation_view.h).

#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/files/file_system.h"
#include "slurm/allocation.h"
#include "slurm/client.h"
#include "slurm/submission.h"

namespace resolute::operations {

//! The name of the user that this process acts as; USER where the machine has no name for it.
std::string effective_user();

//! The user of a submission, if it is not the effective user's. SLURM shows users their own jobs only: others' jobs
//! would seem to be gone.
std::optional<std::string> other_submitter(const slurm::SubmissionRequest& request);

//! A batch as the store knows it.
struct StoredBatch {
  slurm::Batch batch;
  std::filesystem::path folder;
  int generation = -1;            //!< the last one that was intended, an armed one only with its job; -1: none
  slurm::GenerationState last{};  //!< what came of it
  // Its history, of which read_history() knows:
  std::vector<slurm::KnownJob> known{};    //!< one a generation that SLURM took
  std::vector<slurm::ScriptStart> runs{};  //!< in order of begin
  std::set<std::string> logs{};            //!< names of the files in its log folder
  std::string why{};                       //!< its last generation was wanted, of one on demand
};
struct StoredSubmission {
  slurm::SubmissionRequest request;
  bool ended = false;
  std::vector<StoredBatch> batches;
  std::optional<std::string> other_user{};  //!< who submitted it, if not we (other_submitter()): SLURM tells only him
};
//! Without the histories of its batches. \throws RuntimeError (kCorrupt) naming a file that cannot be read
StoredSubmission read_submission(const slurm::SubmissionFolder& folder);
//! Reads the batch's history: a file for each start. \throws RuntimeError (kCorrupt) naming a file of a
//! generation that cannot be read
void read_history(core::FileSystem& files, const slurm::SubmissionFolder& folder, StoredBatch& batch);
//! With the histories of its batches. \throws as read_submission() and read_history()
StoredSubmission read_whole_submission(core::FileSystem& files, const slurm::SubmissionFolder& folder);
//! Every submission of a suite with its histories, oldest first. One that cannot be read is left out, with a warning.
//! \param warned warnings that were given before: none is given twice
std::vector<StoredSubmission> read_submissions(core::FileSystem& files, const std::filesystem::path& suite_folder,
                                               std::set<std::string>* warned = nullptr);

//! The last start of a batch; null before the first start, and while a later generation may begin. An armed generation
//! that never began does not count. Pure.
const slurm::ScriptStart* last_word(const StoredBatch& batch);
//! SLURM may not have its last generation: none was intended, or the intent has no answer. Pure.
bool is_unsettled(const StoredBatch& batch);
//! On demand, and nothing has asked for it yet. Pure.
bool is_never_wanted(const StoredBatch& batch);
//! True by its own records: nothing follows its last generation, and no start of it can find more to do. Pure.
bool is_over(const StoredBatch& batch);
//! The last starts that tell how the batches ended: one for each kept batch, and the one that ended last of all batches
//! on demand. Pure.
std::vector<const slurm::ScriptStart*> telling_runs(const std::vector<StoredBatch>& batches);
//! The start ended, and found nothing more to do. Pure.
bool ended_for_good(const slurm::ScriptStart& run);
//! True if nothing follows this start by itself. A cancelled start is final until somebody resumes the suite. Pure.
bool nothing_follows(const slurm::ScriptStart& run);
//! The log of a job of the batch. Pure.
std::filesystem::path log_file(const StoredBatch& batch, slurm::SlurmJobId job);
//! The job has written one: a job that was cancelled before it began has none. Pure.
bool has_log(const StoredBatch& batch, slurm::SlurmJobId job);

//! Names of batches, by the cluster that has their jobs: SubmissionRequest::cluster.
using NamesByCluster = std::map<std::string, std::vector<std::string>>;
//! The batches that SLURM may still know; empty: there is nothing to ask. Pure.
NamesByCluster names_to_ask(const std::vector<StoredSubmission>& submissions);

//! \throws RuntimeError (kInput) if there is no sbatch here
void require_sbatch(const std::map<std::string, std::string>& environment);

//! A client with patience for somebody who waits at a terminal.
slurm::Client interactive_client();

struct SlurmAnswer {
  std::vector<slurm::QueuedJob> queued;
  std::optional<std::string> trouble;  //!< it did not answer, or there is none here: why
  std::map<std::pair<std::string, slurm::SlurmJobId>, slurm::ExitCode> exits{};  //!< by QueuedJob::name and id
};
//! One squeue for all names of a cluster; none without a name. If one cluster does not answer, nothing is known.
//! Never throws for what SLURM does.
SlurmAnswer ask_slurm(const slurm::Client& client, const NamesByCluster& names);
//! Fills in SlurmAnswer::exits, for who shows how jobs ended: one scontrol for each name whose last job failed, four at
//! most. Never throws for what SLURM does. \param names that were asked for
void ask_for_exits(const slurm::Client& client, const NamesByCluster& names, SlurmAnswer& answer);
//! The suite's text as it was submitted is another than `text`. \param text of the suite's file with all that it
//! includes
bool suite_has_changed(core::FileSystem& files, const slurm::SubmissionFolder& folder, const std::string& text);
//! The warning then.
inline constexpr std::string_view kSuiteHasChanged =
    "the suite file has changed since it was submitted, and the submission goes on with the old one; for the new one: "
    "`resolute suite cancel`, then `resolute suite submit`";

//! The jobs of a batch in the answer. Only the batch's jobs have its name; id and time of submission do not identify
//! them, for a requeue changes the time. Pure.
std::vector<const slurm::QueuedJob*> jobs_named_as(const StoredBatch& batch, const SlurmAnswer& answer);

}  // namespace resolute::operations
