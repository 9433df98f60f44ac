#include "cli/job/ranked_file.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <span>
#include <string_view>

#include "core/error.h"
#include "core/log.h"
#include "core/progress.h"
#include "datasets/arrays/named_arrays.h"
#include "datasets/split/split.h"
#include "results/kernel/gemm_openblas.h"
#include "results/scores/prepared_features.h"

namespace resolute::cli {
namespace {

struct Side {
  datasets::NamedArray<std::int64_t> identities;
  datasets::NamedArray<std::int64_t> cameras;
  results::Labels labels() const { return {identities.values, cameras.values}; }
  bool has_cameras() const { return !cameras.values.empty(); }
};

// An array's name in docs/inside/formats/features.md and those under which others dump the same: without a folder, as
// MATLAB needs it; that of the widely copied `pytorch_result.mat`; torchreid's and fast-reid's.
const std::map<std::string, std::vector<std::string>>& other_names() {
  static const std::map<std::string, std::vector<std::string>> names = {
      {"query/features", {"query_features", "query_f", "qf"}},
      {"query/identities", {"query_identities", "query_label", "q_pids"}},
      {"query/cameras", {"query_cameras", "query_cam", "q_camids"}},
      {"query/prefix", {"query_prefix"}},
      {"gallery/features", {"gallery_features", "gallery_f", "gf"}},
      {"gallery/identities", {"gallery_identities", "gallery_label", "g_pids"}},
      {"gallery/cameras", {"gallery_cameras", "gallery_cam", "g_camids"}},
      {"distance", {"distmat"}},
  };
  return names;
}

// A file's arrays by the names of docs/inside/formats/features.md.
class Dump {
 public:
  explicit Dump(const std::string& path) : arrays_(datasets::open_named_arrays(path)) {
    for (const auto& [name, others] : other_names()) find(name, others);
  }
  bool has(const std::string& name) const { return found_.contains(name); }
  bool is_float64(const std::string& name) const { return arrays_->is_float64(stored(name)); }
  auto read_float32(const std::string& name) const { return arrays_->read_float32(stored(name), 2); }
  auto float32_rows(const std::string& name) const { return arrays_->float32_rows(stored(name)); }
  auto read_float64(const std::string& name) const { return arrays_->read_float64(stored(name), 2); }
  auto read_int64(const std::string& name) const { return arrays_->read_int64(stored(name), 1); }

 private:
  void find(const std::string& name, const std::vector<std::string>& others) {
    std::vector<std::string> spellings;
    if (arrays_->has(name)) spellings.push_back(name);
    for (const std::string& other : others)
      if (arrays_->has(other)) spellings.push_back(other);
    if (spellings.size() > 1)
      throw core::input_error(fmt::format("'{}' and '{}' are both there", spellings[0], spellings[1]),
                              fmt::format("either may be '{}'", name), "leave one of them out");
    if (!spellings.empty()) found_[name] = spellings.front();
  }
  const std::string& stored(const std::string& name) const {
    const auto found = found_.find(name);
    if (found != found_.end()) return found->second;
    throw core::input_error(fmt::format("data set '{}' is missing", name),
                            fmt::format("nor is there '{}'", fmt::join(other_names().at(name), "' or '")));
  }

