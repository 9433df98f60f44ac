#include "datasets/sources/sysu.h"

#include <algorithm>
#include <map>
#include <string>
#include <tuple>
#include <utility>

#include "datasets/name_key.h"
#include "datasets/sources/csv.h"
#include "datasets/sources/listing.h"

namespace resolute::datasets::sources {

std::vector<Sample> list_sysu(core::FileSystem& files, const std::filesystem::path& root) {
  struct Candidate {
    std::uint64_t key = 0;
    Sample sample;
  };
  std::map<std::pair<std::int64_t, std::int64_t>, std::vector<Candidate>> groups;  // by identity and camera
  bool seen[2] = {false, false};
  for (ListedImage& image : read_image_list(files, root)) {
    Sample& sample = image.sample;
    if (sample.camera > 2)
      throw core::input_error(fmt::format("'{}', line {}: camera is {}", kImageList, image.line, sample.camera),
                              "SYSU has cameras 1 and 2", "number them so, or read the list as source 'csv'");
    seen[sample.camera - 1] = true;
    const std::uint64_t key = name_key(sample.path);
    groups[{sample.identity, sample.camera}].push_back({key, std::move(sample)});
  }
  for (const std::size_t camera : {0U, 1U})
    if (!seen[camera])
      throw core::input_error(fmt::format("'{}' has no image of camera {}", kImageList, camera + 1),
                              "SYSU has cameras 1 and 2", "number them so, or read the list as source 'csv'");
  std::vector<Sample> samples;
  for (auto& [owner, candidates] : groups) {
    std::sort(candidates.begin(), candidates.end(), [](const Candidate& a, const Candidate& b) {
      return std::tie(a.key, a.sample.path) < std::tie(b.key, b.sample.path);
    });
    if (owner.first != 0) candidates.resize(std::min(candidates.size(), kSysuImagesKept));
    for (Candidate& candidate : candidates) samples.push_back(std::move(candidate.sample));
  }
  return samples;
}

void write_sysu(NewFolder& folder, const SyntheticOptions& options) {
  if (options.cameras != 2)
    throw core::input_error(fmt::format("layout 'sysu' cannot have {} cameras", options.cameras), "SYSU has two",
                            "leave the number out or ask for 2");
  std::string list = "camera,identity,path\n";  // columns may stand in any order
  const int last = options.identities - 1;
  for (int identity = 0; identity < options.identities; ++identity)
    for (int camera = 0; camera < options.cameras; ++camera) {
      if (options.irregular && identity == last && camera > 0) continue;
      const bool few = options.irregular && identity == last - 1 && camera > 0;
      for (int image = 0; image < (few ? 2 : options.images_per_camera); ++image) {
        const std::string path = fmt::format("cam{}/{:03}_{:02}.jpg", camera + 1, identity + 1, image + 1);
        folder.write(path, encode_jpeg(stand_in_image(options, identity, camera, image), kStandInQuality));
        list += fmt::format("{},{},{}\n", camera + 1, identity + 1, path);
      }
    }
  if (options.irregular) folder.write("cam1/Thumbs.db", "no image\n");
  folder.write(std::string(kImageList), list);
}

}  // namespace resolute::datasets::sources
