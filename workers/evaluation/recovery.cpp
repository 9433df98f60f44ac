#include "workers/evaluation/recovery.h"

#include <ATen/Parallel.h>

#include <algorithm>

#include "workers/evaluation/recovered_pictures.h"

namespace resolute::workers {

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
