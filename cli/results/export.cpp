// `resolute suite export`

#include <fmt/format.h>

#include <functional>
#include <iostream>

#include "cli/high_views.h"
#include "cli/subcommands.h"
#include "cli/suite/arguments.h"
#include "core/error.h"
#include "core/files/new_folder.h"
#include "core/progress.h"
#include "experiments/store/bundle.h"
#include "report/document/document.h"
#include "results/exports/csv_export.h"
#include "results/exports/sqlite_export.h"

namespace resolute::cli {

namespace {

constexpr CommandHelp kSuiteExportHelp{
    "resolute suite export SUITE.toml --store STORE --csv DIR|--sqlite FILE",
    R"(Writes what the suite's results hold for other programs: cells of tables, the jobs behind them, metrics of trials, CMC
curves and what trainings logged, as CSV files (and the figures of `suite report` as figures.json) or as an SQLite file
(docs/outputs.md). Works while the suite runs: what is not there yet has no rows. DIR and FILE are new, unless
--replace is given, and written whole or not at all.)",
    "  resolute suite export suite.toml --store store --csv results-csv\n"
    "  resolute suite export suite.toml --store store --sqlite results.sqlite\n"
    "  sqlite3 results.sqlite 'SELECT row_id, mean FROM cells WHERE metric = \"rank1\"'\n",
    [](const std::string& option) {
      if (option == "--tensorboard")
        throw core::input_error("'suite export' has no --tensorboard", "TensorBoard's own client writes its files",
                                "`python -m resolute curves SUITE.toml --store STORE --to tensorboard --out DIR`, or "
                                "`suite run --log tensorboard`");
    }};

// A kind of export that was asked for.
struct ExportTarget {
  const char* option;
  std::string path;
  std::function<void()> check;                                                // before any is written
  std::function<std::string(const std::function<void(std::size_t)>&)> write;  // says what it wrote
};

struct JobCount {
  std::size_t all = 0, done = 0;
};

template <class Specification>
JobCount count_jobs(const experiments::Plan& plan, core::FileSystem& files, const experiments::StoreLayout& store) {
  JobCount count;
  for (const experiments::PlannedJob& job : plan.jobs) {
    if (!std::holds_alternative<Specification>(job.specification)) continue;
    ++count.all;
    if (files.exists(store.result_file(job.id))) ++count.done;
  }
  return count;
}

std::vector<ExportTarget> targets_of(const options::variables_map& values, const results::ResultsSource& source) {
  std::vector<ExportTarget> targets;
  const bool replace = values.count("replace") > 0;
  const auto add = [&](const char* option, auto check, auto write) {
    if (values.count(option) == 0) return;
    const std::string path = required_value(values, option);
    const auto write_there = [=, &source](const auto& progress) {
      std::string what;
      core::replace_whole(source.files, path, [&](const auto& made) { what = write(source, made, progress); });
      return what;
    };
    targets.push_back({option, path, [=, &source] { check(source.files, path); }, write_there});
  };
  const auto require_folder = [=](core::FileSystem& files, const fs::path& path) {
    if (!replace) core::require_new_folder(files, path, kOrReplace);
  };
  const auto require_file = [=](core::FileSystem& files, const fs::path& path) {
    if (!replace) core::require_new_file(files, path, kOrReplace);
    results::require_no_pages_beside(files, path);
  };
  add("csv", require_folder, [](const auto& from, const auto& path, const auto& progress) {
    const core::Json report = report::suite_report(from, {});
    const core::Json figures = {{"schema", report.at("schema")}, {"figures", report.at("figures")}};
    results::export_csv(from, path, {{"figures.json", figures.dump(1) + "\n"}}, progress);
    return fmt::format("{} CSV files and figures.json", results::relations().size());
  });
  add("sqlite", require_file, [](const auto& from, const auto& path, const auto& progress) {
    results::export_sqlite(from, path, progress);
    return fmt::format("{} tables", results::relations().size());
  });
  return targets;
}

}  // namespace

int suite_export(const Arguments& arguments) {
  options::options_description visible;
  auto add = visible.add_options();
  add("csv", options::value<std::string>(), "folder to make, of a CSV file for each kind of thing");
  add("sqlite", options::value<std::string>(), "SQLite file to make");
  add("replace", kReplaceHelp);
  auto parsed = parse_suite_arguments(arguments, kSuiteExportHelp, visible);
  if (!parsed) return 0;
  require_store(parsed->store.root());
  experiments::Plan plan = parsed->plan_as_run();
  note_high_views(plan, parsed->store);
  experiments::BundledFiles files(core::real_file_system(), parsed->store);
  const results::ResultsSource source{plan, files, parsed->store};
  const auto targets = targets_of(parsed->values, source);
  if (targets.empty()) throw core::input_error("nothing to write is named", {}, "give --csv DIR or --sqlite FILE");
  for (const ExportTarget& target : targets) target.check();
  const JobCount trainings = count_jobs<experiments::TrainingSpecification>(plan, files, parsed->store);
  const JobCount evaluations = count_jobs<experiments::EvaluationSpecification>(plan, files, parsed->store);
  core::Json made = core::Json::array();
  for (const ExportTarget& target : targets) {
    core::Progress progress(fmt::format("writing {}", target.path), trainings.all + evaluations.done);
    const std::string what = target.write([&](std::size_t done) { progress.update(done); });
    progress.clear();
    made.push_back({{"format", target.option}, {"path", target.path}});
    if (!parsed->json)
      std::cout << fmt::format("{}: {}; {} of {} trainings and {} of {} evaluations are done\n", target.path, what,
                               trainings.done, trainings.all, evaluations.done, evaluations.all);
  }
  if (parsed->json)
    print_json({{"suite", plan.suite},
                {"written", std::move(made)},
                {"trainings", {{"all", trainings.all}, {"done", trainings.done}}},
                {"evaluations", {{"all", evaluations.all}, {"done", evaluations.done}}}});
  return 0;
}

}  // namespace resolute::cli
