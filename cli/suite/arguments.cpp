#include "cli/suite/arguments.h"

#include <algorithm>
#include <cerrno>
#include <limits>
#include <map>
#include <utility>

#include "cli/store/raw_images.h"
#include "core/error.h"
#include "core/files/file_system.h"
#include "core/log.h"
#include "core/process/process.h"
#include "core/split.h"
#include "datasets/sources/source.h"
#include "experiments/include.h"
#include "experiments/store/kept_states.h"
#include "operations/space/needs.h"
#include "orchestrator/journal/epoch.h"
#include "orchestrator/messages/event.h"
#include "results/records/record.h"
#include "settings/names.h"
#include "slurm/sbatch_script.h"

namespace resolute::cli {
namespace {

// The options that decide a plan, beside the suite's file and the store.
options::options_description plan_options() {
  options::options_description decide;
  auto add = decide.add_options();
  add("profile", options::value<std::string>()->default_value(""),
      "a [profiles.NAME] of the suite; '': none, and no option of the last run either");
  add("set", options::value<std::vector<std::string>>()->composing(),
      "KEY=VALUE over the suite's defaults; repeatable");
  add("relative-to", options::value<std::string>(),
      "folder that relative paths of the suite are relative to; its own unless given");
  add("stand-ins",
      "draw made-up images in the layout of each data set, as its [dataset.stand_in] says; every table marks them");
  add("datasets", options::value<std::string>(), "A,B: only these columns of each table, whatever the profile says");
  add("with-references", "the papers' numbers and claims beside drawn images too");
  add("from-scratch", "train without the initial weights a profile asks for; every table says so");
  return decide;
}

bool decides(const options::variables_map& values, const std::string& option) {
  return values.count(option) > 0 && !values[option].defaulted();
}

std::vector<std::string> names_between_commas(const std::string& text) {
  const auto words = core::split(text, ',');
  std::vector<std::string> names(words.begin(), words.end());
  if (std::ranges::find(names, "") != names.end())
    throw core::input_error(fmt::format("--datasets '{}' has an empty name", text), {}, "give A or A,B");
  return names;
}

// For a file that is not there: the one with .toml behind it, or the suite that comes with the program and is called
// so, or nearly.
std::string hint_to_suite(const std::string& path) {
  auto& files = core::real_file_system();
  if (files.exists(path + ".toml")) return fmt::format("did you mean '{}.toml'", path);
  const std::string name = fs::path(path).filename().string();
  const fs::path folder = shipped_suites();
  const auto names = files.exists(folder) ? files.list(folder) : std::vector<std::string>();
  if (settings::is_among(names, name)) return fmt::format("'{}' comes with resolute: give that name alone", name);
  std::string near = settings::did_you_mean(name, names);
  if (near.empty()) near = settings::did_you_mean(name + ".toml", names);
  return near.empty() ? near : near + ", which comes with resolute";
}

void require_suite_file(const std::string& path) {
  if (path.empty()) return;
  const bool folder = core::is_folder(path);
  if (!folder && core::real_file_system().exists(path)) return;
  if (const std::string hint = hint_to_suite(path); !hint.empty())
    throw core::system_error(fmt::format("cannot open '{}'", path), folder ? EISDIR : ENOENT, hint);
}

}  // namespace

std::optional<SuiteArguments> parse_suite_arguments(const Arguments& arguments, const CommandHelp& help,
                                                    options::options_description more,
                                                    const std::vector<std::string>& words,
                                                    const std::function<void(const options::variables_map&)>& check) {
  auto add = more.add_options();
  if (more.find_nothrow("store", false) == nullptr)
    add("store", options::value<std::string>(),
        "folder of packs, jobs and suites, shared by the nodes (required, or RESOLUTE_STORE)");
  const options::options_description decide = plan_options();
  for (const auto& option : decide.options()) more.add(option);
  add("same-suite", "the suite that the store has under this name is this file's, which has moved and changed");
  add("json", "one JSON document on stdout");
  auto values = parse_options(arguments, help, more, words);
  if (!values) return std::nullopt;
  if (check) check(*values);
  for (const std::string& word : words)
    if (word.ends_with(".toml") && values->count(word) > 0) {
      const std::string file = found_suite((*values)[word].as<std::string>());
      require_suite_file(file);
      values->at(word).value() = file;
    }
  SuiteArguments parsed{*values, experiments::StoreLayout(std::filesystem::absolute(required_value(*values, "store"))),
                        values->count("json") > 0,
                        std::make_shared<datasets::TrainingImages>(core::real_file_system())};
  return parsed;
}

experiments::Plan SuiteArguments::plan(bool need_roots) const {
  auto plan = plan_of(values["SUITE.toml"].as<std::string>(), values["profile"].as<std::string>(), need_roots);
  require_own_suite(plan.suite);
  if (!need_roots) return plan;
  return with_same_images(std::move(plan));
}

experiments::Plan SuiteArguments::plan_of(const std::string& file, const std::string& profile, bool need_roots) const {
  return experiments::read_suite(core::real_file_system(), file, suite_options(profile, need_roots));
}

experiments::Plan SuiteArguments::plan_to_submit() const {
  experiments::SuiteOptions suite = suite_options(values["profile"].as<std::string>(), false);
  suite.check_lists = true;
  auto plan = experiments::read_suite(core::real_file_system(), values["SUITE.toml"].as<std::string>(), suite);
  require_own_suite(plan.suite);
  return with_same_images(std::move(plan));
}

experiments::SuiteSource SuiteArguments::source() const {
  return experiments::source_of(core::real_file_system(), values["SUITE.toml"].as<std::string>());
}

void SuiteArguments::require_own_suite(const std::string& suite) const {
  if (values.count("same-suite") == 0) experiments::require_own_suite(core::real_file_system(), store, suite, source());
}

std::vector<experiments::TypedPlan> SuiteArguments::typed_plans() const {
  const std::filesystem::path file = values["SUITE.toml"].as<std::string>();
  auto& files = core::real_file_system();
  const std::filesystem::path relative_to =
      decides(values, "relative-to") ? values["relative-to"].as<std::string>() : "";
  const std::string suite = experiments::read_suite_files(files, file, relative_to).back().name;
  require_own_suite(suite);
  return experiments::read_typed_plans(files, store, suite);
}

bool SuiteArguments::chooses_a_plan() const { return decides(values, "profile") || !order_options().empty(); }

void SuiteArguments::take_last_run() {
  if (chooses_a_plan()) return;
  const auto known = typed_plans();
  if (known.empty() || known.back().arguments.empty()) return;
  const std::vector<std::string>& last = known.back().arguments;
  try {
    options::store(options::command_line_parser(last).options(plan_options()).run(), values);
  } catch (const options::error& error) {
    core::log_warning("the options of the last run ({}) are not taken: {}", options_text(last), error.what());
    return;
  }
  core::log_info("as last run: {} (--profile '' for none of it)", options_text(last));
}

experiments::Plan SuiteArguments::plan_as_run() {
  const bool typed = chooses_a_plan();
  take_last_run();
  auto plan = this->plan(false);
  if (!typed) return plan;
  const auto known = typed_plans();
  if (known.empty()) return plan;
  // A search makes the plan of the same options longer.
  const std::string name = operations::plan_file_name(operations::plan_file_text(plan));
  if (std::ranges::none_of(known, [&, options = order_options()](const auto& one) {
        return one.plan == name || one.arguments == options;
      }))
    core::log_info("this suite was never run with these options; last run: {}", options_text(known.back().arguments));
  return plan;
}

void SuiteArguments::note_run(const experiments::Plan& plan, const std::string& plan_file) const {
  auto& files = core::real_file_system();
  experiments::note_source(files, store, plan.suite, source());
  if (experiments::is_own_copy(store, plan.suite, source())) return;
  experiments::note_typed_plan(files, store, plan.suite, {plan_file, order_options()});
}

std::vector<std::string> SuiteArguments::order_options() const {
  std::vector<std::string> arguments = plan_arguments(values);
  if (decides(values, "relative-to"))
    arguments.insert(arguments.end(),
                     {"--relative-to", std::filesystem::absolute(values["relative-to"].as<std::string>()).string()});
  return arguments;
}

experiments::Plan SuiteArguments::estimated_plan() const {
  experiments::SuiteOptions suite = suite_options(values["profile"].as<std::string>(), false);
  suite.estimate = suite.check_lists = true;
  return with_same_images(
      experiments::read_suite(core::real_file_system(), values["SUITE.toml"].as<std::string>(), suite));
}

experiments::Plan SuiteArguments::with_same_images(experiments::Plan plan) const {
  require_same_images(store, plan, values.count(kSameImages) > 0);
  const auto any_training = [&](const auto& is) {
    return std::ranges::any_of(plan.jobs, [&](const experiments::PlannedJob& job) {
      const auto* training = std::get_if<experiments::TrainingSpecification>(&job.specification);
      return training != nullptr && is(training->recipe);
    });
  };
  if (any_training([](const auto& recipe) { return recipe.program != 0 && recipe.program_sha256.empty(); }))
    core::log_info("edits of the program of train.program give no new jobs unless 'worker_files' names its files");
  // Who asks this store for the same rows later gets them for resolute-worker's.
  if (!plan.worker.empty() && any_training([](const auto&) { return true; }) &&
      !any_training([](const auto& recipe) { return recipe.program != 0; }))
    core::log_warning(
        "what 'worker' trains stands in the store as resolute-worker's own (no row has a 'train.program'); set "
        "train.program = 1, unless that program only starts resolute-worker");
  return plan;
}

std::optional<datasets::SplitCount> SuiteArguments::count_split(const experiments::DatasetPlan& dataset,
                                                                const experiments::SplitSettings& split) const {
  return counted->count_split(dataset.pack, store.pack_folder(dataset.pack),
                              dataset.pack.synthetic ? store.raw_folder(dataset.pack) : dataset.root, split);
}

experiments::SuiteOptions SuiteArguments::suite_options(const std::string& profile, bool need_roots) const {
  auto& files = core::real_file_system();
  experiments::SuiteOptions suite;
  suite.store = store.root();
  suite.profile = profile;
  if (values.count("set") > 0)
    for (const auto& text : values["set"].as<std::vector<std::string>>())
      suite.sets.push_back(experiments::parse_assignment(text));
  suite.environment = core::current_environment();
  suite.from_scratch = values.count("from-scratch") > 0;
  suite.stand_ins = values.count("stand-ins") > 0;
  suite.with_references = values.count("with-references") > 0;
  if (values.count("datasets") > 0) suite.datasets = names_between_commas(values["datasets"].as<std::string>());
  suite.reference_file = experiments::find_reference_file(files, suite.environment, executable_folder());
  suite.need_roots = suite.check_lists = need_roots;
  suite.training_images = [arguments = *this](const experiments::DatasetPlan& dataset,
                                              const experiments::SplitSettings& split) {
    const auto counted = arguments.count_split(dataset, split);
    return counted ? std::optional(counted->train) : std::nullopt;
  };
  suite.drawn_folder = [&files, store = store](const experiments::DatasetPlan& dataset) {
    return datasets::holds_drawn_images(files, dataset.pack.source, dataset.root, store.pack_folder(dataset.pack));
  };
  suite.score_of = [&files, store = store](const experiments::JobId& job,
                                           const std::string& metric) -> std::optional<double> {
    const auto found = results::find_record(files, store, job);
    const auto* record = std::get_if<results::Record>(&found);
    const auto* evaluation = record != nullptr ? std::get_if<results::EvaluationRecord>(record) : nullptr;
    if (evaluation == nullptr || !evaluation->metrics.contains(metric)) return std::nullopt;
    return evaluation->metrics.at(metric);
  };
  if (files.exists(store.states_folder()))
    suite.kept_state_of = [&files, store = store](const experiments::JobId& job,
                                                  const experiments::TrainingSpecification& training) {
      return orchestrator::has_result(files, store, job) ? std::nullopt
                                                         : experiments::find_kept_state(files, store, training);
    };
  suite.has_diverged = [&files, store = store](const experiments::JobId& job) {
    return results::has_diverged(files, store, job);
  };
  if (values.count("relative-to") > 0) suite.relative_to = values["relative-to"].as<std::string>();
  return suite;
}

std::vector<std::string> plan_arguments(const options::variables_map& values) {
  std::vector<std::string> arguments;
  const auto add = [&](const char* option, const std::string& value) {
    arguments.insert(arguments.end(), {option, value});
  };
  if (const auto profile = values["profile"].as<std::string>(); !profile.empty()) add("--profile", profile);
  if (values.count("set") > 0)
    for (const auto& text : values["set"].as<std::vector<std::string>>()) add("--set", text);
  if (values.count("datasets") > 0) add("--datasets", values["datasets"].as<std::string>());
  for (const char* option : {"stand-ins", "with-references", "from-scratch"})
    if (values.count(option) > 0) arguments.push_back(fmt::format("--{}", option));
  return arguments;
}

std::string options_text(const std::vector<std::string>& typed) {
  return typed.empty() ? "no option" : slurm::shell_line(typed);
}

std::string suite_command(const std::string& verb, const SuiteArguments& arguments,
                          const std::vector<std::string>& typed) {
  std::vector<std::string> words{arguments.values["SUITE.toml"].as<std::string>(), "--store",
                                 arguments.values["store"].as<std::string>()};
  words.insert(words.end(), typed.begin(), typed.end());
  return fmt::format("resolute suite {} {}", verb, slurm::shell_line(words));
}

void require_no_search(const experiments::Plan& plan, const std::string& what, const std::string& suggestion) {
  if (!plan.searches.empty())
    throw core::input_error(
        fmt::format("{} cannot be used with search '{}' of suite '{}'", what, plan.searches.front().id, plan.suite),
        "a search goes on when all kinds of jobs of a rung are done", suggestion);
}

double gpu_hours(double hours) {
  if (!(hours > 0 && hours <= 1e9))
    throw core::input_error(fmt::format("--most-gpu-hours {}", hours), "more than 0, and at most 1e9, are needed");
  return hours;
}

double repeat_share(double share) {
  if (!(share >= 0 && share <= 1))
    throw core::input_error(fmt::format("--repeat-share {}", share), "a share is 0 to 1", "give e.g. 0.01");
  return share;
}

int run_number(const std::string& option, int value) {
  struct Range {
    int least, most;
  };
  constexpr int kAny = std::numeric_limits<int>::max();
  constexpr int kLongest = 10'000'000;  // of times, in seconds or minutes: longer than any run
  static const std::map<std::string, Range> ranges{{"slots", {0, orchestrator::kMostSlots}},
                                                   {"gpus", {-1, orchestrator::kMostSlots}},
                                                   {"jobs-per-gpu", {1, orchestrator::kMostJobsAGpu}},
                                                   {"max-jobs", {0, kAny}},
                                                   {"allocation", {1, kAny}},
                                                   {"memory-per-rank", {0, kAny}},
                                                   {"checkpoint-every", {0, kAny}},
                                                   {"evaluate-every", {0, kAny}},
                                                   {"idle-limit", {0, kLongest}},
                                                   {"notice", {1, kLongest}},
                                                   {"no-progress-limit", {0, kLongest}},
                                                   {"coordinator-limit", {15, kLongest}}};
  return in_range(option.c_str(), value, ranges.at(option).least, ranges.at(option).most);
}

}  // namespace resolute::cli
