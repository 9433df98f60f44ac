#pragma once
//! \file
//! The names under which published networks hold a trunk's tensors. Ours are torchvision's of ResNets and
//! efficientnet-lite-pytorch's of EfficientNet-Lite; other homes of a ResNet spell the same tensors otherwise.

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "networks/weights/torch_file.h"

namespace resolute::networks {

//! The place of a trunk in a file.
struct TrunkNames {
  std::string prefix;                          //!< before the trunk's names: "", "module.", …
  std::string_view spelling;                   //!< a word: "torchvision", "hugging-face", …
  std::string_view remark;                     //!< how networks of this spelling differ from ours; mostly empty
  std::map<std::string, std::string> in_file;  //!< our name → the file's whole name, whether or not it has that tensor
  //! Tensors of the file that lie in the trunk's own levels and are none of the trunk's: its network is another one.
  //! The one that tells which comes first, the others are sorted.
  std::vector<std::string> foreign;
  std::string_view network;  //!< which one, where `foreign` tells it, as in "an SE-ResNet"
};

//! The prefix and the spelling are those under which most of the trunk stands. If several hold all of it, the plain
//! one or that of a usual wrapper (`model.`, `state_dict.`, `model_state_dict.`, `net.`, our own `trunk.`, or none;
//! each also before `module.`). A prefix without one tensor of a block is none. \param trunk a whole trunk, by our
//! names \param prefix given: only that one \throws RuntimeError (kInput) where several prefixes serve, naming them
TrunkNames find_trunk(const FileTensors& tensors, const NamedTensors& trunk, const std::optional<std::string>& prefix);

}  // namespace resolute::networks
