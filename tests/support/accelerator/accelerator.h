#pragma once
//! \file
//! A simulated accelerator for tests: libtorch's PrivateUse1 device with the CPU's kernels behind it, so that code for
//! GPUs runs where there is none. It keeps to a GPU's rules and is unforgiving where a GPU is not: memory that the host
//! can not touch, streams that run late, memory that holds NaN when it is new or gone; and it counts what costs time on
//! a GPU. What it can not do: say how long anything takes. Opening it makes it the accelerator of the process.

#include <memory>

#include "tests/support/accelerator/streams.h"
#include "workers/device/device.h"

namespace resolute::accelerator {

//! Devices of this process, so that what forgets to say which one is found out: a thread begins on device 0.
inline constexpr int kDevices = 3;

//! A rank's device, number 1 or 2: its communicator takes the device's tensors through the host. From here on the
//! process computes without oneDNN. \param precision TF32 is part of the numeric class; numbers are float32's all
//! the same
std::unique_ptr<workers::Device> open(int process_rank, settings::Precision precision = settings::Precision::kF32);

//! Streams lag like this while alive, and as before afterwards.
class Lagging {
 public:
  explicit Lagging(const Lateness& lateness) { streams().set_lateness(lateness); }
  ~Lagging() { streams().set_lateness({}); }
  Lagging(const Lagging&) = delete;
  Lagging& operator=(const Lagging&) = delete;
};

}  // namespace resolute::accelerator
