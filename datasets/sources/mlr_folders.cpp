// Multi-low-resolution sets that somebody prepared: the LR images are files already, and stay as they are. Three
// namings are in use; a folder must fit one of them.
//
// 1. As VPFA's scripts write them (ashmentlzw/VPFA, dataset_preprocessing): Market-1501's folders bounding_box_train,
//    bounding_box_test and query, images named IDENTITY_cCAMERA[sSEQUENCE]_NUMBER[_NUMBER][_RATEx], as
//    0002_c1s1_000451_03_3x.jpg. An image with RATE came in low resolution at it, one without in high. Identity -1 is
//    junk and left out. Identity 0 in bounding_box_test alone is a distractor; where it is in training or query too,
//    identities count from 0 (its CAVIAR) and all go up by one.
// 2. As DIL reads them (Yukun-Huang/Degradation-Invariant-ReID-pytorch): train, val, gallery and query with a folder
//    for each identity, images named IDENTITY_cCAMERA_NUMBER, as query/0020/00020_c0_00000.jpg. Its loader takes the
//    images of camera 0 for LR and all others for HR (core/data/reid/folder.py); nobody tells their rate. "val" holds
//    images of training identities and counts as training. Cameras go up by one, and identities too if any is 0.
// 3. As VersReID reads MLR-CUHK03 (iSEE-Laboratory/VersReID, datasets/dslr_cuhk03.py): train/lr, train/hr, query/lr and
//    gallery/hr, images named IDENTITY_X_CAMERA…, the camera one digit, as 0020_1_2_03.jpg. Nobody tells the rate of
//    what lies in lr. Identities and cameras go up by one if any is 0.

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "core/random/random.h"
#include "datasets/image/low_resolution.h"
#include "datasets/samples/listing.h"
#include "datasets/sources/market1501.h"
#include "datasets/sources/reader.h"

