#pragma once
//! \file
//! A terminal (tmux, VS Code, Jupyter) may have been born in an allocation of SLURM's, or have got its variables from
//! one, and hands them on for weeks. They tell of processors, of an end and of a job that are not this process's.

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <variant>

#include "orchestrator/messages/event.h"
#include "slurm/client.h"

namespace resolute::cli {

//! A process as seen beside its environment.
struct ProcessPlace {
  orchestrator::Instant now;
  std::string host;     //!< as the system names it
  std::string cgroups;  //!< /proc/self/cgroup; empty: not known
  //! scontrol's answer on a job with that id and name; a function that is empty is not called.
  //! \throws RuntimeError if there is none
  std::function<std::variant<slurm::ShownJob, slurm::AnotherJob, slurm::Gone>(slurm::SlurmJobId, const std::string&)>
      ask{};
};

//! Why no SLURM_* of an environment is to be believed; nothing: they are, or there are none. SLURM is asked only where
//! the environment tells neither: not for a process in the job's control group, nor, before the end that it names, for
//! one of a batch script of ours or of an MPI launch. Where there is no answer, that end decides. Pure but for `ask`.
std::optional<std::string> why_left_over(const std::map<std::string, std::string>& environment,
                                         const ProcessPlace& place);

//! Says it, and takes the variables out of this process's environment; of a job that was given more time, its end
//! alone. \param asks whether the command reads them, so that SLURM is worth a question
void leave_left_over_allocation(bool asks);

}  // namespace resolute::cli
