#include "datasets/sources/cuhk03.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <mutex>

#include "core/error.h"
#include "datasets/sources/listing.h"

namespace resolute::datasets::sources {
namespace {

namespace fs = std::filesystem;
using hdf5::CellSize;
using hdf5::CellTable;
using hdf5::MatFile;

constexpr std::string_view kBoxes[] = {"labeled", "detected"};
constexpr const char* kTestSets = "testsets";
constexpr std::uint32_t kSlots = kCuhk03Slots;

core::RuntimeError not_cuhk03(const MatFile& file, const std::string& why) {
  return core::input_error(fmt::format("'{}' is not laid out as CUHK03's file", file.path().string()), why,
                           "fetch it again");
}

// Where an image lies: all from 0.
struct Place {
  std::uint32_t pair = 0;
  std::uint32_t identity = 0;
  std::uint32_t slot = 0;
};

std::string path_of(std::string_view boxes, const Place& place) {
  return fmt::format("{}/{}_{:03}_{}_{:02}.ppm", boxes, place.pair + 1, place.identity + 1,
                     place.slot < kSlots / 2 ? 1 : 2, place.slot + 1);
}

// Of one kind of boxes: how many identities each pair has, and where in its cells they are.
class Layout {
 public:
  Layout(const MatFile& file, std::string_view boxes) : tables_(file.tables(std::string(boxes))) {
    if (tables_.size() != kCuhk03Pairs)
      throw not_cuhk03(file, fmt::format("'{}' has {} cells, one for each of {} camera pairs is needed", boxes,
                                         tables_.size(), kCuhk03Pairs));
    for (std::size_t pair = 0; pair < tables_.size(); ++pair)
      if (tables_[pair].rows != kSlots && tables_[pair].columns != kSlots)
        throw not_cuhk03(file, fmt::format("cell {} of '{}' is {} x {}, {} images for each identity are needed",
                                           pair + 1, boxes, tables_[pair].rows, tables_[pair].columns, kSlots));
  }
  std::uint32_t pairs() const { return static_cast<std::uint32_t>(tables_.size()); }
  std::uint32_t cells(std::uint32_t pair) const { return tables_[pair].cells(); }
  std::uint32_t identities(std::uint32_t pair) const { return cells(pair) / kSlots; }
  bool has(const Place& place) const {
    return place.pair < pairs() && place.identity < identities(place.pair) && place.slot < kSlots;
  }
  std::uint32_t cell(const Place& place) const {
    return by_slot(place.pair) ? place.slot * identities(place.pair) + place.identity
                               : place.identity * kSlots + place.slot;
  }
  Place place(std::uint32_t pair, std::uint32_t cell) const {
    if (by_slot(pair)) return {pair, cell % identities(pair), cell / identities(pair)};
    return {pair, cell / kSlots, cell % kSlots};
  }

 private:
  // As MATLAB writes it: a column of M identities for each slot.
  bool by_slot(std::uint32_t pair) const { return tables_[pair].rows == kSlots; }

  std::vector<CellTable> tables_;
};

// Bit masks of the published divisions that test an identity: [pair][identity].
std::vector<std::vector<std::uint64_t>> read_test_sets(const MatFile& file, const Layout& layout) {
  std::vector<std::vector<std::uint64_t>> masks;
  for (std::uint32_t pair = 0; pair < layout.pairs(); ++pair) masks.emplace_back(layout.identities(pair), 0);
  const auto sets = file.matrices(kTestSets);
  if (sets.size() > kCuhk03MaxTestSets)
    throw not_cuhk03(file, fmt::format("'{}' has {} cells, over {}", kTestSets, sets.size(), kCuhk03MaxTestSets));
  for (std::size_t k = 0; k < sets.size(); ++k) {
    const hdf5::CellMatrix& set = sets[k];
    const bool as_matlab = set.rows == 2;
    const std::size_t count = as_matlab ? set.columns : set.rows;
    if (!(as_matlab || set.columns == 2) || count == 0)
      throw not_cuhk03(file, fmt::format("cell {} of '{}' is {} x {}, a pair and a number for each identity are needed",
                                         k + 1, kTestSets, set.rows, set.columns));
    for (std::size_t i = 0; i < count; ++i) {
      const double pair = as_matlab ? set.values[i] : set.values[2 * i];
      const double identity = as_matlab ? set.values[count + i] : set.values[2 * i + 1];
      // False for a NaN as well.
      const bool known = pair >= 1 && pair <= layout.pairs() && pair == std::floor(pair) && identity >= 1 &&
                         identity == std::floor(identity) &&
                         identity <= layout.identities(static_cast<std::uint32_t>(pair) - 1);
      if (!known)
        throw not_cuhk03(file, fmt::format("cell {} of '{}' names identity {} of pair {}, which is not there", k + 1,
                                           kTestSets, identity, pair));
      masks[static_cast<std::size_t>(pair) - 1][static_cast<std::size_t>(identity) - 1] |= std::uint64_t{1} << k;
    }
  }
  return masks;
}

// Which cells of a pair hold an image: [identity][slot].
std::vector<std::array<bool, kSlots>> read_presence(const MatFile& file, std::string_view boxes, const Layout& layout,
                                                    std::uint32_t pair) {
  std::vector<std::array<bool, kSlots>> present(layout.identities(pair));
  // Piece by piece: each has its limit of time, and a cold disk gives hundreds of objects a second.
  constexpr std::uint32_t kAtOnce = 1000;
  for (std::uint32_t first = 0; first < layout.cells(pair); first += kAtOnce) {
    const std::uint32_t count = std::min(kAtOnce, layout.cells(pair) - first);
    const auto sizes = file.sizes(std::string(boxes), pair, first, count);
    for (std::uint32_t i = 0; i < count; ++i) {
      const Place place = layout.place(pair, first + i);
      present[place.identity][place.slot] = sizes[i] != CellSize{};
    }
  }
  return present;
}

MatFile open_file(core::FileSystem& files, const fs::path& root) {
  const fs::path path = root / kCuhk03File;
  if (!files.exists(path))
    throw core::input_error(fmt::format("file '{}' is missing in '{}'", kCuhk03File, root.string()),
                            "CUHK03's images are in it", "name the folder that holds it");
  return {path, std::make_shared<hdf5::MatHelpers>()};
}

template <std::size_t boxes>
std::vector<Sample> list_boxes(core::FileSystem& files, const fs::path& root) {
  return list_cuhk03(open_file(files, root), kBoxes[boxes]);
}

class Cuhk03Images final : public RawReader {
 public:
  explicit Cuhk03Images(MatFile file) : file_(std::move(file)) {}
  std::string place(const std::string& path) const override {
    return fmt::format("{}:{}", file_.path().string(), path);
  }
  core::Bytes read(const std::string& path) const override;

