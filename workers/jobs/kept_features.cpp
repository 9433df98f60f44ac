#include "workers/jobs/kept_features.h"

#include "core/error.h"
#include "core/hash/sha256.h"
#include "core/log.h"
#include "datasets/hdf5/array_file.h"

namespace resolute::workers {
namespace {

constexpr const char* kEnding = ".h5";

// One image a line, so that equal hashes are equal views.
std::string sha256_of_views(std::span<const ImageView> views) {
  core::Sha256 hash;
  for (const ImageView& view : views)
    hash.update(fmt::format("{} {} {} {}\n", view.row, view.rate, view.side == methods::Side::kLow ? "low" : "high",
                            view.level));
  return hash.finish_hex();
}

// Both sides' rows, the queries' first.
std::vector<float> read_rows(const std::filesystem::path& file, std::size_t queries, std::size_t images,
                             std::size_t dimension) {
  const datasets::ArrayFileReader reader(file);
  std::vector<float> rows(images * dimension);
  const std::span<float> all(rows);
  const auto read = [&](const char* name, std::span<float> to) {
    if (reader.shape_of_floats(name) != std::vector<std::uint64_t>{to.size() / dimension, dimension})
      throw core::corrupt_error(fmt::format("'{}' in '{}' has another shape", name, file.string()));
    reader.read_float32_rows(name, 0, to);
  };
  read("query/features", all.first(queries * dimension));
  read("gallery/features", all.subspan(queries * dimension));
  return rows;
}

}  // namespace

KeptFeatures::KeptFeatures(core::FileSystem& files, const experiments::StoreLayout& store,
                           const FinishedTraining& training, const std::string& pack_sha256,
                           const std::string& numeric_class, bool flip)
    : files_(files),
      folder_(store.job_folder(training.record.job)),
      key_{{"weights_sha256", training.record.weights_sha256},
           {"pack_sha256", pack_sha256},
           {"numeric_class", numeric_class},
           {"flip", flip}} {}

std::string KeptFeatures::prefix_of(std::span<const ImageView> views) const {
  core::Json key = key_;
  key["views_sha256"] = sha256_of_views(views);
  constexpr std::size_t kDigits = 16;
  return fmt::format("kept-features-{}-", core::sha256_hex(core::canonical_json(key)).substr(0, kDigits));
}

std::optional<std::vector<float>> KeptFeatures::find(std::span<const ImageView> views, std::size_t queries,
                                                     std::size_t dimension) {
  missing_ = prefix_of(views);
  for (const std::string& name : files_.list(folder_)) {
    if (!name.starts_with(missing_)) continue;
    const std::filesystem::path file = folder_ / name;
    try {
      if (missing_ + core::sha256_of(*files_.open_for_read(file)) + kEnding != name) {
        files_.remove(file);  // else it stands where the right one would
        throw core::corrupt_error(fmt::format("'{}' is not the file that the evaluation kept", file.string()));
      }
      std::vector<float> rows = read_rows(file, queries, views.size(), dimension);
      core::log_info("features are those of '{}'", file.string());
      missing_.clear();
      return rows;
    } catch (const core::RuntimeError& error) {
      core::log_warning("{}; images are embedded again", error.what());
    }
  }
  return std::nullopt;
}

void KeptFeatures::keep(const fs::path& features, const std::string& features_sha256) const {
  if (missing_.empty()) return;
  try {
    files_.link(features, folder_ / (missing_ + features_sha256 + kEnding));
  } catch (const core::RuntimeError& error) {
    core::log_warning("{}; other evaluations will embed the same images again", error.what());
  }
}

}  // namespace resolute::workers
