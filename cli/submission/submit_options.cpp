#include "cli/submission/submit_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "cli/command.h"
#include "cli/suite/notify_option.h"
#include "core/error.h"
#include "core/log.h"
#include "core/numbers.h"
#include "core/process/process.h"
#include "experiments/include.h"
#include "experiments/site.h"
#include "operations/submissions/submission_checks.h"
#include "orchestrator/run/run.h"
#include "slurm/client.h"
#include "slurm/job_record.h"
#include "slurm/launcher.h"

namespace resolute::cli {

namespace {

using Environment = std::map<std::string, std::string>;

constexpr std::chrono::seconds kNotice{120};
// The time that a rank may take for its checkpoint (Policy::stop_grace).
constexpr std::chrono::seconds kLeastNotice{30};

template <class T>
std::optional<T> given(const options::variables_map& values, const char* name) {
  if (values.count(name) == 0) return std::nullopt;
  return values[name].as<T>();
}

// "a", "a and b", "a, b and c"
std::string listed(const std::vector<std::string>& words) {
  const auto last = words.end() - 1;
  return words.size() == 1 ? *last : fmt::format("{} and {}", fmt::join(words.begin(), last, ", "), *last);
}

// All that is missing at once: each call would find the next.
void require_sizes_and_store(const options::variables_map& values, const experiments::Site& site) {
  std::vector<std::string> missing, of_site;
  const auto look = [&](const char* option, bool in_site) {
    if (values.count(option) > 0 || in_site) return;
    missing.push_back(fmt::format("--{}", option));
    if (option != std::string_view("store")) of_site.push_back(fmt::format("'{}'", option));
  };
  look("store", false);
  look("nodes", site.slurm.nodes.has_value());
  look("time", site.slurm.time.has_value());
  if (missing.empty()) return;
  std::string suggestion = missing.size() == 1 ? "give it" : "give them";
  if (missing.size() > of_site.size()) suggestion += fmt::format(", or set {}", kStoreVariable);
  if (!of_site.empty())
    suggestion += fmt::format(", or {} in [slurm] of ~/.config/resolute/site.toml", listed(of_site));
  throw core::input_error(fmt::format("option{} {} {} missing", missing.size() == 1 ? "" : "s", listed(missing),
                                      missing.size() == 1 ? "is" : "are"),
                          of_site.empty() ? "" : fmt::format("no site file says {} either", listed(of_site)),
                          suggestion);
}

// A refusal names the place that the value comes from.
void check_at(const std::string& place, const auto& check) {
  try {
    check();
  } catch (const core::RuntimeError& error) {
    throw error.at(place);
  }
}

void check_options(const std::vector<std::string>& options, const experiments::Site& site, const std::string& table) {
  if (options.empty()) return;
  slurm::Resources alone;
  alone.options = options;
  check_at(site.places.at(table + ".options"), [&] { slurm::validate(alone); });
}

void read_texts(const options::variables_map& values, const experiments::Site& site, const Environment& environment,
                slurm::Resources& resources) {
  settings::for_each_sbatch_text([&](const auto& text, auto member) {
    std::string& to = member(resources);
    if (const auto typed = given<std::string>(values, text.name)) {
      to = *typed;
    } else if (const auto& written = member(site.slurm)) {
      to = *written;
      check_at(site.places.at("slurm." + text.key()), [&] { slurm::validate(text, to); });
    } else if (text.variable != nullptr) {
      to = core::variable_in(environment, text.variable);
      check_at(text.variable, [&] { slurm::validate(text, to); });
    }
  });
}

// Takes "--qos=high", a text without an option of ours. \return true if it is one
bool take_text(const std::string& option, slurm::Resources& resources) {
  bool taken = false;
  settings::for_each_sbatch_text([&](const auto& text, auto member) {
    const std::string start = fmt::format("--{}=", text.word);
    if (text.is_typed() || !option.starts_with(start)) return;
    member(resources) = option.substr(start.size());
    taken = true;
  });
  return taken;
}

void read_sizes(const options::variables_map& values, const experiments::Site& site, slurm::Resources& resources) {
  const auto nodes = given<int>(values, "nodes");
  resources.nodes = nodes ? *nodes : site.slurm.nodes.value();
  resources.gpus_per_node = given<int>(values, "gpus-per-node").value_or(site.slurm.gpus_per_node.value_or(0));
  resources.cpus_per_node = given<int>(values, "cpus-per-node").value_or(site.slurm.cpus_per_node.value_or(0));
  // A suite without GPUs has no use for the type that a site names.
  if (resources.gpus_per_node == 0 && values.count("gpu-type") == 0) resources.gpu_type.clear();
  if (site.slurm.gpu_request)
    resources.gpu_request = settings::parse_word<slurm::GpuRequest>(*site.slurm.gpu_request, "gpu_request");
  const auto time = given<std::string>(values, "time");
  resources.time = time ? slurm::parse_time_limit(*time, "--time")
                        : slurm::parse_time_limit(site.slurm.time.value(), site.places.at("slurm.time") + ": time");
  resources.exclusive = values.count("exclusive") > 0 || site.slurm.exclusive.value_or(false);
}

slurm::Resources read_resources(const options::variables_map& values, const experiments::Site& site,
                                const Environment& environment) {
  slurm::Resources resources;
  read_texts(values, site, environment, resources);
  read_sizes(values, site, resources);
  check_options(site.slurm.options, site, "slurm");
  resources.options = site.slurm.options;
  if (const auto more = given<std::vector<std::string>>(values, "sbatch"))
    for (const std::string& option : *more)
      if (!take_text(option, resources)) resources.options.push_back(option);
  slurm::validate(resources);
  return resources;
}

std::chrono::seconds read_notice(const options::variables_map& values, const experiments::Site& site,
                                 std::chrono::seconds time) {
  if (const auto notice = given<int>(values, "notice")) return std::chrono::seconds(at_least("notice", *notice, 1));
  // Most of a short allocation is still for work.
  const std::chrono::seconds most = std::max(slurm::granted_time(time) / 4, kLeastNotice);
  return std::min(site.slurm.notice ? std::chrono::seconds(*site.slurm.notice) : kNotice, most);
}

std::chrono::seconds read_idle_limit(const options::variables_map& values, const experiments::Site& site) {
  if (const auto limit = given<int>(values, "idle-limit"))
    return std::chrono::seconds(at_least("idle-limit", *limit, 1));
  return site.slurm.idle_limit ? std::chrono::seconds(*site.slurm.idle_limit) : kDefaultIdleLimit;
}

// The site file's cluster, else that of sbatch's variables; empty: this machine's.
std::string default_cluster(const experiments::Site& site, const Environment& environment) {
  return site.slurm.cluster.value_or(core::variable_in(environment, slurm::cluster_variable(environment)));
}

// A typed cluster, else the default one.
std::string read_cluster(const options::variables_map& values, const experiments::Site& site,
                         const Environment& environment) {
  const auto typed = given<std::string>(values, "cluster");
  if (typed) {
    slurm::validate_cluster(*typed);
    return *typed;
  }
  const auto cluster = default_cluster(site, environment);
  check_at(site.slurm.cluster ? site.places.at("slurm.cluster") : slurm::cluster_variable(environment),
           [&] { slurm::validate_cluster(cluster); });
  return cluster;
}

std::string read_launcher(const options::variables_map& values, const experiments::Site& site, int nodes) {
  std::string launcher = given<std::string>(values, "launcher").value_or(site.launcher.value_or("auto"));
  if (launcher != "auto")
    check_at(values.count("launcher") > 0 ? "--launcher" : site.places.at("environment.launcher"),
             [&] { slurm::require_launcher(launcher, nodes); });
  return launcher;
}

slurm::LaunchOptions read_launch(const experiments::Site& site, const std::string& launcher) {
  slurm::LaunchOptions launch;
  if (site.mpi) {
    if (!slurm::is_mpi_kind(*site.mpi))
      throw core::input_error(fmt::format("{}: mpi '{}' is nothing that processes find each other by",
                                          site.places.at("environment.mpi"), *site.mpi),
                              {}, "give one that `srun --mpi=list` names: pmix, pmi2, cray_shasta");
    launch.mpi = *site.mpi;
  }
  // They belong to the launcher that the site names, not to one that was typed.
  if (site.launcher == launcher) launch.words = site.launcher_options;
  return launch;
}

// The options of `suite run`, refused here as `suite run` would.
std::vector<std::string> run_arguments(const options::variables_map& values, const experiments::Site& site,
                                       const experiments::Plan& plan) {
  std::vector<std::string> arguments;
  for (const char* name :
       {"gpus", "memory-per-rank", "no-progress-limit", "coordinator-limit", "checkpoint-every", "evaluate-every"})
    if (const auto value = given<int>(values, name))
      arguments.insert(arguments.end(), {std::string("--") + name, std::to_string(run_number(name, *value))});
  if (const auto hours = given<double>(values, "most-gpu-hours"))
    arguments.insert(arguments.end(), {"--most-gpu-hours", fmt::format("{}", gpu_hours(*hours))});
  if (values.count("through-host") > 0) arguments.emplace_back("--through-host");
  if (const auto first = given<std::string>(values, "first")) {
    orchestrator::select(plan, *first);
    arguments.insert(arguments.end(), {"--first", *first});
  }
  if (const auto bind = given<std::string>(values, "bind")) {
    settings::parse_word<orchestrator::BindRanks>(*bind, "option --bind");
    arguments.insert(arguments.end(), {"--bind", *bind});
  }
  if (const auto length = given<std::string>(values, "burn-in")) {
    settings::parse_word<orchestrator::BurnInLength>(*length, "option --burn-in");
    arguments.insert(arguments.end(), {"--burn-in", *length});
  }
  if (const auto repeats = given<double>(values, "repeat-share"))
    arguments.insert(arguments.end(), {"--repeat-share", fmt::format("{}", repeat_share(*repeats))});
  const auto typed = given<std::string>(values, "interface");
  if (const auto& interface = typed ? typed : site.interface)
    arguments.insert(arguments.end(), {"--interface", *interface});
  return arguments;
}

experiments::Site read_site_of(const options::variables_map& values, core::FileSystem& files,
                               const Environment& environment) {
  if (const auto file = given<std::string>(values, "site")) return experiments::read_site(files, *file);
  const auto file = experiments::site_file_to_read(files, environment);
  return file ? experiments::read_site(files, *file, environment) : experiments::Site{};
}

std::filesystem::path normal(const std::filesystem::path& path) {
  return std::filesystem::absolute(path).lexically_normal();
}

// The resources with a site's own values in place of the command line's.
slurm::Resources with_site(slurm::Resources resources, const experiments::Site::Asked& asked, const std::string& table,
                           const experiments::Site& site) {
  settings::for_each_sbatch_text([&](const auto& text, auto member) {
    const auto& written = member(asked);
    if (!written) return;
    check_at(site.places.at(table + "." + text.key()), [&] { slurm::validate(text, *written); });
    member(resources) = *written;
  });
  resources.nodes = asked.nodes.value_or(resources.nodes);
  resources.gpus_per_node = asked.gpus_per_node.value_or(resources.gpus_per_node);
  resources.cpus_per_node = asked.cpus_per_node.value_or(resources.cpus_per_node);
  resources.exclusive = asked.exclusive.value_or(resources.exclusive);
  if (resources.gpus_per_node == 0 && !asked.gpu_type) resources.gpu_type.clear();
  if (resources.gpus_per_node > 0 && resources.gpu_type.empty()) resources.gpu_type = site.slurm.gpu_type.value_or("");
  if (asked.time) resources.time = slurm::parse_time_limit(*asked.time, site.places.at(table + ".time") + ": time");
  check_options(asked.options, site, table);
  resources.options.insert(resources.options.end(), asked.options.begin(), asked.options.end());
  slurm::validate(resources);
  return resources;
}

// The shapes of a pool's machines: the plain one, and those that the site adds.
std::vector<slurm::Resources> read_shapes(const slurm::Resources& plain,
                                          const std::vector<experiments::Site::Asked>& shapes, const std::string& table,
                                          const experiments::Site& site) {
  std::vector<slurm::Resources> all{plain};
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    auto shape = with_site(plain, shapes[i], fmt::format("{}.shapes.{}", table, i + 1), site);
    if (std::ranges::find(all, shape) == all.end()) all.push_back(std::move(shape));
  }
  return all;
}

// A pool for each kind of job for which the site names machines, and one for all others.
std::vector<operations::Pool> read_pools(const options::variables_map& values, const experiments::Site& site,
                                         const slurm::Resources& resources) {
  using settings::JobKind;
  const auto typed = given<std::string>(values, "allocations");
  const auto [least, most] = parse_allocations(typed.value_or("1"), "--allocations");
  std::vector<operations::Pool> pools;
  operations::Pool others{{}, {}, least, most};
  if (!site.slurm.shapes.empty()) others.shapes = read_shapes(resources, site.slurm.shapes, "slurm", site);
  if (site.resources.empty()) return {others};
  // The typed number is for training; packing and evaluating take less. Pools of some kinds keep no allocation: it
  // would hold machines while its jobs wait for another pool's.
  const auto with_number = [&, most = most](operations::Pool pool, const std::optional<std::string>& number,
                                            const std::string& place) {
    const bool trains = operations::takes(pool.kinds, JobKind::kTraining);
    pool.least = 0;
    pool.most = number ? parse_allocations(*number, place).second : trains ? most : 1;
    return pool;
  };
  for (const JobKind kind : {JobKind::kPack, JobKind::kTraining, JobKind::kEvaluation}) {
    const auto found = site.resources.find(kind);
    if (found == site.resources.end()) {
      others.kinds.push_back(kind);
      continue;
    }
    const std::string table = fmt::format("resources.{}", settings::word(kind));
    const auto plain = with_site(resources, found->second, table, site);
    const auto place = site.places.find(table + ".allocations");
    pools.push_back(with_number({{kind}, read_shapes(plain, found->second.shapes, table, site)},
                                found->second.allocations,
                                place == site.places.end() ? "" : place->second + ": allocations"));
  }
  if (!others.kinds.empty()) pools.push_back(with_number(others, std::nullopt, ""));
  return pools;
}

void add_asking_options(options::options_description& visible) {
  auto add = visible.add_options();
  const auto text = [&](const char* name, const char* about) { add(name, options::value<std::string>(), about); };
  const auto number = [&](const char* name, const char* about) { add(name, options::value<int>(), about); };
  number("nodes", "nodes of each allocation (required unless the site file says it)");
  number("gpus-per-node", "GPUs of each node; none unless given");
  number("cpus-per-node", "processors of each node; also the default of --slots");
  text("time", "limit of an allocation, required unless the site file says it: minutes, H:MM:SS or D-HH:MM:SS");
  settings::for_each_sbatch_text([&](const auto& one, auto) {
    if (one.is_typed()) text(one.name, one.about);
  });
  text("cluster", "of a site with several: the one whose SLURM gets the jobs");
  add("exclusive", "nodes of its own");
  text("dependency", "jobs of others that the first job waits for, as sbatch has it: afterok:123,afterany:124");
  add("sbatch", options::value<std::vector<std::string>>()->composing(),
      "another option of sbatch's: --sbatch=--qos=high, --sbatch=--licenses=x; repeatable");
}

void add_life_options(options::options_description& visible) {
  auto add = visible.add_options();
  add("allocations", options::value<std::string>(),
      "jobs that work on the suite side by side: 4, or 1..8 to have more while there is work for them; 1 unless given");
  add("idle-limit", options::value<int>(),
      "an allocation on demand (1..8) ends after so many seconds without a job to start; 120 unless given");
  add("site", options::value<std::string>(),
      "what the site needs of every submission; else RESOLUTE_SITE or ~/.config/resolute/site.toml");
  add("notice", options::value<int>(),
      "seconds before its time limit at which an allocation stops and writes its checkpoints; 120, in short ones "
      "a quarter of the limit, at least 30");
  add("continue", options::value<std::string>(),
      "how an allocation goes on while the suite is not complete: armed (itself, with another job in waiting that "
      "goes on where that fails), requeue (itself), or chain (another job); armed unless given");
  add("most-restarts", options::value<int>()->default_value(1000), "times that an allocation goes on, at most");
  add("launcher", options::value<std::string>(),
      "what starts the nodes' processes: auto, srun, mpirun, or none on one node");
}

void add_run_options(options::options_description& visible) {
  auto add = visible.add_options();
  add("slots", options::value<int>(),
      "process ranks without a GPU that run at once on each node; --cpus-per-node, else the cores that SLURM gives");
  add("gpus", options::value<int>(),
      "GPUs of each node that are used, believed where it shows none; -1: all that SLURM gives");
  add("jobs-per-gpu", options::value<int>(), kJobsPerGpuHelp);
  add("most-gpu-hours", options::value<double>(), kMostGpuHoursHelp);
  add("first", options::value<std::string>(), "a row's id or a job's id: that and what it needs before all else");
  add("memory-per-rank", options::value<int>(), "MiB over which a process rank is ended; 0: no limit");
  add("bind", options::value<std::string>(), "a core for each process rank: auto, none or cores");
  add("burn-in", options::value<std::string>(), kBurnInHelp);
  add("repeat-share", options::value<double>(), kRepeatShareHelp);
  add("notify", options::value<std::string>(), kNotifyHelp);
  add("interface", options::value<std::string>(),
      "network interface by which gangs on several nodes meet, as ib0; else what the node's name stands for");
  add("no-progress-limit", options::value<int>(),
      "minutes without a sign of life after which a job is started anew; 0: no limit");
  add("coordinator-limit", options::value<int>(),
      "seconds without a word of the coordinator after which an agent ends and requeues the job; 120 unless given");
  add("checkpoint-every", options::value<int>(), "steps between checkpoints of a training, 0: the worker's choice");
  add("evaluate-every", options::value<int>(), "epochs between a training's evaluations on the way, 0: none");
  add("through-host", kThroughHostHelp);
}

}  // namespace

