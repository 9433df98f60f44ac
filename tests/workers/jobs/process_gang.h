#pragma once
//! \file
//! The process ranks of one attempt, for tests: started together, signalled, waited for with a limit, and never left
//! behind, not even stopped ones.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/process/listener.h"
#include "core/process/process.h"
#include "core/process/secret.h"

namespace resolute::workers {

struct Ended {
  std::string how;        // "exit code 1"
  std::string last_line;  // of standard error
  bool operator==(const Ended&) const = default;
};

class ProcessGang {
 public:
  static constexpr int kProgressDescriptor = 8;  // of process rank 0
  static constexpr int kListenerDescriptor = 9;  // of process rank 0 among several
  static constexpr int kSecretDescriptor = 10;   // of each among several
  //! Arguments of a rank, the program first, given where the rendezvous listens.
  using Arguments = std::function<std::vector<std::string>(int process_rank, int port)>;

  //! \param before called before each start, in this thread \param started only so many of them; all by default
  ProcessGang(int ranks, const Arguments& arguments, core::Reach reach = core::Reach::kLoopback,
              const std::function<void(int process_rank)>& before = {}, std::optional<int> started = {}) {
    if (before) before(0);
    core::Listener listener = core::listen_on_free_port(reach);
    core::Pipe progress = core::make_pipe();
    for (int rank = 0; rank < started.value_or(ranks); ++rank) {
      if (before) before(rank);
      core::Pipe errors = core::make_pipe();
      core::SpawnRequest request{.arguments = arguments(rank, listener.port),
                                 .environment = core::current_environment(),
                                 .descriptors = {{2, errors.write_end.get()}}};
      if (rank == 0) request.descriptors[kProgressDescriptor] = progress.write_end.get();
      if (rank == 0 && ranks > 1) request.descriptors[kListenerDescriptor] = listener.socket.get();
      const core::FileDescriptor secret = core::secret_pipe(secret_);
      request.descriptors[kSecretDescriptor] = secret.get();
      ranks_.push_back({core::spawn_process(request), std::move(errors.read_end), {}});
    }
    progress_ = std::move(progress.read_end);
  }
  ~ProcessGang() {
    for (Rank& rank : ranks_) end(rank);
  }
  ProcessGang(const ProcessGang&) = delete;
  ProcessGang& operator=(const ProcessGang&) = delete;

  //! Blocks until a progress line holds `text`. \return that line; empty if the ranks ended first
  std::string wait_for_progress(const std::string& text) {
    while (true) {
      for (auto end = seen_.find('\n'); end != std::string::npos; end = seen_.find('\n')) {
        std::string line = seen_.substr(0, end);
        seen_.erase(0, end + 1);
        if (line.find(text) != std::string::npos) return line;
      }
      char buffer[4096];
      const ssize_t count = progress_.valid() ? ::read(progress_.get(), buffer, sizeof buffer) : 0;
      if (count <= 0) return {};
      seen_.append(buffer, static_cast<std::size_t>(count));
    }
  }
  void wait_for_checkpoint() { EXPECT_NE("", wait_for_progress("checkpoint")); }
  void hang_up() { progress_.reset(); }
  pid_t process(std::size_t rank) const { return ranks_.at(rank).process; }
  const std::string& secret() const { return secret_; }
  void signal(std::size_t rank, int number) { ::kill(ranks_[rank].process, number); }
  void signal_all(int number) {
    for (const Rank& rank : ranks_) ::kill(rank.process, number);
  }
  //! Waits for one rank. One that is still there after `limit` is a failure, and killed.
  Ended wait_for(std::size_t rank, std::chrono::milliseconds limit = std::chrono::minutes(2)) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    Rank& waited = ranks_[rank];
    int status = 0;
    while (true) {
      drain(waited);
      if (::waitpid(waited.process, &status, WNOHANG) == waited.process) break;
      if (std::chrono::steady_clock::now() > deadline) {
        ADD_FAILURE() << "process rank " << rank << " did not end: " << waited.log;
        end(waited);
        return {"did not end", ""};
      }
      pollfd polled{waited.errors.get(), POLLIN, 0};
      ::poll(&polled, 1, 5);
    }
    waited.process = -1;
    drain(waited);
    std::string text = waited.log;
    while (!text.empty() && text.back() == '\n') text.pop_back();
    return {core::describe(core::to_exit_status(status)), text.substr(text.rfind('\n') + 1)};
  }
  std::vector<Ended> wait() {
    std::vector<Ended> ends;
    for (std::size_t rank = 0; rank < ranks_.size(); ++rank) ends.push_back(wait_for(rank));
    return ends;
  }
  std::vector<std::string> wait_codes() {
    std::vector<std::string> codes;
    for (const Ended& ended : wait()) codes.push_back(ended.how);
    return codes;
  }
  //! What a rank that was waited for wrote to standard error.
  const std::string& log(std::size_t rank) const { return ranks_.at(rank).log; }

 private:
  struct Rank {
    pid_t process = -1;
    core::FileDescriptor errors;
    std::string log;
  };

  static void drain(Rank& rank) {
    ::fcntl(rank.errors.get(), F_SETFL, O_NONBLOCK);
    char buffer[4096];
    for (ssize_t count = 0; (count = ::read(rank.errors.get(), buffer, sizeof buffer)) > 0;)
      rank.log.append(buffer, static_cast<std::size_t>(count));
  }
  // SIGKILL ends a stopped process too.
  static void end(Rank& rank) {
    if (rank.process <= 0) return;
    ::kill(rank.process, SIGKILL);
    ::waitpid(rank.process, nullptr, 0);
    rank.process = -1;
  }

  const std::string secret_ = core::random_token(32);
  std::vector<Rank> ranks_;
  core::FileDescriptor progress_;
  std::string seen_;
};

}  // namespace resolute::workers
