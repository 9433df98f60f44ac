#include "core/error.h"
#include "methods/resolution_adaptive/networks/resolution_adaptive.h"
#include "networks/nn/folded_backbone.h"
#include "networks/nn/initialise.h"
#include "networks/onnx/graph.h"

namespace resolute::methods {

Embedder ResolutionAdaptive::embedder(const EmbedderOptions& options) {
  const int level = options.level == 0 ? levels() : options.level;
  const std::int64_t compared = compared_dimensions(level), columns = embedding_size();
  const auto trunk = std::make_shared<networks::FoldedBackbone>(
      *trunk_, options.precision, options.height, options.width,
      masks_ ? masks_->scales(level, acting_masks()) : std::vector<at::Tensor>{});
  // float32 whatever the precision, as f5's mean is.
  const auto embedding = networks::copied(
      *embedding_, std::make_shared<networks::Linear>(trunk_->channels(networks::kLevels), columns), at::kFloat);
  return [=](const at::Tensor& images) {
    return trunk->apply(images, columns, [&](const at::Tensor& f5) {
      at::Tensor z = embedding->forward(pooled(f5));
      z.narrow(1, compared, columns - compared).zero_();
      return z;
    });
  };
}

std::string ResolutionAdaptive::embedder_graph(networks::onnx::Graph& graph, Side /*side*/, int level) const {
  const int level_of_images = level == 0 ? levels() : level;
  const networks::onnx::Map f5 = graph.trunk(
      *trunk_, graph.images(), masks_ ? masks_->scales(level_of_images, acting_masks()) : std::vector<at::Tensor>{});
  // Dimensions beyond the level's are zeros: so are their weights.
  const std::int64_t compared = compared_dimensions(level_of_images), columns = embedding_size();
  const at::Tensor weight = embedding_->weight.detach().clone(), bias = embedding_->bias.detach().clone();
  weight.narrow(0, compared, columns - compared).zero_();
  bias.narrow(0, compared, columns - compared).zero_();
  return graph.linear(graph.mean(f5), weight, bias);
}

}  // namespace resolute::methods
