// Sets that come with lists of who is on which image; a row here tells what a set's lists and folders are called.
//
// - MSMT17 (Wei et al., CVPR 2018): lines "PERSON/IMAGE PERSON" as "0000/0000_000_01_0303morning_0008_0_ex.jpg 0"; the
//   third number of the image is its camera, 1 to 15. Images are in train and test, of version 2, whose faces are
//   masked, in mask_train_v2 and mask_test_v2. People count from 0, and anew in the test.
// - VehicleID (Liu et al., "Deep Relative Distance Learning", CVPR 2016): image/IMAGE.jpg, lines "IMAGE VEHICLE", IMAGE
//   without its extension; three tests, of which each is a source.
// - VRU (Lu et al., "Vehicle Re-identification from Unmanned Aerial Vehicles", the set behind MLR-VRU of MSIFLA): the
//   same with Pic/IMAGE.jpg.

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/split.h"
#include "datasets/samples/listing.h"
#include "datasets/sources/reader.h"

namespace resolute::datasets::sources {
namespace {

// A list, and the subset of its images.
using ListFile = Folder;

// The folders of a version's images.
struct ImageFolders {
  std::string_view train;
  std::string_view test;
};

// A line of a list: the image's folder below that of its subset (empty: in it) and its name there, who is on it, and
// which camera took it.
struct LabelLine {
  std::string_view folder = {};
  std::string_view image;
  std::int64_t number = 0;
  std::int64_t camera = 1;
};

struct ListedSet {
  std::string_view name;
  std::string_view layout;  // for messages
  std::string_view line;    // as messages have it
  std::string_view example;
  std::span<const ImageFolders> versions;
  std::span<const ListFile> lists;
  // The line without what ends it; an image of "" is one that does not fit.
  LabelLine (*read)(std::string_view image, std::int64_t number);
  bool extensions = false;  // lists name images with them
  bool anew = false;        // people of the test count anew
};

LabelLine read_image(std::string_view image, std::int64_t number) { return {{}, image, number}; }

LabelLine read_msmt17(std::string_view image, std::int64_t number) {
  constexpr std::int64_t kCameras = 15;
  NameReader reader(image);
  Sample sample;
  reader.numbers("#/#_#_C_", sample);
  if (!reader.fits() || sample.camera < 1 || sample.camera > kCameras) return {};
  const std::size_t slash = image.find('/');
  return {image.substr(0, slash), image.substr(slash + 1), number, sample.camera};
}

constexpr std::array<ImageFolders, 2> kMsmt17Versions{{{"train", "test"}, {"mask_train_v2", "mask_test_v2"}}};
constexpr std::array<ListFile, 4> kMsmt17Lists{{{"list_train.txt", "train"},
                                                {"list_val.txt", "train"},
                                                {"list_query.txt", "query"},
                                                {"list_gallery.txt", "gallery"}}};
constexpr ListedSet kMsmt17{
    .name = "MSMT17",
    .layout = "train and test, or mask_train_v2 and mask_test_v2, and list_{train,val,query,gallery}.txt",
    .line = "PERSON/IMAGE PERSON",
    .example = "as '0000/0000_000_01_0303morning_0008_0_ex.jpg 0', the third number a camera from 1 to 15",
    .versions = kMsmt17Versions,
    .lists = kMsmt17Lists,
    .read = read_msmt17,
    .extensions = true,
    .anew = true};

constexpr std::string_view kVehicleExample = "as 'v12_000345 12', the image without its extension";
constexpr std::array<ImageFolders, 1> kVruFolders{{{"Pic", "Pic"}}};
constexpr std::array<ListFile, 2> kVruLists{
    {{"train_test_split/train_list.txt", "train"}, {"train_test_split/test_list_1200.txt", "gallery"}}};
constexpr ListedSet kVru{
    .name = "VRU",
    .layout = "Pic/IMAGE.jpg, train_test_split/train_list.txt, train_test_split/test_list_1200.txt",
    .line = "IMAGE VEHICLE",
    .example = kVehicleExample,
    .versions = kVruFolders,
    .lists = kVruLists,
    .read = read_image};

constexpr std::array<ImageFolders, 1> kVehicleIdFolders{{{"image", "image"}}};
constexpr std::array<std::array<ListFile, 2>, 3> kVehicleIdLists{
    {{{{"train_test_split/train_list.txt", "train"}, {"train_test_split/test_list_800.txt", "gallery"}}},
     {{{"train_test_split/train_list.txt", "train"}, {"train_test_split/test_list_1600.txt", "gallery"}}},
     {{{"train_test_split/train_list.txt", "train"}, {"train_test_split/test_list_2400.txt", "gallery"}}}}};
// \param test 0 to 2: the one of 800, 1,600 or 2,400 vehicles
constexpr ListedSet vehicle_id(std::size_t test) {
  return {.name = "VehicleID",
          .layout = "image/IMAGE.jpg, train_test_split/train_list.txt, train_test_split/test_list_{800,1600,2400}.txt",
          .line = "IMAGE VEHICLE",
          .example = kVehicleExample,
          .versions = kVehicleIdFolders,
          .lists = kVehicleIdLists[test],
          .read = read_image};
}
constexpr ListedSet kVehicleId800 = vehicle_id(0);
constexpr ListedSet kVehicleId1600 = vehicle_id(1);
constexpr ListedSet kVehicleId2400 = vehicle_id(2);

// "IMAGE NUMBER", with one or more blanks between. \param place the line's in messages
LabelLine read_line(const ListedSet& set, std::string_view line, std::string_view place) {
  const std::size_t end = std::min(line.find_first_of(" \t"), line.size());
  const std::size_t begin = std::min(line.find_first_not_of(" \t", end), line.size());
  NameReader number(line.substr(begin));
  const std::int64_t value = number.number();
  const LabelLine read = end == 0 || !number.finished() ? LabelLine{} : set.read(line.substr(0, end), value);
  if (read.image.empty())
    throw core::input_error(fmt::format("{}: '{}' is not '{}'", place, printable(line), set.line), set.example,
                            "unpack the data set again");
  return read;
}

// The images of folders, each listed when it is first asked for.
class ListedImages {
 public:
  ListedImages(core::FileSystem& files, const fs::path& root, bool extensions, Remarks& remarks)
      : files_(files), root_(root), extensions_(extensions), remarks_(remarks) {}

