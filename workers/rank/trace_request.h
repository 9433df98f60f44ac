#pragma once
//! \file
//! Which steps of a training are to be shown, and where. Needs no libtorch.

#include <cstdint>
#include <filesystem>
#include <string_view>

namespace resolute::workers {

//! What a rank is asked to show; the steps count from 1, and both ends are in.
struct TraceRequest {
  static constexpr std::uint64_t kMostSteps = 100;  //!< a step of ResNet-50 takes about a megabyte

  std::filesystem::path file;  //!< Chrome trace; empty: NVTX ranges
  std::uint64_t first_step = 1, last_step = 1;
};

//! Reads "A..B" or "A". \throws RuntimeError (kInput) unless 1 <= A <= B, and B - A + 1 <= TraceRequest::kMostSteps
void read_steps(std::string_view text, TraceRequest& request);

//! The file of one process rank: that of rank 0 is `file`, that of rank 2 is called trace.rank2.json for trace.json.
std::filesystem::path trace_file(const std::filesystem::path& file, int process_rank);

}  // namespace resolute::workers
