// PKU-Reid (Ma et al., "Orientation Driven Bag of Appearances for Person Re-identification", arXiv:1605.02464), in two
// layouts. PPP is the person, CC the camera (01, 02), O the orientation (1 to 8).
//   the authors' release     PKUv1a_128x48/PPP_CC_O.png, the halves of its people not told
//   the open mirror          train/PPP/CC_O.png and val/PPP/CC_O.png

#include <array>
#include <vector>

#include "datasets/samples/listing.h"
#include "datasets/sources/reader.h"

namespace resolute::datasets::sources {
namespace {

constexpr Naming kFolderPerPerson{"PKU-Reid", "PERSON/CAMERA_ORIENTATION.png, cameras 01 and 02, orientations 1 to 8",
                                  "009/02_5.png"};
constexpr Naming kOneFolder{"PKU-Reid", "PERSON_CAMERA_ORIENTATION.png, cameras 01 and 02, orientations 1 to 8",
                            "009_02_5.png"};
// Nothing says who trains: the words of a partition that it does not have.
constexpr std::array<Folder, 1> kReleased{{{"PKUv1a_128x48", "train"}}};
constexpr std::array<Folder, 2> kMirrored{{{"train", "train"}, {"val", "gallery"}}};

std::vector<Sample> list_pku_reid(core::FileSystem& files, const fs::path& root, Remarks& remarks) {
  const bool released = files.exists(root / kReleased[0].name);
  FolderLayout layout{"train/PPP/CC_O.png and val/PPP/CC_O.png, or PKUv1a_128x48/PPP_CC_O.png", kMirrored,
                      &kFolderPerPerson};
  if (released) layout = {layout.text, kReleased};
  return list_folders(files, root, layout, remarks, [&](NameReader& reader, Sample& sample) {
    NameNumbers numbers = reader.numbers(released ? "I_C_#" : "C_#", sample);
    const std::int64_t orientation = numbers.back();
    if (!reader.finished() || sample.identity < 1 || sample.camera < 1 || sample.camera > 2 || orientation < 1 ||
        orientation > 8)
      throw wrong_name(sample.path, released ? kOneFolder : kFolderPerPerson);
    // In `val`, camera 2 is the query side and camera 1 the gallery: camera 2 is the one made low-resolution, and LR
    // images are the queries.
    if (sample.subset == "gallery" && sample.camera == 2) sample.subset = "query";
    numbers.push_back(sample.identity);
    return numbers;
  });
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
