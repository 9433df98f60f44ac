// PKU-Reid (Ma et al., "Orientation Driven Bag of Appearances for Person Re-identification", arXiv:1605.02464), in two
// layouts. PPP is the person, CC the camera (01, 02), O the orientation (1 to 8).
//   the authors' release     PKUv1a_128x48/PPP_CC_O.png, the halves of its people not told
//   the open mirror          train/PPP/CC_O.png and val/PPP/CC_O.png

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

struct PkuReidLayout {
  std::string_view pattern, example;
};
constexpr PkuReidLayout kFolderPerPerson{"PERSON/CAMERA_ORIENTATION.png, cameras 01 and 02, orientations 1 to 8",
                                         "009/02_5.png"};
constexpr PkuReidLayout kOneFolder{"PERSON_CAMERA_ORIENTATION.png, cameras 01 and 02, orientations 1 to 8",
                                   "009_02_5.png"};
constexpr std::string_view kReleased = "PKUv1a_128x48";

class PkuReidImages {
 public:
  explicit PkuReidImages(Remarks& remarks) : remarks_(remarks) {}

  // The image at `path`, whose name `reader` has read as far as its person.
  void add(std::string path, std::int64_t person, NameReader reader, const PkuReidLayout& layout,
           std::string_view folder) {
    const std::int64_t camera = reader.number();
    reader.literal("_");
    const std::int64_t orientation = reader.number();
    if (!reader.finished() || person < 1 || camera < 1 || camera > 2 || orientation < 1 || orientation > 8)
      return remarks_.refuse(path, wrong_name(path, "PKU-Reid", layout.pattern, layout.example));
    const auto [first, is_new] = seen_.try_emplace({person, camera, orientation}, path);
    if (!is_new) return remarks_.refuse(path, twice(first->second, path));
    // In `val`, camera 2 is the query side and camera 1 the gallery: camera 2 is the one made low-resolution, and LR
    // images are the queries.
    const std::string_view test = camera == 2 ? "query" : "gallery";
    samples_.push_back({std::move(path), person, camera, std::string(folder == "val" ? test : folder)});
  }
  std::vector<Sample>& samples() { return samples_; }

 private:
  Remarks& remarks_;
  std::vector<Sample> samples_;
  std::map<std::tuple<std::int64_t, std::int64_t, std::int64_t>, std::string> seen_;
};

// The person of a folder's name; 0 where it is none's.
std::int64_t person_of(std::string_view entry) {
  NameReader reader(entry);
  const std::int64_t person = reader.number();
  return reader.finished() ? person : 0;
}

void read_persons(core::FileSystem& files, const fs::path& root, std::string_view folder, PkuReidImages& images,
                  Remarks& remarks) {
  const std::size_t before = images.samples().size();
  for (const std::string& entry : files.list(root / folder)) {
    // A file beside the persons' folders (Thumbs.db, .DS_Store) is none of ours, unless it is an image.
    if (!is_image_name(entry) && entry.find('.') != std::string::npos) continue;
    const std::int64_t person = person_of(entry);
    const std::string person_folder = fmt::format("{}/{}", folder, entry);
    if (person == 0) {
      remarks.refuse(person_folder,
                     wrong_name(person_folder, "PKU-Reid", kFolderPerPerson.pattern, kFolderPerPerson.example));
      continue;
    }
    for (const std::string& name : image_names(files, root, person_folder, remarks))
      images.add(fmt::format("{}/{}", person_folder, name), person, NameReader(stem_of(name)), kFolderPerPerson,
                 folder);
  }
  if (images.samples().size() == before && !remarks.refused_any())
    throw core::input_error(fmt::format("folder '{}' has no persons in it", (root / folder).string()),
                            fmt::format("expected {}", kFolderPerPerson.pattern), "unpack the data set again");
}

std::vector<Sample> list_pku_reid(core::FileSystem& files, const fs::path& root, Remarks& remarks) {
  PkuReidImages images(remarks);
  if (files.exists(root / kReleased)) {
    for (const std::string& name : image_names(files, root, kReleased, remarks)) {
      NameReader reader(stem_of(name));
      const std::int64_t person = reader.number();
      reader.literal("_");
      // It says of nobody who trains: the words of a partition that it does not have.
      images.add(fmt::format("{}/{}", kReleased, name), person, reader, kOneFolder, "train");
    }
    return std::move(images.samples());
  }
  constexpr std::array<std::string_view, 2> kFolders{"train", "val"};
  for (std::string_view folder : kFolders)
    require_folder(files, root, folder, "train/PPP/CC_O.png and val/PPP/CC_O.png, or PKUv1a_128x48/PPP_CC_O.png");
  for (std::string_view folder : kFolders) read_persons(files, root, folder, images, remarks);
  return std::move(images.samples());
}

// A stand-in (source.h: write_stand_in()): the first half of the identities, rounded down, is in `train`. With
// options.irregular persons are not numbered without gaps, one lacks an orientation, and the last one was seen by the
// first camera alone.
void write_pku_reid(NewFolder& folder, const StandInSettings& options) {
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
