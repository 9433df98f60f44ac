#include "workers/jobs/finished_training.h"

#include <variant>

#include "core/error.h"
#include "core/hash/sha256.h"
#include "experiments/specification/stages.h"
#include "experiments/specification/validation.h"
#include "networks/weights/torch_file.h"
#include "workers/jobs/job.h"
#include "workers/jobs/pretrained.h"
#include "workers/training/make_method.h"

namespace resolute::workers {

results::TrainingRecord read_training(core::FileSystem& files, const experiments::StoreLayout& store,
                                      const experiments::JobId& training) {
  const auto record = results::read_record(files, store, training);
  if (!record)
    throw core::input_error(fmt::format("training '{}' has no result", training.hex), "its weights are needed",
                            "run the training first");
  const auto* found = std::get_if<results::TrainingRecord>(&*record);
  if (found == nullptr) throw core::input_error(fmt::format("job '{}' is not a training", training.hex));
  return *found;
}

Weights read_weights(core::FileSystem& files, const experiments::StoreLayout& store,
                     const results::TrainingRecord& record) {
  // A suite whose evaluations are done asks for no weights: it makes a training anew that has no result.
  constexpr std::string_view kMakeAnew = "remove result.json beside them, and run the suite again";
  std::filesystem::path path = store.job_folder(record.job) / record.weights_file;
  // The link of resolute embed lies in a folder that it removes.
  if (std::error_code unknown; std::filesystem::is_symlink(path, unknown))
    path = path.parent_path() / std::filesystem::read_symlink(path);
  core::Bytes bytes;
  try {
    bytes = files.read(path);
  } catch (const core::RuntimeError& error) {
    if (!error.is_missing()) throw;
    throw core::system_error(fmt::format("cannot open weights '{}'", path.string()), error.error_number(), kMakeAnew);
  }
  if (const std::string found = core::sha256_hex(bytes); found != record.weights_sha256)
    throw core::corrupt_error(fmt::format("weights '{}' are damaged", path.string()),
                              fmt::format("SHA-256 {}, not {}", found, record.weights_sha256), kMakeAnew);
  return decode_weights(bytes, fmt::format("weights '{}'", path.string()));
}

FinishedTraining read_finished_training(core::FileSystem& files, const experiments::StoreLayout& store,
                                        const experiments::JobId& training) {
  if (!core::is_sha256_hex(training.hex))
    throw core::input_error(fmt::format("'{}' is no job id", networks::printable(training.hex)),
                            "an id has 64 lower-case hexadecimal digits");
  results::TrainingRecord record = read_training(files, store, training);
  auto specification = read_specification(files, store, training);
  auto* trained = std::get_if<experiments::TrainingSpecification>(&specification);
  if (trained == nullptr) throw core::input_error(fmt::format("job '{}' is not a training", training.hex));
  return {std::move(*trained), std::move(record)};
}

std::unique_ptr<methods::Method> make_trained_method(core::FileSystem& files, const experiments::StoreLayout& store,
                                                     const FinishedTraining& training, at::Device place) {
  const Weights weights = read_weights(files, store, training.record);
  std::unique_ptr<methods::Method> method = make_method(training.specification, weights.classes);
  load_module(method->module(), "", weights.tensors, "weights file");
  if (!place.is_cpu()) method->module().to(place);
  return method;
}

const networks::Backbone& only_trunk(const torch::nn::Module& module) {
  const networks::Backbone* trunk = nullptr;
  for (const auto& item : module.named_modules("", /*include_self=*/true))
    if (const auto* found = dynamic_cast<const networks::Backbone*>(item.value().get())) {
      if (trunk != nullptr)
        throw core::input_error("this training's method has several trunks", "one file has room for one");
      trunk = found;
    }
  RESOLUTE_EXPECT(trunk != nullptr, "a method without a trunk");
  return *trunk;
}

std::optional<FinishedTraining> find_first_stage(core::FileSystem& files, const experiments::StoreLayout& store,
                                                 const experiments::TrainingSpecification& specification) {
  if (!specification.start_from) return std::nullopt;
  const auto& [job, part] = *specification.start_from;
  FinishedTraining first = read_finished_training(files, store, job);
  const std::string where = store.specification_file(experiments::job_id(specification)).string();
  try {
    const std::string name = experiments::short_id(job);
    if (experiments::part_to_start(first.specification, specification, name) == experiments::StartPart::kTrunk &&
        part == experiments::StartPart::kModule)
      throw experiments::MemberError("start_from", "'" + name + "'", "its networks are not those of this training",
                                     "start from the part \"trunk\"");
  } catch (const experiments::MemberError& error) {
    throw error.at(where);
  }
  return first;
}

void load_first_stage(core::FileSystem& files, const experiments::StoreLayout& store, const FinishedTraining& first,
                      experiments::StartPart part, torch::nn::Module& module) {
  if (part == experiments::StartPart::kModule)
    return load_module(module, "", read_weights(files, store, first.record).tensors, "weights file");
  const std::unique_ptr<methods::Method> method = make_trained_method(files, store, first);
  networks::NamedTensors trunk;
  list_module(only_trunk(method->module()), "", trunk);
  load_trunks(trunk, "weights file", module);
}

}  // namespace resolute::workers
