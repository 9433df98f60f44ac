#pragma once
//! \file
//! The kernel's words on processes (/proc): those that a rank left behind, and how much memory it uses with all it
//! started.

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace resolute::orchestrator {

//! Names an attempt in the environment of its ranks and of all they start.
inline constexpr const char* kAttemptVariable = "RESOLUTE_ATTEMPT";

struct ProcessRecord {
  pid_t process = 0;
  pid_t parent = 0;
  pid_t group = 0;
  pid_t session = 0;
  std::uint64_t started = 0;   //!< clock ticks after the machine's start
  std::uint64_t resident = 0;  //!< bytes; pages that several processes share count in each
};
//! Nothing once it is gone or waits to be reaped.
std::optional<ProcessRecord> read_process(pid_t process);

//! This process's children, of whichever of its threads, with those that it inherited as a reaper.
std::vector<pid_t> children_of_this_process();

//! kAttemptVariable's value in the process's environment; empty if it has none or may not be read.
std::string attempt_of(pid_t process);

//! A process group, by its leader, and the attempt that it works on.
struct MarkedGroup {
  pid_t leader = 0;
  std::string attempt;  //!< kAttemptVariable's value
};
//! The memory of a group with all that it started.
struct Held {
  std::vector<pid_t> processes;
  std::uint64_t resident = 0;  //!< bytes; pages that several processes share count in each
};
//! By leader: the processes of the group, those that descend from them, and daemons, which have lost their parents and
//! became children of this process, with theirs. A daemon tells its attempt alone: it counts with that attempt's first
//! group.
std::unordered_map<pid_t, Held> held_by_groups(const std::vector<MarkedGroup>& groups);

//! Bytes that would come free only with the process's end: anonymous and shared memory, each page divided by the number
//! of processes that share it. Mapped files count too if an old kernel does not tell them apart. 0 if it is gone.
std::uint64_t memory_held(pid_t process);

//! Processes that the kernel has killed for lack of memory since it started, on the whole machine.
std::uint64_t kernel_memory_kills();

//! SIGKILL to whatever is or becomes a child of this process, until none is left or the time is over.
//! \param helper a child that ends by itself, and is killed only when the time is over; 0: none
void end_children(std::chrono::milliseconds limit, pid_t helper = 0);

//! SIGKILL to every child of this process that is in another session, and to what they leave behind, until none is
//! left; gives up after 5 s, which only processes in a hanging system call reach.
void end_children_of_other_sessions();

}  // namespace resolute::orchestrator
