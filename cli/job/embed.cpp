// `resolute embed`: features of anybody's images by a finished training (docs/inside/worker.md, "embed"). The list is
// read and every image decoded here; networks are the worker's.

#include <fmt/format.h>

#include <algorithm>
#include <iostream>
#include <map>
#include <mutex>

#include "cli/command.h"
#include "cli/job/find_job.h"
#include "cli/job/local_attempt.h"
#include "cli/job/scratch_store.h"
#include "cli/subcommands.h"
#include "core/error.h"
#include "core/files/file_system.h"
#include "core/files/new_folder.h"
#include "core/log.h"
#include "core/process/processors.h"
#include "core/process/side_by_side.h"
#include "core/progress.h"
#include "datasets/hdf5/array_file.h"
#include "datasets/image/image.h"
#include "datasets/image/odd_images.h"
#include "datasets/samples/links.h"
#include "datasets/samples/listing.h"
#include "datasets/sources/csv.h"
#include "datasets/sources/image_folder.h"
#include "experiments/store/bundle.h"
#include "results/records/record.h"

namespace resolute::cli {

using experiments::StoreLayout;
using experiments::TrainingSpecification;

namespace {

constexpr CommandHelp kEmbedHelp{
    "resolute embed TRAINING FOLDER|LIST --store STORE [--out features.h5] [--ranks W] [--json]",
    R"(Features of any images by the networks of a finished training, bit for bit as its evaluations compute them, in the
file that resolute rank reads (docs/outputs.md). TRAINING is a job's id or its first digits. LIST is a list
of images (docs/outputs.md), its paths relative to the folder that it lies in: images of the subset query
are queries, those of gallery the gallery, those of train are left out; rate tells which are low-resolution. Of a
FOLDER every image, in it and below, is a gallery image of nobody: identity 0, without cameras. The file says which
row is which image. An image is taken at its own size and resized as a pack's. W process ranks share the images and
give the same bytes as one.)",
    "  resolute embed 3fa9 crops --store store --out crops.h5\n"
    "  resolute embed 3fa9 market/images.csv --store store --ranks 4 && resolute rank features.h5\n"};

// Images and where their paths lead from.
struct ImageSet {
  fs::path root;
  std::vector<datasets::Sample> samples;
  bool labelled = false;  // somebody says who is on them, and by which camera
};

// Images that are taken, and refused otherwise.
struct Taken {
  bool links = false;
  datasets::TruncatedImages truncated = datasets::TruncatedImages::kRefused;
};

ImageSet list_images(const fs::path& place, bool follow_links, datasets::Remarks& remarks) {
  auto& files = core::real_file_system();
  const fs::path path = fs::absolute(place);
  std::error_code ignored;
  if (fs::is_directory(path, ignored))
    return {path, datasets::sources::list_image_folder(files, path, follow_links, remarks), false};
  const bool is_there = files.exists(path);
  if (!is_there || datasets::sources::is_image_name(path.filename().string()))
    throw core::input_error("'" + place.string() + (is_there ? "' is an image" : "' is missing"), {},
                            "name a folder of images, or a list of them");
  ImageSet set{path.parent_path(), {}, true};
  for (auto& listed : datasets::sources::read_images_of(files, path, remarks))
    set.samples.push_back(std::move(listed.sample));
  const std::size_t train = std::erase_if(set.samples, [](const auto& sample) { return sample.subset == "train"; });
  remarks.leave_out("of the subset train", train);
  if (set.samples.empty() && !remarks.refused_any())
    throw core::input_error("every image of '" + place.string() + "' is of the subset train",
                            "features are of queries and gallery", "give those that you want another subset");
  return set;
}

// Decodes every image, so that all that are damaged are known before a network sees the first.
void check_images(const ImageSet& set, datasets::TruncatedImages truncated, datasets::Remarks& remarks) {
  constexpr std::size_t kPiece = 32;
  const std::size_t count = set.samples.size();
  core::Progress progress("checking images", count);
  std::map<std::size_t, core::RuntimeError> wrong;
  std::vector<datasets::OddImages> odd((count + kPiece - 1) / kPiece);
  std::size_t done = 0;
  std::mutex mutex;
  core::side_by_side(odd.size(), static_cast<std::size_t>(core::usable_processors()), [&](std::size_t piece) {
    const std::size_t begin = piece * kPiece, end = std::min(begin + kPiece, count);
    datasets::Image image;
    for (std::size_t i = begin; i < end; ++i) {
      const fs::path path = set.root / set.samples[i].path;
      try {
        const core::Bytes bytes = core::real_file_system().read(path, datasets::kMaxImageBytes);
        const bool filled = datasets::decode_image_into(bytes, path.string(), image, truncated);
        odd[piece].look_at(bytes, set.samples[i].path, filled);
      } catch (const core::RuntimeError& error) {
        const std::lock_guard lock(mutex);
        wrong.emplace(i, error);
      }
    }
    const std::lock_guard lock(mutex);
    progress.update(done += end - begin);
  });
  datasets::OddImages all;
  for (const auto& of_piece : odd) all.add(of_piece);
  for (const std::string& warning : all.warnings(count)) core::log_warning("{}", warning);
  // A missing file of a list has been named with its line already.
  for (const auto& [i, error] : wrong)
    if (!set.labelled || !error.is_missing()) remarks.refuse(set.samples[i].path, error);
}

ImageSet read_images(const fs::path& place, const Taken& taken) {
  datasets::Remarks remarks;
  ImageSet set = list_images(place, taken.links, remarks);
  if (!taken.links)
    datasets::sources::refuse_links(
        set.root, set.samples, [&](const std::string& path) { return set.root / path; }, remarks);
  for (const std::string& warning : remarks.warnings()) core::log_warning("{}", warning);
  check_images(set, taken.truncated, remarks);
  remarks.throw_refused();
  for (const auto& [why, images] : remarks.left_out()) core::log_info("left out: {} {}", images, why);
  return set;
}

std::size_t queries_of(const ImageSet& set) {
  return static_cast<std::size_t>(std::ranges::count(set.samples, "query", &datasets::Sample::subset));
}

struct Training {
  StoreLayout store;
  TrainingSpecification specification;
  results::TrainingRecord record;
};

Training find_training(const options::variables_map& values) {
  const StoreLayout store(fs::absolute(required_value(values, "store")));
  experiments::BundledFiles files(core::real_file_system(), store);
  const auto job = find_job(files, store, required_value(values, "TRAINING"));
  auto specification = read_job_specification(files, store, job);
  auto* training = std::get_if<TrainingSpecification>(&specification);
  if (training == nullptr)
    throw core::input_error(fmt::format("job '{}' is of kind {}", job.hex, experiments::kind_name(specification)),
                            "features are computed by a training's networks", "name the training");
  const auto record = results::read_record(files, store, job);
  const auto* trained = record ? std::get_if<results::TrainingRecord>(&*record) : nullptr;
  if (trained == nullptr)
    throw core::input_error(fmt::format("training '{}' has no result", job.hex), "its weights are needed",
                            "run the training first");
  return {store, std::move(*training), *trained};
}

// Before hours of computing, not after them.
fs::path writable_file(const std::string& name) {
  fs::path path = fs::absolute(name);
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) throw core::input_error("--out '" + name + "' is a folder", {}, "name a file");
  if (!fs::is_directory(path.parent_path(), ignored))
    throw core::input_error("folder '" + path.parent_path().string() + "' of --out is missing", {}, "make it first");
  core::require_replaceable_file(core::real_file_system(), path, core::as_byte_span("\x89HDF"));
  core::probe_storage(core::real_file_system(), path.parent_path());
  return path;
}

