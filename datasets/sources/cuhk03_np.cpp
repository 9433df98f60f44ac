// CUHK03 in its new protocol (Zhong et al., CVPR 2017), as github.com/zhunzhong07/person-re-ranking hands it out:
// labeled/ and detected/, each with Market-1501's folders and images named IDENTITY_cCAMERA_NUMBER, as 0001_c1_1.png.
// 767 people train, and the numbers of the other 700 begin anew. All pairs of cameras count as cameras 1 and 2.

#include <vector>

#include "datasets/samples/listing.h"
#include "datasets/sources/market1501.h"
#include "datasets/sources/reader.h"

namespace resolute::datasets::sources {
namespace {

constexpr Naming kCuhk03NpNaming{"CUHK03-NP", "IDENTITY_cCAMERA_NUMBER.png, identities from 1, cameras 1 and 2",
                                 "0001_c1_1.png"};

// People of one number in training and in test are two: those of query and gallery go up by the largest of training.
// Refused: a name that does not fit, two names of one image. \throws RuntimeError (kInput): a missing or empty folder
std::vector<Sample> list_cuhk03_np(core::FileSystem& files, const fs::path& root, Remarks& remarks) {
  std::vector<Sample> samples =
      list_folders(files, root, kMarketLayout, remarks, read_form("I_cC_#", 2, kCuhk03NpNaming));
  continue_numbers(samples);
  leave_out_single(samples, remarks);
  return samples;
}

// A stand-in (source.h: write_stand_in()): the first half of the identities, rounded down, trains; the first image of a
// test identity and camera is its query. Images of a person are numbered over both cameras. Irregular: an identity of
// one camera, a training identity with a single image, files that are no images.
void write_cuhk03_np(NewFolder& folder, const StandInSettings& options) {
  const int trained = options.identities / 2;
  const auto write = [&](int identity, int number, int camera, int image, std::string_view subset) {
    folder.write(
        fmt::format("{}/{:04}_c{}_{}.png", subset, number, camera + 1, camera * options.images_per_camera + image + 1),
        encode_png(stand_in_image(options, identity, camera, image)));
  };
  for_each_image(options, [&](int identity, int camera, int image) {
    const int number = identity < trained ? identity + 1 : identity - trained + 1;
    write(identity, number, camera, image, market1501_folder(options, identity, image));
  });
  if (!options.irregular) return;
  write(options.identities, trained + 1, 0, 0, "bounding_box_train");
  folder.write("query/Thumbs.db", "no image\n");
  folder.write("README.md", "A stand-in in the layout of CUHK03-NP.\n");
}

constexpr SourceReader np_reader(std::string_view boxes) {
  return {
      .own_folder = boxes, .landmark = "bounding_box_train", .list = list_cuhk03_np, .write_stand_in = write_cuhk03_np};
}

}  // namespace

const SourceReader kCuhk03NpReader = np_reader("labeled");
const SourceReader kCuhk03NpDetectedReader = np_reader("detected");

}  // namespace resolute::datasets::sources
