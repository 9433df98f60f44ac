#include "workers/evaluation/recovered_pictures.h"

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

}  // namespace resolute::workers
