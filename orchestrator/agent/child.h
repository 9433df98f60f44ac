#pragma once
//! \file
//! The spawner's own processes, and their ranks: what is kept of each rank, and how its end is read.

#include <sys/resource.h>
#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <list>
#include <optional>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/process/process.h"
#include "orchestrator/agent/log_keeper.h"
#include "orchestrator/agent/logs.h"
#include "orchestrator/agent/spawner.h"
#include "orchestrator/messages/wire.h"

namespace resolute::orchestrator {

struct Rank {
  AttemptKey key;
  int process_rank = 0;
  pid_t process = -1;  //!< leader of its process group
  core::FileDescriptor progress;
  std::string line;
  RankOutput out, err;
  LogKeeper::Number number = 0;  //!< the log keeper's
  std::optional<core::MonotonicTime> kill_at;
  bool killed = false;  //!< by us
  std::int64_t memory_mib = 0;
  std::string over_memory;         //!< what it used, where that was too much
  std::uint64_t kernel_kills = 0;  //!< kernel_memory_kills() no later than its start
  std::filesystem::path group;     //!< control group of its own; empty: there is none
};

//! kAttemptVariable of an attempt's ranks.
std::string mark_of(const AttemptKey& key);

//! With its process group and, where it has one, its control group, which nothing that it started can leave.
void kill_all_of(const Rank& rank);

//! Whole lines of progress that it has written, each cut to what one message holds. Takes a pipe's content at most: a
//! rank that never stops talking cannot hold up the others.
std::vector<std::string> read_progress(Rank& rank);

//! \param used by it and by what it waited for
RankEnded report_of(const Rank& rank, const core::ExitStatus& status, const rusage& used);

//! True if a store that fails may be the cause. A folder that is not mounted any more looks like a wrong setting, and
//! pages of a file that is gone end in SIGBUS.
bool may_be_the_stores(const Rank& rank, const RankEnded& report);

//! A process that a rank left outside its group (a daemon) became our child when its parents ended. It is killed when
//! no rank of its attempt is left, or, where it hides its environment, when it is older than every rank.
void end_orphans(const std::list<Rank>& ranks);

//! Kills ranks that hold more memory than they may, with their group and all that descends from them.
void kill_over_memory(std::list<Rank>& ranks);

//! Serves commands from `socket` until it ends, then kills what runs. Called in the forked child only, which does that
//! in a child of its own and stays behind it to end what is left if that is killed. guard.cpp
//! \param groups control group in which ranks get groups of their own; removed in the end. Empty: there is none
[[noreturn]] void run_spawner(int socket, const SpawnerOptions& options, const std::filesystem::path& groups);

//! The work of that child. \param log_keeper socket to the process of run_log_keeper() \return its exit code
int serve_ranks(int socket, core::FileDescriptor log_keeper, const SpawnerOptions& options,
                const std::filesystem::path& groups);

}  // namespace resolute::orchestrator
