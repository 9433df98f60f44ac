#pragma once
//! \file
//! The messages between coordinator and agents, and their bytes: a version, a type and the members in their order
//! (binary.h), limited in size. A new message or member needs a place in a row of wire.cpp, and a new version.
//! Each message that arrives is checked once, here; one that does not fit is refused and changes nothing.

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "orchestrator/messages/event.h"

namespace resolute::orchestrator {

inline constexpr std::uint32_t kWireVersion = 7;
inline constexpr std::size_t kMaxMessage = std::size_t{1} << 20;

//! One attempt at one job, as processes name it.
struct AttemptKey {
  std::string job;  //!< 64 hexadecimal digits
  int attempt = 0;
  auto operator<=>(const AttemptKey&) const = default;
};

//! BurnedIn, without the agent's number. With neither digest nor problem it only names a GPU: that agent does no
//! burn-in.
struct BurnIn {
  std::string gpu;
  std::string digest;
  std::string problem;
  std::int64_t images_a_minute = 0;
  std::int64_t free_mib = 0;
  Milliseconds took{};
};

// Agent to coordinator.
struct Join {
  std::string host;
  int slots = 0;
  int gpus = 0;
  std::int64_t memory_mib = 0;
  std::string numeric_class;
  std::vector<BurnIn> burn_ins{};  //!< one a GPU, or one of its processors
};
struct Heartbeat {};
struct Prepared {
  AttemptKey key;
  int port = 0;              //!< of the listening socket that process rank 0 will get; 0: none could be made
  std::string address = {};  //!< where it listens, numeric; empty: at every address of the host
  std::string problem = {};  //!< why there is no socket
};
struct RankStarted {
  AttemptKey key;
  int process_rank = 0;
};
struct ProgressLine {
  AttemptKey key;
  std::string line;  //!< one JSON line of the worker contract, unchecked
};
struct RankEnded {
  AttemptKey key;
  int process_rank = 0;
  int code = 0;
  int signal = 0;
  std::string evidence;
  bool out_of_memory = false;  //!< by the kernel's or our own hand
  std::int64_t peak_mib = 0;   //!< resident memory at its most, of the largest of its processes; 0: unknown
  std::int64_t cpu_ms = 0;     //!< that its processes computed
  std::string gpu = {};        //!< that it had (bindings.h); empty: none
  bool store_failed = false;   //!< the store was asked at its end, and failed
};
//! The agent leaves: every rank it had is gone.
struct Leave {
  std::string why;
};

// Coordinator to agent.
struct HeartbeatAnswer {
  bool stalls = false;  //!< its store does: it may fall silent, and the agent waits longer (Agent::kStallFactor)
};
//! Bind a listening TCP socket for process rank 0. `several_hosts`: at the address that the host's name stands for,
//! else on 127.0.0.1.
struct Prepare {
  AttemptKey key;
  bool several_hosts = false;
};
//! One process rank: program and arguments, log files.
struct RankCommand {
  int process_rank = 0;
  std::vector<std::string> arguments;
  std::string out;  //!< path of standard output, appended to
  std::string err;
  bool progress = false;        //!< descriptor kProgressDescriptor is a pipe whose lines come back
  bool listener = false;        //!< descriptor kListenerDescriptor is the socket of Prepare
  bool gpu = false;             //!< takes one of the agent's GPUs; else sees none
  std::int64_t memory_mib = 0;  //!< over which it is killed, with all that it started; 0: no limit
  // The agent's choice (bindings.h), made before the command goes on to its spawner.
  std::string visible_gpus;     //!< CUDA_VISIBLE_DEVICES
  std::vector<int> processors;  //!< logical ones that it may run on; empty: all
};
struct Launch {
  AttemptKey key;
  std::vector<RankCommand> ranks;
  std::string secret = {};  //!< of a gang: each rank reads it from descriptor kSecretDescriptor; empty: there is none
  std::vector<std::string> gpus_aside = {};  //!< of the agent's: none of the ranks gets one. Each gets another one
};
//! SIGTERM to the attempt's ranks, SIGKILL after `grace_ms` (0: at once). Also drops a prepared socket.
struct Kill {
  AttemptKey key;
  std::int64_t grace_ms = 0;
};
//! The agent was taken for lost: kill everything, then join anew.
struct Rejoin {};
//! The run is over. `orderly`: no agent was lost.
struct Shutdown {
  bool orderly = true;
  int exit_code = 0;
};

using Message = std::variant<Join, Heartbeat, Prepared, RankStarted, ProgressLine, RankEnded, Leave, HeartbeatAnswer,
                             Prepare, Launch, Kill, Rejoin, Shutdown>;

//! The event that a rank's end becomes. \param job the number of its job in this run
RankExited exited(JobIndex job, const RankEnded& ended);

//! Numbers that a worker's arguments name.
inline constexpr int kProgressDescriptor = 3;
inline constexpr int kListenerDescriptor = 4;
inline constexpr int kSecretDescriptor = 5;

//! \throws RuntimeError (kInput) for a message over kMaxMessage bytes
std::string encode(const Message& message);
//! \throws RuntimeError (kInput) for anything that encode() of this version does not write
Message decode(std::string_view bytes);

}  // namespace resolute::orchestrator
