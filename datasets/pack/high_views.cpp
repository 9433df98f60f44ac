#include "datasets/pack/high_views.h"

#include <algorithm>
#include <map>

#include "core/error.h"
#include "core/log.h"
#include "datasets/image/low_resolution.h"
#include "datasets/pack/pack.h"
#include "datasets/sources/source.h"

namespace resolute::datasets {
namespace {

using settings::PackSettings;

std::string size_text(const ImageSize& size) { return fmt::format("{}x{}", size.height, size.width); }

std::string views_at(const HighViews& one) {
  const std::string sizes =
      one.least == one.most ? size_text(one.least) : size_text(one.least) + " to " + size_text(one.most);
  return fmt::format("{} ({}, {} of {} images{})", one.rate == 1 ? "as they came" : fmt::format("at rate {}", one.rate),
                     sizes, one.images, one.all, one.all == kMostSizesRead ? " looked at" : "");
}

// Those that are looked at, whoever tells of all.
std::vector<std::size_t> chosen_of(std::size_t all) {
  std::vector<std::size_t> chosen(std::min(all, kMostSizesRead));
  for (std::size_t i = 0; i < chosen.size(); ++i) chosen[i] = i * all / chosen.size();
  return chosen;
}

std::vector<NativeImage> sealed_images(core::FileSystem& files, const fs::path& pack_folder) {
  const std::vector<PackRow> rows = read_sealed_rows(files, pack_folder);
  std::vector<NativeImage> images;
  for (const std::size_t i : chosen_of(rows.size()))
    images.push_back({{rows[i].native_height, rows[i].native_width}, rows[i].sample.rate != 1});
  return images;
}

std::vector<NativeImage> raw_images(core::FileSystem& files, const PackSettings& pack, const fs::path& root) {
  const std::vector<Sample> samples = list_samples(files, pack.source, root, pack.single_images, /*follow_links=*/true);
  const auto raw = open_raw(files, pack.source, root);
  std::vector<NativeImage> images;
  for (const std::size_t i : chosen_of(samples.size()))
    images.push_back({raw->size(samples[i].path), samples[i].rate != 1});
  return images;
}

}  // namespace

std::vector<HighViews> high_views(const PackSettings& pack, std::span<const NativeImage> images) {
  const std::vector<double>& drawn = pack.degradation.rate;
  std::map<int, HighViews> by_rate;
  const auto add = [&](int rate, const ImageSize& view) {
    HighViews& one = by_rate.try_emplace(rate, HighViews{rate}).first->second;
    ++one.all;
    if (view.height < pack.height || view.width < pack.width) return;
    if (one.images++ == 0) one.least = one.most = view;
    one.least = {std::min(one.least.height, view.height), std::min(one.least.width, view.width)};
    one.most = {std::max(one.most.height, view.height), std::max(one.most.width, view.width)};
  };
  for (const NativeImage& image : images) {
    if (image.came_low) {
      add(1, image.size);
    } else if (pack.view_from == settings::ViewFrom::kNative) {
      for (const int rate : pack.rates)
        if (rate > 1) add(rate, shrunk_size(image.size, drawn.empty() ? rate : drawn.front()));
    }
  }
  std::vector<HighViews> found;
  for (const auto& [rate, one] : by_rate)
    if (one.images > 0) found.push_back(one);
  return found;
}

std::string high_views_text(const PackSettings& pack, std::span<const HighViews> views) {
  if (views.empty()) return {};
  std::vector<std::string> parts;
  for (const HighViews& one : views) parts.push_back(views_at(one));
  return fmt::format("LR views {} are no smaller than the network's images ({})", fmt::join(parts, ", "),
                     size_text({pack.height, pack.width}));
}

std::string high_views_warning(const PackSettings& pack, std::span<const NativeImage> images) {
  const std::string text = high_views_text(pack, high_views(pack, images));
  if (text.empty()) return {};
  return fmt::format("data set '{}': {}: nothing is low there; set view_from = \"network\", or raise height and width",
                     pack.name, text);
}

std::optional<std::vector<NativeImage>> native_images(core::FileSystem& files, const PackSettings& pack,
                                                      const fs::path& pack_folder, const fs::path& root) {
  try {
    if (files.exists(pack_folder / "pack.json")) return sealed_images(files, pack_folder);
    if (!root.empty() && files.exists(root)) return raw_images(files, pack, root);
  } catch (const core::RuntimeError& error) {
    core::log_debug("sizes of the images of '{}' are not known: {}", pack.name, error.what());
    return std::nullopt;
  }
  if (!pack.synthetic || settings::is_stand_in(pack) || pack.synthetic->subject != settings::Subject::kPerson)
    return std::nullopt;
  const ImageSize size{pack.synthetic->height, pack.synthetic->width};
  return std::vector<NativeImage>(chosen_of(list_synthetic(*pack.synthetic).size()).size(), NativeImage{size});
}

}  // namespace resolute::datasets
