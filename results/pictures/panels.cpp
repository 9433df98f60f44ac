#include "results/pictures/panels.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <set>
#include <tuple>

#include "core/error.h"
#include "core/random/random.h"
#include "datasets/image/contact_sheet.h"
#include "datasets/image/image.h"
#include "datasets/image/resample.h"
#include "datasets/samples/name_key.h"
#include "experiments/specification/outputs.h"

namespace resolute::results {
namespace {

using datasets::Image;

using Colour = std::array<std::uint8_t, 3>;
constexpr Colour kRight{0, 150, 60}, kWrong{215, 30, 40}, kWhite{255, 255, 255};

// In proportion to the images, so that a frame is seen at any network size.
int frame_of(const Image& image) { return std::max(2, image.height / 64); }

// Side by side; below one another what does not fit into a picture of the largest size.
Image strip(const std::vector<Image>& images) {
  const int gap = 2 * frame_of(images.front());
  const int fitting = (datasets::kMaxImageSide - gap) / (images.front().width + gap);
  return datasets::contact_sheet(images, std::min(static_cast<int>(images.size()), fitting), gap, kWhite[0]);
}

Image with_frame(const Image& image, const Colour& colour) { return datasets::framed(image, frame_of(image), colour); }

// Gallery images that fit beside a query into a picture of the largest size.
std::size_t images_shown(const datasets::PackReader& pack) {
  const Image cell = with_frame(datasets::make_image(pack.options().height, pack.options().width), kWhite);
  const auto wide = static_cast<std::size_t>(cell.width + 2 * frame_of(cell));
  return std::clamp<std::size_t>(datasets::kMaxImageSide / wide - 2, 1, kPanelImages);
}

Image turned_clockwise(const Image& image) {
  Image turned = datasets::make_image(image.width, image.height);
  const auto height = static_cast<std::size_t>(image.height), width = static_cast<std::size_t>(image.width);
  for (std::size_t y = 0; y < height; ++y)
    for (std::size_t x = 0; x < width; ++x)
      std::copy_n(&image.pixels[3 * (y * width + x)], 3, &turned.pixels[3 * (x * height + height - 1 - y)]);
  return turned;
}

// The image as a strip shows it: one whose native width is greater than its height turned by 90° clockwise, at the
// cell's size. Networks see all images upright and squeezed; people would not know a bus again.
Image upright(const datasets::PackReader& pack, std::size_t row, const Image& image) {
  const datasets::PackRow& native = pack.row(row);
  if (native.native_width <= native.native_height) return image;
  return datasets::resize(turned_clockwise(image), image.height, image.width, datasets::Kernel::kTriangle);
}

Image cell(const datasets::PackReader& pack, std::size_t row, const Image& image, const Colour& frame) {
  return with_frame(upright(pack, row, image), frame);
}

struct Reconstruction {
  Image picture;
  PanelReconstruction quality;
};

// Nothing where the method has no decoder, or the query came in low resolution and has no original.
std::optional<Reconstruction> reconstruct(const datasets::PackReader& pack, const datasets::Split& split,
                                          std::size_t index, const Recover& recover) {
  const datasets::QueryItem& query = split.query.at(index);
  if (query.came_low) return std::nullopt;
  const Image input = picture_of_view(pack, query.row, query.rate);
  const std::vector<RecoveredPictures> decoded = recover(index, input);
  if (decoded.empty()) return std::nullopt;
  const Image original = picture_of_view(pack, query.row, 1);
  const auto shown = [&](const Image& image) { return cell(pack, query.row, image, kWhite); };
  std::vector<Image> cells{shown(input)};
  Reconstruction made{{}, {quality_of(input, original), {}}};
  for (const RecoveredPictures& scale : decoded) {
    const Image& picture = scale.pictures.front();
    cells.push_back(shown(picture));
    made.quality.recovered.push_back({scale.scale, quality_of(picture, original)});
  }
  cells.push_back(shown(original));
  made.picture = strip(cells);
  return made;
}

Image gallery_picture(const datasets::PackReader& pack, const datasets::QueryItem& query,
                      const std::vector<const datasets::GalleryItem*>& shown) {
  std::vector<Image> images{cell(pack, query.row, picture_of_view(pack, query.row, query.rate), kWhite)};
  for (const datasets::GalleryItem* item : shown)
    images.push_back(
        cell(pack, item->row, picture_of_view(pack, item->row, 1), item->identity == query.identity ? kRight : kWrong));
  return strip(images);
}

void add_picture(OutputFiles& files, const std::string& name, const Image& picture) {
  files[name] = datasets::encode_png(picture);
}

}  // namespace

std::vector<std::size_t> choose_panel_queries(const datasets::Split& split, std::size_t count) {
  core::RandomStream stream("panel-queries", {split.options.seed, datasets::name_key(split.pack)});
  std::vector<std::size_t> chosen, others;
  std::set<std::int64_t> identities;
  for (std::size_t query : stream.permutation(split.query.size()))
    (identities.insert(split.query[query].identity).second ? chosen : others).push_back(query);
  chosen.insert(chosen.end(), others.begin(), others.end());
  chosen.resize(std::min(count, chosen.size()));
  std::ranges::sort(chosen);
  return chosen;
}

std::vector<std::size_t> rank_gallery(const PairDistance& distance, const datasets::Split& split, std::size_t query,
                                      const GalleryDraw& gallery) {
  const datasets::QueryItem& asked = split.query[query];
  std::vector<std::tuple<double, bool, std::string_view, std::size_t>> order;
  for (std::size_t image : gallery) {
    const datasets::GalleryItem& item = split.gallery[image];
    const bool right = item.identity == asked.identity;
    if (right && split.options.lr_camera != 0 && item.camera == asked.camera) continue;
    order.emplace_back(distance(query, image), right, item.path, image);
  }
  std::ranges::sort(order);
  std::vector<std::size_t> ranked;
  for (const auto& place : order) ranked.push_back(std::get<3>(place));
  return ranked;
}

GalleryDraw gallery_of(const datasets::Split& split, const experiments::EvaluationProtocol& protocol, int draw) {
  if (protocol.name == settings::ProtocolName::kWholeGallery) {
    GalleryDraw all(split.gallery.size());
    std::iota(all.begin(), all.end(), std::size_t{0});
    return all;
  }
  const int shots = protocol.name == settings::ProtocolName::kMultiShot ? protocol.shots : 1;
  return datasets::draw_gallery(split, split.options.seed, draw, shots);
}

std::optional<OutputFiles> draw_panels(const datasets::PackReader& pack, const datasets::Split& split,
                                       const std::vector<std::size_t>& queries,
                                       const experiments::EvaluationProtocol& protocol, const PairDistance& distance,
                                       const Recover& recover, const std::function<bool()>& go_on) {
  const GalleryDraw gallery = gallery_of(split, protocol, 0);
  Panels panels{split.pack, split.options.seed, gallery.size(), {}, protocol.name};
  OutputFiles files;
  const std::size_t most = images_shown(pack);
  for (std::size_t index : queries) {
    if (!go_on()) return std::nullopt;
    const datasets::QueryItem& query = split.query.at(index);
    PanelQuery panel{query.path, query.identity, query.camera, query.rate, 0, {}, std::nullopt};
    std::vector<const datasets::GalleryItem*> shown;
    const std::vector<std::size_t> ranked = rank_gallery(distance, split, index, gallery);
    for (std::size_t place = 0; place < ranked.size(); ++place) {
      const datasets::GalleryItem& item = split.gallery[ranked[place]];
      const bool right = item.identity == query.identity;
      if (right && panel.rank == 0) panel.rank = place + 1;
      if (place >= most) continue;
      panel.ranked.push_back({item.path, item.identity, item.camera, right});
      shown.push_back(&item);
    }
    const std::size_t number = panels.queries.size();
    add_picture(files, gallery_panel_file(number), gallery_picture(pack, query, shown));
    if (const std::optional<Reconstruction> made = reconstruct(pack, split, index, recover)) {
      add_picture(files, reconstruction_panel_file(number), made->picture);
      panel.reconstruction = made->quality;
    }
    panels.queries.push_back(std::move(panel));
  }
  files[experiments::kPanelsOutput.file] = bytes_of(panels_text(panels));
  return files;
}

}  // namespace resolute::results
