#include "workers/evaluation/branched_evaluation.h"

#include <algorithm>
#include <limits>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/error.h"
#include "results/scores/branched_distance.h"

namespace resolute::workers {
namespace {

// A distance, and the images and branches that it looks at.
struct Plan {
  methods::Distance distance;
  methods::GalleryLooks looks;
  // The queries by the rate of the gallery copies that they are compared with; all under one number without copies.
  std::map<int, std::vector<std::size_t>> queries;

  // Images that pass through networks: of this process rank, or of all where `communicator` is null.
  std::uint64_t images(const datasets::Split& split, const Communicator* communicator) const {
    const std::size_t gallery_passes = (looks.originals ? 1 : 0) + (looks.copies ? queries.size() : 0);
    return images_of_rank(split.query.size(), communicator) +
           gallery_passes * images_of_rank(split.gallery.size(), communicator);
  }
};

Plan plan_comparison(const methods::Method& method, const datasets::Split& split, const Comparison& comparison) {
  const methods::Tells& tells = method.tells();
  const methods::Distance* distance = methods::find_distance(tells, comparison.distance);
  RESOLUTE_EXPECT(distance != nullptr, "the method has the distance");
  RESOLUTE_EXPECT(!distance->branches.empty(), "a distance looks at a branch");
  RESOLUTE_EXPECT(!distance->weighted || tells.branch_weights, "a weighted distance needs weights");
  Plan plan{*distance, methods::gallery_looks(tells, *distance), {}};
  const bool by_query = plan.looks.copies && comparison.gallery_copy_rate == 0;
  for (std::size_t q = 0; q < split.query.size(); ++q)
    plan.queries[by_query ? split.query[q].rate : comparison.gallery_copy_rate].push_back(q);
  return plan;
}

std::vector<ImageView> query_views(const datasets::Split& split) {
  std::vector<ImageView> views;
  for (const datasets::QueryItem& item : split.query) views.push_back({item.row, item.rate, methods::Side::kLow});
  return views;
}

std::vector<ImageView> gallery_views(const datasets::Split& split, int rate, methods::Side side) {
  std::vector<ImageView> views;
  for (const datasets::GalleryItem& item : split.gallery) views.push_back({item.row, rate, side});
  return views;
}

// Some of the rows, in the order asked for.
BranchRows take_rows(const BranchRows& from, std::span<const std::size_t> rows) {
  BranchRows taken;
  taken.dimension = from.dimension;
  taken.features.reserve(rows.size() * from.dimension);
  for (std::size_t row : rows) {
    const auto begin = from.features.begin() + static_cast<std::ptrdiff_t>(row * from.dimension);
    taken.features.insert(taken.features.end(), begin, begin + static_cast<std::ptrdiff_t>(from.dimension));
    taken.weights.push_back(from.weights[row]);
  }
  return taken;
}

// Means of weights over the pairs compared, summed in the order in which the pairs come.
class WeightMeans {
 public:
  explicit WeightMeans(std::size_t branches) : sums_(branches) {}

  void add(std::span<const results::DistanceBranch> branches) {
    const std::size_t queries = branches[0].query.rows, gallery = branches[0].gallery.rows;
    for (std::size_t q = 0; q < queries; ++q)
      for (std::size_t g = 0; g < gallery; ++g) {
        double total = 0;
        for (const auto& branch : branches) total += product(branch, q, g);
        for (std::size_t b = 0; b < branches.size(); ++b) {
          sums_[b].query += static_cast<double>(branches[b].query_weights[q]);
          sums_[b].gallery += static_cast<double>(branches[b].gallery_weights[g]);
          sums_[b].share += product(branches[b], q, g) / total;
        }
      }
    pairs_ += static_cast<double>(queries * gallery);
  }

  std::map<std::string, double> metrics(const std::vector<methods::Branch>& branches) const {
    std::map<std::string, double> metrics;
    for (std::size_t b = 0; pairs_ > 0 && b < branches.size(); ++b) {
      metrics["weight_query_" + branches[b].name] = sums_[b].query / pairs_;
      metrics["weight_gallery_" + branches[b].name] = sums_[b].gallery / pairs_;
      // Shares add up to 1: the last says nothing new.
      if (b + 1 < branches.size()) metrics[branches[b].name + "_share"] = sums_[b].share / pairs_;
    }
    return metrics;
  }

 private:
  struct Sums {
    double query = 0, gallery = 0, share = 0;
  };
  static double product(const results::DistanceBranch& branch, std::size_t q, std::size_t g) {
    return static_cast<double>(branch.query_weights[q]) * static_cast<double>(branch.gallery_weights[g]);
  }
  std::vector<Sums> sums_;
  double pairs_ = 0;
};

// Doubles to the float32 of features.h5.
void round_distances(std::span<const double> from, std::span<float> to) {
  for (std::size_t i = 0; i < from.size(); ++i) {
    if (!(from[i] <= static_cast<double>(std::numeric_limits<float>::max())))
      throw core::RuntimeError(core::ErrorKind::kInput, "a distance is beyond float32", "the training diverged",
                               "lower the learning rate");
    to[i] = static_cast<float>(from[i]);
  }
}

class BranchedEvaluation {
 public:
  BranchedEvaluation(methods::Method& method, const ImageSource& source, const datasets::Split& split, Plan plan,
                     const EmbeddingOptions& options, const EmbeddingProgress& progress)
      : method_(method),
        source_(source),
        split_(split),
        plan_(std::move(plan)),
        options_(options),
        progress_(progress),
        means_(plan_.distance.branches.size()),
        total_(plan_.images(split, options.communicator)) {}

