// `resolute suite table`

#include <iostream>

#include "cli/subcommands.h"
#include "cli/suite/arguments.h"
#include "core/error.h"
#include "core/files/file_system.h"
#include "experiments/store/bundle.h"
#include "results/exports/provenance.h"
#include "results/tables/aggregation.h"
#include "results/tables/table_csv.h"
#include "results/tables/table_json.h"
#include "results/tables/table_latex.h"
#include "results/tables/table_markdown.h"

namespace resolute::cli {

namespace {

constexpr CommandHelp kSuiteTableHelp{
    "resolute suite table SUITE.toml --store STORE [--format markdown|csv|json|latex|provenance] [--json]",
    R"(Prints the suite's tables from the results in the store: mean ± standard deviation over the trials, the paper's number in
parentheses, cells that lack trials marked. Works while the suite runs. LaTeX is for \input into a paper: booktabs, numbers
aligned by siunitx, the best of a column bold and the second italic, the paper's numbers beside ours. --format provenance prints,
as JSON, on which jobs each number stands, and of each its specification, pack, split, weights, numeric class, version of the code and attempts.)",
    "  resolute suite table experiments/suites/quickstart.toml --store store\n"
    "  resolute suite table suite.toml --store store --format csv > tables.csv\n"
    "  resolute suite table suite.toml --store store --format latex > tables.tex\n"
    "  resolute suite table suite.toml --store store --format provenance > provenance.json\n"};

}  // namespace

int suite_table(const Arguments& arguments) {
  options::options_description visible;
  visible.add_options()("format", options::value<std::string>()->default_value("markdown"),
                        "markdown, csv, json, latex or provenance");
  auto parsed = parse_suite_arguments(arguments, kSuiteTableHelp, visible);
  if (!parsed) return 0;
  std::string format = parsed->values["format"].as<std::string>();
  if (parsed->json && format != "provenance") format = "json";
  if (format != "markdown" && format != "csv" && format != "json" && format != "latex" && format != "provenance")
    throw core::input_error("format '" + format + "' is unknown", {}, "give markdown, csv, json, latex or provenance");
  experiments::Plan plan = parsed->plan(false);
  if (format == "provenance") {
    experiments::BundledFiles files(core::real_file_system(), parsed->store);
    print_json(results::to_json(results::provenance_of(plan, files, parsed->store)));
    return 0;
  }
  auto tables = results::aggregate(plan, core::real_file_system(), parsed->store);
  if (format == "json")
    print_json(results::to_json(tables));
  else if (format == "csv")
    std::cout << results::to_csv(tables);
  else if (format == "latex")
    std::cout << results::to_latex(tables);
  else
    std::cout << results::to_markdown(tables);
  return 0;
}

}  // namespace resolute::cli
