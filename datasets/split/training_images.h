#pragma once
//! \file
//! How many images and people a trial trains on and asks for, before its data set is packed: labels alone are looked
//! at. For who plans how many steps an epoch has (settings/epochs.h), whether a batch can be filled, and what a suite
//! costs.

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/files/file_system.h"
#include "datasets/split/split.h"
#include "settings/epochs.h"

namespace resolute::datasets {

//! A split in numbers.
struct SplitCount {
  settings::TrainingCount train;
  std::size_t low = 0;  //!< of its images: those that exist in low resolution only
  std::size_t queries = 0, gallery = 0;
  int tested = 0;          //!< people with a query
  std::size_t images = 0;  //!< of the whole data set
};

//! Counts, and remembers each data set's listing and each split's number. Not thread-safe.
class TrainingImages {
 public:
  //! \param files must outlive this
  explicit TrainingImages(core::FileSystem& files) : files_(files) {}

  //! The items of the split, and whose they are. The labels are those of the sealed pack's manifest where
  //! there is one: it is what the training will read. Otherwise they are listed as packing would: from the names of the
  //! raw images (their pixels stay unread; of CAVIAR4REID the headers are read), or from the settings of drawn ones.
  //! \param pack_folder where the pack is or will be \param root folder of the raw images, of drawn ones too where they
  //! are drawn already; may be empty or not there \return nothing where there is neither pack nor raw image \throws
  //! RuntimeError: as read_sealed_rows(), list_samples() and make_split()
  std::optional<SplitCount> count_split(const PackSettings& pack, const fs::path& pack_folder, const fs::path& root,
                                        const SplitSettings& split);

 private:
  using Rows = std::optional<std::vector<PackRow>>;
  const Rows& rows_of(const PackSettings& pack, const fs::path& pack_folder, const fs::path& root);

  core::FileSystem& files_;
  std::map<fs::path, Rows> rows_;  // by pack folder
  // By that and the split's settings.
  std::map<std::pair<fs::path, std::string>, SplitCount> counts_;
};

}  // namespace resolute::datasets
