// `resolute data ingest`: the same shards and seal as a suite's pack jobs, built by threads of this process.

#include <fmt/format.h>

#include <iostream>
#include <mutex>

#include "cli/command.h"
#include "cli/data/split_options.h"
#include "cli/described_options.h"
#include "cli/subcommands.h"
#include "core/error.h"
#include "core/files/file_system.h"
#include "core/process/processors.h"
#include "core/process/side_by_side.h"
#include "core/progress.h"
#include "datasets/pack/manifest_replay.h"
#include "datasets/pack/pack.h"
#include "datasets/sources/source.h"
#include "datasets/split/split.h"
#include "experiments/store/store_layout.h"

namespace resolute::cli {

namespace options = boost::program_options;
namespace fs = std::filesystem;

namespace {

constexpr CommandHelp kDataIngestHelp{
    "resolute data ingest SOURCE --root DIR --store STORE [--name NAME] [--manifest FILE] [--threads T]\n"
    "  [PACK SETTINGS] [SPLIT SETTINGS]",
    R"(Reads a data set's raw images and makes a pack: HR images, LR images at each rate, LR views as a camera would have
stored them. The bytes depend on the images and these settings alone. With --manifest they must be the images of a
published manifest: what differs is said before anything is packed. A split manifest of the seed is written beside
the pack; resolute data split writes others. VRU has one camera and so needs --lr-camera 0.)",
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
  fs::path store;
  std::string manifest;
  datasets::SplitSettings split;
  int threads = 1;
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
  add("store", options::value<std::string>(), "the pack goes to STORE/packs/NAME-HASH (required)");
  add("name", options::value<std::string>(), "the data set's name (default: SOURCE)");
  add("manifest", options::value(&parsed.manifest), "a published manifest.json: reproduce it or say what differs");
  add("threads", options::value(&parsed.threads)->default_value(core::usable_processors()),
      "threads, at most one a shard while packing; the bytes do not depend on it");
  add_described(visible, pack, {"source"});
  add_described(visible, parsed.split, {"query_rates"});
  auto values = parse_options(arguments, kDataIngestHelp, visible, {"SOURCE"});
  if (!values) return std::nullopt;
  const auto source = (*values)["SOURCE"].as<std::string>();
  pack.source = parse_word<settings::Source>(source, "argument SOURCE");
  pack.name = values->count("name") > 0 ? (*values)["name"].as<std::string>() : source;
  read_described(*values, pack);
  read_described(*values, parsed.split);
  parsed.split.query_rates = pack.rates;
  parsed.root = required_value(*values, "root");
  parsed.store = required_value(*values, "store");
  check_threads(parsed.threads);
  naming_options_of<datasets::PackSettings>([&] { settings::check(pack); });
  naming_options_of<datasets::SplitSettings>([&] { settings::check(parsed.split); });
  return parsed;
}

}  // namespace

int data_ingest(const Arguments& arguments) {
  auto parsed = parse(arguments);
  if (!parsed) return 0;
  auto& files = core::real_file_system();
  const datasets::PackSettings& pack = parsed->pack;
  const auto samples = datasets::list_samples(files, pack.source, parsed->root);
  try_split(samples, pack, parsed->split);
  const auto raw = datasets::open_raw(files, pack.source, parsed->root);
  std::vector<datasets::PackRow> published;
  if (!parsed->manifest.empty()) {
    published = datasets::read_manifest(files, parsed->manifest);
    compare_with_manifest(*parsed, published, samples, *raw);
  }
  require_writable_store(parsed->store);
  const fs::path folder = experiments::StoreLayout(parsed->store).pack_folder(pack);
  in_parallel(
      static_cast<std::size_t>(pack.shards), parsed->threads, "packing shards of " + pack.name,
      [&](std::size_t shard) { datasets::write_shard(files, *raw, samples, pack, static_cast<int>(shard), folder); });
  // Refused before the seal: an unsealed pack is none.
  if (!parsed->manifest.empty()) {
    std::string difference =
        datasets::manifest_difference(published, datasets::read_unsealed_rows(files, folder, pack));
    if (!difference.empty()) throw other_images(parsed->manifest, difference);
  }
  const auto sealed = datasets::seal_pack(files, folder, pack, parsed->threads);
  const auto reader = datasets::PackReader::open(files, folder);
  std::cout << fmt::format("{}: {} images in {} shards, pack {}\n", folder.string(), sealed.rows, pack.shards,
                           sealed.pack_sha256);
  const auto split_file =
      datasets::export_split(files, folder, datasets::make_split(reader, parsed->split), kSplitDraws);
  std::cout << fmt::format("split manifest of seed {}: {}\n", parsed->split.seed, split_file.string());
  return 0;
}

}  // namespace resolute::cli
