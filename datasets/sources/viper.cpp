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

constexpr Naming kPublishedNaming{"VIPeR", "PERSON_ANGLE.bmp", "000_45.bmp"};
constexpr Naming kFlatNaming{"VIPeR", "PERSON_ANGLE_CAMERA.bmp, cameras a and b, 1 and 2, or 0 and 1", "000_45_a.bmp"};
constexpr std::array<Folder, 2> kViperFolders{{{"cam_a", "train"}, {"cam_b", "train"}}};
constexpr FolderLayout kViperLayout{"cam_a/PERSON_ANGLE.bmp and cam_b/PERSON_ANGLE.bmp, or PERSON_ANGLE_CAMERA.bmp",
                                    kViperFolders};

std::vector<Sample> read_folders(core::FileSystem& files, const fs::path& root, Remarks& remarks) {
  for (const std::string& name : files.list(root))
    if (is_image_name(name))
      remarks.refuse(name, core::input_error(fmt::format("'{}' stands beside cam_a and cam_b", printable(name)),
                                             fmt::format("the layout is {}, never both", kViperLayout.text),
                                             "move it to where it belongs"));
  return list_folders(files, root, kViperLayout, remarks, [](NameReader& reader, Sample& sample) {
    NameNumbers numbers = reader.numbers("I_#", sample);
    if (!reader.finished()) throw wrong_name(sample.path, kPublishedNaming);
    sample.camera = sample.path.starts_with(kViperFolders[0].name) ? 1 : 2;
    return numbers;
  });
}

// The mark of camera 1 for each way of naming the two; camera 2's is the next character.
char first_mark(const std::set<char>& marks) {
  for (const char first : {'a', '1', '0'})
    if (std::ranges::all_of(marks, [&](char mark) { return mark == first || mark == first + 1; })) return first;
  throw core::input_error(fmt::format("the image names end in the cameras {}", fmt::join(marks, ", ")),
                          "a and b, 1 and 2, or 0 and 1 are expected", "rename the images");
}

std::vector<Sample> read_flat(core::FileSystem& files, const fs::path& root, Remarks& remarks) {
  std::vector<Sample> samples;
  std::set<char> marks;
  for (const std::string& name : files.list(root)) {
    if (!is_image_name(name)) continue;
    Sample sample{name, 0, 0, "train"};
    const std::string_view stem = stem_of(name);
    const char mark = stem.back();
    NameReader reader(stem.substr(0, stem.size() - 1));
    reader.numbers("I_#_", sample);
    if (!reader.finished() || std::string_view("ab012").find(mark) == std::string_view::npos) {
      remarks.refuse(name, wrong_name(name, kFlatNaming));
      continue;
    }
    sample.camera = static_cast<unsigned char>(mark);
    marks.insert(mark);
    samples.push_back(std::move(sample));
  }
  if (samples.empty() && !remarks.refused_any())
    throw core::input_error(fmt::format("folder '{}' has neither cam_a and cam_b nor images in it", root.string()),
                            fmt::format("the layout is {}", kViperLayout.text), "name the folder that holds them");
  const char first = first_mark(marks);
  for (Sample& sample : samples) sample.camera += 1 - first;
  return samples;
}

void check_pairs(const std::vector<Sample>& samples, Remarks& remarks) {
  std::map<std::int64_t, std::array<const Sample*, 2>> persons;
  for (const Sample& sample : samples) {
    const Sample*& place = persons[sample.identity][static_cast<std::size_t>(sample.camera - 1)];
    if (place != nullptr)
      remarks.refuse(sample.path,
                     core::input_error(fmt::format("'{}' and '{}' are of one person and one camera",
                                                   printable(place->path), printable(sample.path)),
                                       "each camera has one image of each person", "take one of them out"));
    place = &sample;
  }
  for (const auto& [person, images] : persons)
    if (images[0] == nullptr || images[1] == nullptr) {
      const Sample& only = *(images[0] != nullptr ? images[0] : images[1]);
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
      std::ranges::any_of(kViperFolders, [&](const Folder& folder) { return files.exists(root / folder.name); });
  std::vector<Sample> samples = in_folders ? read_folders(files, root, remarks) : read_flat(files, root, remarks);
  // A wrong name leaves an image without its pair: that would be told of twice.
  if (remarks.refused_any()) return {};
  check_pairs(samples, remarks);
  count_from_1(samples, &Sample::identity);
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
      folder.write(fmt::format("{}/{:03}_{}.bmp", kViperFolders[static_cast<std::size_t>(camera)].name, person, angle),
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
