#pragma once
//! \file
//! One attempt of a job on this machine, without a coordinator: starts its process ranks, shows what they log and how
//! far they are, waits for them (docs/worker.md). The worker itself resumes from checkpoints and publishes the result.

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "core/error.h"
#include "experiments/store_layout.h"

namespace resolute::cli {

struct LocalAttempt {
  std::filesystem::path worker;  //!< the program
  std::filesystem::path store;
  experiments::JobId job;                 //!< its spec.json is in the store
  int attempt = 1;                        //!< names the files that it logs to
  int ranks = 1;                          //!< W; above 1 only for a training, whose lanes it divides
  std::vector<std::string> options = {};  //!< further ones of the worker, for every rank
  std::string title;                      //!< of the progress line: "training"
};

//! How an attempt ended. A wrong specification (exit code 2) tells more than a rank that was killed, that more than
//! whichever failed first, and any failure more than an interruption: the peers of a rank that fails fail too.
struct AttemptEnd {
  int code = 0;         //!< 0, 1, 2, or 75: stopped, and the same attempt goes on from its checkpoint
  std::string message;  //!< what the rank at fault said last, without the program's name; empty with code 0
};

//! The next free attempt number of a job: what an earlier try logged stays.
int next_attempt(const experiments::StoreLayout& store, const experiments::JobId& job);

//! Runs the attempt to its end; no process of it is left then. SIGINT, SIGTERM, SIGHUP and SIGUSR1 to this process go
//! on to the ranks as SIGTERM: they end after the same step with a checkpoint; a second SIGINT kills them. Once a rank
//! has failed the others have three seconds to say why and end. What ranks log goes to standard error. Call from the
//! main thread.
//! \param enough called about ten times a second; once it returns true the ranks are told to stop. May be empty
//! \throws core::RuntimeError if a rank cannot be started
AttemptEnd follow_attempt(const LocalAttempt& attempt, const std::function<bool()>& enough = {});

//! What an end that left no result is as an error: interrupted, refused (exit code 2), or worth another try.
core::ErrorKind kind_of(const AttemptEnd& end);

//! True once a signal that stops has come during an attempt.
bool stop_was_asked();

}  // namespace resolute::cli
