#include "datasets/pack/show.h"

#include <algorithm>
#include <bit>
#include <set>

#include "datasets/sources/source.h"
#include "settings/raw_data.h"

namespace resolute::datasets {
namespace {

Spread spread_of(std::vector<std::int64_t> values) {
  if (values.empty()) return {};
  std::ranges::sort(values);
  return {values.front(), values[(values.size() - 1) / 2], values.back()};
}

}  // namespace

PackStatistics pack_statistics(const PackReader& pack) {
  struct Identity {
    std::int64_t images = 0;
    std::set<std::int64_t> cameras;
    std::uint64_t test_sets = 0;
  };
  PackStatistics all;
  all.rows = pack.size();
  std::map<std::int64_t, Identity> identities;
  std::vector<std::int64_t> heights, widths, counts;
  for (const PackRow& row : pack.rows()) {
    const Sample& sample = row.sample;
    ++all.images_per_camera[sample.camera];
    ++all.images_per_subset[sample.subset];
    if (sample.rate != 1) ++all.low_resolution_images[sample.rate];
    heights.push_back(row.native_height);
    widths.push_back(row.native_width);
    if (sample.identity == 0) {
      ++all.distractors;
      continue;
    }
    Identity& identity = identities[sample.identity];
    ++identity.images;
    identity.cameras.insert(sample.camera);
    identity.test_sets |= sample.test_sets;
  }
  all.identities = identities.size();
  for (const auto& [number, identity] : identities) {
    counts.push_back(identity.images);
    if (identity.cameras.size() == 1) ++all.identities_in_one_camera;
    const auto sets = static_cast<std::size_t>(std::bit_width(identity.test_sets));
    if (all.published_test_identities.size() < sets) all.published_test_identities.resize(sets);
    for (std::size_t set = 0; set < sets; ++set) all.published_test_identities[set] += identity.test_sets >> set & 1;
  }
  all.images_per_identity = spread_of(std::move(counts));
  all.native_height = spread_of(std::move(heights));
  all.native_width = spread_of(std::move(widths));
  return all;
}

std::string published_counts(settings::Source source, const PackStatistics& all) {
  const settings::RawData* raw = settings::raw_data_of(source);
  if (raw == nullptr || raw->gallery_images == 0) return {};
  const auto images = [&](const char* subset) {
    const auto found = all.images_per_subset.find(subset);
    return found == all.images_per_subset.end() ? 0 : static_cast<std::int64_t>(found->second);
  };
  struct Count {
    const char* what;
    std::int64_t here;
    int published;
  };
  std::vector<std::string> same, others;
  for (const auto& [what, here, published] : {Count{"training images", images("train"), raw->train_images},
                                              {"queries", images("query"), raw->query_images},
                                              {"gallery images", images("gallery"), raw->gallery_images},
                                              {"people", static_cast<std::int64_t>(all.identities), raw->people},
                                              {"cameras", std::ssize(all.images_per_camera), raw->cameras}}) {
    same.push_back(fmt::format("{} {}", here, what));
    if (here != published) others.push_back(fmt::format("{} {} and not {}", here, what, published));
  }
  return others.empty() ? fmt::format("counts as published: {}", fmt::join(same, ", "))
                        : fmt::format("counts that are not the published ones: {}", fmt::join(others, ", "));
}

std::string published_counts(core::FileSystem& files, const fs::path& pack_folder, const PackReader& pack) {
  const settings::Source source = pack.options().source;
  if (pack.options().synthetic || holds_drawn_images(files, source, {}, pack_folder)) return {};
  return published_counts(source, pack_statistics(pack));
}

core::Json describe_pack(const PackReader& pack) {
  const PackStatistics all = pack_statistics(pack);
  core::Json cameras = core::Json::object();
  for (const auto& [camera, count] : all.images_per_camera) cameras[std::to_string(camera)] = count;
  core::Json low = core::Json::object();
  for (const auto& [rate, count] : all.low_resolution_images)
    low[rate == 0 ? std::string("unknown") : std::to_string(rate)] = count;
  core::Json json = options_json(pack.options());
  json["view_from"] = settings::word(pack.options().view_from);
  json["pack_sha256"] = pack.pack_sha256();
  json["manifest_sha256"] = pack.manifest_sha256();
  json["rows"] = all.rows;
  json["identities"] = all.identities;
  json["distractors"] = all.distractors;
  json["images_per_camera"] = std::move(cameras);
  json["images_per_subset"] = all.images_per_subset;
  json["images_per_identity"] = {{"fewest", all.images_per_identity.least},
                                 {"median", all.images_per_identity.median},
                                 {"most", all.images_per_identity.most}};
  json["identities_in_one_camera"] = all.identities_in_one_camera;
  json["low_resolution_images"] = std::move(low);
  json["published_test_identities"] = all.published_test_identities;
  json["native_size"] = {{"smallest", {all.native_height.least, all.native_width.least}},
                         {"median", {all.native_height.median, all.native_width.median}},
                         {"largest", {all.native_height.most, all.native_width.most}}};
  return json;
}

std::uint64_t pack_bytes(core::FileSystem& files, const fs::path& pack_folder, int shards) {
  std::uint64_t bytes = files.open_for_read(pack_folder / "pack.json")->size() +
                        files.open_for_read(pack_folder / "manifest.json")->size();
  for (int shard = 0; shard < shards; ++shard)
    bytes += files.open_for_read(pack_folder / shard_file_name(shard))->size();
  return bytes;
}

std::vector<std::size_t> choose_samples(const PackReader& pack, int samples) {
  if (samples < 1) throw core::input_error(fmt::format("a sample of {} images", samples), "at least one is needed");
  const std::size_t wanted = std::min(static_cast<std::size_t>(samples), pack.size());
  std::map<std::int64_t, std::vector<std::size_t>> identities;
  for (std::size_t row = 0; row < pack.size(); ++row) identities[pack.row(row).sample.identity].push_back(row);
  std::vector<std::size_t> distractors;
  if (auto none = identities.find(0); none != identities.end()) {
    distractors = std::move(none->second);
    identities.erase(none);
  }
  std::vector<std::size_t> chosen;
  const auto take_evenly = [&](const std::vector<std::size_t>& rows) {
    const std::size_t count = std::min(wanted - chosen.size(), rows.size());
    for (std::size_t i = 0; i < count; ++i) chosen.push_back(rows[i * rows.size() / count]);
  };
  for (std::size_t round = 0; chosen.size() < wanted; ++round) {
    std::vector<std::size_t> one_each;
    std::size_t number = 0;
    // Every identity begins with another one of its images, lest all be from the first camera.
    for (const auto& [identity, rows] : identities) {
      if (round < rows.size()) one_each.push_back(rows[(number + round) % rows.size()]);
      ++number;
    }
    if (one_each.empty()) break;
    take_evenly(one_each);
  }
  take_evenly(distractors);
  std::ranges::sort(chosen);
  return chosen;
}

}  // namespace resolute::datasets
