//! CUHK03 (Li et al., "DeepReID", CVPR 2014), as script/cuhk03_images makes it of the one MATLAB file in which it
//! comes:
//!
//! - images_labeled/P_III_V_SS.png, boxes drawn by hand, and images_detected/…, boxes of a detector, as torchreid and
//!   fast-reid extract them: pair of cameras (1 to 5), number of the identity in its pair, camera of the pair (1, 2),
//!   column of the file's table (01 to 10, of which the first five are the first camera's).
//! - cuhk-03.json, written last (docs/datasets.md): "labeled" and "detected", the images' names in order; "identities",
//!   how many each pair has; "test_sets", the published divisions: pair and number of each identity that one tests.
//!
//! Samples go by "labeled/P_III_V_SS.ppm" and their bytes are the image as binary PPM (image.h: encode_ppm()): hashes
//! depend on pixels, not on who compressed them. Identities count over the pairs in order, so a person's number is the
//! same in both kinds of boxes, whoever is left out: those with one image or none. Camera: 2 (P - 1) + V. Bit k of
//! test_sets: division k + 1 tests the identity; subset: "gallery" where the first one does, else "train".

#include <algorithm>
#include <array>
#include <map>
#include <numeric>
#include <set>
#include <utility>

#include "core/error.h"
#include "core/files/json.h"
#include "core/random/random.h"
#include "datasets/image/image.h"
#include "datasets/samples/listing.h"
#include "datasets/sources/reader.h"

namespace resolute::datasets::sources {
namespace {

constexpr const char* kList = "cuhk-03.json";
constexpr std::array<const char*, 2> kBoxes{"detected", "labeled"};
constexpr const char* kMatFile = "cuhk-03.mat";
constexpr int kPairs = 5;
constexpr int kSlots = 10;  // columns of an identity, half of them each camera's
constexpr std::int64_t kMostIdentities = 10'000;
constexpr std::size_t kMostTestSets = 64;  // bits of Sample::test_sets

// An image's place in MATLAB's file: all from 1.
struct Place {
  std::int64_t pair = 0;
  std::int64_t identity = 0;
  std::int64_t slot = 0;
  std::int64_t view() const { return slot <= kSlots / 2 ? 1 : 2; }
  std::string stem() const { return fmt::format("{}_{:03}_{}_{:02}", pair, identity, view(), slot); }
};

// The contents of cuhk-03.json.
struct Cuhk03List {
  std::string where;                                                         // what messages call it
  std::vector<std::int64_t> identities;                                      // of each pair
  std::map<std::pair<std::int64_t, std::int64_t>, std::uint64_t> divisions;  // bits by pair and identity
  std::vector<std::string> names;                                            // of one kind of boxes

