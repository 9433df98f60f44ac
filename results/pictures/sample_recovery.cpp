#include "results/pictures/sample_recovery.h"

#include "core/error.h"
#include "core/process/side_by_side.h"
#include "experiments/specification/outputs.h"

namespace resolute::results {
namespace {

using datasets::Image;

Nearness nearness(const Image& picture, const Image& aim) {
  const PictureQuality quality = quality_of(picture, aim);
  return {static_cast<float>(quality.psnr), static_cast<float>(quality.ssim)};
}

}  // namespace

void check_scales(std::span<const int> scales, const datasets::PackReader& pack) {
  for (const int scale : scales)
    if (!pack.has_rate(scale))
      throw core::input_error(fmt::format("pack '{}' has no rate {}", pack.options().name, scale),
                              "the method recovers images at that scale, to be held against copies at it",
                              "evaluate on a pack with that rate, or set evaluate.sample_rates = []");
}

std::vector<Image> recovery_inputs(const datasets::PackReader& pack, std::span<const SampleImage> images, int threads) {
  std::vector<Image> inputs(images.size());
  core::side_by_side(images.size(), static_cast<std::size_t>(threads),
                     [&](std::size_t i) { inputs[i] = picture_of_view(pack, images[i].row, images[i].rate); });
  return inputs;
}

std::vector<ImageRecoveryQuality> recovery_quality(const datasets::PackReader& pack,
                                                   std::span<const SampleImage> images, std::span<const Image> inputs,
                                                   std::span<const RecoveredPictures> decoded,
                                                   settings::CopiesFrom copies_from, int threads) {
  std::vector<ImageRecoveryQuality> lines(images.size() * decoded.size());
  core::side_by_side(images.size(), static_cast<std::size_t>(threads), [&](std::size_t i) {
    const SampleImage& image = images[i];
    for (std::size_t k = 0; k < decoded.size(); ++k) {
      const Image aim = picture_of_copy(pack, image.row, decoded[k].scale, copies_from);
      lines[i * decoded.size() + k] = {
          pack.row(image.row).sample.path,       image.identity,          image.camera, image.rate, decoded[k].scale,
          nearness(decoded[k].pictures[i], aim), nearness(inputs[i], aim)};
    }
  });
  return lines;
}

OutputFiles recovery_file(const std::vector<ImageRecoveryQuality>& lines) {
  return {{experiments::kRecoveryOutput.file, bytes_of(csv_text(lines))}};
}

}  // namespace resolute::results
