#pragma once
//! \file
//! All process ranks of a training must agree on these before the first step.

#include <optional>
#include <string>

#include "workers/ddp/communicator.h"
#include "workers/training/checkpoint.h"

namespace resolute::workers {

//! The newest usable checkpoint, read by process rank 0 alone and sent to the others: no rank depends on what its
//! node's view of the shared file system shows. \param folder process rank 0's, null on the others \param communicator
//! null for a single process
std::optional<Checkpoint> load_on_all_ranks(CheckpointFolder* folder, const CheckpointOwner& owner,
                                            Communicator* communicator);

//! Ends a gang whose ranks were started for different jobs or on machines of different numeric classes.
//! \param agreed any text that must be the same on every rank
//! \throws RuntimeError (kEnvironment) on every rank if it is not
void expect_agreement(const std::string& agreed, Communicator* communicator);

//! Process rank 0's answer on every rank.
bool broadcast_flag(bool flag, Communicator* communicator);

}  // namespace resolute::workers
