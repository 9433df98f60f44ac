#pragma once
//! \file
//! The settings of a pack: everything that decides its bytes besides the raw images.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "settings/choice.h"
#include "settings/degradation.h"
#include "settings/member.h"
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

//! The image from which a pack's LR view is made. Public code does both (docs/datasets.md).
enum class ViewFrom {
  kNative,   //!< the raw image
  kNetwork,  //!< the one already at network size
};
constexpr auto words_of(ViewFrom) { return words("native", "network"); }

//! The treatment of people of whom a data set has one image, which nothing can match.
enum class SingleImages {
  kRefused,
  kDistractors,  //!< identity 0, in the gallery (PRID, GRID)
};
constexpr auto words_of(SingleImages) { return words("refused", "distractors"); }

//! The treatment of JPEGs whose data end early.
enum class TruncatedImages {
  kRefused,
  kFilled,  //!< what is missing is what the decoder makes of it (Pillow's LOAD_TRUNCATED_IMAGES)
};
constexpr auto words_of(TruncatedImages) { return words("refused", "filled"); }

//! The source of images that are drawn in no source's layout.
inline constexpr StandInFacts kAnyStandIn{};

//! The procedural people or vehicles of datasets/stand_ins/synthetic.h.
struct SyntheticSettings {
  Subject subject = Subject::kPerson;
  int identities = 64;
  int cameras = 2;
  int images_per_camera = 4;
  int height = 128;
  int width = 64;
  std::uint64_t seed = 0;
  double fine_contrast = 1.0;
  bool operator==(const SyntheticSettings&) const = default;

  static void members(auto&& visit) {
    using S = SyntheticSettings;
    visit(member("subject", &S::subject, "the subject that is drawn"));
    visit(member("identities", &S::identities, between(kAnyStandIn.identities.low, kAnyStandIn.identities.high),
                 "people or vehicles, of which the first half trains"));
    visit(member("cameras", &S::cameras, between(kAnyStandIn.cameras.low, kAnyStandIn.cameras.high), "cameras"));
    visit(member("images_per_camera", &S::images_per_camera, between(kAnyStandIn.images.low, kAnyStandIn.images.high),
                 "images of each identity and camera"));
    visit(member("height", &S::height, between(32, 1024), "pixels; of vehicles, the longest one's length")
              .spelled("image_height"));
    visit(member("width", &S::width, between(16, 1024), "pixels; of vehicles, the widest one's width")
              .spelled("image_width"));
    visit(member("seed", &S::seed, "another seed, other identities"));
    visit(member("fine_contrast", &S::fine_contrast, between(0, 1),
                 "contrast of the fine cue, which is gone at rates of 2 and up"));
  }
};

//! Everything that decides the bytes of a pack besides the raw images. Known before the pack exists.
struct PackSettings {
  std::string name;
  Source source = Source::kCsv;
  //! Settings of drawn images. With a source that is read from a folder it is a stand-in: images drawn in that source's
  //! layout and read by its reader (is_stand_in()).
  std::optional<SyntheticSettings> synthetic = {};
  std::vector<int> rates = {2, 3, 4};
  Kernel kernel = Kernel::kTriangle;
  int height = 256;
  int width = 128;
  int shards = 1;
  ViewFrom view_from = ViewFrom::kNative;
  SingleImages single_images = SingleImages::kRefused;
  TruncatedImages truncated_images = TruncatedImages::kRefused;
  DegradationSettings degradation = {};  //!< of LR views; with a rate there is one of `rates` above 1, which names them
  bool operator==(const PackSettings&) const = default;

  static constexpr int kLargestSide = 4096;

  static void members(auto&& visit) {
    using P = PackSettings;
    visit(member("name", &P::name, "the data set's name, part of the folder's: 1 to 64 of a-z, 0-9 and '-'")
              .spelled("id"));
    visit(member("source", &P::source, "the source of the raw images"));
    visit(member("synthetic", &P::synthetic, "the images that are rendered").spelled(""));
    visit(member("rates", &P::rates, some_rates(), "rates r of the LR images"));
    visit(member("kernel", &P::kernel, "the kernel that shrinks LR images"));
    visit(member("height", &P::height, between(1, kLargestSide), "network size, pixels"));
    visit(member("width", &P::width, between(1, kLargestSide), "network size, pixels"));
    visit(member("shards", &P::shards, between(1, 100'000), "files of the pack"));
    visit(member("view_from", &P::view_from, "size of the image that LR views are shrunk from").since(2));
    visit(member("single_images", &P::single_images,
                 "people with one image, outside of training. refused: an error. distractors: gallery images of "
                 "nobody, as in "
                 "PRID and GRID")
              .since(3)
              .silent_at_default());
    visit(member("truncated_images", &P::truncated_images,
                 "JPEGs whose data end early. refused: an error. filled: taken, and named in the manifest")
              .since(4)
              .silent_at_default());
    visit(member("degradation", &P::degradation, "what is done to LR views besides")
              .spelled("")
              .since(5)
              .silent_at_default());
  }
};

//! \throws MemberError for the first member out of range, alone or against the others
void check(const SyntheticSettings& settings);
void check(const PackSettings& settings);

//! The default settings of a stand-in in the source's layout, which are small: those of `[dataset.stand_in]` and `data
//! synth --layout`.
SyntheticSettings stand_in_of(Source source);

//! True unless a pack's LR views are the image at network size, shrunk by their rate.
bool views_differ_from_copies(const PackSettings& settings);

//! True where a pack holds a stand-in: made-up images in place of a source's real ones.
bool is_stand_in(const PackSettings& settings);

//! Checks settings of images in the source's own layout, which may allow fewer cameras and images than other drawn
//! sets, or exactly one image per camera (VIPeR). \throws MemberError for the first member that the layout cannot have
void check_stand_in(const SyntheticSettings& settings, Source source);

//! "shard-00007.h5", in the pack's folder.
std::string shard_file_name(int shard);

//! The settings as JSON in a pack, from which the name of the pack's folder is hashed. It has the lowest schema that
//! can express them, so packs keep their bytes and their place.
core::Json settings_in_pack(const PackSettings& settings);
//! The inverse. \throws RuntimeError (kInput) opening with `where`
PackSettings settings_of_pack(const core::Json& json, const std::string& where);

}  // namespace resolute::settings
