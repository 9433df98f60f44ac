// VRU (Lu et al., "Vehicle Re-identification from Unmanned Aerial Vehicles", the set behind MLR-VRU of MSIFLA):
// Pic/IMAGE.jpg and lists below train_test_split, each line "IMAGE VEHICLE", IMAGE without its extension.

#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/split.h"
#include "datasets/samples/listing.h"
#include "datasets/sources/reader.h"

namespace resolute::datasets::sources {
namespace {

constexpr std::string_view kVruLayout =
    "Pic/IMAGE.jpg, train_test_split/train_list.txt, train_test_split/test_list_1200.txt";
constexpr std::array<Folder, 2> kVruLists{
    {{"train_test_split/train_list.txt", "train"}, {"train_test_split/test_list_1200.txt", "gallery"}}};

// "IMAGE VEHICLE", with one or more blanks between. \param place the line's in messages
std::pair<std::string_view, std::int64_t> read_line(std::string_view line, std::string_view place) {
  const std::size_t end = std::min(line.find_first_of(" \t"), line.size());
  const std::size_t begin = std::min(line.find_first_not_of(" \t", end), line.size());
  NameReader vehicle(line.substr(begin));
  const std::int64_t value = vehicle.number();
  if (end == 0 || !vehicle.finished())
    throw core::input_error(fmt::format("{}: '{}' is not 'IMAGE VEHICLE'", place, printable(line)),
                            "as 'v12_000345 12', the image without its extension", "unpack the data set again");
  return {line.substr(0, end), value};
}

// The images of Pic by their names without extension.
std::map<std::string, std::string, std::less<>> images_by_stem(core::FileSystem& files, const fs::path& root,
                                                               Remarks& remarks) {
  std::map<std::string, std::string, std::less<>> images;
  for (const std::string& name : image_names(files, root, "Pic", remarks)) {
    const auto [other, is_new] = images.emplace(stem_of(name), name);
    if (!is_new)
      remarks.refuse("Pic/" + name,
                     core::input_error(
                         fmt::format("'Pic/{}' and 'Pic/{}' have one name", printable(other->second), printable(name)),
                         "lists name images without their extensions", "take one of them out"));
  }
  return images;
}

// train_list.txt is the subset "train", test_list_1200.txt "gallery"; images in neither (of the larger tests) are left
// out. Vehicles may be numbered from 0, which marks a distractor elsewhere: identity is the number and one. All images
// are camera 1's: which drone took one is not told, so splits have lr_camera 0.
//
// The 486 test vehicles of the paper are not among what it states; test_list_1200 is the smallest test of the set.
// Refused: a line that does not fit, an image listed twice or missing from Pic. \throws RuntimeError (kInput): a
// missing folder or list, an empty list
std::vector<Sample> list_vru(core::FileSystem& files, const fs::path& root, Remarks& remarks) {
  require_folder(files, root, "Pic", kVruLayout);
  for (const Folder& list : kVruLists)
    if (!files.exists(root / list.name))
      throw core::input_error(fmt::format("file '{}' is missing in '{}'", list.name, root.string()),
                              fmt::format("the layout is {}", kVruLayout), "name the folder that holds them");
  const auto images = images_by_stem(files, root, remarks);
  std::vector<Sample> samples;
  std::map<std::string_view, std::string> listed;  // place by image
  for (const Folder& list : kVruLists) {
    const std::string text = core::read_text(files, root / list.name);
    const std::size_t before = samples.size();
    std::vector<std::string_view> lines = core::split(text, '\n');
    if (lines.back().empty()) lines.pop_back();
    for (std::size_t i = 0; i < lines.size(); ++i) {
      if (lines[i].ends_with('\r')) lines[i].remove_suffix(1);
      const std::string place = fmt::format("'{}', line {}", list.name, i + 1);
      remarks.gather(place, [&] {
        const auto [name, vehicle] = read_line(lines[i], place);
        const auto image = images.find(name);
        if (image == images.end())
          throw core::input_error(
              fmt::format("{}: image '{}' is not in '{}'", place, printable(name), (root / "Pic").string()), {},
              "unpack the data set again");
        const auto [first, is_new] = listed.emplace(image->first, place);
        if (!is_new)
          throw core::input_error(fmt::format("{}: image '{}' is listed again", place, printable(name)),
                                  fmt::format("first in {}", first->second), "take one of the lines out");
        samples.push_back({"Pic/" + image->second, vehicle + 1, 1, std::string(list.subset)});
      });
    }
    if (samples.size() == before && !remarks.refused_any())
      throw core::input_error(fmt::format("file '{}' has no images in it", (root / list.name).string()),
                              "each line is 'IMAGE VEHICLE'", "unpack the data set again");
  }
  remarks.leave_out("in neither list", images.size() - listed.size());
  return samples;
}

// A stand-in (source.h: write_stand_in()): the first half of the identities, rounded down, is in train_list.txt, the
// others in each of the three lists of tests; the larger two have another vehicle and another two besides. Vehicles
// are numbered from 0. With options.irregular one image is in no list, and lines end as Windows has it.
void write_vru(NewFolder& folder, const StandInSettings& options) {
  constexpr std::array<std::pair<std::string_view, int>, 3> kTests{{{"1200", 0}, {"2400", 1}, {"8000", 2}}};
  auto write = [&](const std::string& name, int vehicle, int image) {
    folder.write("Pic/" + name + ".jpg", encode_jpeg(stand_in_image(options, vehicle, 0, image), kStandInQuality));
  };
  const std::string_view line_end = options.irregular ? "\r\n" : "\n";
  std::string train;
  std::array<std::string, kTests.size()> tests;
  for (int vehicle = 0; vehicle < options.identities + kTests.back().second; ++vehicle)
    for (int image = 0; image < options.images_per_camera; ++image) {
      const std::string name = fmt::format("v{:04}_{:04}", vehicle, image);
      write(name, vehicle, image);
      const std::string line = fmt::format("{} {}{}", name, vehicle, line_end);
      if (vehicle < options.identities / 2) {
        train += line;
        continue;
      }
      for (std::size_t test = 0; test < kTests.size(); ++test)
        if (vehicle < options.identities + kTests[test].second) tests[test] += line;
    }
  folder.write("train_test_split/train_list.txt", train);
  for (std::size_t test = 0; test < kTests.size(); ++test)
    folder.write(fmt::format("train_test_split/test_list_{}.txt", kTests[test].first), tests[test]);
  if (!options.irregular) return;
  write("unlisted", 0, options.images_per_camera);
  folder.write("Pic/Thumbs.db", "no image\n");
  folder.write("README.md", "A stand-in in the layout of VRU.\n");
}

}  // namespace

const SourceReader kVruReader{.own_folder = "VRU", .landmark = "Pic", .list = list_vru, .write_stand_in = write_vru};

}  // namespace resolute::datasets::sources
