#pragma once
//! \file
//! What a pack is made of: everything that decides its bytes, given the raw images.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "settings/choice.h"
#include "settings/source.h"

namespace resolute::settings {

enum class Subject {
  kPerson,
  kVehicle,  //!< seen from above, turned any way
};
constexpr auto words_of(Subject) { return words("person", "vehicle"); }

//! How images are shrunk (datasets/image/resample.h).
enum class Kernel {
  kTriangle,       //!< Pillow's BILINEAR; shrinking averages over the whole footprint
  kBilinearPoint,  //!< four neighbours of a point whatever the scale, as OpenCV's INTER_LINEAR
  kCubic,          //!< Pillow's BICUBIC, a = -0.5
  kLanczos3,       //!< Pillow's LANCZOS
};
constexpr auto words_of(Kernel) { return words("triangle", "bilinear-point", "cubic", "lanczos3"); }

//! What the LR image of a camera (`lr_view`) is shrunk from. Public code does both (protocols, "How an LR image is
//! made").
enum class ViewFrom {
  kNative,   //!< the raw image
  kNetwork,  //!< the one already at network size
};
constexpr auto words_of(ViewFrom) { return words("native", "network"); }

//! The procedural people or vehicles of datasets/sources/synthetic.h. Sizes in pixels.
struct SyntheticSettings {
  Subject subject = Subject::kPerson;
  int identities = 64;  //!< the first half (rounded down) is the training subset
  int cameras = 2;
  int images_per_camera = 4;  //!< of each identity; the first of a test identity is its query image
  int height = 128;           //!< of vehicles: the longest one's length
  int width = 64;             //!< of vehicles: the widest one's width
  std::uint64_t seed = 0;
  double fine_contrast = 1.0;  //!< contrast of the fine cue (gratings gone at rates 2 and up), 0 to 1
  bool operator==(const SyntheticSettings&) const = default;
};

//! Everything that decides the bytes of a pack, given the raw images. Known before the pack exists.
struct PackSettings {
  std::string name;  //!< the data set's name: [a-z0-9-]+, part of the folder's name
  Source source = Source::kCsv;
  std::optional<SyntheticSettings> synthetic;  //!< present exactly where the source's images are rendered
  std::vector<int> rates = {2, 3, 4};          //!< rates r of the LR images, ascending, each 1 to 16
  Kernel kernel = Kernel::kTriangle;           //!< of LR images; HR images are resized with the triangle
  int height = 256;                            //!< network size in pixels
  int width = 128;
  int shards = 1;
  ViewFrom view_from = ViewFrom::kNative;
  bool operator==(const PackSettings&) const = default;
};

}  // namespace resolute::settings
