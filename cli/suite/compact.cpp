// `resolute suite compact`

#include "orchestrator/store/compact.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <chrono>
#include <iostream>

#include "cli/subcommands.h"
#include "cli/suite/arguments.h"
#include "core/clock.h"
#include "core/files/json.h"
#include "core/log.h"

namespace resolute::cli {

namespace {

constexpr CommandHelp kSuiteCompactHelp{
    "resolute suite compact SUITE.toml --store STORE [--undo] [--dry-run] [--json]",
    R"(Packs the small files that finished jobs of the suite have left (logs, metrics, an evaluation's spec.json) into a few
large ones, STORE/bundles/SUITE-NNNNNN, for file systems that count files. Results, weights and features stay where
they are. A run may be at work; what it has in hand is left alone. `resolute repro` finds packed files by itself;
--undo puts all of them back. --dry-run tells what would be done.)",
    "  resolute suite compact suite.toml --store /shared/store --dry-run\n"
    "  resolute suite compact suite.toml --store /shared/store\n"
    "  resolute suite compact suite.toml --store /shared/store --undo\n"};

constexpr std::chrono::seconds kBetweenLines{5};

core::Json to_json(const orchestrator::CompactReport& report, bool undo, bool dry_run) {
  return {{"undo", undo},
          {"dry_run", dry_run},
          {"finished", report.finished},
          {"jobs", report.jobs},
          {"files", report.files},
          {"bytes", report.bytes},
          {"held", report.held},
          {"kept", report.kept},
          {"folders", report.folders},
          {"bundles", report.bundles}};
}

void print(const orchestrator::CompactReport& report, bool undo, bool dry_run) {
  const char* verb = undo ? (dry_run ? "would be put back" : "put back") : (dry_run ? "would be packed" : "packed");
  std::cout << fmt::format("{} files of {} jobs {}, {:.1f} MiB; {} finished jobs looked at\n", report.files,
                           report.jobs, verb, static_cast<double>(report.bytes) / (1024.0 * 1024.0), report.finished);
  if (report.folders > 0) std::cout << fmt::format("{} empty folders removed\n", report.folders);
  if (!report.bundles.empty())
    std::cout << fmt::format("{}{}\n", undo ? "bundles unpacked: " : "bundles made: ", fmt::join(report.bundles, ", "));
  if (report.held > 0) std::cout << fmt::format("{} jobs left alone: runs have claims on them\n", report.held);
  if (report.kept > 0)
    std::cout << fmt::format("{} files left where they are: larger than 16 MiB, foreign, or written meanwhile\n",
                             report.kept);
}

}  // namespace

int suite_compact(const Arguments& arguments) {
  options::options_description visible;
  auto add = visible.add_options();
  add("undo", "put every packed file of the suite back, and remove the bundles");
  add("dry-run", "change nothing");
  auto parsed = parse_suite_arguments(arguments, kSuiteCompactHelp, visible);
  if (!parsed) return 0;
  auto& files = core::real_file_system();
  const auto plan = parsed->plan(false);
  const bool undo = parsed->values.count("undo") > 0;
  orchestrator::CompactOptions compact;
  compact.dry_run = parsed->values.count("dry-run") > 0;
  auto told = core::monotonic_clock().now();
  compact.progress = [&](std::size_t done, std::size_t all) {
    if (done == all || core::monotonic_clock().now() - told < kBetweenLines) return;
    told = core::monotonic_clock().now();
    core::log_info("{} of {} finished jobs", done, all);
  };
  const auto report = undo ? orchestrator::unpack(files, parsed->store, plan.suite, compact)
                           : orchestrator::compact(files, parsed->store, plan, compact);
  if (parsed->json)
    print_json(to_json(report, undo, compact.dry_run));
  else
    print(report, undo, compact.dry_run);
  return 0;
}

}  // namespace resolute::cli
