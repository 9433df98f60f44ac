#pragma once
//! \file
//! Looks at a suite's store again and again, and changes nothing in it.

#include "cli/report/document.h"
#include "core/files/file_system.h"
#include "core/files/json.h"
#include "experiments/specification/plan.h"
#include "experiments/store/store_layout.h"

namespace resolute::cli {

class StoreReader {
 public:
  //! \param files of which nothing but reads is asked \param with_hosts as ReportOptions
  StoreReader(core::FileSystem& files, experiments::StoreLayout store, experiments::Plan plan, bool with_hosts);
  //! The report's document as the store is now. What does not change is made and said once.
  //! \throws RuntimeError as suite_report()
  core::Json look();

 private:
  core::FileSystem& files_;
  experiments::StoreLayout store_;
  experiments::Plan plan_;
  bool with_hosts_;
  ReportMemory memory_;
};

}  // namespace resolute::cli
