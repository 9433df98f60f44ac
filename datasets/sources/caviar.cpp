// CAVIAR4REID (Cheng et al., "Custom Pictorial Structures for Re-identification", BMVC 2011): images of many sizes in
// one folder, named PPPPIII.jpg, PPPP the person from 0001, III the image. A person with images 001 to 020 was seen by
// two cameras, 001 to 010 by one of them and 011 to 020 by the other; a person with ten images by one alone.

#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <vector>

#include "datasets/image/image.h"
#include "datasets/image/resample.h"
#include "datasets/samples/listing.h"
#include "datasets/sources/reader.h"

namespace resolute::datasets::sources {
namespace {

constexpr Naming kCaviarNaming{"CAVIAR4REID", "PPPPIII.jpg, persons from 0001, images 001 to 020", "0001001.jpg"};
constexpr std::size_t kDigits = 7;
constexpr std::int64_t kImageNumbers = 1000;  // III is the last three digits
constexpr std::int64_t kHalf = 10;
constexpr int kFarRate = 3;  // of stand-ins

using Images = std::map<std::int64_t, std::string>;  // file names by image number

std::map<std::int64_t, Images> read_names(core::FileSystem& files, const fs::path& root, Remarks& remarks) {
  std::map<std::int64_t, Images> persons;
  for (const std::string& name : image_names(files, root, "", remarks)) {
    NameReader reader(stem_of(name));
    const std::int64_t number = reader.number();
    const std::int64_t person = number / kImageNumbers;
    const std::int64_t image = number % kImageNumbers;
    if (!reader.finished() || stem_of(name).size() != kDigits || person < 1 || image < 1 || image > 2 * kHalf) {
      remarks.refuse(name, wrong_name(name, kCaviarNaming));
      continue;
    }
    const auto [first, is_new] = persons[person].emplace(image, name);
    if (!is_new) remarks.refuse(name, twice(first->second, name));
  }
  return persons;
}

// True where both cameras saw a person; other images than ten of one or of each are refused.
bool seen_by_both(std::int64_t person, const Images& images, Remarks& remarks) {
  const auto in_first = std::ranges::count_if(images, [](const auto& image) { return image.first <= kHalf; });
  const auto in_second = static_cast<std::ptrdiff_t>(images.size()) - in_first;
  if ((in_first != kHalf && in_first != 0) || (in_second != kHalf && in_second != 0))
    remarks.refuse(
        images.begin()->second,
        core::input_error(fmt::format("person {:04} has {} of the images 001 to 010 and {} of 011 to 020", person,
                                      in_first, in_second),
                          "a person has all ten of one camera, or all ten of each", "unpack the data set again"));
  return in_first == kHalf && in_second == kHalf;
}

// Twice the median, which is a whole number.
std::int64_t twice_median(std::vector<std::int64_t> values) {
  std::ranges::sort(values);
  return values[(values.size() - 1) / 2] + values[values.size() / 2];
}

// 0 or 1: the half whose images are larger.
std::size_t closer_half(const std::array<std::vector<std::int64_t>, 2>& areas) {
  const std::array<std::int64_t, 2> medians{twice_median(areas[0]), twice_median(areas[1])};
  const auto [smaller, larger] = std::minmax(medians[0], medians[1]);
  // A tenth of the smaller: by chance the medians of one camera's images would not differ by that much.
  if (10 * larger < 11 * smaller)
    throw core::input_error(
        fmt::format("images 001 to 010 have a median area of {} pixels and images 011 to 020 one of {}",
                    static_cast<double>(medians[0]) / 2, static_cast<double>(medians[1]) / 2),
        "they must differ by at least 10 %, or nobody can tell which camera was the closer one",
        "take the images in their native sizes");
  return medians[0] > medians[1] ? 0 : 1;
}

// The set is low-resolution by itself: the half with
// the larger median area, over all persons, is the closer camera's, camera 1; the other is camera 2's, and its images
// came in low resolution at a rate that nobody tells (Sample::rate 0). Which half that is the naming does not say, so
// the headers of the images are read. Persons whom one camera saw are left out. No division is published: the subset
// is "train" throughout, and partition random-halves does not look at it.
// Refused: a name that does not fit, two names of one image, a person with other images than those, an image that is
// none. \throws RuntimeError (kInput): halves whose medians differ by less than a tenth of the smaller, nobody whom
// both cameras saw; kEnvironment for an image that cannot be read
std::vector<Sample> list_caviar(core::FileSystem& files, const fs::path& root, Remarks& remarks) {
  std::vector<Sample> samples;
  std::vector<std::size_t> halves;  // of each sample
  std::array<std::vector<std::int64_t>, 2> areas;
  const std::map<std::int64_t, Images> persons = read_names(files, root, remarks);
  if (remarks.refused_any()) return {};
  for (const auto& [person, images] : persons) {
    if (!seen_by_both(person, images, remarks)) {
      remarks.leave_out("of people whom one camera alone saw", images.size());
      continue;
    }
    for (const auto& [number, name] : images) {
      const std::size_t half = number <= kHalf ? 0 : 1;
      remarks.gather(name, [&, person = person, &name = name] {
        const ImageSize size = image_size(files.read(root / name, kMaxImageBytes), (root / name).string());
        areas[half].push_back(std::int64_t{size.height} * size.width);
        halves.push_back(half);
        samples.push_back({name, person, 0, "train"});
      });
    }
  }
  if (remarks.refused_any()) return {};
  if (samples.empty())
    throw core::input_error(
        fmt::format("none of the {} persons in '{}' has images 001 to 020", persons.size(), root.string()),
        "people whom one camera alone saw are left out", "unpack the data set again");
  const std::size_t closer = closer_half(areas);
  for (std::size_t i = 0; i < samples.size(); ++i) {
    samples[i].camera = halves[i] == closer ? 1 : 2;
    samples[i].rate = halves[i] == closer ? 1 : 0;
  }
  return samples;
}

// A stand-in (source.h: write_stand_in()): the far camera's images are rendered in full and shrunk to a third. With
// options.irregular the far camera's are the first half, and the last person was seen by the closer camera alone.
void write_caviar(NewFolder& folder, const StandInSettings& options) {
  for_each_image(options, [&](int identity, int camera, int image) {
    const bool second_half = (camera == 1) != options.irregular;
    Image picture = stand_in_image(options, identity, camera, image);
    if (camera == 1) picture = resize(picture, picture.height / kFarRate, picture.width / kFarRate, Kernel::kTriangle);
    folder.write(fmt::format("{:04}{:03}.jpg", identity + 1, image + 1 + (second_half ? kHalf : 0)),
                 encode_jpeg(picture, kStandInQuality));
  });
  if (!options.irregular) return;
  folder.write("Thumbs.db", "no image\n");
  folder.write("README.txt", "A stand-in in the layout of CAVIAR4REID.\n");
}

}  // namespace

const SourceReader kCaviarReader{
    .own_folder = "CAVIARa", .landmark = "0001001.jpg", .list = list_caviar, .write_stand_in = write_caviar};

}  // namespace resolute::datasets::sources