  bool has(std::int64_t pair, std::int64_t identity) const {
    return pair >= 1 && pair <= kPairs && identity >= 1 &&
           identity <= identities.at(static_cast<std::size_t>(pair) - 1);
  }
  // Over all pairs, from 1.
  std::int64_t number(const Place& place) const {
    return std::accumulate(identities.begin(), identities.begin() + place.pair - 1, place.identity);
  }
  core::RuntimeError wrong(const std::string& why) const {
    return core::input_error(fmt::format("{}: no list of CUHK03's images", where), why);
  }
};

Cuhk03List parse_list(std::string_view text, const std::string& where, const std::string& boxes) {
  const core::Json json = core::parse_json(text, where);
  core::ObjectReader reader(json, where);
  Cuhk03List list{where, {}, {}, {}};
  if (const auto schema = reader.required<int>("schema"); schema != 1)
    throw list.wrong(fmt::format("it has schema {}, 1 is known", schema));
  list.identities = reader.required<std::vector<std::int64_t>>("identities");
  if (std::ssize(list.identities) != kPairs ||
      std::ranges::any_of(list.identities, [](auto count) { return count < 0 || count > kMostIdentities; }))
    throw list.wrong(fmt::format("each of {} pairs has 0 to {} identities", kPairs, kMostIdentities));
  const auto sets = reader.required<std::vector<std::vector<std::vector<std::int64_t>>>>("test_sets");
  if (sets.size() > kMostTestSets) throw list.wrong(fmt::format("{} test sets, over {}", sets.size(), kMostTestSets));
  for (std::size_t k = 0; k < sets.size(); ++k)
    for (const auto& tested : sets[k]) {
      if (tested.size() != 2 || !list.has(tested[0], tested[1]))
        throw list.wrong(fmt::format("test set {} has [{}], no pair and identity", k + 1, fmt::join(tested, ", ")));
      list.divisions[{tested[0], tested[1]}] |= std::uint64_t{1} << k;
    }
  for (const char* kind : kBoxes) {
    auto names = reader.required<std::vector<std::string>>(kind);
    if (kind == boxes) list.names = std::move(names);
  }
  reader.finish();
  return list;
}

Place place_of(const std::string& name, const Cuhk03List& list) {
  NameReader reader(name);
  std::array<std::int64_t, 4> numbers{};  // pair, identity, view, column
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    numbers.at(i) = reader.number();
    reader.literal(i + 1 < numbers.size() ? "_" : ".png");
  }
  const Place place{numbers[0], numbers[1], numbers[3]};
  if (!reader.finished() || !list.has(place.pair, place.identity) || place.slot < 1 || place.slot > kSlots ||
      place.stem() + ".png" != name)
    throw list.wrong(fmt::format("'{}' is no image of it", printable(name)));
  return place;
}

// Identities have two images or more: others cannot be matched.
std::vector<Sample> samples_of(const Cuhk03List& list, const std::string& boxes, Remarks& remarks) {
  std::vector<Sample> samples;
  std::map<std::int64_t, int> images;
  for (std::size_t i = 0; i < list.names.size(); ++i) {
    const Place place = place_of(list.names[i], list);
    if (i > 0 && list.names[i] <= list.names[i - 1])
      throw list.wrong(fmt::format("'{}' is out of order", list.names[i]));
    const auto found = list.divisions.find({place.pair, place.identity});
    const std::uint64_t test_sets = found == list.divisions.end() ? 0 : found->second;
    samples.push_back({fmt::format("{}/{}.ppm", boxes, place.stem()), list.number(place),
                       2 * (place.pair - 1) + place.view(), (test_sets & 1) != 0 ? "gallery" : "train", 1, test_sets});
    ++images[samples.back().identity];
  }
  remarks.leave_out("of people with a single image",
                    std::erase_if(samples, [&](const Sample& sample) { return images[sample.identity] < 2; }));
  const auto tested = std::ranges::count(samples, "gallery", &Sample::subset);
  if (tested == 0 || tested == std::ssize(samples))
    throw list.wrong(fmt::format("its first test set leaves no identity with two images for {}",
                                 tested == 0 ? "the test" : "training"));
  return samples;
}

// "images_labeled/1_001_1_01.png" of "labeled/1_001_1_01.ppm".
std::string file_of(std::string_view path) { return fmt::format("images_{}.png", stem_of(path)); }

core::RuntimeError no_list(core::FileSystem& files, const fs::path& root) {
  const fs::path mat = root.extension() == ".mat" ? root : root / kMatFile;
  if (files.exists(mat))
    return core::input_error(fmt::format("'{}' is not read itself", mat.string()),
                             fmt::format("its images are read as files, which '{}' beside it lists", kList),
                             fmt::format("run: script/cuhk03_images '{}'", mat.string()));
  return core::input_error(fmt::format("file '{}' is missing in '{}'", kList, root.string()),
                           fmt::format("script/cuhk03_images makes it of '{}'", kMatFile),
                           "name the folder that holds it");
}

template <std::size_t boxes>
std::vector<Sample> list_boxes(core::FileSystem& files, const fs::path& root, Remarks& remarks) {
  constexpr std::string_view kAgain = "run script/cuhk03_images again";
  if (!files.exists(root / kList)) throw no_list(files, root);
  const std::string text = core::read_text(files, root / kList);
  std::vector<Sample> samples;
  try {
    samples = samples_of(parse_list(text, fmt::format("'{}'", (root / kList).string()), kBoxes[boxes]), kBoxes[boxes],
                         remarks);
  } catch (const core::RuntimeError& error) {
    throw core::input_error(error.what(), {}, kAgain);
  }
  const std::vector<std::string> found = files.list(root / fmt::format("images_{}", kBoxes[boxes]));
  for (const Sample& sample : samples)
    if (!std::ranges::binary_search(found, fs::path(file_of(sample.path)).filename().string()))
      remarks.refuse(file_of(sample.path),
                     core::input_error(fmt::format("image '{}' is missing", (root / file_of(sample.path)).string()),
                                       fmt::format("'{}' lists it", kList), kAgain));
  return samples;
}

class Cuhk03Images final : public RawReader {
 public:
  Cuhk03Images(core::FileSystem& files, const fs::path& root) : folder_(files, root) {}
  std::string place(const std::string& path) const override { return folder_.place(file_of(path)); }
  core::Bytes read(const std::string& path) const override {
    return encode_ppm(decode_image(folder_.read(file_of(path)), place(path)));
  }
  ImageSize size(const std::string& path) const override { return folder_.size(file_of(path)); }