  std::unique_ptr<datasets::NamedArrays> arrays_;
  std::map<std::string, std::string> found_;  // the name of the page → that in the file
};

Side read_side(const Dump& file, const std::string& group) {
  Side side;
  side.identities = file.read_int64(group + "/identities");
  // A file without cameras has nothing to leave out; one with fewer cameras than identities is broken.
  if (file.has(group + "/cameras")) {
    side.cameras = file.read_int64(group + "/cameras");
    if (side.cameras.values.size() != side.identities.values.size())
      throw core::input_error(fmt::format("'{}' has {} identities and {} cameras", group, side.identities.values.size(),
                                          side.cameras.values.size()),
                              "each image has one of both");
  }
  return side;
}

// With those of one group nothing could be left out, and figures would be far too good.
void require_cameras_of_both_or_neither(const Side& query, const Side& gallery) {
  if (query.identities.values.empty() || gallery.identities.values.empty()) return;
  if (query.has_cameras() == gallery.has_cameras()) return;
  throw core::input_error(
      fmt::format("'{}/cameras' is missing and '{}/cameras' is there", query.has_cameras() ? "gallery" : "query",
                  query.has_cameras() ? "query" : "gallery"),
      "gallery images of a query's own camera cannot be told", "write both or, where cameras mean nothing, neither");
}

// Distances as they stand: those that float64 tells apart would be ties in float32.
results::GalleryScores rank_given(const Dump& file, const Side& query, const Side& gallery,
                                  const results::Galleries& galleries, const results::RankingOptions& ranking) {
  const auto rank = [&](const auto& distance) {
    if (distance.shape[0] != query.identities.values.size() || distance.shape[1] != gallery.identities.values.size())
      throw core::input_error(fmt::format("'distance' is {}×{}", distance.shape[0], distance.shape[1]),
                              fmt::format("there are {} queries and {} gallery images", query.identities.values.size(),
                                          gallery.identities.values.size()));
    return results::score_galleries(std::span(distance.values), query.labels(), gallery.labels(), galleries, ranking);
  };
  if (file.is_float64("distance")) return rank(file.read_float64("distance"));
  return rank(file.read_float32("distance"));
}

// A file's gallery, read slice by slice. Says on a terminal how far it is.
class FileGallery {
 public:
  FileGallery(datasets::FloatRows& rows, bool cosine, const std::string& path)
      : rows_(rows), cosine_(cosine), progress_(fmt::format("ranking '{}'", path), rows.rows()) {}

  results::GallerySource source() {
    return {rows_.rows(), rows_.width(), results::rows_at_once(rows_.width()),
            [this](std::size_t first, std::size_t count) { return read(first, count); }};
  }

 private:
  std::span<const float> read(std::size_t first, std::size_t count) {
    // The first time through it is only looked at; what takes long are products.
    times_ += static_cast<int>(first == 0);
    if (times_ == 2) progress_.update(first);
    const std::span<const float> slice = rows_.read(first, count);
    if (!cosine_) return slice;
    std::swap(unit_[0], unit_[1]);
    unit_[0].assign(slice.begin(), slice.end());
    results::make_unit_length(unit_[0], rows_.width(), "gallery", first);
    return unit_[0];
  }

