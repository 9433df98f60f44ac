#include <iostream>
#include <memory>

#include "core/error.h"
#include "core/files/new_folder.h"
#include "core/hash/sha256.h"
#include "core/log.h"
#include "datasets/samples/listing.h"
#include "experiments/store/weights_catalogue.h"
#include "methods/networks/method.h"
#include "workers/jobs/commands.h"
#include "workers/jobs/finished_training.h"
#include "workers/jobs/job.h"
#include "workers/jobs/pretrained.h"

namespace resolute::workers {
namespace {

constexpr std::size_t kMostNamed = 5;

core::RuntimeError misfit(const std::string& file, const core::Json& report) {
  const core::Json &missing = report["missing"], &misfits = report["misfits"];
  std::vector<std::string> named;
  for (const auto& name : missing)
    if (named.size() < kMostNamed) named.push_back(fmt::format("'{}' is missing", name.get<std::string>()));
  for (const auto& one : misfits)
    if (named.size() < kMostNamed)
      named.push_back(fmt::format("'{}' is {}, not {}", one["name"].get<std::string>(), one["found"].get<std::string>(),
                                  one["needed"].get<std::string>()));
  const std::size_t count = missing.size() + misfits.size();
  const core::Json& foreign = report["foreign"];
  const auto network = report["network"].get<std::string>(), backbone = report["backbone"].get<std::string>();
  const std::string suggestion = fmt::format("give a file of '{}', or the --backbone that it is of ({})", backbone,
                                             fmt::join(settings::word_list<settings::Trunk>(), ", "));
  if (!foreign.empty() && (count == 0 || !network.empty()))
    return core::input_error(fmt::format("'{}' holds the trunk of {}, not of '{}'", file,
                                         network.empty() ? "another network" : network, backbone),
                             fmt::format("tensors in its levels that '{}' has not: {}, such as '{}'", backbone,
                                         foreign.size(), foreign[0].get<std::string>()),
                             suggestion);
  return core::input_error(fmt::format("'{}' does not hold the trunk of '{}': {} of its {} tensors do not fit", file,
                                       backbone, count, count + report["taken"].size()),
                           fmt::format("{}{}", fmt::join(named, ", "), count > named.size() ? ", …" : ""), suggestion);
}

// A trunk that is imported here, from whichever file, is not tested on people whom it has seen.
void remember_origin(core::FileSystem& files, const experiments::StoreLayout& store, const FinishedTraining& trained,
                     const networks::NamedTensors& trunk) {
  const auto& [specification, record] = trained;
  const std::string sha256 =
      core::sha256_hex(encode_trunk(trunk, std::string(settings::word(specification.network.backbone))));
  if (sha256 == specification.initial_weights) return;  // a trunk that was frozen as it came has seen nobody here
  try {
    experiments::WeightsCatalogue(files, store).add_origin(sha256, record.job);
  } catch (const core::RuntimeError& error) {
    core::log_warning("{}; the store does not remember whom these weights have seen", error.what());
  }
}

void run_import(core::FileSystem& files, const std::vector<std::string>& arguments) {
  ImportRequest request;
  request.file = arguments[1];
  request.name = arguments[3];
  request.backbone = arguments[4];
  if (arguments[5].starts_with("=")) request.prefix = arguments[5].substr(1);
  request.replace = arguments[6] == "replace";
  const ImportResult result = import_weights(files, experiments::StoreLayout(arguments[2]), request);
  std::cout << core::canonical_json(result.report) << std::endl;
  if (!result.complete) throw misfit(arguments[1], result.report);
}

}  // namespace

core::Json export_weights(core::FileSystem& files, const experiments::StoreLayout& store, const std::string& job,
                          const std::filesystem::path& out) {
  const std::string ending = out.extension().string();
  const bool torch_file = ending == ".pth" || ending == ".pt";
  if (!torch_file && ending != ".safetensors")
    throw core::input_error(fmt::format("file '{}' has the ending '{}'", out.string(), ending),
                            "it says what is written", "name it .safetensors, .pth or .pt");
  const experiments::JobId training{job};
  const FinishedTraining trained = read_finished_training(files, store, training);
  const std::unique_ptr<methods::Method> method = make_trained_method(files, store, trained);

  networks::NamedTensors tensors;
  list_module(only_trunk(method->module()), "", tensors);
  const core::Bytes bytes =
      torch_file ? networks::encode_torch_file(tensors) : networks::encode_safetensors(tensors, {{"format", "pt"}});
  core::replace_named_file(files, out, bytes);
  remember_origin(files, store, trained, tensors);
  return {{"job", training.hex},
          {"backbone", settings::word(trained.specification.network.backbone)},
          {"file", datasets::sources::printable(out.string())},
          {"format", torch_file ? "torch" : "safetensors"},
          {"sha256", core::sha256_hex(bytes)},
          {"tensors", tensors.size()}};
}

void run_weights_command(core::FileSystem& files, const std::vector<std::string>& arguments) {
  constexpr std::size_t kImport = 7, kExport = 4;
  if (arguments.size() == kImport && arguments[0] == "import") {
    run_import(files, arguments);
  } else if (arguments.size() == kExport && arguments[0] == "export") {
    const core::Json report = export_weights(files, experiments::StoreLayout(arguments[2]), arguments[1], arguments[3]);
    std::cout << core::canonical_json(report) << std::endl;
  } else {
    throw core::input_error("unknown arguments of weights", {}, "use resolute weights, which starts this");
  }
}

}  // namespace resolute::workers
