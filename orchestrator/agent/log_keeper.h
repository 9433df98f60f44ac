#pragma once
//! \file
//! All that the spawner wants of the store, done by a process of its own: what ranks write is appended to their logs
//! there. A store that hangs holds up that process, and nobody's end.

#include <chrono>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "core/process/process.h"

namespace resolute::orchestrator {

//! The spawner's end. None of the calls waits. Not thread-safe.
class LogKeeper {
 public:
  using Number = std::uint64_t;  //!< of a rank: 1, 2, …
  struct Answer {
    Number rank = 0;
    std::string problem;    //!< to keep(): why it has no logs; to finish(): how the store fails; empty: neither
    bool has_room = false;  //!< to kRoom: the store does not fail, and has kRoomOfAJob
  };
  //! Asked of the store in the folder of a rank's logs: kStore, if it takes what is written (core::probe_storage());
  //! kRoom, that and if it sets kRoomOfAJob bytes aside. A file system without fallocate(2) has none to say.
  enum class Question : char { kNone = 'f', kStore = 's', kRoom = 'r' };
  static constexpr std::uint64_t kRoomOfAJob = std::uint64_t{512} << 20;  // more than a checkpoint takes
  //! \param socket of make_log_keeper_sockets(), the spawner's
  explicit LogKeeper(core::FileDescriptor socket) : socket_(std::move(socket)) {}

  //! From now on until finish() what a rank writes is kept. Answered when its program has been looked at too: where
  //! that one's file system hangs, starting it would hang.
  //! \param out its file, \param out_memory what is to stand there: a RankOutput's \throws RuntimeError without
  //! descriptors
  Number keep(const std::string& out, int out_memory, const std::string& err, int err_memory,
              const std::string& program);
  //! The rank has ended, or will not start. Answered when all that it wrote is kept, or was refused by the store.
  void finish(Number rank, Question question = Question::kNone);

  int descriptor() const { return socket_.get(); }
  //! poll() events that exchange() waits for.
  short events() const;
  //! Sends what can be sent and takes the answers that have come. \throws RuntimeError if the process is gone
  std::vector<Answer> exchange();

 private:
  struct Request {
    std::string packet;
    std::vector<core::FileDescriptor> memories;
  };
  core::FileDescriptor socket_;
  Number last_ = 0;
  std::deque<Request> unsent_;
};

struct LogKeeperSockets {
  core::FileDescriptor spawners;
  core::FileDescriptor keepers;
};
//! \throws RuntimeError
LogKeeperSockets make_log_keeper_sockets();

//! The process itself: looks at what ranks have written every `interval`, until the other end is gone, and once more
//! then. \param limit bytes over which a log is cut (logs.h)
[[noreturn]] void run_log_keeper(core::FileDescriptor socket, std::uint64_t limit, std::chrono::milliseconds interval);

}  // namespace resolute::orchestrator
