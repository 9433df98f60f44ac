#include "workers/evaluator.h"

#include <algorithm>
#include <cmath>
#include <future>
#include <span>
#include <utility>

#include "core/error.h"
#include "datasets/loader.h"

namespace resolute::workers {
namespace {

// Images of a pack as networks want them.
class ViewImages {
 public:
  ViewImages(const datasets::PackReader& pack, std::span<const ImageView> views)
      : views_(views), loader_(pack, any_rate()), height_(pack.options().height), width_(pack.options().width) {}
  std::size_t size() const { return views_.size(); }

  // Image begin and those after it: N×3×H×W, channels-last in memory.
  at::Tensor load(std::size_t begin, std::size_t count) {
    at::Tensor images = at::empty({static_cast<std::int64_t>(count), height_, width_, 3}, at::kFloat);
    float* to = images.mutable_data_ptr<float>();
    for (const ImageView& view : views_.subspan(begin, count)) {
      loader_.fill_view(view.row, view.rate, {to, loader_.image_floats()});
      to += loader_.image_floats();
    }
    return images.permute({0, 3, 1, 2});
  }

 private:
  static datasets::LoaderOptions any_rate() {
    datasets::LoaderOptions options;
    options.train_rates = {1};  // not used here; rate 1 is in every pack
    return options;
  }
  std::span<const ImageView> views_;
  datasets::Loader loader_;
  std::int64_t height_, width_;
};

// The images of a split, queries first, then the gallery.
std::vector<ImageView> views_of(const datasets::Split& split) {
  std::vector<ImageView> views;
  for (const datasets::QueryItem& item : split.query) views.push_back({item.row, item.rate});
  for (const datasets::GalleryItem& item : split.gallery) views.push_back({item.row, 1});
  return views;
}

// Batches first to last - 1 of kEmbeddingBatch images; those of process rank r are contiguous.
struct BatchRange {
  std::size_t first = 0, last = 0;
};

BatchRange batches_of(std::size_t rank, std::size_t ranks, std::size_t images) {
  const std::size_t batches = (images + kEmbeddingBatch - 1) / kEmbeddingBatch;
  return {batches * rank / ranks, batches * (rank + 1) / ranks};
}

// Rows of the images in a range of batches; the very last batch may be smaller.
std::size_t rows_of(const BatchRange& range, std::size_t images) {
  return std::min(range.last * kEmbeddingBatch, images) - std::min(range.first * kEmbeddingBatch, images);
}

// Features of a range of batches, row after row; nothing if `progress` ended it.
std::optional<std::vector<float>> embed_batches(Method& method, ViewImages& images, const BatchRange& range,
                                                const Embedder& embed, const EmbeddingProgress& progress) {
  const at::Device device = method.module().parameters().front().device();
  const std::size_t total = rows_of(range, images.size());
  std::vector<float> features;
  features.reserve(total * static_cast<std::size_t>(method.embedding_size()));
  const auto load = [&](std::size_t batch) {
    const std::size_t begin = batch * kEmbeddingBatch;
    return images.load(begin, std::min(kEmbeddingBatch, images.size() - begin));
  };
  std::future<at::Tensor> ahead;  // waits for its thread when it goes
  if (range.first < range.last) ahead = std::async(std::launch::async, load, range.first);
  std::size_t done = 0;
  for (std::size_t batch = range.first; batch < range.last; ++batch) {
    if (!progress(done, total)) return std::nullopt;
    const at::Tensor loaded = ahead.get();
    if (batch + 1 < range.last) ahead = std::async(std::launch::async, load, batch + 1);
    const at::Tensor rows = embed(loaded.to(device)).cpu().contiguous();
    RESOLUTE_EXPECT(
        rows.size(0) == loaded.size(0) && rows.size(1) == method.embedding_size() && rows.scalar_type() == at::kFloat,
        "an embedder gives a float32 row of embedding_size() an image");
    const float* values = rows.const_data_ptr<float>();
    features.insert(features.end(), values, values + rows.numel());
    done += static_cast<std::size_t>(loaded.size(0));
  }
  if (!progress(done, total)) return std::nullopt;
  return features;
}

// Every rank's features in the order of the images; nothing if a rank has none.
std::optional<std::vector<float>> gather_features(const std::optional<std::vector<float>>& own, std::size_t images,
                                                  std::size_t dimension, Communicator& communicator) {
  const auto ranks = static_cast<std::size_t>(communicator.process_ranks());
  std::size_t largest = 0;
  for (std::size_t rank = 0; rank < ranks; ++rank)
    largest = std::max(largest, rows_of(batches_of(rank, ranks, images), images));
  // One more element says whether the rank went through to the end.
  const std::size_t stride = largest * dimension + 1;
  at::Tensor from = at::zeros({static_cast<std::int64_t>(stride)}, at::kFloat);
  if (own) {
    float* values = from.mutable_data_ptr<float>();
    std::copy(own->begin(), own->end(), values);
    values[stride - 1] = 1;
  }
  at::Tensor to = at::empty({static_cast<std::int64_t>(stride * ranks)}, at::kFloat);
  communicator.all_gather(to, from);
  std::vector<float> features;
  features.reserve(images * dimension);
  const float* part = to.const_data_ptr<float>();
  for (std::size_t rank = 0; rank < ranks; ++rank, part += stride) {
    if (part[stride - 1] == 0) return std::nullopt;
    features.insert(features.end(), part, part + rows_of(batches_of(rank, ranks, images), images) * dimension);
  }
  return features;
}

template <class Items>
EmbeddedImages describe_images(const Items& items, std::span<const float> features, std::size_t dimension) {
  EmbeddedImages images;
  images.dimension = dimension;
  images.features.assign(features.begin(), features.end());
  for (const auto& item : items) {
    images.identities.push_back(item.identity);
    images.cameras.push_back(item.camera);
  }
  return images;
}

results::FeatureMatrix matrix_of(const EmbeddedImages& images) {
  return {images.features, images.rows(), images.dimension};
}

results::Labels labels_of(const EmbeddedImages& images) { return {images.identities, images.cameras}; }

void add_side(datasets::ArrayFileWriter& writer, const std::string& group, const EmbeddedImages& images) {
  const std::uint64_t rows = images.rows();
  writer.add(group + "/features", {rows, images.dimension}, std::span<const float>(images.features));
  writer.add(group + "/identities", {rows}, std::span<const std::int64_t>(images.identities));
  writer.add(group + "/cameras", {rows}, std::span<const std::int64_t>(images.cameras));
}

}  // namespace

at::ScalarType embedding_precision(const experiments::Recipe& recipe) {
  return recipe.precision == "bf16" ? at::kBFloat16 : at::kFloat;
}

std::optional<std::vector<float>> embed_images(Method& method, const datasets::PackReader& pack,
                                               std::span<const ImageView> views, const EmbeddingOptions& options,
                                               const EmbeddingProgress& progress) {
  Communicator* communicator = options.communicator;
  const std::size_t rank = communicator ? static_cast<std::size_t>(communicator->process_rank()) : 0;
  const std::size_t ranks = communicator ? static_cast<std::size_t>(communicator->process_ranks()) : 1;
  ViewImages images(pack, views);
  const Embedder embed =
      method.embedder({.height = pack.options().height, .width = pack.options().width, .precision = options.precision});
  std::optional<std::vector<float>> features =
      embed_batches(method, images, batches_of(rank, ranks, images.size()), embed, progress);
  if (communicator)
    features =
        gather_features(features, images.size(), static_cast<std::size_t>(method.embedding_size()), *communicator);
  if (!features) return std::nullopt;
  if (!std::all_of(features->begin(), features->end(), [](float value) { return std::isfinite(value); }))
    throw core::RuntimeError(core::ErrorKind::kInput, "a feature is not finite", "the training diverged",
                             "lower the learning rate");
  return features;
}

std::optional<Embedding> embed_split(Method& method, const datasets::PackReader& pack, const datasets::Split& split,
                                     const EmbeddingOptions& options, const EmbeddingProgress& progress) {
  const auto dimension = static_cast<std::size_t>(method.embedding_size());
  const std::optional<std::vector<float>> features = embed_images(method, pack, views_of(split), options, progress);
  if (!features) return std::nullopt;
  const std::span<const float> all(*features);
  const std::size_t queries = split.query.size() * dimension;
  return Embedding{describe_images(split.query, all.first(queries), dimension),
                   describe_images(split.gallery, all.subspan(queries), dimension)};
}

results::SingleShotScores score_split(const Embedding& embedding, const datasets::Split& split,
                                      const experiments::EvaluationProtocol& protocol) {
  std::vector<results::GalleryDraw> draws;
  for (int draw = 0; draw < protocol.draws; ++draw)
    draws.push_back(datasets::draw_gallery(split, split.options.seed, draw));
  return results::score_single_shot(matrix_of(embedding.query), labels_of(embedding.query),
                                    matrix_of(embedding.gallery), labels_of(embedding.gallery), {}, draws,
                                    libtorch_gemm(), {});
}

std::map<std::string, double> metrics_of(const results::SingleShotScores& scores) {
  std::map<std::string, double> metrics;
  for (const std::size_t rank : {1U, 5U, 10U, 20U}) metrics["rank" + std::to_string(rank)] = scores.cmc.at(rank - 1);
  metrics["map_single"] = scores.map_single;
  metrics["map_full"] = scores.map_full;
  metrics["mAP"] = scores.map_full;
  metrics["chance_rank1"] = scores.chance_rank1;
  metrics["chance_mAP"] = scores.chance_map_full;
  metrics["queries"] = static_cast<double>(scores.queries);
  metrics["gallery_identities"] = static_cast<double>(scores.gallery_identities);
  return metrics;
}

std::map<std::string, double> score_embedding(const Embedding& embedding, const datasets::Split& split,
                                              const experiments::EvaluationProtocol& protocol) {
  return metrics_of(score_split(embedding, split, protocol));
}

std::string write_features(core::FileSystem& files, const std::filesystem::path& path, const Embedding& embedding) {
  datasets::ArrayFileWriter writer;
  add_side(writer, "query", embedding.query);
  add_side(writer, "gallery", embedding.gallery);
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