  datasets::FloatRows& rows_;
  bool cosine_;
  core::Progress progress_;
  int times_ = 0;                           // that reading began with the first image
  std::array<std::vector<float>, 2> unit_;  // the last ones
};

results::GalleryScores rank_by_features(const Dump& file, const Side& query, const Side& gallery,
                                        const results::Galleries& galleries, const RankRequest& request,
                                        const std::string& path) {
  auto query_features = file.read_float32("query/features");
  std::vector<std::int64_t> prefix;
  if (file.has("query/prefix")) {
    prefix = file.read_int64("query/prefix").values;
    if (prefix.size() != query.identities.values.size())
      throw core::input_error(
          fmt::format("{} prefix lengths and {} queries", prefix.size(), query.identities.values.size()),
          "'query/prefix' has one a query");
  }
  const std::size_t dimension = query_features.shape[1];
  if (request.cosine) results::make_unit_length(query_features.values, dimension, "query");
  const results::FeatureMatrix queries{query_features.values, query_features.shape[0], dimension};
  const std::unique_ptr<datasets::FloatRows> rows = file.float32_rows("gallery/features");
  FileGallery images(*rows, request.cosine, path);
  const results::GallerySource source = images.source();
  const results::RankingOptions& ranking = request.ranking;
  const results::Gemm gemm = results::openblas_gemm();
  if (!request.re_ranking && !request.draws())
    return results::score_galleries(queries, query.labels(), source, gallery.labels(), prefix, galleries, gemm,
                                    ranking);
  const results::FeatureMatrix all{source.read(0, source.rows), source.rows, source.dimension};
  if (!request.re_ranking)
    return results::score_galleries(queries, query.labels(), all, gallery.labels(), prefix, galleries, gemm, ranking);
  const auto distances = [&](const results::FeatureMatrix& asked, const results::FeatureMatrix& shown) {
    return results::re_ranked_rows(asked, shown, *request.re_ranking, gemm, ranking.work);
  };
  return results::score_galleries(queries, query.labels(), all, gallery.labels(), galleries, distances, ranking);
}

// Re-ranking compares gallery images with one another, and a feature's length is that of all its dimensions.
void require_whole_features(const Dump& file, const char* option) {
  for (const char* name : {"distance", "query/prefix"})
    if (file.has(name))
      throw core::input_error(fmt::format("'{}' is there and {} is given", name, option),
                              "that takes features of whole length", "leave one of both out");
}

void require_same_queries(const RankedFile& first, const RankedFile& other) {
  const auto refuse = [&](const std::string& what) {
    throw core::input_error(fmt::format("'{}' has other queries than '{}'", other.path, first.path), what,
                            "differences are paired by query: rank files of other queries one at a time");
  };
  if (first.identities.size() != other.identities.size())
    refuse(fmt::format("{} and {}", other.identities.size(), first.identities.size()));
  const auto [mine, theirs] = std::mismatch(first.identities.begin(), first.identities.end(), other.identities.begin());
  if (mine != first.identities.end())
    refuse(fmt::format("query {} is of identity {} and of {}", mine - first.identities.begin(), *theirs, *mine));
  if (first.cameras != other.cameras) refuse("their cameras differ");
}

RankedFile rank_open_file(const std::string& path, const RankRequest& request, const RankedFile* first) {
  const Dump file(path);
  const Side query = read_side(file, "query");
  const Side gallery = read_side(file, "gallery");
  require_cameras_of_both_or_neither(query, gallery);
  if (request.re_ranking) require_whole_features(file, "--re-rank");
  if (request.cosine) require_whole_features(file, "--cosine");
  if (file.has("distance") && file.has("query/features"))
    core::log_info("'{}' is ranked by its 'distance'; its features are not read", path);
  RankedFile ranked;
  ranked.path = path;
  ranked.left_out_by_camera = query.has_cameras() || gallery.has_cameras();
  ranked.identities = query.identities.values;
  ranked.cameras = query.cameras.values;
  if (ranked.identities.empty())
    throw core::input_error("there is nothing to rank", "no image in it is a query",
                            "of an image list, the column subset says which images are query and which gallery");
  if (first != nullptr) require_same_queries(*first, ranked);
  const std::vector<results::GalleryDraw> draws =
      datasets::draw_galleries(request.protocol, request.seed, query.identities.values, gallery.identities.values);
  results::Galleries galleries;
  if (request.draws()) galleries = std::span(draws);
  ranked.scores = file.has("distance") ? rank_given(file, query, gallery, galleries, request.ranking)
                                       : rank_by_features(file, query, gallery, galleries, request, path);
  if (ranked.scores.queries == 0)
    ranked.no_score = results::why_nothing_counts(query.labels(), gallery.labels());
  else if (request.draws() && ranked.scores.map_single == 0)
    ranked.no_score = datasets::kNoMatchDrawn;
  return ranked;
}

}  // namespace

RankedFile rank_file(const std::string& path, const RankRequest& request, const RankedFile* first) {
  try {
    return rank_open_file(path, request, first);
  } catch (const core::RuntimeError& error) {
    if (std::string_view(error.what()).find(path) != std::string_view::npos) throw;
    throw error.at(path);
  }
}

}  // namespace resolute::cli
