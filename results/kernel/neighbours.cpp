#include "results/kernel/neighbours.h"

#include <algorithm>
#include <limits>
#include <mutex>

#include "core/error.h"
#include "core/process/side_by_side.h"
#include "results/kernel/distance.h"

namespace resolute::results::kernel {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

//! An image at a distance between `low` and `high`.
struct Candidate {
  double low, high;
  std::uint32_t image;
};

//! The candidates so far that may be among the `count` nearest of one image.
class Candidates {
 public:
  Candidates(std::size_t count, std::size_t most_ties) : count_(count), most_ties_(most_ties), room_(2 * count + 32) {}

  //! A candidate whose low bound is above this is none of the nearest.
  double within() const { return within_; }
  std::span<const Candidate> all() const { return candidates_; }

  //! \param exact the distance of an image
  void add(const Candidate& candidate, const auto& exact) {
    candidates_.push_back(candidate);
    if (candidates_.size() < room_) return;
    keep_nearest();
    if (2 * candidates_.size() < room_) return;
    // Products do not tell so many apart.
    for (Candidate& each : candidates_)
      if (each.low != each.high) each.low = each.high = exact(each.image);
    keep_nearest();
    // One more than may tie tells as much as all of them.
    candidates_.resize(std::min(candidates_.size(), count_ + most_ties_ + 1));
    room_ = std::max(room_, 2 * candidates_.size());
  }

  void keep_nearest() {
    if (candidates_.size() < count_) return;
    const auto last = candidates_.begin() + static_cast<std::ptrdiff_t>(count_ - 1);
    std::nth_element(candidates_.begin(), last, candidates_.end(),
                     [](const Candidate& a, const Candidate& b) { return a.high < b.high; });
    within_ = last->high;
    std::erase_if(candidates_, [&](const Candidate& each) { return each.low > within_; });
  }

 private:
  std::size_t count_, most_ties_, room_;
  double within_ = kInfinity;
  std::vector<Candidate> candidates_;
};

class Search {
 public:
  Search(const Pairs& pairs, std::size_t count, int threads)
      : pairs_(pairs),
        images_(pairs.images().images()),
        count_(count),
        threads_(static_cast<std::size_t>(threads)),
        // The farthest is the nearest by distances turned round.
        nearest_(images_, Candidates(count, kMostTies)),
        farthest_(images_, Candidates(1, 0)),
        near_(images_, kInfinity),
        far_(images_, -kInfinity),
        blocks_((images_ + kBlock - 1) / kBlock),
        locks_(blocks_) {}

  std::vector<Neighbourhood> run() {
    std::vector<Neighbourhood> found(images_);
    // Blocks with themselves go first: they bound what each image takes from the others.
    std::vector<Tile> own, first, others;
    for (std::size_t a = 0; a < blocks_; ++a) {
      own.push_back({a, a});
      for (std::size_t b = a + 1; b < blocks_; ++b) (a == 0 ? first : others).push_back({a, b});
    }
    scan(own);
    scan(first);
    // One block's images tell that all features are equal.
    finish(0, std::min(kBlock, found.size()), found);
    scan(others);
    finish(std::min(kBlock, found.size()), found.size(), found);
    return found;
  }

 private:
  static constexpr std::size_t kBlock = 768;  // images; square tiles pack least
  static constexpr std::size_t kMostTies = 1000;

  struct Tile {
    std::size_t rows, columns;  // blocks
  };

  Pairs::Range range_of(std::size_t block) const {
    return {block * kBlock, std::min(kBlock, images_ - block * kBlock)};
  }

  void scan(const std::vector<Tile>& tiles) {
    core::side_by_side(tiles.size(), threads_, [&](std::size_t t) {
      const Tile& tile = tiles[t];
      const Pairs::Range rows = range_of(tile.rows), columns = range_of(tile.columns);
      std::vector<float> products(rows.count * columns.count);
      pairs_.multiply(rows, columns, products);
      std::unique_lock one(locks_[tile.rows], std::defer_lock), other(locks_[tile.columns], std::defer_lock);
      if (tile.rows == tile.columns)
        one.lock();
      else
        std::lock(one, other);
      for (std::size_t r = 0; r < rows.count; ++r)
        scan_row(rows.first + r, columns.first, std::span(products).subspan(r * columns.count, columns.count),
                 tile.rows != tile.columns);
    });
  }

  // Hits are rare, so pieces without one have to be quick.
  void scan_row(std::size_t image, std::size_t first, std::span<const float> products, bool both_ways) {
    const Filter::Query query = pairs_.query(image);
    constexpr std::size_t kPiece = 32;
    for (std::size_t begin = 0; begin < products.size(); begin += kPiece) {
      const std::size_t end = std::min(begin + kPiece, products.size());
      std::size_t some = static_cast<std::size_t>(query.unbounded);
      const double near = near_[image], far = far_[image];
      for (std::size_t j = begin; j < end; ++j) {
        const std::size_t other = first + j;
        some |= static_cast<std::size_t>(
            pairs_.may_reach(query, other, products[j], std::max(near, near_[other]), std::min(far, far_[other])));
      }
      if (some == 0) continue;
      for (std::size_t j = begin; j < end; ++j) {
        const Pairs::Bounds bounds = pairs_.bounds(query, image, first + j, products[j]);
        offer(image, bounds.low, bounds.high, first + j);
        if (both_ways) offer(first + j, bounds.low, bounds.high, image);
      }
    }
  }

