#include "core/error.h"
#include "methods/resolution_adaptive/resolution_adaptive.h"
#include "workers/nn/folded_backbone.h"
#include "workers/nn/initialise.h"

namespace resolute::workers {

Embedder ResolutionAdaptive::embedder(const EmbedderOptions& options) {
  const int level = options.level == 0 ? levels() : options.level;
  const std::int64_t kept = compared_dimensions(level), columns = embedding_size();
  const auto trunk =
      std::make_shared<FoldedBackbone>(*trunk_, options.precision, options.height, options.width,
                                       masks_ ? masks_->scales(level, acting_masks()) : std::vector<at::Tensor>{});
  // float32 whatever the precision, as f5's mean is.
  const auto embedding = copied(*embedding_, std::make_shared<Linear>(trunk_->channels(kLevels), columns), at::kFloat);
  return [=](const at::Tensor& images) {
    return trunk->apply(images, columns, [&](const at::Tensor& f5) {
      at::Tensor z = embedding->forward(pooled(f5));
      z.narrow(1, kept, columns - kept).zero_();
      return z;
    });
  };
}

}  // namespace resolute::workers