void add_submit_options(options::options_description& visible) {
  add_asking_options(visible);
  add_life_options(visible);
  add_run_options(visible);
}

void refuse_former_options(const std::string& option) {
  if (option == "--array" || option == "--array-at-once")
    throw core::input_error(option + " is no longer an option", "--allocations K submits K allocations of one suite",
                            "give that, or leave it out for one allocation");
  settings::for_each_sbatch_text([&](const auto& text, auto) {
    if (!text.is_typed() && option == std::string("--") + text.name)
      throw core::input_error(option + " is no longer an option", "those of sbatch go through --sbatch",
                              fmt::format("give --sbatch={}=VALUE", option));
  });
}

void require_submit_options(const options::variables_map& values, core::FileSystem& files,
                            const Environment& environment) {
  require_sizes_and_store(values, read_site_of(values, files, environment));
}

std::pair<int, int> parse_allocations(const std::string& text, const std::string& place) {
  const auto dots = text.find("..");
  const auto least = core::number_of<int>(text.substr(0, dots));
  const auto most = dots == std::string::npos ? least : core::number_of<int>(text.substr(dots + 2));
  if (!least || !most || *least < 0 || *most < *least || *most < 1)
    throw core::input_error(fmt::format("{} '{}' is not a number of allocations", place, text), {},
                            "give one as 4, or the least and the most as 1..8");
  if (*most > 999) throw core::input_error(fmt::format("{} '{}' is too many", place, text), "999 is most");
  return {*least, *most};
}

