#include "results/records/panels.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"
#include "core/files/json.h"
#include "results/records/members_json.h"

namespace resolute::results {
namespace {

using core::Json;
using core::ObjectReader;

constexpr int kSchema = 2, kProtocolSchema = 3;  // the second: of galleries with several images of one identity

core::RuntimeError refused(const ObjectReader& reader, const std::string& problem, std::string_view why) {
  return core::input_error(fmt::format("{}: {}", reader.where(), problem), why);
}

constexpr std::tuple kPanelRows{
    core::row<PictureQuality>("", {"error", "psnr", "ssim"}),
    core::row<RecoveredPicture>("", {"scale", ""}),
    core::row<PanelReconstruction>("", {"input", "recovered"}),
    core::row<RankedImage>("", {"path", "identity", "camera", "right"}),
    core::row<PanelQuery>("", {"path", "identity", "camera", "rate", "rank", "ranked", "reconstruction"}),
    core::row<Panels>("", {"pack", "split_seed", "gallery_images", "queries", "protocol"})};

RankedImage take_image(const Json& json, const std::string& where) {
  ObjectReader reader(json, where);
  RankedImage image{reader.required<std::string>("path"), reader.required<std::int64_t>("identity"),
                    reader.required<std::int64_t>("camera"), reader.required<bool>("right")};
  reader.finish();
  return image;
}

// The reader's object may have other keys beside.
PictureQuality take_quality(ObjectReader& reader) {
  const PictureQuality quality{reader.required<double>("error"), reader.required<double>("psnr"),
                               reader.required<double>("ssim")};
  if (!(quality.error >= 0 && quality.error <= 255))
    throw refused(reader, fmt::format("an error of {}", quality.error), "0 to 255 are possible");
  if (!(quality.psnr >= 0 && quality.psnr <= kMostPsnr))
    throw refused(reader, fmt::format("a PSNR of {}", quality.psnr), fmt::format("0 to {} dB are possible", kMostPsnr));
  if (!(quality.ssim >= -1 && quality.ssim <= 1))
    throw refused(reader, fmt::format("an SSIM of {}", quality.ssim), "-1 to 1 are possible");
  return quality;
}

RecoveredPicture take_recovered(const Json& json, const std::string& where) {
  ObjectReader reader(json, where);
  RecoveredPicture picture{reader.required<int>("scale"), take_quality(reader)};
  reader.finish();
  if (picture.scale < 1) throw refused(reader, fmt::format("scale {}", picture.scale), "at least 1 is needed");
  return picture;
}

PanelReconstruction take_reconstruction(const Json& json, const std::string& where) {
  ObjectReader reader(json, where);
  const Json input = reader.required<Json>("input"), recovered = reader.required<Json>("recovered");
  reader.finish();
  if (!recovered.is_array() || recovered.empty())
    throw refused(reader, "key 'recovered' is no list of pictures", "it has one for each decoder");
  PanelReconstruction reconstruction;
  ObjectReader input_reader(input, where + ": input");
  reconstruction.input = take_quality(input_reader);
  input_reader.finish();
  for (const Json& picture : recovered) {
    const std::size_t number = reconstruction.recovered.size();
    reconstruction.recovered.push_back(take_recovered(picture, fmt::format("{}: recovered[{}]", where, number)));
    if (number > 0 && reconstruction.recovered[number].scale >= reconstruction.recovered[number - 1].scale)
      throw refused(reader, "the scales do not descend", "a cascade recovers the lowest resolution first");
  }
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
    const bool first = query.rank == query.ranked.size(), later = query.rank != 0 && query.rank < query.ranked.size();
    if ((last.right ? !first && !later : first) || last.right != (last.identity == query.identity))
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

Json to_json(const PanelQuery& query) { return json_of(kPanelRows, query); }

std::string panels_text(const Panels& panels) {
  Json json = json_of(kPanelRows, panels);
  const bool single_shot = panels.protocol == settings::ProtocolName::kSingleShot;
  if (single_shot)
    json.erase("protocol");
  else
    json["protocol"] = settings::word(panels.protocol);
  json["schema"] = single_shot ? kSchema : kProtocolSchema;
  return core::canonical_json(json) + "\n";
}

Panels parse_panels(std::string_view text, const std::string& where) {
  const Json json = core::parse_json(text, where);
  ObjectReader reader(json, where);
  const int schema = reader.required<int>("schema");
  if (schema != kSchema && schema != kProtocolSchema)
    throw refused(reader, fmt::format("schema {}", schema),
                  fmt::format("this program reads schemas {} and {}", kSchema, kProtocolSchema));
  Panels panels;
  if (schema == kProtocolSchema) panels.protocol = settings::required<settings::ProtocolName>(reader, "protocol");
  panels.pack = reader.required<std::string>("pack");
  panels.split_seed = reader.required<std::uint64_t>("split_seed");
  panels.gallery_images = reader.required<std::size_t>("gallery_images");
  const Json queries = reader.required<Json>("queries");
  reader.finish();
  if (schema == kProtocolSchema && panels.protocol == settings::ProtocolName::kSingleShot)
    throw refused(reader, "key 'protocol' is 'single-shot'", fmt::format("such panels have schema {}", kSchema));
  if (!queries.is_array()) throw refused(reader, "key 'queries' is no list", {});
  for (const Json& query : queries)
    panels.queries.push_back(
        take_query(query, fmt::format("{}: queries[{}]", where, panels.queries.size()), panels.gallery_images));
  return panels;
}

}  // namespace resolute::results
