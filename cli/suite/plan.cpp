// `resolute suite plan`

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iostream>
#include <map>
#include <set>

#include "cli/high_views.h"
#include "cli/subcommands.h"
#include "cli/suite/arguments.h"
#include "core/byte_text.h"
#include "core/files/file_system.h"
#include "core/process/process.h"
#include "experiments/price.h"
#include "experiments/store/weights_catalogue.h"
#include "orchestrator/store/durations.h"
#include "orchestrator/store/stored_jobs.h"
#include "results/records/record.h"
#include "results/verdicts/mixed_rows.h"
#include "results/verdicts/tellable.h"

namespace resolute::cli {

namespace {

constexpr CommandHelp kSuitePlanHelp{
    "resolute suite plan SUITE.toml --store STORE [--profile NAME] [--gpus N] [OPTION...] [--json]",
    R"(Works a suite out without running anything: its distinct jobs in an order in which they can run, its tables, and what
all of it costs: trainings that tables share, hours of machines whose step times are known or modelled, days, disk;
the processors and memory that process ranks of such jobs took in this store; and how small a difference each table can
tell with its trials and people. Refuses what cannot work, with file,
line, column and key. Raw images and initial weights need not be here. The plan names what is missing and says how to
get it; it estimates the number of training images, and marks the jobs whose ids depend on that as provisional.
`suite run` needs all of it. More than 60 jobs are summed up by data set unless --jobs is given.)",
    "  resolute suite plan experiments/suites/quickstart.toml --store store\n"
    "  resolute suite plan suite.toml --store store --profile paper --gpus 8\n"
    "  resolute suite plan suite.toml --store store --set trials=1 --json\n"};

// Above this many, lines of jobs hide what else is said.
constexpr std::size_t kMostListed = 60;

// "2", or "2 to 3".
std::string range_text(const auto& fewest, const auto& most) {
  return fewest == most ? fmt::format("{}", fewest) : fmt::format("{} to {}", fewest, most);
}

std::string epochs_text(const experiments::EpochsPlan& one) {
  return fmt::format("{} = {} on {}: {}{} steps ({} training images, {} per step)", one.key, one.epochs, one.dataset,
                     one.estimated ? "about " : "", range_text(one.fewest_steps, one.most_steps),
                     range_text(one.fewest_images, one.most_images), one.batch);
}

const std::string& dataset_of(const experiments::PlannedJob& job) {
  return std::visit([](const auto& one) -> const std::string& { return one.pack.name; }, job.specification);
}

void list_jobs(const experiments::Plan& plan, const std::set<experiments::JobId>& done) {
  for (const auto& job : plan.jobs)
    std::cout << fmt::format("  {}  {:10} {}{}{}\n", experiments::short_id(job.id),
                             experiments::kind_name(job.specification), job.label,
                             job.provisional ? "  (provisional)" : "", done.contains(job.id) ? "  (done)" : "");
}

struct Count {
  std::size_t jobs = 0, done = 0;
};

void print_counts(const experiments::Plan& plan, const std::set<experiments::JobId>& done) {
  std::map<std::string, Count> counts;  // by kind
  for (const auto& job : plan.jobs) {
    Count& count = counts[experiments::kind_name(job.specification)];
    ++count.jobs;
    if (done.contains(job.id)) ++count.done;
  }
  for (const auto& [kind, count] : counts)
    std::cout << fmt::format("{:11} {:4}, {} done\n", kind, count.jobs, count.done);
}

// A line per data set, in the order in which the suite has them.
void sum_up_jobs(const experiments::Plan& plan, const std::set<experiments::JobId>& done) {
  std::map<std::string, std::map<std::string, std::size_t>> counts;  // by data set, by kind
  std::map<std::string, Count> totals;
  for (const auto& job : plan.jobs) {
    ++counts[dataset_of(job)][experiments::kind_name(job.specification)];
    Count& total = totals[dataset_of(job)];
    ++total.jobs;
    if (done.contains(job.id)) ++total.done;
  }
  std::size_t width = 0;
  for (const auto& [dataset, kinds] : counts) width = std::max(width, dataset.size());
  for (const auto& dataset : plan.datasets) {
    std::vector<std::string> kinds;
    for (const auto& [kind, count] : counts[dataset.id]) kinds.push_back(fmt::format("{} {}", kind, count));
    std::cout << fmt::format("  {:{}}  {:4} jobs, {} done: {}\n", dataset.id, width, totals[dataset.id].jobs,
                             totals[dataset.id].done, fmt::join(kinds, ", "));
  }
}

std::string columns_text(const experiments::TablePlan& table) {
  if (!experiments::any_across(table.datasets)) return fmt::format("on {} data sets", table.datasets.size());
  std::vector<std::string> names;
  for (const std::string& column : table.datasets) names.push_back(experiments::column_name(column));
  return fmt::format("in {} columns: {}", names.size(), fmt::join(names, ", "));
}

// Jobs, tables, data sets, lengths: all but the price. \param every job, however many there are
void print_plan(const experiments::Plan& plan, const std::set<experiments::JobId>& done, bool every) {
  std::cout << plan.suite << ": " << plan.title << "\n\n";
  if (every || plan.jobs.size() <= kMostListed)
    list_jobs(plan, done);
  else
    sum_up_jobs(plan, done);
  std::cout << "\n";
  print_counts(plan, done);
  for (const auto& table : plan.tables) {
    std::cout << fmt::format("table {}: {} rows {}\n", table.id, table.rows.size(), columns_text(table));
    for (const auto& row : table.rows)
      for (const std::string& start : row.starts)
        std::cout << fmt::format("  row '{}' starts from {}\n", row.id, start);
    for (const auto& [where, address] : table.look_up)
      std::cout << fmt::format("  no reference for some of them: {}; look it up: {}\n", where, address);
  }
  for (const auto& dataset : plan.datasets)
    if (experiments::is_stand_in(plan, dataset.id))
      std::cout << fmt::format("data set {}: images are drawn in the layout of {}\n",
                               experiments::column_title(plan, dataset.id), settings::word(dataset.pack.source));
  for (const auto& one : plan.epochs) std::cout << epochs_text(one) << "\n";
  for (const auto& name : plan.of_unknown_people)
    std::cout << fmt::format(
        "weights '{}': the store does not know all whom they were trained on; see that none of them is tested\n", name);
}

std::string count_text(const char* what, const experiments::JobCount& count) {
  const std::size_t shared = count.asked - count.distinct;
  return fmt::format("  {:12} {}{}, {} done", what, count.distinct,
                     shared > 0 ? fmt::format(" (asked for {} times, {} shared)", count.asked, shared) : "",
                     count.done);
}

// Three digits, as much as an estimate can say.
std::string amount(double value) {
  return value >= 100  ? fmt::format("{:.0f}", value)
         : value >= 10 ? fmt::format("{:.1f}", value)
                       : fmt::format("{:.2g}", value);
}

// Days, or hours or minutes where that is under one.
std::string time_text(double days) {
  constexpr double kHours = 24, kMinutes = 24 * 60;
  if (days >= 1) return amount(days) + " days";
  return days * kHours >= 1 ? amount(days * kHours) + " hours" : fmt::format("{:.0f} min", std::ceil(days * kMinutes));
}

void add_machine(std::vector<std::string>& lines, const experiments::MachinePrice& one) {
  const bool gpu = one.machine.device == settings::Device::kCuda;
  const char* unit = gpu ? "GPU" : "core";
  if (one.rate_origins.empty() && one.done_hours == 0 && one.unpriced > 0) {
    lines.push_back(fmt::format("  {}: unknown; {} jobs not counted", one.machine.title, one.unpriced));
    return;
  }
  lines.push_back(fmt::format("  {}: {} {}-hours, {} on {} {}{}; the longest training {}{}{}", one.machine.title,
                              amount(one.hours), unit, time_text(one.days), one.count, unit, one.count == 1 ? "" : "s",
                              time_text(one.longest_hours / 24),
                              one.done_hours > 0 ? fmt::format("; {} h are done", amount(one.done_hours)) : "",
                              one.unpriced > 0 ? fmt::format("; {} jobs not counted", one.unpriced) : ""));
  for (const std::string& step : one.rate_origins) lines.push_back("    " + step);
  std::vector<std::string> others;
  for (const auto& [precision, hours] : one.hours_in)
    others.push_back(fmt::format("{} in {}", amount(hours), precision));
  if (one.hours > 0 && !others.empty())
    lines.push_back(fmt::format("    {}-hours by train.precision: {}", unit, fmt::join(others, ", ")));
  if (one.hours > 0)
    lines.push_back(fmt::format("    {:.0f} % of the hours at measured rates", 100 * one.measured_hours / one.hours));
}

// Jobs asked for and shared, hours and days by machine with where the rates come from, disk, what is not here.
std::vector<std::string> price_lines(const experiments::Price& price) {
  std::vector<std::string> lines{"price"};
  lines.push_back(count_text("packs", price.packs));
  lines.push_back(count_text("trainings", price.trainings));
  lines.push_back(count_text("evaluations", price.evaluations));
  if (price.of_programs > 0)
    lines.push_back(
        fmt::format("  no price for {} jobs of methods in Python or other programs: their networks are "
                    "unknown, so hours, memory, checkpoints and features are without them",
                    price.of_programs));
  for (const auto& machine : price.machines) add_machine(lines, machine);
  if (price.memory)
    lines.push_back(fmt::format(
        "  memory of a GPU: {}{}",
        price.memory->training.empty() ? "unknown"
                                       : fmt::format("{} for the tensors of '{}' on one rank",
                                                     core::byte_text(price.memory->bytes), price.memory->training),
        price.memory->unknown > 0 ? fmt::format("; {} trainings not counted", price.memory->unknown) : ""));
  lines.push_back(fmt::format(
      "  disk: packs {}, checkpoints {}, features {}{}", core::byte_text(price.disk.packs),
      core::byte_text(price.disk.checkpoints), core::byte_text(price.disk.features),
      price.disk.unknown.empty() ? "" : fmt::format("; not counted: {}", fmt::join(price.disk.unknown, ", "))));
  if (!price.estimated.empty())
    lines.push_back(fmt::format("training images estimated, by what is published of the source: {}",
                                fmt::join(price.estimated, ", ")));
  for (const auto& [dataset, images] : price.repeated)
    lines.push_back(
        fmt::format("data set {}: a batch shows images more than once (train.images is {}, and an identity has about "
                    "{} to train on)",
                    dataset, images.first, amount(images.second)));
  for (const auto& one : price.missing_data) {
    lines.push_back(fmt::format("raw images missing: {} ({}), root = \"{}\"", one.dataset, one.source, one.root));
    lines.push_back("    from " + one.from);
    lines.push_back("    licence: " + one.licence);
  }
  for (const auto& one : price.missing_weights)
    lines.push_back(
        fmt::format("weights missing: {}; {}", one.name, experiments::import_command(one.name, one.backbone)));
  if (price.provisional > 0)
    lines.push_back(
        fmt::format("{} jobs are provisional: they get other ids once what they hang on is here", price.provisional));
  return lines;
}

// Resources to ask a machine for, by kind of job. Kinds that the store knows nothing about have no line.
std::vector<std::string> taken_lines(const std::vector<orchestrator::KindTaken>& kinds) {
  std::vector<std::string> lines;
  for (const auto& [kind, jobs, known, taken] : kinds)
    if (known > 0)
      lines.push_back(
          fmt::format("  {:11} {:.2f} processors, {} at most, in {} run{} here; {} of its {} jobs are like those", kind,
                      taken.processors, core::byte_text(taken.peak_mib * (1 << 20)), taken.lives,
                      taken.lives == 1 ? "" : "s", known, jobs));
  if (!lines.empty()) lines.insert(lines.begin(), "measured in this store, for each process rank");
  return lines;
}

core::Json taken_json(const std::vector<orchestrator::KindTaken>& kinds) {
  core::Json json = core::Json::array();
  for (const auto& [kind, jobs, known, taken] : kinds)
    json.push_back({{"kind", kind},
                    {"jobs", jobs},
                    {"known", known},
                    {"runs", taken.lives},
                    {"processors", known > 0 ? core::Json(taken.processors) : core::Json()},
                    {"peak_mib", known > 0 ? core::Json(taken.peak_mib) : core::Json()}});
  return json;
}

std::vector<std::string> tellable_lines(const std::vector<results::Tellable>& all) {
  std::vector<std::string> lines;
  if (!all.empty()) lines.push_back(results::model_text());
  for (const results::Tellable& one : all) lines.push_back("  " + results::to_text(one));
  return lines;
}

core::Json tellable_json(const std::vector<results::Tellable>& all) {
  core::Json json = core::Json::array();
  for (const results::Tellable& one : all) json.push_back(results::to_json(one));
  return json;
}

std::optional<experiments::StepTimes> read_step_times(core::FileSystem& files) {
  const fs::path beside = experiments::find_reference_file(files, core::current_environment(), executable_folder());
  const fs::path file = beside.parent_path() / "step_times.toml";
  if (!files.exists(file)) return std::nullopt;
  return experiments::StepTimes::read(files, file);
}

}  // namespace

