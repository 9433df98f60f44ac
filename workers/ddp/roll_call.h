#pragma once
//! \file
//! The roll call: when an exchange fails or takes too long, libtorch does not say whose fault it is. So each process
//! rank counts the exchanges it enters and tells all others its count ten times a second, in datagrams of 40 bytes,
//! sealed with the attempt's secret, that nobody waits for. A rank whose exchange fails then knows who has fallen
//! silent, who has ended and who is behind, and no single rank is needed to find out.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "core/clock.h"
#include "core/error.h"
#include "core/process/process.h"

namespace resolute::workers {

//! Another process rank as it is seen after an exchange has failed.
struct PeerSign {
  enum class State {
    kRunning,  //!< heard of just now
    kFailed,   //!< says that its exchange failed too
    kEnded,    //!< said that it leaves, though no exchange of its own failed
    kSilent    //!< nothing has been heard since the failure
  };
  int process_rank = 0;
  std::string host;  //!< its address
  State state = State::kRunning;
  std::uint64_t exchange = 0;        //!< the last that it entered, as far as known; they count from 1
  std::optional<double> silent_for;  //!< seconds since it was heard of; none: never
};

//! Names whoever kept exchange number `exchange` of `process_rank` from ending; pure. Ranks that ended or fell silent
//! come before those that are behind. \param peers all other process ranks \param waited seconds in the exchange \param
//! cause what the library below said \return a kTransient error
core::RuntimeError absence_error(int process_rank, std::uint64_t exchange, double waited, std::string_view cause,
                                 const std::vector<PeerSign>& peers);

class RollCall {
 public:
  //! Opens a datagram socket on a free port. \param address of this host, numeric, as the others reach it
  //! \param secret known to the ranks of one attempt only: what others send is dropped
  //! \throws RuntimeError if there is no such address
  RollCall(const std::string& address, std::string_view secret, int process_rank, int process_ranks);
  //! Tells the others that this rank leaves.
  ~RollCall();
  RollCall(const RollCall&) = delete;
  RollCall& operator=(const RollCall&) = delete;

  //! The address by which the others reach this one: `ADDRESS PORT`.
  const std::string& contact() const { return contact_; }
  //! From here on signs of life go out and are taken in, by a thread of its own. Once.
  //! \param contacts of all process ranks, in order \throws RuntimeError (kTransient) for one that cannot be read
  void begin(const std::vector<std::string>& contacts);
  //! Counts an exchange that this rank enters. \return its number, from 1. Any thread
  std::uint64_t enter();
  //! A rank that will not end this rank's exchange: one that said that it leaves or that its own exchange failed, or of
  //! which nothing came in 3 s of this rank's own signs. While this process stands still it sends none, so nobody is
  //! gone for that. \pre begun
  std::optional<int> gone();
  //! Says that this rank's exchange failed and looks for whoever is missing; takes up to 1.5 s, less if all are heard.
  //! \return the others, in order. \pre begun
  std::vector<PeerSign> look();

 private:
  struct Peer;
  void serve(const std::stop_token& stop);
  void send();
  void receive();

  int process_rank_;
  std::string contact_;
  std::string key_;
  core::FileDescriptor socket_;
  core::FileDescriptor wake_;
  std::atomic<std::uint64_t> exchange_{0};
  std::mutex mutex_;  // of what follows
  PeerSign::State state_ = PeerSign::State::kRunning;
  std::uint64_t beat_ = 0;
  std::vector<Peer> peers_;  // all ranks; this one's own stays unused
  std::jthread thread_;
};

}  // namespace resolute::workers
