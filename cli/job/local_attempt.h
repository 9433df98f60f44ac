#pragma once
//! \file
//! One attempt of a job on this machine, without a coordinator: a spawner starts its process ranks as it does those of
//! a suite; their log and progress are shown (docs/inside/worker.md). The worker itself resumes from checkpoints
//! and publishes the result.

#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "core/error.h"
#include "experiments/specification/plan.h"
#include "experiments/store/store_layout.h"

namespace resolute::cli {

//! The lines of a file that another process appends to, each once.
class GrowingFile {
 public:
  explicit GrowingFile(std::filesystem::path path) : path_(std::move(path)) {}
  //! The whole lines since the last call, with their line ends; none if there is no file.
  //! \param to_the_end also a last line without a line end
  std::string new_lines(bool to_the_end = false);

 private:
  std::filesystem::path path_;
  std::size_t read_ = 0;
};

struct LocalAttempt {
  std::filesystem::path worker;           //!< the program
  experiments::StoreLayout store;         //!< has the job's spec.json
  experiments::PlannedJob job;            //!< `slots` process ranks
  int attempt = 1;                        //!< names the files that it logs to
  std::vector<std::string> options = {};  //!< further ones of the worker, for every rank
  std::string title;                      //!< of the progress line: "training"
  std::string command = "run";            //!< of the worker, with the options of run
};

//! How an attempt ended: as the rank whose end tells most (orchestrator/decisions/failure.h), of several the first. The
//! peers of a rank that fails fail too.
struct AttemptEnd {
  int code = 0;          //!< 0, 1, 2, or 75: stopped, and the same attempt goes on from its checkpoint
  std::string message;   //!< what the rank at fault said last, without the program's name; empty with code 0
  bool stopped = false;  //!< a signal has come that stops
};

//! Refuses a number of process ranks that does not divide a job's lanes. \param why they have to
//! \throws RuntimeError (kInput)
void require_ranks(int ranks, int lanes, const std::string& why = "every process rank runs the same number of lanes");

//! The next free attempt number of a job: the log of an earlier try stays.
int next_attempt(const experiments::StoreLayout& store, const experiments::JobId& job);

//! Runs the attempt to its end; no process of it is left then. SIGINT, SIGTERM, SIGHUP and SIGUSR1 to this process go
//! on to the ranks as SIGTERM: they end after the same step with a checkpoint; a second SIGINT kills them. Once a rank
//! has failed the others have three seconds to say why and end. The log of the ranks goes to standard error too. Call
//! while the process has one thread.
//! \param enough called about ten times per second; once it returns true the ranks are told to stop. May be empty
//! \throws core::RuntimeError if ranks cannot be started
AttemptEnd follow_attempt(const LocalAttempt& attempt, const std::function<bool()>& enough = {});

//! Before this process becomes another program: gives back the signals that follow_attempt() still catches. \return
//! true if one has come since that stops
bool release_stop_signals();

//! The kind of error of an end without a result: interrupted, refused (exit code 2), or worth another try.
core::ErrorKind kind_of(const AttemptEnd& end);

}  // namespace resolute::cli
