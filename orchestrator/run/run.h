#pragma once
//! \file
//! Running a suite, alone or under mpirun/srun. `resolute suite run` calls this.

#include <chrono>
#include <exception>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "experiments/specification/plan.h"
#include "orchestrator/coordinator/run_options.h"
#include "orchestrator/messages/event.h"

namespace resolute::orchestrator {

//! The meaning of a signal for a run's end: SIGUSR1 is a notice that the machine will be taken away, for its time limit
//! where that is less than five minutes away, or than `lead` and two more: a notice comes up to a minute earlier than
//! it is asked for. Pure. \param lead Policy::stop_lead
StopRequested meaning_of_signal(int signal, const std::optional<Instant>& ends_at, Instant now, Milliseconds lead);

//! True if an MPI launcher (mpirun, srun --mpi=pmix) started more than one process of us. Reads only environment
//! variables. \throws RuntimeError (kInput) if srun started several that cannot know of each other (no PMIx): each
//! would run the suite alone
bool launched_by_mpi(const std::map<std::string, std::string>& environment);
//! This process's number among them, as the launcher's variables say; 0 if it was not launched by one.
int launched_rank(const std::map<std::string, std::string>& environment);
//! Before a rank speaks of a fault that all ranks of its launch may have: the first speaks at once and mpirun ends the
//! others for that, which wait here. One that lives on has the variables of another program's launch, or a fault that
//! its node alone has.
void let_first_rank_speak(const std::map<std::string, std::string>& environment);
//! \param found processes that MPI_Init has found \throws RuntimeError (kInput) where it found itself alone and was
//! started as one of several: by a kind of srun's --mpi that the library does not speak, or by another MPI's mpirun
void require_acquainted(const std::map<std::string, std::string>& environment, int found);

//! "90" (minutes), "MM:SS" or "H:MM:SS". \throws RuntimeError (kInput)
std::chrono::seconds parse_walltime(const std::string& text);
//! When the allocation ends as SLURM says it (SLURM_JOB_END_TIME, seconds since 1970); nothing outside
//! one, or for an end that no run lives to see.
std::optional<Instant> allocation_end(const std::map<std::string, std::string>& environment);

//! Coordinator and one agent in this process and its spawner; no MPI. SIGINT and SIGTERM end the run in order (a second
//! one at once). Returns at once when every result is there. Call it from a process with one thread. \throws
//! RuntimeError kInput (worker missing, store not writable), kTransient (suite being run), kCorrupt (journal),
//! kEnvironment
RunOutcome run_local(const experiments::Plan& plan, const RunOptions& options);

//! Every process of an MPI launch calls this: rank 0 is the coordinator, the others are agents. `plan` is called on
//! rank 0 alone. On rank 0 `report` gets the outcome (or, if the run failed, the error) and returns the exit code; then
//! every process leaves by itself, so that this function never returns. Nothing may hold locks or unflushed output but
//! stdio. \throws RuntimeError as MpiTransport::start(): no MPI library is here, or it does not start
[[noreturn]] void run_mpi(const std::function<experiments::Plan()>& plan, const RunOptions& options,
                          const std::function<int(const RunOutcome*, const std::exception*)>& report);

}  // namespace resolute::orchestrator
