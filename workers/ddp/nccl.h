#pragma once
//! \file
//! A communicator over NCCL for tensors on a GPU; part of libresolute_cuda.so. NCCL carries bytes and adds nothing:
//! sums are formed by the caller in the order of the lanes, so no setting of NCCL can change a bit.

#include <chrono>
#include <memory>

#include "workers/ddp/communicator.h"

namespace resolute::workers {

//! Tensors on the GPU go through NCCL on the calling thread's current stream, tensors on the CPU through `host`. Every
//! exchange is complete when it returns: what waits too long, or whose peer has gone, ends with an error instead of a
//! kernel that never does, and the GPU is free again.
//! \param host connects the ranks already \param place a GPU of this process, another in each rank
//! \param limit for one exchange, the slowest rank's computing included, and for connecting
//! \throws RuntimeError: kEnvironment if two ranks have one GPU, or CUDA fails; kTransient for a lost peer
std::unique_ptr<Communicator> connect_nccl(std::unique_ptr<Communicator> host, at::Device place,
                                           std::chrono::milliseconds limit);

}  // namespace resolute::workers
