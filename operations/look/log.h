#pragma once
//! \file
//! The journals of a suite's runs as lines: what `resolute suite log` prints.

#include <cstddef>
#include <iosfwd>
#include <optional>
#include <string>

#include "core/files/file_system.h"
#include "experiments/store/store_layout.h"
#include "operations/look/event_text.h"

namespace resolute::operations {

enum class LogFormat { kText, kJsonLines };
struct LogRequest {
  LogFormat format = LogFormat::kText;
  LogDetail detail = LogDetail::kAll;
  std::string job{};                  //!< only events of jobs whose id starts with it
  std::optional<std::size_t> tail{};  //!< only so many events, the last
};
//! The events of the suite's journals in order, one allocation after the other: for people, one line each with its time
//! and, of what is told of a run's begin as a whole, how many jobs it has; or one JSON object each ({"allocation",
//! "epoch", "sequence", "time", "type", "event"}), which lacks nothing of the journal.
//! \throws RuntimeError (kInput) if the suite was never run
void print_log(core::FileSystem& files, const experiments::StoreLayout& store, const std::string& suite,
               const LogRequest& request, std::ostream& to);

}  // namespace resolute::operations
