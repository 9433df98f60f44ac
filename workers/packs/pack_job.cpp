#include "workers/packs/pack_job.h"

#include <fmt/format.h>

#include <optional>
#include <string>
#include <variant>

#include "core/error.h"
#include "core/log.h"
#include "datasets/pack/pack.h"
#include "datasets/sources/source.h"
#include "results/records/record.h"
#include "workers/rank/progress_pipe.h"
#include "workers/rank/publish_result.h"

namespace resolute::workers {
namespace {

struct PackContext {
  core::FileSystem& files;
  const JobOptions& options;
  experiments::StoreLayout store;
  experiments::JobId job;
  ProgressPipe progress;
};

std::filesystem::path raw_images(const PackContext& context, const experiments::PackSettings& pack) {
  if (!context.options.raw_root.empty()) return context.options.raw_root;
  if (!pack.synthetic)
    throw core::input_error(fmt::format("no folder of raw images for data set '{}'", pack.name),
                            "only drawn images lie in the store", "give --raw-root DIR");
  std::filesystem::path folder = context.store.raw_folder(pack);
  // Every shard's job tries; the first one's folder stays (complete or not there).
  datasets::draw_raw_images(context.files, folder, pack);
  return folder;
}

results::ShardRecord run_shard(PackContext& context, const experiments::ShardSpecification& specification) {
  const experiments::PackSettings& pack = specification.pack;
  const std::filesystem::path root = raw_images(context, pack);
  const std::filesystem::path folder = context.store.pack_folder(pack);
  try {
    const datasets::Listing listing =
        datasets::list_data_set(context.files, pack.source, root, pack.single_images, context.options.follow_links);
    for (const std::string& warning : listing.warnings) core::log_warning("{}", warning);
    context.progress.step(0, 1, std::nullopt, 0);
    const datasets::ShardResult shard =
        datasets::write_shard(context.files, *datasets::open_raw(context.files, pack.source, root), listing.samples,
                              pack, specification.shard, folder);
    for (const std::string& warning : shard.odd.warnings(shard.rows)) core::log_warning("{}", warning);
    context.progress.step(1, 1, std::nullopt, shard.rows);
    return {context.job, datasets::shard_sha256(folder, specification.shard), shard.rows, shard.listing_sha256};
  } catch (const datasets::RefusedFiles& refused) {
    datasets::log_refused(refused);
    throw;
  }
}

results::SealRecord run_seal(PackContext& context, const experiments::SealSpecification& specification) {
  context.progress.step(0, 1, std::nullopt, 0);
  const datasets::SealResult seal =
      datasets::seal_pack(context.files, context.store.pack_folder(specification.pack), specification.pack);
  if (!seal.warning.empty()) core::log_warning("{}", seal.warning);
  context.progress.step(1, 1, std::nullopt, seal.rows);
  return {context.job, seal.pack_sha256, seal.rows};
}

}  // namespace

bool builds_pack(const experiments::JobSpecification& specification) {
  return std::holds_alternative<experiments::ShardSpecification>(specification) ||
         std::holds_alternative<experiments::SealSpecification>(specification);
}

void run_pack_job(core::FileSystem& files, const JobOptions& options,
                  const experiments::JobSpecification& specification) {
  check(options);
  const experiments::StoreLayout store(options.store);
  const experiments::JobId job{options.job};
  experiments::validate(specification, store.specification_file(job).string());
  check_process_ranks(options, specification);
  if (has_result(files, store, job)) return;
  PackContext context{files, options, store, job, ProgressPipe(options.progress_descriptor)};
  const auto* shard = std::get_if<experiments::ShardSpecification>(&specification);
  const results::Record record =
      shard != nullptr ? results::Record(run_shard(context, *shard))
                       : results::Record(run_seal(context, std::get<experiments::SealSpecification>(specification)));
  publish_result(files, store, job, record);
}

}  // namespace resolute::workers
