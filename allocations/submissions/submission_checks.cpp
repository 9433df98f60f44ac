#include "allocations/submissions/submission_checks.h"

#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/vfs.h>

#include <algorithm>
#include <variant>

namespace resolute::allocations {

namespace {

constexpr std::chrono::seconds kLeastWork(120);  // before the notice: start, restore, a checkpoint

// Folders of one machine alone. Of a path that is not there yet, its nearest folder that is.
bool is_of_this_machine(fs::path path) {
  const std::string text = path.lexically_normal().string() + "/";
  for (const char* folder : {"/tmp/", "/var/tmp/", "/dev/shm/", "/run/"})
    if (text.starts_with(folder)) return true;
  for (struct statfs about{};; path = path.parent_path()) {
    if (::statfs(path.c_str(), &about) == 0) return about.f_type == TMPFS_MAGIC || about.f_type == RAMFS_MAGIC;
    if (path.empty() || path == path.root_path()) return false;
  }
}

// By an option of resolute's, of the site file, or of sbatch's own.
bool asks_for_processors(const slurm::Resources& resources) {
  return resources.cpus_per_node > 0 || resources.exclusive ||
         std::any_of(resources.options.begin(), resources.options.end(), [](const std::string& option) {
           const std::string name = option.substr(0, option.find('='));
           return option == "--exclusive" || name == "--cpus-per-gpu" || name == "--mincpus";
         });
}

bool uses_gpu(const experiments::PlannedJob& job) {
  const auto* training = std::get_if<experiments::TrainingSpecification>(&job.specification);
  return training != nullptr && training->device == experiments::Device::kCuda;
}

}  // namespace

std::vector<std::string> submission_warnings(core::FileSystem& files, const experiments::Plan& plan,
                                             const experiments::StoreLayout& store,
                                             const slurm::SubmissionRequest& request) {
  std::vector<std::string> warnings;
  const bool one_node = request.resources.nodes == 1 && request.batches.size() == 1;
  if (is_of_this_machine(store.root()))
    warnings.push_back(fmt::format("the store '{}' lies where {} see it: it has to be on a shared file system",
                                   store.root().string(), one_node ? "a node may not" : "nodes may not"));
  if (request.container.empty() && is_of_this_machine(request.resolute))
    warnings.push_back(
        fmt::format("the program '{}' lies where nodes may not see it: install it on a shared file system",
                    request.resolute.string()));
  const auto& resources = request.resources;
  if (resources.time.count() > 0 && resources.time < request.notice + kLeastWork)
    warnings.push_back(
        fmt::format("--time is {} s, and the notice to stop comes {} s before its end: {} s are left to work in",
                    resources.time.count(), request.notice.count(),
                    std::max<std::int64_t>(0, (resources.time - request.notice).count())));
  if (!asks_for_processors(resources))
    warnings.push_back(
        "no processors are asked for, and SLURM mostly gives a job one of each node, for all that runs there: give "
        "--cpus-per-node, --exclusive, or cpus_per_node in the site file");
  const bool needs_gpus = std::any_of(plan.jobs.begin(), plan.jobs.end(), uses_gpu);
  if (resources.gpus_per_node > 0 && !needs_gpus)
    warnings.push_back("GPUs are asked for, but no training of the suite uses one (train.device is \"cpu\")");
  if (resources.gpus_per_node == 0 && needs_gpus)
    warnings.push_back(
        "the suite trains on GPUs (train.device is \"cuda\"), but none is asked for: give --gpus-per-node");
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

}  // namespace resolute::allocations
