// DukeMTMC-reID (Zheng et al., ICCV 2017; Ristani et al., ECCV workshops 2016): bounding_box_train, bounding_box_test
// and query, each with images named IDENTITY_cCAMERA_fFRAME, as 0005_c2_f0046985.jpg; cameras 1 to 8. The data set was
// withdrawn by its authors in 2019 (docs/datasets.md).

#include <map>
#include <set>
#include <string_view>
#include <vector>

#include "datasets/samples/listing.h"
#include "datasets/sources/market1501.h"
#include "datasets/sources/reader.h"

namespace resolute::datasets::sources {
namespace {

constexpr Naming kDukeMtmcNaming{"DukeMTMC-reID", "IDENTITY_cCAMERA_fFRAME.jpg, identities from 1, cameras 1 to 8",
                                 "0005_c2_f0046985.jpg"};

// People whom one camera alone saw and nobody asks for.
void mark_distractors(std::vector<Sample>& samples) {
  std::map<std::int64_t, std::set<std::int64_t>> cameras;
  std::set<std::int64_t> known;
  for (const Sample& sample : samples) {
    cameras[sample.identity].insert(sample.camera);
    if (sample.subset != "gallery") known.insert(sample.identity);
  }
  for (Sample& sample : samples)
    if (!known.contains(sample.identity) && cameras[sample.identity].size() == 1) sample.identity = 0;
}

// Distractors have numbers of their own in this set (408 people whom one camera alone saw): people who are in
// bounding_box_test by one camera only and in no query become identity 0. Refused: a name that does not fit, two names
// of one image. \throws RuntimeError (kInput): a missing or empty folder
std::vector<Sample> list_dukemtmc(core::FileSystem& files, const fs::path& root, Remarks& remarks) {
  std::vector<Sample> samples =
      list_folders(files, root, kMarketLayout, remarks, read_form("I_cC_f#", 8, kDukeMtmcNaming));
  mark_distractors(samples);
  return samples;
}

// A stand-in (source.h: write_stand_in()): the first half of the identities, rounded down, is the training subset; the
// first image of a test identity and camera is its query. With options.irregular people's numbers have gaps, and there
// are distractors with numbers of their own, one with a single image.
void write_dukemtmc(NewFolder& folder, const StandInSettings& options) {
  auto write = [&](std::string_view subset, int identity, int camera, int image) {
    const int number = 1 + identity + (options.irregular ? identity / 2 : 0);
    folder.write(fmt::format("{}/{:04}_c{}_f{:07}.jpg", subset, number, camera + 1, 120 * (image + 1)),
                 encode_jpeg(stand_in_image(options, identity, camera, image), kStandInQuality));
  };
  for_each_image(options, [&](int identity, int camera, int image) {
    write(market1501_folder(options, identity, image), identity, camera, image);
  });
  if (!options.irregular) return;
  write("bounding_box_test", options.identities, 0, 0);
  for (int image = 0; image < 2; ++image)
    write("bounding_box_test", options.identities + 1, options.cameras - 1, image);
  folder.write("query/Thumbs.db", "no image\n");
  folder.write("README.md", "A stand-in in the layout of DukeMTMC-reID.\n");
}

}  // namespace

const SourceReader kDukemtmcReader{.own_folder = "DukeMTMC-reID",
                                   .landmark = "bounding_box_train",
                                   .list = list_dukemtmc,
                                   .write_stand_in = write_dukemtmc};

}  // namespace resolute::datasets::sources
