#include "operations/submissions/submission_checks.h"

#include <fmt/ranges.h>
#include <linux/magic.h>
#include <sys/vfs.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "core/error.h"
#include "core/log.h"
#include "core/split.h"
#include "operations/submissions/batches.h"
#include "orchestrator/coordinator/places_aside.h"
#include "orchestrator/journal/epoch.h"
#include "orchestrator/launch/launch.h"
#include "results/records/record.h"
#include "slurm/job_record.h"
#include "slurm/partitions.h"
#include "slurm/trouble.h"

namespace resolute::operations {

namespace {

// Time for a start, a restore and a checkpoint: less is refused, little is warned of.
constexpr std::chrono::seconds kLeastWork{30};
constexpr std::chrono::seconds kLittleWork{120};
constexpr std::chrono::seconds kSinfoLimit{5};

// True for a folder of one machine alone. A path that does not exist counts as its nearest folder that does.
bool is_of_this_machine(fs::path path) {
  const std::string text = path.lexically_normal().string() + "/";
  for (const char* folder : {"/tmp/", "/var/tmp/", "/dev/shm/", "/run/"})
    if (text.starts_with(folder)) return true;
  for (struct statfs about{};; path = path.parent_path()) {
    if (::statfs(path.c_str(), &about) == 0) return about.f_type == TMPFS_MAGIC || about.f_type == RAMFS_MAGIC;
    if (path.empty() || path == path.root_path()) return false;
  }
}

// The option may be resolute's, the site file's, or sbatch's own.
bool asks_for_processors(const slurm::Resources& resources) {
  return resources.cpus_per_node > 0 || resources.exclusive ||
         std::ranges::any_of(resources.options, [](const std::string& option) {
           const std::string name = option.substr(0, option.find('='));
           return option == "--exclusive" || name == "--cpus-per-gpu" || name == "--mincpus";
         });
}

// The time of a limit that is left at worst; negative: SLURM's notice may come before the begin.
std::chrono::seconds time_to_work(const slurm::SubmissionRequest& request, std::chrono::seconds time) {
  return slurm::granted_time(time) - request.notice - slurm::kNoticeComesEarlier;
}

// "SLURM gives 120 s, the run stops 30 s before their end, and SLURM may have it stop up to 60 s earlier: 30 s are left
// to work in".
std::string sum_of_time(const slurm::SubmissionRequest& request, std::chrono::seconds time) {
  const auto given = slurm::granted_time(time);
  const auto left = std::max(time_to_work(request, time), std::chrono::seconds(0));
  return fmt::format(
      "SLURM gives {} s{}, the run stops {} s before their end, and SLURM may have it stop up to {} s earlier: {} left "
      "to work in",
      given.count(), given == time ? "" : fmt::format(" for {} s, in whole minutes", time.count()),
      request.notice.count(), slurm::kNoticeComesEarlier.count(),
      left.count() == 0 ? "nothing is" : fmt::format("{} s are", left.count()));
}

// The different resources of the batches, each with the first batch that asks for it.
std::vector<std::pair<const slurm::Resources*, const slurm::Batch*>> different_resources(
    const slurm::SubmissionRequest& request) {
  std::vector<std::pair<const slurm::Resources*, const slurm::Batch*>> all;
  for (const slurm::Batch& batch : request.batches) {
    const slurm::Resources& resources = slurm::resources_of(request, batch);
    const bool known = std::ranges::any_of(
        all, [&](const auto& one) { return *one.first == resources && one.second->kinds == batch.kinds; });
    if (!known) all.emplace_back(&resources, &batch);
  }
  return all;
}

// A node is mostly called by its host's short name, and a host gives its name with or without its domain.
bool is_node_of(const std::string& node, const std::string& host) {
  return node == host || node.starts_with(host + ".") || host.starts_with(node + ".");
}

// The places by the names that SLURM has for their hosts; none of a host that is no node.
std::map<std::string, orchestrator::PlaceAside> by_node(std::map<std::string, orchestrator::PlaceAside> places,
                                                        const std::set<std::string>& nodes) {
  std::map<std::string, orchestrator::PlaceAside> found;
  for (auto& [host, place] : places) {
    auto node = nodes.find(host);
    if (node == nodes.end())
      node = std::ranges::find_if(nodes, [&name = host](const auto& one) { return is_node_of(one, name); });
    if (node != nodes.end()) found.emplace(*node, std::move(place));
  }
  return found;
}

// "pack and training"; empty if the batch takes all kinds.
std::string kinds_text(const slurm::Batch& batch) {
  std::vector<std::string_view> words;
  for (const settings::JobKind kind : batch.kinds) words.push_back(settings::word(kind));
  return fmt::format("{}", fmt::join(words, " and "));
}

// Jobs of the batch that take a GPU for each process rank.
std::vector<const experiments::PlannedJob*> jobs_on_gpus_of(const experiments::Plan& plan, const slurm::Batch& batch) {
  const auto on_gpus = orchestrator::jobs_on_gpus(plan.jobs);
  std::vector<const experiments::PlannedJob*> jobs;
  for (const experiments::PlannedJob& job : plan.jobs)
    if (on_gpus.contains(job.id) && takes(batch.kinds, experiments::job_kind(job.specification))) jobs.push_back(&job);
  return jobs;
}

void warn_of_resources(const experiments::Plan& plan, const slurm::SubmissionRequest& request,
                       const slurm::Resources& resources, const slurm::Batch& batch,
                       std::vector<std::string>& warnings) {
  const std::string kinds = kinds_text(batch);
  const auto warn = [&](const std::string& text) {
    warnings.push_back(kinds.empty() ? text : fmt::format("{} jobs: {}", kinds, text));
  };
  if (resources.time.count() > 0 && time_to_work(request, resources.time) < kLittleWork)
    warn(fmt::format("--time is short: {}", sum_of_time(request, resources.time)));
  else if (const auto given = slurm::granted_time(resources.time); given != resources.time)
    warn(fmt::format("--time is {} s to SLURM, not {} s: it counts in whole minutes", given.count(),
                     resources.time.count()));
  if (!asks_for_processors(resources))
    warn(
        "no processors are asked for, and SLURM mostly gives a job one of each node, for all that runs there: give "
        "--cpus-per-node, --exclusive, or cpus_per_node in the site file");
  const bool needs = !jobs_on_gpus_of(plan, batch).empty();
  if (resources.gpus_per_node > 0 && !needs)
    warn(kinds.empty() ? "GPUs are asked for, but no training of the suite uses one (device is \"cpu\")"
                       : "GPUs are asked for, but none of them uses one");
  if (resources.gpus_per_node == 0 && needs)
    warn("the suite trains on GPUs (device is \"cuda\"), but none is asked for: give --gpus-per-node");
}

}  // namespace

void require_gpus(core::FileSystem& files, const experiments::StoreLayout& store, const experiments::Plan& plan,
                  const slurm::SubmissionRequest& request) {
  const auto check = results::record_check(files, store);
  // One of the batches for the same kinds of jobs has to fit the largest job.
  std::map<std::vector<settings::JobKind>, std::pair<const slurm::Batch*, int>> largest;
  for (const auto& [resources, batch] : different_resources(request)) {
    auto& [first, gpus] = largest[batch->kinds];
    if (first == nullptr) first = batch;
    gpus = std::max(gpus, resources->nodes * resources->gpus_per_node);
  }
  for (const auto& [kinds, found] : largest) {
    const auto& [batch, gpus] = found;
    std::vector<const experiments::PlannedJob*> jobs = jobs_on_gpus_of(plan, *batch);
    std::erase_if(jobs, [&](const auto* job) { return orchestrator::has_result(files, store, job->id, check); });
    if (jobs.empty()) continue;
    if (!kinds.empty() && gpus == 0)
      throw core::input_error(
          fmt::format("{} jobs of this suite take a GPU each, and none is asked for",
                      settings::word(experiments::job_kind(jobs.front()->specification))),
          "what trains on GPUs (device is \"cuda\") is evaluated on one too, unless evaluate.device is \"cpu\"",
          "give gpus_per_node in their table of [resources] in the site file, or evaluate.device in the suite");
    const auto most =
        *std::ranges::max_element(jobs, [](const auto* one, const auto* other) { return one->slots < other->slots; });
    if (gpus > 0 && most->slots > gpus)
      throw core::input_error(
          fmt::format("{} needs {} GPUs, and an allocation has {}", most->label, most->slots, gpus),
          "each of its process ranks has one",
          "give more (--nodes, --gpus-per-node, or in the site file their table of [resources], which wins), or other "
          "'ranks' in the suite, of which the bits are the same");
  }
}

void require_time_to_work(const slurm::SubmissionRequest& request, std::chrono::seconds time) {
  if (time.count() == 0 || time_to_work(request, time) >= kLeastWork) return;
  const auto least = slurm::granted_time(request.notice + slurm::kNoticeComesEarlier + kLeastWork);
  throw core::input_error(
      "--time is too short to work in", sum_of_time(request, time),
      fmt::format("give --time {} or more, or a shorter --notice", least / std::chrono::minutes(1)));
}

std::optional<std::string> require_possible(const slurm::Effects& effects, const slurm::SubmissionRequest& request) {
  std::vector<slurm::Partition> partitions;
  std::string why_none;
  slurm::Trouble trouble{};
  try {
    const auto output = effects.run(slurm::at_cluster(slurm::sinfo_command(), request.cluster), kSinfoLimit);
    if (output.succeeded()) {
      partitions = slurm::parse_partitions(output.out);
    } else {
      why_none = slurm::complaint(output);
      trouble = slurm::classify(output);
    }
  } catch (const core::RuntimeError& error) {
    core::log_debug("the partitions are not known: {}", error.what());
    return std::nullopt;
  }
  if (!why_none.empty()) {
    if (trouble == slurm::Trouble::kMissing) throw slurm::unavailable_error("sinfo", why_none);
    if (request.cluster.empty()) return std::nullopt;
    // A submission to a cluster that does not exist could never be found or cancelled.
    throw core::RuntimeError(core::ErrorKind::kTransient, fmt::format("cluster '{}' does not answer", request.cluster),
                             why_none, "give one that `sacctmgr show clusters` names, or try again later");
  }
  for (const auto& [resources, batch] : different_resources(request)) {
    if (const auto never = slurm::why_never(partitions, *resources))
      throw core::input_error("SLURM would take this job and never start it", never->why,
                              fmt::format("ask for {}; `sinfo` shows what there is", never->advice));
    if (const auto never = slurm::why_never_by_default(partitions, *resources))
      return fmt::format("unless this site chooses another partition, the job waits for ever: {}; give --partition",
                         never->why);
    if (const auto kinds = slurm::several_kinds(partitions, *resources))
      return fmt::format("{}: {}", *kinds, slurm::kOneKindAdvice);
  }
  return std::nullopt;
}

void leave_out_bad_nodes(core::FileSystem& files, const slurm::Effects& effects, const experiments::StoreLayout& store,
                         slurm::SubmissionRequest& request) {
  std::map<std::string, orchestrator::PlaceAside> bad;
  for (auto& place : orchestrator::places_aside(files, store, request.suite))
    if (place.gpu.empty()) bad.emplace(place.host, std::move(place));
  if (bad.empty()) return;
  try {
    std::vector<std::string> command{"sinfo", "-h", "-a", "-N", "-o", "%N"};
    if (!request.resources.partition.empty()) command.insert(command.end(), {"-p", request.resources.partition});
    const auto output = effects.run(slurm::at_cluster(command, request.cluster), kSinfoLimit);
    if (!output.succeeded()) return;
    std::set<std::string> nodes;
    const std::string records = slurm::records_of(output.out);
    for (const std::string_view line : core::split(records, '\n'))
      nodes.emplace(line.substr(0, line.find_last_not_of(' ') + 1));
    nodes.erase("");
    bad = by_node(std::move(bad), nodes);
    if (std::cmp_less(nodes.size() - bad.size(), request.resources.nodes)) return;
  } catch (const core::RuntimeError& error) {
    core::log_debug("the nodes are not known: {}", error.what());
    return;
  }
  for (const auto& [node, place] : bad) {
    request.left_out.push_back(node);
    core::log_warning("{} is left out: the run before had set it aside ({}); the next submission may have it again",
                      node, place.why);
  }
}

std::vector<std::string> submission_warnings(core::FileSystem& files, const experiments::Plan& plan,
                                             const experiments::StoreLayout& store,
                                             const slurm::SubmissionRequest& request) {
  std::vector<std::string> warnings;
  const bool one_node = request.resources.nodes == 1 && request.batches.size() == 1;
  if (is_of_this_machine(store.root()))
    warnings.push_back(fmt::format("the store '{}' lies where {} see it: it has to be on a shared file system",
                                   store.root().string(), one_node ? "a node may not" : "nodes may not"));
  if (request.container.command.empty() && is_of_this_machine(request.resolute))
    warnings.push_back(
        fmt::format("the program '{}' lies where nodes may not see it: install it on a shared file system",
                    request.resolute.string()));
  for (const auto& [resources, batch] : different_resources(request))
    warn_of_resources(plan, request, *resources, *batch, warnings);
  for (const auto& dataset : plan.datasets) {
    if (dataset.pack.synthetic || files.exists(store.pack_folder(dataset.pack) / "pack.json")) continue;
    if (dataset.root.empty())
      warnings.push_back(
          fmt::format("nothing says where the raw images of data set '{}' are, and it is not packed yet", dataset.id));
    else if (!files.exists(dataset.root))
      warnings.push_back(fmt::format("the raw images of data set '{}' are not here ('{}'), and it is not packed yet",
                                     dataset.id, dataset.root.string()));
  }
  return warnings;
}

}  // namespace resolute::operations
