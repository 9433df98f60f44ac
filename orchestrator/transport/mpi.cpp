#include "orchestrator/transport/mpi.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <list>
#include <thread>

#include "core/clock.h"
#include "core/error.h"
#include "core/log.h"
#include "core/process/process.h"
#include "orchestrator/messages/wire.h"
#include "orchestrator/transport/mpi_library.h"

namespace resolute::orchestrator {
namespace {

constexpr int kTag = 7;
constexpr unsigned kFinalizeSeconds = 5;

std::atomic<int> exit_code_of_alarm{0};

void check(int code, const char* call) {
  if (code == MPI_SUCCESS) return;
  char text[MPI_MAX_ERROR_STRING] = {};
  int length = 0;
  if (mpi().error_string(code, text, &length) != MPI_SUCCESS) length = 0;
  throw core::RuntimeError(core::ErrorKind::kEnvironment, fmt::format("{} of MPI's failed", call),
                           std::string_view(text, static_cast<std::size_t>(length)));
}

#define RESOLUTE_MPI(function, ...) check(mpi().function(__VA_ARGS__), #function)

// An error of one peer's is that peer's loss, which its silence tells; the others are not to pay for it.
bool reaches(int code, const char* call, Address peer) {
  if (code == MPI_SUCCESS) return true;
  core::log_debug("{} of MPI's failed for rank {}", call, peer);
  return false;
}

// Messages are small and few. The transports of fast networks end the process when a peer dies (UCX: "transport retry
// count exceeded"), and a thousand agents cost rank 0 a thousand queue pairs.
void choose_transport() {
  for (const char* chosen : {"OMPI_MCA_pml", "OMPI_MCA_mtl", "OMPI_MCA_btl"})
    if (std::getenv(chosen) != nullptr) return;
  ::setenv("OMPI_MCA_pml", "ob1", 1);
  ::setenv("OMPI_MCA_btl", "self,tcp", 1);
}

}  // namespace

struct MpiTransport::Outgoing {
  Address to;
  std::string bytes;
  MPI_Request request;
};

struct MpiTransport::State {
  int self = 0;
  int size = 1;
  HostShare share;
  std::list<Outgoing> outgoing;
  // Requests to dead peers may never complete and their buffers must live on: they are parked here to the end.
  std::list<Outgoing> abandoned;
};

MpiTransport::MpiTransport(std::unique_ptr<State> state) : state_(std::move(state)) {}

MpiTransport::~MpiTransport() {
  // MPI may still read the buffers of unfinished sends.
  state_->abandoned.splice(state_->abandoned.end(), state_->outgoing);
  if (!state_->abandoned.empty()) [[maybe_unused]]
    State* kept = state_.release();
}

std::unique_ptr<MpiTransport> MpiTransport::start() {
  auto state = std::make_unique<State>();
  choose_transport();
  // Another thread may work on files meanwhile; this one alone calls MPI.
  int provided = MPI_THREAD_SINGLE;
  RESOLUTE_MPI(init_thread, nullptr, nullptr, MPI_THREAD_FUNNELED, &provided);
  if (provided < MPI_THREAD_FUNNELED)
    throw core::RuntimeError(core::ErrorKind::kEnvironment, "this MPI library allows no second thread",
                             fmt::format("it provides thread level {}", provided),
                             "use one built with MPI_THREAD_FUNNELED");
  RESOLUTE_MPI(comm_set_errhandler, mpi().comm_world, mpi().errors_return);
  RESOLUTE_MPI(comm_rank, mpi().comm_world, &state->self);
  RESOLUTE_MPI(comm_size, mpi().comm_world, &state->size);
  MPI_Comm host = nullptr;
  RESOLUTE_MPI(comm_split_type, mpi().comm_world, MPI_COMM_TYPE_SHARED, state->self, mpi().info_null, &host);
  int ranks = 1;
  RESOLUTE_MPI(comm_size, host, &ranks);
  RESOLUTE_MPI(comm_rank, host, &state->share.index);
  state->share.one_host = ranks == state->size;
  const GivenSets given = given_sets(core::current_environment());
  state->share.given.resize(static_cast<std::size_t>(ranks));
  RESOLUTE_MPI(allgather, &given, sizeof given, mpi().byte, state->share.given.data(), sizeof given, mpi().byte, host);
  MPI_Group world_group = nullptr;
  MPI_Group host_group = nullptr;
  RESOLUTE_MPI(comm_group, mpi().comm_world, &world_group);
  RESOLUTE_MPI(comm_group, host, &host_group);
  const int coordinator = 0;
  int place = MPI_UNDEFINED;
  RESOLUTE_MPI(group_translate_ranks, world_group, 1, &coordinator, host_group, &place);
  state->share.with_coordinator = place != MPI_UNDEFINED;
  RESOLUTE_MPI(group_free, &world_group);
  RESOLUTE_MPI(group_free, &host_group);
  return std::unique_ptr<MpiTransport>(new MpiTransport(std::move(state)));
}

Address MpiTransport::self() const { return state_->self; }
int MpiTransport::size() const { return state_->size; }
HostShare MpiTransport::host_share() const { return state_->share; }

void MpiTransport::send(Address to, std::string bytes) {
  RESOLUTE_EXPECT(bytes.size() <= kMaxMessage, "a message over the limit");
  Outgoing& out = state_->outgoing.emplace_back(Outgoing{to, std::move(bytes), nullptr});
  const int sent = mpi().isend(out.bytes.data(), static_cast<int>(out.bytes.size()), mpi().byte, to, kTag,
                               mpi().comm_world, &out.request);
  if (!reaches(sent, "Isend", to)) abandon(std::prev(state_->outgoing.end()));
}

std::optional<Delivery> MpiTransport::receive() {
  flush(std::chrono::milliseconds(0));
  int has_message = 0;
  MPI_Status status;
  RESOLUTE_MPI(iprobe, MPI_ANY_SOURCE, kTag, mpi().comm_world, &has_message, &status);
  if (has_message == 0) return std::nullopt;
  int count = 0;
  RESOLUTE_MPI(get_count, &status, mpi().byte, &count);
  Delivery delivery{status.MPI_SOURCE, std::string(static_cast<std::size_t>(std::max(count, 0)), '\0')};
  // Posted for a message whose envelope has arrived: its sender needs no more than its memory for the rest.
  const int received = mpi().recv(delivery.bytes.data(), count, mpi().byte, status.MPI_SOURCE, kTag, mpi().comm_world,
                                  MPI_STATUS_IGNORE);
  if (!reaches(received, "Recv", delivery.from)) return std::nullopt;
  return delivery;
}

void MpiTransport::forget(Address peer) {
  for (auto it = state_->outgoing.begin(); it != state_->outgoing.end();) {
    auto next = std::next(it);
    if (it->to == peer) abandon(it);
    it = next;
  }
}

void MpiTransport::abandon(std::list<Outgoing>::iterator message) {
  state_->abandoned.splice(state_->abandoned.end(), state_->outgoing, message);
}

bool MpiTransport::flush(std::chrono::milliseconds limit) {
  const auto deadline = core::monotonic_clock().now() + limit;
  while (true) {
    for (auto it = state_->outgoing.begin(); it != state_->outgoing.end();) {
      const auto message = it++;
      int done = 0;
      if (!reaches(mpi().test(&message->request, &done, MPI_STATUS_IGNORE), "Test", message->to))
        abandon(message);
      else if (done != 0)
        state_->outgoing.erase(message);
    }
    if (state_->outgoing.empty()) return true;
    if (core::monotonic_clock().now() >= deadline) return false;
    std::this_thread::sleep_for(std::chrono::microseconds(200));
  }
}

std::string mpi_library() { return mpi().name; }

void leave_mpi(bool orderly, int exit_code) {
  std::fflush(nullptr);
  if (orderly) {
    exit_code_of_alarm = exit_code;
    ::signal(SIGALRM, [](int) { ::_exit(exit_code_of_alarm); });
    ::alarm(kFinalizeSeconds);
    mpi().finalize();
  }
  ::_exit(exit_code);
}

}  // namespace resolute::orchestrator
