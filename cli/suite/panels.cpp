// `resolute suite panels`

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <map>
#include <utility>
#include <variant>

#include "cli/page/figures.h"
#include "cli/page/panel_page.h"
#include "cli/subcommands.h"
#include "cli/suite/arguments.h"
#include "core/error.h"
#include "core/files/file_system.h"
#include "core/files/json.h"
#include "experiments/specification/metrics.h"
#include "results/records/output_file.h"
#include "results/records/record.h"

namespace resolute::cli {

namespace {

//! "weights, recovered images": what the page's figures show.
std::string figure_names() {
  std::vector<const char*> names;
  for (const Figure& figure : figures()) names.push_back(figure.output->name);
  return fmt::format("{}", fmt::join(names, ", "));
}

std::string about_panels() {
  return fmt::format(
      "Writes one HTML page with the panels of the suite's evaluations (evaluate.panels): per query what each row of a "
      "table puts first\n"
      "in the gallery, and what its decoders make of the LR image; and with figures of what else evaluations left "
      "(some of a\n"
      "sample of images at evaluate.sample_rates): {}.\n"
      "Trial 0; what is not there yet is said in words. Works while the suite runs; the page needs nothing but a "
      "browser. Without\n"
      "--out it is suites/NAME/panels.html in the store.",
      figure_names());
}

constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 28;  // of a picture, far above what a worker draws

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
      evaluations_[job.id] = {trainings.at(evaluation->training)->method, evaluation->protocol};
    }
  }

  bool wants_any(const experiments::CellPlan& cell) const {
    return !cell.evaluations.empty() && (wants(experiments::kPanelsOutput, cell.evaluations.front()) ||
                                         std::any_of(figures().begin(), figures().end(), [&](const Figure& figure) {
                                           return wants(*figure.output, cell.evaluations.front());
                                         }));
  }

  PanelRow read(const experiments::RowPlan& row, const experiments::CellPlan& cell) const {
    const experiments::JobId& job = cell.evaluations.front();
    PanelRow read{row.id, row.label, job.hex, {}, std::nullopt, {}, {}};
    const auto record = results::read_record(files_, store_, job);
    if (!record) {
      read.missing = "not evaluated yet";
      return read;
    }
    const auto* evaluation = std::get_if<results::EvaluationRecord>(&*record);
    if (evaluation == nullptr)
      throw core::input_error(fmt::format("the record of job {} is of another kind of job", job.hex.substr(0, 12)),
                              "the plan says otherwise", "remove its result.json and run the suite again");
    if (wants(experiments::kPanelsOutput, job)) read_panels(*evaluation, read);
    for (const Figure& figure : figures())
      if (wants(*figure.output, job)) read_figure(figure, *evaluation, read);
    return read;
  }

 private:
  bool wants(const experiments::Output& output, const experiments::JobId& job) const {
    const auto& [method, protocol] = evaluations_.at(job);
    return experiments::leaves(output, method, protocol);
  }

  void read_panels(const results::EvaluationRecord& evaluation, PanelRow& to) const {
    if (!evaluation.outputs.contains(experiments::kPanelsOutput.file)) {
      to.missing = "its evaluation left no panels";
      return;
    }
    const core::Bytes text = read_output(evaluation, experiments::kPanelsOutput.file);
    to.panels = results::parse_panels(core::as_text(text), where(evaluation, experiments::kPanelsOutput.file));
    for (std::size_t query = 0; query < to.panels->queries.size(); ++query) {
      PanelPictures pictures{read_output(evaluation, results::gallery_panel_file(query)), {}};
      if (to.panels->queries[query].reconstruction)
        pictures.reconstruction = read_output(evaluation, results::reconstruction_panel_file(query));
      to.pictures.push_back(std::move(pictures));
    }
  }

  void read_figure(const Figure& figure, const results::EvaluationRecord& evaluation, PanelRow& to) const {
    const std::string file = figure.output->file;
    std::string html;
    if (evaluation.outputs.contains(file))
      html = figure_html(figure, core::as_text(read_output(evaluation, file)), where(evaluation, file),
                         evaluation.metrics, to.label);
    if (html.empty())
      to.missing += fmt::format("{} no {}", to.missing.empty() ? "its evaluation left" : ", and", figure.output->name);
    else
      to.figures[figure.output] = std::move(html);
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
  std::map<experiments::JobId, std::pair<experiments::MethodOptions, experiments::EvaluationProtocol>> evaluations_;
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
    for (const PanelRow& row : section.rows) {
      rows.push_back({{"row", row.id}, {"label", row.label}, {"evaluation", row.job}, {"missing", row.missing}});
      for (const Figure& figure : figures()) rows.back()[figure.key()] = row.figures.contains(figure.output);
    }
    sections.push_back({{"table", section.table},
                        {"dataset", section.dataset},
                        {"queries", shown_queries(section).size()},
                        {"rows", std::move(rows)}});
  }
  return {{"suite", page.suite}, {"file", file.string()}, {"sections", std::move(sections)}};
}

