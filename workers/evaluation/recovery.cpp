#include "workers/evaluation/recovery.h"

#include <ATen/Parallel.h>

#include <algorithm>

#include "core/error.h"
#include "datasets/loader/normalisation.h"

namespace resolute::workers {
namespace {

using datasets::Image;

// N×3×H×W, channels-last in memory.
at::Tensor normalised(std::span<const Image> pictures) {
  const Image& first = pictures.front();
  at::Tensor values = at::empty({static_cast<std::int64_t>(pictures.size()), first.height, first.width, 3}, at::kFloat);
  float* to = values.mutable_data_ptr<float>();
  for (const Image& picture : pictures) {
    RESOLUTE_EXPECT(picture.height == first.height && picture.width == first.width, "pictures of one size are a batch");
    for (std::size_t i = 0; i < picture.pixels.size(); ++i)
      *to++ = datasets::normalised_level(picture.pixels[i], i % 3);
  }
  return values.permute({0, 3, 1, 2});
}

std::vector<Image> pictures_of(const at::Tensor& images, std::size_t count, const Image& like) {
  RESOLUTE_EXPECT(images.sizes() == at::IntArrayRef({static_cast<std::int64_t>(count), 3, like.height, like.width}),
                  "a decoder gives each image one of its size");
  const at::Tensor rows = images.cpu().to(at::kFloat).permute({0, 2, 3, 1}).contiguous();
  return results::pictures_of(rows.const_data_ptr<float>(), count, like);
}

}  // namespace

std::vector<results::RecoveredPictures> recover_pictures(methods::Method& method, std::span<const Image> pictures) {
  RESOLUTE_EXPECT(!pictures.empty(), "something is recovered");
  const std::vector<int>& scales = method.tells().recovered;
  if (scales.empty()) return {};
  const at::Device device = method.module().parameters().front().device();
  std::vector<results::RecoveredPictures> recovered;
  const std::vector<at::Tensor> decoded = method.recover(normalised(pictures).to(device));
  RESOLUTE_EXPECT(decoded.size() == scales.size(), "each decoder gives images");
  for (std::size_t i = 0; i < scales.size(); ++i)
    recovered.push_back({scales[i], pictures_of(decoded[i], pictures.size(), pictures.front())});
  return recovered;
}

std::optional<std::vector<results::ImageRecoveryQuality>> measure_recovery(methods::Method& method,
                                                                           const datasets::PackReader& pack,
                                                                           std::span<const results::SampleImage> images,
                                                                           settings::CopiesFrom copies_from,
                                                                           const EmbeddingProgress& progress) {
  const int threads = at::get_num_threads();
  std::vector<results::ImageRecoveryQuality> lines;
  for (std::size_t begin = 0; begin < images.size(); begin += results::kRecoveryBatch) {
    if (!progress(begin, images.size())) return std::nullopt;
    const auto block = images.subspan(begin, std::min(results::kRecoveryBatch, images.size() - begin));
    const std::vector<datasets::Image> inputs = results::recovery_inputs(pack, block, threads);
    const auto measured =
        results::recovery_quality(pack, block, inputs, recover_pictures(method, inputs), copies_from, threads);
    lines.insert(lines.end(), measured.begin(), measured.end());
  }
  if (!progress(images.size(), images.size())) return std::nullopt;
  return lines;
}

}  // namespace resolute::workers
