// `resolute suite plan`

#include <fmt/format.h>

#include <algorithm>
#include <iostream>
#include <map>
#include <set>
#include <string_view>
#include <unordered_map>

#include "cli/high_views.h"
#include "cli/subcommands.h"
#include "cli/suite/arguments.h"
#include "core/files/file_system.h"
#include "core/log.h"
#include "core/process/process.h"
#include "core/quantity_text.h"
#include "datasets/pack/high_views.h"
#include "experiments/price.h"
#include "orchestrator/store/durations.h"
#include "orchestrator/store/stored_jobs.h"
#include "results/records/record.h"
#include "results/verdicts/mixed_rows.h"
#include "results/verdicts/tellable.h"

namespace resolute::cli {

namespace {

using experiments::EvaluationSpecification;
using experiments::JobId;
using experiments::TrainingSpecification;

constexpr CommandHelp kSuitePlanHelp{
    "resolute suite plan SUITE.toml --store STORE [--profile NAME] [--gpus N] [OPTION...] [--json]",
    R"(Works a suite out without running anything: a line for each data set, with the lengths of its trainings, and for each
table, with how small a difference it can tell; what all of it costs in hours of machines whose step times are known or
modelled, days and disk. Refuses what cannot work, with file, line, column and key. Raw images and initial weights need
not be here. The plan names what is missing and says how to get it. Ids of jobs that depend on it are not final.
`suite run` needs all of it. Few jobs are listed with their ids, more with --jobs.)",
    "  resolute suite plan experiments/suites/quickstart.toml --store store\n"
    "  resolute suite plan suite.toml --store store --profile paper --gpus 8\n"
    "  resolute suite plan suite.toml --store store --set trials=1 --json\n"};

// Above this many, lines of jobs hide what else is said.
constexpr std::size_t kMostListed = 12;
constexpr std::size_t kMostTables = 20;

// "2", or "2 to 3".
std::string range_text(const auto& fewest, const auto& most) {
  return fewest == most ? fmt::format("{}", fewest) : fmt::format("{} to {}", fewest, most);
}

const std::string& dataset_of(const experiments::PlannedJob& job) {
  return std::visit([](const auto& one) -> const std::string& { return one.pack.name; }, job.specification);
}

void list_jobs(const experiments::Plan& plan, const std::set<JobId>& done) {
  for (const auto& job : plan.jobs)
    std::cout << fmt::format("  {}  {:10} {}{}{}\n", experiments::short_id(job.id),
                             experiments::kind_name(job.specification), job.label,
                             job.provisional ? "  (its id is not final)" : "", done.contains(job.id) ? "  (done)" : "");
}

// The length of a row's trainings on a data set. Trials of other sizes have other steps.
struct Length {
  int batch = 0;                      // images per step
  std::pair<int, int> steps, warmup;  // fewest and most
  std::vector<std::pair<int, int>> milestones;
  auto operator<=>(const Length&) const = default;
};

void widen(std::pair<int, int>& range, int value) {
  range = {std::min(range.first, value), std::max(range.second, value)};
}

Length length_of(const settings::Recipe& recipe) {
  const auto once = [](int value) { return std::pair(value, value); };
  Length length{recipe.identities * recipe.images, once(recipe.steps), once(recipe.warmup_steps), {}};
  for (const int milestone : recipe.milestones) length.milestones.push_back(once(milestone));
  return length;
}

// Lengths by data set, each once, of all rows of all tables.
std::map<std::string, std::set<Length>> lengths_of(const experiments::Plan& plan) {
  std::unordered_map<std::string_view, const experiments::JobSpecification*> jobs;
  for (const auto& job : plan.jobs) jobs[job.id.hex] = &job.specification;
  std::map<std::string, std::set<Length>> lengths;
  for (const auto& table : plan.tables)
    for (const auto& row : table.rows)
      for (const auto& cell : row.cells) {
        std::optional<Length> length;
        for (const JobId& evaluation : cell.evaluations) {
          const auto& training = std::get<TrainingSpecification>(
              *jobs.at(std::get<EvaluationSpecification>(*jobs.at(evaluation.hex)).training.hex));
          const settings::Recipe& recipe = training.recipe;
          if (!length) length = length_of(recipe);
          widen(length->steps, recipe.steps);
          widen(length->warmup, recipe.warmup_steps);
          for (std::size_t i = 0; i < std::min(length->milestones.size(), recipe.milestones.size()); ++i)
            widen(length->milestones[i], recipe.milestones[i]);
        }
        if (length) lengths[experiments::sets_of(cell.dataset).trained_on].insert(*length);
      }
  return lengths;
}

std::string length_text(const Length& length) {
  std::vector<std::string> more, milestones;
  const auto text = [](const std::pair<int, int>& range) { return range_text(range.first, range.second); };
  if (length.warmup.second > 0) more.push_back("warm-up " + text(length.warmup));
  for (const auto& milestone : length.milestones) milestones.push_back(text(milestone));
  if (!milestones.empty()) more.push_back(fmt::format("milestones {}", fmt::join(milestones, ", ")));
  return fmt::format("{} steps of {} images{}", text(length.steps), length.batch,
                     more.empty() ? "" : fmt::format(" ({})", fmt::join(more, "; ")));
}

// "13135 training images; trainings of about 24629 steps of 64 images (…); others have other steps or batches".
std::string lengths_text(const experiments::Plan& plan, const std::string& dataset, const std::set<Length>& lengths) {
  std::size_t fewest = 0, most = 0;
  bool estimated = false;
  for (const experiments::EpochsPlan& one : plan.epochs) {
    if (one.dataset != dataset) continue;
    fewest = fewest == 0 ? one.fewest_images : std::min(fewest, one.fewest_images);
    most = std::max(most, one.most_images);
    estimated = estimated || one.estimated;
  }
  std::string text = most > 0 ? fmt::format("; {} training images", range_text(fewest, most)) : "";
  if (lengths.empty()) return text;
  const auto longest =
      std::ranges::max_element(lengths, {}, [](const Length& one) { return std::pair(one.steps.second, one.batch); });
  text += fmt::format("; trainings of {}{}", estimated ? "about " : "", length_text(*longest));
  if (lengths.size() > 1) text += "; others have other steps or batches";
  return text;
}

// A line for each data set, in the order in which the suite has them.
void print_datasets(const experiments::Plan& plan, const std::set<JobId>& done) {
  struct Count {
    std::size_t jobs = 0, done = 0;
  };
  std::map<std::string, Count> counts;
  for (const auto& job : plan.jobs) {
    Count& count = counts[dataset_of(job)];
    ++count.jobs;
    if (done.contains(job.id)) ++count.done;
  }
  std::size_t width = 0;
  for (const auto& dataset : plan.datasets) width = std::max(width, experiments::column_title(plan, dataset.id).size());
  const auto lengths = lengths_of(plan);
  for (const auto& dataset : plan.datasets) {
    const auto found = lengths.find(dataset.id);
    std::cout << fmt::format(
        "  {:{}}  {:4} jobs, {} done{}{}\n", experiments::column_title(plan, dataset.id), width,
        counts[dataset.id].jobs, counts[dataset.id].done,
        lengths_text(plan, dataset.id, found == lengths.end() ? std::set<Length>() : found->second),
        experiments::is_stand_in(plan, dataset.id)
            ? fmt::format("; images are drawn in the layout of {}", settings::word(dataset.pack.source))
            : "");
  }
}

std::string count_text(const char* what, const experiments::JobCount& count) {
  const std::size_t shared = count.asked - count.distinct;
  return fmt::format("{} {} ({} done{})", what, count.distinct, count.done,
                     shared > 0 ? fmt::format("; asked for {} times, {} shared", count.asked, shared) : "");
}

std::string columns_text(const experiments::TablePlan& table) {
  if (!experiments::any_across(table.datasets))
    return fmt::format("on {} data set{}", table.datasets.size(), table.datasets.size() == 1 ? "" : "s");
  std::vector<std::string> names;
  for (const std::string& column : table.datasets) names.push_back(experiments::column_name(column));
  return fmt::format("in {} columns: {}", names.size(), fmt::join(names, ", "));
}

// Tables, each with the smallest differences that it tells; of more than fit a screen their number.
void print_tables(const experiments::Plan& plan, const std::vector<results::Tellable>& tellable) {
  const bool each = plan.tables.size() <= kMostTables;
  if (!each) std::cout << fmt::format("{} tables; --measured tells what each can tell apart\n", plan.tables.size());
  for (const auto& table : plan.tables) {
    if (each)
      std::cout << fmt::format("table {}: {} row{} {}{}\n", table.id, table.rows.size(),
                               table.rows.size() == 1 ? "" : "s", columns_text(table),
                               results::summary(tellable, table.id));
    for (const auto& row : table.rows)
      for (const std::string& start : row.starts)
        std::cout << fmt::format("  row '{}' starts from {}\n", row.id, start);
  }
  for (const auto& search : plan.searches) std::cout << experiments::search_text(search) << "\n";
  if (const std::string spared = plan.spared_steps_text(); !spared.empty()) std::cout << spared << "\n";
  for (const auto& name : plan.of_unknown_people)
    std::cout << fmt::format(
        "weights '{}': the store does not know all whom they were trained on; see that none of them is tested\n", name);
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

bool is_shard(const experiments::PlannedJob& job) {
  return std::holds_alternative<experiments::ShardSpecification>(job.specification);
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

// Lines of --measured: rates and their origins, process ranks' resources, each table on each data set, papers to look
// up.
std::vector<std::string> measured_lines(const experiments::Plan& plan, const experiments::Price& price,
                                        const std::vector<orchestrator::KindTaken>& taken,
                                        const std::vector<results::Tellable>& tellable) {
  std::vector<std::string> lines;
  for (const auto& machine : price.machines)
    for (const std::string& rate : machine.rate_origins)
      lines.push_back(fmt::format("rate of {}: {}", machine.machine.title, rate));
  for (std::string& line : taken_lines(taken)) lines.push_back(std::move(line));
  if (!tellable.empty()) lines.push_back(results::model_text());
  for (const results::Tellable& one : tellable) lines.push_back("  " + results::to_text(one));
  for (const auto& table : plan.tables)
    for (const auto& [where, address] : table.look_up)
      lines.push_back(fmt::format("no reference for some rows of {}: {}; look it up: {}", table.id, where, address));
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

// Counted by labels; to list a stand-in is to draw it.
std::optional<experiments::EstimatedSplit> counted_split(const SuiteArguments& arguments,
                                                         const experiments::DatasetPlan& dataset,
                                                         const experiments::SplitSettings& split) {
  if (dataset.pack.synthetic) return std::nullopt;
  std::optional<datasets::SplitCount> count;
  try {
    count = arguments.count_split(dataset, split);
  } catch (const core::RuntimeError& error) {
    core::log_debug("{}", error.what());  // who evaluates says why; a price can do without
  }
  if (!count) return std::nullopt;
  const auto train = static_cast<double>(count->train.images);
  return experiments::EstimatedSplit{.images = static_cast<double>(count->images),
                                     .people = static_cast<double>(count->train.identities),
                                     .train = train,
                                     .low = static_cast<double>(count->low) / train,
                                     .queries = static_cast<double>(count->queries),
                                     .gallery = static_cast<double>(count->gallery),
                                     .tested = static_cast<double>(count->tested)};
}

std::optional<double> sealed_bytes(const experiments::StoreLayout& store, const experiments::DatasetPlan& dataset) {
  const fs::path folder = store.pack_folder(dataset.pack);
  std::error_code error;
  if (!fs::exists(folder / "pack.json", error)) return std::nullopt;
  double bytes = 0;
  for (fs::directory_iterator file(folder, error), end; !error && file != end; file.increment(error))
    if (const auto size = file->file_size(error); !error) bytes += static_cast<double>(size);
  return bytes;
}

// The raw images are here.
std::optional<double> raw_pixels(const experiments::StoreLayout& store, const experiments::DatasetPlan& dataset) {
  const auto images =
      datasets::native_images(core::real_file_system(), dataset.pack, store.pack_folder(dataset.pack), dataset.root);
  if (!images || images->empty()) return std::nullopt;
  double pixels = 0;
  for (const datasets::NativeImage& one : *images) pixels += static_cast<double>(one.size.height) * one.size.width;
  return pixels / static_cast<double>(images->size());
}

experiments::PriceOf asked_price(const SuiteArguments& arguments, const std::set<JobId>& done) {
  experiments::PriceOf asked;
  const experiments::StoreLayout& store = arguments.store;
  asked.is_done = [&done](const JobId& job) { return done.contains(job); };
  asked.has_data = [&store](const experiments::DatasetPlan& dataset) {
    auto& files = core::real_file_system();
    return dataset.pack.synthetic || files.exists(store.pack_folder(dataset.pack) / "pack.json") ||
           (!dataset.root.empty() && files.exists(dataset.root));
  };
  asked.counted = [&arguments](const auto& dataset, const auto& split) {
    return counted_split(arguments, dataset, split);
  };
  asked.pack_bytes = [&store](const auto& dataset) { return sealed_bytes(store, dataset); };
  asked.raw_pixels = [&store](const auto& dataset) { return raw_pixels(store, dataset); };
  asked.gpus = at_least("gpus", arguments.values["gpus"].as<int>(), 1);
  asked.cores = at_least("cores", arguments.values["cores"].as<int>(), 1);
  return asked;
}

}  // namespace

int suite_plan(const Arguments& arguments) {
  options::options_description visible;
  auto add = visible.add_options();
  add("jobs", "list every job, however many there are");
  add("measured",
      "also where the rates of machines come from, what processors and memory process ranks took in this store, what "
      "each table tells on each data set, and where missing numbers of papers stand");
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
  experiments::PriceOf asked = asked_price(*parsed, done);
  asked.times = times ? &*times : nullptr;
  const experiments::Price price = experiments::price_of(plan, asked);
  const auto taken = orchestrator::taken_by_kind(plan, orchestrator::Durations::read(files, parsed->store));
  const auto tellable = results::tellable(plan, done, files, parsed->store);
  const auto mixed = results::mixed_rows(plan, orchestrator::classes_of(stored)).size();
  if (parsed->json) {
    core::Json more = to_json(price);
    more["taken"] = taken_json(taken);
    more["tellable"] = tellable_json(tellable);
    more["mixed_rows"] = mixed;
    experiments::write_json(std::cout, plan, more);
    return 0;
  }
  std::cout << plan.suite << ": " << plan.title << "\n\n";
  if (parsed->values.count("jobs") > 0 || plan.jobs.size() <= kMostListed) list_jobs(plan, done);
  print_datasets(plan, done);
  const auto shards = std::ranges::count_if(plan.jobs, is_shard);
  const auto shards_done =
      std::ranges::count_if(plan.jobs, [&](const auto& job) { return is_shard(job) && done.contains(job.id); });
  std::cout << fmt::format("jobs: shards {} ({} done), {}, {}, {}\n", shards, shards_done,
                           count_text("seals", price.packs), count_text("trainings", price.trainings),
                           count_text("evaluations", price.evaluations));
  print_tables(plan, tellable);
  for (const std::string& line : experiments::price_lines(price)) std::cout << line << "\n";
  if (parsed->values.count("measured") > 0)
    for (const std::string& line : measured_lines(plan, price, taken, tellable)) std::cout << line << "\n";
  if (mixed > 0) std::cout << results::mixed_rows_hint(mixed) << "\n";
  return 0;
}

}  // namespace resolute::cli
