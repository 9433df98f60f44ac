#pragma once
//! \file
//! A checkpoint from bytes in memory, as a training reads one from its file.

#include <cstring>
#include <span>
#include <string_view>

#include "workers/training/checkpoint.h"

namespace resolute::workers {

//! \throws as decode_checkpoint() of a file
inline Checkpoint decode_checkpoint(std::span<const std::byte> bytes, const CheckpointOwner& owner,
                                    std::string_view name) {
  at::Tensor file = at::empty({static_cast<std::int64_t>(bytes.size())}, at::kByte);
  if (!bytes.empty()) std::memcpy(file.mutable_data_ptr(), bytes.data(), bytes.size());
  return decode_checkpoint(file, owner, name);
}

}  // namespace resolute::workers
