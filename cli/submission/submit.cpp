// `resolute suite submit`

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <exception>
#include <iostream>

#include "cli/subcommands.h"
#include "cli/submission/submission_text.h"
#include "cli/submission/submit_options.h"
#include "cli/submission/submit_wait.h"
#include "core/error.h"
#include "core/log.h"
#include "experiments/include.h"
#include "operations/growth/grow.h"
#include "operations/space/needs.h"
#include "operations/submissions/batches.h"
#include "operations/submissions/new_submission.h"
#include "operations/submissions/standing.h"
#include "operations/submissions/submission_checks.h"
#include "orchestrator/journal/epoch.h"
#include "orchestrator/store/stored_jobs.h"
#include "orchestrator/store/wall_clock.h"
#include "results/records/record.h"

namespace resolute::cli {

namespace {

constexpr CommandHelp kSuiteSubmitHelp{
    "resolute suite submit SUITE.toml --store STORE --nodes N --time T [OPTION...]",
    R"(Hands what is missing of a suite to SLURM and returns: one job, in which a coordinator and an agent on each node run
it. Before the time limit, when preempted, or after a lost node the trainings write checkpoints and the job queues
itself again until the suite is complete. Given twice, it submits once; after `suite cancel` or a lost job it goes on
from where it stopped. Needs no GPU and no resolute-worker here, but sbatch, and a store that the nodes see. What a
site always needs (account, modules, container) stands in ~/.config/resolute/site.toml; docs/clusters.md tells more.

Exit codes: 0 submitted, complete already, or submitted before; 1 SLURM does not answer (give it again), 2 SLURM
refuses; with --wait as `suite run`: 0 complete, 3 some jobs failed, 75 not ended.)",
    "  resolute suite submit suite.toml --store /shared/store --nodes 4 --gpus-per-node 8 --cpus-per-node 64 "
    "--time 12:00:00\n"
    "  resolute suite submit suite.toml --store /shared/store --nodes 1 --cpus-per-node 16 --time 4:00:00 "
    "--allocations 3 --partition gpu\n"
    "  resolute suite submit suite.toml --store /shared/store --nodes 1 --cpus-per-node 16 --time 4:00:00 "
    "--allocations 1..8\n"
    "  resolute suite submit suite.toml --store /shared/store --nodes 2 --exclusive --time 1:00:00 --dry-run\n"
    "  resolute suite status suite.toml --store /shared/store --watch\n",
    refuse_former_options};

// Stands for a token that will be drawn: a dry run prints the same each time.
constexpr const char* kNoToken = "000000000000";

// The faults of a command line, its suite and its machine. Told one by one, each call would find the next.
class Refusals {
 public:
  void gather(const auto& step) {
    try {
      step();
    } catch (const core::RuntimeError& error) {
      if (error.kind() != core::ErrorKind::kInput) throw;
      if (last_) core::log_error("{}", text_);
      text_ = error.what();
      last_ = std::current_exception();
    }
  }
  bool any() const { return last_ != nullptr; }
  //! All but the last are told by now.
  void throw_last() const {
    if (last_) std::rethrow_exception(last_);
  }

