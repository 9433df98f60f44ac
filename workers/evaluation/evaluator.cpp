#include "workers/evaluation/evaluator.h"

#include <algorithm>
#include <span>
#include <utility>

#include "core/error.h"
#include "core/overloaded.h"
#include "experiments/specification/validation.h"
#include "methods/levels.h"
#include "results/kernel/distance.h"
#include "results/scores/prepared_features.h"
#include "results/scores/re_ranking.h"
#include "workers/evaluation/branched_evaluation.h"

namespace resolute::workers {
namespace {

// The images of a split, queries first, then the gallery. \param levels of the queries, empty where there are none
std::vector<ImageView> views_of(const datasets::Split& split, int gallery_rate, std::span<const int> levels,
                                int gallery_level) {
  std::vector<ImageView> views;
  for (std::size_t i = 0; i < split.query.size(); ++i)
    views.push_back({split.query[i].row, split.query[i].rate, methods::Side::kLow, levels.empty() ? 0 : levels[i]});
  for (const datasets::GalleryItem& item : split.gallery)
    views.push_back({item.row, gallery_rate, methods::Side::kHigh, gallery_level});
  return views;
}

// The level for a device that knows no rate. It sees the size of the image as it was stored, beside that of the pack's
// images. One that came in low resolution is stored as it came.
int level_of_stored_size(const std::vector<int>& level_rates, const ImageSource& source,
                         const datasets::QueryItem& query) {
  const datasets::ImageSize native = source.native_size(query.row);
  const datasets::PackSettings& options = source.options();
  const int shrunk_by = query.came_low ? 1 : query.rate;
  const bool from_native = query.came_low || options.view_from == settings::ViewFrom::kNative;
  const auto stored = [&](int from) { return std::max<std::int64_t>(1, from / shrunk_by); };
  return methods::level_of_area(
      level_rates, std::int64_t{options.height} * options.width,
      stored(from_native ? native.height : options.height) * stored(from_native ? native.width : options.width));
}

double level_agreement(const std::vector<int>& level_rates, const datasets::Split& split, std::span<const int> levels) {
  std::size_t right = 0;
  for (std::size_t i = 0; i < levels.size(); ++i)
    right += static_cast<std::size_t>(levels[i] == methods::level_of_rate(level_rates, split.query[i].rate));
  return levels.empty() ? 0 : static_cast<double>(right) / static_cast<double>(levels.size());
}

template <class Items>
EmbeddedImages describe_images(const datasets::Split& split, const Items& items, std::span<const float> features,
                               std::size_t dimension) {
  return {image_labels(split, items), dimension, {features.begin(), features.end()}};
}

void add_labels(datasets::ArrayFileWriter& writer, const std::string& group, const ImageLabels& images) {
  const std::uint64_t rows = images.rows();
  writer.add(group + "/identities", {rows}, std::span<const std::int64_t>(images.identities));
  if (!images.cameras.empty()) writer.add(group + "/cameras", {rows}, std::span<const std::int64_t>(images.cameras));
}

void add_features(datasets::ArrayFileWriter& writer, const std::string& group, const EmbeddedImages& images) {
  writer.add(group + "/features", {images.rows(), images.dimension}, std::span<const float>(images.features));
  add_labels(writer, group, images);
}

// Texts as rows of bytes, filled up with zeros to the longest.
struct PaddedTexts {
  std::uint64_t width = 1;
  std::vector<std::uint8_t> bytes;
};

PaddedTexts padded_texts(const std::vector<std::string>& texts) {
  PaddedTexts rows;
  for (const std::string& text : texts) rows.width = std::max<std::uint64_t>(rows.width, text.size());
  rows.bytes.resize(texts.size() * rows.width);
  for (std::size_t i = 0; i < texts.size(); ++i)
    std::copy(texts[i].begin(), texts[i].end(), rows.bytes.begin() + static_cast<std::ptrdiff_t>(i * rows.width));
  return rows;
}

std::vector<results::GalleryDraw> draws_of(const datasets::Split& split,
                                           const experiments::EvaluationProtocol& protocol) {
  std::vector<results::GalleryDraw> draws;
  if (protocol.name == settings::ProtocolName::kWholeGallery) return draws;
  for (int draw = 0; draw < protocol.draws; ++draw) draws.push_back(results::gallery_of(split, protocol, draw));
  return draws;
}

results::GalleryScores score_features(const FeatureEmbedding& features, const results::Galleries& galleries,
                                      const experiments::EvaluationProtocol& protocol) {
  const results::FeatureMatrix query = matrix_of(features.query), gallery = matrix_of(features.gallery);
  const results::Labels query_labels = labels_of(features.query), gallery_labels = labels_of(features.gallery);
  results::RankingOptions options;
  const auto steps = results::NeighbourSteps::of(protocol);
  if (!steps.any())
    return results::score_galleries(query, query_labels, gallery, gallery_labels, features.prefix, galleries,
                                    libtorch_gemm(), options);
  // libtorch's product, by which images are re-ranked, brings threads.
  options.work.threads = protocol.re_ranking ? 1 : std::max(1, at::get_num_threads());
  const auto distances_within = [&](const results::FeatureMatrix& asked, const results::FeatureMatrix& images) {
    return results::rows_behind(steps, asked, images, libtorch_gemm(), options.work);
  };
  return results::score_galleries(query, query_labels, gallery, gallery_labels, galleries, distances_within, options);
}

}  // namespace

results::Labels labels_of(const ImageLabels& images) { return {images.identities, images.cameras}; }

results::FeatureMatrix matrix_of(const EmbeddedImages& images) {
  return {images.features, images.rows(), images.dimension};
}

Comparison comparison_of(const experiments::EvaluationProtocol& protocol, const experiments::MethodOptions& method) {
  return {experiments::distance_asked(protocol, method), protocol.distance == settings::DistanceName::kCosine,
          protocol.gallery_rate, protocol.gallery_copy_rate, protocol.query_level};
}

std::vector<int> query_levels(const std::vector<int>& level_rates, const ImageSource& source,
                              const datasets::Split& split, settings::QueryLevel query_level) {
  const auto level = [&](const datasets::QueryItem& query) {
    switch (query_level) {
      case settings::QueryLevel::kKnown:
        if (query.rate == 0) return level_of_stored_size(level_rates, source, query);
        return methods::level_of_rate(level_rates, query.rate);
      case settings::QueryLevel::kNativeSize:
        return level_of_stored_size(level_rates, source, query);
      case settings::QueryLevel::kHighest:
        return static_cast<int>(level_rates.size());
      case settings::QueryLevel::kLowest:
        return 1;
    }
    throw core::ContractError("a query's level is taken in no known way");
  };
  std::vector<int> levels;
  for (const datasets::QueryItem& query : split.query) levels.push_back(level(query));
  return levels;
}

datasets::Split split_asked(const datasets::PackReader& pack, const datasets::Split& trial,
                            const std::vector<int>& query_rates) {
  if (query_rates.empty()) return trial;
  const bool came_low = std::any_of(trial.query.begin(), trial.query.end(),
                                    [](const datasets::QueryItem& query) { return query.came_low; });
  // For a source of lists nobody knows this before there is a pack; for other sources the suite's reader refuses it.
  if (came_low && query_rates != trial.options.query_rates)
    throw experiments::MemberError(
        "evaluate.query_rates", experiments::text_of(query_rates),
        fmt::format("queries of data set '{}' came in low resolution: no rate makes others of them",
                    pack.options().name),
        "leave it out");
  // An unseen rate: other queries, the same trial. The trial's split binds the record to its training.
  datasets::SplitSettings options = trial.options;
  options.query_rates = query_rates;
  return datasets::make_split(pack, options);
}

std::uint64_t images_to_embed(const methods::Method& method, const datasets::Split& split,
                              const Comparison& comparison) {
  if (!comparison.distance.empty()) return images_of_branches(method, split, comparison);
  return split.query.size() + split.gallery.size();
}

std::optional<Embedding> embed_split(methods::Method& method, const ImageSource& source, const datasets::Split& split,
                                     const Comparison& comparison, const EmbeddingOptions& options,
                                     const EmbeddingProgress& progress, const KnownFeatures& known) {
  RESOLUTE_EXPECT(method.tells().branches.empty() == comparison.distance.empty(),
                  "a distance is for a method of branches");
  if (!comparison.distance.empty()) {
    std::optional<DistanceEmbedding> distances = embed_distances(method, source, split, comparison, options, progress);
    if (!distances) return std::nullopt;
    return std::move(*distances);
  }
  const auto dimension = static_cast<std::size_t>(method.embedding_size());
  const std::vector<int>& rates = method.tells().level_rates;
  FeatureEmbedding embedding;
  if (!rates.empty()) embedding.levels = query_levels(rates, source, split, comparison.query_level);
  const std::vector<ImageView> views =
      views_of(split, comparison.gallery_rate, embedding.levels, static_cast<int>(rates.size()));
  std::optional<std::vector<float>> features;
  if (known) features = known(views, split.query.size(), dimension);
  if (!features) features = embed_images(method, source, views, options, progress);
  if (!features) return std::nullopt;
  if (comparison.unit_length) results::make_unit_length(*features, dimension, "test");
  const std::span<const float> all(*features);
  const std::size_t queries = split.query.size() * dimension;
  embedding.query = describe_images(split, split.query, all.first(queries), dimension);
  embedding.gallery = describe_images(split, split.gallery, all.subspan(queries), dimension);
  for (int level : embedding.levels) embedding.prefix.push_back(method.compared_dimensions(level));
  embedding.level_agreement = level_agreement(rates, split, embedding.levels);
  return embedding;
}

results::PairDistance distances_of(const Embedding& embedding) {
  return [&embedding](std::size_t query, std::size_t image) {
    return std::visit(
        core::Overloaded{[&](const FeatureEmbedding& features) {
                           const std::size_t dimension = features.query.dimension;
                           return results::kernel::squared_distance(
                               features.query.features.data() + query * dimension,
                               features.gallery.features.data() + image * dimension,
                               features.prefix.empty() ? dimension : static_cast<std::size_t>(features.prefix[query]));
                         },
                         [&](const DistanceEmbedding& pairs) {
                           return double{pairs.distances[query * pairs.gallery.rows() + image]};
                         }},
        embedding);
  };
}

results::GalleryScores score_split(const Embedding& embedding, const datasets::Split& split,
                                   const experiments::EvaluationProtocol& protocol) {
  const std::vector<results::GalleryDraw> draws = draws_of(split, protocol);
  results::Galleries galleries = std::span<const results::GalleryDraw>(draws);
  if (protocol.name == settings::ProtocolName::kWholeGallery) galleries = results::WholeGallery();
  return std::visit(
      core::Overloaded{[&](const FeatureEmbedding& features) { return score_features(features, galleries, protocol); },
                       [&](const DistanceEmbedding& pairs) {
                         return results::score_galleries(pairs.distances, labels_of(pairs.query),
                                                         labels_of(pairs.gallery), galleries, {});
                       }},
      embedding);
}

std::map<std::string, double> metrics_of(const Embedding& embedding, const results::GalleryScores& scores,
                                         const experiments::EvaluationProtocol& protocol) {
  // In a gallery drawn too: means over nothing are no numbers.
  if (std::all_of(scores.per_query.begin(), scores.per_query.end(),
                  [](const results::GalleryQuery& query) { return query.galleries == 0; }))
    throw core::input_error("there is nothing to score: no query has a match in a gallery",
                            "an image of the query's identity from another camera is one",
                            "look at the data set's cameras and identities (`resolute data show`), or choose another "
                            "evaluate.protocol");
  std::map<std::string, double> metrics;
  if (const auto* pairs = std::get_if<DistanceEmbedding>(&embedding)) metrics = pairs->weights;
  if (const auto* features = std::get_if<FeatureEmbedding>(&embedding); features && !features->levels.empty())
    metrics["level_agreement"] = features->level_agreement;
  for (const std::size_t rank : {1U, 5U, 10U, 20U}) metrics["rank" + std::to_string(rank)] = scores.cmc.at(rank - 1);
  metrics["map_single"] = scores.map_single;
  metrics["map_full"] = scores.map_full;
  metrics["mAP"] = scores.map_full;
  metrics["mINP"] = scores.minp_full;
  metrics["chance_rank1"] = scores.chance_cmc.front();
  // With one image of each identity the others follow from the first.
  if (protocol.name != settings::ProtocolName::kSingleShot)
    for (std::size_t k = 1; k < results::kQueryRanks.size(); ++k)
      metrics[fmt::format("chance_rank{}", results::kQueryRanks[k])] = scores.chance_cmc[k];
  metrics["chance_mAP"] = scores.chance_map_full;
  metrics["queries"] = static_cast<double>(scores.queries);
  metrics["gallery_identities"] = static_cast<double>(scores.gallery_identities);
  return metrics;
}

std::map<std::string, double> score_embedding(const Embedding& embedding, const datasets::Split& split,
                                              const experiments::EvaluationProtocol& protocol) {
  return metrics_of(embedding, score_split(embedding, split, protocol), protocol);
}

std::string write_features(core::FileSystem& files, const std::filesystem::path& path, const Embedding& embedding,
                           const ImagePaths* paths) {
  datasets::ArrayFileWriter writer;
  // In the file's form; alive until it is written.
  std::vector<std::int64_t> levels;
  PaddedTexts query_paths, gallery_paths;
  std::visit(
      core::Overloaded{
          [&](const FeatureEmbedding& features) {
            add_features(writer, "query", features.query);
            add_features(writer, "gallery", features.gallery);
            if (features.levels.empty()) return;
            levels.assign(features.levels.begin(), features.levels.end());
            const std::uint64_t queries = features.query.rows();
            writer.add("query/prefix", {queries}, std::span<const std::int64_t>(features.prefix));
            writer.add("query/level", {queries}, std::span<const std::int64_t>(levels));
          },
          [&](const DistanceEmbedding& pairs) {
            writer.add("distance", {pairs.query.rows(), pairs.gallery.rows()}, std::span<const float>(pairs.distances));
            add_labels(writer, "query", pairs.query);
            add_labels(writer, "gallery", pairs.gallery);
          }},
      embedding);
  if (paths != nullptr) {
    query_paths = padded_texts(paths->query);
    gallery_paths = padded_texts(paths->gallery);
    const auto add = [&](const char* name, std::size_t rows, const PaddedTexts& texts) {
      writer.add(name, {rows, texts.width}, std::span<const std::uint8_t>(texts.bytes));
    };
    add("query/paths", paths->query.size(), query_paths);
    add("gallery/paths", paths->gallery.size(), gallery_paths);
  }
  return writer.write(files, path);
}

results::Gemm libtorch_gemm() {
  return [](const results::GemmBlock& block) {
    const at::NoGradGuard no_grad;
    const auto view = [](const float* data, std::size_t rows, std::size_t columns, std::size_t stride) {
      return at::from_blob(const_cast<float*>(data),
                           {static_cast<std::int64_t>(rows), static_cast<std::int64_t>(columns)},
                           {static_cast<std::int64_t>(stride), 1}, at::TensorOptions(at::kFloat));
    };
    at::Tensor c = view(block.c, block.rows, block.columns, block.c_stride);
    at::mm_out(c, view(block.a, block.rows, block.depth, block.a_stride),
               view(block.b, block.columns, block.depth, block.b_stride).t());
  };
}

}  // namespace resolute::workers
