// `resolute suite table`

#include <fmt/format.h>

#include <algorithm>
#include <iostream>
#include <string_view>

#include "cli/high_views.h"
#include "cli/subcommands.h"
#include "cli/suite/arguments.h"
#include "cli/terminal.h"
#include "core/error.h"
#include "core/files/file_system.h"
#include "core/log.h"
#include "experiments/store/bundle.h"
#include "results/exports/provenance.h"
#include "results/tables/aggregation.h"
#include "results/tables/tables.h"

namespace resolute::cli {

namespace {

constexpr CommandHelp kSuiteTableHelp{
    "resolute suite table SUITE.toml --store STORE [--format FORMAT] [--json]",
    R"(Prints the suite's tables from the results in the store: mean ± standard deviation over the trials, the paper's number
in parentheses, cells that lack trials marked, bold what is better than all else in its column by the whole 95 %
interval of each difference. Works while the suite runs. LaTeX is for \input into a paper: booktabs, numbers aligned by
siunitx, the paper's numbers beside ours; letters that pdflatex refuses are named. Data sets whose images are stand-ins are marked, in red on a terminal unless NO_COLOR
is set. --format provenance prints, as JSON, on which jobs each number stands, and of each its specification, pack,
split, weights, numeric class, version of the code and attempts.)",
    "  resolute suite table experiments/suites/quickstart.toml --store store\n"
    "  resolute suite table suite.toml --store store --format csv > tables.csv\n"
    "  resolute suite table suite.toml --store store --format latex > tables.tex\n"
    "  resolute suite table suite.toml --store store --format provenance > provenance.json\n"};

// Marks of stand-ins and the notes below tables that explain them, as a terminal shows red.
std::string with_red_stand_ins(const std::string& markdown) {
  constexpr std::string_view kRed = "\x1b[31m", kPlain = "\x1b[39m", kMark = experiments::kStandInMark,
                             kNote = "- stand-ins, ";
  std::string text;
  for (std::size_t at = 0; at < markdown.size();) {
    const std::string_view rest = std::string_view(markdown).substr(at);
    const bool note = rest.starts_with(kNote) && (at == 0 || markdown[at - 1] == '\n');
    const std::size_t length = note                      ? std::min(rest.find('\n'), rest.size())
                               : rest.starts_with(kMark) ? kMark.size()
                                                         : 0;
    text += length == 0 ? std::string(rest.substr(0, 1)) : fmt::format("{}{}{}", kRed, rest.substr(0, length), kPlain);
    at += std::max<std::size_t>(length, 1);
  }
  return text;
}

void print_latex(const results::SuiteTables& tables) {
  const std::string latex = results::to_latex(tables);
  if (const auto letters = results::letters_to_tell(latex); !letters.empty())
    core::log_warning("pdflatex has no {}: {}", fmt::join(letters, ", "), results::kWayOfLetters);
  std::cout << latex;
}

}  // namespace

int suite_table(const Arguments& arguments) {
  options::options_description visible;
  visible.add_options()("format", options::value<std::string>()->default_value("markdown"),
                        "markdown, csv, json, latex or provenance");
  auto parsed = parse_suite_arguments(arguments, kSuiteTableHelp, visible);
  if (!parsed) return 0;
  require_store(parsed->store.root());
  std::string format = parsed->values["format"].as<std::string>();
  if (parsed->json && format != "provenance") format = "json";
  if (format != "markdown" && format != "csv" && format != "json" && format != "latex" && format != "provenance")
    throw core::input_error("format '" + format + "' is unknown", {}, "give markdown, csv, json, latex or provenance");
  experiments::Plan plan = parsed->plan_as_run();
  if (format == "provenance") {
    experiments::BundledFiles files(core::real_file_system(), parsed->store);
    print_json(results::to_json(results::provenance_of(plan, files, parsed->store)));
    return 0;
  }
  note_high_views(plan, parsed->store);
  auto tables = results::aggregate(plan, core::real_file_system(), parsed->store);
  if (format == "json")
    print_json(results::to_json(tables));
  else if (format == "csv")
    std::cout << results::to_csv(tables);
  else if (format == "latex")
    print_latex(tables);
  else
    std::cout << (colours_wanted() ? with_red_stand_ins(results::to_markdown(tables)) : results::to_markdown(tables));
  return 0;
}

}  // namespace resolute::cli