void warn_of_cluster(const slurm::SubmissionRequest& submitted, const std::string& wanted) {
  if (wanted.empty() || wanted == submitted.cluster) return;
  core::log_warning(
      "submission {} stays on {}, and '{}' is asked for now: to have it there `resolute suite cancel`, then `suite "
      "submit`",
      submitted.token,
      submitted.cluster.empty() ? "the cluster of the machine that submitted it"
                                : "cluster '" + submitted.cluster + "'",
      wanted);
}

std::vector<std::string> unheeded_variables(const Environment& environment) {
  std::set<std::string_view> heeded{"SBATCH_CLUSTERS"};
  settings::for_each_sbatch_text([&](const auto& text, auto) {
    if (text.variable != nullptr) heeded.insert(text.variable);
  });
  // The script decides these for every job.
  for (const char* name : {"SBATCH_DEBUG", "SBATCH_ERROR", "SBATCH_EXPORT", "SBATCH_GET_USER_ENV", "SBATCH_IGNORE_PBS",
                           "SBATCH_INPUT", "SBATCH_JOB_NAME", "SBATCH_NO_KILL", "SBATCH_NO_REQUEUE", "SBATCH_OPEN_MODE",
                           "SBATCH_OUTPUT", "SBATCH_REQUEUE", "SBATCH_SIGNAL", "SBATCH_TIMELIMIT", "SBATCH_WAIT"})
    heeded.insert(name);
  std::vector<std::string> names;
  for (const auto& [name, value] : environment)
    if (name.starts_with("SBATCH_") && !value.empty() && !heeded.contains(name)) names.push_back(name);
  return names;
}

