// `resolute explain`

#include "operations/look/explain.h"

#include <fmt/format.h>

#include <filesystem>
#include <iostream>

#include "cli/columns.h"
#include "cli/job/find_job.h"
#include "cli/subcommands.h"
#include "core/error.h"
#include "core/files/file_system.h"
#include "orchestrator/store/wall_clock.h"
#include "results/records/record.h"

namespace resolute::cli {

namespace {

constexpr CommandHelp kExplainHelp{
    "resolute explain JOB|ROW --store STORE [--suite NAME] [--json]",
    R"(Why a job is where it is: every journaled event of it with the reason for each decision, suite by suite, and what it
waits for now; then the last lines on standard error of the attempt that failed last or still runs, and the file that
they stand in (`resolute logs` prints all of it). JOB is an id, its first digits (4 or more), or a specification's
file; ROW is a row of a suite that was run, or words that tell one job of it from others ("training RAIN 0"). Where
several jobs fit, the only one that has written anything is meant, or they are listed.)",
    "  resolute explain 3fa9 --store store\n"
    "  resolute explain 'training RAIN 0' --store store\n"
    "  resolute explain 3fa9 --store store --suite quickstart --json\n"};

void print(const operations::Explanation& explanation) {
  std::cout << fmt::format("job {}{}\n", explanation.job.hex,
                           explanation.has_result ? ": its result is in the store" : "");
  if (explanation.stories.empty()) std::cout << "no suite of the store has it in a journal\n";
  for (const auto& story : explanation.stories) {
    std::cout << fmt::format("\nsuite {}: {}\n", story.suite, story.label);
    if (story.first_epoch > 1)
      std::cout << fmt::format("  (journals before epoch {} are gone: a snapshot stands for them)\n",
                               story.first_epoch);
    for (const auto& line : story.lines)
      std::cout << fmt::format("  {}  {}\n", operations::time_text(line.at), without_controls(line.text));
    std::cout << fmt::format("  now {}: {}\n", story.state, without_controls(story.now));
  }
  if (!explanation.log) return;
  const auto& log = *explanation.log;
  std::cout << fmt::format("\nlast lines of attempt {}{}, of {}\n", log.attempt,
                           log.process_rank > 0 ? fmt::format(", process rank {}", log.process_rank) : "",
                           log.path.string());
  for (const std::string& line : explanation.last_lines) std::cout << "  " << without_controls(line, "\t") << '\n';
}

}  // namespace

int explain(const Arguments& arguments) {
  options::options_description visible;
  auto add = visible.add_options();
  add("store", options::value<std::string>(), kStoreHelp);
  add("suite", options::value<std::string>(), "only what this suite's journals say");
  add("json", "one JSON document on stdout");
  auto values = parse_options(arguments, kExplainHelp, visible, {"JOB"});
  if (!values) return 0;
  const experiments::StoreLayout store(std::filesystem::absolute(required_value(*values, "store")));
  std::optional<std::string> suite;
  if (values->count("suite") > 0) suite = required_value(*values, "suite");
  core::FileSystem& files = core::real_file_system();
  std::string job = required_value(*values, "JOB");
  // Digits are held against journals and folders where the journals are read.
  if (is_job_file(job) || !are_digits(job)) job = find_told_job(files, store, job, suite).hex;
  const auto explanation =
      operations::explain(files, store, job, suite, orchestrator::wall_clock(), results::record_check(files, store));
  if (values->count("json") > 0)
    print_json(operations::to_json(explanation));
  else
    print(explanation);
  return 0;
}

}  // namespace resolute::cli