// Checked before pictures are read.
std::filesystem::path page_file(const SuiteArguments& arguments, const experiments::Plan& plan) {
  arguments.require_store();
  if (arguments.values.count("out") == 0) return arguments.store.suite_folder(plan.suite) / "panels.html";
  std::filesystem::path file = arguments.values["out"].as<std::string>();
  if (!file.has_filename() || std::filesystem::is_directory(file))
    throw core::input_error(fmt::format("--out '{}' is no file", file.string()), {}, "name the page to write");
  if (file.has_parent_path() && !std::filesystem::is_directory(file.parent_path()))
    throw core::input_error(fmt::format("the folder of --out '{}' does not exist", file.string()), {}, "make it first");
  return file;
}

}  // namespace

int suite_panels(const Arguments& arguments) {
  options::options_description visible;
  visible.add_options()("out", options::value<std::string>(), "file to write instead of suites/NAME/panels.html");
  const std::string about = about_panels();
  const CommandHelp help{"resolute suite panels SUITE.toml --store STORE [--out FILE] [--json]", about.c_str(),
                         "  resolute suite panels suite.toml --store store\n"
                         "  resolute suite panels suite.toml --store store --out panels.html\n"};
  auto parsed = parse_suite_arguments(arguments, help, visible);
  if (!parsed) return 0;
  auto& files = core::real_file_system();
  const experiments::Plan plan = parsed->plan(false);
  const std::filesystem::path file = page_file(*parsed, plan);
  const PanelPage page = collect(plan, PanelReader(files, parsed->store, plan));
  if (page.sections.empty())
    throw core::input_error(fmt::format("suite '{}' has no panels", plan.suite),
                            fmt::format("evaluate.panels is 0 in every row, and none leaves {}", figure_names()),
                            "set evaluate.panels to the number of queries to show");
  core::write_atomic(files, file, panel_page_html(page));
  if (parsed->json) {
    print_json(describe(page, file));
    return 0;
  }
  std::size_t queries = 0, missing = 0;
  std::map<const experiments::Output*, std::size_t> shown;  // in rows
  for (const PanelSection& section : page.sections) {
    queries += shown_queries(section).size();
    for (const PanelRow& row : section.rows) {
      for (const auto& [output, html] : row.figures) ++shown[output];
      missing += row.missing.empty() ? 0 : 1;
    }
  }
  std::string text = fmt::format("{}: {} queries", file.string(), queries);
  for (const Figure& figure : figures())
    if (shown[figure.output] > 0) text += fmt::format(", {} of {} rows", figure.output->name, shown[figure.output]);
  if (missing > 0) text += fmt::format("; {} evaluations are not there or lack a part", missing);
  std::cout << text << "\n";
  return 0;
}

}  // namespace resolute::cli
