#pragma once
//! \file
//! The other end of a coordinator under test: an agent without processes.

#include <algorithm>
#include <functional>
#include <map>
#include <utility>
#include <vector>

#include "core/clock.h"
#include "core/files/file_system.h"
#include "core/overloaded.h"
#include "experiments/store/store_layout.h"
#include "orchestrator/messages/wire.h"
#include "orchestrator/transport/transport.h"

namespace resolute::tests {

//! An agent whose ranks take a while and publish their results in a store that is always well.
class ToyAgent {
 public:
  using Key = orchestrator::AttemptKey;

  ToyAgent(orchestrator::Transport& transport, const core::Clock& clock, experiments::StoreLayout store, int slots)
      : transport_(transport), clock_(clock), store_(std::move(store)), answered_(clock.now()) {
    send(orchestrator::Join{"here", slots, 0, 0, ""});
  }
  void step() {
    send(orchestrator::Heartbeat{});
    while (auto delivery = transport_.receive())
      std::visit(core::Overloaded{[&](const orchestrator::Prepare& prepare) {
                                    send(orchestrator::Prepared{prepare.key, 4711});
                                  },
                                  [&](const orchestrator::Launch& launch) { start(launch); },
                                  [&](const orchestrator::Kill& kill) { stop(kill); },
                                  [&](const orchestrator::HeartbeatAnswer& answer) {
                                    longest_silence = std::max(longest_silence, clock_.now() - answered_);
                                    answered_ = clock_.now();
                                    told_of_stall = answer.stalls;
                                  },
                                  [](const auto&) {}},
                 orchestrator::decode(delivery->bytes));
    for (auto at_work = running_.begin(); at_work != running_.end();) {
      const auto& [key, rank] = at_work->first;
      const bool failed = fails(key, rank);
      if (!failed && clock_.now() < at_work->second) {
        ++at_work;
        continue;
      }
      if (rank == 0 && !failed)
        core::publish_exclusive(core::real_file_system(), store_.result_file({key.job}),
                                "{\"job\":\"" + key.job + "\"}\n");
      send(orchestrator::RankEnded{key, rank, failed ? 1 : 0, 0, "", false});
      at_work = running_.erase(at_work);
    }
  }

  std::chrono::milliseconds work{100};
  std::function<void(const Key&)> on_launch = [](const Key&) {};
  std::function<bool(const Key&, int)> fails = [](const Key&, int) { return false; };
  std::vector<Key> launched;                        //!< one a rank
  core::MonotonicTime::duration longest_silence{};  //!< between two answers to heartbeats
  int kills = 0;
  int kills_at_once = 0;               //!< of these, without a grace
  std::chrono::milliseconds ending{};  //!< that a rank takes to end where it is given a grace
  bool told_of_stall = false;          //!< by the last answer

 private:
  void start(const orchestrator::Launch& launch) {
    on_launch(launch.key);
    for (const orchestrator::RankCommand& rank : launch.ranks) {
      launched.push_back(launch.key);
      running_[{launch.key, rank.process_rank}] = clock_.now() + work;
      send(orchestrator::RankStarted{launch.key, rank.process_rank});
    }
  }
  void stop(const orchestrator::Kill& kill) {
    ++kills;
    if (kill.grace_ms == 0) ++kills_at_once;
    for (auto at_work = running_.begin(); at_work != running_.end();) {
      if (at_work->first.first != kill.key) {
        ++at_work;
        continue;
      }
      if (kill.grace_ms > 0 && ending.count() > 0) {
        at_work->second = std::min(at_work->second, clock_.now() + ending);
        ++at_work;
        continue;
      }
      send(orchestrator::RankEnded{kill.key, at_work->first.second, 75, 0, "", false});
      at_work = running_.erase(at_work);
    }
  }
  void send(const orchestrator::Message& message) { transport_.send(0, orchestrator::encode(message)); }

  orchestrator::Transport& transport_;
  const core::Clock& clock_;
  experiments::StoreLayout store_;
  core::MonotonicTime answered_;
  std::map<std::pair<Key, int>, core::MonotonicTime> running_;  //!< until when
};

}  // namespace resolute::tests
