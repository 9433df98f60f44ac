#pragma once
//! \file
//! SLURM's commands as functions: arguments as a vector (never a shell), an environment in which nothing of the user's
//! changes their output, a time limit on each, and patience with a controller that is slow or away.

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/clock.h"
#include "core/process/process.h"
#include "slurm/job_record.h"
#include "slurm/trouble.h"

namespace resolute::slurm {

//! The world of a client, to be replaced by tests.
struct Effects {
  //! \throws RuntimeError (kInput) if the program cannot be started
  std::function<core::CommandOutput(const std::vector<std::string>& arguments, std::chrono::milliseconds limit)> run;
  std::function<void(std::chrono::milliseconds)> sleep;
  const core::Clock* clock = nullptr;
};
//! Programs on PATH in command_environment(). They ask this machine's cluster unless at_cluster() names another;
//! SLURM_CLUSTERS is ignored, for a submission's jobs may be elsewhere. \param inherited environment of sbatch's jobs,
//! job_environment(); empty: this process's
Effects real_effects(std::map<std::string, std::string> inherited = {});
//! The environment for a job that another job submits: the one that the other's script was born with, so that no module
//! is loaded twice, without the GPUs that SLURM gave it. \param current says which cluster is asked
std::map<std::string, std::string> job_environment(std::map<std::string, std::string> born,
                                                   const std::map<std::string, std::string>& current);
//! A command of SLURM's as another cluster of the site gets it. \param cluster empty: this machine's
std::vector<std::string> at_cluster(std::vector<std::string> command, const std::string& cluster);
//! The variable by which sbatch chooses a cluster: SLURM_CLUSTERS, or SBATCH_CLUSTERS where that is empty.
std::string cluster_variable(const std::map<std::string, std::string>& environment);
//! True for a variable that chooses the cluster or the credentials.
bool names_cluster(std::string_view variable);
//! `environment` without the variables that change what SLURM's commands do or print (SBATCH_*, SQUEUE_*, SACCT_*,
//! SCANCEL_*, SCONTROL_*, SINFO_*, and SLURM_* but those that names_cluster() accepts), and with TZ=UTC0 and LC_ALL=C.
//! sbatch does not get these two: its job inherits the environment. \param program that gets it
std::map<std::string, std::string> command_environment(std::map<std::string, std::string> environment,
                                                       std::string_view program = {});

struct ClientOptions {
  std::chrono::milliseconds command_limit{30'000};  //!< of one call; then it is killed and counts as kTransient
  std::chrono::milliseconds patience{60'000};       //!< with transient trouble: no try begins later than this
  std::chrono::milliseconds first_pause{500};       //!< between two tries; doubled up to longest_pause
  std::chrono::milliseconds longest_pause{15'000};
};

struct Refused {
  std::string why;  //!< SLURM's own words
};
//! sbatch failed in a way that may have left a job behind.
struct Unclear {
  std::string why;
};
struct Gone {};  //!< SLURM does not know the job (any more)
struct Done {};

//! The error for a command of SLURM's that is missing or has no cluster. \param why in the command's words
core::RuntimeError unavailable_error(const std::string& program, const std::string& why);

//! Which jobs of a name cancel() ends.
enum class CancelScope { kAll, kWaiting };  //!< all | only those that have not begun: none that begins meanwhile is hit

class Client {
 public:
  explicit Client(Effects effects, ClientOptions options = {});
  //! The same for jobs of this cluster. \param cluster SubmissionRequest::cluster
  Client at(const std::string& cluster) const;

  //! One sbatch, never repeated here (submission.h). \throws RuntimeError (kInput) if there is no sbatch here
  std::variant<Accepted, Refused, Unclear> submit(const std::filesystem::path& script);
  //! Every job of this user with one of these names that SLURM knows, also finished ones. One call for hundreds of
  //! names, no call without a name. No answer is an error, never an empty list. \throws RuntimeError kTransient if the
  //! controller does not answer, kInput if there is no SLURM here, kEnvironment if it refuses to tell
  std::vector<QueuedJob> find(const std::vector<std::string>& names);
  //! \throws as find()
  std::variant<ShownJob, AnotherJob, Gone> show(SlurmJobId id, const std::string& name);
  //! Ends every job of this user with this name. It is no error if there is none. \throws as find()
  void cancel(const std::string& name, CancelScope scope = CancelScope::kAll);
  //! Ends one job, also the caller's own: it becomes CANCELLED, whatever its script exits with. An unknown or ended job
  //! is no error. \throws as find()
  void cancel(SlurmJobId id);
  //! `scontrol requeue`. A finished job would run again: look at it first. Done too if it waits already. \throws as
  //! find()
  std::variant<Done, Refused, Gone> requeue(SlurmJobId id);
  //! `scontrol release` of a held job; as requeue(). \throws as find()
  std::variant<Done, Refused, Gone> release(SlurmJobId id);

 private:
  core::CommandOutput run(const std::vector<std::string>& arguments) const;
  using Reader = std::function<void(const std::string& output)>;
  //! A scancel; jobs that end already are none.
  void cancel_by(const std::vector<std::string>& arguments);
  //! Runs a command until it succeeds, refuses, or patience ends. \param read throws RuntimeError (kTransient) for an
  //! output that is none: then it is asked again
  std::variant<Done, Refused, Gone> ask(const std::vector<std::string>& arguments, const Reader& read);
  //! One try. \return nothing if it has to be asked again, for the reason `why`
  std::optional<std::variant<Done, Refused, Gone>> ask_once(const std::vector<std::string>& arguments,
                                                            const Reader& read, std::string& why);

  Effects effects_;
  ClientOptions options_;
  std::string cluster_{};
};

}  // namespace resolute::slurm
