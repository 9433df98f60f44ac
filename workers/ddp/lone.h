#pragma once
//! \file
//! The group of one process rank, whose exchanges are copies. A single process trains without a communicator; with this
//! one it takes the path that several take, which is how one GPU alone can try that path.

#include <memory>

#include "workers/ddp/communicator.h"

namespace resolute::workers {

//! Takes tensors of any device.
std::unique_ptr<Communicator> connect_alone();

}  // namespace resolute::workers
