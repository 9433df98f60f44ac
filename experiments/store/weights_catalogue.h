#pragma once
//! \file
//! The imported weights of a store (docs/weights.md): trunks by content, and the names that suites call them by.

#include <optional>
#include <string>
#include <vector>

#include "core/files/file_system.h"
#include "core/files/json.h"
#include "experiments/store/store_layout.h"

namespace resolute::experiments {

//! The contents of `weights/NAME.json`.
struct NamedWeights {
  std::string name;           //!< a plain name, not "none"
  std::string sha256;         //!< of the trunk's file in the store: what a training's specification names
  std::string backbone;       //!< whose trunk it is
  std::string source;         //!< name of the file that was imported
  std::string source_sha256;  //!< of the file that was imported
  bool operator==(const NamedWeights&) const = default;
};

core::Json to_json(const NamedWeights& weights);

//! The names of one store. Reads files anew at each call.
class WeightsCatalogue {
 public:
  WeightsCatalogue(core::FileSystem& files, StoreLayout store) : files_(files), store_(std::move(store)) {}

  //! Nothing if no weights go by that name. \throws RuntimeError (kInput) if what stands there is not readable as
  //! such
  std::optional<NamedWeights> find(const std::string& name) const;
  //! Every name that is given, sorted.
  std::vector<std::string> names() const;
  //! Tells whether the file with the tensors is there.
  bool has_file(const NamedWeights& weights) const { return files_.exists(store_.weights_file(weights.sha256)); }
  //! Gives them their name, whatever stood there.
  void add(const NamedWeights& weights) const;
  //! Remembers that the trunk of a training of this store has this hash. The first one stays.
  void add_origin(const std::string& sha256, const JobId& training) const;
  //! The training that add_origin() named; nothing where none was named, or where its specification cannot be read any
  //! more. \throws RuntimeError of the store
  std::optional<TrainingSpecification> origin(const std::string& sha256) const;
  //! A training of the store; nothing where it cannot be read. \throws RuntimeError of the store
  std::optional<TrainingSpecification> training(const JobId& job) const;

 private:
  core::FileSystem& files_;
  StoreLayout store_;
};

//! Tells whether weights may go by it: a plain name other than "none".
bool is_weights_name(const std::string& name);

//! The command that makes weights of this backbone go by a name, with FILE and STORE as they stand here.
std::string import_command(const std::string& name, std::string_view backbone);

}  // namespace resolute::experiments
