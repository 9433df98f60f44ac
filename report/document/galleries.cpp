#include "report/document/galleries.h"

#include <map>
#include <utility>

#include "report/page/html.h"

namespace resolute::report {
namespace {

using core::Json;

Json quality_json(const results::PictureQuality& quality) {
  return {{"psnr", quality.psnr}, {"ssim", quality.ssim}, {"error", quality.error}};
}

Json reconstruction_json(const results::PanelReconstruction& made, const core::Bytes& png) {
  Json recovered = Json::array();
  for (const results::RecoveredPicture& one : made.recovered) {
    recovered.push_back(quality_json(one.quality));
    recovered.back()["scale"] = one.scale;
  }
  return {{"picture", png_address(png)}, {"input", quality_json(made.input)}, {"recovered", std::move(recovered)}};
}

Json row_json(const GalleryRow& row, std::size_t index) {
  const results::PanelQuery& query = row.panels.queries[index];
  Json ranked = Json::array();
  for (const results::RankedImage& image : query.ranked)
    ranked.push_back(
        {{"path", image.path}, {"identity", image.identity}, {"camera", image.camera}, {"right", image.right}});
  const GalleryPictures& pictures = row.pictures.at(index);
  return {{"label", row.label},
          {"job", row.job},
          {"rank", query.rank},
          {"gallery_images", row.panels.gallery_images},
          {"ranked", std::move(ranked)},
          {"picture", png_address(pictures.gallery)},
          {"reconstruction",
           query.reconstruction ? reconstruction_json(*query.reconstruction, pictures.reconstruction) : Json(nullptr)}};
}

}  // namespace

std::vector<ShownQuery> shown_queries(const GallerySection& section) {
  std::vector<ShownQuery> shown;
  std::map<std::pair<std::string, int>, std::size_t> known;
  for (std::size_t row = 0; row < section.rows.size(); ++row) {
    const auto& queries = section.rows[row].panels.queries;
    for (std::size_t index = 0; index < queries.size(); ++index) {
      const auto [found, is_new] = known.try_emplace({queries[index].path, queries[index].rate}, shown.size());
      if (is_new) shown.emplace_back();
      shown[found->second].places.push_back({row, index});
    }
  }
  return shown;
}

Json to_json(const GallerySection& section) {
  Json blocks = Json::array();
  for (const ShownQuery& shown : shown_queries(section)) {
    const auto [first_row, first_query] = shown.places.front();
    const results::PanelQuery& query = section.rows[first_row].panels.queries[first_query];
    Json rows = Json::array();
    for (const auto& [row, index] : shown.places) rows.push_back(row_json(section.rows[row], index));
    blocks.push_back({{"table", section.table},
                      {"dataset", section.dataset},
                      {"query", query.path},
                      {"identity", query.identity},
                      {"camera", query.camera},
                      {"rate", query.rate},
                      {"rows", std::move(rows)}});
  }
  return blocks;
}

}  // namespace resolute::report
