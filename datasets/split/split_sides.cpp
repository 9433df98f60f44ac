#include "datasets/split/split_sides.h"

#include <algorithm>

#include "core/random/random.h"

namespace resolute::datasets {
namespace {

std::int64_t draw_of(const std::set<std::int64_t>& cameras, core::RandomStream stream) {
  return *std::next(cameras.begin(), static_cast<std::ptrdiff_t>(stream.below(cameras.size())));
}

// Distractors aside: nobody is searched for in a camera that took them alone.
std::set<std::int64_t> cameras_of_identities(std::span<const PackRow> rows) {
  std::set<std::int64_t> cameras;
  for (const PackRow& row : rows)
    if (row.sample.identity != 0) cameras.insert(row.sample.camera);
  return cameras;
}

std::map<std::int64_t, std::set<std::int64_t>> cameras_by_identity(std::span<const PackRow> rows) {
  std::map<std::int64_t, std::set<std::int64_t>> cameras;
  for (const PackRow& row : rows)
    if (row.sample.identity != 0) cameras[row.sample.identity].insert(row.sample.camera);
  return cameras;
}

std::set<std::int64_t> cameras_of_people_seen_by_two(std::span<const PackRow> rows) {
  std::set<std::int64_t> cameras;
  for (const auto& [identity, seen_by] : cameras_by_identity(rows))
    if (seen_by.size() > 1) cameras.insert(seen_by.begin(), seen_by.end());
  return cameras;
}

}  // namespace

std::string advice_of_one_camera(const SplitSettings& options) {
  return fmt::format("all its images are of one camera: set lr_camera to 0{}",
                     !options.lr_cameras.empty()                    ? " and leave lr_cameras out"
                     : options.lr_side != settings::LrSide::kCamera ? " and leave lr_side out"
                                                                    : "");
}

bool any_camera(const SplitSettings& options) { return options.lr_side == LrSide::kCamera && options.lr_camera == 0; }

SplitSides::SplitSides(std::span<const PackRow> rows, std::string_view pack, const SplitSettings& options) {
  came_low_ = std::ranges::any_of(rows, [](const PackRow& row) { return row.sample.rate != 1; });
  if (came_low_) {
    list_cameras_that_came_low(rows, pack, options);
    return;
  }
  switch (options.lr_side) {
    case LrSide::kCamera:
      if (any_camera(options))
        description_ = "images of any camera";
      else
        use_camera(rows, pack, options);
      break;
    case LrSide::kDrawn:
      draw_camera(cameras_of_identities(rows), options);
      break;
    case LrSide::kPair:
      draw_of_pairs(rows, pack, options);
      break;
    case LrSide::kIdentity:
      draw_by_identity(rows, options);
      break;
    case LrSide::kQuery:
      use_camera(rows, pack, options);
      take_queries(rows);
  }
}

void SplitSides::list_cameras_that_came_low(std::span<const PackRow> rows, std::string_view pack,
                                            const SplitSettings& options) {
  const auto problem = [&](std::string_view setting) {
    return fmt::format("{} on pack '{}', where images came in low resolution", setting, pack);
  };
  const SplitSettings defaults;
  if (!options.lr_cameras.empty())
    throw core::input_error(problem(fmt::format("lr_cameras {}", settings::text_of(options.lr_cameras))),
                            "those images are the LR side, so it has no effect", "leave it out");
  if (options.lr_camera != defaults.lr_camera || options.lr_side != defaults.lr_side)
    throw core::input_error(
        problem(fmt::format("lr_camera {} and lr_side '{}'", options.lr_camera, settings::word(options.lr_side))),
        "those images are the LR side, so neither has an effect",
        fmt::format("leave them at their defaults, {} and '{}'", defaults.lr_camera, settings::word(defaults.lr_side)));
  if (options.train_pool == TrainPool::kHrBothViews || options.train_pool == TrainPool::kMlrWithOriginals)
    throw core::input_error(problem(fmt::format("train_pool '{}'", settings::word(options.train_pool))),
                            "their HR images do not exist", "use mlr or hr-view-only");
  description_ = "the images that came so";
  for (const PackRow& row : rows)
    if (row.sample.identity != 0 && row.sample.rate != 1)
      low_in_cameras_.insert({row.sample.identity, row.sample.camera});
}

void SplitSides::draw_camera(const std::set<std::int64_t>& cameras, const SplitSettings& options) {
  if (!cameras.empty()) cameras_ = {draw_of(cameras, core::RandomStream("split-lr-camera", {options.seed}))};
  description_ = fmt::format("camera {} (drawn)", fmt::join(cameras_, ", "));
}

void SplitSides::use_camera(std::span<const PackRow> rows, std::string_view pack, const SplitSettings& options) {
  std::set<std::int64_t> cameras;
  for (const PackRow& row : rows) cameras.insert(row.sample.camera);
  const bool several = !options.lr_cameras.empty();
  for (const int camera : options.low_cameras()) {
    if (!cameras.contains(camera))
      throw core::input_error(fmt::format("pack '{}' has no camera {} to make low-resolution", pack, camera),
                              fmt::format("its cameras are {}", fmt::join(cameras, ", ")),
                              cameras.size() == 1 ? advice_of_one_camera(options)
                              : several           ? "set lr_cameras to some of them"
                                                  : "set lr_camera to one of them");
    cameras_.insert(camera);
  }
  description_ = fmt::format("camera{} {}", several ? "s" : "", fmt::join(cameras_, ", "));
}

void SplitSides::take_queries(std::span<const PackRow> rows) {
  by_query_ = true;
  description_ = "the source's queries";
  for (const PackRow& row : rows)
    if (row.sample.subset == "gallery") gallery_cameras_[row.sample.identity].insert(row.sample.camera);
}

void SplitSides::draw_of_pairs(std::span<const PackRow> rows, std::string_view pack, const SplitSettings& options) {
  const std::set<std::int64_t> cameras = cameras_of_identities(rows);
  const std::set<std::int64_t> shared = cameras_of_people_seen_by_two(rows);
  for (const std::int64_t camera : cameras) {
    const std::int64_t other = camera % 2 == 1 ? camera + 1 : camera - 1;
    // A camera without its other is harmless where its people were seen by nobody else: they ask for nobody.
    if (!cameras.contains(other) && shared.contains(camera))
      throw core::input_error(fmt::format("pack '{}' has camera {} and no camera {}", pack, camera, other),
                              "lr_side 'pair' draws one of cameras 1 and 2, one of 3 and 4, and so on",
                              "use another lr_side");
    const auto pair = static_cast<std::uint64_t>((camera + 1) / 2);
    cameras_.insert(draw_of({camera, other}, core::RandomStream("split-lr-pair", {options.seed, pair})));
  }
  description_ = fmt::format("one camera of each pair ({})", fmt::join(cameras_, ", "));
}

void SplitSides::draw_by_identity(std::span<const PackRow> rows, const SplitSettings& options) {
  for (const auto& [identity, seen_by] : cameras_by_identity(rows))
    camera_of_[identity] =
        draw_of(seen_by, core::RandomStream("split-lr-identity", {options.seed, static_cast<std::uint64_t>(identity)}));
  description_ = "one camera of each identity";
}

bool SplitSides::is_low(const Sample& sample) const {
  if (came_low_) return sample.rate != 1;
  if (by_query_ && sample.subset != "train") return sample.subset == "query";
  if (const auto low = camera_of_.find(sample.identity); low != camera_of_.end()) return low->second == sample.camera;
  return cameras_.contains(sample.camera);
}

bool SplitSides::answers(const Sample& sample) const {
  return !is_low(sample) && !low_in_cameras_.contains({sample.identity, sample.camera});
}

bool SplitSides::is_answered(const Sample& query) const {
  if (!by_query_) return true;
  const auto shown = gallery_cameras_.find(query.identity);
  return shown != gallery_cameras_.end() && (shown->second.size() > 1 || !shown->second.contains(query.camera));
}

int rate_of_low(const PackRow& row, const SplitSettings& options, const PackShape& shape) {
  const int known = row.sample.rate;
  if (known > 1 && (shape.rates.empty() || std::ranges::find(shape.rates, known) != shape.rates.end())) return known;
  std::vector<int> rates = options.query_rates;
  std::ranges::sort(rates);
  // With s² = H·W / (h·w), the next rate b is nearer than a where s > sqrt(a·b): in integers, so that no machine's
  // logarithm decides.
  const std::int64_t network = std::int64_t{shape.height} * shape.width;
  const std::int64_t native = std::int64_t{row.native_height} * row.native_width;
  std::size_t nearest = 0;
  while (nearest + 1 < rates.size() && network > native * rates[nearest] * rates[nearest + 1]) ++nearest;
  return rates[nearest];
}

}  // namespace resolute::datasets
