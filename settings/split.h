#pragma once
//! \file
//! How one trial divides a pack into training, query and gallery images.

#include <cstdint>
#include <string>
#include <vector>

namespace resolute::settings {

//! How one trial divides a pack into training, query and gallery images.
struct SplitSettings {
  //! Identities: "random-halves" by seed, "official" (the source's subsets), or "published": the source's own test set
  //! of the number `seed`.
  std::string partition = "random-halves";
  std::uint64_t seed = 0;  //!< the trial: keys the halves, the rates drawn and the gallery draws
  int lr_camera = 2;       //!< the camera whose images become low-resolution; 0: images of any camera do (MLR-VRU)
  std::vector<int> query_rates = {2, 3, 4};  //!< rates of low-resolution images, drawn uniformly per image
  std::string train_pool = "mlr";            //!< "mlr", "hr-both-views", "hr-view-only": docs/formats/manifest.md
  int train_identities = 0;                  //!< so many of the training half, drawn by seed; 0: all of it
  //! Whose images become low-resolution: "camera": lr_camera's; "drawn": one camera's, by seed; "pair": of cameras 1
  //! and 2, of 3 and 4, … one each, by seed; "identity": of each identity one of its cameras, by seed. lr_camera is at
  //! its default with all but the first.
  std::string lr_side = "camera";
  int test_identities = 0;  //!< of random-halves: so many are tested, the others train; 0: half
  bool operator==(const SplitSettings&) const = default;
};

}  // namespace resolute::settings
