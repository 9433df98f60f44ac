// `resolute suite rename`

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <iostream>
#include <utility>

#include "cli/subcommands.h"
#include "cli/suite/arguments.h"
#include "cli/suite/live_request.h"
#include "core/error.h"
#include "operations/space/rename_suite.h"
#include "operations/submissions/standing.h"
#include "settings/names.h"

namespace resolute::cli {

namespace {

constexpr CommandHelp kSuiteRenameHelp{
    "resolute suite rename OLD SUITE.toml --store STORE [--json]",
    R"(Gives the suite that the store knows as OLD the name that its file has now: first change the key 'suite' in the
file, then call this. All that stands under the old name goes along: journals, tables, submissions, report, logs, and
what `suite rerun` moved. Results belong to jobs, which have no suite's name: none is made anew.

It is refused while a run of the suite is at work or SLURM has a job of it, where the store has a suite of the new
name, and where OLD was made from another file (--same-suite says that it was this one, which has moved since).
Submissions that could go on are ended, since the copies of the file in them have the old name: `suite submit` hands in
what is missing. Bundles of `suite compact` keep their names; `store compact --undo` unpacks them.

You may kill it at any moment, and give the same command again.)",
    "  resolute suite rename demo street.toml --store /shared/store\n"};

// SLURM's jobs of a submission would begin under the old name.
void require_no_job(const std::string& suite, const operations::Standing& standing) {
  operations::require_answer(standing);
  if (operations::is_alive(standing))
    throw core::input_error(fmt::format("SLURM has a job of suite '{}'", suite), "it works under the old name",
                            "wait for its end, or `resolute suite cancel` it with the key 'suite' as it was");
  for (const auto& batch : standing.batches)
    if (std::holds_alternative<slurm::Intended>(batch.last))
      throw core::input_error(fmt::format("SLURM may get job '{}' at any moment", batch.batch.job_name),
                              "somebody submits it just now, or was stopped doing so",
                              "`resolute suite resume` with the key 'suite' as it was settles that");
}

std::vector<std::string> end_submissions(std::vector<operations::Standing>& open, const std::string& name) {
  std::vector<std::string> tokens;
  for (auto& standing : open) {
    standing.folder.end(fmt::format("the suite got the name {}", name));
    tokens.push_back(standing.request.token);
  }
  return tokens;
}

}  // namespace

int suite_rename(const Arguments& arguments) {
  const auto parsed = parse_suite_arguments(arguments, kSuiteRenameHelp, {}, {"OLD", "SUITE.toml"});
  if (!parsed) return 0;
  require_store(parsed->store.root());
  const auto old_name = required_value(parsed->values, "OLD");
  if (!settings::is_plain_name(old_name))
    throw core::input_error(fmt::format("'{}' is no name of a suite", old_name),
                            "a name is 1 to 64 of a-z, 0-9 and '-', not starting with '-'",
                            "the old name comes first, then the file");
  auto plan =
      parsed->plan_of(required_value(parsed->values, "SUITE.toml"), parsed->values["profile"].as<std::string>(), false);
  const std::string name = std::exchange(plan.suite, old_name);
  if (name == old_name)
    throw core::input_error(fmt::format("the file's name is '{}' too", name), {},
                            "change its key 'suite' first, then give this command again");
  auto& files = core::real_file_system();
  const auto& store = parsed->store;
  const auto source = parsed->source();
  if (parsed->values.count("same-suite") == 0) experiments::require_own_suite(files, store, old_name, source);
  operations::require_renamable(files, store, old_name, name, source);
  if (!live_runs(files, store, plan).empty())
    throw core::input_error(fmt::format("a run of suite '{}' is at work", old_name), "it writes under the old name",
                            "wait for its end, or `resolute suite cancel` it with the key 'suite' as it was");
  operations::require_own_submissions(files, store.suite_folder(old_name));
  slurm::Client client = operations::interactive_client();
  auto open = operations::open_submissions(files, client, store.suite_folder(old_name));
  for (const auto& standing : open) require_no_job(old_name, standing);
  const auto ended = end_submissions(open, name);
  operations::rename_suite(files, store, old_name, name, source);
  if (parsed->json) {
    print_json({{"from", old_name}, {"to", name}, {"ended_submissions", ended}});
    return 0;
  }
  std::cout << fmt::format("suite '{}' of the store is '{}' now\n", old_name, name);
  if (!ended.empty())
    std::cout << fmt::format("ended: submission {}; `resolute suite submit` hands in what is missing\n",
                             fmt::join(ended, ", "));
  return 0;
}

}  // namespace resolute::cli
