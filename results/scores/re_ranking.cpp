#include "results/scores/re_ranking.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <iterator>
#include <memory>
#include <span>

#include "core/error.h"
#include "core/process/side_by_side.h"
#include "results/kernel/neighbours.h"
#include "results/scores/ranking.h"

namespace resolute::results {
namespace {

using Image = std::uint32_t;

using kernel::Neighbour;

// A share of an encoding, in units of 2⁻⁵²: sums of some thousand are exact, so that no order changes a bit.
using Share = std::uint64_t;
constexpr double kWhole = 0x1p52;
Share share_of(double value) { return static_cast<Share>(std::llround(value * kWhole)); }

// One image's encoding, or the mean of several: entries other than 0, ascending by image.
struct Entry {
  Image image = 0;
  Share value = 0;
};
using Encoding = std::vector<Entry>;

void check(const FeatureMatrix& query, const FeatureMatrix& gallery, const ReRanking& options) {
  if (options.k1 < 1 || options.k2 < 1 || options.k2 > options.k1)
    throw core::input_error(fmt::format("re-ranking with k1 = {} and k2 = {}", options.k1, options.k2),
                            "k1 is at least 1, k2 at least 1 and at most k1");
  if (!(options.lambda >= 0 && options.lambda <= 1))
    throw core::input_error(fmt::format("re-ranking with lambda = {}", options.lambda), "a share is from 0 to 1");
  kernel::check_dimensions(query.dimension, gallery.dimension);
  for (const auto& [matrix, side] : {std::pair(&query, "query"), std::pair(&gallery, "gallery")}) {
    kernel::check_size(*matrix, side);
    kernel::check_values(matrix->values, 0, matrix->dimension, side);
  }
}

// The neighbours at most as far as the k-th, the image itself not counted.
std::span<const Neighbour> within(const std::vector<Neighbour>& all, std::size_t k) {
  const std::size_t count = std::min(k + 1, all.size());
  const double farthest = all[count - 1].distance;
  const auto end = std::find_if(all.begin() + static_cast<std::ptrdiff_t>(count), all.end(),
                                [&](const Neighbour& neighbour) { return neighbour.distance > farthest; });
  return {all.begin(), end};
}

class ReRanker {
 public:
  ReRanker(const FeatureMatrix& query, const FeatureMatrix& gallery, const ReRanking& options, Gemm gemm,
           const WorkOptions& work)
      : options_(options),
        threads_(static_cast<std::size_t>(work.threads)),
        gemm_(std::move(gemm)),
        pairs_({query, gallery}, gemm_, work.threads),
        around_(kernel::neighbourhoods(pairs_, static_cast<std::size_t>(options.k1) + 1, work.threads)),
        encodings_(around_.size()),
        holders_(around_.size()) {
    each(encodings_.size(), [&](std::size_t i) { encodings_[i] = encoding_of(static_cast<Image>(i)); });
    if (options_.k2 > 1) {
      std::vector<Encoding> expanded(encodings_.size());
      each(encodings_.size(), [&](std::size_t i) { expanded[i] = averaged(i); });
      encodings_ = std::move(expanded);
    }
    for (std::size_t g = 0; g < gallery.rows; ++g)
      for (const Entry& entry : encodings_[query.rows + g])
        holders_[entry.image].push_back({static_cast<Image>(g), entry.value});
  }

  void fill(std::size_t first, std::size_t count, const Matching& matching, std::span<double> to) const {
    const std::size_t gallery = pairs_.images().gallery.rows;
    std::vector<float> products(count * gallery);
    pairs_.multiply({first, count}, {pairs_.images().query.rows, gallery}, products);
    for (std::size_t q = 0; q < count; ++q)
      fill_row(first + q, matching, std::span(products).subspan(q * gallery, gallery),
               to.subspan(q * gallery, gallery));
  }

 private:
  void each(std::size_t count, const std::function<void(std::size_t)>& work) const {
    constexpr std::size_t kTogether = 16;
    core::side_by_side((count + kTogether - 1) / kTogether, threads_, [&](std::size_t piece) {
      const std::size_t end = std::min(count, (piece + 1) * kTogether);
      for (std::size_t i = piece * kTogether; i < end; ++i) work(i);
    });
  }

  // A squared distance over the largest from the same image, which is 0 where all are.
  double share_of_largest(std::size_t from, double square) const {
    return around_[from].farthest > 0 ? std::clamp(square / around_[from].farthest, 0.0, 1.0) : 0;
  }

  // Neighbours within k that have the image within their k in turn; ascending.
  std::vector<Image> reciprocal(Image image, std::size_t k) const {
    std::vector<Image> found;
    for (const Neighbour& neighbour : within(around_[image].nearest, k)) {
      const auto back = within(around_[neighbour.image].nearest, k);
      if (std::ranges::any_of(back, [&](const Neighbour& other) { return other.image == image; }))
        found.push_back(neighbour.image);
    }
    std::ranges::sort(found);
    return found;
  }

