#pragma once
//! \file
//! metrics.jsonl: one JSON line a training step, of the attempt that ran it (docs/inside/worker.md).

#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/files/file_system.h"

namespace resolute::workers {

struct StepMetrics {
  std::uint64_t step = 0;  //!< 1 for the first
  double loss = 0;         //!< sum of the terms
  std::vector<std::pair<std::string, double>>
      terms;  //!< by name; a name that two phases use is followed by the phase's
  std::vector<std::pair<std::string, double>> gradient_norms;  //!< by phase: of the sum over lanes, before clipping
  double learning_rate_factor = 1;                             //!< of the schedule
  std::string gradients;  //!< 32 hexadecimal digits: a digest of the step's gradients, all phases; empty: none was made
};

class MetricsLog {
 public:
  //! Creates the file, or empties one that an earlier start of the same attempt left.
  MetricsLog(core::FileSystem& files, const std::filesystem::path& path);
  void write(const StepMetrics& metrics);
  //! \throws RuntimeError if what was written did not reach the disk
  void close();

 private:
  std::unique_ptr<core::WritableFile> file_;
};

}  // namespace resolute::workers
