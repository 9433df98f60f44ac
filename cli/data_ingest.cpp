// `resolute data ingest`: the same shards and seal as a suite's pack jobs, built by threads of this process.

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <iostream>
#include <mutex>
#include <thread>

#include "cli/command.h"
#include "cli/pack_settings.h"
#include "cli/subcommands.h"
#include "core/error.h"
#include "core/file_system.h"
#include "core/json.h"
#include "core/progress.h"
#include "datasets/pack/pack.h"
#include "datasets/sources/source.h"
#include "datasets/split.h"
#include "experiments/store_layout.h"

namespace resolute::cli {

namespace options = boost::program_options;
namespace fs = std::filesystem;

namespace {

constexpr int kSplitDraws = 100;  // gallery draws that the split manifest lists

constexpr CommandHelp kHelp{
    "resolute data ingest SOURCE --root DIR --store STORE [--name NAME] [--rates 2,3,4] [--manifest FILE] [--height "
    "256] "
    "[--width 128] [--shards N] [--seed S] [--lr-camera C] [--train-identities N] [--threads T]",
    "Reads a data set's raw images and makes a pack: HR images, LR images at each rate, LR views as a camera would "
    "have\n"
    "stored them. The bytes depend on the images and these settings alone. SOURCE is market1501, pku-reid, synthetic,\n"
    "or vru, which has one camera and so needs --lr-camera 0.",
    "  resolute data ingest market1501 --root Market-1501-v15.09.15 --store store\n"
    "  resolute data ingest pku-reid --root pku_reid --store store --height 128 --width 48\n"
    "  resolute data ingest vru --root VRU --store store --lr-camera 0\n"};

// Builds every shard on `threads` threads; the first error stops the rest and is thrown.
void write_shards(const fs::path& root, const std::vector<datasets::Sample>& samples, const datasets::PackOptions& pack,
                  const fs::path& folder, int threads) {
  std::atomic<int> next{0};
  std::atomic<int> done{0};
  std::mutex lock;
  std::exception_ptr failure;
  core::Progress progress("packing shards of " + pack.name, static_cast<std::uint64_t>(pack.shards));
  auto work = [&] {
    for (int shard = next++; shard < pack.shards; shard = next++) {
      try {
        datasets::write_shard(core::real_file_system(), root, samples, pack, shard, folder);
      } catch (...) {
        std::lock_guard guard(lock);
        if (!failure) failure = std::current_exception();
        next = pack.shards;
      }
      std::lock_guard guard(lock);
      progress.update(static_cast<std::uint64_t>(++done));
    }
  };
  std::vector<std::jthread> workers;
  for (int i = 0; i < threads; ++i) workers.emplace_back(work);
  workers.clear();
  if (failure) std::rethrow_exception(failure);
}

// Nothing where the published manifest and this pack agree, else the first difference.
std::string first_difference(const std::vector<datasets::PackRow>& published,
                             const std::vector<datasets::PackRow>& ours) {
  for (std::size_t i = 0; i < std::min(published.size(), ours.size()); ++i) {
    if (published[i] == ours[i]) continue;
    if (published[i].sample.path != ours[i].sample.path)
      return fmt::format("row {} is '{}' there and '{}' here", i, published[i].sample.path, ours[i].sample.path);
    return fmt::format("'{}' has other bytes or another identity, camera, subset or size", ours[i].sample.path);
  }
  if (published.size() != ours.size()) return fmt::format("{} images there, {} here", published.size(), ours.size());
  return {};
}

struct IngestArguments {
  experiments::PackSettings settings;
  fs::path root;
  fs::path store;
  std::string manifest;
  std::uint64_t seed = 0;
  std::int64_t lr_camera = 2;
  int train_identities = 0;
  int threads = 1;
};

std::optional<IngestArguments> parse(const Arguments& arguments) {
  IngestArguments parsed;
  auto& settings = parsed.settings;
  options::options_description visible;
  auto add = visible.add_options();
  add("root", options::value<std::string>(), "folder of the raw images (required)");
  add("store", options::value<std::string>(), "the pack goes to STORE/packs/NAME-HASH (required)");
  add("name", options::value<std::string>(), "the data set's name (default: SOURCE)");
  add("rates", options::value<std::string>()->default_value("2,3,4"), "rates of the LR images");
  add("kernel", options::value(&settings.kernel)->default_value(settings.kernel),
      "down-sampling: triangle, bilinear-point, cubic, lanczos3");
  add("manifest", options::value(&parsed.manifest), "a published manifest.json: reproduce it or say what differs");
  add("height", options::value(&settings.height)->default_value(settings.height), "network size, pixels");
  add("width", options::value(&settings.width)->default_value(settings.width), "network size, pixels");
  add("shards", options::value(&settings.shards)->default_value(settings.shards), "files of the pack");
  add("seed", options::value<std::string>()->default_value("0"), "seed of the split manifest written beside the pack");
  add("lr-camera", options::value(&parsed.lr_camera)->default_value(parsed.lr_camera),
      "camera of that split whose images become low-resolution; 0: images of any camera do (MLR-VRU)");
  add("train-identities", options::value(&parsed.train_identities)->default_value(parsed.train_identities),
      "so many identities of that split train, drawn by seed; 0: all of the training half");
  add("threads",
      options::value(&parsed.threads)
          ->default_value(static_cast<int>(std::max(1U, std::thread::hardware_concurrency()))),
      "threads; the bytes do not depend on it");
  add("help,h", "this text");
  auto values = parse_options(arguments, kHelp, visible, {"SOURCE"});
  if (!values) return std::nullopt;
  settings.source = (*values)["SOURCE"].as<std::string>();
  settings.name = values->count("name") > 0 ? (*values)["name"].as<std::string>() : settings.source;
  settings.rates = parse_integer_list((*values)["rates"].as<std::string>(), "rates");
  parsed.seed = parse_seed(*values, "seed");
  parsed.root = required_value(*values, "root");
  parsed.store = required_value(*values, "store");
  if (parsed.threads < 1 || parsed.threads > 1024)
    throw core::input_error(fmt::format("option --threads has the value {}", parsed.threads), "1 to 1024 are possible");
  // Before hours of packing, not after them.
  if (parsed.train_identities < 0 || parsed.train_identities == 1)
    throw core::input_error(fmt::format("option --train-identities has the value {}", parsed.train_identities),
                            "a training needs at least 2 identities", "give 2 or more, or 0 for all of them");
  if (parsed.lr_camera < 0)
    throw core::input_error(fmt::format("option --lr-camera has the value {}", parsed.lr_camera),
                            "cameras count from 1", "give one of them, or 0 for images of any camera");
  return parsed;
}

}  // namespace

int data_ingest(const Arguments& arguments) {
  auto parsed = parse(arguments);
  if (!parsed) return 0;
  auto& files = core::real_file_system();
  datasets::PackOptions pack = to_pack_options(parsed->settings);
  datasets::validate(pack);
  auto samples = datasets::list_samples(files, pack.source, parsed->root);
  if (parsed->lr_camera != 0 && std::none_of(samples.begin(), samples.end(),
                                             [&](const auto& sample) { return sample.camera == parsed->lr_camera; }))
    throw core::input_error(fmt::format("no image is from camera {}", parsed->lr_camera),
                            "--lr-camera names the one whose images become low-resolution",
                            "0 means images of any camera");
  std::vector<datasets::PackRow> published;
  if (!parsed->manifest.empty())
    published = datasets::manifest_from_json(
        core::parse_json(core::read_text(files, parsed->manifest), parsed->manifest), parsed->manifest);
  require_writable_store(parsed->store);
  fs::path folder = experiments::StoreLayout(parsed->store).pack_folder(parsed->settings);
  write_shards(datasets::source_root(files, pack.source, parsed->root), samples, pack, folder, parsed->threads);
  // Refused before the seal: an unsealed pack is none.
  if (!parsed->manifest.empty()) {
    std::string difference = first_difference(published, datasets::read_unsealed_rows(files, folder, pack));
    if (!difference.empty())
      throw core::input_error("the raw images are not those of '" + parsed->manifest + "'", difference);
  }
  auto sealed = datasets::seal_pack(files, folder, pack);
  auto reader = datasets::PackReader::open(files, folder);
  std::cout << fmt::format("{}: {} images in {} shards, pack {}\n", folder.string(), sealed.rows, pack.shards,
                           sealed.pack_sha256);
  datasets::SplitOptions split;
  split.seed = parsed->seed;
  split.lr_camera = parsed->lr_camera;
  split.train_identities = parsed->train_identities;
  split.query_rates = pack.rates;
  auto split_file = datasets::export_split(files, folder, datasets::make_split(reader, split), kSplitDraws);
  std::cout << fmt::format("split manifest of seed {}: {}\n", parsed->seed, split_file.string());
  return 0;
}

}  // namespace resolute::cli