  // The path of an image by the name that lists have; empty where there is none.
  std::string find(const std::string& folder, std::string_view name) {
    const auto [at, is_new] = folders_.try_emplace(folder);
    if (is_new && files_.exists(root_ / folder)) add(folder, at->second);
    const auto image = at->second.find(name);
    return image == at->second.end() ? std::string() : fmt::format("{}/{}", folder, image->second);
  }
  std::size_t count() const { return count_; }

 private:
  using Names = std::map<std::string, std::string, std::less<>>;  // files by the names that lists have

  void add(const std::string& folder, Names& names) {
    for (const std::string& file : image_names(files_, root_, folder, remarks_)) {
      const auto [other, is_new] = names.emplace(extensions_ ? file : stem_of(file), file);
      count_ += is_new ? 1 : 0;
      if (!is_new)
        remarks_.refuse(fmt::format("{}/{}", folder, file),
                        core::input_error(fmt::format("'{0}/{1}' and '{0}/{2}' have one name", folder,
                                                      printable(other->second), printable(file)),
                                          "lists name images without their extensions", "take one of them out"));
    }
  }

  core::FileSystem& files_;
  const fs::path& root_;
  const bool extensions_;
  Remarks& remarks_;
  std::map<std::string, Names> folders_;
  std::size_t count_ = 0;
};

// The people where each has a folder: lists and folders divide the images alike, whatever numbers they give the people.
class PeopleOfFolders {
 public:
  // \param place the line's in messages \throws RuntimeError (kInput) for a folder of two people, or a person of two
  void add(const std::string& top, const std::string& folder, std::int64_t number, const std::string& place) {
    const auto& [person, first] = people_.try_emplace(folder, number, place).first->second;
    const auto& [other, of_other] = folders_.try_emplace({top, number}, folder, place).first->second;
    if (person == number && other == folder) return;
    const std::string why = person != number ? fmt::format("it is of person {} in {}", person, first)
                                             : fmt::format("that person has '{}' in {}", other, of_other);
    throw core::input_error(fmt::format("{}: folder '{}' is of person {}", place, folder, number), why,
                            "unpack lists and images of one version again");
  }