 private:
  const Layout& layout(std::string_view boxes) const;

  MatFile file_;
  mutable std::mutex lock_;
  mutable std::map<std::string, Layout, std::less<>> layouts_;
};

const Layout& Cuhk03Images::layout(std::string_view boxes) const {
  const std::lock_guard guard(lock_);
  auto found = layouts_.find(boxes);
  if (found == layouts_.end()) found = layouts_.emplace(boxes, Layout(file_, boxes)).first;
  return found->second;
}

core::Bytes Cuhk03Images::read(const std::string& path) const {
  const auto no_such_image = [&] {
    return core::input_error(fmt::format("'{}' has no image '{}'", file_.path().string(), printable(path)),
                             "it is no path of this file's", "list the data set again");
  };
  const std::string_view boxes = std::string_view(path).substr(0, path.find('/'));
  if (std::ranges::find(kBoxes, boxes) == std::end(kBoxes)) throw no_such_image();
  NameReader name(std::string_view(path).substr(boxes.size()));
  name.literal("/");
  std::array<std::int64_t, 4> numbers{};  // pair, identity, view, slot
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    numbers[i] = name.number();
    name.literal(i + 1 < numbers.size() ? "_" : ".ppm");
  }
  const Place place{static_cast<std::uint32_t>(numbers[0] - 1), static_cast<std::uint32_t>(numbers[1] - 1),
                    static_cast<std::uint32_t>(numbers[3] - 1)};
  if (!name.finished() || path_of(boxes, place) != path || !layout(boxes).has(place)) throw no_such_image();
  const hdf5::CellImage image = file_.image(std::string(boxes), place.pair, layout(boxes).cell(place));
  const std::string header = fmt::format("P6\n{} {}\n255\n", image.size.width, image.size.height);
  core::Bytes bytes(header.size() + image.planes.size());
  std::byte* to = std::ranges::copy(core::as_byte_span(header), bytes.data()).out;
  const std::size_t height = image.size.height;
  const std::size_t plane = image.size.width * height;
  for (std::size_t y = 0; y < height; ++y)
    for (std::size_t at = y; at < plane; at += height)
      for (std::size_t channel = 0; channel < 3; ++channel) *to++ = image.planes[channel * plane + at];
  return bytes;
}

std::unique_ptr<RawReader> open_boxes(core::FileSystem& files, const fs::path& root) {
  return open_cuhk03(open_file(files, root));
}

constexpr SourceReader reader_of(decltype(SourceReader::list) list) {
  return {.own_folder = "cuhk03_release",
          .landmark = kCuhk03File,
          .list = list,
          .write_stand_in = write_cuhk03,
          .open = open_boxes};
}

}  // namespace

const SourceReader kCuhk03Reader = reader_of(list_boxes<0>);
const SourceReader kCuhk03DetectedReader = reader_of(list_boxes<1>);

std::unique_ptr<RawReader> open_cuhk03(MatFile file) { return std::make_unique<Cuhk03Images>(std::move(file)); }

std::vector<Sample> list_cuhk03(const MatFile& file, std::string_view boxes) {
  const Layout layout(file, boxes);
  const auto test_sets = read_test_sets(file, layout);
  std::vector<Sample> samples;
  std::int64_t identities_before = 0;
  std::size_t tested = 0;
  for (std::uint32_t pair = 0; pair < layout.pairs(); ++pair) {
    const auto present = read_presence(file, boxes, layout, pair);
    for (std::uint32_t identity = 0; identity < layout.identities(pair); ++identity) {
      if (std::ranges::count(present[identity], true) < 2) continue;
      const std::uint64_t mask = test_sets[pair][identity];
      for (std::uint32_t slot = 0; slot < kSlots; ++slot) {
        if (!present[identity][slot]) continue;
        samples.push_back({path_of(boxes, {pair, identity, slot}), identities_before + identity + 1,
                           std::int64_t{2} * pair + (slot < kSlots / 2 ? 1 : 2), (mask & 1) != 0 ? "gallery" : "train",
                           1, mask});
        tested += mask & 1;
      }
    }
    identities_before += layout.identities(pair);
  }
  if (tested == 0 || tested == samples.size())
    throw not_cuhk03(file, fmt::format("the first of '{}' leaves no identity with two images for {}", kTestSets,
                                       tested == 0 ? "the test" : "training"));
  return samples;
}

}  // namespace resolute::datasets::sources
