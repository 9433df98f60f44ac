#pragma once
//! \file
//! Looks at a suite's store again and again, and changes nothing in it.

#include <chrono>

#include "core/files/file_system.h"
#include "core/files/json.h"
#include "experiments/specification/plan.h"
#include "experiments/store/store_layout.h"
#include "report/document/document.h"

namespace resolute::cli {

//! A run that is killed shows as such within so long of its last word, wherever it ran, where a look takes no longer
//! than kLongestLook.
inline constexpr std::chrono::seconds kShownWithin{30};
inline constexpr std::chrono::seconds kLongestLook{2};

//! How long to rest after a look that took this long. Looks take at most a tenth of the time, as pause_after() has it,
//! unless kShownWithin could not be kept then: those of 0.8 to 2 seconds take more, a quarter at most.
std::chrono::milliseconds pause_between_looks(std::chrono::nanoseconds look, std::chrono::milliseconds shortest);

class StoreReader {
 public:
  //! \param files only read from \param with_hosts as ReportOptions
  StoreReader(core::FileSystem& files, experiments::StoreLayout store, experiments::Plan plan, bool with_hosts);
  //! The report's document as the store is now. Parts that do not change are made once, and warnings given once.
  //! \throws RuntimeError as suite_report()
  core::Json look();

 private:
  core::FileSystem& files_;
  experiments::StoreLayout store_;
  experiments::Plan plan_;
  bool with_hosts_;
  report::ReportMemory memory_;
};

}  // namespace resolute::cli
