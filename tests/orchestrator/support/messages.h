#pragma once
//! \file
//! Messages between coordinator and agents, to be written, read and damaged.

#include <string>
#include <vector>

#include "orchestrator/messages/wire.h"

namespace resolute::tests {

inline const orchestrator::AttemptKey kAttemptKey{std::string(64, 'c'), 3};

//! Every member set.
inline std::vector<orchestrator::Message> one_message_of_each_type() {
  using namespace orchestrator;
  return {Join{"node-1",
               4,
               2,
               65536,
               std::string(64, 'd'),
               {{"GPU-7", std::string(64, 'e'), "none", 61'000, 140'000, Milliseconds{10'400}}}},
          Heartbeat{},
          Prepared{kAttemptKey, 40000, "10.0.0.1", "none"},
          RankStarted{kAttemptKey, 1},
          ProgressLine{kAttemptKey, R"({"step": 40})"},
          RankEnded{kAttemptKey, 1, 0, 9, "last words", true, 900, 12345, "GPU-7", true},
          Leave{"why"},
          HeartbeatAnswer{true},
          Prepare{kAttemptKey, true},
          Launch{kAttemptKey,
                 {{0,
                   {"worker", "run", "--flag with blank"},
                   "/a/stdout",
                   "/a/std\xff",
                   true,
                   true,
                   true,
                   4096,
                   "1,GPU-7",
                   {0, 2}}},
                 "secret",
                 {"GPU-8", "2"}},
          Kill{kAttemptKey, 30'000},
          Rejoin{},
          Shutdown{false, 75}};
}

}  // namespace resolute::tests
