#include <algorithm>

#include "core/error.h"
#include "core/random.h"
#include "datasets/hdf5/mat_writer.h"
#include "datasets/sources/cuhk03.h"

namespace resolute::datasets::sources {
namespace {

using hdf5::MatWriter;
using Cell = MatWriter::Cell;

std::vector<Cell> add_boxes(MatWriter& writer, const Cuhk03Contents::Boxes& boxes) {
  std::vector<Cell> pairs;
  for (const auto& identities : boxes) {
    std::vector<Cell> cells;
    for (std::size_t slot = 0; slot < kCuhk03Slots; ++slot)
      for (const auto& identity : identities)
        cells.push_back(identity[slot] ? writer.add_image(*identity[slot]) : writer.empty_cell());
    pairs.push_back(writer.add_cells(kCuhk03Slots, identities.size(), cells));
  }
  return pairs;
}

// How many of `identities` each pair gets: one, and of the others a share as of the real 1,467.
std::array<int, kCuhk03Pairs> share_out(int identities) {
  constexpr std::array<int, kCuhk03Pairs> kReal{843, 440, 77, 58, 49};
  constexpr int kRealIdentities = 1467;
  std::array<int, kCuhk03Pairs> shares{};
  int left = identities;
  for (std::size_t pair = 0; pair < shares.size(); ++pair) {
    shares[pair] = 1 + (identities - kCuhk03Pairs) * kReal[pair] / kRealIdentities;
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

// Whether an irregular set lacks a box: of an identity's and camera's images the first one always stays.
bool missing(const StandInSettings& options, std::uint64_t identity, std::uint64_t slot, std::uint64_t kind) {
  constexpr double kShare = 0.15;
  if (!options.irregular || slot % (kCuhk03Slots / 2) == 0) return false;
  return core::RandomStream("cuhk03-missing", {options.seed, identity, slot, kind}).uniform() < kShare;
}

void draw_test_sets(const StandInSettings& options, const std::vector<Cuhk03Contents::Tested>& usable,
                    Cuhk03Contents& contents) {
  constexpr std::uint64_t kSets = 20;
  constexpr std::size_t kMostTested = 100;
  for (std::uint64_t set = 0; set < kSets; ++set) {
    auto order = core::RandomStream("cuhk03-testsets", {options.seed, set}).permutation(usable.size());
    order.resize(std::min(kMostTested, usable.size() / 2));
    std::vector<Cuhk03Contents::Tested> tested;
    for (const std::size_t which : order) tested.push_back(usable[which]);
    contents.test_sets.push_back(std::move(tested));
  }
}

}  // namespace

core::Bytes encode_cuhk03(const Cuhk03Contents& contents) {
  MatWriter writer;
  const auto labeled = add_boxes(writer, contents.labeled);
  const auto detected = add_boxes(writer, contents.detected);
  std::vector<Cell> test_sets;
  for (const auto& set : contents.test_sets) {
    std::vector<double> values;
    for (const auto& tested : set) values.push_back(tested.pair);
    for (const auto& tested : set) values.push_back(tested.identity);
    test_sets.push_back(writer.add_matrix(2, set.size(), values));
  }
  writer.add_variable("detected", detected);
  writer.add_variable("labeled", labeled);
  writer.add_variable("testsets", test_sets);
  return writer.finish();
}

void write_cuhk03(NewFolder& folder, const StandInSettings& options) {
  require_setting(options, "cameras", options.cameras, 2, 2);
  require_setting(options, "images per camera", options.images_per_camera, 2, kCuhk03Slots / 2);
  require_setting(options, "identities", options.identities, kCuhk03Pairs, 9999);
  const auto shares = share_out(options.identities);
  Cuhk03Contents contents;
  std::vector<Cuhk03Contents::Tested> usable;
  int who = 0;
  for (std::size_t pair = 0; pair < shares.size(); ++pair)
    for (int identity = 0; identity < shares[pair]; ++identity, ++who) {
      // Of the first pair's people one was seen by one camera alone, and of another one there is one image.
      const bool odd = options.irregular && pair == 0 && identity > 0;
      const bool one_camera = odd && identity == shares[pair] - 2;
      const bool one_image = odd && identity == shares[pair] - 1;
      Cuhk03Contents::Identity labeled(kCuhk03Slots);
      Cuhk03Contents::Identity detected(kCuhk03Slots);
      for (int slot = 0; slot < kCuhk03Slots; ++slot) {
        const int view = slot < kCuhk03Slots / 2 ? 0 : 1;
        const int image = slot % (kCuhk03Slots / 2);
        if (image >= options.images_per_camera || (one_camera && (view == 1 || image > 1)) || (one_image && slot > 0))
          continue;
        const auto key = static_cast<std::uint64_t>(who);
        const auto place = static_cast<std::uint64_t>(slot);
        const bool kept = one_camera || one_image;
        Image drawn = stand_in_image(options, who, static_cast<int>(2 * pair) + view, image);
        if (kept || !missing(options, key, place, 1))
          detected[static_cast<std::size_t>(slot)] =
              detected_box(drawn, core::RandomStream("cuhk03-detected", {options.seed, key, place}));
        if (kept || !missing(options, key, place, 0)) labeled[static_cast<std::size_t>(slot)] = std::move(drawn);
      }
      if (!one_image) usable.push_back({static_cast<int>(pair) + 1, identity + 1});
      contents.labeled[pair].push_back(std::move(labeled));
      contents.detected[pair].push_back(std::move(detected));
    }
  draw_test_sets(options, usable, contents);
  folder.write(std::string(kCuhk03File), encode_cuhk03(contents));
}

}  // namespace resolute::datasets::sources
