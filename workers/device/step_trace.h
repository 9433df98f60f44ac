#pragma once
//! \file
//! Shows where the time of some steps goes: what libtorch did in them, as a Chrome trace for Perfetto or
//! chrome://tracing, or as ranges that NVIDIA's Nsight Systems shows (NVTX). Changes no bit of a training.

#include <cstdint>

#include "core/files/file_system.h"
#include "networks/torch.h"
#include "workers/rank/trace_request.h"

namespace resolute::workers {

//! Traces the steps as they come. Call from the thread that trains.
class StepTrace {
 public:
  //! \param place where the training computes \throws RuntimeError (kInput) if NVTX is asked for without a GPU
  StepTrace(core::FileSystem& files, TraceRequest request, at::Device place);
  //! Stops a trace that an error cut short, and writes nothing.
  ~StepTrace();
  StepTrace(const StepTrace&) = delete;
  StepTrace& operator=(const StepTrace&) = delete;

  //! Before step `step` is queued. A training that went on from a checkpoint amid the steps is traced from there.
  void before(std::uint64_t step);
  //! After step `step` was queued; waits for the device and writes the file behind the last one.
  //! \param last the training ends with this step \throws RuntimeError (kEnvironment) if the file is not
  //! whole, as on a disk that is full
  void after(std::uint64_t step, bool last);
  //! True once a whole trace was made.
  bool made() const { return state_ == State::kMade; }

 private:
  enum class State { kAwaited, kTracing, kMade };
  void write();

  core::FileSystem& files_;
  TraceRequest request_;
  at::Device place_;
  State state_ = State::kAwaited;
};

}  // namespace resolute::workers
