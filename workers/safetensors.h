#pragma once
//! \file
//! Tensors in a file as the safetensors format lays them out (github.com/huggingface/safetensors, format.md): eight
//! bytes of header length, a JSON header, the tensors' bytes. Any tool that knows the format reads our weights and
//! checkpoints.
//!
//! What is written depends on names, values and metadata only: names sorted by bytes, no padding between tensors, the
//! header padded with spaces to a multiple of eight. Reading is strict: every byte of the file must be accounted for.

#include <map>
#include <span>
#include <string>
#include <string_view>

#include "core/bytes.h"
#include "workers/torch.h"

namespace resolute::workers {

//! Tensors by name. On the CPU; any layout in memory, written in row-major order.
using NamedTensors = std::map<std::string, at::Tensor>;

struct SafetensorsContent {
  std::map<std::string, std::string> metadata;
  NamedTensors tensors;  //!< contiguous, owning their memory
};

//! Types: float32, float64, float16, bfloat16, int64, int32, int16, int8, uint8, bool; others are a ContractError.
core::Bytes encode_safetensors(const NamedTensors& tensors, const std::map<std::string, std::string>& metadata);

//! \param name names the file in messages
//! \throws RuntimeError (kCorrupt) for anything that is not a complete file of this format: a header that is no JSON or
//!         names unknown types, offsets outside the file, overlapping, or leaving bytes unused, sizes that disagree
SafetensorsContent decode_safetensors(std::span<const std::byte> bytes, std::string_view name);

}  // namespace resolute::workers
