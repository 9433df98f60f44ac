#pragma once
//! \file
//! What journals and snapshots hold: to be read back, cut short and damaged.

#include <string>
#include <vector>

#include "orchestrator/journal/epoch.h"
#include "orchestrator/journal/journal.h"
#include "tests/orchestrator/support/events.h"

namespace resolute::tests {

inline const std::string kRun = "000102030405060708090a0b0c0d0e0f";

//! One of each type, with every member set, and no two members of a type alike in all of it: the golden files then show
//! which member has which name. The golden journal holds them: never change, only append.
inline std::vector<orchestrator::Event> events_of_version_6() {
  using namespace orchestrator;
  std::vector<Event> events{
      RunStarted{1, kRun, "node-1", 4711, 7, at(1'700'000'900'000)},
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
      RankExited{{1}, 4, 1, 0, 9, "over its limit \xc3\xa9", true, "GPU-12ab", true},
      AttemptStopped{{1}, 4, Cause::kOutOfMemory, Milliseconds{30'000}, "a rank failed", at(1'700'000'000'200)},
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
      CancelRequested{{1}, "cancelled by ann"},
      AttemptEnded{{1}, 4, Cause::kUnkillable, "it did not end", true, {}, "1 of 8"},
      AttemptEnded{{1}, 7, Cause::kStoreError, "cannot create folder", true, at(1'700'000'000'500), ""},
      RanksGivenUp{{1}, 4, "1 of 2 process ranks on node-1 have not ended"},
      RunEnded{RunEnd::kIdle, "nothing to do for 300 s"},
      RanksGivenUp{{1}, 4, "1 of 2 process ranks on node-1 have not ended"},
      GpuSetAside{{0}, "GPU-12ab", at(1'700'000'060'000), "2 attempts ended there"},
      GpuReturned{{0}, "GPU-12ab"},
      HostSetAside{"node-1", at(1'700'000'120'000), "2 attempts ended there"},
      HostReturned{"node-1"},
      ClaimLost{{0}, 1},
      BurnedIn{{0}, "GPU-12ab", std::string(64, 'c'), "none", 61'000, 140'000, Milliseconds{10'400}},
      JobsKept{{{{0}, {0}}, {{2}, {4}}}, {{{3}, {4}}}},
      RankExited{{3}, 2, 5, 1, 0, "", true, "", false},
      JobSucceeded{{1}, 8},
      Repeated{{2}, {1}, "GPU-12ab", "bits", "other bits", "", Milliseconds{1300}},
      GpusShared{{0}, 2, {"GPU-12ab", "GPU-34cd"}}};
  for (Event& event : events)
    if (auto* added = std::get_if<JobAdded>(&event)) {
      added->elsewhere = added->kind == "shard";
      added->numeric_class = std::string(64, 'd');
      added->compared_with = 4;
    }
  return events;
}

//! A run with something of every kind in it. What the golden snapshot holds: never change, only append.
inline std::vector<orchestrator::Event> past_of_snapshot_version_5() {
  using namespace orchestrator;
  auto job = [](int number, int slots, std::vector<JobIndex> after) {
    JobAdded added{{number},   {std::string(64, static_cast<char>('a' + number))},
                   "training", "",
                   {},         slots,
                   0,          false,
                   0,          0,
                   400,        7200,
                   7500,       600};
    added.label = fmt::format("training {}", number);
    added.after = std::move(after);
    return added;
  };
  std::vector<Event> events{RunStarted{1, kRun, "node-1", 4711, 7, at(1'700'000'900'000)},
                            job(0, 1, {}),
                            job(1, 2, {{0}}),
                            job(2, 1, {}),
                            job(3, 1, {{2}}),
                            job(4, 1, {}),
                            job(5, 1, {{1}}),
                            AgentJoined{{0}, "node-1", 4, 1, 32768, "class 1"},
                            AgentJoined{{1}, "node-2", 4, 0, 0, ""},
                            JobSucceeded{{0}, 0},
                            Placed{{2}, 1, {{{0}, 1}}, -1, "", at(1'700'000'000'100)},
                            rank_exit(2, 1, 0, 2, 0, "key 'x' is wrong"),
                            AttemptEnded{{2}, 1, Cause::kConfiguration, "exit code 2", false, {}, ""},
                            JobCancelled{{3}, "it needs job 2"},
                            Placed{{4}, 1, {{{0}, 1}}, -1, "", at(1'700'000'000'200)},
                            Started{{4}, 1},
                            Progressed{{4}, 1, 100},
                            rank_exit(4, 1, 0, 0, 11),
                            AttemptEnded{{4}, 1, Cause::kSignal, "signal 11", true, at(1'700'000'009'000), ""},
                            Placed{{1}, 1, {{{0}, 1}, {{1}, 1}}, -1, "", at(1'700'000'000'300)},
                            Started{{1}, 1},
                            rank_exit(1, 1, 1, 1, 0, "NCCL error"),
                            AttemptStopped{{1}, 1, Cause::kDeviceError, Milliseconds{0}, "NCCL error"},
                            HostDrained{"node-2", true, "drained by ann"}};
  events.emplace_back(HostExcluded{"node-1", "job 1 cannot be ended there"});
  events.emplace_back(RanksGivenUp{{1}, 1, "1 of 2 process ranks have not ended"});
  events.emplace_back(AttemptEnded{{1}, 1, Cause::kUnkillable, "it did not end", true, {}, "1 of 8"});
  events.emplace_back(HostDrained{"node-1", false, "repaired"});
  events.emplace_back(Placed{{1}, 2, {{{0}, 2}}, -1, "", at(1'700'000'000'400)});
  events.emplace_back(
      AttemptStopped{{1}, 2, Cause::kInterrupted, Milliseconds{30'000}, "signal 15", at(1'700'000'000'500)});
  JobAdded added{{6}, {std::string(64, 'g')}, "evaluation", "evaluation 6", {{5}}, 1, 0, false, 0, 1, 0, 500, 500, 0};
  added.elsewhere = true;
  events.emplace_back(added);
  added = JobAdded{{7}, {std::string(64, 'h')}, "training", "training 7", {}, 1, 0, true, 0, 0, 0, 0, 0, 0};
  events.emplace_back(added);
  events.emplace_back(AgentJoined{{2}, "node-3", 1, 2, 0, "class 1"});
  for (const int attempt : {1, 2}) {
    events.emplace_back(Placed{{7}, attempt, {{{2}, 1}}, -1, "", at(1'700'000'000'600)});
    events.emplace_back(RankExited{{7}, attempt, 0, 1, 0, "CUDA error", false, "1"});
    events.emplace_back(AttemptEnded{{7}, attempt, Cause::kDeviceError, "CUDA error", true, {}, ""});
  }
  events.emplace_back(GpuSetAside{{2}, "1", at(1'700'000'060'600), "2 attempts ended there"});
  added = {{8}, {std::string(64, 'i')}, "training", "training 8", {}, 1, 0, false, 0, 0, 0, 0, 0, 0};
  events.emplace_back(added);
  events.emplace_back(AgentJoined{{3}, "node-4", 1, 0, 0, "class 1"});
  events.emplace_back(Placed{{8}, 1, {{{3}, 1}}, -1, "", at(1'700'000'000'700)});
  events.emplace_back(RankExited{{8}, 1, 0, 2, 0, "no such file", false, ""});
  events.emplace_back(AttemptEnded{{8}, 1, Cause::kConfiguration, "no such file", true, {}, ""});
  events.emplace_back(HostSetAside{"node-4", at(1'700'000'060'700), "2 attempts ended there"});
  return events;
}

inline core::Bytes journal_of(const std::vector<orchestrator::Event>& events,
                              const orchestrator::JournalHeader& header = {1, 0, kRun, at(1'700'000'000'000)}) {
  core::Bytes bytes = orchestrator::encode_header(header);
  for (std::size_t i = 0; i < events.size(); ++i)
    orchestrator::append_record(bytes, i + 1, at(1'700'000'000'000 + static_cast<std::int64_t>(i)), events[i]);
  return bytes;
}

}  // namespace resolute::tests
