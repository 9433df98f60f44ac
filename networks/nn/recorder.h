#pragma once
//! \file
//! Work of a device that is recorded once and played again and again: CUDA's graphs. A host that plays a recording asks
//! the device once where it would ask for a thousand kernels one by one.

#include <cstdint>
#include <functional>
#include <memory>

namespace resolute::networks {

//! Work that a device did not do when it was asked, but keeps.
class Recording {
 public:
  virtual ~Recording() = default;
  //! Queues all of it on the current stream: the same kernels over the same memory as when it was recorded.
  virtual void play() = 0;

 protected:
  Recording() = default;
  Recording(const Recording&) = delete;
  Recording& operator=(const Recording&) = delete;
};

//! A device's. No two of its recordings are made at the same time.
class Recorder {
 public:
  virtual ~Recorder() = default;
  //! Runs `work` on this thread: what it queues on the current stream is recorded and not done, and memory that it
  //! takes there is the recording's. Tensors of `work` that are held beyond its end keep their addresses.
  //! \param beside null, or a recording whose memory this one shares: what no tensor is held of. Tensors that are held
  //! of that one stay as they are when this one is played; those of this one are gone once that one is played again
  //! \throws what `work` throws; c10::Error for what cannot be recorded: to wait for the device, to read the host's
  //! memory; c10::OutOfMemoryError
  virtual std::unique_ptr<Recording> record(const std::function<void()>& work, const Recording* beside) = 0;
  //! The share of the device's memory that is free, 0 to 1, once what was kept for reuse is given back: it takes long.
  virtual double free_memory() const = 0;
  //! Allocations that were refused, each of which ended work and was met by nothing else: whoever then does the work
  //! without a recording has the same bits.
  std::uint64_t refusals() const { return refusals_; }
  //! Counts one more of them.
  void add_refusal() { ++refusals_; }

 protected:
  Recorder() = default;
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;

 private:
  std::uint64_t refusals_ = 0;
};

}  // namespace resolute::networks
