// `resolute suite report`

#include <filesystem>
#include <iostream>
#include <optional>

#include "cli/browser.h"
#include "cli/high_views.h"
#include "cli/subcommands.h"
#include "cli/suite/arguments.h"
#include "core/error.h"
#include "core/files/file_system.h"
#include "core/files/new_folder.h"
#include "core/progress.h"
#include "experiments/store/bundle.h"
#include "report/document/document.h"
#include "report/page/page.h"

namespace resolute::cli {

namespace {

constexpr CommandHelp kSuiteReportHelp{
    "resolute suite report SUITE.toml --store STORE [--out FILE] [--open] [OPTION...]",
    R"(Writes one HTML page of what the store has of a suite: how much is there, the tables with the trials, jobs and
settings behind each number, the papers' claims, bars, CMC curves, scores by rate, curves of every training, maps of
features, recovered images, weights, masks, galleries query by query, and a timeline of all attempts. Works while the
suite runs. The page asks for nothing from a network and names no path, user or host of this machine unless
--with-hosts is given; the same store gives the same bytes. Without --out it is suites/NAME/report.html in the store.
--json prints the page's document (docs/inside/formats/report.md) and writes nothing. Figures for a paper, SVG and PDF,
are drawn by `python -m resolute figures SUITE.toml --store STORE --out DIR` (docs/python.md).)",
    "  resolute suite report suite.toml --store store --open\n"
    "  resolute suite report suite.toml --store store --out report.html --against baseline.toml\n"};

// Checked before anything is read.
std::filesystem::path page_file(const SuiteArguments& arguments, const experiments::Plan& plan) {
  if (arguments.values.count("out") == 0) return arguments.store.suite_folder(plan.suite) / "report.html";
  std::filesystem::path file = arguments.values["out"].as<std::string>();
  if (!file.has_filename() || std::filesystem::is_directory(file))
    throw core::input_error(fmt::format("--out '{}' is no file", file.string()), {}, "name the page to write");
  if (file.has_parent_path() && !std::filesystem::is_directory(file.parent_path()))
    throw core::input_error(fmt::format("the folder of --out '{}' does not exist", file.string()), {}, "make it first");
  core::require_replaceable_file(core::real_file_system(), file, core::as_byte_span("<!DOCTYPE"));
  return file;
}

void refuse_contradictions(const SuiteArguments& arguments) {
  const auto given = [&](const char* option) { return arguments.values.count(option) > 0; };
  for (const auto& [writes, what] :
       {std::pair(given("out"), "--out would"), {arguments.values["open"].as<bool>(), "--open shows a page"}})
    if (arguments.json && writes) throw core::input_error("--json writes nothing", what, "give one of them");
  if (!arguments.values["against-profile"].defaulted() && !given("against"))
    throw core::input_error("--against-profile names a profile of no suite", "--against is missing",
                            "give --against the suite, which may be this one");
}

}  // namespace

int suite_report(const Arguments& arguments) {
  options::options_description visible;
  auto add = visible.add_options();
  add("out", options::value<std::string>(), "file to write instead of suites/NAME/report.html");
  add("open", options::bool_switch(), "show it in the browser");
  add("against", options::value<std::string>(), "another suite of the store to compare with");
  add("against-profile", options::value<std::string>()->default_value(""), "a [profiles.NAME] of that suite");
  add("with-hosts", options::bool_switch(), "name hosts, and the paths in messages");
  auto parsed = parse_suite_arguments(arguments, kSuiteReportHelp, visible);
  if (!parsed) return 0;
  refuse_contradictions(*parsed);
  require_store(parsed->store.root());
  experiments::Plan plan = parsed->plan_as_run();
  note_high_views(plan, parsed->store);
  const std::filesystem::path file = page_file(*parsed, plan);
  std::optional<experiments::Plan> against;
  if (parsed->values.count("against") > 0)
    against = parsed->plan_of(parsed->values["against"].as<std::string>(),
                              parsed->values["against-profile"].as<std::string>(), false);
  experiments::BundledFiles files(core::real_file_system(), parsed->store);
  core::Progress progress("reading results", plan.jobs.size());
  const core::Json document = report::suite_report(
      {plan, files, parsed->store},
      {.with_hosts = parsed->values["with-hosts"].as<bool>(), .against = against ? &*against : nullptr},
      [&](std::size_t done) { progress.update(done); });
  progress.clear();
  if (parsed->json) {
    print_json(document);
    return 0;
  }
  const std::string page = report::report_page(document);
  try {
    core::replace_named_file(files, file, page);
  } catch (const core::RuntimeError& error) {
    if (parsed->values.count("out") > 0 || (error.kind() != core::ErrorKind::kInput && !error.is_storage())) throw;
    throw core::RuntimeError(error.kind(), error.what(), {}, "name a file elsewhere by --out");
  }
  std::cout << fmt::format("{}: {} tables, {} figures, {} galleries, {:.1f} MB; {}\n", file.string(),
                           document.at("tables").size(), document.at("figures").size(), document.at("galleries").size(),
                           static_cast<double>(page.size()) / 1e6,
                           document.at("status").at("complete").get<bool>() ? "complete" : "not complete yet");
  if (parsed->values["open"].as<bool>()) open_in_browser(file.string());
  return 0;
}

}  // namespace resolute::cli
