#include "datasets/pack/show.h"

#include <algorithm>
#include <set>

#include "datasets/image/contact_sheet.h"
#include "datasets/low_resolution.h"

namespace resolute::datasets {

PackStatistics pack_statistics(const PackReader& pack) {
  PackStatistics all;
  all.rows = pack.size();
  std::map<std::int64_t, std::uint64_t> images;
  std::map<std::int64_t, std::set<std::int64_t>> cameras;
  for (const PackRow& row : pack.rows()) {
    ++all.images_per_camera[row.sample.camera];
    ++all.images_per_subset[row.sample.subset];
    if (row.sample.identity == 0) {
      ++all.distractors;
    } else {
      ++images[row.sample.identity];
      cameras[row.sample.identity].insert(row.sample.camera);
    }
    const bool first = all.largest_height == 0;
    all.smallest_height = first ? row.native_height : std::min(all.smallest_height, row.native_height);
    all.smallest_width = first ? row.native_width : std::min(all.smallest_width, row.native_width);
    all.largest_height = std::max(all.largest_height, row.native_height);
    all.largest_width = std::max(all.largest_width, row.native_width);
  }
  all.identities = images.size();
  for (const auto& [identity, count] : images) {
    all.fewest_images = all.fewest_images == 0 ? count : std::min(all.fewest_images, count);
    all.most_images = std::max(all.most_images, count);
    if (cameras[identity].size() == 1) ++all.identities_in_one_camera;
  }
  return all;
}

core::Json describe_pack(const PackReader& pack) {
  const PackStatistics all = pack_statistics(pack);
  core::Json cameras = core::Json::object();
  for (const auto& [camera, count] : all.images_per_camera) cameras[std::to_string(camera)] = count;
  core::Json json = to_json(pack.options());
  json["pack_sha256"] = pack.pack_sha256();
  json["manifest_sha256"] = pack.manifest_sha256();
  json["rows"] = all.rows;
  json["identities"] = all.identities;
  json["distractors"] = all.distractors;
  json["images_per_camera"] = std::move(cameras);
  json["images_per_subset"] = all.images_per_subset;
  json["images_per_identity"] = {{"fewest", all.fewest_images}, {"most", all.most_images}};
  json["identities_in_one_camera"] = all.identities_in_one_camera;
  json["native_size"] = {{"smallest", {all.smallest_height, all.smallest_width}},
                         {"largest", {all.largest_height, all.largest_width}}};
  return json;
}

core::Bytes contact_sheet_png(const PackReader& pack, int samples) {
  constexpr int kGap = 2;
  if (samples < 1) throw core::input_error(fmt::format("a sheet of {} samples", samples), "at least one is needed");
  const auto count = std::min(static_cast<std::size_t>(samples), pack.size());
  const auto rates = stored_rates(pack.options());
  const int height = pack.options().height;
  const int width = pack.options().width;
  if (count * static_cast<std::size_t>(height + kGap) > static_cast<std::size_t>(kMaxImageSide) ||
      (rates.size() + 1) * static_cast<std::size_t>(width + kGap) > static_cast<std::size_t>(kMaxImageSide))
    throw core::input_error(fmt::format("a sheet of {} samples", count),
                            fmt::format("it would pass {} pixels a side", kMaxImageSide), "ask for fewer");
  std::vector<Image> images;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t row = i * pack.size() / count;
    Image hr = make_image(height, width);
    pack.read_hr(row, hr.pixels);
    images.push_back(std::move(hr));
    for (int rate : rates) {
      Image view;
      pack.read_view(row, rate, view);
      images.push_back(enlarge(view, height, width));
    }
  }
  return encode_png(contact_sheet(images, static_cast<int>(rates.size()) + 1, kGap));
}

}  // namespace resolute::datasets
