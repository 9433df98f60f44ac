// PKU-Reid (Ma et al., "Orientation Driven Bag of Appearances for Person Re-identification", arXiv:1605.02464) as
// openly mirrored: train/PPP/CC_O.png and val/PPP/CC_O.png, PPP the person, CC the camera (01, 02), O the orientation
// (1 to 8).

#include <array>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "datasets/samples/listing.h"
#include "datasets/sources/reader.h"

namespace resolute::datasets::sources {
namespace {

constexpr std::string_view kPkuReidPattern = "PERSON/CAMERA_ORIENTATION.png, cameras 01 and 02, orientations 1 to 8";
constexpr std::string_view kPkuReidExample = "009/02_5.png";

// The person of a folder's name; 0 where it is none's.
std::int64_t person_of(std::string_view entry) {
  NameReader reader(entry);
  const std::int64_t person = reader.number();
  return reader.finished() ? person : 0;
}

// In `val`, camera 2 is the query side and camera 1 the gallery: camera 2 is the one made low-resolution, and LR images
// are the queries.
std::vector<Sample> list_pku_reid(core::FileSystem& files, const std::filesystem::path& root, Remarks& remarks) {
  constexpr std::array<std::string_view, 2> kFolders{"train", "val"};
  for (std::string_view folder : kFolders) require_folder(files, root, folder, "train/PPP/CC_O.png, val/PPP/CC_O.png");
  std::vector<Sample> samples;
  std::map<std::tuple<std::int64_t, std::int64_t, std::int64_t>, std::string> seen;
  for (std::string_view folder : kFolders) {
    const std::size_t before = samples.size();
    for (const std::string& entry : files.list(root / folder)) {
      // A file beside the persons' folders (Thumbs.db, .DS_Store) is none of ours, unless it is an image.
      if (!is_image_name(entry) && entry.find('.') != std::string::npos) continue;
      const std::int64_t person = person_of(entry);
      const std::string person_folder = fmt::format("{}/{}", folder, entry);
      if (person == 0) {
        remarks.refuse(person_folder, wrong_name(person_folder, "PKU-Reid", kPkuReidPattern, kPkuReidExample));
        continue;
      }
      for (const std::string& name : image_names(files, root, person_folder, remarks)) {
        Sample sample{fmt::format("{}/{}", person_folder, name), person, 0, {}};
        NameReader reader(stem_of(name));
        sample.camera = reader.number();
        reader.literal("_");
        const std::int64_t orientation = reader.number();
        if (!reader.finished() || sample.camera < 1 || sample.camera > 2 || orientation < 1 || orientation > 8) {
          remarks.refuse(sample.path, wrong_name(sample.path, "PKU-Reid", kPkuReidPattern, kPkuReidExample));
          continue;
        }
        const auto [first, is_new] = seen.try_emplace({person, sample.camera, orientation}, sample.path);
        if (!is_new) {
          remarks.refuse(sample.path, twice(first->second, sample.path));
          continue;
        }
        sample.subset = folder == "train" ? "train" : sample.camera == 2 ? "query" : "gallery";
        samples.push_back(std::move(sample));
      }
    }
    if (samples.size() == before && !remarks.refused_any())
      throw core::input_error(fmt::format("folder '{}' has no persons in it", (root / folder).string()),
                              fmt::format("expected {}", kPkuReidPattern), "unpack the data set again");
  }
  return samples;
}

// A stand-in (source.h: write_stand_in()): the first half of the identities, rounded down, is in `train`. With
// options.irregular persons are not numbered without gaps, one lacks an orientation, and the last one was seen by the
// first camera alone. \throws RuntimeError (kInput) for other than two cameras and 2 to 8 images of each
void write_pku_reid(NewFolder& folder, const StandInSettings& options) {
  require_setting(options, "cameras", options.cameras, 2, 2);
  require_setting(options, "images per camera", options.images_per_camera, 2, 8);
  for_each_image(options, [&](int identity, int camera, int image) {
    // The first person was not seen from everywhere by the second camera.
    if (options.irregular && identity == 0 && camera == 1 && image == 0) return;
    const int person = 1 + (options.irregular ? identity + identity / 2 : identity);
    folder.write(fmt::format("{}/{:03}/{:02}_{}.png", identity < options.identities / 2 ? "train" : "val", person,
                             camera + 1, image + 1),
                 encode_png(stand_in_image(options, identity, camera, image)));
  });
  if (!options.irregular) return;
  folder.write("train/Thumbs.db", "no image\n");
  folder.write("val/.DS_Store", "no image\n");
  folder.write("README.md", "A stand-in in the layout of PKU-Reid.\n");
}

}  // namespace

const SourceReader kPkuReidReader{
    .own_folder = "pku_reid", .landmark = "train", .list = list_pku_reid, .write_stand_in = write_pku_reid};

}  // namespace resolute::datasets::sources