struct EmbedOptions {
  fs::path out;
  int ranks = 1;
  std::vector<std::string> worker = {};  // options that go on to every rank
};

void run_worker(const Training& training, const ImageSet& set, const EmbedOptions& asked) {
  ScratchStore scratch(training.store, /*keep=*/false);
  scratch.prepare_finished(training.record);
  const fs::path list = scratch.layout().root() / datasets::sources::kImageList;
  core::write_atomic(core::real_file_system(), list, datasets::sources::image_list_text(set.samples));
  LocalAttempt attempt{worker_program(),
                       scratch.layout(),
                       {training.record.job, training.specification, {}, asked.ranks, ""},
                       1,
                       asked.worker,
                       "embedding",
                       "embed"};
  attempt.options.insert(attempt.options.end(),
                         {"--list", list.string(), "--root", set.root.string(), "--out", asked.out.string()});
  if (!set.labelled) attempt.options.emplace_back("--without-cameras");
  const AttemptEnd end = follow_attempt(attempt);
  if (end.code == 0) return;
  if (kind_of(end) == core::ErrorKind::kInterrupted)
    throw core::RuntimeError(core::ErrorKind::kInterrupted, "stopped", "nothing is written", "start it again");
  throw core::RuntimeError(kind_of(end), end.message);
}

