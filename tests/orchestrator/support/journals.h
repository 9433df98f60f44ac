#pragma once
//! \file
//! Journals and snapshots to read back, cut short and damage.

#include <string>
#include <vector>

#include "orchestrator/epoch.h"
#include "orchestrator/journal.h"
#include "tests/orchestrator/support/events.h"

namespace resolute::tests {

inline const std::string kRun = "000102030405060708090a0b0c0d0e0f";

//! One of each type that version 1 had, as it reads today. What its golden journal holds: never change.
inline std::vector<orchestrator::Event> events_of_version_1() {
  using namespace orchestrator;
  return {
      RunStarted{1, kRun, "node-1", 4711, -1, {}},
      JobAdded{{0}, {std::string(64, 'a')}, "shard", "shard 0 of easy", {}, 1, 0, false, 0, 0, 0, 0, 0, 0},
      JobAdded{{1}, {std::string(64, 'b')}, "training", "training rain trial 0", {{0}}, 2, 3, false, 0, 0, 0, 0, 0, 0},
      AgentJoined{{0}, "node-1", 2, 0, 0, ""},
      AgentJoined{{1}, "node-2", 2, 0, 0, ""},
      JobSucceeded{{0}, 0},
      Placed{{1}, 4, {{{0}, 1}, {{1}, 1}}, -1, "first in plan order; 2 of 4 free slots", {}},
      Started{{1}, 4},
      Progressed{{1}, 4, 100},
      RankExited{{1}, 4, 1, 0, 9, "resolute-worker: \"lost\" \xc3\xa9", false},
      AttemptStopped{{1}, 4, Cause::kExitCode, Milliseconds{0}, "a rank failed"},
      AgentLost{{1}, "no sign of life for 10 s"},
      AttemptEnded{{1}, 4, Cause::kExitCode, "killed by signal 9", true, at(1'700'000'000'250), "crash 1 of 3"},
      ResultMissing{{1}, 9},
      StopRequested{"signal 15", Cause::kInterrupted},
      JobFailed{{1}, Cause::kUnplaceable, "it needs 2 slots and the run has 1"},
      JobCancelled{{1}, "it needs job 0"},
      RunEnded{RunEnd::kInterrupted, "signal 15"}};
}

//! One of each type, with every member set. What the golden journal of version 2 holds: never change, only append.
inline std::vector<orchestrator::Event> events_of_version_2() {
  using namespace orchestrator;
  return {RunStarted{1, kRun, "node-1", 4711, 7, at(1'700'000'900'000)},
          JobAdded{{0}, {std::string(64, 'a')}, "shard", "shard 0 of easy", {}, 1, 0, false, 512, -1, 0, 1500, 9000, 0},
          JobAdded{{1},
                   {std::string(64, 'b')},
                   "training",
                   "training rain trial 0",
                   {{0}},
                   2,
                   3,
                   true,
                   4096,
                   2,
                   400,
                   7200,
                   7500,
                   600},
          AgentJoined{{0}, "node-1", 2, 1, 32768, "class 1"},
          AgentJoined{{1}, "node-2", 2, 1, 0, ""},
          JobSucceeded{{0}, 0},
          Placed{{1}, 4, {{{0}, 1}, {{1}, 1}}, 0, "longest path", at(1'700'000'000'100)},
          Started{{1}, 4},
          Progressed{{1}, 4, 100},
          RankExited{{1}, 4, 1, 0, 9, "over its limit \xc3\xa9", true},
          AttemptStopped{{1}, 4, Cause::kOutOfMemory, Milliseconds{30'000}, "a rank failed"},
          AgentLost{{1}, "no sign of life for 10 s"},
          AttemptEnded{{1}, 4, Cause::kDeviceError, "NCCL", true, at(1'700'000'000'250), "1 of 4"},
          ResultMissing{{1}, 9},
          StopRequested{"the allocation ends", Cause::kWalltime},
          JobFailed{{1}, Cause::kUnplaceable, "it needs 2 slots and the run has 1"},
          JobCancelled{{1}, "it needs job 0"},
          RunEnded{RunEnd::kInterrupted, "signal 15"},
          Stalled{{1}, 5, "no line for 30 min"},
          HeldElsewhere{{1}, 6, at(1'700'000'005'000), "run 3 of suite 'b' works on it"},
          AgentLeaving{{0}, "preempted"},
          HostDrained{"node-1", true, "drained by ann"},
          HostExcluded{"node-2", "jobs 3 and 4 failed there and live elsewhere"},
          CancelRequested{{1}, "cancelled by ann"}};
}

inline core::Bytes journal_of(const std::vector<orchestrator::Event>& events,
                              const orchestrator::JournalHeader& header = {1, 0, kRun, at(1'700'000'000'000)}) {
  core::Bytes bytes = orchestrator::encode_header(header);
  for (std::size_t i = 0; i < events.size(); ++i)
    orchestrator::append_record(bytes, i + 1, at(1'700'000'000'000 + static_cast<std::int64_t>(i)), events[i]);
  return bytes;
}

inline std::vector<orchestrator::Event> events_of(const orchestrator::JournalContents& contents) {
  std::vector<orchestrator::Event> events;
  for (const auto& record : contents.records) events.push_back(record.event);
  return events;
}

}  // namespace resolute::tests
