// `resolute suite rerun`

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <iostream>
#include <map>

#include "cli/subcommands.h"
#include "cli/suite/arguments.h"
#include "cli/suite/live_request.h"
#include "core/error.h"
#include "operations/look/status.h"
#include "operations/space/set_aside.h"
#include "orchestrator/store/stored_jobs.h"
#include "results/records/record.h"
#include "results/verdicts/mixed_rows.h"

namespace resolute::cli {

namespace {

using experiments::JobId;

constexpr CommandHelp kSuiteRerunHelp{
    "resolute suite rerun SUITE.toml --store STORE --mixed [--yes] [--json]\n"
    "resolute suite rerun SUITE.toml --store STORE --undo [--json]",
    R"(Has jobs that are done made anew. --mixed chooses, of each row whose trials ran in several numeric classes, the trials
of all classes but the one that most of them ran in (of equal ones that which the table has most). It says which
trainings and evaluations these are, and with --yes moves all that they left to STORE/suites/NAME/before/NNNNNN. The
next `suite run` or `suite submit` makes them anew, in the class of the rest of their row where machines of that class
have room. Evaluations that other suites of the store made of these trainings go too.

--undo moves back what the last --yes moved, as long as nothing of it has begun anew. No run that needs any of the jobs
may be at work.)",
    "  resolute suite rerun suite.toml --store /shared/store --mixed\n"
    "  resolute suite rerun suite.toml --store /shared/store --mixed --yes\n"
    "  resolute suite rerun suite.toml --store /shared/store --undo\n"};

[[noreturn]] void refuse_beside(const std::string& suite) {
  throw core::input_error(fmt::format("a run of suite '{}' is at work", suite), "it relies on what is there",
                          "wait for its end, or `resolute suite cancel` it");
}

// \param suites that need what is to be moved
void require_no_run(core::FileSystem& files, const SuiteArguments& arguments, const experiments::Plan& plan,
                    const operations::Names& suites) {
  if (!live_runs(files, arguments.store, plan).empty()) refuse_beside(plan.suite);
  for (const std::string& suite : suites) {
    if (suite == plan.suite) continue;
    for (const auto& run :
         orchestrator::read_runs(files, arguments.store, orchestrator::run_names(files, arguments.store, suite)))
      if (run.live) refuse_beside(suite);
  }
}

core::Json to_json(const std::vector<results::MixedRow>& rows) {
  core::Json json = core::Json::array();
  for (const results::MixedRow& row : rows) {
    core::Json others = core::Json::array();
    for (const JobId& job : row.others) others.push_back(job.hex);
    json.push_back(
        {{"table", row.table}, {"row", row.row}, {"dataset", row.dataset}, {"how", row.classes}, {"others", others}});
  }
  return json;
}

void print_rows(const experiments::Plan& plan, const std::vector<results::MixedRow>& rows,
                const std::vector<JobId>& jobs) {
  for (const results::MixedRow& row : rows)
    std::cout << fmt::format("{}, '{}' on {}: {}\n", row.table, row.row, experiments::column_name(row.dataset),
                             row.classes);
  std::map<JobId, std::string> labels;
  for (const auto& job : plan.jobs) labels.emplace(job.id, job.label);
  for (const JobId& job : jobs) {
    const auto label = labels.find(job);
    std::cout << fmt::format("  {}  {}\n", experiments::short_id(job),
                             label == labels.end() ? "job of another suite" : label->second);
  }
}

int rerun_mixed(core::FileSystem& files, const SuiteArguments& arguments, const experiments::Plan& plan, bool yes) {
  const auto stored =
      orchestrator::look_at_jobs(files, arguments.store, plan.jobs, results::record_check(files, arguments.store));
  const auto rows = results::mixed_rows(plan, orchestrator::classes_of(stored));
  operations::WithUsers all;
  if (!rows.empty()) all = operations::with_users(files, arguments.store, results::jobs_to_remake(plan, rows));
  std::string folder;
  if (yes && !rows.empty()) {
    require_no_run(files, arguments, plan, all.suites);
    folder = operations::set_aside(files, arguments.store, plan.suite, all.jobs).string();
  }
  if (arguments.json) {
    core::Json jobs = core::Json::array();
    for (const JobId& job : all.jobs) jobs.push_back(job.hex);
    print_json(
        {{"rows", to_json(rows)}, {"jobs", jobs}, {"moved_to", folder.empty() ? core::Json() : core::Json(folder)}});
    return 0;
  }
  print_rows(plan, rows, all.jobs);
  if (rows.empty())
    std::cout << "every row is in one numeric class\n";
  else if (!yes)
    std::cout << fmt::format("{} jobs would be made anew; nothing was changed, --yes does it\n", all.jobs.size());
  else
    std::cout << fmt::format("what these {} jobs left is in '{}'; `suite run` makes them anew, --undo puts it back\n",
                             all.jobs.size(), folder);
  all.suites.erase(plan.suite);
  if (!all.suites.empty())
    std::cout << fmt::format("other suites need some of these jobs: {}\n", fmt::join(all.suites, ", "));
  return 0;
}

int undo(core::FileSystem& files, const SuiteArguments& arguments, const experiments::Plan& plan) {
  const auto last = operations::last_aside(files, arguments.store, plan.suite);
  if (!last.jobs.empty()) {
    require_no_run(files, arguments, plan, operations::with_users(files, arguments.store, last.jobs).suites);
    operations::put_back(files, arguments.store, last);
  }
  if (arguments.json)
    print_json({{"put_back", last.jobs.size()}});
  else
    std::cout << fmt::format("{} jobs have what they had before\n", last.jobs.size());
  return 0;
}

}  // namespace

int suite_rerun(const Arguments& arguments) {
  options::options_description visible;
  auto add = visible.add_options();
  add("mixed", "of rows in several numeric classes, the trials of all but one class");
  add("yes", "move what the jobs left; else nothing is changed");
  add("undo", "move it back");
  auto parsed = parse_suite_arguments(arguments, kSuiteRerunHelp, visible);
  if (!parsed) return 0;
  require_store(parsed->store.root());
  const bool back = parsed->values.count("undo") > 0;
  if (back == (parsed->values.count("mixed") > 0))
    throw core::input_error("`suite rerun` needs one of --mixed and --undo", {}, "--mixed alone changes nothing");
  auto& files = core::real_file_system();
  const auto plan = parsed->plan_as_run();
  return back ? undo(files, *parsed, plan) : rerun_mixed(files, *parsed, plan, parsed->values.count("yes") > 0);
}

}  // namespace resolute::cli
