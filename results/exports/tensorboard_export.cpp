#include "results/exports/tensorboard_export.h"

#include <set>

#include "core/files/new_folder.h"
#include "core/log.h"
#include "results/exports/event_file.h"
#include "results/exports/logged_numbers.h"
#include "results/exports/provenance.h"

namespace resolute::results {
namespace {

// TensorBoard reads files that have "tfevents" in their names, those of one folder in the order of their names.
constexpr const char* kEventFileName = "events.out.tfevents.0000000000.resolute";
constexpr std::size_t kEventsPiece = std::size_t{1} << 20;

void write_run(core::NewFolder& folder, const std::string& name, const TrainingNumbers& numbers) {
  auto file = folder.create(fmt::format("{}/{}", name, kEventFileName));
  std::string text = version_record();
  for (const auto& [step, logged] : numbers.steps) {
    text += scalars_record(step, logged.values);
    if (text.size() < kEventsPiece) continue;
    file->write(core::as_byte_span(text));
    text.clear();
  }
  file->write(core::as_byte_span(text));
  file->close();
}

}  // namespace

std::vector<TrainingRun> training_runs(const experiments::Plan& plan) {
  const auto training_of = trainings_of(plan);
  std::set<experiments::JobId> seen;
  std::vector<TrainingRun> runs;
  for (const experiments::TablePlan& table : plan.tables)
    for (const experiments::RowPlan& row : table.rows)
      for (const experiments::CellPlan& cell : row.cells)
        for (std::size_t trial = 0; trial < cell.evaluations.size(); ++trial)
          if (const auto& training = training_of.at(cell.evaluations[trial]); seen.insert(training).second)
            runs.push_back({fmt::format("{}/{}/{}.trial-{}", table.id, cell.dataset, row.id, trial), training});
  return runs;
}

std::size_t export_tensorboard(const ResultsSource& source, const fs::path& folder,
                               const std::function<void(std::size_t)>& progress) {
  core::require_new_folder(source.files, folder);
  std::size_t written = 0;
  core::write_new_folder(source.files, folder, [&](core::NewFolder& made) {
    std::size_t done = 0;
    for (const TrainingRun& run : training_runs(source.plan)) {
      const TrainingNumbers numbers = read_training_numbers(source.files, source.store, run.training);
      for (const std::string& warning : numbers.warnings) core::log_warning("{}", warning);
      if (!numbers.steps.empty()) {
        write_run(made, run.name, numbers);
        ++written;
      }
      if (progress) progress(++done);
    }
    if (written == 0)
      throw core::input_error(fmt::format("no training of suite '{}' has logged a step", source.plan.suite),
                              "there is nothing to show", "run the suite first, or check --store and --profile");
  });
  return written;
}

}  // namespace resolute::results
