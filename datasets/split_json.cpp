// The split manifest: docs/formats/manifest.md.

#include "core/sha256.h"
#include "datasets/split.h"

namespace resolute::datasets {
namespace {

// The schema that tells of a split: 1 where that can, so that a split published then has the hash that it had.
int schema_of(const SplitOptions& options) { return options.lr_camera != 0 && options.train_identities == 0 ? 1 : 2; }

core::Json options_to_json(const SplitOptions& options) {
  core::Json json{{"partition", options.partition},
                  {"seed", options.seed},
                  {"lr_camera", options.lr_camera},
                  {"query_rates", options.query_rates},
                  {"train_pool", options.train_pool}};
  if (schema_of(options) > 1) json["train_identities"] = options.train_identities;
  return json;
}

SplitOptions options_from_json(const core::Json& json, int schema, const std::string& where) {
  core::ObjectReader reader(json, where);
  SplitOptions options;
  options.partition = reader.required<std::string>("partition");
  options.seed = reader.required<std::uint64_t>("seed");
  options.lr_camera = reader.required<std::int64_t>("lr_camera");
  options.query_rates = reader.required<std::vector<int>>("query_rates");
  options.train_pool = reader.required<std::string>("train_pool");
  if (schema > 1) options.train_identities = reader.required<int>("train_identities");
  reader.finish();
  if (options.train_identities < 0)
    throw core::input_error(fmt::format("{}: train_identities is {}", where, options.train_identities),
                            "0 means all of them, and other numbers so many");
  if (schema_of(options) != schema)
    throw core::input_error(fmt::format("{}: lr_camera {} and train_identities {} in schema {}", where,
                                        options.lr_camera, options.train_identities, schema),
                            fmt::format("such a split has schema {}", schema_of(options)));
  return options;
}

// Reads what all three kinds of item have.
template <class Item>
Item read_item(core::ObjectReader& reader) {
  Item item;
  item.row = reader.required<std::size_t>("row");
  item.path = reader.required<std::string>("path");
  item.identity = reader.required<std::int64_t>("identity");
  item.camera = reader.required<std::int64_t>("camera");
  return item;
}

template <class Item>
core::Json item_to_json(const Item& item) {
  return {{"row", item.row}, {"path", item.path}, {"identity", item.identity}, {"camera", item.camera}};
}

template <class Each>
void each_item(core::ObjectReader& reader, const std::string& key, Each each) {
  auto list = reader.required<std::vector<core::Json>>(key);
  for (std::size_t i = 0; i < list.size(); ++i) {
    core::ObjectReader item(list[i], fmt::format("{}: {}[{}]", reader.where(), key, i));
    each(item);
    item.finish();
  }
}

}  // namespace

core::Json to_json(const Split& split) {
  core::Json train = core::Json::array();
  for (const TrainItem& item : split.train) {
    core::Json json = item_to_json(item);
    json["label"] = item.label;
    json["has_hr"] = item.has_hr;
    json["rate"] = item.stored_rate;
    train.push_back(std::move(json));
  }
  core::Json query = core::Json::array();
  for (const QueryItem& item : split.query) {
    core::Json json = item_to_json(item);
    json["rate"] = item.rate;
    query.push_back(std::move(json));
  }
  core::Json gallery = core::Json::array();
  for (const GalleryItem& item : split.gallery) gallery.push_back(item_to_json(item));
  return {{"schema", schema_of(split.options)},
          {"pack", split.pack},
          {"manifest_sha256", split.manifest_sha256},
          {"options", options_to_json(split.options)},
          {"train_identities", split.train_identities},
          {"left_out", split.left_out},
          {"train", std::move(train)},
          {"query", std::move(query)},
          {"gallery", std::move(gallery)}};
}

std::string split_sha256(const Split& split) { return core::sha256_hex(core::canonical_json(to_json(split))); }

Split split_from_json(const core::Json& json, const std::string& where) {
  core::ObjectReader reader(json, where);
  const auto schema = reader.required<int>("schema");
  if (schema != 1 && schema != 2)
    throw core::input_error(fmt::format("{}: split schema {} is unknown", where, schema), "1 and 2 are known");
  Split split;
  split.pack = reader.required<std::string>("pack");
  split.manifest_sha256 = reader.required<std::string>("manifest_sha256");
  split.options = options_from_json(reader.required<core::Json>("options"), schema, where + ": options");
  split.train_identities = reader.required<int>("train_identities");
  if (const int asked = split.options.train_identities; asked > 0 && asked != split.train_identities)
    throw core::input_error(fmt::format("{}: train_identities is {}", where, split.train_identities),
                            fmt::format("its options ask for {}", asked));
  split.left_out = reader.required<int>("left_out");
  each_item(reader, "train", [&](core::ObjectReader& from) {
    auto item = read_item<TrainItem>(from);
    item.label = from.required<int>("label");
    item.has_hr = from.required<bool>("has_hr");
    item.stored_rate = from.required<int>("rate");
    if (item.label < 0 || item.label >= split.train_identities)
      throw core::input_error(fmt::format("{}: label {}", from.where(), item.label),
                              fmt::format("labels are 0 to {}", split.train_identities - 1));
    split.train.push_back(std::move(item));
  });
  each_item(reader, "query", [&](core::ObjectReader& from) {
    auto item = read_item<QueryItem>(from);
    item.rate = from.required<int>("rate");
    split.query.push_back(std::move(item));
  });
  each_item(reader, "gallery",
            [&](core::ObjectReader& from) { split.gallery.push_back(read_item<GalleryItem>(from)); });
  reader.finish();
  return split;
}

std::filesystem::path export_split(core::FileSystem& files, const std::filesystem::path& folder, const Split& split,
                                   int draws) {
  core::Json galleries = core::Json::array();
  for (int draw = 0; draw < draws; ++draw) {
    core::Json paths = core::Json::array();
    for (std::size_t item : draw_gallery(split, split.options.seed, draw)) paths.push_back(split.gallery[item].path);
    galleries.push_back(std::move(paths));
  }
  core::Json document{
      {"split", to_json(split)}, {"sha256", split_sha256(split)}, {"gallery_draws", std::move(galleries)}};
  const std::filesystem::path path = folder / fmt::format("split-{}.json", split.options.seed);
  core::write_atomic(files, path, core::canonical_json(document) + "\n");
  return path;
}

Split import_split(core::FileSystem& files, const std::filesystem::path& path) {
  const std::string where = fmt::format("'{}'", path.string());
  core::Json document = core::parse_json(core::as_text(files.read(path, std::uint64_t{1} << 30)), where);
  core::ObjectReader reader(document, where);
  Split split = split_from_json(reader.required<core::Json>("split"), where);
  auto sha256 = reader.required<std::string>("sha256");
  reader.required<std::vector<core::Json>>("gallery_draws");
  reader.finish();
  if (sha256 != split_sha256(split))
    throw core::input_error(fmt::format("{}: the split has SHA-256 {}", where, split_sha256(split)),
                            fmt::format("the file says {}", sha256), "fetch the file again");
  return split;
}

}  // namespace resolute::datasets
