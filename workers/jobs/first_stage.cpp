#include "workers/jobs/first_stage.h"

#include "core/error.h"
#include "experiments/specification/stages.h"
#include "experiments/specification/validation.h"
#include "workers/jobs/pretrained.h"

namespace resolute::workers {

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
