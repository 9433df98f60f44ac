#pragma once
//! \file
//! What a pack is made of: everything that decides its bytes, given the raw images.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace resolute::settings {

//! The procedural people or vehicles of datasets/sources/synthetic.h. Sizes in pixels.
struct SyntheticSettings {
  std::string subject = "person";  //!< or "vehicle": seen from above, turned any way
  int identities = 64;
  int cameras = 2;
  int images_per_camera = 4;
  int height = 128;
  int width = 64;
  std::uint64_t seed = 0;
  double fine_contrast = 1.0;  //!< contrast of the fine cue (gratings gone at rates 2 and up), 0 to 1
  bool operator==(const SyntheticSettings&) const = default;
};

//! Everything that decides the bytes of a pack, given the raw images. Known before the pack exists.
struct PackSettings {
  std::string name;                            //!< the data set's name: [a-z0-9-]+, part of the folder's name
  std::string source;                          //!< one of source_names() (validation.h)
  std::optional<SyntheticSettings> synthetic;  //!< present exactly when source is "synthetic"
  std::vector<int> rates = {2, 3, 4};          //!< rates r of the low-resolution images, ascending, each 1 to 16
  std::string kernel = "triangle";             //!< down-sampling: "triangle", "bilinear-point", "cubic", "lanczos3"
  int height = 256;                            //!< network size in pixels
  int width = 128;
  int shards = 1;
  //! What the LR image of a camera is shrunk from: "native" (the raw image) or "network" (the one at network size).
  std::string view_from = "native";
  bool operator==(const PackSettings&) const = default;
};

}  // namespace resolute::settings
