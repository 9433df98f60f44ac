#pragma once
//! \file
//! Counts the multiply-adds that libtorch really computes: it listens to the convolutions and matrix products that are
//! dispatched, forward and backward, and takes their sizes. Batch norms, activations, losses and optimisers, whose work
//! grows with the elements alone, are not counted.

#include <ATen/record_function.h>

#include <cstdint>

namespace resolute::workers {

//! Counts while it lives, on all threads of the process. One at a time.
class MultiplicationCount {
 public:
  MultiplicationCount();
  ~MultiplicationCount();
  MultiplicationCount(const MultiplicationCount&) = delete;
  MultiplicationCount& operator=(const MultiplicationCount&) = delete;
  //! Multiply-adds so far, two floating-point operations (FLOP) each.
  std::int64_t value() const;

 private:
  at::CallbackHandle handle_;
};

}  // namespace resolute::workers