 private:
  std::string text_;
  std::exception_ptr last_;
};

// A submission before SLURM is asked.
struct Order {
  SuiteArguments arguments;
  experiments::Plan plan;
  slurm::SubmissionRequest request;
  std::vector<operations::Pool> pools;
  std::string suite_text;
  std::string status_command;
};

void give_token(Order& order, const std::string& token) {
  order.request.token = token;
  order.request.batches = operations::batches_of(order.plan.suite, token, order.pools);
}

int dry_run(const Order& order) {
  const auto folder = order.arguments.store.suite_folder(order.plan.suite) / "submissions" / order.request.token;
  core::Json scripts = core::Json::array();
  for (const auto& batch : order.request.batches) {
    const std::string text = slurm::sbatch_script(slurm::script_of(order.request, batch, folder));
    const auto file = folder / fmt::format("batch-{:03}", batch.number) / "script-000.sh";
    if (order.arguments.json)
      scripts.push_back({{"batch", batch.number}, {"name", batch.job_name}, {"script", file.string()}, {"text", text}});
    else
      std::cout << fmt::format("# {}, to be handed over{} by: sbatch --parsable {}\n{}", batch.job_name,
                               batch.on_demand ? " when there is work for it" : "", slurm::shell_quoted(file.string()),
                               text);
  }
  if (order.arguments.json)
    print_json({{"submission", nullptr}, {"dry_run", true}, {"scripts", scripts}});
  else
    std::cout << fmt::format("# dry run: nothing was submitted or written; {} stands for digits that are drawn\n",
                             kNoToken);
  return 0;
}

// The open submission that serves the order, else those that a new one replaces.
struct Earlier {
  std::optional<operations::Standing> standing{};
  std::vector<operations::Standing> replaced{};
};
Earlier earlier(core::FileSystem& files, slurm::Client& client, const slurm::Effects& effects, const Order& order) {
  auto open =
      operations::settled_submissions(files, client, effects, order.arguments.store.suite_folder(order.plan.suite));
  if (open.empty()) return {};
  // Two may be open if the end of one could not be written: the one at work counts.
  auto chosen =
      std::find_if(open.rbegin(), open.rend(), [](const operations::Standing& standing) { return is_alive(standing); });
  if (chosen == open.rend()) chosen = open.rbegin();
  const bool changed = operations::suite_has_changed(files, chosen->folder, order.suite_text);
  const bool same = !changed && operations::same_order(chosen->request, order.request);
  if (is_alive(*chosen)) {
    if (changed)
      core::log_warning("{}", operations::kSuiteHasChanged);
    else if (!same)
      core::log_warning(
          "suite {} is submitted already, with other options; to have the new ones: `{}`, then submit again",
          order.plan.suite, suite_command("cancel", order.arguments, {}));
    warn_of_cluster(chosen->request, order.request.cluster);
    return {std::move(*chosen)};
  }
  if (same) return {std::move(*chosen)};
  // No job that SLURM may have taken is forgotten.
  for (const auto& standing : open) operations::require_answer(standing);
  return {std::nullopt, std::move(open)};
}

void print_order(const Order& order, const operations::Standing& standing, bool already,
                 const std::optional<operations::RefusedBatch>& refusal = std::nullopt) {
  const auto done = [&](const auto&) { return already ? "already submitted" : "submitted"; };
  print_jobs(standing, order.arguments.json, already, refusal, done, order.status_command);
}

// Submits every missing batch, and prints SLURM's jobs even if it refuses one.
void hand_over(core::FileSystem& files, slurm::Client& client, const slurm::Effects& effects, const Order& order,
               operations::Standing& standing, bool already) {
  const bool had_some = is_alive(standing);
  const auto refusal =
      operations::submit_all_missing(files, client, effects, standing, order.plan, orchestrator::wall_clock_seconds);
  print_order(order, standing, already, refusal);
  if (!refusal) return;
  if (!had_some && !is_alive(standing)) standing.folder.end("SLURM refused it: " + refusal->why);
  operations::throw_refused(*refusal);
}

Order read_order(const SuiteArguments& arguments, experiments::Plan plan, core::FileSystem& files,
                 const std::map<std::string, std::string>& environment, slurm::Time now) {
  Order order{arguments, std::move(plan), {}, {}, {}, {}};
  order.suite_text = experiments::text_with_includes(files, arguments.values["SUITE.toml"].as<std::string>());
  auto options = read_submit_options(arguments, order.plan, files, environment);
  order.request = std::move(options.request);
  order.pools = std::move(options.pools);
  order.request.created = now;
  order.status_command = suite_command("status", arguments, order.request.plan_arguments);
  give_token(order, kNoToken);
  if (std::ranges::any_of(order.request.batches, [](const slurm::Batch& batch) { return !batch.kinds.empty(); }))
    require_no_search(order.plan, "machines for a kind of jobs",
                      "leave [resources] out of the site file (--site names another)");
  operations::require_gpus(files, arguments.store, order.plan, order.request);
  return order;
}

// Scripts can be looked at before images and weights are here, as the price of `suite plan` can.
experiments::Plan plan_to_show(const SuiteArguments& arguments) {
  try {
    return arguments.plan_to_submit();
  } catch (const core::RuntimeError& error) {
    if (error.kind() != core::ErrorKind::kInput) throw;
    auto plan = arguments.estimated_plan();
    arguments.require_own_suite(plan.suite);
    core::log_warning("this cannot be submitted yet: {}", error.what());
    return plan;
  }
}

// Nothing after --help.
std::optional<Order> parse_order(const Arguments& arguments, const options::options_description& visible,
                                 core::FileSystem& files, const std::map<std::string, std::string>& environment) {
  Refusals refusals;
  auto parsed = parse_suite_arguments(arguments, kSuiteSubmitHelp, visible, {"SUITE.toml"}, [&](const auto& values) {
    refusals.gather([&] { require_submit_options(values, files, environment); });
    if (values.count("store") == 0) refusals.throw_last();  // the plan is of a store
  });
  if (!parsed) return std::nullopt;
  const bool dry = parsed->values.count("dry-run") > 0;
  experiments::Plan plan;
  refusals.gather([&] { plan = dry ? plan_to_show(*parsed) : parsed->plan_to_submit(); });
  if (refusals.any() && !dry) refusals.gather([&] { operations::require_sbatch(environment); });
  refusals.throw_last();
  return read_order(*parsed, std::move(plan), files, environment, orchestrator::wall_clock_seconds());
}

void warn(core::FileSystem& files, const Order& order) {
  if (const auto names = unheeded_variables(core::current_environment()); !names.empty())
    core::log_warning(
        "{} {} not heeded (the batch script says all that sbatch is asked for); give it by an option, by --sbatch, or "
        "in the site file",
        fmt::join(names, ", "), names.size() == 1 ? "is" : "are");
  for (const auto& warning : operations::submission_warnings(files, order.plan, order.arguments.store, order.request))
    core::log_warning("{}", warning);
}

operations::Standing create(core::FileSystem& files, slurm::Client& client, const slurm::Effects& effects,
                            Order& order) {
  const auto& store = order.arguments.store;
  operations::leave_out_bad_nodes(files, effects, store, order.request);
  return operations::create_after_others(files, client, effects, store.suite_folder(order.plan.suite), order.suite_text,
                                         [&](const std::string& token) {
                                           give_token(order, token);
                                           return order.request;
                                         });
}

}  // namespace

