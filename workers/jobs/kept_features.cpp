#include "workers/jobs/kept_features.h"

#include <utility>

#include "core/error.h"
#include "core/files/json.h"
#include "core/hash/sha256.h"
#include "core/log.h"
#include "datasets/hdf5/array_file.h"

namespace resolute::workers {
namespace {

// One image a line, so that equal hashes are equal views.
std::string sha256_of_views(std::span<const ImageView> views) {
  core::Sha256 hash;
  for (const ImageView& view : views)
    hash.update(
        fmt::format("{} {} {} {}\n", view.row, view.rate, view.side == Side::kLow ? "low" : "high", view.level));
  return hash.finish_hex();
}

struct KeptLine {
  experiments::JobId evaluation;
  std::string features_sha256;
};

KeptLine parse_line(std::string_view text, const std::string& where) {
  const core::Json json = core::parse_json(text, where);
  core::ObjectReader reader(json, where);
  KeptLine line{{reader.required<std::string>("evaluation")}, reader.required<std::string>("features_sha256")};
  reader.finish();
  if (!core::is_sha256_hex(line.evaluation.hex))
    throw core::input_error(fmt::format("{}: '{}' is no job id", where, line.evaluation.hex));
  return line;
}

// Both sides' rows, the queries' first.
std::vector<float> read_rows(const std::filesystem::path& file, std::size_t queries, std::size_t images,
                             std::size_t dimension) {
  const datasets::ArrayFileReader reader(file);
  std::vector<float> rows;
  for (const auto& [name, count] :
       {std::pair("query/features", queries), std::pair("gallery/features", images - queries)}) {
    const datasets::NamedArray<float> side = reader.read_float32(name, 2);
    if (side.shape != std::vector<std::uint64_t>{count, dimension})
      throw core::corrupt_error(fmt::format("'{}' in '{}' has another shape", name, file.string()));
    rows.insert(rows.end(), side.values.begin(), side.values.end());
  }
  return rows;
}

}  // namespace

std::filesystem::path features_file(const experiments::StoreLayout& store, const experiments::JobId& evaluation) {
  return store.job_folder(evaluation) / "features.h5";
}

KeptFeatures::KeptFeatures(core::FileSystem& files, const experiments::StoreLayout& store,
                           const FinishedTraining& training, const std::string& pack_sha256,
                           const std::string& numeric_class, bool flip)
    : files_(files),
      store_(store),
      training_(training),
      pack_sha256_(pack_sha256),
      numeric_class_(numeric_class),
      flip_(flip) {}

std::filesystem::path KeptFeatures::file_of(std::span<const ImageView> views) const {
  const core::Json key = {{"weights_sha256", training_.record.weights_sha256},
                          {"pack_sha256", pack_sha256_},
                          {"numeric_class", numeric_class_},
                          {"flip", flip_},
                          {"views_sha256", sha256_of_views(views)}};
  constexpr std::size_t kDigits = 16;
  const std::string name = core::sha256_hex(core::canonical_json(key)).substr(0, kDigits);
  return store_.job_folder(training_.record.job) / fmt::format("kept-features-{}.json", name);
}

std::optional<std::vector<float>> KeptFeatures::find(std::span<const ImageView> views, std::size_t queries,
                                                     std::size_t dimension) {
  const std::filesystem::path file = file_of(views);
  missing_ = file;
  try {
    const std::optional<std::string> text = core::read_text_if_exists(files_, file);
    if (!text) return std::nullopt;
    const KeptLine line = parse_line(*text, file.string());
    const std::filesystem::path features = features_file(store_, line.evaluation);
    if (core::sha256_hex(files_.read(features)) != line.features_sha256)
      throw core::corrupt_error(fmt::format("'{}' is not the file that was kept", features.string()));
    std::vector<float> rows = read_rows(features, queries, views.size(), dimension);
    core::log_info("features are those of evaluation {}", line.evaluation.hex);
    missing_.clear();
    return rows;
  } catch (const core::RuntimeError& error) {
    core::log_warning("{}; images are embedded again", error.what());
    return std::nullopt;
  }
}

void KeptFeatures::keep(const experiments::JobId& evaluation, const std::string& features_sha256) const {
  if (missing_.empty()) return;
  const core::Json line = {{"evaluation", evaluation.hex}, {"features_sha256", features_sha256}};
  try {
    core::write_atomic(files_, missing_, core::canonical_json(line) + "\n");
  } catch (const core::RuntimeError& error) {
    core::log_warning("{}; other evaluations will embed the same images again", error.what());
  }
}

}  // namespace resolute::workers
