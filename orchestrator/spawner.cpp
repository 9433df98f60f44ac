#include "orchestrator/spawner.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "orchestrator/spawner/child.h"
#include "orchestrator/spawner/framing.h"

namespace resolute::orchestrator {

namespace {

constexpr std::array<std::string_view, 9> kPrefixes{"OMPI_", "PMIX_", "PMI_",   "PMI2_",    "MPI_",
                                                    "ORTE_", "PRTE_", "HYDRA_", "OPENBLAS_"};

}  // namespace

std::map<std::string, std::string> rank_environment(std::map<std::string, std::string> environment) {
  std::erase_if(environment, [](const auto& variable) {
    return std::any_of(kPrefixes.begin(), kPrefixes.end(),
                       [&](std::string_view prefix) { return variable.first.starts_with(prefix); });
  });
  environment["OMP_NUM_THREADS"] = "1";
  environment["MKL_NUM_THREADS"] = "1";
  return environment;
}

Spawner Spawner::start(const SpawnerOptions& options) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    throw core::system_error("cannot make a socket pair for the spawner", errno);
  core::FileDescriptor ours(ends[0]);
  core::FileDescriptor theirs(ends[1]);
  pid_t process = ::fork();
  if (process < 0) throw core::system_error("cannot fork the spawner", errno);
  if (process == 0) {
    ours.reset();
    run_spawner(theirs.release(), options);
  }
  return Spawner(std::move(ours), process);
}

Spawner& Spawner::operator=(Spawner&& other) noexcept {
  if (this != &other) {
    stop();
    socket_ = std::move(other.socket_);
    process_ = std::exchange(other.process_, -1);
    incoming_ = std::move(other.incoming_);
    gone_ = other.gone_;
  }
  return *this;
}

Spawner::~Spawner() { stop(); }

void Spawner::stop() {
  if (!socket_.valid()) return;
  socket_.reset();
  while (::waitpid(process_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

void Spawner::command(const Message& message) {
  if (gone_ || !write_frame(socket_.get(), message))
    throw core::RuntimeError(core::ErrorKind::kTransient, "the process that starts ranks is gone",
                             "something killed it", "start the run again");
}

std::vector<Message> Spawner::reports() {
  std::vector<Message> messages;
  if (gone_) return messages;
  bool open = read_available(socket_.get(), incoming_);
  std::size_t at = 0;
  while (auto message = take_frame(incoming_, at)) messages.push_back(std::move(*message));
  incoming_.erase(0, at);
  if (!open) {
    gone_ = true;
    messages.push_back(Leave{"the process that starts its ranks is gone"});
  }
  return messages;
}

}  // namespace resolute::orchestrator
