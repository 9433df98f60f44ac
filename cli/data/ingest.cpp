// `resolute data ingest`: the same shards and seal as a suite's pack jobs, built by threads of this process.

#include <fmt/format.h>

#include <algorithm>
#include <iostream>
#include <map>
#include <mutex>
#include <optional>
#include <vector>

#include "cli/command.h"
#include "cli/data/split_options.h"
#include "cli/described_options.h"
#include "cli/subcommands.h"
#include "core/error.h"
#include "core/files/file_system.h"
#include "core/log.h"
#include "core/process/processors.h"
#include "core/process/side_by_side.h"
#include "core/progress.h"
#include "datasets/pack/high_views.h"
#include "datasets/pack/manifest_replay.h"
#include "datasets/pack/pack.h"
#include "datasets/pack/pack_images.h"
#include "datasets/pack/show.h"
#include "datasets/samples/remarks.h"
#include "datasets/sources/source.h"
#include "datasets/split/split.h"
#include "experiments/store/store_layout.h"

namespace resolute::cli {

namespace {

constexpr CommandHelp kDataIngestHelp{
    "resolute data ingest SOURCE --root DIR --store STORE [PACK AND SPLIT SETTINGS] [--json]",
    R"(Reads a data set's raw images and makes a pack: HR images, LR images at each rate, LR views as a camera would have
stored them. The bytes depend on the images and these settings alone. With --manifest they must be the images of a
published manifest: what differs is said before anything is packed. A split manifest of the seed is written beside the
pack; resolute data split writes others. VRU has one camera and so needs --lr-camera 0.

--kernel triangle, cubic and lanczos3 give the pixels of Pillow up to 12; bilinear-point those of OpenCV's
INTER_LINEAR where rate 2 or 4 divides both sides, and within 1 of them elsewhere. Files that are refused are
all named, the first twenty on stderr, with --json every one.)",
    "  resolute data ingest market1501 --root Market-1501-v15.09.15 --store store\n"
    "  resolute data ingest cuhk03 --root cuhk03_release --store store --partition published --lr-side pair\n"
    "  resolute data ingest pku-reid --root pku_reid --store store --height 128 --width 48\n"
    "  resolute data ingest vru --root VRU --store store --lr-camera 0\n"};

// Calls `each` with 0 to count - 1 on `threads` threads and shows how far it is; of several errors that of the lowest
// is thrown.
template <class Each>
void in_parallel(std::size_t count, int threads, const std::string& what, Each each) {
  core::Progress progress(what, count);
  std::mutex lock;
  std::size_t done = 0;
  core::side_by_side(count, static_cast<std::size_t>(threads), [&](std::size_t i) {
    each(i);
    const std::lock_guard guard(lock);
    progress.update(++done);
  });
}

struct IngestArguments {
  datasets::PackSettings pack;
  fs::path root;
  bool follow_links = false;
  fs::path store;
  std::string manifest;
  datasets::SplitSettings split;
  int threads = 1;
  bool json = false;
};

core::RuntimeError other_images(const std::string& manifest, const std::string& difference) {
  return core::input_error("the raw images are not those of '" + manifest + "'", difference);
}

// Compares what can be without packing: the listing, then every raw image's bytes.
void compare_with_manifest(const IngestArguments& arguments, const std::vector<datasets::PackRow>& published,
                           const std::vector<datasets::Sample>& samples, const datasets::RawReader& raw) {
  if (std::string difference = datasets::listing_difference(published, samples); !difference.empty())
    throw other_images(arguments.manifest, difference);
  in_parallel(published.size(), arguments.threads, "comparing images with " + arguments.manifest, [&](std::size_t i) {
    if (std::string difference = datasets::image_difference(published[i], raw); !difference.empty())
      throw other_images(arguments.manifest, difference);
  });
}

// Makes the split of what is listed and drops it: what no split can be made of is refused before hours of packing, not
// after them. Native sizes are not known yet; they decide no more than rates.
void try_split(const std::vector<datasets::Sample>& samples, const datasets::PackSettings& pack,
               const datasets::SplitSettings& split) {
  std::vector<datasets::PackRow> rows;
  rows.reserve(samples.size());
  for (const datasets::Sample& sample : samples) rows.push_back({sample, 1, 1, {}});
  datasets::make_split(rows, pack.name, {}, split, {pack.rates, pack.height, pack.width});
}

std::optional<IngestArguments> parse(const Arguments& arguments) {
  IngestArguments parsed;
  datasets::PackSettings& pack = parsed.pack;
  options::options_description visible;
  auto add = visible.add_options();
  add("root", options::value<std::string>(), "folder of the raw images (required)");
  add("follow-links", "read images behind symbolic links, which are refused otherwise");
  add("store", options::value<std::string>(), "the pack goes to STORE/packs/NAME-HASH (required, or RESOLUTE_STORE)");
  add("name", options::value<std::string>(), "the data set's name (default: SOURCE)");
  add("manifest", options::value<std::string>(), "a published manifest.json: reproduce it or say what differs");
  add("threads", options::value(&parsed.threads)->default_value(core::usable_processors(), "all"),
      "threads, at most one a shard while packing; the bytes do not depend on it");
  add("json", "one JSON document on stdout; of files that are refused too");
  add_described(visible, pack, {"source"});
  add_described(visible, parsed.split, {"query_rates"});
  const std::string about = fmt::format("{}\n\nSources: {}.", kDataIngestHelp.about,
                                        fmt::join(settings::word_list<settings::Source>(), ", "));
  auto values =
      parse_options(arguments, {kDataIngestHelp.usage, about.c_str(), kDataIngestHelp.examples}, visible, {"SOURCE"});
  if (!values) return std::nullopt;
  const auto source = (*values)["SOURCE"].as<std::string>();
  pack.source = settings::parse_word<settings::Source>(source, "argument SOURCE");
  pack.name = values->count("name") > 0 ? (*values)["name"].as<std::string>() : source;
  read_described(*values, pack);
  read_described(*values, parsed.split);
  parsed.split.query_rates = pack.rates;
  parsed.json = values->count("json") > 0;
  if (values->count("manifest") > 0) parsed.manifest = required_value(*values, "manifest");
  parsed.root = required_value(*values, "root");
  parsed.follow_links = values->count("follow-links") > 0;
  parsed.store = required_value(*values, "store");
  in_range("threads", parsed.threads, 1, kMostThreads);
  naming_options_of<datasets::PackSettings>([&] { settings::check(pack); });
  naming_options_of<datasets::SplitSettings>([&] { settings::check(parsed.split); });
  return parsed;
}

// Every shard is tried, so that the damaged files of all of them are named; finished shards stay for the next run.
datasets::OddImages write_shards(const IngestArguments& arguments, const datasets::RawReader& raw,
                                 const std::vector<datasets::Sample>& samples, const fs::path& folder) {
  const auto shards = static_cast<std::size_t>(arguments.pack.shards);
  std::vector<std::optional<datasets::RefusedFiles>> refused(shards);
  std::vector<datasets::OddImages> odd(shards);
  in_parallel(shards, arguments.threads, "packing shards of " + arguments.pack.name, [&](std::size_t shard) {
    try {
      odd[shard] =
          datasets::write_shard(core::real_file_system(), raw, samples, arguments.pack, static_cast<int>(shard), folder)
              .odd;
    } catch (const datasets::RefusedFiles& error) {
      refused[shard].emplace(error);
    }
  });
  datasets::Remarks remarks;
  for (const auto& of_shard : refused)
    if (of_shard) remarks.refuse(*of_shard);
  remarks.throw_refused();
  datasets::OddImages all;
  for (const auto& of_shard : odd) all.add(of_shard);
  return all;
}

std::string cameras_text(const std::map<std::int64_t, std::uint64_t>& images_per_camera) {
  constexpr std::size_t kShown = 20;
  if (images_per_camera.size() > kShown) return fmt::format("{} cameras", images_per_camera.size());
  std::vector<std::string> parts;
  for (const auto& [camera, images] : images_per_camera) parts.push_back(fmt::format("camera {}: {}", camera, images));
  return fmt::format("images by {}", fmt::join(parts, ", "));
}

void tell(const IngestArguments& arguments, const datasets::Listing& listing, const datasets::PackReader& reader,
          const fs::path& folder, const datasets::Split& split, const fs::path& split_file) {
  const core::Json split_json = describe_split(split, split_file);
  if (arguments.json) {
    print_json({{"folder", folder.string()},
                {"pack", datasets::describe_pack(reader)},
                {"left_out", listing.left_out},
                {"warnings", listing.warnings},
                {"split", split_json}});
    return;
  }
  const datasets::PackStatistics all = datasets::pack_statistics(reader);
  std::cout << fmt::format("{}: {} images in {} shards, pack {}\n", folder.string(), reader.size(),
                           arguments.pack.shards, reader.pack_sha256());
  std::cout << fmt::format("{} people, {} images of distractors; {}\n", all.identities, all.distractors,
                           cameras_text(all.images_per_camera));
  std::vector<std::string> parts;
  for (const auto& [why, files] : listing.left_out) parts.push_back(fmt::format("{} {}", files, why));
  if (!parts.empty()) std::cout << fmt::format("files left out: {}\n", fmt::join(parts, "; "));
  if (const auto counts = datasets::published_counts(core::real_file_system(), folder, reader); !counts.empty())
    std::cout << counts << "\n";
  std::cout << fmt::format("split manifest of seed {}: {}\n{}\n", split.options.seed, split_file.string(),
                           split_text(split_json));
  const auto shown = std::ranges::count(split.gallery, 0, &datasets::GalleryItem::identity);
  if (const auto unseen = static_cast<std::int64_t>(all.distractors) - shown; unseen > 0)
    std::cout << fmt::format("images of distractors in no gallery of this split: {}\n", unseen);
}

int ingest(const IngestArguments& arguments) {
  auto& files = core::real_file_system();
  const datasets::PackSettings& pack = arguments.pack;
  datasets::Listing listing =
      datasets::list_data_set(files, pack.source, arguments.root, pack.single_images, arguments.follow_links);
  for (const std::string& warning : listing.warnings) core::log_warning("{}", warning);
  try_split(listing.samples, pack, arguments.split);
  const auto raw = datasets::open_raw(files, pack.source, arguments.root);
  std::vector<datasets::PackRow> published;
  if (!arguments.manifest.empty()) {
    published = datasets::read_manifest(files, arguments.manifest);
    compare_with_manifest(arguments, published, listing.samples, *raw);
  }
  require_writable_store(arguments.store);
  const fs::path folder = experiments::StoreLayout(arguments.store).pack_folder(pack);
  const auto here = datasets::see_images(files, pack, arguments.root, listing.samples);
  if (files.exists(folder / "pack.json"))  // write_shards() compares every byte
    datasets::require_images_of_pack(files, folder, here, arguments.root, datasets::CompareImages::kLabels);
  if (const auto images = datasets::native_images(files, pack, folder, arguments.root))
    if (std::string why = datasets::high_views_warning(pack, *images); !why.empty()) {
      core::log_warning("{}", why);
      listing.warnings.push_back(std::move(why));
    }
  for (std::string& warning : write_shards(arguments, *raw, listing.samples, folder).warnings(listing.samples.size())) {
    core::log_warning("{}", warning);
    listing.warnings.push_back(std::move(warning));
  }
  // Refused before the seal: an unsealed pack is none.
  if (!arguments.manifest.empty()) {
    std::string difference =
        datasets::manifest_difference(published, datasets::read_unsealed_rows(files, folder, pack));
    if (!difference.empty()) throw other_images(arguments.manifest, difference);
  }
  datasets::record_images(files, folder, here);  // of which every byte was compared by now
  datasets::keep_drawn_file(files, pack.source, arguments.root, folder);
  if (std::string why = datasets::seal_pack(files, folder, pack, arguments.threads).warning; !why.empty()) {
    core::log_warning("{}", why);
    listing.warnings.push_back(std::move(why));
  }
  const auto reader = datasets::PackReader::open(files, folder);
  const datasets::Split split = datasets::make_split(reader, arguments.split);
  require_absent_or_same(
      files, folder, split, kSplitDraws,
      fmt::format("write this one elsewhere: `resolute data split '{}' --out DIR`", folder.string()));
  tell(arguments, listing, reader, folder, split, datasets::export_split(files, folder, split, kSplitDraws));
  return 0;
}

}  // namespace

int data_ingest(const Arguments& arguments) {
  const auto parsed = parse(arguments);
  if (!parsed) return 0;
  try {
    return ingest(*parsed);
  } catch (const datasets::RefusedFiles& refused) {
    tell_refused(refused, parsed->json);
    throw;
  }
}

}  // namespace resolute::cli
