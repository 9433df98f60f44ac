// `resolute suite drain`

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <set>

#include "cli/subcommands.h"
#include "cli/suite/arguments.h"
#include "cli/suite/live_request.h"
#include "core/error.h"
#include "core/log.h"
#include "orchestrator/store/live.h"

namespace resolute::cli {

namespace {

constexpr CommandHelp kSuiteDrainHelp{
    "resolute suite drain SUITE.toml --store STORE --host HOST [--undo] [--json]",
    R"(Asks the run that is at work to start nothing more on a host; what runs there goes on to its end. --undo allows it
again, and what the run excluded or set aside because jobs failed there. `resolute suite status` names the
hosts.)",
    "  resolute suite drain suite.toml --store /shared/store --host node17\n"
    "  resolute suite drain suite.toml --store /shared/store --host node17 --undo\n"};

}  // namespace

int suite_drain(const Arguments& arguments) {
  options::options_description visible;
  auto add = visible.add_options();
  add("host", options::value<std::string>(), "name as `suite status` shows it (required)");
  add("undo", "allow it again");
  auto parsed = parse_suite_arguments(arguments, kSuiteDrainHelp, visible);
  if (!parsed) return 0;
  auto& files = core::real_file_system();
  const auto plan = parsed->plan(false);
  const std::string host = required_value(parsed->values, "host");
  const bool on = parsed->values.count("undo") == 0;
  const auto runs = require_live_runs(files, parsed->store, plan);
  std::set<std::string> hosts;
  for (const auto& run : runs)
    if (const auto live = orchestrator::read_live(files, parsed->store.suite_folder(run.name)))
      for (const auto& agent : live->agents) hosts.insert(agent.host);
  if (!hosts.empty() && !hosts.contains(host))
    core::log_warning("the run has no agent on '{}' now; it has them on {}", host, fmt::join(hosts, ", "));
  const std::string what =
      on ? fmt::format("nothing more is started on {}", host) : fmt::format("{} may be used again", host);
  return report_asked(ask(files, parsed->store, runs, {orchestrator::DrainHost{host, on}}), what, parsed->json);
}

}  // namespace resolute::cli
