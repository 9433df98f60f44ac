#include "orchestrator/agent/spawner.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <thread>

#include "core/clock.h"
#include "orchestrator/agent/child.h"
#include "orchestrator/agent/control_groups.h"
#include "orchestrator/agent/framing.h"
#include "orchestrator/agent/processes.h"

namespace resolute::orchestrator {

namespace {

// An agent's launcher speaks of the agent; a rank is a process of its own, whatever started the agent. A program
// that looks for its launcher (Lightning, accelerate) would wait for the other nodes.
// Nor is it to take the job's nodes for its own. To libraries of matrix products, their own variables say more than
// OMP_NUM_THREADS does. And glibc would fill the gigabytes of a worker's heap, of which most is never used.
constexpr std::array<std::string_view, 28> kPrefixes{"OMPI_",          "PMIX_",
                                                     "PMI_",           "PMI2_",
                                                     "MPI_",           "ORTE_",
                                                     "PRTE_",          "HYDRA_",
                                                     "OPENBLAS_",      "GOTO",
                                                     "BLIS_",          "MALLOC_PERTURB_",
                                                     "SLURM_STEP",     "SLURM_PROCID",
                                                     "SLURM_LOCALID",  "SLURM_NODEID",
                                                     "SLURM_NTASKS",   "SLURM_NPROCS",
                                                     "SLURM_TASKS",    "SLURM_GTIDS",
                                                     "SLURM_LAUNCH",   "SLURM_SRUN",
                                                     "SLURM_TASK_PID", "SLURM_DISTRIBUTION",
                                                     "SLURM_NNODES",   "SLURM_JOB_NUM_NODES",
                                                     "SLURM_NODELIST", "SLURM_JOB_NODELIST"};

// waitpid's word, if the child ends within the limit.
std::optional<int> await_end(pid_t process, std::chrono::milliseconds limit) {
  const auto deadline = core::monotonic_clock().now() + limit;
  while (true) {
    int word = 0;
    const pid_t ended = ::waitpid(process, &word, WNOHANG);
    if (ended == process) return word;
    if (ended < 0 && errno != EINTR) return 0;  // reaped before: nothing is known of its end
    if (core::monotonic_clock().now() >= deadline) return std::nullopt;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

}  // namespace

std::map<std::string, std::string> rank_environment(std::map<std::string, std::string> environment) {
  std::erase_if(environment, [](const auto& variable) {
    return std::ranges::any_of(kPrefixes, [&](std::string_view prefix) { return variable.first.starts_with(prefix); });
  });
  environment["OMP_NUM_THREADS"] = "1";
  environment["MKL_NUM_THREADS"] = "1";
  // Python draws the order of a set's elements for each process otherwise, and reads texts and names of files in the
  // locale's letters.
  environment["PYTHONHASHSEED"] = "0";
  environment["PYTHONUTF8"] = "1";
  return environment;
}

Spawner Spawner::start(const SpawnerOptions& options) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    throw core::system_error("cannot make a socket pair for the spawner", errno);
  core::FileDescriptor ours(ends[0]);
  core::FileDescriptor theirs(ends[1]);
  if (::prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) throw core::system_error("cannot become the reaper of orphans", errno);
  std::filesystem::path groups = options.control_groups ? make_control_groups() : std::filesystem::path();
  pid_t process = ::fork();
  if (process < 0) {
    const int error = errno;
    end_control_group(groups, std::chrono::milliseconds(0));
    throw core::system_error("cannot fork the spawner", error);
  }
  if (process == 0) {
    ours.reset();
    run_spawner(theirs.release(), options, groups);
  }
  return Spawner(std::move(ours), process, options.end_limit, std::move(groups));
}

Spawner& Spawner::operator=(Spawner&& other) noexcept {
  if (this != &other) {
    stop();
    socket_ = std::move(other.socket_);
    process_ = std::exchange(other.process_, -1);
    end_limit_ = other.end_limit_;
    groups_ = std::move(other.groups_);
    incoming_ = std::move(other.incoming_);
    gone_ = other.gone_;
  }
  return *this;
}

Spawner::~Spawner() { stop(); }

void Spawner::stop() {
  if (!socket_.valid()) return;
  socket_.reset();
  if (!gone_) bury();
}

// A guard that ended by itself has left nothing. If it was killed, spawner and ranks are dead; what they had started
// has become our child.
void Spawner::bury() {
  gone_ = true;
  ::kill(-process_, SIGCONT);  // one that was stopped ends in order once it goes on
  std::optional<int> word = await_end(process_, 2 * end_limit_);
  if (!word) {
    ::kill(-process_, SIGKILL);
    word = await_end(process_, end_limit_);
  }
  end_control_group(groups_, std::chrono::milliseconds(100));
  if (!word || WIFSIGNALED(*word)) end_children_of_other_sessions();
}

void Spawner::command(const Message& message) {
  if (gone_ || !write_frame(socket_.get(), message))
    throw core::RuntimeError(core::ErrorKind::kTransient, "the process that starts ranks has ended",
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
    bury();
    socket_.reset();
    messages.push_back(Leave{"the process that starts its ranks is gone"});
  }
  return messages;
}

}  // namespace resolute::orchestrator