  std::optional<DistanceEmbedding> run() {
    DistanceEmbedding embedding{image_labels(split_, split_.query), image_labels(split_, split_.gallery), {}, {}};
    embedding.distances.resize(split_.query.size() * split_.gallery.size());
    const auto queries = embed(query_views(split_));
    if (!queries) return std::nullopt;
    std::optional<std::vector<BranchRows>> originals, copies;
    if (plan_.looks.originals && !(originals = embed(gallery_views(split_, 1, methods::Side::kHigh))))
      return std::nullopt;
    const std::vector<methods::Branch> branches = used_branches();
    for (const auto& [rate, members] : plan_.queries) {
      if (plan_.looks.copies) {
        copies.reset();  // before those of another rate take their place
        if (!(copies = embed(gallery_views(split_, rate, methods::Side::kLow)))) return std::nullopt;
      }
      std::vector<const BranchRows*> gallery;
      for (std::size_t b = 0; b < branches.size(); ++b)
        gallery.push_back(&(branches[b].gallery_copy ? copies : originals)->at(b));
      if (!compare(*queries, members, gallery, embedding.distances)) return std::nullopt;
    }
    if (plan_.distance.weighted) embedding.weights = means_.metrics(branches);
    return embedding;
  }

 private:
  std::vector<methods::Branch> used_branches() const {
    std::vector<methods::Branch> used;
    const std::vector<methods::Branch>& all = method_.tells().branches;
    for (std::size_t b : plan_.distance.branches) used.push_back(all[b]);
    return used;
  }

  // Rows of the branches that the distance looks at.
  std::optional<std::vector<BranchRows>> embed(const std::vector<ImageView>& views) {
    auto rows = embed_branches(method_, source_, views, options_,
                               [&](std::uint64_t done, std::uint64_t) { return progress_(done_ + done, total_); });
    if (!rows) return std::nullopt;
    done_ += images_of_rank(views.size(), options_.communicator);
    std::vector<BranchRows> used;
    for (std::size_t b : plan_.distance.branches) used.push_back(std::move(rows->at(b)));
    return used;
  }

  // Fills the rows of some queries, a block of them at a time. False where `progress` ends it.
  bool compare(const std::vector<BranchRows>& queries, std::span<const std::size_t> members,
               const std::vector<const BranchRows*>& gallery, std::span<float> to) {
    results::WorkOptions work;
    work.threads = std::max(1, at::get_num_threads());
    const std::size_t images = split_.gallery.size();
    const std::size_t block = work.query_block;
    std::vector<double> distances;
    for (std::size_t begin = 0; begin < members.size(); begin += block) {
      // One of several process ranks must not leave alone: its wish rides in the next exchange of features.
      if (!progress_(done_, total_) && options_.communicator == nullptr) return false;
      const std::span<const std::size_t> some = members.subspan(begin, std::min(block, members.size() - begin));
      std::vector<BranchRows> taken;
      for (const BranchRows& branch : queries) taken.push_back(take_rows(branch, some));
      std::vector<results::DistanceBranch> compared;
      for (std::size_t b = 0; b < taken.size(); ++b) {
        compared.push_back({taken[b].matrix(), gallery[b]->matrix(), {}, {}});
        if (!plan_.distance.weighted) continue;
        compared.back().query_weights = taken[b].weights;
        compared.back().gallery_weights = gallery[b]->weights;
      }
      distances.resize(some.size() * images);
      results::branched_distances(compared, distances, work);
      if (plan_.distance.weighted) means_.add(compared);
      for (std::size_t i = 0; i < some.size(); ++i)
        round_distances(std::span(distances).subspan(i * images, images), to.subspan(some[i] * images, images));
    }
    return true;
  }

  methods::Method& method_;
  const ImageSource& source_;
  const datasets::Split& split_;
  Plan plan_;
  EmbeddingOptions options_;
  const EmbeddingProgress& progress_;
  WeightMeans means_;
  std::uint64_t done_ = 0, total_ = 0;
};

}  // namespace

std::uint64_t images_of_branches(const methods::Method& method, const datasets::Split& split,
                                 const Comparison& comparison) {
  return plan_comparison(method, split, comparison).images(split, nullptr);
}

std::optional<DistanceEmbedding> embed_distances(methods::Method& method, const ImageSource& source,
                                                 const datasets::Split& split, const Comparison& comparison,
                                                 const EmbeddingOptions& options, const EmbeddingProgress& progress) {
  RESOLUTE_EXPECT(comparison.gallery_rate == 1, "a method of branches shrinks no gallery image");
  return BranchedEvaluation(method, source, split, plan_comparison(method, split, comparison), options, progress).run();
}

}  // namespace resolute::workers
