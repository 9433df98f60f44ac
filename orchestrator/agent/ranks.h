#pragma once
//! \file
//! The process ranks of a host: what their spawner keeps of each, and how their ends are read. For child.cpp.

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

//! Whether a store that fails may be the cause. A folder that is not mounted any more looks like a wrong setting, and
//! pages of a file that is gone end in SIGBUS.
bool may_be_the_stores(const Rank& rank, const RankEnded& report);

//! What a rank left outside its group (a daemon) became our child when its parents ended. It is killed when no rank of
//! its attempt is left, or, where it hides its environment, when it is older than every rank.
void end_orphans(const std::list<Rank>& ranks);

//! Kills ranks that hold more memory than they may, with their group and all that descends from them.
void kill_over_memory(std::list<Rank>& ranks);

}  // namespace resolute::orchestrator
