#pragma once
//! \file
//! The requests of a user to a run that is at work, through the store: one small file per request below the suite's
//! folder, taken by the run that owns the suite. `suite cancel` and `suite drain` write them.

#include <cstdint>
#include <exception>
#include <filesystem>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "core/files/file_system.h"
#include "orchestrator/messages/event.h"

namespace resolute::orchestrator {

//! End the run as a signal does.
struct StopRun {};
struct CancelJob {
  experiments::JobId job;
};
struct DrainHost {
  std::string host;
  bool on = true;
};
using Request = std::variant<StopRun, CancelJob, DrainHost>;

//! `suites/NAME/requests/TIME-TOKEN.json`: {"request": "stop" | "cancel" | "drain" | "undrain", "job" or "host",
//! "epoch", "by": `user@host`}. Written whole (temporary name, fsync, rename). \param epoch in which the run that is
//! asked began: a later one has nothing to do with it
void write_request(core::FileSystem& files, const std::filesystem::path& suite_folder, std::int64_t epoch,
                   const Request& request);

struct PendingRequest {
  std::string name;  //!< of its file
  Request request;
  std::string by;
  std::int64_t epoch = 0;
};

//! The requests to one run. A fault of their folder is told in the log, once, and never ends the run.
class RequestBox {
 public:
  //! \param epoch in which the run began
  RequestBox(core::FileSystem& files, const std::filesystem::path& suite_folder, std::int64_t epoch);
  //! Those that wait and have not been discarded, in the order of their names. One that is no request is renamed to
  //! `.bad`, one to another run removed.
  std::vector<PendingRequest> read();
  //! To be called once what follows from a request is journaled: removes it, or at least gives it out no more.
  void discard(const std::string& name);

 private:
  void warn_once(const std::string& about, const std::exception& error);

  core::FileSystem& files_;
  std::filesystem::path folder_;
  std::int64_t epoch_;
  std::set<std::string> discarded_;  //!< files that could not be removed
  std::set<std::string> warned_;
};

}  // namespace resolute::orchestrator