int suite_submit(const Arguments& arguments) {
  options::options_description visible;
  add_submit_options(visible);
  auto add = visible.add_options();
  add(kSameImages, kSameImagesHelp);
  add("wait", "stay until the submission has ended; ctrl-C leaves it alone");
  add("dry-run", "show what would be submitted, and change nothing");
  auto& files = core::real_file_system();
  const auto environment = core::current_environment();
  std::optional<Order> asked = parse_order(arguments, visible, files, environment);
  if (!asked) return 0;
  Order& order = *asked;
  const SuiteArguments* parsed = &order.arguments;
  const bool dry = parsed->values.count("dry-run") > 0;
  const auto is_complete = [&] {
    return orchestrator::all_results_there(files, parsed->store, order.plan,
                                           results::record_check(files, parsed->store));
  };
  if (is_complete()) {
    if (!dry) operations::announce_plan(files, parsed->store, order.plan);
    if (dry || is_complete()) return report_complete("submit", nullptr, order.plan, parsed->json);
  }
  for (const auto& batch : order.request.batches)  // what cannot be written as a script is refused before all else
    slurm::validate(slurm::script_of(order.request, batch, parsed->store.root()));
  if (dry) {
    warn(files, order);
    return dry_run(order);
  }
  operations::require_sbatch(environment);
  require_writable_store(parsed->store.root());
  operations::require_own_submissions(files, parsed->store.suite_folder(order.plan.suite));
  const std::string plan_file = operations::announce_plan(files, parsed->store, order.plan);

  const slurm::Effects effects = slurm::real_effects();
  slurm::Client client = operations::interactive_client();
  auto [standing, replaced] = earlier(files, client, effects, order);
  const bool already = standing && is_alive(*standing);
  if (!already) {
    warn(files, order);
    if (const auto warning = operations::require_possible(effects, order.request)) core::log_warning("{}", *warning);
  }
  for (auto& one : replaced) one.folder.end("replaced by a submission with other options");
  if (!standing) standing.emplace(create(files, client, effects, order));
  operations::require_own_submission(standing->request);  // it may be somebody else's who submitted at the same moment
  if (already && standing->trouble)
    core::log_warning("SLURM does not answer: {}; what it took before is not submitted again", *standing->trouble);
  if (already && !operations::is_unsettled(*standing))
    print_order(order, *standing, already);
  else
    hand_over(files, client, effects, order, *standing, already);
  parsed->note_run(order.plan, plan_file);  // of what is refused, nothing is remembered
  if (parsed->values.count("wait") == 0) return 0;
  return wait_for_submission(
      files, client, parsed->store, order.plan, [&] { return parsed->plan(false); }, order.status_command);
}

}  // namespace resolute::cli
