#pragma once
//! \file
//! The simulated accelerator's Recorder: CUDA's graphs in small. Memory that is taken while it records belongs to the
//! recording, is given out again within it alone, and holds NaN at that place of each time that it is played.

#include <memory>

#include "networks/nn/recorder.h"
#include "networks/torch.h"

namespace resolute::accelerator {

//! \param most_recordings a recording more than these finds no memory
std::unique_ptr<networks::Recorder> make_recorder(at::Device place, int most_recordings);

}  // namespace resolute::accelerator