int suite_plan(const Arguments& arguments) {
  options::options_description visible;
  auto add = visible.add_options();
  add("jobs", "list every job, however many there are");
  add("gpus", options::value<int>()->default_value(1), "of each kind of GPU, for the price in days");
  add("cores", options::value<int>()->default_value(1), "for the price in days of trainings on CPUs");
  auto parsed = parse_suite_arguments(arguments, kSuitePlanHelp, visible);
  if (!parsed) return 0;
  auto& files = core::real_file_system();
  experiments::Plan plan = parsed->estimated_plan();
  note_high_views(plan, parsed->store, true);
  std::set<experiments::JobId> done;
  const auto stored =
      orchestrator::look_at_jobs(files, parsed->store, plan.jobs, results::record_check(files, parsed->store));
  for (std::size_t i = 0; i < plan.jobs.size(); ++i)
    if (stored[i].result) done.insert(plan.jobs[i].id);
  const auto times = read_step_times(files);
  experiments::PriceOf asked;
  asked.is_done = [&](const experiments::JobId& job) { return done.contains(job); };
  asked.has_data = [&](const experiments::DatasetPlan& dataset) {
    return dataset.pack.synthetic || files.exists(parsed->store.pack_folder(dataset.pack) / "pack.json") ||
           (!dataset.root.empty() && files.exists(dataset.root));
  };
  asked.times = times ? &*times : nullptr;
  asked.gpus = at_least("gpus", parsed->values["gpus"].as<int>(), 1);
  asked.cores = at_least("cores", parsed->values["cores"].as<int>(), 1);
  const experiments::Price price = experiments::price_of(plan, asked);
  const auto taken = orchestrator::taken_by_kind(plan, orchestrator::Durations::read(files, parsed->store));
  const auto tellable = results::tellable(plan, files, parsed->store);
  const auto mixed = results::mixed_rows(plan, files, parsed->store).size();
  if (parsed->json) {
    core::Json more = to_json(price);
    more["taken"] = taken_json(taken);
    more["tellable"] = tellable_json(tellable);
    more["mixed_rows"] = mixed;
    experiments::write_json(std::cout, plan, more);
    return 0;
  }
  print_plan(plan, done, parsed->values.count("jobs") > 0);
  for (const auto& lines : {price_lines(price), taken_lines(taken), tellable_lines(tellable)})
    for (const std::string& line : lines) std::cout << line << "\n";
  if (mixed > 0) std::cout << results::mixed_rows_hint(mixed) << "\n";
  return 0;
}

}  // namespace resolute::cli
