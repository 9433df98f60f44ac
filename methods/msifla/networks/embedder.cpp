#include "methods/msifla/networks/msifla.h"
#include "networks/nn/folded_backbone.h"
#include "networks/nn/initialise.h"
#include "networks/onnx/graph.h"

namespace resolute::methods {
namespace {

constexpr double kLeast = 1e-12;  // a part without any activation stays zeros

// part_descriptor() of horizontal_parts(): the means over rows are a product with a matrix.
std::string descriptor_graph(networks::onnx::Graph& graph, const networks::onnx::Map& f5, bool unit) {
  const at::Tensor means = at::zeros({f5.height, kParts});
  std::int64_t part = 0;
  for (const auto& [begin, end] : rows_of_parts(f5.height))
    means.select(1, part++).narrow(0, begin, end - begin).fill_(1.0 / static_cast<double>(end - begin));
  const std::string rows =
      graph.node("ReduceMean", {f5.value}, {{"axes", std::vector<std::int64_t>{3}}, {"keepdims", std::int64_t{0}}});
  std::string parts = graph.node("MatMul", {rows, graph.constant("means", means)});
  if (unit) {
    const std::string length =
        graph.node("ReduceL2", {parts}, {{"axes", std::vector<std::int64_t>{1}}, {"keepdims", std::int64_t{1}}});
    parts = graph.node("Div", {parts, graph.node("Max", {length, graph.constant("least", at::scalar_tensor(kLeast))})});
  }
  const std::string side_by_side = graph.node("Transpose", {parts}, {{"perm", std::vector<std::int64_t>{0, 2, 1}}});
  return graph.node("Flatten", {side_by_side}, {{"axis", std::int64_t{1}}});
}

}  // namespace

at::Tensor part_descriptor(const std::vector<at::Tensor>& parts, bool unit) {
  if (!unit) return at::cat(parts, 1);
  std::vector<at::Tensor> units;
  for (const at::Tensor& part : parts)
    units.push_back(part / at::linalg_vector_norm(part, 2, at::IntArrayRef{1}, /*keepdim=*/true).clamp_min(kLeast));
  return at::cat(units, 1);
}

std::string Msifla::embedder_graph(networks::onnx::Graph& graph, Side /*side*/, int /*level*/) const {
  networks::onnx::Map current = graph.images();
  std::vector<std::string> found;
  for (std::size_t stream = 0; stream < streams(); ++stream) {
    if (stream < ir_.size()) current = ir_[stream]->add_to(graph, current);
    found.push_back(descriptor_graph(graph, graph.trunk(reid_of(stream).trunk(), current), options_.unit_parts));
  }
  return found.size() == 1 ? found.front() : graph.node("Concat", found, {{"axis", std::int64_t{1}}});
}

Embedder Msifla::embedder(const EmbedderOptions& options) {
  std::vector<std::shared_ptr<ImageRecoveryNetwork>> cascade;
  for (const auto& network : ir_)
    cascade.push_back(networks::copied(
        *network, std::make_shared<ImageRecoveryNetwork>(options_.ir_width, options_.ir_residual), options.precision));
  std::vector<std::shared_ptr<networks::FoldedBackbone>> trunks;
  for (const auto& network : reid_)
    trunks.push_back(
        std::make_shared<networks::FoldedBackbone>(network->trunk(), options.precision, options.height, options.width));
  const std::int64_t block = networks::FoldedBackbone::block_on(root_->parameters().front().device());
  const std::size_t count = streams();
  const std::int64_t columns = embedding_size(), of_stream = columns / static_cast<std::int64_t>(count);
  const bool unit = options_.unit_parts;
  // A block through the cascade, and what each network makes of it through its re-ID network.
  const auto features = [=, precision = options.precision](const at::Tensor& images) {
    at::Tensor current = images.to(precision);
    std::vector<at::Tensor> found;
    for (std::size_t stream = 0; stream < count; ++stream) {
      if (stream < cascade.size()) current = cascade[stream]->forward(current);
      found.push_back(trunks[trunks.size() == 1 ? 0 : stream]->apply(
          current, of_stream, [&](const at::Tensor& f5) { return part_descriptor(horizontal_parts(f5), unit); }));
    }
    return at::cat(found, 1);
  };
  return [=](const at::Tensor& images) {
    const at::NoGradGuard no_grad;
    return networks::in_blocks(images, block, columns, features);
  };
}

}  // namespace resolute::methods
