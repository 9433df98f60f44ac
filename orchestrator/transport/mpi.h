#pragma once
//! \file
//! Transport over MPI: Isend and Test, Iprobe and Recv of what has arrived. A peer with which a call fails counts as
//! dead: its messages are lost. TCP, unless the environment chooses (OMPI_MCA_pml, _mtl, _btl). Nobody else calls MPI,
//! of which nothing is loaded before; no collective after start().

#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "orchestrator/launch/bindings.h"
#include "orchestrator/transport/transport.h"

namespace resolute::orchestrator {

//! The MPI library as it calls itself: "Open MPI v4.1.4". Before MPI_Init too. \throws RuntimeError (kInput) as start()
std::string mpi_library();

//! The place of this MPI rank among those on its host.
struct HostShare {
  std::vector<GivenSets> given;   //!< what each MPI rank on this host was given, in the order of their ranks
  bool with_coordinator = false;  //!< rank 0 is the first of them
  int index = 0;                  //!< of this one among them
  bool one_host = true;           //!< all MPI ranks are on it
};

class MpiTransport final : public Transport {
 public:
  //! MPI_Init and what needs the others: the last collective calls. Call it once, after the spawner was forked.
  //! \throws RuntimeError: kInput if there is no MPI library of use (mpi_library.h), kEnvironment if it does not start
  static std::unique_ptr<MpiTransport> start();
  MpiTransport(const MpiTransport&) = delete;
  MpiTransport& operator=(const MpiTransport&) = delete;
  //! The destructor leaves MPI as it is: only leave() ends it.
  ~MpiTransport() override;
  Address self() const override;
  int size() const override;
  void send(Address to, std::string bytes) override;
  std::optional<Delivery> receive() override;
  void forget(Address peer) override;
  bool flush(std::chrono::milliseconds limit) override;
  HostShare host_share() const;

 private:
  struct Outgoing;
  struct State;
  //! Its buffer stays to the end: MPI may still read it.
  void abandon(std::list<Outgoing>::iterator message);
  explicit MpiTransport(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

//! Ends this MPI process, whatever its peers do: `_exit(exit_code)`. `orderly`: every peer is known to leave too, so
//! that MPI_Finalize may be tried first (without it mpirun calls a good run abnormal); an alarm ends it if that hangs.
[[noreturn]] void leave_mpi(bool orderly, int exit_code);

}  // namespace resolute::orchestrator
