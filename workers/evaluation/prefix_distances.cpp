#include "workers/evaluation/prefix_distances.h"

#include <algorithm>
#include <map>
#include <utility>

#include "core/error.h"
#include "core/process/side_by_side.h"
#include "results/kernel/distance.h"
#include "results/kernel/matching.h"
#include "results/scores/ranking.h"

namespace resolute::workers {
namespace {

// Gallery images that stay in a core's own cache while queries pass over them: 512 KiB of 2048 dimensions.
constexpr std::size_t kGalleryBlock = 64;

// Some of the images, as rankings want them.
EmbeddedImages take_images(const EmbeddedImages& from, std::span<const std::size_t> rows) {
  EmbeddedImages taken;
  taken.dimension = from.dimension;
  taken.features.reserve(rows.size() * from.dimension);
  taken.identities.reserve(rows.size());
  if (!from.cameras.empty()) taken.cameras.reserve(rows.size());
  for (std::size_t row : rows) {
    const auto begin = from.features.begin() + static_cast<std::ptrdiff_t>(row * from.dimension);
    taken.features.insert(taken.features.end(), begin, begin + static_cast<std::ptrdiff_t>(from.dimension));
    taken.identities.push_back(from.identities[row]);
    if (!from.cameras.empty()) taken.cameras.push_back(from.cameras[row]);
  }
  return taken;
}

// Squared distances of some queries to the gallery, over one more sub-vector at a time.
class GrowingDistances {
 public:
  //! \param rows of `query`
  GrowingDistances(const EmbeddedImages& query, std::vector<std::size_t> rows, const EmbeddedImages& gallery)
      : query_(query), gallery_(gallery), rows_(std::move(rows)), squares_(rows_.size() * gallery.rows(), 0.0) {}

  // Up to dimension `end`.
  void grow(std::size_t end) {
    const std::size_t images = gallery_.rows(), blocks = (images + kGalleryBlock - 1) / kGalleryBlock;
    core::side_by_side(blocks, static_cast<std::size_t>(std::max(1, at::get_num_threads())), [&](std::size_t block) {
      const std::size_t first = block * kGalleryBlock, last = std::min(first + kGalleryBlock, images);
      for (std::size_t q = 0; q < rows_.size(); ++q)
        for (std::size_t g = first; g < last; ++g)
          squares_[q * images + g] += results::kernel::squared_distance(
              query_.features.data() + rows_[q] * query_.dimension + begin_,
              gallery_.features.data() + g * gallery_.dimension + begin_, end - begin_);
    });
    begin_ = end;
  }

  // Right pairs and wrong ones, each in the order of queries, then of gallery images.
  std::pair<results::DistanceSpread, results::DistanceSpread> spreads() const {
    const results::Matching matching(labels_of(query_), labels_of(gallery_));
    std::vector<double> right, wrong;
    wrong.reserve(squares_.size());
    std::vector<std::size_t> matches;
    for (std::size_t q = 0; q < rows_.size(); ++q) {
      const double* row = squares_.data() + q * gallery_.rows();
      matching.matches_of(rows_[q], matches);
      for (std::size_t g : matches) right.push_back(row[g]);
      for (std::size_t g = 0; g < gallery_.rows(); ++g)
        if (matching.is_wrong(rows_[q], g)) wrong.push_back(row[g]);
    }
    const auto spread = [](std::vector<double>& squares) {
      return results::DistanceSpread{static_cast<std::int64_t>(squares.size()), results::spread_of(squares)};
    };
    return {spread(right), spread(wrong)};
  }

 private:
  const EmbeddedImages& query_;
  const EmbeddedImages& gallery_;
  std::vector<std::size_t> rows_;  // of query_
  std::size_t begin_ = 0;
  std::vector<double> squares_;  // rows_ × gallery
};

results::RankingScores rank_by(const EmbeddedImages& query, const EmbeddedImages& gallery, std::int64_t dimensions) {
  const std::vector<std::int64_t> prefix(query.rows(), dimensions);
  return results::rank_features(matrix_of(query), labels_of(query), matrix_of(gallery), labels_of(gallery), prefix,
                                libtorch_gemm(), {.max_rank = 1, .work = {}});
}

// Those whose distances are measured: as many as have `most_pairs` at most, spread evenly, from the first.
std::vector<std::size_t> measured(std::span<const std::size_t> queries, std::size_t images, std::size_t most_pairs) {
  const std::size_t most = images == 0 ? queries.size() : std::max<std::size_t>(1, most_pairs / images);
  const std::size_t rows = std::min(queries.size(), most);
  std::vector<std::size_t> some;
  some.reserve(rows);
  for (std::size_t i = 0; i < rows; ++i) some.push_back(queries[i * queries.size() / rows]);
  return some;
}

}  // namespace

std::optional<std::vector<results::PrefixDistances>> measure_prefixes(const FeatureEmbedding& embedding,
                                                                      std::span<const int> rates,
                                                                      std::span<const int> dimensions,
                                                                      const std::function<bool()>& go_on,
                                                                      std::size_t most_pairs) {
  RESOLUTE_EXPECT(rates.size() == embedding.query.rows() && embedding.levels.size() == rates.size(),
                  "every query has a rate and a level");
  std::map<std::pair<int, int>, std::vector<std::size_t>> groups;
  for (std::size_t i = 0; i < rates.size(); ++i) groups[{rates[i], embedding.levels[i]}].push_back(i);
  std::vector<results::PrefixDistances> lines;
  for (const auto& [key, queries] : groups) {
    const auto [rate, level] = key;
    const EmbeddedImages all = take_images(embedding.query, queries);
    GrowingDistances distances(embedding.query, measured(queries, embedding.gallery.rows(), most_pairs),
                               embedding.gallery);
    for (int prefix = 1; prefix <= level; ++prefix) {
      if (!go_on()) return std::nullopt;
      const std::int64_t width = dimensions[static_cast<std::size_t>(prefix) - 1];
      distances.grow(static_cast<std::size_t>(width));
      const auto [match, other] = distances.spreads();
      const results::RankingScores scores = rank_by(all, embedding.gallery, width);
      lines.push_back({rate, level, prefix, width, static_cast<std::int64_t>(scores.queries), match, other,
                       scores.cmc.front(), scores.map});
    }
  }
  return lines;
}

}  // namespace resolute::workers
