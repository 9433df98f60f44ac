#pragma once
//! \file
//! Weights that a training starts from, and what a finished one gives to others (docs/weights.md): the tensors of a
//! trunk (nn/backbone.h) under torchvision's names, which are timm's for the plain ResNets. Files with other spellings
//! of these names are read too (weights/published_names.h).

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/files/file_system.h"
#include "core/files/json.h"
#include "experiments/store/store_layout.h"
#include "networks/weights/published_names.h"

namespace resolute::workers {

//! The tensors of a `.safetensors` file or a file of torch.save, told apart by their first bytes.
struct TensorFile {
  std::string format;  //!< "safetensors" or "torch"
  networks::FileTensors tensors;
};
//! \param bytes must outlive what is returned \param name names the file in messages
//! \throws RuntimeError: kInput or kCorrupt for a file that is neither or is damaged
TensorFile open_tensor_file(std::span<const std::byte> bytes, std::string_view name);

//! The tensors of a trunk in a file.
struct TrunkMatch {
  struct Misfit {
    std::string name;           //!< of the trunk
    std::string found, needed;  //!< type and shape, as in "float32 64x3x7x7"
  };
  networks::TrunkNames names;
  std::vector<std::string> taken;                //!< of the trunk, sorted
  std::map<std::string, std::string> converted;  //!< those of them that were not float32 → their type
  std::vector<std::string> missing;              //!< of the trunk
  std::vector<Misfit> misfits;                   //!< of another shape, or not of floating point
  std::vector<std::string> left_out;             //!< of the file, whole names, sorted; not those of names.foreign
  //! All of the trunk is there, and its levels hold nothing else.
  bool complete() const { return missing.empty() && misfits.empty() && names.foreign.empty(); }
};

//! Compares names and shapes. The names are looked for as find_trunk() does.
//! \param trunk any module with torchvision's names
//! \param prefix given: only that one
//! \throws RuntimeError (kInput) where several prefixes serve, naming them
TrunkMatch match_trunk(const networks::FileTensors& tensors, const torch::nn::Module& trunk,
                       const std::optional<std::string>& prefix);
//! `prefix`, `spelling`, `remark`, `foreign`, `network`, `taken`, `converted`, `missing`, `misfits`, `left_out`.
core::Json to_json(const TrunkMatch& match);

//! The tensors of a complete match, as float32. \throws RuntimeError: kInput for a value that is not finite; kCorrupt
networks::NamedTensors read_trunk(const networks::FileTensors& tensors, const TrunkMatch& match);

//! A trunk's file in the store: the same bytes for the same values. \param backbone e.g. "resnet50"
core::Bytes encode_trunk(const networks::NamedTensors& tensors, const std::string& backbone);

struct ImportRequest {
  std::filesystem::path file;
  std::string name = "imagenet";
  std::string backbone = "resnet50";
  std::optional<std::string> prefix;
  bool replace = false;  //!< where other weights have the name already
};

struct ImportResult {
  core::Json report;  //!< `imported`, and what docs/inside/weights.md lists beside it
  bool complete = false;
};

//! Puts the trunk that a file holds into the store, under its SHA-256 and the name. If tensors are missing or do not
//! fit, or others lie in the trunk's levels, only the report says so and nothing is written.
//! \throws RuntimeError (kInput): a bad name, an unknown backbone, a file that is none of these, a name that is taken
ImportResult import_weights(core::FileSystem& files, const experiments::StoreLayout& store,
                            const ImportRequest& request);

//! Overwrites every Backbone in `module` with a trunk's tensors, every other ShallowTrunk with those of its layers. The
//! rest stays as it is. \param title names them in messages \throws RuntimeError (kCorrupt) if they do not fit
void load_trunks(const networks::NamedTensors& tensors, std::string_view title, torch::nn::Module& module);

//! load_trunks() of weights of the store.
//! \param sha256 of their file \param backbone whose they must be
//! \throws RuntimeError: kInput if the store has none of this hash, or they are of another backbone; kCorrupt if their
//!         bytes are others
void load_initial_weights(core::FileSystem& files, const experiments::StoreLayout& store, const std::string& sha256,
                          const std::string& backbone, torch::nn::Module& module);

}  // namespace resolute::workers
