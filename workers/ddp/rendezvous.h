#pragma once
//! \file
//! The process ranks of an attempt meet here: process rank 0 listens, and whoever proves to know the attempt's secret
//! shares notes (a key and a value each) with all others who do, until they are connected. A stranger's bytes are read
//! up to the length of a proof, and answered by nothing but the random bytes that the proof would have to be of.
//!
//!     host  → guest   32 random bytes H
//!     guest → host    32 random bytes G, HMAC(secret, "member" H G)
//!     host  → member  HMAC(secret, "host" H G); from here on HMAC(secret, "session" H G) seals each note
//!     note            u32 bytes of key, u32 bytes of value, key, value, HMAC(session, sender, u64 number, all before)

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "core/clock.h"
#include "core/error.h"
#include "core/process/process.h"

struct addrinfo;

namespace resolute::workers {

//! The identity of this machine: its name and the id of its boot.
std::string this_machine();

struct Rendezvous {
  std::string host;  //!< where process rank 0 listens: a name or an address without brackets
  std::uint16_t port = 0;
  int listen_descriptor = -1;  //!< process rank 0 only: a socket that listens there, taken over; -1: it binds `port`
  std::string secret;          //!< of this attempt's ranks; nobody else is let in
  std::chrono::milliseconds connect_limit{60'000};      //!< until all ranks are there
  std::chrono::milliseconds collective_limit{300'000};  //!< for one exchange, the slowest rank's computing included
  std::string machine = this_machine();                 //!< what the other ranks know this rank's machine by
};

//! The two ends of one connection after their proof: notes in and out of a socket that never blocks.
class SealedStream {
 public:
  enum class Side { kHost, kMember };
  SealedStream(Side side, std::string session) : side_(side), session_(std::move(session)) {}
  //! Queues a note. \pre a key of at most 1 KiB, a value of at most 1 MiB
  void put(std::string_view key, std::string_view value);
  //! Writes what the socket takes. \return false if it is closed
  bool write(int socket);
  //! Reads what there is. \return false once it is closed
  bool read(int socket);
  //! The next whole note. \throws RuntimeError (kTransient) if the other end has not sealed it
  std::optional<std::pair<std::string, std::string>> take();
  bool has_unsent() const { return !unsent_.empty(); }

 private:
  std::string seal(Side sender, std::uint64_t number, std::string_view note) const;
  Side side_;
  std::string session_;
  std::string unsent_;
  std::string incoming_;
  std::uint64_t put_ = 0;
  std::uint64_t taken_ = 0;
};

//! Process rank 0's end, on a thread of its own: passes each member's notes on to all others.
class RendezvousHost {
 public:
  //! \throws RuntimeError if it cannot listen
  explicit RendezvousHost(const Rendezvous& rendezvous);
  //! Sends what is under way, for at most a second, then closes every socket.
  ~RendezvousHost();
  RendezvousHost(const RendezvousHost&) = delete;
  RendezvousHost& operator=(const RendezvousHost&) = delete;

 private:
  struct Connection;
  void serve(const std::stop_token& stop);
  void admit();
  //! \return false where the connection has to go
  bool attend(Connection& connection, short events);
  bool try_proof(Connection& connection);
  void pass_on(Connection& from);

  std::string secret_;
  core::FileDescriptor listener_;
  core::FileDescriptor wake_;
  std::vector<std::unique_ptr<Connection>> connections_;  // the oldest first
  std::map<std::string, std::string> notes_;
  std::jthread thread_;
};

//! Any process rank's end, process rank 0's too. Not shared between threads.
class RendezvousMember {
 public:
  //! Connects and proves itself, again and again until the limit. \throws RuntimeError: kTransient if process rank 0
  //! did not answer in time, kInput for a host that has no address
  explicit RendezvousMember(const Rendezvous& rendezvous);

  //! The address of this host by which it reached process rank 0, numeric: on a node with several networks everything
  //! else uses the same one.
  const std::string& address() const { return address_; }
  //! Leaves a note for all. \throws RuntimeError (kTransient) if process rank 0 is gone
  void set(const std::string& key, const std::string& value);
  //! Waits for a note, no longer than that, and takes in what has come. \return false once process rank 0 is gone
  //! \throws RuntimeError (kTransient) for a note that nobody of the attempt wrote
  bool listen(core::MonotonicTime until);
  //! The note of that key, if it has come.
  std::optional<std::string> look(const std::string& key) const;
  //! Waits for that note. \throws as set() and listen(), and if it does not come in time
  std::string get(const std::string& key, std::chrono::milliseconds limit);
  //! The error that says that process rank 0 did not answer.
  core::RuntimeError silence(const std::string& why) const;
  //! Closes the connection; the notes that came stay.
  void leave() { socket_.reset(); }

 private:
  //! \return why it did not succeed; empty if it did
  std::string try_to_join(const addrinfo* addresses, const std::string& secret);
  std::string exchange_proofs(const std::string& secret);
  bool wait_for(short events, core::MonotonicTime until) const;

  std::string host_;
  std::uint16_t port_;
  core::MonotonicTime deadline_;
  std::string address_;
  core::FileDescriptor socket_;
  std::optional<SealedStream> stream_;
  std::map<std::string, std::string> notes_;
};

}  // namespace resolute::workers
