#include "results/scores/re_ranking.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <iterator>
#include <span>

#include "core/error.h"
#include "core/process/side_by_side.h"
#include "results/kernel/nearest.h"
#include "results/scores/branched_distance.h"
#include "results/scores/ranking.h"

namespace resolute::results {
namespace {

using Image = std::uint32_t;

struct Neighbour {
  double distance = 0;  // over the largest from the same image
  Image image = 0;
  auto operator<=>(const Neighbour&) const = default;
};
using Neighbours = std::vector<Neighbour>;  // nearest first, the image itself among them

// One image's encoding, or what is averaged of several: entries other than 0, by image.
struct Entry {
  Image image = 0;
  double value = 0;
  auto operator<=>(const Entry&) const = default;
};
using Encoding = std::vector<Entry>;

void check(const FeatureMatrix& query, const FeatureMatrix& gallery, const ReRanking& options) {
  if (options.k1 < 1 || options.k2 < 1 || options.k2 > options.k1)
    throw core::input_error(fmt::format("re-ranking with k1 = {} and k2 = {}", options.k1, options.k2),
                            "k1 is at least 1, k2 at least 1 and at most k1");
  if (!(options.lambda >= 0 && options.lambda <= 1))
    throw core::input_error(fmt::format("re-ranking with lambda = {}", options.lambda), "a share is from 0 to 1");
  if (query.dimension != gallery.dimension)
    throw core::input_error(
        fmt::format("query features have {} dimensions and gallery features {}", query.dimension, gallery.dimension),
        "they must be of one network");
}

// Squares of distances over the largest of them, which is 0 where all are.
void make_shares(std::span<double> distances, double largest) {
  for (double& distance : distances) {
    distance *= distance;
    if (largest > 0) distance /= largest;
  }
}

// The neighbours at most as far as the k-th, the image itself not counted.
std::span<const Neighbour> within(const Neighbours& all, std::size_t k) {
  const std::size_t count = std::min(k + 1, all.size());
  const double farthest = all[count - 1].distance;
  const auto end = std::find_if(all.begin() + static_cast<std::ptrdiff_t>(count), all.end(),
                                [&](const Neighbour& neighbour) { return neighbour.distance > farthest; });
  return {all.begin(), end};
}

class ReRanker {
 public:
  ReRanker(const FeatureMatrix& query, const FeatureMatrix& gallery, const ReRanking& options, const WorkOptions& work)
      : options_(options), work_(work), queries_(query.rows), images_(query.rows + gallery.rows) {
    features_.reserve(query.values.size() + gallery.values.size());
    features_.insert(features_.end(), query.values.begin(), query.values.end());
    features_.insert(features_.end(), gallery.values.begin(), gallery.values.end());
    all_ = {features_, images_, query.dimension};
  }

  std::vector<double> run() {
    find_neighbours();
    std::vector<Encoding> encodings(images_);
    each(images_, [&](std::size_t i) { encodings[i] = encoding_of(static_cast<Image>(i)); });
    if (options_.k2 > 1) {
      std::vector<Encoding> expanded(images_);
      each(images_, [&](std::size_t i) { expanded[i] = averaged(encodings, i); });
      encodings = std::move(expanded);
    }
    add_jaccard(encodings);
    return std::move(distances_);
  }

 private:
  void each(std::size_t count, const std::function<void(std::size_t)>& work) const {
    constexpr std::size_t kTogether = 16;
    core::side_by_side((count + kTogether - 1) / kTogether, static_cast<std::size_t>(work_.threads),
                       [&](std::size_t piece) {
                         const std::size_t end = std::min(count, (piece + 1) * kTogether);
                         for (std::size_t i = piece * kTogether; i < end; ++i) work(i);
                       });
  }

  FeatureMatrix rows(std::size_t first, std::size_t count) const {
    return {all_.values.subspan(first * all_.dimension, count * all_.dimension), count, all_.dimension};
  }

  // Distances of a block of images to all at a time: of each the nearest are kept, and of a query those to the gallery.
  void find_neighbours() {
    constexpr std::size_t kBlock = 192;
    neighbours_.resize(images_);
    largest_.resize(images_);
    const std::size_t gallery = images_ - queries_;
    distances_.resize(queries_ * gallery);
    std::vector<double> block;
    for (std::size_t first = 0; first < images_; first += kBlock) {
      const std::size_t count = std::min(kBlock, images_ - first);
      block.resize(count * images_);
      const DistanceBranch branch{rows(first, count), all_, {}, {}};
      branched_distances(std::span(&branch, 1), block, work_);
      each(count, [&](std::size_t r) {
        const std::span<double> row(block.data() + r * images_, images_);
        const double farthest = *std::max_element(row.begin(), row.end());
        largest_[first + r] = farthest * farthest;
        make_shares(row, largest_[first + r]);
        neighbours_[first + r] = nearest(row, first + r);
        if (first + r < queries_)
          std::copy(row.begin() + static_cast<std::ptrdiff_t>(queries_), row.end(),
                    distances_.begin() + static_cast<std::ptrdiff_t>((first + r) * gallery));
      });
    }
  }

