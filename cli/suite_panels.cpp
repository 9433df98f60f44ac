// `resolute suite panels`

#include <fmt/format.h>

#include <filesystem>
#include <iostream>
#include <map>
#include <variant>

#include "cli/panel_page.h"
#include "cli/subcommands.h"
#include "cli/suite_arguments.h"
#include "core/error.h"
#include "core/file_system.h"
#include "core/json.h"
#include "experiments/metrics.h"
#include "results/branch_weights.h"
#include "results/mask_values.h"
#include "results/output_file.h"
#include "results/prefix_distances.h"
#include "results/record.h"
#include "results/recovery.h"

namespace resolute::cli {

namespace {

constexpr CommandHelp kSuitePanelsHelp{
    "resolute suite panels SUITE.toml --store STORE [--out FILE] [--json]",
    "Writes one HTML page with the panels of the suite's evaluations (evaluate.panels): per query what each row of a "
    "table puts first\n"
    "in the gallery, and what its decoders make of the LR image; and, of a sample of images at several rates "
    "(evaluate.sample_rates),\n"
    "how the weights of methods that weight their features go with the rate, and how near decoders bring images to "
    "their originals;\n"
    "and, of methods that adapt to the resolution, masks by block and level, and distances by shared sub-vectors.\n"
    "Trial 0; what is not there yet is said in words. Works while the suite runs; "
    "the page needs\n"
    "nothing but a browser. Without --out it is suites/NAME/panels.html in the store.",
    "  resolute suite panels suite.toml --store store\n"
    "  resolute suite panels suite.toml --store store --out panels.html\n"};

constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 28;  // of a picture, far above what a worker draws

//! What an evaluation was asked to leave for the page.
struct Wanted {
  bool panels = false;
  bool weights = false;
  bool recovery = false;
  bool masks = false;
  bool prefixes = false;
  bool any() const { return panels || weights || recovery || masks || prefixes; }
};

//! What an evaluation leaves of its training's method, beside features and panels. \param sampled whether it looks at a
//! sample of images at several rates
Wanted left_of(const experiments::TrainingSpecification& training, bool sampled) {
  const auto has = [&](const char* metric) { return experiments::has_metric(training.method, {}, metric); };
  const auto* adaptive = std::get_if<experiments::ResolutionAdaptiveOptions>(&training.method);
  return {false, sampled && has("weight_hr_rho"), sampled && has("psnr_gain_2"), has("mask_spread"),
          adaptive != nullptr && adaptive->varying_length};
}

class PanelReader {
 public:
  PanelReader(core::FileSystem& files, const experiments::StoreLayout& store, const experiments::Plan& plan)
      : files_(files), store_(store) {
    std::map<experiments::JobId, const experiments::TrainingSpecification*> trainings;
    for (const experiments::PlannedJob& job : plan.jobs)
      if (const auto* training = std::get_if<experiments::TrainingSpecification>(&job.specification))
        trainings[job.id] = training;
    for (const experiments::PlannedJob& job : plan.jobs) {
      const auto* evaluation = std::get_if<experiments::EvaluationSpecification>(&job.specification);
      if (evaluation == nullptr) continue;
      Wanted& wanted = wanted_[job.id];
      wanted = left_of(*trainings.at(evaluation->training), !evaluation->protocol.sample_rates.empty());
      wanted.panels = evaluation->protocol.panels > 0;
    }
  }

  bool wants_any(const experiments::CellPlan& cell) const {
    return !cell.evaluations.empty() && wanted_.at(cell.evaluations.front()).any();
  }

  PanelRow read(const experiments::RowPlan& row, const experiments::CellPlan& cell) const {
    const experiments::JobId& job = cell.evaluations.front();
    PanelRow read{row.id, row.label, job.hex, {}, std::nullopt, {}, {}, {}, {}};
    const auto record = results::read_record(files_, store_, job);
    if (!record) {
      read.missing = "not evaluated yet";
      return read;
    }
    const auto* evaluation = std::get_if<results::EvaluationRecord>(&*record);
    if (evaluation == nullptr)
      throw core::input_error(fmt::format("the record of job {} is of another kind of job", job.hex.substr(0, 12)),
                              "the plan says otherwise", "remove its result.json and run the suite again");
    if (wanted_.at(job).panels) read_panels(*evaluation, read);
    if (wanted_.at(job).weights) read_weights(*evaluation, read);
    if (wanted_.at(job).recovery) read_recovery(*evaluation, read);
    if (wanted_.at(job).masks) read_masks(*evaluation, read);
    if (wanted_.at(job).prefixes) read_prefixes(*evaluation, read);
    return read;
  }

