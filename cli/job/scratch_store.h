#pragma once
//! \file
//! A store of a moment's own, in which a job is run again without touching what the first run left.

#include <filesystem>

#include "experiments/store/store_layout.h"
#include "results/records/record.h"

namespace resolute::cli {

class ScratchStore {
 public:
  //! Makes an empty folder `scratch-XXXXXX` in the store or, where nothing can be written there, in the folder for
  //! temporary files. \param keep leave it behind \throws core::RuntimeError if neither can be written
  ScratchStore(const experiments::StoreLayout& original, bool keep);
  ~ScratchStore();
  ScratchStore(const ScratchStore&) = delete;
  ScratchStore& operator=(const ScratchStore&) = delete;

  const experiments::StoreLayout& layout() const { return layout_; }
  //! Copies the specification's bytes and shares, as symbolic links, what the job reads: packs and pretrained weights
  //! for a training, for an evaluation what prepare_finished() does too, the shards for a seal, nothing for a shard.
  //! \throws core::RuntimeError of the file system
  void prepare(const experiments::JobId& job, const experiments::JobSpecification& specification);
  //! The same for what only looks at a finished training: its specification's and its record's bytes, and its weights
  //! as a symbolic link. \throws core::RuntimeError of the file system
  void prepare_finished(const results::TrainingRecord& training);

 private:
  void share(const std::filesystem::path& path);
  void copy(const std::filesystem::path& path);

  experiments::StoreLayout original_;
  experiments::StoreLayout layout_;
  bool keep_;
};

}  // namespace resolute::cli
