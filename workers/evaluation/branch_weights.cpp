#include "workers/evaluation/branch_weights.h"

#include "core/error.h"
#include "results/scores/rank_correlation.h"

namespace resolute::workers {
namespace {

// Columns of weights.csv are of these.
void expect_branches(const methods::Method& method) {
  const std::vector<methods::Branch>& branches = method.tells().branches;
  RESOLUTE_EXPECT(method.tells().branch_weights && branches.size() == 2 && branches[0].name == "hr" &&
                      !branches[0].gallery_copy && branches[1].name == "lr" && branches[1].gallery_copy,
                  "weights.csv is of an HR and an LR branch");
}

float checked(float weight) {
  if (weight > 0) return weight;
  throw core::input_error(fmt::format("a branch weight is {}", weight), "weights are positive");
}

void add_correlation(std::map<std::string, double>& metrics, const std::string& name, std::span<const double> weights,
                     std::span<const double> rates, std::span<const std::int64_t> identities) {
  const results::RankCorrelation found = results::rank_correlation_interval(weights, rates, identities);
  metrics[name] = found.rho;
  metrics[name + "_low"] = found.low;
  metrics[name + "_high"] = found.high;
}

std::map<std::string, double> correlations(std::span<const results::BranchWeights> weights) {
  std::vector<double> hr, lr, rates;
  std::vector<std::int64_t> identities;
  for (const results::BranchWeights& one : weights) {
    if (!one.low) continue;
    hr.push_back(one.hr);
    lr.push_back(one.lr.value());
    rates.push_back(one.rate);
    identities.push_back(one.identity);
  }
  std::map<std::string, double> metrics;
  add_correlation(metrics, "weight_hr_rho", hr, rates, identities);
  add_correlation(metrics, "weight_lr_rho", lr, rates, identities);
  return metrics;
}

}  // namespace

std::vector<WeighedView> choose_weighed(std::span<const results::SampleImage> sample) {
  std::vector<WeighedView> images;
  for (std::size_t i = 0; i < sample.size(); ++i) {
    const results::SampleImage& image = sample[i];
    if (i == 0 || sample[i - 1].row != image.row)
      images.push_back({{image.row, 1, methods::Side::kHigh}, image.identity, image.camera});
    images.push_back({{image.row, image.rate, methods::Side::kLow}, image.identity, image.camera});
  }
  return images;
}

std::optional<WeighedImages> weigh_images(methods::Method& method, const datasets::PackReader& pack,
                                          std::span<const WeighedView> images, const EmbeddingOptions& options,
                                          const EmbeddingProgress& progress) {
  expect_branches(method);
  WeighedImages weighed;
  for (const WeighedView& image : images)
    weighed.weights.push_back({pack.row(image.view.row).sample.path,
                               image.identity,
                               image.camera,
                               image.view.side == methods::Side::kLow,
                               image.view.rate,
                               0,
                               {}});
  std::uint64_t done = 0;
  for (const methods::Side side : {methods::Side::kHigh, methods::Side::kLow}) {
    std::vector<ImageView> views;
    std::vector<std::size_t> places;
    for (std::size_t i = 0; i < images.size(); ++i) {
      if (images[i].view.side != side) continue;
      views.push_back(images[i].view);
      places.push_back(i);
    }
    const auto rows = embed_branches(method, pack, views, options, [&](std::uint64_t of_side, std::uint64_t) {
      return progress(done + of_side, images.size());
    });
    if (!rows) return std::nullopt;
    done += views.size();
    for (std::size_t i = 0; i < places.size(); ++i) {
      results::BranchWeights& one = weighed.weights[places[i]];
      one.hr = checked(rows->at(0).weights[i]);
      if (side == methods::Side::kLow) one.lr = checked(rows->at(1).weights[i]);
    }
  }
  weighed.metrics = correlations(weighed.weights);
  return weighed;
}

}  // namespace resolute::workers