  Encoding encoding_of(Image image) const {
    const auto k1 = static_cast<std::size_t>(options_.k1);
    const auto half = static_cast<std::size_t>(std::nearbyint(options_.k1 / 2.0));  // half to even, as NumPy rounds
    const std::vector<Image> neighbours = reciprocal(image, k1);
    std::vector<Image> expanded = neighbours;
    for (Image candidate : neighbours) {
      const std::vector<Image> further = reciprocal(candidate, half);
      std::vector<Image> common;
      std::set_intersection(neighbours.begin(), neighbours.end(), further.begin(), further.end(),
                            std::back_inserter(common));
      if (3 * common.size() > 2 * further.size()) expanded.insert(expanded.end(), further.begin(), further.end());
    }
    std::ranges::sort(expanded);
    expanded.erase(std::unique(expanded.begin(), expanded.end()), expanded.end());
    std::vector<double> weights;
    for (Image other : expanded) weights.push_back(std::exp(-share_of_largest(image, pairs_.exact(image, other))));
    const double sum = order_free_sum(weights);
    Encoding encoding;
    for (std::size_t i = 0; i < expanded.size(); ++i) encoding.push_back({expanded[i], share_of(weights[i] / sum)});
    return encoding;
  }

  // The nearest k2, the image itself one of them.
  Encoding averaged(std::size_t image) const {
    const auto nearest = within(around_[image].nearest, static_cast<std::size_t>(options_.k2) - 1);
    Encoding all;
    for (const Neighbour& neighbour : nearest)
      all.insert(all.end(), encodings_[neighbour.image].begin(), encodings_[neighbour.image].end());
    std::ranges::sort(all, [](const Entry& a, const Entry& b) { return a.image < b.image; });
    Encoding averages;
    for (const Entry& entry : all) {
      if (averages.empty() || averages.back().image != entry.image) averages.push_back({entry.image, 0});
      averages.back().value += entry.value;
    }
    for (Entry& entry : averages) entry.value /= nearest.size();
    return averages;
  }

  // Exact where a true match's distance, its own among them, lies within the bounds.
  void fill_row(std::size_t query, const Matching& matching, std::span<const float> products,
                std::span<double> to) const {
    const std::size_t queries = pairs_.images().query.rows;
    std::vector<Share> common(to.size());  // sums of the smaller of both values
    for (const Entry& entry : encodings_[query])
      for (const Entry& holder : holders_[entry.image]) common[holder.image] += std::min(entry.value, holder.value);
    const auto distance = [&](std::size_t g, double square) {
      const double both = static_cast<double>(common[g]) / kWhole;
      const double jaccard = std::max(0.0, 1 - both / (2 - both));  // but for rounding
      return jaccard * (1 - options_.lambda) + share_of_largest(query, square) * options_.lambda;
    };
    std::vector<std::size_t> matches;
    matching.matches_of(query, matches);
    std::vector<double> sorted;
    for (std::size_t g : matches) sorted.push_back(distance(g, pairs_.exact(query, queries + g)));
    std::ranges::sort(sorted);
    const kernel::Filter::Query asking = pairs_.query(query);
    for (std::size_t g = 0; g < to.size(); ++g) {
      const kernel::Pairs::Bounds bounds = pairs_.bounds(asking, query, queries + g, products[g]);
      const double low = distance(g, bounds.low), high = distance(g, bounds.high);
      const auto next = std::ranges::lower_bound(sorted, low);
      to[g] = next == sorted.end() || *next > high ? low : distance(g, pairs_.exact(query, queries + g));
    }
  }

  ReRanking options_;
  std::size_t threads_;
  Gemm gemm_;
  kernel::Pairs pairs_;
  std::vector<kernel::Neighbourhood> around_;
  std::vector<Encoding> encodings_;
  std::vector<Encoding> holders_;  // of each image, the gallery images in whose encoding it is
};

}  // namespace

kernel::DistanceRows re_ranked_rows(const FeatureMatrix& query, const FeatureMatrix& gallery, const ReRanking& options,
                                    const Gemm& gemm, const WorkOptions& work) {
  check(query, gallery, options);
  const bool any = query.rows > 0 && gallery.rows > 0;
  return [queries = query.rows, images = gallery.rows,
          ranker = any ? std::make_shared<const ReRanker>(query, gallery, options, gemm, work) : nullptr](
             std::size_t first, std::size_t count, const Matching& matching, std::span<double> to) {
    kernel::check_features(matching, queries, images);
    if (ranker) ranker->fill(first, count, matching, to);
  };
}

kernel::DistanceRows rows_behind(const NeighbourSteps& steps, const FeatureMatrix& query, const FeatureMatrix& gallery,
                                 const Gemm& gemm, const WorkOptions& work) {
  const auto rows_from = [&](const FeatureMatrix& from) {
    return steps.re_ranking ? re_ranked_rows(from, gallery, *steps.re_ranking, gemm, work)
                            : euclidean_rows(from, gallery);
  };
  if (!steps.expansion) return rows_from(query);
  const auto expanded =
      std::make_shared<const std::vector<float>>(expanded_queries(query, gallery, *steps.expansion, work));
  return [expanded, rows = rows_from({*expanded, query.rows, query.dimension})](auto&&... of_queries) {
    rows(std::forward<decltype(of_queries)>(of_queries)...);
  };
}

}  // namespace resolute::results
