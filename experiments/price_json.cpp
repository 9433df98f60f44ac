#include "experiments/price.h"

namespace resolute::experiments {
namespace {

core::Json to_json(const JobCount& count) {
  return {{"asked", count.asked},
          {"distinct", count.distinct},
          {"shared", count.asked - count.distinct},
          {"done", count.done}};
}

}  // namespace

core::Json to_json(const Price& price) {
  core::Json machines = core::Json::array(), data = core::Json::array(), repeated = core::Json::object();
  for (const auto& [dataset, images] : price.repeated)
    repeated[dataset] = {{"taken", images.first}, {"images", images.second}};
  for (const MachinePrice& one : price.machines)
    machines.push_back({{"id", one.machine.id},
                        {"title", one.machine.title},
                        {"device", settings::word(one.machine.device)},
                        {"count", one.count},
                        {"hours", one.hours},
                        {"measured_hours", one.measured_hours},
                        {"done_hours", one.done_hours},
                        {"longest_hours", one.longest_hours},
                        {"days", one.days},
                        {"unpriced", one.unpriced},
                        {"hours_in", one.hours_in},
                        {"precision", one.precision ? core::Json(settings::word(*one.precision)) : core::Json()},
                        {"how", one.rate_origins}});
  for (const MissingData& one : price.missing_data)
    data.push_back({{"dataset", one.dataset},
                    {"source", one.source},
                    {"root", one.root},
                    {"from", one.from},
                    {"licence", one.licence}});
  core::Json weights = core::Json::array();
  for (const MissingWeights& one : price.missing_weights) weights.push_back(one.name);
  return {{"missing", {{"raw_data", std::move(data)}, {"weights", std::move(weights)}}},
          {"estimated", price.estimated},
          {"provisional", price.provisional},
          {"repeated", std::move(repeated)},
          {"price",
           {{"packs", to_json(price.packs)},
            {"trainings", to_json(price.trainings)},
            {"evaluations", to_json(price.evaluations)},
            {"of_programs", price.of_programs},
            {"machines", std::move(machines)},
            {"gpu_memory", price.memory ? core::Json{{"bytes", price.memory->bytes},
                                                     {"training", price.memory->training},
                                                     {"unknown", price.memory->unknown}}
                                        : core::Json()},
            {"disk",
             {{"packs", price.disk.packs},
              {"weights", price.disk.weights},
              {"checkpoints", price.disk.checkpoints},
              {"at_once", price.disk.at_once},
              {"states", price.disk.states},
              {"features", price.disk.features},
              {"unknown", price.disk.unknown}}}}}};
}

}  // namespace resolute::experiments
