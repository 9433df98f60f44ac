#include "workers/jobs/job.h"

#include <memory>
#include <variant>

#include "core/error.h"
#include "core/files/json.h"
#include "core/hash/sha256.h"
#include "core/log.h"
#include "core/overloaded.h"
#include "experiments/store/stored_specification.h"
#include "results/records/record.h"
#include "workers/ddp/lane_sum.h"
#include "workers/jobs/pack_job.h"
#include "workers/jobs/training_job.h"
#include "workers/training/resume.h"

namespace resolute::workers {
namespace {

// Before the ranks meet: one that cannot compute says so and keeps nobody waiting.
std::unique_ptr<Device> open_training_device(const JobOptions& options,
                                             const experiments::JobSpecification& specification) {
  const auto* training = std::get_if<experiments::TrainingSpecification>(&specification);
  return training == nullptr ? open_device("cpu", options.process_rank)
                             : open_device(*training, training->device, options.process_rank);
}

std::unique_ptr<Communicator> connect(const JobOptions& options, const experiments::JobSpecification& specification,
                                      Device& device) {
  if (options.process_ranks == 1) return nullptr;
  const auto* training = std::get_if<experiments::TrainingSpecification>(&specification);
  if (training == nullptr)
    throw core::input_error(fmt::format("{} process ranks for a job of kind {}", options.process_ranks,
                                        experiments::kind_name(specification)),
                            "only a training has more than one", "give --process-ranks 1");
  // Every rank must find this before it waits for the others.
  lanes_of(options.process_rank, options.process_ranks, training->lanes);
  return connect_ranks(options, device);
}

results::Record run_kind(const JobContext& context, const experiments::JobSpecification& specification) {
  return std::visit(
      core::Overloaded{
          [&](const experiments::ShardSpecification& shard) -> results::Record { return run_shard(context, shard); },
          [&](const experiments::SealSpecification& seal) -> results::Record { return run_seal(context, seal); },
          [&](const experiments::TrainingSpecification& training) -> results::Record {
            return run_training(context, training);
          },
          [&](const experiments::EvaluationSpecification& evaluation) -> results::Record {
            return run_evaluation(context, evaluation);
          }},
      specification);
}

}  // namespace

void check(const JobOptions& options) {
  if (!core::is_sha256_hex(options.job))
    throw core::input_error(fmt::format("'{}' is no job id", options.job),
                            "an id has 64 lower-case hexadecimal digits");
  if (options.process_ranks < 1 || options.process_rank < 0 || options.process_rank >= options.process_ranks)
    throw core::input_error(fmt::format("process rank {} of {}", options.process_rank, options.process_ranks),
                            "ranks count from 0 to one less than their number");
  if (options.attempt < 1) throw core::input_error(fmt::format("attempt {}", options.attempt), "attempts count from 1");
  if (options.checkpoint_every < 1) throw core::input_error("--checkpoint-every 0", "at least 1 step lies between two");
}

std::unique_ptr<Communicator> connect_ranks(const JobOptions& options, Device& device) {
  if (options.process_ranks == 1) return nullptr;
  if (!options.rendezvous)
    throw core::input_error("no rendezvous", fmt::format("{} process ranks have to meet", options.process_ranks),
                            "give --rendezvous HOST:PORT");
  return device.connect(connect_gloo(*options.rendezvous, options.process_rank, options.process_ranks),
                        options.rendezvous->collective_limit);
}

experiments::JobSpecification read_specification(core::FileSystem& files, const experiments::StoreLayout& store,
                                                 const experiments::JobId& job) {
  auto specification = experiments::read_stored_specification(files, store, job);
  if (!specification)
    throw core::input_error(fmt::format("job '{}' has no spec.json", job.hex),
                            fmt::format("it is looked for at '{}'", store.specification_file(job).string()),
                            "check --store and --job");
  return std::move(*specification);
}

void run_job(core::FileSystem& files, const JobOptions& options) {
  check(options);
  const experiments::StoreLayout store(options.store);
  const experiments::JobId job{options.job};
  const experiments::JobSpecification specification = read_specification(files, store, job);
  experiments::validate(specification, store.specification_file(job).string());
  const std::unique_ptr<Device> device = open_training_device(options, specification);
  const std::unique_ptr<Communicator> communicator = connect(options, specification, *device);
  ProgressPipe progress(options.process_rank == 0 ? options.progress_descriptor : -1);
  const JobContext context{files, options, store, job, progress, communicator.get(), *device};

  const bool first = options.process_rank == 0;
  if (broadcast_flag(first && files.exists(store.result_file(job)), communicator.get())) {
    core::log_info("job {} has its result already", job.hex);
    return;
  }
  const results::Record record = run_kind(context, specification);
  if (first) {
    if (!core::publish_exclusive(files, store.result_file(job), results::record_text(record)))
      core::log_info("job {} was finished by another attempt first", job.hex);
    if (std::holds_alternative<results::TrainingRecord>(record)) remove_checkpoints(context);
  }
  // A rank that says it is done says that the result is there.
  if (communicator) communicator->barrier();
}

}  // namespace resolute::workers