void tell_embedding(const Training& training, const ImageSet& set, const fs::path& out, bool json) {
  const datasets::ArrayFileReader features(out);
  const std::size_t queries = queries_of(set), gallery = set.samples.size() - queries;
  const std::uint64_t dimension =
      features.has("gallery/features") ? features.shape_of_floats("gallery/features").at(1) : 0;
  if (json) {
    core::Json json_text = {
        {"file", out.string()}, {"training", training.record.job.hex}, {"queries", queries}, {"gallery", gallery}};
    if (dimension > 0) json_text["dimension"] = dimension;
    print_json(json_text);
    return;
  }
  const std::string what = dimension > 0 ? fmt::format("features of {} dimensions", dimension) : "distances";
  std::cout << fmt::format("{}: {} of {} queries and {} gallery images\n", out.string(), what, queries, gallery);
}

}  // namespace

int embed(const Arguments& arguments) {
  EmbedOptions asked;
  int threads = 1;
  std::string truncated;
  options::options_description visible;
  auto add = visible.add_options();
  add("store", options::value<std::string>(), kStoreHelp);
  add("out", options::value<std::string>()->default_value("features.h5"), "file to write");
  add("ranks", options::value(&asked.ranks)->default_value(1), "process ranks W; no byte depends on it");
  add("threads", options::value(&threads)->default_value(1),
      "threads of each process rank; another number gives other bits");
  add("flip", "the mean over each image and its mirror image, as evaluate.flip");
  add("follow-links", "read images behind symbolic links, which are refused otherwise");
  add("truncated-images", options::value(&truncated)->default_value("refused"),
      "JPEGs whose data end early: refused, filled");
  add("json", "one JSON document on stdout; of files that are refused too");
  auto values = parse_options(arguments, kEmbedHelp, visible, {"TRAINING", "FOLDER|LIST"});
  if (!values) return 0;
  const bool json = values->count("json") > 0;
  at_least("ranks", asked.ranks, 1);
  in_range("threads", threads, 1, kMostThreads);
  asked.worker = {"--threads", std::to_string(threads)};
  if (values->count("flip") > 0) asked.worker.emplace_back("--flip");
  const Taken taken{values->count("follow-links") > 0,
                    settings::parse_word<datasets::TruncatedImages>(truncated, "option --truncated-images")};
  if (taken.truncated == datasets::TruncatedImages::kFilled) asked.worker.emplace_back("--fill-truncated");
  const Training training = find_training(*values);
  asked.out = writable_file(required_value(*values, "out"));
  try {
    const ImageSet set = read_images(required_value(*values, "FOLDER|LIST"), taken);
    if (!experiments::distances_of(training.specification.method).empty() && queries_of(set) == 0)
      throw core::input_error("there is no query among the images",
                              fmt::format("method '{}' compares queries with gallery images in pairs",
                                          experiments::method_name(training.specification.method)),
                              "give a list with images of the subset query");
    run_worker(training, set, asked);
    tell_embedding(training, set, asked.out, json);
  } catch (const datasets::RefusedFiles& refused) {
    tell_refused(refused, json);
    throw;
  }
  return 0;
}

}  // namespace resolute::cli
