// VIPeR (Gray et al., PETS 2007): one image of each person by each of two cameras, in one of two namings.
//
// - As published: cam_a/PERSON_ANGLE.bmp and cam_b/PERSON_ANGLE.bmp, as cam_a/000_45.bmp and cam_b/000_90.bmp.
// - Flat: PERSON_ANGLE_CAMERA.bmp in one folder, as 000_45_a.bmp (so in LOMO's copy); CAMERA is a and b, 1 and 2, or 0
//   and 1, the same in all of the folder.
//
// The angle is the person's, in degrees, and may be another one in each image. Persons need not be numbered without
// gaps.

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "datasets/samples/listing.h"
#include "datasets/sources/reader.h"

namespace resolute::datasets::sources {
namespace {

constexpr std::string_view kViperLayout =
    "cam_a/PERSON_ANGLE.bmp and cam_b/PERSON_ANGLE.bmp, or PERSON_ANGLE_CAMERA.bmp";
constexpr std::array<std::string_view, 2> kFolders{"cam_a", "cam_b"};

struct Entry {
  std::string path;
  std::int64_t person = 0;
  std::int64_t camera = 0;
};

std::vector<Entry> read_folders(core::FileSystem& files, const fs::path& root, Remarks& remarks) {
  for (std::string_view folder : kFolders) require_folder(files, root, folder, kViperLayout);
  for (const std::string& name : files.list(root))
    if (is_image_name(name))
      remarks.refuse(name, core::input_error(fmt::format("'{}' stands beside cam_a and cam_b", printable(name)),
                                             fmt::format("the layout is {}, never both", kViperLayout),
                                             "move it to where it belongs"));
  std::vector<Entry> entries;
  for (std::size_t camera = 0; camera < kFolders.size(); ++camera)
    for (const std::string& name : image_names(files, root, kFolders[camera], remarks)) {
      Entry entry{fmt::format("{}/{}", kFolders[camera], name), 0, static_cast<std::int64_t>(camera) + 1};
      NameReader reader(stem_of(name));
      entry.person = reader.number();
      reader.literal("_");
      reader.number();
      if (reader.finished())
        entries.push_back(std::move(entry));
      else
        remarks.refuse(entry.path, wrong_name(entry.path, "VIPeR", "PERSON_ANGLE.bmp", "000_45.bmp"));
    }
  return entries;
}

// The mark of camera 1 for each way of naming the two; camera 2's is the next character.
char first_mark(const std::set<char>& marks) {
  for (const char first : {'a', '1', '0'})
    if (std::ranges::all_of(marks, [&](char mark) { return mark == first || mark == first + 1; })) return first;
  throw core::input_error(fmt::format("the image names end in the cameras {}", fmt::join(marks, ", ")),
                          "a and b, 1 and 2, or 0 and 1 are expected", "rename the images");
}

std::vector<Entry> read_flat(core::FileSystem& files, const fs::path& root, Remarks& remarks) {
  std::vector<Entry> entries;
  std::set<char> marks;
  for (const std::string& name : files.list(root)) {
    if (!is_image_name(name)) continue;
    Entry entry{name, 0, 0};
    const std::string_view stem = stem_of(name);
    const char mark = stem.back();
    NameReader reader(stem.substr(0, stem.size() - 1));
    entry.person = reader.number();
    reader.literal("_");
    reader.number();
    reader.literal("_");
    if (!reader.finished() || std::string_view("ab012").find(mark) == std::string_view::npos) {
      remarks.refuse(entry.path,
                     wrong_name(entry.path, "VIPeR", "PERSON_ANGLE_CAMERA.bmp, cameras a and b, 1 and 2, or 0 and 1",
                                "000_45_a.bmp"));
      continue;
    }
    entry.camera = static_cast<unsigned char>(mark);
    marks.insert(mark);
    entries.push_back(std::move(entry));
  }
  if (entries.empty() && !remarks.refused_any())
    throw core::input_error(fmt::format("folder '{}' has neither cam_a and cam_b nor images in it", root.string()),
                            fmt::format("the layout is {}", kViperLayout), "name the folder that holds them");
  const char first = first_mark(marks);
  for (Entry& entry : entries) entry.camera += 1 - first;
  return entries;
}

void check_pairs(const std::vector<Entry>& entries, Remarks& remarks) {
  std::map<std::int64_t, std::array<const Entry*, 2>> persons;
  for (const Entry& entry : entries) {
    const Entry*& place = persons[entry.person][static_cast<std::size_t>(entry.camera - 1)];
    if (place != nullptr)
      remarks.refuse(entry.path, core::input_error(fmt::format("'{}' and '{}' are of one person and one camera",
                                                               printable(place->path), printable(entry.path)),
                                                   "each camera has one image of each person", "take one of them out"));
    place = &entry;
  }
  for (const auto& [person, images] : persons)
    if (images[0] == nullptr || images[1] == nullptr) {
      const Entry& only = *(images[0] != nullptr ? images[0] : images[1]);
      remarks.refuse(only.path,
                     core::input_error(fmt::format("'{}' has no image of the same person by camera {} beside it",
                                                   printable(only.path), 3 - only.camera),
                                       "each camera has one image of each person", "unpack the data set again"));
    }
}

// cam_a (a, or the smaller number) is camera 1, the
// other camera 2. Identity is the person's number, or, where there is a person 0 as in VIPeR itself, the number and
// one: 0 marks a distractor elsewhere. VIPeR publishes no division: the subset is "train" throughout, and partition
// random-halves does not look at it. Refused: both namings at once, a name that does not fit, a person with two images
// by one camera or with none by the other. \throws RuntimeError (kInput): neither naming
std::vector<Sample> list_viper(core::FileSystem& files, const fs::path& root, Remarks& remarks) {
  const bool in_folders =
      std::ranges::any_of(kFolders, [&](std::string_view folder) { return files.exists(root / folder); });
  std::vector<Entry> entries = in_folders ? read_folders(files, root, remarks) : read_flat(files, root, remarks);
  // Whoever has a wrong name lacks beside his pair: that would be told of twice.
  if (remarks.refused_any()) return {};
  check_pairs(entries, remarks);
  const bool from_zero = std::ranges::any_of(entries, [](const Entry& entry) { return entry.person == 0; });
  std::vector<Sample> samples;
  samples.reserve(entries.size());
  for (Entry& entry : entries)
    samples.push_back({std::move(entry.path), entry.person + (from_zero ? 1 : 0), entry.camera, "train"});
  return samples;
}

// A stand-in (source.h: write_stand_in()) as published; persons are numbered from 0, and with options.irregular not
// without gaps.
void write_viper(NewFolder& folder, const StandInSettings& options) {
  constexpr int kAngleStep = 45;
  constexpr int kAngles = 5;  // 0 to 180 degrees
  for (int identity = 0; identity < options.identities; ++identity)
    for (int camera = 0; camera < 2; ++camera) {
      // Every third number is missing where numbers have gaps.
      const int person = options.irregular ? identity + identity / 2 : identity;
      const int angle = (identity + 2 * camera) % kAngles * kAngleStep;
      folder.write(fmt::format("{}/{:03}_{}.bmp", kFolders[static_cast<std::size_t>(camera)], person, angle),
                   encode_bmp(stand_in_image(options, identity, camera, 0)));
    }
  if (!options.irregular) return;
  folder.write("cam_b/Thumbs.db", "no image\n");
  folder.write("README.txt", "A stand-in in the layout of VIPeR.\n");
}

}  // namespace

const SourceReader kViperReader{
    .own_folder = "VIPeR", .landmark = "cam_a", .list = list_viper, .write_stand_in = write_viper};

}  // namespace resolute::datasets::sources
