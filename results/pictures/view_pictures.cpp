#include "results/pictures/view_pictures.h"

#include "datasets/image/low_resolution.h"
#include "datasets/loader/normalisation.h"

namespace resolute::results {
namespace {

using datasets::Image;

Image enlarged(const datasets::PackReader& pack, const Image& image) {
  return datasets::enlarge(image, pack.options().height, pack.options().width);
}

PictureView view_of(const Image& image) { return {image.height, image.width, image.pixels}; }

}  // namespace

Image picture_of_view(const datasets::PackReader& pack, std::size_t row, int rate) {
  Image image;
  pack.read_view(row, rate, image);
  return enlarged(pack, image);
}

Image picture_of_copy(const datasets::PackReader& pack, std::size_t row, int rate, settings::CopiesFrom from) {
  Image image;
  pack.read_copy(row, rate, from, image);
  return enlarged(pack, image);
}

std::vector<Image> pictures_of(const float* values, std::size_t count, const Image& like) {
  std::vector<Image> pictures(count, datasets::make_image(like.height, like.width));
  for (Image& picture : pictures)
    for (std::size_t i = 0; i < picture.pixels.size(); ++i)
      picture.pixels[i] = datasets::nearest_level(*values++, i % 3);
  return pictures;
}

PictureQuality quality_of(const Image& picture, const Image& reference) {
  return picture_quality(view_of(picture), view_of(reference));
}

}  // namespace resolute::results