 private:
  RawFolder folder_;
};

// How many of `identities` each pair gets: one, and of the others a share as of the real 1,467.
std::array<int, kPairs> share_out(int identities) {
  constexpr std::array<int, kPairs> kReal{843, 440, 77, 58, 49};
  constexpr int kRealIdentities = 1467;
  std::array<int, kPairs> shares{};
  int left = identities;
  for (std::size_t pair = 0; pair < shares.size(); ++pair) {
    shares[pair] = 1 + (identities - kPairs) * kReal[pair] / kRealIdentities;
    left -= shares[pair];
  }
  shares[0] += left;
  return shares;
}

// A detector's box: what a person drew less up to an eighth at each side.
Image detected_box(const Image& image, core::RandomStream draw) {
  const auto margin = [&](int side) { return static_cast<int>(draw.below(static_cast<std::uint64_t>(side / 8) + 1)); };
  const int top = margin(image.height);
  const int left = margin(image.width);
  Image box = make_image(image.height - top - margin(image.height), image.width - left - margin(image.width));
  const auto row = static_cast<std::size_t>(box.width) * 3;
  for (int y = 0; y < box.height; ++y)
    std::copy_n(image.pixels.begin() + (std::ptrdiff_t{top + y} * image.width + left) * 3, row,
                box.pixels.begin() + static_cast<std::ptrdiff_t>(row) * y);
  return box;
}

// True where an irregular set lacks a box: of an identity's and camera's images the first one always stays.
bool missing(const StandInSettings& options, std::uint64_t identity, std::uint64_t slot, std::uint64_t kind) {
  constexpr double kShare = 0.15;
  if (!options.irregular || slot % (kSlots / 2) == 0) return false;
  return core::RandomStream("cuhk03-missing", {options.seed, identity, slot, kind}).uniform() < kShare;
}

// Divisions that test half of `usable` each, at most 100: pair and number of an identity in it, from 1.
std::vector<std::vector<std::array<std::int64_t, 2>>> draw_test_sets(
    const StandInSettings& options, const std::vector<std::array<std::int64_t, 2>>& usable) {
  constexpr std::size_t kMostTested = 100;
  std::vector<std::vector<std::array<std::int64_t, 2>>> sets(20);
  for (std::size_t set = 0; set < sets.size(); ++set) {
    auto order = core::RandomStream("cuhk03-testsets", {options.seed, set}).permutation(usable.size());
    order.resize(std::min(kMostTested, usable.size() / 2));
    for (const std::size_t place : order) sets[set].push_back(usable[place]);
  }
  return sets;
}

// A stand-in (source.h: write_stand_in()): people over the five pairs as unevenly as the real ones, detected boxes a
// little smaller than those drawn by hand. Irregular: some boxes missing, an identity seen by one camera alone and one
// with a single image.
void write_cuhk03(NewFolder& folder, const StandInSettings& options) {
  const auto shares = share_out(options.identities);
  std::array<std::set<std::string>, kBoxes.size()> names;
  const auto write = [&](std::size_t boxes, const Place& place, const Image& image) {
    folder.write(file_of(fmt::format("{}/{}.ppm", kBoxes.at(boxes), place.stem())), encode_png(image));
    names.at(boxes).insert(place.stem() + ".png");
  };
  std::vector<std::array<std::int64_t, 2>> usable;
  int person = 0;
  for (int pair = 0; pair < kPairs; ++pair) {
    const int share = shares.at(static_cast<std::size_t>(pair));
    for (int identity = 0; identity < share; ++identity, ++person) {
      // One of the first pair's people was seen by one camera alone, and another one has one image.
      const bool odd = options.irregular && pair == 0 && identity > 0;
      const bool one_camera = odd && identity == share - 2;
      const bool one_image = odd && identity == share - 1;
      for (int slot = 0; slot < kSlots; ++slot) {
        const int view = slot / (kSlots / 2);
        const int image = slot % (kSlots / 2);
        if (image >= options.images_per_camera || (one_camera && (view == 1 || image > 1)) || (one_image && slot > 0))
          continue;
        const auto key = static_cast<std::uint64_t>(person);
        const auto column = static_cast<std::uint64_t>(slot);
        const bool kept = one_camera || one_image;
        const Place place{pair + 1, identity + 1, slot + 1};
        const Image drawn = stand_in_image(options, person, 2 * pair + view, image);
        if (kept || !missing(options, key, column, 1))
          write(0, place, detected_box(drawn, core::RandomStream("cuhk03-detected", {options.seed, key, column})));
        if (kept || !missing(options, key, column, 0)) write(1, place, drawn);
      }
      if (!one_image) usable.push_back({pair + 1, identity + 1});
    }
  }
  core::Json list{{"schema", 1}, {"identities", shares}, {"test_sets", draw_test_sets(options, usable)}};
  for (std::size_t boxes = 0; boxes < kBoxes.size(); ++boxes) list[kBoxes.at(boxes)] = names.at(boxes);
  folder.write(kList, core::canonical_json(list) + "\n");
}

constexpr SourceReader reader_of(decltype(SourceReader::list) list) {
  return {.own_folder = "cuhk03_release",
          .landmark = kList,
          .list = list,
          .write_stand_in = write_cuhk03,
          .open = [](core::FileSystem& files, const fs::path& root) -> std::unique_ptr<RawReader> {
            return std::make_unique<Cuhk03Images>(files, root);
          }};
}

}  // namespace

const SourceReader kCuhk03DetectedReader = reader_of(list_boxes<0>);
const SourceReader kCuhk03Reader = reader_of(list_boxes<1>);

}  // namespace resolute::datasets::sources