std::string cluster_here(core::FileSystem& files, const Environment& environment) {
  return default_cluster(read_site_of({}, files, environment), environment);
}

SubmitOptions read_submit_options(const SuiteArguments& arguments, const experiments::Plan& plan,
                                  core::FileSystem& files, const Environment& environment) {
  const auto& values = arguments.values;
  const std::filesystem::path suite_file = values["SUITE.toml"].as<std::string>();
  const experiments::Site site = read_site_of(values, files, environment);
  require_sizes_and_store(values, site);
  SubmitOptions submission;
  slurm::SubmissionRequest& request = submission.request;
  request.suite = plan.suite;
  request.title = plan.title;
  request.by = operations::effective_user() + "@" + core::host_name();
  request.store = normal(arguments.store.root());
  request.resolute = core::own_program();
  request.relative_to = normal(given<std::string>(values, "relative-to").value_or(normal(suite_file).parent_path()));
  request.working_folder = std::filesystem::current_path();
  request.resources = read_resources(values, site, environment);
  request.plan_arguments = plan_arguments(values);
  request.run_arguments = run_arguments(values, site, plan);
  if (const auto slots = given<int>(values, "slots")) request.slots = run_number("slots", *slots);
  if (const auto jobs = given<int>(values, "jobs-per-gpu")) request.jobs_per_gpu = run_number("jobs-per-gpu", *jobs);
  request.container = {site.container, site.container_program.value_or("")};
  request.cluster = read_cluster(values, site, environment);
  request.launcher = read_launcher(values, site, request.resources.nodes);
  request.launch = read_launch(site, request.launcher);
  if (const auto whom = notify_of(values, site)) request.notify = *whom;
  request.dependency = given<std::string>(values, "dependency").value_or("");
  if (!request.dependency.empty()) slurm::validate_dependency(request.dependency);
  request.continuation = settings::parse_word<slurm::Continuation>(
      given<std::string>(values, "continue").value_or(site.slurm.continuation.value_or("armed")), "option --continue");
  request.most_restarts = at_least("most-restarts", values["most-restarts"].as<int>(), 1);
  request.site = {site.modules, site.commands};
  request.notice = read_notice(values, site, request.resources.time);
  operations::require_time_to_work(request, request.resources.time);
  submission.pools = read_pools(values, site, request.resources);
  for (const auto& pool : submission.pools)
    for (const auto& shape : pool.shapes) {
      operations::require_time_to_work(request, shape.time);
      slurm::require_launcher(request.launcher, shape.nodes);
    }
  if (std::ranges::any_of(submission.pools, [](const auto& pool) { return pool.least < pool.most; }))
    request.idle_limit = read_idle_limit(values, site);
  request.variables = operations::suite_variables(experiments::text_with_includes(files, suite_file), environment);
  return submission;
}

}  // namespace resolute::cli
