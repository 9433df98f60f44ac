#include "workers/evaluation/recovery.h"

#include <ATen/Parallel.h>

#include <algorithm>

#include "core/error.h"
#include "workers/evaluation/recovered_pictures.h"

namespace resolute::workers {
namespace {

using datasets::Image;

results::Nearness nearness(const Image& picture, const Image& aim) {
  const results::PictureQuality quality = results::quality_of(picture, aim);
  return {static_cast<float>(quality.psnr), static_cast<float>(quality.ssim)};
}

// Each number of a range on some thread; what the body does for one must not touch another's.
template <class Body>
void for_each(std::size_t count, const Body& body) {
  at::parallel_for(0, static_cast<std::int64_t>(count), 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) body(static_cast<std::size_t>(i));
  });
}

// Lines of one block of images, decoders within images.
std::vector<results::ImageRecoveryQuality> measure_block(methods::Method& method, const datasets::PackReader& pack,
                                                         std::span<const SampleImage> images,
                                                         settings::CopiesFrom copies_from) {
  std::vector<Image> inputs(images.size());
  for_each(images.size(),
           [&](std::size_t i) { inputs[i] = results::picture_of_view(pack, images[i].view.row, images[i].view.rate); });
  const std::vector<results::RecoveredPictures> decoded = recover_pictures(method, inputs);
  std::vector<results::ImageRecoveryQuality> lines(images.size() * decoded.size());
  for_each(images.size(), [&](std::size_t i) {
    const SampleImage& image = images[i];
    for (std::size_t k = 0; k < decoded.size(); ++k) {
      const Image aim = results::picture_of_copy(pack, image.view.row, decoded[k].scale, copies_from);
      lines[i * decoded.size() + k] = {pack.row(image.view.row).sample.path,
                                       image.identity,
                                       image.camera,
                                       image.view.rate,
                                       decoded[k].scale,
                                       nearness(decoded[k].pictures[i], aim),
                                       nearness(inputs[i], aim)};
    }
  });
  return lines;
}

}  // namespace

const std::vector<int>& recovery_scales(const methods::Method& method, const datasets::PackReader& pack) {
  for (const int scale : method.tells().recovered)
    if (!pack.has_rate(scale))
      throw core::input_error(fmt::format("pack '{}' has no rate {}", pack.options().name, scale),
                              "the method recovers images at that scale, to be held against copies at it",
                              "evaluate on a pack with that rate, or set evaluate.sample_rates = []");
  return method.tells().recovered;
}

std::optional<std::vector<results::ImageRecoveryQuality>> measure_recovery(methods::Method& method,
                                                                           const datasets::PackReader& pack,
                                                                           std::span<const SampleImage> images,
                                                                           settings::CopiesFrom copies_from,
                                                                           const EmbeddingProgress& progress) {
  std::vector<results::ImageRecoveryQuality> lines;
  for (std::size_t begin = 0; begin < images.size(); begin += kRecoveryBatch) {
    if (!progress(begin, images.size())) return std::nullopt;
    const auto block = images.subspan(begin, std::min(kRecoveryBatch, images.size() - begin));
    const std::vector<results::ImageRecoveryQuality> measured = measure_block(method, pack, block, copies_from);
    lines.insert(lines.end(), measured.begin(), measured.end());
  }
  if (!progress(images.size(), images.size())) return std::nullopt;
  return lines;
}

}  // namespace resolute::workers
