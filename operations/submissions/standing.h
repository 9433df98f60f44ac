#pragma once
//! \file
//! The state of each batch of a suite's submissions, for those who submit, resume and cancel.

#include <optional>
#include <string>
#include <vector>

#include "operations/submissions/stored_submission.h"

namespace resolute::operations {

//! `last` says what came of its last generation.
struct BatchStanding : StoredBatch {
  bool alive = false;                      //!< SLURM took that generation, and has it still or cannot be asked
  std::vector<slurm::QueuedJob> queued{};  //!< SLURM jobs of its name that have not ended
  //! The SLURM job of its last generation; null: SLURM has not accepted that generation.
  const slurm::KnownJob* job() const { return std::get_if<slurm::KnownJob>(&last); }
};
//! A submission that has not been given up, with its batches from oldest to newest.
struct Standing {
  slurm::SubmissionFolder folder;
  slurm::SubmissionRequest request;
  std::vector<BatchStanding> batches;
  std::optional<std::string> trouble{};  //!< why SLURM did not answer; nothing: it answered
};
//! Jobs of submissions in SLURM.
struct JobCount {
  std::size_t ending = 0;  //!< SLURM is ending them: they may queue themselves again
  std::size_t others = 0;  //!< they wait or run
};
JobCount count_jobs(const std::vector<Standing>& standings);
//! True if one of its jobs waits or runs.
bool is_alive(const Standing& standing);
//! True if one of its batches is (stored_submission.h), and wanted.
bool is_unsettled(const Standing& standing);
//! True if the user, an administrator, or SLURM after a failed launch holds the job: it will not start by itself.
bool is_held(const slurm::QueuedJob& job);
//! Call it before anything is changed. \throws RuntimeError (kTransient) if SLURM did not answer
void require_answer(const Standing& standing);

//! The submissions that have not ended, oldest first, with what SLURM says of them: in one call, and in one more for
//! each job that should be there and was not told. Trouble with SLURM does not make it throw.
std::vector<Standing> open_submissions(core::FileSystem& files, slurm::Client& client,
                                       const std::filesystem::path& suite_folder);

//! open_submissions() after a wait, a minute at most, while SLURM is ending the only jobs that are left: they may end,
//! or queue themselves again.
std::vector<Standing> settled_submissions(core::FileSystem& files, slurm::Client& client, const slurm::Effects& effects,
                                          const std::filesystem::path& suite_folder);

//! True if the same jobs would serve both requests. Token, time, user and finished work are not compared.
bool same_order(const slurm::SubmissionRequest& one, const slurm::SubmissionRequest& other);

//! \throws RuntimeError (kInput) if a submission that has not ended belongs to another user: SLURM answers and obeys
//! its user only
void require_own_submissions(core::FileSystem& files, const std::filesystem::path& suite_folder);
void require_own_submission(const slurm::SubmissionRequest& request);

struct RefusedBatch {
  int batch = 0;
  std::string why;  //!< SLURM's words
};
//! Throws a RuntimeError (kInput) that says what to change.
[[noreturn]] void throw_refused(const RefusedBatch& refused);

}  // namespace resolute::operations
