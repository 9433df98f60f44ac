#pragma once
//! \file
//! `resolute-worker burn-in`: the same little training again and again, for bits that are known and for speed
//! (docs/inside/worker.md).

#include <chrono>

#include "core/files/json.h"
#include "workers/device/device.h"

namespace resolute::workers {

//! Trains the baseline's ResNet-50 on a batch of drawn images, each time from the beginning, at least twice and at
//! least for so long. \return "digest": of the weights in the end, the same on every sound device of a numeric class;
//! "images_a_minute" of all but the first time; "free_mib" of the device's memory before, 0 on a CPU
//! \throws RuntimeError (kEnvironment) if two times end in different weights; as the Trainer
core::Json burn_in(Device& device, std::chrono::seconds time);

}  // namespace resolute::workers
