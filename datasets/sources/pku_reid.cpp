#include "datasets/sources/pku_reid.h"

#include <array>
#include <utility>

#include "datasets/sources/listing.h"

namespace resolute::datasets::sources {
namespace {

constexpr std::string_view kPattern = "PERSON/CAMERA_ORIENTATION.png, cameras 01 and 02, orientations 1 to 8";
constexpr std::string_view kExample = "009/02_5.png";

// The person of a folder's name, or a wrong_name() error.
std::int64_t person_of(std::string_view folder, std::string_view entry) {
  NameReader reader(entry);
  const std::int64_t person = reader.number();
  if (!reader.finished() || person < 1)
    throw wrong_name(fmt::format("{}/{}", folder, entry), "PKU-Reid", kPattern, kExample);
  return person;
}

}  // namespace

std::vector<Sample> list_pku_reid(core::FileSystem& files, const std::filesystem::path& root) {
  constexpr std::array<std::string_view, 2> kFolders{"train", "val"};
  for (std::string_view folder : kFolders) require_folder(files, root, folder, "train/PPP/CC_O.png, val/PPP/CC_O.png");
  std::vector<Sample> samples;
  for (std::string_view folder : kFolders) {
    const std::size_t before = samples.size();
    for (const std::string& entry : files.list(root / folder)) {
      // A file beside the persons' folders (Thumbs.db, .DS_Store) is none of ours, unless it is an image.
      if (!is_image_name(entry) && entry.find('.') != std::string::npos) continue;
      const std::int64_t person = person_of(folder, entry);
      const std::string person_folder = fmt::format("{}/{}", folder, entry);
      for (const std::string& name : image_names(files, root, person_folder)) {
        Sample sample{fmt::format("{}/{}", person_folder, name), person, 0, {}};
        NameReader reader(stem_of(name));
        sample.camera = reader.number();
        reader.literal("_");
        const std::int64_t orientation = reader.number();
        if (!reader.finished() || sample.camera < 1 || sample.camera > 2 || orientation < 1 || orientation > 8)
          throw wrong_name(sample.path, "PKU-Reid", kPattern, kExample);
        sample.subset = folder == "train" ? "train" : sample.camera == 2 ? "query" : "gallery";
        samples.push_back(std::move(sample));
      }
    }
    if (samples.size() == before)
      throw core::input_error(fmt::format("folder '{}' has no persons in it", (root / folder).string()),
                              fmt::format("expected {}", kPattern), "unpack the data set again");
  }
  return samples;
}

}  // namespace resolute::datasets::sources