 private:
  std::map<std::string, std::pair<std::int64_t, std::string>> people_;  // by folder, with the first line's place
  std::map<std::pair<std::string, std::int64_t>, std::pair<std::string, std::string>> folders_;  // and the other way
};

// The version whose folders are there. \throws RuntimeError (kInput) for none and for two
const ImageFolders& version_at(core::FileSystem& files, const fs::path& root, const ListedSet& set) {
  const ImageFolders* found = nullptr;
  for (const ImageFolders& version : set.versions) {
    if (!files.exists(root / version.train) && !files.exists(root / version.test)) continue;
    if (found != nullptr)
      throw core::input_error(
          fmt::format("'{}' has the folders of two versions of {}", root.string(), set.name),
          fmt::format("'{}', '{}' and '{}', '{}'", found->train, found->test, version.train, version.test),
          "give each a folder of its own");
    found = &version;
  }
  if (found == nullptr) found = &set.versions.front();
  for (const std::string_view folder : {found->train, found->test}) require_folder(files, root, folder, set.layout);
  return *found;
}

// Numbers count from 0, which marks a distractor elsewhere: identity is the number and one. Images in no list are left
// out, and what beside the lists and folders is there (__MACOSX) is not looked at. Without cameras in the lists all
// images are camera 1's: splits have lr_camera 0. Larger tests of VRU are not read: MSIFLA's 486 test vehicles are not
// among what it states, and test_list_1200 is the set's smallest test.
// Refused: a line that does not fit, an image listed twice or missing, a person's folder with another's images. \throws
// RuntimeError (kInput): a missing folder or list, an empty list
std::vector<Sample> list_set(const ListedSet& set, core::FileSystem& files, const fs::path& root, Remarks& remarks) {
  const ImageFolders& folders = version_at(files, root, set);
  for (const ListFile& list : set.lists)
    if (!files.exists(root / list.name))
      throw core::input_error(fmt::format("file '{}' is missing in '{}'", list.name, root.string()),
                              fmt::format("the layout is {}", set.layout), "name the folder that holds them");
  ListedImages images(files, root, set.extensions, remarks);
  std::vector<Sample> samples;
  std::map<std::string, std::string> listed;  // place by path
  PeopleOfFolders people;
  for (const ListFile& list : set.lists) {
    const std::string text = core::read_text(files, root / list.name);
    const std::string top(list.subset == "train" ? folders.train : folders.test);
    const std::size_t before = samples.size();
    const std::vector<std::string_view> lines = core::list_lines(text);
    for (std::size_t i = 0; i < lines.size(); ++i) {
      const std::string place = fmt::format("'{}', line {}", list.name, i + 1);
      remarks.gather(place, [&] {
        const LabelLine line = read_line(set, lines[i], place);
        const std::string folder = line.folder.empty() ? top : fmt::format("{}/{}", top, line.folder);
        std::string path = images.find(folder, line.image);
        if (path.empty())
          throw core::input_error(
              fmt::format("{}: image '{}' is not in '{}'", place, printable(line.image), (root / folder).string()), {},
              "unpack the data set again");
        const auto [first, is_new] = listed.emplace(path, place);
        if (!is_new)
          throw core::input_error(fmt::format("{}: image '{}' is listed again", place, printable(line.image)),
                                  fmt::format("first in {}", first->second), "take one of the lines out");
        if (!line.folder.empty()) people.add(top, folder, line.number, place);
        samples.push_back({std::move(path), line.number + 1, line.camera, std::string(list.subset)});
      });
    }
    if (samples.size() == before && !remarks.refused_any())
      throw core::input_error(fmt::format("file '{}' has no images in it", (root / list.name).string()),
                              fmt::format("each line is '{}'", set.line), "unpack the data set again");
  }
  remarks.leave_out("in no list that is read", images.count() - listed.size());
  if (set.anew) continue_numbers(samples);
  leave_out_single(samples, remarks);
  return samples;
}

template <const ListedSet& set>
std::vector<Sample> list_of(core::FileSystem& files, const fs::path& root, Remarks& remarks) {
  return list_set(set, files, root, remarks);
}

// Larger tests than the one that is read have so many vehicles besides.
struct StandInTest {
  std::string_view vehicles;
  int more = 0;
};

// A stand-in (source.h: write_stand_in()): the first half of the identities, rounded down, is in train_list.txt, the
// others in each of the lists of tests. Vehicles are numbered from 0. With options.irregular one image is in no list,
// and lines end as Windows has it.
void write_vehicles(NewFolder& folder, const StandInSettings& options, const ListedSet& set,
                    std::span<const StandInTest> kinds, const std::function<std::string(int, int)>& name_of) {
  const std::string_view images = set.versions.front().train;
  auto write = [&](const std::string& name, int vehicle, int image) {
    folder.write(fmt::format("{}/{}.jpg", images, name),
                 encode_jpeg(stand_in_image(options, vehicle, 0, image), kStandInQuality));
  };
  const std::string_view line_end = options.irregular ? "\r\n" : "\n";
  std::string train;
  std::vector<std::string> tests(kinds.size());
  for (int vehicle = 0; vehicle < options.identities + kinds.back().more; ++vehicle)
    for (int image = 0; image < options.images_per_camera; ++image) {
      const std::string name = name_of(vehicle, image);
      write(name, vehicle, image);
      const std::string line = fmt::format("{} {}{}", name, vehicle, line_end);
      if (vehicle < options.identities / 2) {
        train += line;
        continue;
      }
      for (std::size_t test = 0; test < kinds.size(); ++test)
        if (vehicle < options.identities + kinds[test].more) tests[test] += line;
    }
  folder.write("train_test_split/train_list.txt", train);
  for (std::size_t test = 0; test < kinds.size(); ++test)
    folder.write(fmt::format("train_test_split/test_list_{}.txt", kinds[test].vehicles), tests[test]);
  if (!options.irregular) return;
  write("unlisted", 0, options.images_per_camera);
  folder.write(fmt::format("{}/Thumbs.db", images), "no image\n");
  folder.write("README.md", fmt::format("A stand-in in the layout of {}.\n", set.name));
}

void write_vru(NewFolder& folder, const StandInSettings& options) {
  constexpr std::array<StandInTest, 3> kTests{{{"1200", 0}, {"2400", 1}, {"8000", 2}}};
  write_vehicles(folder, options, kVru, kTests,
                 [](int vehicle, int image) { return fmt::format("v{:04}_{:04}", vehicle, image); });
}

void write_vehicle_id(NewFolder& folder, const StandInSettings& options) {
  constexpr std::array<StandInTest, 3> kTests{{{"800", 0}, {"1600", 1}, {"2400", 2}}};
  write_vehicles(folder, options, kVehicleId800, kTests, [&](int vehicle, int image) {
    return fmt::format("{:07}", vehicle * options.images_per_camera + image + 1);
  });
}

// A stand-in (source.h: write_stand_in()) of version 1; an irregular one is of version 2, with what macOS leaves in an
// archive. The first half of the identities, rounded down, trains, its first images by the first camera in
// list_val.txt; the first image of a test identity and camera is its query.
void write_msmt17(NewFolder& folder, const StandInSettings& options) {
  const ImageFolders& folders = kMsmt17Versions.at(options.irregular ? 1 : 0);
  const int trained = options.identities / 2;
  std::array<std::string, kMsmt17Lists.size()> lists;
  for_each_image(options, [&](int identity, int camera, int image) {
    const bool trains = identity < trained;
    const int person = trains ? identity : identity - trained;
    const std::string name = fmt::format("{0:04}/{0:04}_{1:03}_{2:02}_0303{3}_{4:04}_0{5}.jpg", person,
                                         image + camera * options.images_per_camera, camera + 1,
                                         camera % 2 == 0 ? "morning" : "noon", image + 1, image % 2 == 0 ? "" : "_ex");
    folder.write(fmt::format("{}/{}", trains ? folders.train : folders.test, name),
                 encode_jpeg(stand_in_image(options, identity, camera, image), kStandInQuality));
    const std::size_t list = trains ? (camera == 0 && image == 0 ? 1 : 0) : image == 0 ? 2 : 3;
    lists.at(list) += fmt::format("{} {}{}", name, person, options.irregular ? "\r\n" : "\n");
  });
  for (std::size_t i = 0; i < lists.size(); ++i) folder.write(std::string(kMsmt17Lists.at(i).name), lists.at(i));
  if (!options.irregular) return;
  folder.write(fmt::format("{}/0000/Thumbs.db", folders.train), "no image\n");
  folder.write("__MACOSX/._list_train.txt", "no list\n");
  folder.write(fmt::format("__MACOSX/{}/0000/._0000_000_01_0303morning_0001_0.jpg", folders.train), "no image\n");
}

constexpr SourceReader vehicle_id_reader(decltype(SourceReader::list) list) {
  return {.own_folder = "VehicleID_V1.0",
          .landmark = "image",
          .list = list,
          .write_stand_in = write_vehicle_id,
          .other_own_folder = "VehicleID"};
}

}  // namespace

const SourceReader kMsmt17Reader{.own_folder = "MSMT17_V1",
                                 .landmark = "list_train.txt",
                                 .list = list_of<kMsmt17>,
                                 .write_stand_in = write_msmt17,
                                 .other_own_folder = "MSMT17_V2"};
const SourceReader kVehicleId800Reader = vehicle_id_reader(list_of<kVehicleId800>);
const SourceReader kVehicleId1600Reader = vehicle_id_reader(list_of<kVehicleId1600>);
const SourceReader kVehicleId2400Reader = vehicle_id_reader(list_of<kVehicleId2400>);
const SourceReader kVruReader{
    .own_folder = "VRU", .landmark = "Pic", .list = list_of<kVru>, .write_stand_in = write_vru};

}  // namespace resolute::datasets::sources
