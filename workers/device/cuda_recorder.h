#pragma once
//! \file
//! A GPU's Recorder: CUDA graphs, as libtorch has them; part of libresolute_cuda.so.

#include <memory>

#include "networks/nn/recorder.h"
#include "networks/torch.h"

namespace resolute::workers {

//! How often CUDA had less memory than was asked for, even once libtorch had given back all that it kept for reuse. A
//! plan of cuDNN's whose working memory is refused is replaced by another, for good, and nobody says so.
std::uint64_t refused_allocations(at::Device place);

//! It lives as long as the process computes.
std::unique_ptr<networks::Recorder> make_cuda_recorder(at::Device place);

}  // namespace resolute::workers
