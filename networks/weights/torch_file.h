#pragma once
//! \file
//! The files of torch.save: the ZIP archive (PyTorch 1.6 and newer) and the row of pickles before it. Reading runs none
//! of what a pickle asks to be run (networks/weights/pickle.h): tensors are recognised, everything else is passed over.
//! libtorch has a reader of its own, which knows no class but tensors and so refuses most checkpoints:
//! docs/inside/decisions.md.

#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/bytes.h"
#include "networks/torch.h"
#include "networks/weights/safetensors.h"

namespace resolute::networks {

//! A tensor in a file, not read yet.
struct FileTensor {
  at::ScalarType type = at::ScalarType::Undefined;
  std::vector<std::int64_t> shape;
  //! A row-major copy. \throws RuntimeError: kCorrupt if its bytes are damaged; kInput if it has more elements than the
  //! file holds for it
  std::function<at::Tensor()> read;
};

//! By the dotted path of the dictionaries that lead to it: `conv1.weight`, `state_dict.module.conv1.weight`. Bytes of a
//! name that are not printable ASCII are replaced by '?'.
using FileTensors = std::map<std::string, FileTensor>;

//! True if the bytes begin as a file of torch.save does.
bool is_torch_file(std::span<const std::byte> bytes);

//! Lists the tensors below the file's dictionary. Those of types that we do not know, sparse and quantised ones are
//! left out. \param bytes must outlive what is returned \param name names the file in messages
//! \throws RuntimeError: kCorrupt for a file that is cut off or whose parts disagree; kInput for one that is whole but
//!         cannot be read (compressed, big-endian, of over a million values or 100,000 tensors)
FileTensors read_torch_file(std::span<const std::byte> bytes, std::string_view name);

//! A dictionary of these tensors as torch.save writes it, for `torch.load(FILE, weights_only=True)`. The same bytes for
//! the same tensors. Types as encode_safetensors() has them.
core::Bytes encode_torch_file(const NamedTensors& tensors);

//! `text` with every byte that is not printable ASCII replaced by '?': what a file holds must not steer a terminal.
std::string printable(std::string_view text);

}  // namespace resolute::networks
