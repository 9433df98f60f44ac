#pragma once
//! \file
//! The present work of a run, written to the store every two seconds for whoever looks (`suite status --watch`). The
//! journal leaves it out because no decision needs it, and losing it costs nothing.

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/files/file_system.h"
#include "core/files/json.h"
#include "orchestrator/messages/event.h"

namespace resolute::orchestrator {

//! A GPU as NVIDIA's management library describes it, all its processes together; -1 for what it does not tell.
struct LiveGpu {
  double busy_percent = -1, clock_mhz = -1, memory_mib = -1, memory_total_mib = -1;
};
core::Json to_json(const LiveGpu& gpu);
//! "94 %, 30.5 of 79.6 GiB, 1980 MHz", as far as it is known.
std::string gpu_text(const LiveGpu& gpu);

//! One running attempt, by the last progress lines of its process rank 0; -1, or nothing, for a member that they have
//! not reported.
struct LiveAttempt {
  experiments::JobId job;
  int attempt = 0;
  std::vector<std::string> hosts;
  int ranks = 0;
  double seconds = 0;  //!< since it was placed
  std::int64_t step = -1;
  std::int64_t steps = -1;
  std::optional<double> loss{};  //!< of any sign
  double images_per_second = -1;
  double seconds_left = -1;
  std::optional<LiveGpu> gpu{};  //!< process rank 0's
};
//! Takes what a worker says in a progress line (docs/inside/worker.md), as far as it can be understood.
void read_progress_line(const std::string& line, LiveAttempt& attempt);

//! A job that is to be tried again, by its last attempt that failed.
struct LiveRetry {
  experiments::JobId job;
  int attempt = 0;
  std::string cause;  //!< name_of(Cause)
  std::string evidence;
  double seconds = 0;  //!< since it ended
};
struct LiveAgent {
  std::string host;
  int slots = 0, free = 0, gpus = 0, free_gpus = 0;
  std::string state;  //!< "" | "leaving" | "drained" | "excluded" | "set aside" | "without GPU 3, 5"
  std::string why{};  //!< of that state: what its user said, or what happened there last
};
//! Members that a worker has not reported are left out.
core::Json to_json(const LiveAttempt& attempt);
core::Json to_json(const LiveAgent& agent);
core::Json to_json(const LiveRetry& retry);
//! The store has failed the run, which starts nothing until it answers again.
struct LiveStoreFailure {
  std::string why;
  double seconds = 0;  //!< since
};
struct LiveStatus {
  std::int64_t epoch = 0;
  Instant at{};
  double seconds_left = -1;  //!< of the whole run as expected now; -1: unknown
  std::vector<LiveAgent> agents;
  std::vector<LiveAttempt> running;
  std::optional<LiveStoreFailure> store{};
  std::vector<LiveRetry> retried{};  //!< newest first, kMostRetried at most
  std::set<std::string> classes{};   //!< numeric classes of the agents
};
inline constexpr std::size_t kMostRetried = 10;
//! Sorts and cuts a list to that of LiveStatus::retried.
void keep_newest(std::vector<LiveRetry>& retried);

//! `suites/NAME/live.json` (docs/inside/formats/live.md). Renamed into place, not synced.
void write_live(core::FileSystem& files, const std::filesystem::path& suite_folder, const LiveStatus& status);
//! Nothing if there is none or it cannot be read.
std::optional<LiveStatus> read_live(core::FileSystem& files, const std::filesystem::path& suite_folder);

//! The work of several runs that share their jobs; each of them expects to be alone with what is left.
//! \param runs one or more
LiveStatus together(const std::vector<LiveStatus>& runs);
//! The same of runs of which one has only a part of the suite (--only): done with the last of them, but unknown while
//! there are jobs that none of them runs. \param runs one or more \param jobs_left of the suite, those that run among
//! them
LiveStatus side_by_side(const std::vector<LiveStatus>& runs, int jobs_left);

//! At the end of a run.
void remove_live(core::FileSystem& files, const std::filesystem::path& suite_folder);

}  // namespace resolute::orchestrator
