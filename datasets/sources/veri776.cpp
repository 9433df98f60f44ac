// VeRi-776 (Liu et al., ICME and ECCV 2016): image_train, image_test and image_query, each with images named
// VEHICLE_cCAMERA_TIME_INDEX, as 0002_c002_00030600_0.jpg; vehicles 1 to 776, cameras 1 to 20. An image of image_query
// is in image_test too: a ranking leaves it out as one by the query's own camera. The labels' files, of which
// train_label.xml is in GB 2312, are not read, and the lists name_*.txt are held against the folders.

#include <array>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/split.h"
#include "datasets/samples/listing.h"
#include "datasets/sources/reader.h"

namespace resolute::datasets::sources {
namespace {

constexpr Naming kVeriNaming{"VeRi-776", "VEHICLE_cCAMERA_TIME_INDEX.jpg, vehicles from 1, cameras 1 to 20",
                             "0002_c002_00030600_0.jpg"};
constexpr std::array<Folder, 3> kVeriFolders{
    {{"image_query", "query"}, {"image_test", "gallery"}, {"image_train", "train"}}};
constexpr FolderLayout kVeriLayout{"image_train, image_test, image_query", kVeriFolders};

// "name_train.txt" of "image_train".
std::string list_of_folder(std::string_view folder) {
  return fmt::format("name{}.txt", folder.substr(folder.find('_')));
}

// A list, where there is one, names the folder's images, one a line. Refused: an image that is listed and missing;
// warned of: images that are there and not listed.
void compare_with_list(core::FileSystem& files, const fs::path& root, std::string_view folder,
                       const std::vector<Sample>& samples, Remarks& remarks) {
  const std::string list = list_of_folder(folder);
  if (!files.exists(root / list)) return;
  std::set<std::string_view> images;
  for (const Sample& sample : samples)
    if (sample.path.starts_with(folder)) images.insert(std::string_view(sample.path).substr(folder.size() + 1));
  const std::string text = core::read_text(files, root / list);
  std::size_t number = 0;
  for (std::string_view line : core::list_lines(text)) {
    ++number;
    line = line.substr(0, line.find_last_not_of(" \t") + 1);
    if (line.empty()) continue;
    const std::string place = fmt::format("'{}', line {}", list, number);
    if (images.erase(line) == 0)
      remarks.refuse(place, core::input_error(fmt::format("{}: image '{}' is not in '{}', or listed again", place,
                                                          printable(line), (root / folder).string()),
                                              {}, "unpack the data set again"));
  }
  if (!images.empty())
    remarks.warn(fmt::format("images of '{}' that '{}' does not list: {}, as '{}'", folder, list, images.size(),
                             printable(*images.begin())));
}

// Refused: a name that does not fit, two names of one image, a list that names what is not there. \throws RuntimeError
// (kInput): a missing or empty folder
std::vector<Sample> list_veri776(core::FileSystem& files, const fs::path& root, Remarks& remarks) {
  std::vector<Sample> samples = list_folders(files, root, kVeriLayout, remarks, read_form("I_cC_#_#", 20, kVeriNaming));
  if (remarks.refused_any()) return samples;  // what is refused may be listed
  for (const Folder& folder : kVeriFolders) compare_with_list(files, root, folder.name, samples, remarks);
  leave_out_single(samples, remarks);
  return samples;
}

// A stand-in (source.h: write_stand_in()): every other identity trains, from the first, as in the set; the first image
// of a test identity and camera is its query, and in image_test too. Irregular: lists whose lines end as Windows has
// it, the file of labels that programs fail to read, files that are no images.
void write_veri776(NewFolder& folder, const StandInSettings& options) {
  std::array<std::string, kVeriFolders.size()> lists;
  for_each_image(options, [&](int identity, int camera, int image) {
    const bool trains = identity % 2 == 0;
    const std::string name =
        fmt::format("{:04}_c{:03}_{:08}_{}.jpg", identity + 1, camera + 1, 30600 + 5 * image, image % 2);
    const core::Bytes bytes = encode_jpeg(stand_in_image(options, identity, camera, image), kStandInQuality);
    for (std::size_t i = 0; i < lists.size(); ++i) {
      const std::string_view subset = kVeriFolders.at(i).subset;
      if (trains != (subset == "train") || (subset == "query" && image > 0)) continue;
      folder.write(fmt::format("{}/{}", kVeriFolders.at(i).name, name), bytes);
      lists.at(i) += name + (options.irregular ? "\r\n" : "\n");
    }
  });
  for (std::size_t i = 0; i < lists.size(); ++i) folder.write(list_of_folder(kVeriFolders.at(i).name), lists.at(i));
  if (!options.irregular) return;
  folder.write("image_train/Thumbs.db", "no image\n");
  folder.write("train_label.xml", "<?xml version=\"1.0\" encoding=\"gb2312\" ?>\n<TrainingImages Version=\"1.0\">\n");
}

}  // namespace

const SourceReader kVeri776Reader{.own_folder = "VeRi",
                                  .landmark = "image_train",
                                  .list = list_veri776,
                                  .write_stand_in = write_veri776,
                                  .other_own_folder = "VeRi_with_plate"};

}  // namespace resolute::datasets::sources
