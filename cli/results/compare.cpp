// `resolute suite compare`

#include <filesystem>
#include <iostream>
#include <system_error>

#include "cli/subcommands.h"
#include "cli/suite/arguments.h"
#include "core/files/file_system.h"
#include "results/tables/suite_comparison.h"

namespace resolute::cli {

namespace {

constexpr CommandHelp kSuiteCompareHelp{
    "resolute suite compare SUITE.toml OTHER.toml --store STORE [--other-profile NAME] [--json]",
    R"(Sets two suites, or two profiles of one, beside one another: which settings differ in the rows that both have (same
ids of table, row and data set), both numbers of each, and their difference with a 95 % interval where their queries
can be paired. The results of both are in the store.)",
    "  resolute suite compare baseline.toml ours.toml --store store\n"
    "  resolute suite compare suite.toml suite.toml --other-profile long --store store --json\n"};

}  // namespace

int suite_compare(const Arguments& arguments) {
  options::options_description visible;
  visible.add_options()("other-profile", options::value<std::string>()->default_value(""),
                        "a [profiles.NAME] of the other suite");
  const auto parsed = parse_suite_arguments(arguments, kSuiteCompareHelp, visible, {"SUITE.toml", "OTHER.toml"});
  if (!parsed) return 0;
  require_store(parsed->store.root());
  const auto typed = [&](const char* option) { return parsed->values[option].as<std::string>(); };
  const std::string file = typed("SUITE.toml"), other_file = typed("OTHER.toml"), profile = typed("profile"),
                    other_profile = typed("other-profile");
  const experiments::Plan first = parsed->plan(false), second = parsed->plan_of(other_file, other_profile, false);
  const results::SuiteComparison comparison =
      results::compare_suites(first, second, core::real_file_system(), parsed->store);
  const bool named_alike = first.suite == second.suite;
  std::error_code no_file;  // a pipe is no other's equal
  const bool same_file = std::filesystem::equivalent(file, other_file, no_file);
  const auto name = [&](const experiments::Plan& plan, const std::string& path, const std::string& own_profile) {
    if (!named_alike) return plan.suite;
    if (profile == other_profile && !same_file) return path;
    return fmt::format("{} ({})", plan.suite, own_profile.empty() ? "no profile" : own_profile);
  };
  if (parsed->json)
    print_json(results::to_json(comparison));
  else
    std::cout << results::to_markdown(comparison, name(first, file, profile), name(second, other_file, other_profile));
  return 0;
}

}  // namespace resolute::cli
