#include "datasets/lists/lists.h"

#include <map>
#include <set>
#include <utility>

#include "core/files/new_folder.h"
#include "datasets/image/image.h"
#include "datasets/samples/listing.h"
#include "datasets/sources/csv.h"
#include "datasets/split/split_sides.h"

namespace resolute::datasets {
namespace {

core::RuntimeError contradiction(const PackReader& pack, std::size_t row, std::string_view why) {
  return core::input_error(fmt::format("the split contradicts pack '{}' at row {}", pack.options().name, row), why,
                           "compare them with resolute data split --check");
}

// A published split is somebody else's: nothing of it is taken that the pack does not say too.
template <class Item>
void check_item(const PackReader& pack, const Item& item, int rate, bool came_low) {
  if (item.row >= pack.size()) throw contradiction(pack, item.row, fmt::format("the pack has {} rows", pack.size()));
  const Sample& sample = pack.row(item.row).sample;
  if (item.path != sample.path)
    throw contradiction(pack, item.row,
                        fmt::format("'{}' there, '{}' in the pack", sources::printable(item.path), sample.path));
  if (item.identity != sample.identity || item.camera != sample.camera)
    throw contradiction(pack, item.row, "another identity or camera");
  if (came_low != (sample.rate != 1)) throw contradiction(pack, item.row, "whether it came in low resolution");
  if (!came_low && !pack.has_rate(rate))
    throw core::input_error(fmt::format("the split has rate {} and pack '{}' rates {}", rate, pack.options().name,
                                        fmt::join(pack.options().rates, ", ")),
                            {}, "ingest the data set again with that rate in --rates");
}

template <class Item>
TrialImage listed(const PackReader& pack, std::string_view part, const Item& item, int rate, bool low_side, bool any) {
  TrialImage image;
  image.own_rate = pack.row(item.row).sample.rate;
  image.row = item.row;
  image.identity = item.identity;
  image.camera = any ? (low_side ? 1 : 2) : item.camera;
  image.rate = rate;
  image.came_low = image.own_rate != 1;
  image.path = fmt::format("{}/{:04}_c{}_{:06}{}.png", part, image.identity, image.camera, image.row,
                           rate > 1 ? fmt::format("_x{}", rate) : std::string());
  return image;
}

core::Json items_of(const std::vector<TrialImage>& images) {
  core::Json list = core::Json::array();
  for (const TrialImage& image : images)
    list.push_back({image.path, image.label >= 0 ? image.label : image.identity, image.camera - 1});
  return list;
}

std::size_t identities_of(const std::vector<TrialImage>& images) {
  std::set<std::int64_t> identities;
  for (const TrialImage& image : images) identities.insert(image.identity);
  return identities.size();
}

// Every list file of a format, by its name.
std::vector<std::pair<std::string, std::string>> list_files(ListFormat format, const TrialLists& lists) {
  switch (format) {
    case ListFormat::kTorchreid:
      return {{"splits.json", torchreid_text(lists)}};
    case ListFormat::kFastReid:
      return {{"train.txt", fast_reid_text(lists.train)},
              {"query.txt", fast_reid_text(lists.query)},
              {"gallery.txt", fast_reid_text(lists.gallery)}};
    case ListFormat::kCsv:
      break;
  }
  return {{std::string(sources::kImageList), csv_text(lists)}};
}

// The source csv, as any source, would refuse these.
void refuse_single_images(const TrialLists& lists) {
  std::map<std::int64_t, std::pair<std::size_t, const TrialImage*>> count;
  for (const auto* part : {&lists.train, &lists.query, &lists.gallery})
    for (const TrialImage& image : *part) {
      if (image.identity == 0) continue;
      auto& [images, first] = count[image.identity];
      if (++images == 1) first = &image;
    }
  for (const auto& [identity, counted] : count)
    if (counted.first == 1)
      throw core::input_error(
          fmt::format("identity {} has one image in this trial, '{}'", identity, counted.second->path),
          "the table could not be ingested again, where an identity needs two",
          "use the format torchreid or fastreid, or a split with another train_pool than hr-view-only");
}

// Market-1501's usual test has such images (lr_side "query"). Read again, the set came in low resolution, and an image
// of a camera that took its identity so stands in no gallery (split_sides.h: answers()).
void refuse_gallery_of_query_cameras(const TrialLists& lists) {
  std::set<std::pair<std::int64_t, std::int64_t>> asked;
  for (const TrialImage& image : lists.query) asked.insert({image.identity, image.camera});
  for (const TrialImage& image : lists.gallery)
    if (asked.contains({image.identity, image.camera}))
      throw core::input_error(fmt::format("gallery image '{}' is of a camera that asks for its identity", image.path),
                              "the table could not be ingested again with it in the gallery",
                              "use the format torchreid or fastreid");
}

}  // namespace

TrialLists list_trial(const PackReader& pack, const Split& split) {
  if (split.manifest_sha256 != pack.manifest_sha256())
    throw core::input_error(fmt::format("the split is of another pack than '{}'", pack.options().name),
                            fmt::format("its manifest has SHA-256 {}, this one's {}",
                                        sources::printable(split.manifest_sha256), pack.manifest_sha256()),
                            "name the pack that it was made of");
  const bool any = any_camera(split.options);
  TrialLists lists;
  for (const TrainItem& item : split.train) {
    check_item(pack, item, item.stored_rate, item.came_low);
    lists.train.push_back(listed(pack, "train", item, item.stored_rate, !item.has_hr, any));
    lists.train.back().label = item.label;
  }
  for (const QueryItem& item : split.query) {
    check_item(pack, item, item.rate, item.came_low);
    lists.query.push_back(listed(pack, "query", item, item.rate, true, any));
  }
  for (const GalleryItem& item : split.gallery) {
    check_item(pack, item, 1, false);
    lists.gallery.push_back(listed(pack, "gallery", item, 1, false, any));
  }
  return lists;
}

std::string torchreid_text(const TrialLists& lists) {
  const core::Json split{{"train", items_of(lists.train)},
                         {"query", items_of(lists.query)},
                         {"gallery", items_of(lists.gallery)},
                         {"num_train_pids", identities_of(lists.train)},
                         {"num_query_pids", identities_of(lists.query)},
                         {"num_gallery_pids", identities_of(lists.gallery)}};
  return core::canonical_json(core::Json::array({split})) + "\n";
}

std::string fast_reid_text(const std::vector<TrialImage>& images) {
  std::string text;
  for (const TrialImage& image : images)
    text += fmt::format("{} {} {}\n", image.path, image.identity, image.camera - 1);
  return text;
}

std::string csv_text(const TrialLists& lists) {
  refuse_single_images(lists);
  refuse_gallery_of_query_cameras(lists);
  std::vector<Sample> samples;
  const auto add = [&](const std::string& subset, const std::vector<TrialImage>& images) {
    for (const TrialImage& image : images) {
      if (subset == "query" && image.rate == 1 && !image.came_low)
        throw core::input_error(fmt::format("query '{}' is at rate 1", image.path),
                                "the table tells queries from gallery images by their rate",
                                "use the format torchreid or fastreid");
      samples.push_back(
          {image.path, image.identity, image.camera, subset, image.came_low ? image.own_rate : image.rate});
    }
  };
  add("gallery", lists.gallery);
  add("query", lists.query);
  add("train", lists.train);
  return sources::image_list_text(samples);
}

void export_trial(core::FileSystem& files, const PackReader& pack, const Split& split, int draws, ListFormat format,
                  const fs::path& out, const std::function<void(std::size_t)>& progress) {
  const TrialLists lists = list_trial(pack, split);
  const auto texts = list_files(format, lists);
  core::require_new_folder(files, out);
  core::write_new_folder(files, out, [&](core::NewFolder& folder) {
    std::size_t written = 0;
    Image view;
    for (const auto* part : {&lists.train, &lists.query, &lists.gallery})
      for (const TrialImage& image : *part) {
        pack.read_view(image.row, image.rate, view);
        folder.write(image.path, encode_png(view));
        if (progress) progress(++written);
      }
    for (const auto& [name, text] : texts) folder.write(name, text);
    folder.write(split_file_name(split), split_file_text(split, draws));
  });
}

}  // namespace resolute::datasets
