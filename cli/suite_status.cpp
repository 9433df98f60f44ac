// `resolute suite status`

#include <fmt/format.h>

#include <algorithm>
#include <iostream>

#include "cli/status_view.h"
#include "cli/subcommands.h"
#include "cli/suite_arguments.h"
#include "cli/terminal.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/file_system.h"
#include "core/json.h"
#include "orchestrator/live.h"
#include "orchestrator/run.h"

namespace resolute::cli {

namespace options = boost::program_options;

namespace {

constexpr CommandHelp kHelp{
    "resolute suite status SUITE.toml --store STORE [--watch] [--interval SECONDS] [--json]",
    "How far a suite is, from the store alone: jobs by state, what runs and where, nodes, failures with cause and "
    "evidence.\n"
    "--watch shows it anew every two seconds until every result is there, the run that it saw at work has ended, or "
    "q or ctrl-C\n"
    "is pressed; where standard output is no terminal, a block (with --json a line) for each change. NO_COLOR is "
    "obeyed.",
    "  resolute suite status experiments/suites/quickstart.toml --store store\n"
    "  resolute suite status suite.toml --store /shared/store --watch\n"
    "  resolute suite status suite.toml --store store --watch --json | tee progress.jsonl\n"};

// Looking takes at most a tenth of the time: a large suite's journal is read anew each time.
constexpr int kShareOfTime = 10;

orchestrator::Instant wall_clock() {
  return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

StatusView look(const SuiteArguments& arguments, const experiments::Plan& plan) {
  auto& files = core::real_file_system();
  StatusView view;
  view.suite = plan.suite;
  view.status = orchestrator::read_status(files, arguments.store, plan);
  // A run that was killed leaves its last one behind.
  if (view.status.live) view.live = orchestrator::read_live(files, arguments.store.suite_folder(plan.suite));
  for (const auto& job : plan.jobs) view.labels[job.id] = job.label;
  view.now = wall_clock();
  return view;
}

void write_out(const std::string& text) {
  if (!(std::cout << text << std::flush))
    throw core::RuntimeError(core::ErrorKind::kEnvironment, "the status cannot be written to stdout");
}

// Evidence is what another program wrote: no UTF-8 for sure.
std::string json_text(const StatusView& view, int indent) {
  return status_json(view).dump(indent, ' ', false, core::Json::error_handler_t::replace) + "\n";
}

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const auto& line : lines) text += line + "\n";
  return text;
}

void watch(const SuiteArguments& arguments, const experiments::Plan& plan, std::chrono::milliseconds interval) {
  const bool redraws = output_is_terminal() && !arguments.json;
  WatchInput input;
  Redraw redraw;
  std::string last;
  for (bool was_live = false;;) {
    const auto begin = core::monotonic_clock().now();
    const StatusView view = look(arguments, plan);
    const auto cost = core::monotonic_clock().now() - begin;
    if (redraws) {
      const TerminalSize size = terminal_size();
      write_out(redraw.frame(status_lines(view, {size.columns, std::max(size.rows - 1, 1), colours_wanted()})));
    } else if (std::string now = essence(view); now != last) {
      write_out(arguments.json ? json_text(view, -1)
                : last.empty() ? joined(status_lines(view, {}))
                               : "\n" + joined(status_lines(view, {})));
      last = std::move(now);
    }
    const auto& jobs = view.status.jobs;
    const bool ended = !view.status.live && (was_live || jobs.succeeded == static_cast<int>(plan.jobs.size()));
    was_live = view.status.live;
    const auto pause = std::max(interval, std::chrono::ceil<std::chrono::milliseconds>(cost * kShareOfTime));
    if (ended || !input.wait(pause)) return;
  }
}

}  // namespace

int suite_status(const Arguments& arguments) {
  double interval = 2;
  options::options_description visible;
  auto add = visible.add_options();
  add("watch", "show it again and again");
  add("interval", options::value(&interval)->default_value(interval), "seconds from one look to the next, 0.1 or more");
  auto parsed = parse_suite_arguments(arguments, kHelp, visible);
  if (!parsed) return 0;
  if (!(interval >= 0.1 && interval <= 86400))
    throw core::input_error(fmt::format("--interval is {}", interval), "0.1 to 86400 seconds are possible");
  const auto plan = parsed->plan(false);
  if (parsed->values.count("watch") > 0) {
    watch(*parsed, plan, std::chrono::milliseconds(static_cast<std::int64_t>(interval * 1000)));
    return 0;
  }
  const StatusView view = look(*parsed, plan);
  if (parsed->json)
    write_out(json_text(view, 1));
  else
    write_out(joined(status_lines(view, {output_is_terminal() ? terminal_size().columns : 0, 0, colours_wanted()})));
  return 0;
}

}  // namespace resolute::cli
