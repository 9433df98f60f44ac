#include <fmt/ranges.h>

#include <iostream>

#include "core/error.h"
#include "core/files/new_folder.h"
#include "core/hash/sha256.h"
#include "core/numbers.h"
#include "datasets/loader/normalisation.h"
#include "datasets/samples/listing.h"
#include "methods/row.h"
#include "networks/onnx/graph.h"
#include "networks/weights/torch_file.h"
#include "workers/jobs/commands.h"
#include "workers/jobs/finished_training.h"

namespace resolute::workers {
namespace {

std::string word_of(methods::Side side) { return side == methods::Side::kHigh ? "high" : "low"; }

// An evaluation of bf16 or tf32 computes in numbers that no float32 graph gives.
void require_graph(const experiments::TrainingSpecification& training, methods::Side side, int level) {
  const methods::Tells tells = methods::tells(training.method);
  if (side == methods::Side::kLow && !tells.sides)
    throw core::input_error(fmt::format("the low side of method '{}'", methods::method_name(training.method)),
                            "images of both sides pass the same network", "leave --side out");
  const auto levels = static_cast<int>(tells.level_rates.size());
  if (level > levels)
    throw core::input_error(
        fmt::format("level {} of method '{}'", level, methods::method_name(training.method)),
        levels == 0 ? "it tells no levels of resolution apart" : fmt::format("its training has levels 1 to {}", levels),
        "give another --level, or none");
  if (training.recipe.precision != settings::Precision::kF32)
    throw core::input_error(
        fmt::format("a training of precision {} has no ONNX graph", settings::word(training.recipe.precision)),
        "its evaluations compute in other numbers than a graph's float32", "train with precision f32");
}

core::Bytes encode_embedder(const methods::Method& method, const experiments::TrainingSpecification& training,
                            methods::Side side, int level, const std::map<std::string, std::string>& metadata) {
  const at::NoGradGuard no_grad;
  networks::onnx::Graph graph(training.pack.height, training.pack.width, method.row_size());
  const std::string features = method.embedder_graph(graph, side, level);
  if (features.empty())
    throw core::input_error(fmt::format("method '{}' has no ONNX graph", methods::method_name(training.method)),
                            "nobody has written its Method::embedder_graph()");
  return std::move(graph).encode(features, metadata);
}

std::map<std::string, std::string> metadata_of(const FinishedTraining& training, methods::Side side, int level) {
  const methods::Tells tells = methods::tells(training.specification.method);
  std::map<std::string, std::string> metadata{
      {"training", training.record.job.hex},
      {"weights_sha256", training.record.weights_sha256},
      {"method", methods::method_name(training.specification.method)},
      {"backbone", std::string(settings::word(training.specification.network.backbone))},
      {"images", "RGB, (level / 255 - mean) / deviation"},
      {"mean", fmt::format("{}", fmt::join(datasets::kChannelMean, ","))},
      {"deviation", fmt::format("{}", fmt::join(datasets::kChannelDeviation, ","))}};
  if (!tells.level_rates.empty()) metadata["level"] = level == 0 ? "highest" : std::to_string(level);
  if (tells.sides) metadata["side"] = word_of(side);
  for (const methods::Branch& branch : tells.branches) {
    std::string& branches = metadata["branches"];
    branches += (branches.empty() ? "" : ",") + branch.name;
  }
  return metadata;
}

}  // namespace

core::Json export_onnx(core::FileSystem& files, const experiments::StoreLayout& store, const std::string& job,
                       const std::filesystem::path& out, methods::Side side, int level) {
  if (out.extension() != ".onnx")
    throw core::input_error(fmt::format("file '{}' has the ending '{}'", out.string(), out.extension().string()), {},
                            "name it .onnx");
  const FinishedTraining training = read_finished_training(files, store, {job});
  const experiments::TrainingSpecification& specification = training.specification;
  require_graph(specification, side, level);
  const std::unique_ptr<methods::Method> method = make_trained_method(files, store, training);
  const core::Bytes bytes = encode_embedder(*method, specification, side, level, metadata_of(training, side, level));
  core::replace_named_file(files, out, bytes);
  return {{"job", training.record.job.hex},
          {"method", methods::method_name(specification.method)},
          {"backbone", settings::word(specification.network.backbone)},
          {"file", datasets::sources::printable(out.string())},
          {"sha256", core::sha256_hex(bytes)},
          {"height", specification.pack.height},
          {"width", specification.pack.width},
          {"dimension", method->embedding_size()},
          {"columns", method->row_size()}};
}

void run_onnx_command(core::FileSystem& files, const std::vector<std::string>& arguments) {
  constexpr std::size_t kArguments = 5;
  const auto level = arguments.size() == kArguments ? core::number_of<int>(arguments[4]) : std::nullopt;
  if (!level || *level < 0)
    throw core::input_error("unknown arguments of onnx", {}, "use resolute export onnx, which starts this");
  const methods::Side side = arguments[3] == word_of(methods::Side::kLow) ? methods::Side::kLow : methods::Side::kHigh;
  const core::Json report =
      export_onnx(files, experiments::StoreLayout(arguments[1]), arguments[0], arguments[2], side, *level);
  std::cout << core::canonical_json(report) << std::endl;
}

}  // namespace resolute::workers
