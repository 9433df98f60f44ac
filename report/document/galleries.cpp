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

struct Place {
  std::size_t row, query;  // indices into GallerySection::rows and the row's panels
};

// The places of each query of a section, those of its first row first; one image at one rate is one query.
std::vector<std::vector<Place>> places_of_queries(const GallerySection& section) {
  std::vector<std::vector<Place>> queries;
  std::map<std::pair<std::string, int>, std::size_t> known;
  for (std::size_t row = 0; row < section.rows.size(); ++row) {
    const auto& panels = section.rows[row].panels.queries;
    for (std::size_t index = 0; index < panels.size(); ++index) {
      const auto [found, is_new] = known.try_emplace({panels[index].path, panels[index].rate}, queries.size());
      if (is_new) queries.emplace_back();
      queries[found->second].push_back({row, index});
    }
  }
  return queries;
}

}  // namespace

Json to_json(const GallerySection& section) {
  Json blocks = Json::array();
  for (const std::vector<Place>& places : places_of_queries(section)) {
    const auto [first_row, first_query] = places.front();
    const results::PanelQuery& query = section.rows[first_row].panels.queries[first_query];
    Json rows = Json::array();
    for (const auto& [row, index] : places) rows.push_back(row_json(section.rows[row], index));
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
