#pragma once
//! \file
//! A question to the worker program, which has libtorch, and its answer: one line of JSON.

#include <string>
#include <vector>

#include "core/files/json.h"

namespace resolute::cli {

struct WorkerAnswer {
  core::Json report;  //!< null if there is none
  int code = 0;
  std::string error;  //!< its last line on standard error, without the program's name
};

//! Runs the worker program to its end. \param arguments its command first \throws core::RuntimeError if it cannot be
//! run, is ended by a signal, or does not end within an hour
WorkerAnswer ask_worker(std::vector<std::string> arguments);

//! Throws the last words of a worker that did not end with code 0.
[[noreturn]] void fail_as(const WorkerAnswer& answer);

}  // namespace resolute::cli
