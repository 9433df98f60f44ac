#pragma once
//! \file
//! Tensors in a file as the safetensors format lays them out (github.com/huggingface/safetensors, format.md): eight
//! bytes of header length, a JSON header, the tensors' bytes. Any tool that knows the format reads our weights and
//! checkpoints.
//! The bytes depend on names, values and metadata only: names sorted by bytes, no padding between tensors, the
//! header padded with spaces to a multiple of eight. Reading is strict: every byte of the file must be accounted for.

#include <array>
#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/bytes.h"
#include "networks/torch.h"

namespace resolute::networks {

//! Tensors by name. Any device, any layout in memory; written in row-major order.
using NamedTensors = std::map<std::string, at::Tensor>;

struct SafetensorsContent {
  std::map<std::string, std::string> metadata;
  NamedTensors tensors;  //!< on the CPU, contiguous
};

//! The name of a type of elements in files.
struct ElementNames {
  at::ScalarType type;
  std::string_view safetensors, storage;  //!< the latter is torch.save's
};
inline constexpr std::array<ElementNames, 10> kElementNames{{{at::kFloat, "F32", "FloatStorage"},
                                                             {at::kDouble, "F64", "DoubleStorage"},
                                                             {at::kHalf, "F16", "HalfStorage"},
                                                             {at::kBFloat16, "BF16", "BFloat16Storage"},
                                                             {at::kLong, "I64", "LongStorage"},
                                                             {at::kInt, "I32", "IntStorage"},
                                                             {at::kShort, "I16", "ShortStorage"},
                                                             {at::kChar, "I8", "CharStorage"},
                                                             {at::kByte, "U8", "ByteStorage"},
                                                             {at::kBool, "BOOL", "BoolStorage"}}};

//! Copies a tensor's elements to `to`, of nbytes() bytes and at any address, as a file holds them: in row-major order,
//! whatever their order in memory. When it returns, the tensor may change. Any device, any strides; contiguous and
//! channels-last ones on the CPU at the speed of memory.
void copy_row_major(const at::Tensor& tensor, std::span<std::byte> to);

//! The places of all parts in a file that is not written yet. Holds the tensors, not their values.
struct SafetensorsLayout {
  struct Body {
    at::Tensor tensor;
    std::size_t begin = 0;  //!< from the start of the file
  };
  std::string head;  //!< the file's first bytes: length and header
  std::vector<Body> bodies;
  std::size_t size = 0;  //!< of the file
};

//! Types: float32, float64, float16, bfloat16, int64, int32, int16, int8, uint8, bool; others are a ContractError.
SafetensorsLayout lay_out_safetensors(const NamedTensors& tensors, const std::map<std::string, std::string>& metadata);
//! Writes the file into memory: the one copy that its tensors need. \param file layout.size bytes
//! \param threads that copy, this one included; only this one does where a tensor is not on the CPU
void fill_safetensors(const SafetensorsLayout& layout, std::span<std::byte> file, unsigned threads = 1);
//! Both, into memory of its own.
core::Bytes encode_safetensors(const NamedTensors& tensors, const std::map<std::string, std::string>& metadata);

//! \param name names the file in messages
//! \return tensors that own their memory
//! \throws RuntimeError (kCorrupt) for anything that is not a complete file of this format: a header that is no JSON or
//!         names unknown types, offsets outside the file, overlapping, or leaving bytes unused, sizes that disagree
SafetensorsContent decode_safetensors(std::span<const std::byte> bytes, std::string_view name);
//! The same without copies: \return tensors that are views into `file` and hold it; only one whose place suits its type
//! badly is copied. \param file one-dimensional, uint8, contiguous, on the CPU; not to be changed while a view lives
SafetensorsContent decode_safetensors(const at::Tensor& file, std::string_view name);

}  // namespace resolute::networks
