#include "workers/evaluator.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "datasets/loader.h"
#include "results/single_shot.h"

namespace resolute::workers {
namespace {

// Fills one image's floats; the index counts rows of one side.
using FillImage = std::function<void(std::size_t index, std::span<float> to)>;

void embed_images(Method& method, const datasets::PackReader& pack, std::size_t rows, const FillImage& fill,
                  const std::function<void(std::size_t done)>& done, EmbeddedImages& to) {
  const auto height = static_cast<std::int64_t>(pack.options().height);
  const auto width = static_cast<std::int64_t>(pack.options().width);
  const auto floats = static_cast<std::size_t>(height * width * 3);
  to.dimension = static_cast<std::size_t>(method.embedding_size());
  to.features.reserve(rows * to.dimension);
  for (std::size_t begin = 0; begin < rows; begin += kEmbeddingBatch) {
    done(begin);
    const std::size_t count = std::min(kEmbeddingBatch, rows - begin);
    at::Tensor images = at::empty({static_cast<std::int64_t>(count), height, width, 3}, at::kFloat);
    for (std::size_t i = 0; i < count; ++i) fill(begin + i, {images.mutable_data_ptr<float>() + i * floats, floats});
    const at::Tensor features = method.embed(images.permute({0, 3, 1, 2})).contiguous();
    RESOLUTE_EXPECT(features.size(0) == static_cast<std::int64_t>(count) &&
                        features.size(1) == method.embedding_size() && features.scalar_type() == at::kFloat,
                    "embed() gives a float32 row of embedding_size() an image");
    const float* values = features.const_data_ptr<float>();
    to.features.insert(to.features.end(), values, values + features.numel());
  }
  done(rows);
  if (!std::all_of(to.features.begin(), to.features.end(), [](float value) { return std::isfinite(value); }))
    throw core::RuntimeError(core::ErrorKind::kEnvironment, "a feature is not finite", "the training diverged",
                             "lower the learning rate");
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

Embedding embed_split(Method& method, const datasets::PackReader& pack, const datasets::Split& split,
                      const EmbeddingProgress& progress) {
  datasets::LoaderOptions options;
  options.train_rates = {1};  // not used here; rate 1 is in every pack
  datasets::Loader loader(pack, options);
  const std::uint64_t total = split.query.size() + split.gallery.size();
  Embedding embedding;
  for (const datasets::QueryItem& item : split.query) {
    embedding.query.identities.push_back(item.identity);
    embedding.query.cameras.push_back(item.camera);
  }
  for (const datasets::GalleryItem& item : split.gallery) {
    embedding.gallery.identities.push_back(item.identity);
    embedding.gallery.cameras.push_back(item.camera);
  }
  embed_images(
      method, pack, split.query.size(),
      [&](std::size_t i, std::span<float> to) { loader.fill_view(split.query[i].row, split.query[i].rate, to); },
      [&](std::size_t done) { progress(done, total); }, embedding.query);
  embed_images(
      method, pack, split.gallery.size(),
      [&](std::size_t i, std::span<float> to) { loader.fill_hr(split.gallery[i].row, to); },
      [&](std::size_t done) { progress(split.query.size() + done, total); }, embedding.gallery);
  return embedding;
}

std::map<std::string, double> score_embedding(const Embedding& embedding, const datasets::Split& split,
                                              const experiments::EvaluationProtocol& protocol) {
  std::vector<results::GalleryDraw> draws;
  for (int draw = 0; draw < protocol.draws; ++draw)
    draws.push_back(datasets::draw_gallery(split, split.options.seed, draw));
  const results::SingleShotScores scores =
      results::score_single_shot(matrix_of(embedding.query), labels_of(embedding.query), matrix_of(embedding.gallery),
                                 labels_of(embedding.gallery), {}, draws, libtorch_gemm(), {});
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
