#pragma once
//! \file
//! Features that one evaluation of a training leaves to the next: images pass the networks once, however many protocols
//! ask of them. It keeps another link to an evaluation's features.h5, in the training's folder, whose name has
//! the file's hash (docs/inside/worker.md, "Kept features"). Bits do not depend on who came first: what is kept is what
//! would be computed.

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/files/json.h"
#include "experiments/store/store_layout.h"
#include "workers/evaluation/evaluator.h"
#include "workers/jobs/finished_training.h"

namespace resolute::workers {

//! The kept features for one evaluation. It is given once what features depend on beside the training and the images.
class KeptFeatures {
 public:
  //! \param pack_sha256 of the sealed pack \param numeric_class of the device that embeds \param flip as
  //! EmbeddingOptions. `files` outlives it.
  KeptFeatures(core::FileSystem& files, const experiments::StoreLayout& store, const FinishedTraining& training,
               const std::string& pack_sha256, const std::string& numeric_class, bool flip);

  //! Those of the views, as embed_images() gives them; nothing where none are kept or the file is not what it was,
  //! which is logged. \param queries the first so many views are the queries \param dimension of a row
  std::optional<std::vector<float>> find(std::span<const ImageView> views, std::size_t queries, std::size_t dimension);

  //! Keeps an evaluation's features.h5, which holds what find() was asked for, unless that was kept already. A
  //! folder or a file system where no link can be made is logged: others embed again.
  void keep(const std::filesystem::path& features, const std::string& features_sha256) const;

 private:
  std::string prefix_of(std::span<const ImageView> views) const;

  core::FileSystem& files_;
  std::filesystem::path folder_;  //!< the training's
  core::Json key_;                //!< what features depend on, but for the views
  std::string missing_;           //!< what the name begins with that was looked for in vain
};

}  // namespace resolute::workers
