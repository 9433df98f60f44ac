#include "cli/store/raw_images.h"

#include <algorithm>

#include "core/error.h"
#include "core/log.h"
#include "datasets/manifest/manifest.h"
#include "datasets/pack/pack_images.h"
#include "datasets/sources/source.h"
#include "orchestrator/journal/epoch.h"
#include "orchestrator/store/claim.h"
#include "results/records/record.h"

namespace resolute::cli {
namespace {

bool is_sealed(const experiments::StoreLayout& store, const settings::PackSettings& pack) {
  return core::real_file_system().exists(store.pack_folder(pack) / "pack.json");
}

bool has_root(const experiments::DatasetPlan& dataset) {
  return !dataset.pack.synthetic && !dataset.root.empty() && core::real_file_system().exists(dataset.root);
}

// True if a shard's result is of other images than `listing`, or cannot be read.
bool is_of_other_listing(const experiments::StoreLayout& store, const experiments::JobId& job,
                         const std::string& listing) {
  try {
    const auto record = results::read_record(core::real_file_system(), store, job);
    const auto* shard = record ? std::get_if<results::ShardRecord>(&*record) : nullptr;
    return shard == nullptr || shard->listing_sha256 != listing;
  } catch (const core::RuntimeError& error) {
    core::log_debug("{}", error.what());
    return true;
  }
}

// Prepares a pack that is not sealed: removes results of images that have changed since.
void begin_pack(const experiments::StoreLayout& store, const experiments::Plan& plan,
                const experiments::DatasetPlan& dataset) {
  auto& files = core::real_file_system();
  datasets::SeenImages here;
  try {
    here = datasets::see_images(files, dataset.pack, dataset.root);
  } catch (const core::RuntimeError& error) {  // the shards' jobs tell all that is wrong with it
    core::log_debug("{}", error.what());
    return;
  }
  const fs::path folder = store.pack_folder(dataset.pack);
  const std::string listing = datasets::listing_sha256(here.samples);
  const auto others = datasets::shards_of_other_images(files, folder, dataset.pack, here);
  std::vector<experiments::JobId> jobs, changed;
  for (const experiments::PlannedJob& job : plan.jobs) {
    const auto* seal = std::get_if<experiments::SealSpecification>(&job.specification);
    const auto* shard = std::get_if<experiments::ShardSpecification>(&job.specification);
    if ((seal == nullptr || seal->pack != dataset.pack) && (shard == nullptr || shard->pack != dataset.pack)) continue;
    jobs.push_back(job.id);
    const bool done = orchestrator::has_result(files, store, job.id);
    if (seal != nullptr && done) return;  // somebody has removed the pack
    if (shard != nullptr && done &&
        (others.contains(shard->shard) || !files.exists(folder / settings::shard_file_name(shard->shard)) ||
         is_of_other_listing(store, job.id, listing)))
      changed.push_back(job.id);
  }
  if (!changed.empty()) {
    orchestrator::ClaimHolders holders(files, store);
    if (std::ranges::any_of(jobs, [&](const auto& job) { return holders.held(job); }))
      throw core::input_error(fmt::format("data set '{}' is being packed from other images than '{}' holds", dataset.id,
                                          dataset.root.string()),
                              "another run is at it", "give these images another id, or wait until that run has ended");
    core::log_warning("data set '{}': {} of {} shards are made anew (they may be of other images than '{}' holds)",
                      dataset.id, changed.size(), dataset.pack.shards, dataset.root.string());
  }
  for (const auto& job : changed) files.remove(store.result_file(job));
  datasets::record_images(files, folder, here);
}

}  // namespace

void require_same_images(const experiments::StoreLayout& store, const experiments::Plan& plan, bool bytes) {
  auto& files = core::real_file_system();
  for (const auto& dataset : plan.datasets) {
    if (!has_root(dataset) || !is_sealed(store, dataset.pack)) continue;
    const fs::path folder = store.pack_folder(dataset.pack);
    const auto here = datasets::see_images(files, dataset.pack, dataset.root);
    datasets::require_images_of_pack(files, folder, here, dataset.root,
                                     bytes ? datasets::CompareImages::kBytes : datasets::CompareImages::kSizes);
    if (bytes) datasets::record_images(files, folder, here);
  }
}

std::map<std::string, experiments::RawRoot> prepare_raw_images(const experiments::StoreLayout& store,
                                                               const experiments::Plan& plan) {
  std::map<std::string, experiments::RawRoot> roots;
  for (const auto& dataset : plan.datasets) {
    if (dataset.pack.synthetic) {
      const fs::path folder = store.raw_folder(dataset.pack);
      datasets::draw_raw_images(core::real_file_system(), folder, dataset.pack);
      roots[dataset.pack.name] = {folder};
    } else {
      datasets::keep_drawn_file(core::real_file_system(), dataset.pack.source, dataset.root,
                                store.pack_folder(dataset.pack));
      if (has_root(dataset) && !is_sealed(store, dataset.pack)) begin_pack(store, plan, dataset);
      roots[dataset.pack.name] = {dataset.root, dataset.follow_links};
    }
  }
  return roots;
}

}  // namespace resolute::cli
