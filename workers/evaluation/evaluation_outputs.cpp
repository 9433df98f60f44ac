#include "workers/evaluation/evaluation_outputs.h"

#include <algorithm>
#include <span>
#include <variant>

#include "core/error.h"
#include "experiments/specification/outputs.h"
#include "results/records/mask_values.h"
#include "results/records/query_scores.h"
#include "workers/evaluation/prefix_distances.h"
#include "workers/evaluation/recovery.h"

namespace resolute::workers {
namespace {

std::vector<results::QueryScore> query_scores(const datasets::Split& split, const results::GalleryScores& scores) {
  RESOLUTE_EXPECT(scores.per_query.size() == split.query.size(), "every query has its scores");
  std::vector<results::QueryScore> all;
  for (std::size_t i = 0; i < split.query.size(); ++i) {
    const datasets::QueryItem& item = split.query[i];
    const results::GalleryQuery& scored = scores.per_query[i];
    all.push_back({item.path, item.identity, item.camera, item.rate, scored.full.rank > 0, scored.cmc,
                   scored.full.average_precision});
  }
  return all;
}

// HR images on the high side, all others on the low side.
std::vector<ImageView> views_of(std::span<const results::SampleImage> sample) {
  std::vector<ImageView> views;
  for (const results::SampleImage& image : sample)
    views.push_back({image.row, image.rate, image.rate == 1 ? methods::Side::kHigh : methods::Side::kLow});
  return views;
}

// The dimensions that all of the views have, side by side: a probe must not tell images apart by zeros.
std::vector<float> shared_dimensions(const methods::Method& method, std::span<const ImageView> views,
                                     std::vector<float> features) {
  const std::vector<std::int64_t> dimensions = dimensions_of(method, views);
  if (dimensions.empty()) return features;
  const std::size_t width = features.size() / views.size();
  const auto shared = static_cast<std::size_t>(*std::min_element(dimensions.begin(), dimensions.end()));
  std::vector<float> cut;
  cut.reserve(views.size() * shared);
  for (std::size_t i = 0; i < views.size(); ++i) {
    const auto row = features.begin() + static_cast<std::ptrdiff_t>(i * width);
    cut.insert(cut.end(), row, row + static_cast<std::ptrdiff_t>(shared));
  }
  return cut;
}

// prefixes.csv where the method has prefixes. False if `go_on` said so.
bool add_prefixes(const OutputParts& parts, const std::function<bool()>& go_on, EvaluationOutputs& outputs) {
  const std::vector<int>& prefixes = parts.method.tells().prefixes;
  if (prefixes.empty()) return true;
  std::vector<int> rates;
  for (const datasets::QueryItem& item : parts.split.query) rates.push_back(item.rate);
  const auto lines = measure_prefixes(std::get<FeatureEmbedding>(parts.embedding), rates, prefixes, go_on);
  if (lines) outputs.files[experiments::kPrefixesOutput.file] = results::bytes_of(results::csv_text(*lines));
  return lines.has_value();
}

// masks.csv where the method has masks.
void add_masks(const methods::Method& method, EvaluationOutputs& outputs) {
  const std::vector<methods::MaskValues> values = method.mask_values();
  if (values.empty()) return;
  RESOLUTE_EXPECT(method.tells().masks, "a method with masks says so");
  std::vector<results::BlockMask> masks;
  for (const methods::MaskValues& level : values) {
    if (level.level == 1) masks.push_back({level.block, {}});
    RESOLUTE_EXPECT(!masks.empty() && masks.back().block == level.block &&
                        masks.back().levels.size() + 1 == static_cast<std::size_t>(level.level),
                    "masks come with levels ascending within blocks");
    masks.back().levels.push_back(level.values);
  }
  outputs.metrics.merge(results::mask_metrics(masks));
  outputs.files[experiments::kMasksOutput.file] = results::bytes_of(results::csv_text(results::mask_spreads(masks)));
}

}  // namespace

OutputPlan plan_outputs(methods::Method& method, const datasets::PackReader& pack, const datasets::Split& split,
                        const experiments::EvaluationProtocol& protocol) {
  OutputPlan plan;
  plan.protocol = protocol;
  plan.panel_queries = results::choose_panel_queries(split, static_cast<std::size_t>(protocol.panels));
  if (!protocol.sample_rates.empty())
    plan.sample = results::choose_sample(split, protocol.sample_rates, protocol.sample_identities);
  if (method.tells().branch_weights) plan.weighed = choose_weighed(plan.sample);
  if (const std::vector<int>& scales = method.tells().recovered; !plan.sample.empty() && !scales.empty()) {
    results::check_scales(scales, pack);
    plan.recovered = plan.sample;
  }
  if (protocol.resolution_probe) plan.probe = choose_probe_images(split);
  return plan;
}

std::optional<EvaluationOutputs> make_outputs(const OutputParts& parts, const OutputPlan& plan,
                                              const EmbeddingProgress& progress) {
  EvaluationOutputs outputs;
  std::uint64_t before = 0;
  const auto report = [&](std::uint64_t done, std::uint64_t) { return progress(before + done, plan.images()); };
  const auto embed = [&](const std::vector<ImageView>& views) {
    auto features = embed_images(parts.method, parts.pack, views, parts.options, report);
    before += views.size();
    return features;
  };
  if (!plan.sample.empty()) {
    const std::vector<ImageView> views = views_of(plan.sample);
    std::optional<std::vector<float>> features = embed(views);
    if (!features) return std::nullopt;
    outputs.sample = plan.sample;
    outputs.sample_prefix = dimensions_of(parts.method, views);
    outputs.sample_features = std::move(*features);
  }
  if (!plan.probe.empty()) {
    const std::vector<ImageView> views = views_of(plan.probe);
    std::optional<std::vector<float>> features = embed(views);
    if (!features) return std::nullopt;
    outputs.metrics["resolution_probe"] =
        resolution_probe(shared_dimensions(parts.method, views, std::move(*features)), plan.probe);
  }
  if (!plan.weighed.empty()) {
    const std::optional<WeighedImages> weighed =
        weigh_images(parts.method, parts.pack, plan.weighed, parts.options, report);
    if (!weighed) return std::nullopt;
    before += plan.weighed.size();
    outputs.metrics.insert(weighed->metrics.begin(), weighed->metrics.end());
    outputs.files[experiments::kWeightsOutput.file] = results::bytes_of(results::csv_text(weighed->weights));
  }
  if (!plan.recovered.empty()) {
    const auto lines = measure_recovery(parts.method, parts.pack, plan.recovered, parts.copies_from, report);
    if (!lines) return std::nullopt;
    before += plan.recovered.size();
    outputs.metrics.merge(results::recovery_metrics(*lines));
    outputs.files.merge(results::recovery_file(*lines));
  }
  if (!plan.panel_queries.empty()) {
    const auto recover = [&](std::size_t, const datasets::Image& input) {
      return recover_pictures(parts.method, {&input, 1});
    };
    std::optional<results::OutputFiles> panels =
        results::draw_panels(parts.pack, parts.split, plan.panel_queries, plan.protocol, distances_of(parts.embedding),
                             recover, [&] { return report(0, 0); });
    if (!panels) return std::nullopt;
    outputs.files.merge(*panels);
  }
  if (!add_prefixes(
          parts, [&] { return report(0, 0); }, outputs))
    return std::nullopt;
  add_masks(parts.method, outputs);
  const std::vector<results::QueryScore> queries = query_scores(parts.split, parts.scores);
  outputs.files[experiments::kQueriesOutput.file] = results::bytes_of(results::csv_text(queries));
  return outputs;
}

std::map<std::string, std::string> write_outputs(core::FileSystem& files, const std::filesystem::path& folder,
                                                 const EvaluationOutputs& outputs) {
  std::map<std::string, std::string> hashes = results::write_outputs(files, folder, outputs.files);
  if (!outputs.sample.empty())
    hashes.insert(
        results::write_samples(files, folder, outputs.sample, outputs.sample_features, outputs.sample_prefix));
  return hashes;
}

}  // namespace resolute::workers
