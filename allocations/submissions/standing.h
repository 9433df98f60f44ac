#pragma once
//! \file
//! How each batch of a suite's submissions stands, for who submits, resumes and cancels; and the submitting of what is
//! missing.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "allocations/submissions/stored_submission.h"

namespace resolute::allocations {

//! kUnsettled: somebody was about to submit it and did not write how that went. kAlive: SLURM has it, or cannot be
//! asked. kGone: SLURM has taken it once and knows it no more, or as ended. kDone: an array whose jobs have their
//! results, or on demand and not wanted so far.
struct BatchStanding : StoredBatch {
  enum class State { kNeverTried, kUnsettled, kRefused, kAlive, kGone, kDone };
  State state = State::kNeverTried;
  std::vector<slurm::QueuedJob> queued{};  //!< that bear its name and have not ended
  //! Of its last generation; null: SLURM has not taken that.
  const slurm::KnownJob* job() const { return std::get_if<slurm::KnownJob>(&last); }
};
//! A submission that has not been given up, from oldest batch to newest.
struct Standing {
  slurm::SubmissionFolder folder;
  slurm::SubmissionRequest request;
  std::vector<BatchStanding> batches;
  std::optional<std::string> trouble{};  //!< SLURM did not answer: why
};
//! True if one of its jobs waits or runs.
bool is_alive(const Standing& standing);
//! True if one of its batches was not handed over to the end.
bool is_unsettled(const Standing& standing);
//! Held back by the user, an administrator, or SLURM after a failed launch: it will not start by itself.
bool is_held(const slurm::QueuedJob& job);

using HasResult = std::function<bool(const std::string& job)>;

//! The submissions that are not ended, oldest first; of them, what SLURM says, in one call. Never throws for what SLURM
//! does.
std::vector<Standing> open_submissions(core::FileSystem& files, slurm::Client& client,
                                       const std::filesystem::path& suite_folder, const HasResult& has_result);

//! As open_submissions(), but while the only jobs left are ones that SLURM is just ending it waits, at most a minute:
//! they may end, or queue themselves again.
std::vector<Standing> settled_submissions(core::FileSystem& files, slurm::Client& client, const slurm::Effects& effects,
                                          const std::filesystem::path& suite_folder, const HasResult& has_result);

//! True if two requests would be served by the same jobs: token, time, who asked and what is done already aside.
bool same_order(const slurm::SubmissionRequest& one, const slurm::SubmissionRequest& other);

//! \throws RuntimeError (kInput) if one that has not ended is another user's: SLURM tells, and obeys, only him
void require_own_submissions(core::FileSystem& files, const std::filesystem::path& suite_folder);
void require_own_submission(const slurm::SubmissionRequest& request);

struct RefusedBatch {
  int batch = 0;
  std::string why;  //!< SLURM's words
};
//! Hands over every batch that is kept (those on demand are grow()'s) and neither alive nor done: the generation that
//! was begun, else the next one. Stops at the first that SLURM refuses. \return that one \throws RuntimeError
//! (kTransient) if SLURM does not say whether it has a job: the same call again settles it
std::optional<RefusedBatch> submit_missing(core::FileSystem& files, slurm::Client& client,
                                           const slurm::Effects& effects, Standing& standing);
//! \throws RuntimeError (kInput) with what to change
[[noreturn]] void throw_refused(const RefusedBatch& refused);

}  // namespace resolute::allocations
