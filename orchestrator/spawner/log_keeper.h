#pragma once
//! \file
//! All that the spawner wants of the store, done by a process of its own: ranks' logs are opened, cut and read there. A
//! store that hangs holds up that process, and nobody's end.

#include <cstdint>
#include <deque>
#include <set>
#include <string>
#include <vector>

#include "core/process.h"

namespace resolute::orchestrator {

//! A rank's standard output and standard error.
struct RankLogs {
  std::string out;
  std::string err;
};

//! The spawner's end. Requests are answered in their order; none waits. Not thread-safe.
class LogKeeper {
 public:
  using Request = std::uint64_t;  //!< 1, 2, …
  struct Answer {
    Request request = 0;
    std::string problem;            //!< of open(): why there are no descriptors
    core::FileDescriptor out, err;  //!< of open()
    std::string last_line;          //!< of finish(): of standard error
  };
  //! \param socket of make_log_keeper_sockets(), the spawner's
  //! \param limit bytes over which a log is cut (logs.h)
  LogKeeper(core::FileDescriptor socket, std::uint64_t limit) : socket_(std::move(socket)), limit_(limit) {}

  //! Opens a rank's logs, and looks at the program that will write them: where its file system hangs, starting it would
  //! hang too.
  Request open(const RankLogs& logs, const std::string& program);
  //! Cuts what is too long; not answered.
  void cut(const RankLogs& logs);
  //! Cuts what is too long, then tells the last line.
  Request finish(const RankLogs& logs);
  //! Every cut() is done: until then another would only stand in line.
  bool has_cut() const { return cuts_.empty(); }

  int descriptor() const { return socket_.get(); }
  //! poll() events that exchange() waits for.
  short events() const;
  //! Sends what can be sent and takes the answers that have come. \throws RuntimeError if the process is gone
  std::vector<Answer> exchange();

 private:
  Request ask(char what, const RankLogs& logs, const std::string& program);
  core::FileDescriptor socket_;
  std::uint64_t limit_;
  Request last_ = 0;
  std::deque<std::string> unsent_;
  std::set<Request> cuts_;  // not answered
};

struct LogKeeperSockets {
  core::FileDescriptor spawners;
  core::FileDescriptor keepers;
};
//! \throws RuntimeError
LogKeeperSockets make_log_keeper_sockets();

//! The process itself: serves requests until the other end is gone.
[[noreturn]] void run_log_keeper(int socket);

}  // namespace resolute::orchestrator
