#pragma once
//! \file
//! What `suite submit`, `resume` and `cancel` share: a suite's submission as its folder and SLURM together have it, and
//! the submitting of what is missing of it.

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cli/suite_arguments.h"
#include "core/files/file_system.h"
#include "core/files/json.h"
#include "slurm/client.h"
#include "slurm/submission.h"

namespace resolute::cli {

//! kUnsettled: somebody was about to submit it and did not write how that went. kAlive: SLURM has it, or cannot be
//! asked. kGone: SLURM has taken it once and knows it no more, or as ended. kDone: an array whose jobs have their
//! results.
struct BatchStanding {
  enum class State { kNeverTried, kUnsettled, kRefused, kAlive, kGone, kDone };
  slurm::Batch batch;
  State state = State::kNeverTried;
  int generation = -1;                     //!< the last one that was intended
  std::optional<slurm::KnownJob> job{};    //!< of that generation
  std::vector<slurm::QueuedJob> queued{};  //!< that bear its name and have not ended
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
//! Hands over every batch that is neither alive nor done: the generation that was begun, else the next one. Stops at
//! the first that SLURM refuses. \return that one \throws RuntimeError (kTransient) if SLURM does not say whether it
//! has a job: the same call again settles it
std::optional<RefusedBatch> submit_missing(core::FileSystem& files, slurm::Client& client,
                                           const slurm::Effects& effects, Standing& standing);
//! \throws RuntimeError (kInput) with what to change
[[noreturn]] void throw_refused(const RefusedBatch& refused);

//! One line a batch that SLURM has: what was done to it ("submitted", "already submitted"), its job, where its log is,
//! and a command to copy. \param status_command `resolute suite status …`
std::vector<std::string> job_lines(const Standing& standing, const std::string& done,
                                   const std::string& status_command);
//! {"submission", "jobs": [{"batch", "job", "name", "script", "log"}], "already"}, and "refused": {"batch", "why"}
core::Json jobs_json(const Standing& standing, bool already, const std::optional<RefusedBatch>& refused = std::nullopt);

//! Says that every job has its result. \param verb "submit" \param submission its token, or null \return exit code 0
int report_complete(const char* verb, const core::Json& submission, const experiments::Plan& plan, bool json);

//! `resolute suite VERB SUITE --store STORE` with the suite's arguments, to be copied into a shell.
std::string suite_command(const std::string& verb, const SuiteArguments& arguments,
                          const std::vector<std::string>& plan_arguments);

//! \throws RuntimeError (kInput) if there is no sbatch here
void require_sbatch(const std::map<std::string, std::string>& environment);

}  // namespace resolute::cli