 private:
  void read_panels(const results::EvaluationRecord& evaluation, PanelRow& to) const {
    if (!evaluation.outputs.contains(results::kPanelsFile)) {
      to.missing = "its evaluation left no panels";
      return;
    }
    const core::Bytes text = read_output(evaluation, results::kPanelsFile);
    to.panels = results::parse_panels(core::as_text(text), where(evaluation, results::kPanelsFile));
    for (std::size_t query = 0; query < to.panels->queries.size(); ++query) {
      PanelPictures pictures{read_output(evaluation, results::gallery_panel_file(query)), {}};
      if (to.panels->queries[query].reconstruction)
        pictures.reconstruction = read_output(evaluation, results::reconstruction_panel_file(query));
      to.pictures.push_back(std::move(pictures));
    }
  }

  void read_weights(const results::EvaluationRecord& evaluation, PanelRow& to) const {
    if (evaluation.outputs.contains(results::kBranchWeightsFile)) {
      const core::Bytes text = read_output(evaluation, results::kBranchWeightsFile);
      to.weights = results::parse_branch_weights(core::as_text(text), where(evaluation, results::kBranchWeightsFile));
      to.weight_metrics = weight_metrics(evaluation.metrics);
    }
    if (to.weights.empty()) lacks(to, "weights");
  }

  void read_recovery(const results::EvaluationRecord& evaluation, PanelRow& to) const {
    if (evaluation.outputs.contains(results::kRecoveryFile)) {
      const core::Bytes text = read_output(evaluation, results::kRecoveryFile);
      to.recovery = results::parse_recovery(core::as_text(text), where(evaluation, results::kRecoveryFile));
    }
    if (to.recovery.empty()) lacks(to, "recovered images");
  }

  void read_masks(const results::EvaluationRecord& evaluation, PanelRow& to) const {
    if (evaluation.outputs.contains(results::kMaskValuesFile)) {
      const core::Bytes text = read_output(evaluation, results::kMaskValuesFile);
      to.masks = results::parse_mask_values(core::as_text(text), where(evaluation, results::kMaskValuesFile));
    }
    if (to.masks.empty()) lacks(to, "masks");
  }

  void read_prefixes(const results::EvaluationRecord& evaluation, PanelRow& to) const {
    if (evaluation.outputs.contains(results::kPrefixDistancesFile)) {
      const core::Bytes text = read_output(evaluation, results::kPrefixDistancesFile);
      to.prefixes =
          results::parse_prefix_distances(core::as_text(text), where(evaluation, results::kPrefixDistancesFile));
    }
    if (to.prefixes.empty()) lacks(to, "distances by prefix");
  }

  static void lacks(PanelRow& row, std::string_view what) {
    row.missing += fmt::format("{} no {}", row.missing.empty() ? "its evaluation left" : ", and", what);
  }

  std::string where(const results::EvaluationRecord& record, const std::string& name) const {
    return fmt::format("'{}'", (store_.job_folder(record.job) / name).string());
  }

  // The file's bytes, held against the hash in the record.
  core::Bytes read_output(const results::EvaluationRecord& record, const std::string& name) const {
    const std::filesystem::path path = store_.job_folder(record.job) / name;
    const auto named = record.outputs.find(name);
    if (named == record.outputs.end())
      throw core::corrupt_error(fmt::format("'{}' is not named by the job's result", path.string()),
                                "its panels.json asks for it", "remove the job's result.json and run the suite again");
    return results::read_output(files_, path, named->second, kMostBytes);
  }

