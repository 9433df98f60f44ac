#include "workers/jobs/job.h"

#include <memory>
#include <variant>

#include "core/error.h"
#include "datasets/split/joined.h"
#include "results/records/record.h"
#include "workers/ddp/lane_sum.h"
#include "workers/ddp/through_host.h"
#include "workers/device/gpu_gauge.h"
#include "workers/rank/publish_result.h"
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
  check_process_ranks(options, specification);
  // Every rank must find this before it waits for the others.
  lanes_of(options.process_rank, options.process_ranks,
           std::get<experiments::TrainingSpecification>(specification).lanes);
  return connect_ranks(options, device);
}

results::Record run_kind(const JobContext& context, const experiments::JobSpecification& specification) {
  if (const auto* training = std::get_if<experiments::TrainingSpecification>(&specification))
    return run_training(context, *training);
  if (const auto* evaluation = std::get_if<experiments::EvaluationSpecification>(&specification))
    return run_evaluation(context, *evaluation);
  throw core::input_error(fmt::format("job '{}' is of kind {}", context.job.hex, experiments::kind_name(specification)),
                          "this program trains and evaluates", "start resolute-worker");
}

}  // namespace

std::unique_ptr<Device> open_device(const experiments::TrainingSpecification& training, settings::Device device,
                                    int process_rank) {
  return open_device(std::string(settings::word(device)), process_rank, training.recipe.precision);
}

datasets::PackReader open_pack(const JobContext& context, const experiments::PackSettings& settings) {
  const std::filesystem::path folder = context.store.pack_folder(settings);
  datasets::PackReader pack = datasets::PackReader::open(context.files, folder);
  if (pack.options() != settings)
    throw core::input_error(fmt::format("pack '{}' was made with other settings", folder.string()),
                            "the specification asks for a different one", "move it away and pack again");
  return pack;
}

TrainingData open_training_data(const JobContext& context, const experiments::TrainingSpecification& training) {
  std::vector<datasets::PackReader> packs;
  std::vector<datasets::Split> splits;
  std::vector<results::JoinedProvenance> provenance;
  const std::vector<experiments::JoinedSet> sets = experiments::sets_of(training);
  for (const experiments::JoinedSet& set : sets) {
    packs.push_back(open_pack(context, set.pack));
    splits.push_back(datasets::make_split(packs.back(), set.split));
    provenance.push_back({packs.back().pack_sha256(), datasets::split_sha256(splits.back())});
  }
  results::JoinedProvenance first = std::move(provenance.front());
  provenance.erase(provenance.begin());
  if (sets.size() == 1) return {std::move(packs.front()), std::move(splits.front()), std::move(first.split_sha256)};
  std::vector<const datasets::PackReader*> parts;
  for (const datasets::PackReader& pack : packs) parts.push_back(&pack);
  datasets::PackReader joined = datasets::PackReader::joined(parts);
  datasets::Split split = datasets::joined_split(joined, splits);
  return {std::move(joined), std::move(split), std::move(first.split_sha256), std::move(provenance)};
}

std::unique_ptr<Communicator> connect_ranks(const JobOptions& options, Device& device) {
  if (options.process_ranks == 1) return nullptr;
  if (!options.rendezvous)
    throw core::input_error("no rendezvous", fmt::format("{} process ranks have to meet", options.process_ranks),
                            "give --rendezvous HOST:PORT");
  auto host = connect_gloo(*options.rendezvous, options.process_rank, options.process_ranks);
  return options.through_host ? std::make_unique<ThroughHost>(std::move(host))
                              : device.connect(std::move(host), options.rendezvous->collective_limit);
}

void run_job(core::FileSystem& files, const JobOptions& options) {
  check(options);
  const experiments::StoreLayout store(options.store);
  const experiments::JobId job{options.job};
  const experiments::JobSpecification specification = read_specification(files, store, job);
  experiments::validate(specification, store.specification_file(job).string());
  const std::unique_ptr<Device> device = open_training_device(options, specification);
  const networks::FusedNorms fused(options.fused_norm ? &device->norm_kernels() : nullptr);
  const std::unique_ptr<Communicator> communicator = connect(options, specification, *device);
  ProgressPipe progress(options.process_rank == 0 ? options.progress_descriptor : -1);
  const JobContext context{
      files, options, store, job, progress, communicator.get(), *device, staging_folder(store, job)};

  const bool first = options.process_rank == 0;
  if (const std::string address = device->pci_address(); first && options.progress_descriptor >= 0 && !address.empty())
    progress.watch([gauge = std::make_shared<GpuGauge>(address)] { return gauge->read(); });
  if (broadcast_flag(first && has_result(files, store, job), communicator.get())) return;
  const results::Record record = run_kind(context, specification);
  if (first) {
    if (const auto* evaluation = std::get_if<results::EvaluationRecord>(&record))
      publish_staged(files, store, context.staged, *evaluation);
    else
      publish_result(files, store, job, record);
    if (const auto* training = std::get_if<experiments::TrainingSpecification>(&specification))
      leave_checkpoints(context, *training);
  }
  // A rank that says it is done says that the result is there.
  if (communicator) communicator->barrier();
}

}  // namespace resolute::workers
