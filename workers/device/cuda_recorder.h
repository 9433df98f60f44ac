#pragma once
//! \file
//! A GPU's Recorder: CUDA graphs, as libtorch has them; part of libresolute_cuda.so.

#include <memory>

#include "workers/nn/recorder.h"
#include "workers/torch.h"

namespace resolute::workers {

//! It lives as long as the process computes.
std::unique_ptr<Recorder> make_cuda_recorder(at::Device place);

}  // namespace resolute::workers