  core::FileSystem& files_;
  const experiments::StoreLayout& store_;
  std::map<experiments::JobId, Wanted> wanted_;  // of the plan's evaluations
};

PanelPage collect(const experiments::Plan& plan, const PanelReader& reader) {
  PanelPage page{plan.suite, plan.title, {}, plan.notes};
  for (const experiments::TablePlan& table : plan.tables)
    for (std::size_t dataset = 0; dataset < table.datasets.size(); ++dataset) {
      PanelSection section{table.id, table.title, table.datasets[dataset], {}};
      for (const experiments::RowPlan& row : table.rows)
        if (reader.wants_any(row.cells.at(dataset))) section.rows.push_back(reader.read(row, row.cells[dataset]));
      if (!section.rows.empty()) page.sections.push_back(std::move(section));
    }
  return page;
}

core::Json describe(const PanelPage& page, const std::filesystem::path& file) {
  core::Json sections = core::Json::array();
  for (const PanelSection& section : page.sections) {
    core::Json rows = core::Json::array();
    for (const PanelRow& row : section.rows)
      rows.push_back({{"row", row.id},
                      {"label", row.label},
                      {"evaluation", row.job},
                      {"missing", row.missing},
                      {"weights", !row.weights.empty()},
                      {"recovery", !row.recovery.empty()},
                      {"masks", !row.masks.empty()},
                      {"prefixes", !row.prefixes.empty()}});
    sections.push_back({{"table", section.table},
                        {"dataset", section.dataset},
                        {"queries", shown_queries(section).size()},
                        {"rows", std::move(rows)}});
  }
  return {{"suite", page.suite}, {"file", file.string()}, {"sections", std::move(sections)}};
}

// Checked before pictures are read.
std::filesystem::path page_file(const SuiteArguments& arguments, const experiments::Plan& plan) {
  if (!std::filesystem::is_directory(arguments.store.root()))
    throw core::input_error(fmt::format("there is no store '{}'", arguments.store.root().string()), {},
                            "check --store, or run the suite first");
  if (arguments.values.count("out") == 0) return arguments.store.suite_folder(plan.suite) / "panels.html";
  const std::filesystem::path file = arguments.values["out"].as<std::string>();
  if (!file.has_filename() || std::filesystem::is_directory(file))
    throw core::input_error(fmt::format("--out '{}' is no file", file.string()), {}, "name the page to write");
  if (file.has_parent_path() && !std::filesystem::is_directory(file.parent_path()))
    throw core::input_error(fmt::format("the folder of --out '{}' does not exist", file.string()), {}, "make it first");
  return file;
}

}  // namespace

int suite_panels(const Arguments& arguments) {
  namespace options = boost::program_options;
  options::options_description visible;
  visible.add_options()("out", options::value<std::string>(), "file to write instead of suites/NAME/panels.html");
  auto parsed = parse_suite_arguments(arguments, kSuitePanelsHelp, visible);
  if (!parsed) return 0;
  auto& files = core::real_file_system();
  const experiments::Plan plan = parsed->plan(false);
  const std::filesystem::path file = page_file(*parsed, plan);
  const PanelPage page = collect(plan, PanelReader(files, parsed->store, plan));
  if (page.sections.empty())
    throw core::input_error(
        fmt::format("suite '{}' has no panels", plan.suite),
        "evaluate.panels is 0 in every row, no row's weights or recovered images are sampled, and no "
        "row adapts to the resolution",
        "set evaluate.panels to the number of queries to show");
  core::write_atomic(files, file, panel_page_html(page));
  if (parsed->json) {
    std::cout << describe(page, file).dump(1) << "\n";
    return 0;
  }
  std::size_t queries = 0, weighted = 0, recovered = 0, masked = 0, prefixed = 0, missing = 0;
  for (const PanelSection& section : page.sections) {
    queries += shown_queries(section).size();
    for (const PanelRow& row : section.rows) {
      weighted += row.weights.empty() ? 0 : 1;
      recovered += row.recovery.empty() ? 0 : 1;
      masked += row.masks.empty() ? 0 : 1;
      prefixed += row.prefixes.empty() ? 0 : 1;
      missing += row.missing.empty() ? 0 : 1;
    }
  }
  const auto of_rows = [](const char* what, std::size_t rows) {
    return rows == 0 ? "" : fmt::format(", {} of {} rows", what, rows);
  };
  std::cout << fmt::format("{}: {} queries{}{}{}{}{}\n", file.string(), queries, of_rows("weights", weighted),
                           of_rows("recovered images", recovered), of_rows("masks", masked),
                           of_rows("distances by prefix", prefixed),
                           missing == 0 ? "" : fmt::format("; {} evaluations are not there or lack a part", missing));
  return 0;
}

}  // namespace resolute::cli
