#include "workers/packs/split_command.h"

#include <fmt/format.h>

#include <variant>

#include "core/error.h"
#include "datasets/pack/pack.h"
#include "datasets/split/split.h"
#include "workers/rank/job_options.h"

namespace resolute::workers {

std::filesystem::path export_split_of_job(core::FileSystem& files, const experiments::StoreLayout& store,
                                          const experiments::JobId& job, const std::filesystem::path& folder) {
  const experiments::JobSpecification specification = read_specification(files, store, job);
  const auto write = [&](const experiments::PackSettings& pack, const datasets::SplitSettings& settings, int draws) {
    const auto reader = datasets::PackReader::open(files, store.pack_folder(pack));
    return datasets::export_split(files, folder, datasets::make_split(reader, settings), draws);
  };
  if (const auto* training = std::get_if<experiments::TrainingSpecification>(&specification))
    return write(training->pack, training->split, 0);
  if (const auto* evaluation = std::get_if<experiments::EvaluationSpecification>(&specification)) {
    datasets::SplitSettings settings = evaluation->split;
    if (!evaluation->protocol.query_rates.empty()) settings.query_rates = evaluation->protocol.query_rates;
    return write(evaluation->pack, settings, evaluation->protocol.draws);
  }
  throw core::input_error(fmt::format("job '{}' is of kind {}", job.hex, experiments::kind_name(specification)),
                          "only trainings and evaluations have a split");
}

}  // namespace resolute::workers
