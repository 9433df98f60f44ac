#include "workers/evaluation/view_pictures.h"

#include "core/error.h"
#include "datasets/image/low_resolution.h"
#include "datasets/loader/normalisation.h"

namespace resolute::workers {
namespace {

using datasets::Image;

Image enlarged(const datasets::PackReader& pack, const Image& image) {
  return datasets::enlarge(image, pack.options().height, pack.options().width);
}

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
  const float* from = rows.const_data_ptr<float>();
  std::vector<Image> pictures(count, datasets::make_image(like.height, like.width));
  for (Image& picture : pictures)
    for (std::size_t i = 0; i < picture.pixels.size(); ++i) picture.pixels[i] = datasets::nearest_level(*from++, i % 3);
  return pictures;
}

results::PictureView view_of(const Image& image) { return {image.height, image.width, image.pixels}; }

}  // namespace

Image picture_of_view(const datasets::PackReader& pack, const ImageView& view) {
  Image image;
  pack.read_view(view.row, view.rate, image);
  return enlarged(pack, image);
}

Image picture_of_copy(const datasets::PackReader& pack, std::size_t row, int rate, settings::CopiesFrom from) {
  Image image;
  pack.read_copy(row, rate, from, image);
  return enlarged(pack, image);
}

std::vector<RecoveredPictures> recover_pictures(methods::Method& method, std::span<const Image> pictures) {
  RESOLUTE_EXPECT(!pictures.empty(), "something is recovered");
  const std::vector<int>& scales = method.tells().recovered;
  if (scales.empty()) return {};
  const at::Device device = method.module().parameters().front().device();
  std::vector<RecoveredPictures> recovered;
  const std::vector<at::Tensor> decoded = method.recover(normalised(pictures).to(device));
  RESOLUTE_EXPECT(decoded.size() == scales.size(), "each decoder gives images");
  for (std::size_t i = 0; i < scales.size(); ++i)
    recovered.push_back({scales[i], pictures_of(decoded[i], pictures.size(), pictures.front())});
  return recovered;
}

results::PictureQuality quality_of(const Image& picture, const Image& reference) {
  return results::picture_quality(view_of(picture), view_of(reference));
}

}  // namespace resolute::workers
