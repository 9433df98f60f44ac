#include "workers/evaluation/resolution_probe.h"

#include <algorithm>
#include <map>
#include <set>

#include "core/error.h"
#include "core/random/random.h"
#include "datasets/samples/name_key.h"
#include "networks/torch.h"

namespace resolute::workers {
namespace {

// Deviations from the mean beyond which a feature says no more: one that is rarely active among the images fitted on
// would else outweigh all others where it is.
constexpr double kFarthest = 5;

struct Candidate {
  ProbeImage image;
  std::int64_t identity = 0;
};

std::vector<Candidate> candidates(const datasets::Split& split) {
  const std::uint64_t seed = split.options.seed, pack = datasets::name_key(split.pack);
  std::vector<int> rates = split.options.query_rates;
  std::erase(rates, 1);
  std::map<std::size_t, Candidate> by_row;
  for (const datasets::QueryItem& item : split.query)
    if (item.rate != 1 && !item.came_low) by_row[item.row] = {{item.row, item.rate, false}, item.identity};
  for (const datasets::GalleryItem& item : split.gallery) {
    if (item.identity == 0 || rates.empty()) continue;
    core::RandomStream stream("probe-rate",
                              {seed, pack, static_cast<std::uint64_t>(item.identity), datasets::name_key(item.path)});
    const int rate = rates[static_cast<std::size_t>(stream.below(rates.size()))];
    by_row[item.row] = {{item.row, rate, false}, item.identity};
  }
  std::vector<Candidate> all;
  for (const auto& [row, candidate] : by_row) all.push_back(candidate);
  return all;
}

// Rows of HR and LR features of one half, and +1 or -1 for each.
struct Half {
  at::Tensor features, sides;
};

Half take_half(const at::Tensor& features, std::span<const ProbeImage> images, bool second) {
  std::vector<std::int64_t> rows;
  const auto count = static_cast<std::int64_t>(images.size());
  for (std::int64_t i = 0; i < count; ++i)
    if (images[static_cast<std::size_t>(i)].second_half == second) rows.push_back(i);
  RESOLUTE_EXPECT(!rows.empty(), "each half of a probe has an image");
  const auto half = static_cast<std::int64_t>(rows.size());
  for (std::int64_t i = 0; i < half; ++i) rows.push_back(rows[static_cast<std::size_t>(i)] + count);
  const at::Tensor sides = at::ones({2 * half}, at::kDouble);
  sides.narrow(0, half, half).fill_(-1);
  return {features.index_select(0, at::tensor(rows, at::kLong)), sides};
}

// argmin over w of |x w - y|² + rows |w|². The smaller of the two normal systems is solved; both are positive definite.
at::Tensor ridge(const at::Tensor& x, const at::Tensor& y) {
  const auto penalty = static_cast<double>(x.size(0));
  const auto solve = [&](const at::Tensor& gram, const at::Tensor& right) {
    const at::Tensor factor = at::linalg_cholesky(gram + penalty * at::eye(gram.size(0), at::kDouble));
    return at::cholesky_solve(right.unsqueeze(1), factor).squeeze(1);
  };
  if (x.size(1) <= x.size(0)) return solve(x.t().mm(x), x.t().mv(y));
  return x.t().mv(solve(x.mm(x.t()), y));
}

double accuracy(const Half& fit, const Half& asked) {
  const at::Tensor lowest = std::get<0>(fit.features.min(0)), highest = std::get<0>(fit.features.max(0));
  const at::Tensor varied = (lowest < highest).nonzero().squeeze(1);
  if (varied.numel() == 0) return 0.5;  // nothing to tell them by
  const at::Tensor known = fit.features.index_select(1, varied), mean = known.mean(0);
  const at::Tensor deviation = (known - mean).square().mean(0).sqrt();
  const auto standardised = [&](const at::Tensor& x) { return ((x - mean) / deviation).clamp(-kFarthest, kFarthest); };
  const at::Tensor weights = ridge(standardised(known), fit.sides);
  const at::Tensor scores = standardised(asked.features.index_select(1, varied)).mv(weights) * asked.sides;
  const auto right = (scores > 0).sum().item<std::int64_t>(), undecided = (scores == 0).sum().item<std::int64_t>();
  return (static_cast<double>(right) + 0.5 * static_cast<double>(undecided)) / static_cast<double>(scores.numel());
}

}  // namespace

std::vector<ProbeImage> choose_probe_images(const datasets::Split& split, std::size_t most) {
  const std::uint64_t seed = split.options.seed, pack = datasets::name_key(split.pack);
  std::vector<Candidate> all = candidates(split);
  if (all.size() > most) {
    std::vector<std::size_t> order = core::RandomStream("probe-images", {seed, pack}).permutation(all.size());
    order.resize(most);
    std::sort(order.begin(), order.end());
    std::vector<Candidate> kept;
    for (std::size_t i : order) kept.push_back(all[i]);
    all = std::move(kept);
  }
  std::set<std::int64_t> seen;
  for (const Candidate& candidate : all) seen.insert(candidate.identity);
  std::vector<std::int64_t> identities(seen.begin(), seen.end());
  if (identities.size() < 2)
    throw core::input_error(fmt::format("{} test identity for a resolution probe", identities.size()),
                            "it is fitted on one half of the test identities and asked about the other",
                            "set evaluate.resolution_probe to false");
  core::RandomStream("probe-halves", {seed, pack}).shuffle(std::span(identities));
  const std::set<std::int64_t> first(identities.begin(),
                                     identities.begin() + static_cast<std::ptrdiff_t>(identities.size() / 2));
  std::vector<ProbeImage> images;
  for (Candidate& candidate : all) {
    candidate.image.second_half = !first.contains(candidate.identity);
    images.push_back(candidate.image);
  }
  return images;
}

std::vector<ImageView> views_of(std::span<const ProbeImage> images) {
  std::vector<ImageView> views;
  for (const ProbeImage& image : images) views.push_back({image.row, 1, methods::Side::kHigh});
  for (const ProbeImage& image : images) views.push_back({image.row, image.lr_rate, methods::Side::kLow});
  return views;
}

double resolution_probe(std::span<const float> features, std::span<const ProbeImage> images) {
  const at::NoGradGuard no_grad;
  RESOLUTE_EXPECT(!images.empty() && features.size() % (2 * images.size()) == 0, "an image has two rows of features");
  const auto rows = static_cast<std::int64_t>(2 * images.size());
  const at::Tensor all = at::from_blob(const_cast<float*>(features.data()),
                                       {rows, static_cast<std::int64_t>(features.size()) / rows}, at::kFloat)
                             .to(at::kDouble);
  const Half first = take_half(all, images, false), second = take_half(all, images, true);
  return (accuracy(first, second) + accuracy(second, first)) / 2;
}

}  // namespace resolute::workers
