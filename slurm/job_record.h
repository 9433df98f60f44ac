#pragma once
//! \file
//! Parses what SLURM's commands say of jobs. Parsing is strict: text that the commands would not write is refused
//! whole, so that nothing is mistaken for a job's state. Pure. Each format stands beside its parser. The formats were
//! recorded from 22.05; differences of later versions (to 26.05) are from their manual pages and sources
//! (tests/slurm/recorded).

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "slurm/job_state.h"

namespace resolute::slurm {

//! UTC: the client asks with TZ=UTC0.
using Time = std::chrono::sys_seconds;

//! "2026-01-31T12:00:00"; nothing for "N/A", "Unknown", "None", "" and what is no time.
std::optional<Time> parse_time(std::string_view text);
//! "2026-01-31T12:00:00"
std::string time_text(Time time);
//! "5", "1:30", "2:00:00", "3-00:00:00", "2-12", "3-12:30" as sbatch's --time has them: minutes, minutes:seconds,
//! hours:minutes:seconds, days-hours, days-hours:minutes, days-hours:minutes:seconds; more than zero, at most a year.
//! \throws RuntimeError (kInput) naming `option`
std::chrono::seconds parse_time_limit(const std::string& text, const std::string& option);
//! The time limit that SLURM grants: whole minutes, rounded up. 0 (the cluster's default) stays 0.
std::chrono::seconds granted_time(std::chrono::seconds asked);

//! A SLURM job id. An id alone does not identify a job, because SLURM may give it again. Nor does the time of
//! submission: a requeue sets a new one.
using SlurmJobId = std::int64_t;

//! One line of squeue. Each element of another's array of this name counts as a job (-r).
struct QueuedJob {
  SlurmJobId id = 0;  //!< %A
  JobState state = JobState::kPending;
  std::optional<Time> submitted{};  //!< %V: of the last requeue, if there was one
  std::optional<Time> begin{};      //!< %S: begin, or when it is expected to begin
  std::optional<Time> end{};        //!< %e: end, or when the time limit ends it
  int nodes = 0;                    //!< %D
  std::string node_list;            //!< %N, compressed; empty while it waits
  std::string name;                 //!< %j
  std::string reason;               //!< %r; free text
};
//! The records in an output of squeue or sinfo: without a site wrapper's text before the first record, and without
//! lines that name clusters. An output without a record stays as it is, for it may say why.
std::string records_of(std::string_view text);
//! The -o that parse_queue() reads.
inline constexpr std::string_view kQueueFormat = "%A|%F|%K|%T|%V|%S|%e|%D|%N|%j|%r";
//! \param text of `squeue -h -r -o kQueueFormat`, asked for names that is_job_name() accepts \throws RuntimeError
//! (kTransient) naming the first line that is wrong.
std::vector<QueuedJob> parse_queue(std::string_view text);

//! How a job's script ended, as SLURM writes it: "0:53". 0, 0: it ended well, or it has not ended.
struct ExitCode {
  int code = 0;
  int signal = 0;
};

//! `scontrol show job -o ID`.
struct ShownJob {
  SlurmJobId id = 0;
  JobState state = JobState::kPending;
  std::string reason;
  bool requeue = false;  //!< SLURM may start it again
  int restarts = 0;
  ExitCode exit{};
  std::optional<Time> submitted{};  //!< of the last requeue, if there was one
  std::optional<Time> begin{};
  std::optional<Time> end{};
  std::optional<Time> preempted{};  //!< PreemptTime: SLURM has told it to end
};
//! The id belongs to a job of another name.
struct AnotherJob {};
//! \param id that was asked for. The id of an array, another's, shows all its elements, one of which may have it itself
//! \param name that the job must have; nothing in it may need quoting (is_job_name())
//! \throws RuntimeError (kTransient) for what scontrol does not write
std::variant<ShownJob, AnotherJob> parse_shown_job(std::string_view text, SlurmJobId id, const std::string& name);

struct Accepted {
  SlurmJobId id = 0;
  std::string cluster;  //!< empty: the only one
};
//! `sbatch --parsable`: "ID" or "ID;CLUSTER", one line; nothing for any other text.
std::optional<Accepted> parse_accepted(std::string_view text);

//! Nodes of a list as SLURM compresses it: "n[1-3,7],m01" has five. 0 for one that cannot be read, and for over a
//! million.
int count_nodes(std::string_view node_list);

//! False if such a list does not have the node. True if it has, and of a list that is empty or cannot be read.
bool may_name(std::string_view node_list, std::string_view node);

//! 1 to 128 of [A-Za-z0-9_.-], not beginning with '-' or '.': the only job names that this program gives.
bool is_job_name(std::string_view name);

}  // namespace resolute::slurm