  Neighbours nearest(std::span<const double> row, std::size_t image) const {
    const auto of = [&] {
      return image < queries_ ? fmt::format("query {}", image) : fmt::format("gallery image {}", image - queries_);
    };
    Neighbours found;
    for (std::size_t other : kernel::nearest(row, static_cast<std::size_t>(options_.k1) + 1, of, options_.k1))
      found.push_back({row[other], static_cast<Image>(other)});
    std::sort(found.begin(), found.end());
    return found;
  }

  // Neighbours within k that have the image within their k in turn; ascending.
  std::vector<Image> reciprocal(Image image, std::size_t k) const {
    std::vector<Image> found;
    for (const Neighbour& neighbour : within(neighbours_[image], k)) {
      const auto back = within(neighbours_[neighbour.image], k);
      if (std::any_of(back.begin(), back.end(), [&](const Neighbour& other) { return other.image == image; }))
        found.push_back(neighbour.image);
    }
    std::sort(found.begin(), found.end());
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
    std::sort(expanded.begin(), expanded.end());
    expanded.erase(std::unique(expanded.begin(), expanded.end()), expanded.end());
    const std::vector<double> distances = distances_to(image, expanded);
    std::vector<double> weights;
    for (double distance : distances) weights.push_back(std::exp(-distance));
    const double sum = order_free_sum(weights);
    Encoding encoding;
    for (std::size_t i = 0; i < expanded.size(); ++i) encoding.push_back({expanded[i], weights[i] / sum});
    return encoding;
  }

  // Also to those that are no neighbours of its own.
  std::vector<double> distances_to(Image image, const std::vector<Image>& others) const {
    std::vector<float> gathered;
    gathered.reserve(others.size() * all_.dimension);
    for (Image other : others) {
      const auto row = rows(other, 1).values;
      gathered.insert(gathered.end(), row.begin(), row.end());
    }
    std::vector<double> distances(others.size());
    const DistanceBranch branch{rows(image, 1), {gathered, others.size(), all_.dimension}, {}, {}};
    WorkOptions alone = work_;
    alone.threads = 1;
    branched_distances(std::span(&branch, 1), distances, alone);
    make_shares(distances, largest_[image]);
    return distances;
  }

  // The nearest k2, the image itself one of them.
  Encoding averaged(const std::vector<Encoding>& encodings, std::size_t image) const {
    const auto nearest = within(neighbours_[image], static_cast<std::size_t>(options_.k2) - 1);
    Encoding all;
    for (const Neighbour& neighbour : nearest)
      all.insert(all.end(), encodings[neighbour.image].begin(), encodings[neighbour.image].end());
    Encoding averages = summed(std::move(all));
    for (Entry& entry : averages) entry.value /= static_cast<double>(nearest.size());
    return averages;
  }

  // One entry per image, the sum of its values in ascending order.
  static Encoding summed(Encoding entries) {
    std::sort(entries.begin(), entries.end());
    Encoding sums;
    for (const Entry& entry : entries) {
      if (sums.empty() || sums.back().image != entry.image) sums.push_back({entry.image, 0});
      sums.back().value += entry.value;
    }
    return sums;
  }

  void add_jaccard(const std::vector<Encoding>& encodings) {
    const std::size_t gallery = images_ - queries_;
    std::vector<Encoding> holders(images_);  // of each image, the gallery images in whose encoding it is
    for (std::size_t g = 0; g < gallery; ++g)
      for (const Entry& entry : encodings[queries_ + g])
        holders[entry.image].push_back({static_cast<Image>(g), entry.value});
    each(queries_, [&](std::size_t q) {
      Encoding smaller;
      for (const Entry& entry : encodings[q])
        for (const Entry& holder : holders[entry.image])
          smaller.push_back({holder.image, std::min(entry.value, holder.value)});
      std::vector<double> jaccard(gallery, 1.0);
      for (const Entry& common : summed(std::move(smaller)))
        jaccard[common.image] = std::max(0.0, 1 - common.value / (2 - common.value));  // but for rounding
      for (std::size_t g = 0; g < gallery; ++g) {
        double& distance = distances_[q * gallery + g];
        distance = jaccard[g] * (1 - options_.lambda) + distance * options_.lambda;
      }
    });
  }

  const ReRanking& options_;
  const WorkOptions& work_;
  std::size_t queries_, images_;
  std::vector<float> features_;  // of queries, then of the gallery
  FeatureMatrix all_;
  std::vector<Neighbours> neighbours_;
  std::vector<double> largest_;    // squared distance from each image
  std::vector<double> distances_;  // queries × gallery
};

}  // namespace

std::vector<double> re_ranked_distances(const FeatureMatrix& query, const FeatureMatrix& gallery,
                                        const ReRanking& options, const WorkOptions& work) {
  check(query, gallery, options);
  if (query.rows == 0 || gallery.rows == 0) return {};
  return ReRanker(query, gallery, options, work).run();
}

}  // namespace resolute::results
