// The two-camera SYSU set behind MLR-SYSU (SING, MSIFLA: 502 identities, 24,446 images). It has no public layout, so
// it is read by a list of its images, ROOT/images.csv (docs/inside/formats/image_list.md), which names cameras 1 and 2
// and nothing else.

#include <algorithm>
#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "datasets/samples/listing.h"
#include "datasets/samples/name_key.h"
#include "datasets/sources/csv.h"
#include "datasets/sources/reader.h"

namespace resolute::datasets::sources {
namespace {

// Images of each identity and camera that are kept (MSIFLA, §4.1).
constexpr std::size_t kSysuImagesKept = 3;

// UNSTATED: which images are kept. Here the three whose paths have the smallest name_key(), so that the choice depends
// on nothing but the list's own paths. An identity with fewer in a camera keeps what it has, one of a single camera
// stays in (splits leave it out), and distractors stay all.
// Refused: what read_image_list() refuses, another camera (with its line). \throws RuntimeError (kInput): what
// read_image_list() throws, a camera without an image
std::vector<Sample> list_sysu(core::FileSystem& files, const fs::path& root, Remarks& remarks) {
  struct Candidate {
    std::uint64_t key = 0;
    Sample sample;
  };
  std::map<std::pair<std::int64_t, std::int64_t>, std::vector<Candidate>> groups;  // by identity and camera
  bool seen[2] = {false, false};
  for (ListedImage& image : read_image_list(files, root, remarks)) {
    Sample& sample = image.sample;
    if (sample.camera > 2) {
      remarks.refuse(sample.path, core::input_error(
                                      fmt::format("'{}', line {}: camera is {}", kImageList, image.line, sample.camera),
                                      "SYSU has cameras 1 and 2", "number them so, or read the list as source 'csv'"));
      continue;
    }
    seen[sample.camera - 1] = true;
    const std::uint64_t key = name_key(sample.path);
    auto& group = groups[{sample.identity, sample.camera}];
    group.push_back({key, std::move(sample)});
  }
  for (const std::size_t camera : {0U, 1U})
    if (!seen[camera] && !remarks.refused_any())
      throw core::input_error(fmt::format("'{}' has no image of camera {}", kImageList, camera + 1),
                              "SYSU has cameras 1 and 2", "number them so, or read the list as source 'csv'");
  std::vector<Sample> samples;
  for (auto& [owner, candidates] : groups) {
    std::ranges::sort(candidates, [](const Candidate& a, const Candidate& b) {
      return std::tie(a.key, a.sample.path) < std::tie(b.key, b.sample.path);
    });
    const std::size_t kept = owner.first == 0 ? candidates.size() : std::min(candidates.size(), kSysuImagesKept);
    remarks.leave_out("beyond three of a person by a camera", candidates.size() - kept);
    candidates.resize(kept);
    for (Candidate& candidate : candidates) samples.push_back(std::move(candidate.sample));
  }
  return samples;
}

// A stand-in (source.h: write_stand_in()) of two cameras. Irregular: an identity of one camera, one with two images in
// the other.
void write_sysu(NewFolder& folder, const StandInSettings& options) {
  std::string list = "camera,identity,path\n";  // columns may stand in any order
  for_each_image(options, [&](int identity, int camera, int image) {
    if (options.irregular && identity == options.identities - 2 && camera > 0 && image > 1) return;
    const std::string path = fmt::format("cam{}/{:03}_{:02}.jpg", camera + 1, identity + 1, image + 1);
    folder.write(path, encode_jpeg(stand_in_image(options, identity, camera, image), kStandInQuality));
    list += fmt::format("{},{},{}\n", camera + 1, identity + 1, path);
  });
  if (options.irregular) folder.write("cam1/Thumbs.db", "no image\n");
  folder.write(std::string(kImageList), list);
}

}  // namespace

const SourceReader kSysuReader{.list = list_sysu, .write_stand_in = write_sysu};

}  // namespace resolute::datasets::sources
