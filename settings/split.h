#pragma once
//! \file
//! How one trial divides a pack into training, query and gallery images.

#include <cstdint>
#include <vector>

#include "settings/choice.h"

namespace resolute::settings {

//! Who trains and who is tested.
enum class Partition {
  kRandomHalves,  //!< halves of the identities, drawn by seed
  kOfficial,      //!< the source's train subset against its query and gallery
  kPublished,     //!< the source's own test set of the number `seed`, from 0, is tested; all others train
};
constexpr auto words_of(Partition) { return words("random-halves", "official", "published"); }

//! Which training images there are: docs/formats/manifest.md.
enum class TrainPool {
  kMlr,          //!< those of the LR side exist in low resolution only
  kHrBothViews,  //!< all, in high resolution
  kHrViewOnly,   //!< those of the LR side are left out
};
constexpr auto words_of(TrainPool) { return words("mlr", "hr-both-views", "hr-view-only"); }

//! Whose images become low-resolution.
enum class LrSide {
  kCamera,    //!< lr_camera's
  kDrawn,     //!< one camera's, by seed
  kPair,      //!< of cameras 1 and 2, of 3 and 4, … one each, by seed (CUHK03)
  kIdentity,  //!< of each identity one of its cameras, by seed
};
constexpr auto words_of(LrSide) { return words("camera", "drawn", "pair", "identity"); }

//! How one trial divides a pack into training, query and gallery images.
struct SplitSettings {
  Partition partition = Partition::kRandomHalves;
  std::uint64_t seed = 0;  //!< the trial: keys the halves, the rates drawn and the gallery draws
  int lr_camera = 2;       //!< of LrSide::kCamera: its images become LR; 0: images of any camera do (MLR-VRU)
  std::vector<int> query_rates = {2, 3, 4};  //!< rates of LR images, drawn uniformly per image
  TrainPool train_pool = TrainPool::kMlr;
  int train_identities = 0;  //!< so many of those that may train, drawn by seed; 0: all of them
  LrSide lr_side = LrSide::kCamera;
  int test_identities = 0;  //!< of random-halves: so many are tested, the others train; 0: half
  bool operator==(const SplitSettings&) const = default;
};

}  // namespace resolute::settings
