#include "workers/jobs/onnx_command.h"

#include <fmt/ranges.h>

#include <iostream>

#include "core/error.h"
#include "core/hash/sha256.h"
#include "datasets/loader/normalisation.h"
#include "methods/row.h"
#include "workers/jobs/finished_training.h"
#include "workers/onnx/trunk_graph.h"
#include "workers/weights/torch_file.h"

namespace resolute::workers {
namespace {

// What is more than one trunk and a mean, or computes in numbers that no float32 graph gives.
void require_graph(const experiments::TrainingSpecification& training) {
  if (!methods::tells(training.method).pooled) {
    std::vector<std::string> others;
    for (const methods::MethodOptions& method : methods::all_methods())
      if (methods::tells(method).pooled) others.push_back(methods::method_name(method));
    throw core::input_error(fmt::format("method '{}' has no ONNX graph", methods::method_name(training.method)),
                            "its features are more than the mean over a trunk's last map",
                            fmt::format("methods that have one: {}", fmt::join(others, ", ")));
  }
  if (training.recipe.precision == settings::Precision::kBf16)
    throw core::input_error("a training of precision bf16 has no ONNX graph",
                            "its evaluations compute in bfloat16, a graph in float32", "train with precision f32");
}

std::map<std::string, std::string> metadata_of(const FinishedTraining& training) {
  return {{"training", training.record.job.hex},
          {"weights_sha256", training.record.weights_sha256},
          {"method", methods::method_name(training.specification.method)},
          {"backbone", std::string(settings::word(training.specification.network.backbone))},
          {"images", "RGB, (level / 255 - mean) / deviation"},
          {"mean", fmt::format("{}", fmt::join(datasets::kChannelMean, ","))},
          {"deviation", fmt::format("{}", fmt::join(datasets::kChannelDeviation, ","))}};
}

}  // namespace

core::Json export_onnx(core::FileSystem& files, const experiments::StoreLayout& store, const std::string& job,
                       const std::filesystem::path& out) {
  if (out.extension() != ".onnx")
    throw core::input_error(fmt::format("file '{}' has the ending '{}'", out.string(), out.extension().string()), {},
                            "name it .onnx");
  const FinishedTraining training = read_finished_training(files, store, {job});
  const experiments::TrainingSpecification& specification = training.specification;
  require_graph(specification);
  const std::unique_ptr<Method> method = make_trained_method(files, store, training);
  const core::Bytes bytes = onnx::encode_trunk_graph(only_trunk(method->module()), specification.pack.height,
                                                     specification.pack.width, metadata_of(training));
  core::write_atomic(files, out, bytes);
  return {{"job", training.record.job.hex},
          {"method", methods::method_name(specification.method)},
          {"backbone", settings::word(specification.network.backbone)},
          {"file", printable(out.string())},
          {"sha256", core::sha256_hex(bytes)},
          {"height", specification.pack.height},
          {"width", specification.pack.width},
          {"dimension", method->embedding_size()}};
}

void run_onnx_command(core::FileSystem& files, const std::vector<std::string>& arguments) {
  constexpr std::size_t kArguments = 3;
  if (arguments.size() != kArguments)
    throw core::input_error("unknown arguments of onnx", {}, "use resolute export onnx, which starts this");
  const core::Json report = export_onnx(files, experiments::StoreLayout(arguments[1]), arguments[0], arguments[2]);
  std::cout << core::canonical_json(report) << std::endl;
}

}  // namespace resolute::workers