  void offer(std::size_t image, double low, double high, std::size_t other) {
    const auto number = static_cast<std::uint32_t>(other);
    if (low <= near_[image]) {
      nearest_[image].add({low, high, number}, [&](std::size_t each) { return pairs_.exact(image, each); });
      near_[image] = nearest_[image].within();
    }
    if (high >= far_[image]) {
      farthest_[image].add({-high, -low, number}, [&](std::size_t each) { return -pairs_.exact(image, each); });
      far_[image] = -farthest_[image].within();
    }
  }

  std::string name_of(std::size_t image) const {
    const std::size_t queries = pairs_.images().query.rows;
    return image < queries ? fmt::format("query {}", image) : fmt::format("gallery image {}", image - queries);
  }

  void finish(std::size_t first, std::size_t end, std::vector<Neighbourhood>& found) {
    core::side_by_side(end - first, threads_, [&](std::size_t i) {
      const std::size_t image = first + i;
      Neighbourhood& neighbourhood = found[image];
      nearest_[image].keep_nearest();
      std::vector<double> distances;
      for (const Candidate& each : nearest_[image].all()) {
        distances.push_back(pairs_.exact(image, each.image));
        check_known((each.low + each.high) / 2, distances.back(), (each.high - each.low) / 2 * (1 + 1e-9));
      }
      for (std::size_t place : nearest(
               distances, count_, [&] { return name_of(image); }, static_cast<int>(count_) - 1))
        neighbourhood.nearest.push_back({distances[place], nearest_[image].all()[place].image});
      std::ranges::sort(neighbourhood.nearest);
      farthest_[image].keep_nearest();
      for (const Candidate& each : farthest_[image].all())
        neighbourhood.farthest = std::max(neighbourhood.farthest, pairs_.exact(image, each.image));
    });
  }

  const Pairs& pairs_;
  std::size_t images_, count_, threads_;
  std::vector<Candidates> nearest_, farthest_;
  std::vector<double> near_, far_;  // of each image: no farther candidate is near, no nearer one the farthest
  std::size_t blocks_;
  std::vector<std::mutex> locks_;  // of the candidates of a block's images
};

}  // namespace

std::vector<std::size_t> nearest(std::span<const double> distances, std::size_t count,
                                 const std::function<std::string()>& of, int neighbour) {
  constexpr std::size_t kMostTies = 1000;
  std::vector<std::size_t> found;
  if (distances.empty()) return found;
  const std::size_t wanted = std::min(count, distances.size());
  std::vector<double> sorted(distances.begin(), distances.end());
  std::nth_element(sorted.begin(), sorted.begin() + static_cast<std::ptrdiff_t>(wanted - 1), sorted.end());
  const double farthest = sorted[wanted - 1];
  for (std::size_t image = 0; image < distances.size(); ++image) {
    if (distances[image] > farthest) continue;
    found.push_back(image);
    if (found.size() > wanted + kMostTies)
      throw core::input_error(
          fmt::format("more than {} images are as near to {} as its neighbour {}", kMostTies, of(), neighbour),
          "features that are equal tell nothing of neighbours");
  }
  return found;
}

Pairs::Pairs(const BothSides& images, const Gemm& gemm, int threads)
    : images_(images),
      gemm_(gemm),
      depth_(images.query.dimension),
      centred_(images.images() * depth_),
      filter_(centre(threads)) {}

Filter Pairs::centre(int threads) {
  const auto query_end = std::copy(images_.query.values.begin(), images_.query.values.end(), centred_.begin());
  std::copy(images_.gallery.values.begin(), images_.gallery.values.end(), query_end);
  const FeatureMatrix all{centred_, images_.images(), depth_};
  const std::vector<float> mean = rough_mean(all);
  return std::move(Filter::of_depths(all, std::span(&depth_, 1), mean, centred_, threads).front());
}

double Pairs::exact(std::size_t a, std::size_t b) const {
  return squared_distance(images_.row(a), images_.row(b), depth_);
}

void Pairs::multiply(const Range& rows, const Range& columns, std::span<float> to) const {
  gemm_({centred_.data() + rows.first * depth_, depth_, centred_.data() + columns.first * depth_, depth_, to.data(),
         columns.count, rows.count, columns.count, depth_});
}

std::vector<Neighbourhood> neighbourhoods(const Pairs& pairs, std::size_t count, int threads) {
  RESOLUTE_EXPECT(count >= 1 && threads >= 1, "each image has a nearest: itself");
  return Search(pairs, count, threads).run();
}

}  // namespace resolute::results::kernel
