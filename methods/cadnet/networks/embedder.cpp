#include "core/error.h"
#include "methods/cadnet/networks/cadnet.h"
#include "networks/nn/folded_backbone.h"
#include "networks/nn/initialise.h"

namespace resolute::methods {

int Cadnet::embedding_size() const {
  const int parts = (options_.compares_f() ? 1 : 0) + (options_.encodes_recovered() ? 1 : 0);
  return parts * static_cast<int>(trunk_->channels(networks::kLevels));
}

at::Tensor Cadnet::embed(const at::Tensor& images) {
  if (!hr_encoder_) return TrunkMethod::embed(images);
  return evaluated(*root_, [&] {
    const std::vector<at::Tensor> f = trunk_->forward(images);
    const at::Tensor recovered = decoder_->forward(f, images.size(2), images.size(3));
    return joined(pooled(f.back()), pooled(hr_encoder_->forward(recovered).back())).to(at::kFloat);
  });
}

// E's inner maps reach G, so E and G pass as they are, in float32; F is folded.
Embedder Cadnet::embedder(const EmbedderOptions& options) {
  if (!hr_encoder_) return TrunkMethod::embedder(options);
  const auto trunk = networks::copied(*trunk_, std::make_shared<networks::Backbone>(trunk_->shape()), at::kFloat);
  const auto decoder = networks::copied(*decoder_, std::make_shared<SkipDecoder>(*trunk_), at::kFloat);
  trunk->eval();
  decoder->eval();
  const auto encoder =
      std::make_shared<networks::FoldedBackbone>(*hr_encoder_, options.precision, options.height, options.width);
  const bool with_f = options_.compares_f();
  const auto features = [=](const at::Tensor& images) {
    const std::vector<at::Tensor> f = trunk->forward(images);
    const at::Tensor g = encoder->embed(decoder->forward(f, images.size(2), images.size(3)));
    return with_f ? at::cat({pooled(f.back()), g}, 1) : g;
  };
  const std::int64_t block = networks::FoldedBackbone::block_on(root_->parameters().front().device());
  return [=, columns = std::int64_t{embedding_size()}](const at::Tensor& images) {
    const at::NoGradGuard no_grad;
    return networks::in_blocks(images, block, columns, features);
  };
}

std::string Cadnet::embedder_graph(networks::onnx::Graph& graph, Side side, int level) const {
  if (!hr_encoder_) return TrunkMethod::embedder_graph(graph, side, level);
  const std::vector<networks::onnx::Map> f = graph.levels(*trunk_, graph.images());
  const std::string g = graph.mean(graph.trunk(*hr_encoder_, decoder_->add_to(graph, f, graph.images())));
  return options_.compares_f() ? graph.node("Concat", {graph.mean(f.back()), g}, {{"axis", std::int64_t{1}}}) : g;
}

std::vector<at::Tensor> Cadnet::recover(const at::Tensor& images) {
  RESOLUTE_EXPECT(decoder_ != nullptr, "a decoder recovers images");
  return {evaluated(*root_, [&] {
    return networks::loss_precision(decoder_->forward(trunk_->forward(images), images.size(2), images.size(3)));
  })};
}

}  // namespace resolute::methods