namespace resolute::datasets::sources {
namespace {

constexpr Naming kMlrNaming{"prepared", "IDENTITY_cCAMERA[sSEQUENCE]_NUMBER[_NUMBER][_RATEx].jpg, RATE from 2 to 16",
                            "0002_c1s1_000451_03_3x.jpg"};
constexpr Naming kNamingByIdentity{"prepared", "IDENTITY/IDENTITY_cCAMERA_NUMBER.jpg", "0020/00020_c0_00000.jpg"};
constexpr std::array<Folder, 4> kFoldersByIdentity{
    {{"gallery", "gallery"}, {"query", "query"}, {"train", "train"}, {"val", "train"}}};
constexpr FolderLayout kLayoutByIdentity{"train, val, gallery, query", kFoldersByIdentity, &kNamingByIdentity};
static_assert(settings::kLargestRate == 16, "kMlrNaming says so");
constexpr Naming kNamingByResolution{"prepared", "IDENTITY_X_CAMERA….jpg, CAMERA one digit", "0020_1_2_03.jpg"};
constexpr std::array<Folder, 4> kFoldersByResolution{
    {{"train/lr", "train"}, {"train/hr", "train"}, {"query/lr", "query"}, {"gallery/hr", "gallery"}}};
constexpr FolderLayout kLayoutByResolution{"train/lr, train/hr, query/lr, gallery/hr", kFoldersByResolution};

// The part of a name behind the camera in the first naming.
struct Frame {
  std::vector<std::int64_t> numbers;  // the sequence, -1 where there is none, and one or two more
  int rate = 1;                       // 0: the name does not fit
};

Frame read_frame(NameReader& reader) {
  Frame frame{{-1}};
  if (reader.optional("s")) frame.numbers[0] = reader.number();
  bool original_ended = false;
  while (frame.rate == 1 && reader.optional("_")) {
    if (frame.numbers.size() == 1) reader.optional("f");  // DukeMTMC-reID's frames
    const std::int64_t value = reader.number();
    if (reader.optional("x")) {
      frame.rate = value >= 2 && value <= settings::kLargestRate ? static_cast<int>(value) : 0;
    } else {
      if (original_ended) return {{}, 0};
      frame.numbers.push_back(value);
      // VPFA's script takes the last extension off Market-1501's "….jpg.jpg": "….jpg_3x.jpg".
      original_ended = reader.repeated(kMarketRepeated);
    }
  }
  reader.repeated(kMarketRepeated);
  if (!reader.finished() || frame.numbers.size() < 2 || frame.numbers.size() > 3) frame.rate = 0;
  return frame;
}

std::vector<Sample> list_with_rates(core::FileSystem& files, const fs::path& root, Remarks& remarks) {
  bool from_zero = false;
  std::vector<Sample> samples =
      list_folders(files, root, kMarketLayout, remarks, [&](NameReader& reader, Sample& sample) -> NameNumbers {
        const bool junk = reader.optional(kJunkIdentity);
        NameNumbers numbers = reader.numbers(junk ? "_cC" : "I_cC", sample);
        const Frame frame = read_frame(reader);
        if (frame.rate == 0) throw wrong_name(sample.path, kMlrNaming);
        if (junk) {
          remarks.leave_out(kJunk);
          return {};
        }
        sample.rate = frame.rate;
        from_zero = from_zero || (sample.identity == 0 && sample.subset != "gallery");
        numbers.push_back(sample.rate);
        numbers.insert(numbers.end(), frame.numbers.begin(), frame.numbers.end());
        return numbers;
      });
  const auto came_high = [](const Sample& sample) { return sample.rate == 1; };
  if (!remarks.refused_any() && std::ranges::all_of(samples, came_high))
    throw core::input_error(fmt::format("no image in '{}' came in low resolution by its name", root.string()),
                            fmt::format("those that did end in their rate, as {}", kMlrNaming.example),
                            "read it as the data set that it is made of, e.g. source 'market1501'");
  if (from_zero) count_from_1(samples, &Sample::identity);
  return samples;
}

std::vector<Sample> list_by_identity(core::FileSystem& files, const fs::path& root, Remarks& remarks) {
  std::vector<Sample> samples =
      list_folders(files, root, kLayoutByIdentity, remarks, [](NameReader& reader, Sample& sample) {
        const std::int64_t identity = sample.identity;
        NameNumbers numbers = reader.numbers("I_cC_#", sample);
        if (!reader.finished()) throw wrong_name(sample.path, kNamingByIdentity);
        if (sample.identity != identity)
          throw core::input_error(fmt::format("'{}' is of identity {} in the folder of identity {}",
                                              printable(sample.path), sample.identity, identity),
                                  {}, "move it to its own");
        sample.rate = sample.camera == 0 ? 0 : 1;
        if ((sample.subset == "query" && sample.rate != 0) || (sample.subset == "gallery" && sample.rate == 0))
          throw core::input_error(
              fmt::format("'{}' is an image of camera {}", printable(sample.path), sample.camera),
              "in this naming camera 0 is the low-resolution one: all of query is its and none of gallery",
              "prepare the folders again, or list the images for source 'csv'");
        return numbers;
      });
  count_from_1(samples, &Sample::identity);
  return samples;
}

std::vector<Sample> list_by_resolution(core::FileSystem& files, const fs::path& root, Remarks& remarks) {
  std::int64_t seen = 0;
  std::vector<Sample> samples =
      list_folders(files, root, kLayoutByResolution, remarks, [&](NameReader&, Sample& sample) -> NameNumbers {
        const std::string_view name = std::string_view(sample.path).substr(sample.path.rfind('/') + 1);
        const std::size_t second = std::min(name.find('_', name.find('_') + 1), name.size());
        NameReader identity(name.substr(0, name.find('_')));
        sample.identity = identity.number();
        NameReader camera(name.substr(std::min(second + 1, name.size()), 1));
        sample.camera = camera.number();
        if (!identity.finished() || !camera.finished()) throw wrong_name(sample.path, kNamingByResolution);
        sample.rate = sample.path.find("/lr/") != std::string::npos ? 0 : 1;
        return {seen++};  // names hold more than numbers: no two are one image
      });
  count_from_1(samples, &Sample::identity);
  return samples;
}

core::Bytes encoded(const Image& native, int rate) {
  return encode_jpeg(low_resolution_view(native, rate, Kernel::kTriangle), kStandInQuality);
}

// 2, 3 or 4, all equally likely.
int drawn_rate(const StandInSettings& options, int identity, int camera, int image) {
  core::RandomStream stream("stand-in-rate", {options.seed, static_cast<std::uint64_t>(identity),
                                              static_cast<std::uint64_t>(camera), static_cast<std::uint64_t>(image)});
  return 2 + static_cast<int>(stream.below(3));
}

// The camera, from 0, that took an identity in low resolution.
int drawn_low_camera(const StandInSettings& options, int identity) {
  core::RandomStream stream("stand-in-lr-camera", {options.seed, static_cast<std::uint64_t>(identity)});
  return static_cast<int>(stream.below(static_cast<std::uint64_t>(options.cameras)));
}

// Whatever the naming, cameras go up by one if any is 0. Refused: a name that does not fit; of the second naming: a
// folder and an image in it that name two identities, an image of query that is not camera 0's or one of gallery that
// is. \throws RuntimeError (kInput): a folder that fits several namings or none, a missing or empty folder; of the
// first naming: no image with a rate
std::vector<Sample> list_mlr_folders(core::FileSystem& files, const fs::path& root, Remarks& remarks) {
  auto has_any = [&](std::initializer_list<std::string_view> folders) {
    return std::ranges::any_of(folders, [&](std::string_view name) { return files.exists(root / name); });
  };
  const bool with_rates = has_any({"bounding_box_train", "bounding_box_test"});
  const bool by_resolution = has_any({"train/lr", "train/hr", "query/lr", "gallery/hr"});
  const bool by_identity = !by_resolution && has_any({"train", "val", "gallery"});
  if (with_rates == (by_identity || by_resolution))
    throw core::input_error(fmt::format("folder '{}' has the layout of {}", root.string(),
                                        with_rates ? "two prepared sets" : "no prepared set"),
                            fmt::format("one has {}, another {}, a third {}", kMarketLayout.text,
                                        kLayoutByIdentity.text, kLayoutByResolution.text),
                            with_rates ? "give each a folder of its own" : "name the folder that holds them");
  std::vector<Sample> samples = with_rates      ? list_with_rates(files, root, remarks)
                                : by_resolution ? list_by_resolution(files, root, remarks)
                                                : list_by_identity(files, root, remarks);
  count_from_1(samples, &Sample::camera);
  return samples;
}

// A stand-in (source.h: write_stand_in()) in the first naming: of each identity one camera, drawn by seed, is the LR
// one; its images of test identities are the queries. Irregular: queries in high resolution too (VPFA's Market-1501
// has them), an identity of one camera, junk, distractors, files that are no images.
void write_mlr_folders(NewFolder& folder, const StandInSettings& options) {
  const int last = options.identities - 1;
  for (int identity = 0; identity < options.identities; ++identity) {
    const bool training = identity < options.identities / 2;
    const bool one_camera = options.irregular && identity == last;  // its images stay in high resolution, as VPFA's do
    const int low = drawn_low_camera(options, identity);
    for (int camera = 0; camera < (one_camera ? 1 : options.cameras); ++camera)
      for (int image = 0; image < options.images_per_camera; ++image) {
        const bool is_low = camera == low && !one_camera;
        const int rate = is_low ? drawn_rate(options, identity, camera, image) : 1;
        const bool query = is_low || (options.irregular && image == 0);
        const std::string name = market1501_name(options, identity, camera, image);
        folder.write(fmt::format("{}/{}{}.jpg",
                                 training ? "bounding_box_train"
                                 : query  ? "query"
                                          : "bounding_box_test",
                                 stem_of(name), is_low ? fmt::format("_{}x", rate) : ""),
                     encoded(stand_in_image(options, identity, camera, image), rate));
      }
  }
  if (!options.irregular) return;
  for (int camera = 0; camera < options.cameras; ++camera) {
    const Image nobody = stand_in_image(options, options.identities, camera, 0);
    const std::string_view more = camera == 0 ? kMarketRepeated : "";
    folder.write(fmt::format("bounding_box_test/{}{}", market1501_name(0, camera + 1, 1), more), encoded(nobody, 1));
    folder.write(fmt::format("bounding_box_test/-1_c{}s1_000001_00{}_2x.jpg", camera + 1, more), encoded(nobody, 2));
  }
  folder.write("query/Thumbs.db", "no image\n");
}

// The same in the second naming, identities from 0; camera 0 is the LR one.
void write_mlr_folders_by_identity(NewFolder& folder, const StandInSettings& options) {
  const int last = options.identities - 1;
  for (int identity = 0; identity < options.identities; ++identity) {
    const bool training = identity < options.identities / 2;
    for (int camera = 0; camera < options.cameras; ++camera) {
      if (options.irregular && identity == last && camera != 1) continue;
      for (int image = 0; image < options.images_per_camera; ++image) {
        const bool validation = camera == 1 && image == 0;
        const std::string_view subset = training ? (validation ? "val" : "train") : camera == 0 ? "query" : "gallery";
        const int rate = camera == 0 ? drawn_rate(options, identity, camera, image) : 1;
        folder.write(fmt::format("{}/{:04}/{:05}_c{}_{:05}.jpg", subset, identity, identity, camera, image),
                     encoded(stand_in_image(options, identity, camera, image), rate));
      }
    }
  }
  if (options.irregular) folder.write("query/Thumbs.db", "no image\n");
}

// The same in the third naming: of each identity one camera, drawn by seed, is the LR one.
void write_mlr_folders_by_resolution(NewFolder& folder, const StandInSettings& options) {
  const int last = options.identities - 1;
  for_each_image(options, [&](int identity, int camera, int image) {
    const bool one_camera = options.irregular && identity == last;
    const bool low = !one_camera && camera == drawn_low_camera(options, identity);
    const std::string_view subset = identity < options.identities / 2 ? "train" : low ? "query" : "gallery";
    folder.write(
        fmt::format("{}/{}/{:04}_1_{}_{:02}.jpg", subset, low ? "lr" : "hr", identity + 1, camera + 1, image + 1),
        encoded(stand_in_image(options, identity, camera, image),
                low ? drawn_rate(options, identity, camera, image) : 1));
  });
  if (options.irregular) folder.write("query/lr/Thumbs.db", "no image\n");
}

}  // namespace

const SourceReader kMlrFoldersReader{.list = list_mlr_folders, .write_stand_in = write_mlr_folders};
const SourceReader kMlrFoldersByIdentityReader{.list = list_mlr_folders,
                                               .write_stand_in = write_mlr_folders_by_identity};
const SourceReader kMlrFoldersByResolutionReader{.list = list_mlr_folders,
                                                 .write_stand_in = write_mlr_folders_by_resolution};

}  // namespace resolute::datasets::sources
