#include "results/panels.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"
#include "core/json.h"

namespace resolute::results {
namespace {

using core::Json;
using core::ObjectReader;

constexpr int kSchema = 1;

core::RuntimeError refused(const ObjectReader& reader, const std::string& problem, std::string_view why) {
  return core::input_error(fmt::format("{}: {}", reader.where(), problem), why);
}

Json to_json(const PanelQuery& query) {
  Json ranked = Json::array();
  for (const RankedImage& image : query.ranked)
    ranked.push_back(
        {{"path", image.path}, {"identity", image.identity}, {"camera", image.camera}, {"right", image.right}});
  Json reconstruction;
  if (query.reconstruction)
    reconstruction = {{"error", query.reconstruction->error}, {"input_error", query.reconstruction->input_error}};
  return {{"path", query.path},
          {"identity", query.identity},
          {"camera", query.camera},
          {"rate", query.rate},
          {"rank", query.rank},
          {"ranked", std::move(ranked)},
          {"reconstruction", std::move(reconstruction)}};
}

RankedImage take_image(const Json& json, const std::string& where) {
  ObjectReader reader(json, where);
  RankedImage image{reader.required<std::string>("path"), reader.required<std::int64_t>("identity"),
                    reader.required<std::int64_t>("camera"), reader.required<bool>("right")};
  reader.finish();
  return image;
}

PanelReconstruction take_reconstruction(const Json& json, const std::string& where) {
  ObjectReader reader(json, where);
  PanelReconstruction reconstruction{reader.required<double>("error"), reader.required<double>("input_error")};
  reader.finish();
  for (double error : {reconstruction.error, reconstruction.input_error})
    if (!(error >= 0 && error <= 255))
      throw refused(reader, fmt::format("an error of {}", error), "0 to 255 are possible");
  return reconstruction;
}

PanelQuery take_query(const Json& json, const std::string& where, std::size_t gallery_images) {
  ObjectReader reader(json, where);
  PanelQuery query;
  query.path = reader.required<std::string>("path");
  query.identity = reader.required<std::int64_t>("identity");
  query.camera = reader.required<std::int64_t>("camera");
  query.rate = reader.required<int>("rate");
  query.rank = reader.required<std::size_t>("rank");
  const Json ranked = reader.required<Json>("ranked");
  if (!ranked.is_array()) throw refused(reader, "key 'ranked' is no list", {});
  for (const Json& image : ranked) {
    query.ranked.push_back(take_image(image, fmt::format("{}: ranked[{}]", where, query.ranked.size())));
    const RankedImage& last = query.ranked.back();
    if (last.right != (query.rank == query.ranked.size()) || last.right != (last.identity == query.identity))
      throw refused(
          reader, fmt::format("the image of rank {} is called {}", query.ranked.size(), last.right ? "right" : "wrong"),
          "rank and identities say otherwise");
  }
  if (const Json* reconstruction = reader.find("reconstruction"); reconstruction == nullptr)
    throw refused(reader, "key 'reconstruction' is missing", {});
  else if (!reconstruction->is_null())
    query.reconstruction = take_reconstruction(*reconstruction, where + ": reconstruction");
  reader.finish();
  if (query.rate < 1)
    throw refused(reader, fmt::format("key 'rate' has the value {}", query.rate), "at least 1 is needed");
  if (query.rank > gallery_images || query.ranked.size() > std::min(gallery_images, kPanelImages))
    throw refused(
        reader, fmt::format("rank {} and {} images shown", query.rank, query.ranked.size()),
        fmt::format("the gallery has {} images, of which at most {} are shown", gallery_images, kPanelImages));
  return query;
}

}  // namespace

std::string gallery_panel_file(std::size_t query) { return fmt::format("panels/gallery-{:03}.png", query); }

std::string reconstruction_panel_file(std::size_t query) {
  return fmt::format("panels/reconstruction-{:03}.png", query);
}

std::string panels_text(const Panels& panels) {
  Json queries = Json::array();
  for (const PanelQuery& query : panels.queries) queries.push_back(to_json(query));
  return core::canonical_json({{"schema", kSchema},
                               {"pack", panels.pack},
                               {"split_seed", panels.split_seed},
                               {"gallery_images", panels.gallery_images},
                               {"queries", std::move(queries)}}) +
         "\n";
}

Panels parse_panels(std::string_view text, const std::string& where) {
  const Json json = core::parse_json(text, where);
  ObjectReader reader(json, where);
  const int schema = reader.required<int>("schema");
  if (schema != kSchema)
    throw refused(reader, fmt::format("schema {}", schema), fmt::format("this program reads schema {}", kSchema));
  Panels panels;
  panels.pack = reader.required<std::string>("pack");
  panels.split_seed = reader.required<std::uint64_t>("split_seed");
  panels.gallery_images = reader.required<std::size_t>("gallery_images");
  const Json queries = reader.required<Json>("queries");
  reader.finish();
  if (!queries.is_array()) throw refused(reader, "key 'queries' is no list", {});
  for (const Json& query : queries)
    panels.queries.push_back(
        take_query(query, fmt::format("{}: queries[{}]", where, panels.queries.size()), panels.gallery_images));
  return panels;
}

}  // namespace resolute::results
