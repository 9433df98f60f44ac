// `resolute suite plan`

#include <fmt/format.h>

#include <iostream>
#include <map>

#include "cli/subcommands.h"
#include "cli/suite/arguments.h"
#include "core/files/file_system.h"
#include "orchestrator/store/stored_jobs.h"

namespace resolute::cli {

namespace {

constexpr CommandHelp kSuitePlanHelp{
    "resolute suite plan SUITE.toml --store STORE [--profile NAME] [--set KEY=VALUE]... [--json]",
    R"(Works a suite out without running anything: its distinct jobs in an order in which they can run, and its tables. Refuses
what cannot work, with file, line, column and key. Tells how many steps came of lengths in epochs.)",
    "  resolute suite plan experiments/suites/quickstart.toml --store store\n"
    "  resolute suite plan suite.toml --store store --set trials=1 --json\n"};

// "2", or "2 to 3".
std::string range_text(const auto& fewest, const auto& most) {
  return fewest == most ? fmt::format("{}", fewest) : fmt::format("{} to {}", fewest, most);
}

std::string epochs_text(const experiments::EpochsPlan& one) {
  return fmt::format("{} = {} on {}: {} steps ({} training images, {} a step)", one.key, one.epochs, one.dataset,
                     range_text(one.fewest_steps, one.most_steps), range_text(one.fewest_images, one.most_images),
                     one.batch);
}

}  // namespace

int suite_plan(const Arguments& arguments) {
  auto parsed = parse_suite_arguments(arguments, kSuitePlanHelp, {});
  if (!parsed) return 0;
  experiments::Plan plan = parsed->plan(true);
  if (parsed->json) {
    experiments::write_json(std::cout, plan);
    return 0;
  }
  auto& files = core::real_file_system();
  std::map<std::string, std::pair<int, int>> by_kind;  // jobs, of which done
  std::cout << plan.suite << ": " << plan.title << "\n\n";
  const auto stored = orchestrator::look_at_jobs(files, parsed->store, plan.jobs);
  for (std::size_t i = 0; i < plan.jobs.size(); ++i) {
    const auto& job = plan.jobs[i];
    auto& [count, done] = by_kind[experiments::kind_name(job.specification)];
    const bool finished = stored[i].result;
    ++count;
    if (finished) ++done;
    std::cout << fmt::format("  {}  {:10} {}{}\n", job.id.hex.substr(0, 12), experiments::kind_name(job.specification),
                             job.label, finished ? "  (done)" : "");
  }
  std::cout << "\n";
  for (const auto& [kind, counts] : by_kind)
    std::cout << fmt::format("{:11} {:4}, {} done\n", kind, counts.first, counts.second);
  for (const auto& table : plan.tables)
    std::cout << fmt::format("table {}: {} rows on {} data sets\n", table.id, table.rows.size(), table.datasets.size());
  for (const auto& dataset : plan.datasets)
    if (settings::is_stand_in(dataset.pack))
      std::cout << fmt::format("data set {}: images are drawn in the layout of {}\n",
                               experiments::column_title(plan, dataset.id), settings::word(dataset.pack.source));
  for (const auto& one : plan.epochs) std::cout << epochs_text(one) << "\n";
  return 0;
}

}  // namespace resolute::cli
