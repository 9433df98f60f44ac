// The split manifest: docs/inside/formats/manifest.md.

#include <algorithm>
#include <set>
#include <string_view>

#include "core/hash/sha256.h"
#include "datasets/samples/listing.h"
#include "datasets/samples/sample.h"
#include "datasets/split/split.h"
#include "settings/member_checks.h"

namespace resolute::datasets {
namespace {

// Items say whether their images came in low resolution.
constexpr int kCameLowSchema = 3;

// The lowest schema that can tell a split, so that one published then has the hash that it had.
int split_schema_of(const Split& split) {
  const auto came_low = [](const auto& items) {
    return std::ranges::any_of(items, [](const auto& item) { return item.came_low; });
  };
  const int schema = settings::schema_of(split.options);
  return came_low(split.query) || came_low(split.train) ? std::max(schema, kCameLowSchema) : schema;
}

// Reads what all three kinds of item have.
template <class Item>
Item read_item(core::ObjectReader& reader) {
  Item item;
  item.row = reader.required<std::size_t>("row");
  item.path = reader.required<std::string>("path");
  item.identity = reader.required<std::int64_t>("identity");
  item.camera = reader.required<std::int64_t>("camera");
  if (const std::string_view problem = path_problem(item.path); !problem.empty())
    throw core::input_error(fmt::format("{}: path '{}'", reader.where(), sources::printable(item.path)), problem);
  return item;
}

int read_rate(core::ObjectReader& reader) {
  const auto rate = reader.required<int>("rate");
  if (rate < 1 || rate > settings::kLargestRate)
    throw core::input_error(fmt::format("{}: rate {}", reader.where(), rate),
                            fmt::format("rates are 1 to {}", settings::kLargestRate));
  return rate;
}

template <class Item>
core::Json item_to_json(const Item& item) {
  return {{"row", item.row}, {"path", item.path}, {"identity", item.identity}, {"camera", item.camera}};
}

core::Json to_json(const TrainItem& item, int schema) {
  core::Json json = item_to_json(item);
  json["label"] = item.label;
  json["has_hr"] = item.has_hr;
  json["rate"] = item.stored_rate;
  if (schema >= kCameLowSchema) json["came_low"] = item.came_low;
  return json;
}

core::Json to_json(const QueryItem& item, int schema) {
  core::Json json = item_to_json(item);
  json["rate"] = item.rate;
  if (schema >= kCameLowSchema) json["came_low"] = item.came_low;
  return json;
}

core::Json to_json(const GalleryItem& item, int) { return item_to_json(item); }

// The canonical text of a list, an item at a time: as one JSON value 100,000 of them take hundreds of megabytes.
template <class Item>
std::string list_text(const std::vector<Item>& items, int schema) {
  std::string text = "[";
  for (const Item& item : items) {
    if (&item != items.data()) text += ',';
    text += core::canonical_json(to_json(item, schema));
  }
  return text + "]";
}

// The canonical text of the split; members by the bytes of their keys.
std::string split_text(const Split& split) {
  const int schema = split_schema_of(split);
  const auto text_of = [](const auto& value) { return core::canonical_json(core::Json(value)); };
  std::string text = "{\"gallery\":" + list_text(split.gallery, schema);
  text += ",\"left_out\":" + text_of(split.left_out);
  text += ",\"manifest_sha256\":" + text_of(split.manifest_sha256);
  text += ",\"options\":" + text_of(settings::to_json(split.options, schema));
  text += ",\"pack\":" + text_of(split.pack);
  text += ",\"query\":" + list_text(split.query, schema);
  text += ",\"schema\":" + text_of(schema);
  text += ",\"train\":" + list_text(split.train, schema);
  text += ",\"train_identities\":" + text_of(split.train_identities);
  return text + "}";
}

// Reads the items of a list, whose rows ascend.
template <class Item, class Read>
void read_items(core::ObjectReader& reader, const std::string& key, std::vector<Item>& items, Read read) {
  auto list = reader.required<std::vector<core::Json>>(key);
  for (std::size_t i = 0; i < list.size(); ++i) {
    core::ObjectReader from(list[i], fmt::format("{}: {}[{}]", reader.where(), key, i));
    Item item = read_item<Item>(from);
    read(from, item);
    from.finish();
    if (!items.empty() && item.row <= items.back().row)
      throw core::input_error(fmt::format("{}: row {} behind row {}", from.where(), item.row, items.back().row),
                              "rows ascend and stand once");
    items.push_back(std::move(item));
  }
}

void read_train(core::ObjectReader& from, int schema, TrainItem& item) {
  item.label = from.required<int>("label");
  item.has_hr = from.required<bool>("has_hr");
  item.stored_rate = read_rate(from);
  if (schema >= kCameLowSchema) item.came_low = from.required<bool>("came_low");
  if (item.has_hr != (item.stored_rate == 1 && !item.came_low))
    throw core::input_error(fmt::format("{}: has_hr {} at rate {}", from.where(), item.has_hr, item.stored_rate),
                            "the HR image exists at rate 1, unless it came in low resolution, and at no other rate");
}

// Draws are not hashed: whatever they say, it is of the split's own gallery, and no more than anybody makes of it.
void check_draws(const SplitFile& file, const std::string& where) {
  if (file.gallery_draws.size() > static_cast<std::size_t>(kMostGalleryDraws))
    throw core::input_error(fmt::format("{}: it has {} gallery draws", where, file.gallery_draws.size()),
                            fmt::format("{} are the most", kMostGalleryDraws), "take those behind them out");
  std::set<std::string_view> gallery;
  for (const GalleryItem& item : file.split.gallery) gallery.insert(item.path);
  for (std::size_t draw = 0; draw < file.gallery_draws.size(); ++draw)
    for (const std::string& path : file.gallery_draws[draw])
      if (!gallery.contains(path))
        throw core::input_error(fmt::format("{}: gallery_draws[{}] has '{}'", where, draw, sources::printable(path)),
                                "it is no gallery image of the split");
}

}  // namespace

core::Json to_json(const Split& split) { return core::parse_json(split_text(split), "a split"); }

std::string split_sha256(const Split& split) { return core::sha256_hex(split_text(split)); }

Split split_from_json(const core::Json& json, const std::string& where) {
  core::ObjectReader reader(json, where);
  const int schema =
      core::read_schema(reader, "split", std::max(settings::newest_schema<SplitSettings>(), kCameLowSchema));
  Split split;
  split.pack = reader.required<std::string>("pack");
  split.manifest_sha256 = reader.required<std::string>("manifest_sha256");
  const std::string options_where = where + ": options";
  split.options = settings::checked<SplitSettings>(
      settings::completed<SplitSettings>(reader.required<core::Json>("options"), schema, options_where), options_where);
  split.train_identities = reader.required<int>("train_identities");
  if (const int asked = split.options.train_identities; asked > 0 && asked != split.train_identities)
    throw core::input_error(fmt::format("{}: train_identities is {}", where, split.train_identities),
                            fmt::format("its options ask for {}", asked));
  split.left_out = reader.required<int>("left_out");
  read_items(reader, "train", split.train,
             [&](core::ObjectReader& from, TrainItem& item) { read_train(from, schema, item); });
  read_items(reader, "query", split.query, [&](core::ObjectReader& from, QueryItem& item) {
    item.rate = read_rate(from);
    if (schema >= kCameLowSchema) item.came_low = from.required<bool>("came_low");
  });
  read_items(reader, "gallery", split.gallery, [](core::ObjectReader&, GalleryItem&) {});
  reader.finish();
  // One text, one hash: what a lower schema can tell has no other.
  if (split_schema_of(split) != schema)
    throw core::input_error(fmt::format("{}: schema {}", where, schema),
                            fmt::format("such a split has schema {}", split_schema_of(split)));
  check_split(split, where);
  return split;
}

std::vector<std::string> gallery_draw_paths(const Split& split, int draw) {
  std::vector<std::string> paths;
  for (const std::size_t item : draw_gallery(split, split.options.seed, draw))
    paths.push_back(split.gallery[item].path);
  return paths;
}

std::string split_file_text(const Split& split, int draws) {
  core::Json galleries = core::Json::array();
  for (int draw = 0; draw < draws; ++draw) galleries.push_back(gallery_draw_paths(split, draw));
  const std::string text = split_text(split);
  return "{\"gallery_draws\":" + core::canonical_json(galleries) + ",\"sha256\":\"" + core::sha256_hex(text) +
         "\",\"split\":" + text + "}\n";
}

std::string split_file_name(const Split& split) { return fmt::format("split-{}.json", split.options.seed); }

fs::path export_split(core::FileSystem& files, const fs::path& folder, const Split& split, int draws) {
  fs::path path = folder / split_file_name(split);
  core::write_atomic(files, path, split_file_text(split, draws));
  return path;
}

SplitFile read_split_file(core::FileSystem& files, const fs::path& path) {
  const std::string where = fmt::format("'{}'", path.string());
  core::Json document = core::parse_json(core::read_named_text(files, path, kLargestSplitFile), where);
  core::ObjectReader reader(document, where);
  SplitFile file{split_from_json(reader.required<core::Json>("split"), where), {}};
  auto sha256 = reader.required<std::string>("sha256");
  file.gallery_draws = reader.required<std::vector<std::vector<std::string>>>("gallery_draws");
  reader.finish();
  check_draws(file, where);
  if (const std::string computed = split_sha256(file.split); sha256 != computed)
    throw core::input_error(fmt::format("{}: the split has SHA-256 {}", where, computed),
                            fmt::format("the file says {}", sources::printable(sha256)), "fetch the file again");
  return file;
}

Split import_split(core::FileSystem& files, const fs::path& path) { return read_split_file(files, path).split; }

}  // namespace resolute::datasets
