#include "workers/training_job.h"

#include <variant>

#include "core/error.h"
#include "core/log.h"
#include "core/sha256.h"
#include "datasets/pack/pack.h"
#include "datasets/split.h"
#include "workers/checkpoint.h"
#include "workers/dataset_settings.h"
#include "workers/evaluator.h"
#include "workers/metrics_log.h"
#include "workers/numeric_class.h"
#include "workers/pack_source.h"
#include "workers/resume.h"
#include "workers/stop_flag.h"
#include "workers/trainer.h"

namespace resolute::workers {
namespace {

// The sealed pack of these settings, checked to be one: its folder's name says so, but names can be given by hand.
datasets::PackReader open_pack(const JobContext& context, const experiments::PackSettings& settings) {
  const std::filesystem::path folder = context.store.pack_folder(settings);
  datasets::PackReader pack = datasets::PackReader::open(context.files, folder);
  if (datasets::to_json(pack.options()) != datasets::to_json(pack_options(settings)))
    throw core::input_error(fmt::format("pack '{}' was made with other settings", folder.string()),
                            "the specification asks for a different one", "move it away and pack again");
  return pack;
}

void refuse_what_is_not_there(const experiments::TrainingSpecification& specification) {
  if (specification.device != "cpu")
    throw core::input_error(fmt::format("device '{}' is not available", specification.device),
                            "this worker was built for CPUs", "set device = \"cpu\"");
  if (!specification.initial_weights.empty())
    throw core::input_error(fmt::format("initial weights '{}' are not available", specification.initial_weights),
                            "this worker trains from scratch", "leave weights out");
}

TrainerOptions trainer_options(const JobContext& context, const experiments::TrainingSpecification& specification) {
  TrainerOptions options;
  options.recipe = specification.recipe;
  options.lanes = specification.lanes;
  options.checkpoint_every = context.options.checkpoint_every;
  options.keep_graphs = context.options.keep_graphs;
  return options;
}

// Process rank 0 writes; the others only compute the name, so that all ranks agree on the record.
std::string publish_weights(const JobContext& context, Method& method, const std::string& name, int classes) {
  Weights weights{name, classes, {}};
  save_module(method.module(), "", weights.tensors);
  const core::Bytes bytes = encode_weights(weights);
  const std::string sha256 = core::sha256_hex(bytes);
  core::write_atomic(context.files, context.store.job_folder(context.job) / weights_file_name(sha256), bytes);
  return sha256;
}

Weights read_weights(const JobContext& context, const experiments::JobId& training,
                     const results::TrainingRecord& record) {
  const std::filesystem::path path = context.store.job_folder(training) / record.weights_file;
  const core::Bytes bytes = context.files.read(path);
  if (const std::string found = core::sha256_hex(bytes); found != record.weights_sha256)
    throw core::corrupt_error(fmt::format("weights '{}' are damaged", path.string()),
                              fmt::format("SHA-256 {}, not {}", found, record.weights_sha256),
                              "remove the training's result.json and run it again");
  return decode_weights(bytes, fmt::format("weights '{}'", path.string()));
}

results::TrainingRecord read_training(const JobContext& context, const experiments::JobId& training) {
  const auto record = results::read_record(context.files, context.store, training);
  if (!record)
    throw core::input_error(fmt::format("training '{}' has no result", training.hex), "an evaluation needs its weights",
                            "run the training first");
  const auto* found = std::get_if<results::TrainingRecord>(&*record);
  if (found == nullptr) throw core::input_error(fmt::format("job '{}' is no training", training.hex));
  return *found;
}

}  // namespace

results::TrainingRecord run_training(const JobContext& context,
                                     const experiments::TrainingSpecification& specification) {
  refuse_what_is_not_there(specification);
  const bool first = context.options.process_rank == 0;
  const LaneRange range = lanes_of(context.options.process_rank, context.options.process_ranks, specification.lanes);
  const CheckpointOwner owner{context.job.hex, numeric_class()};
  expect_agreement(fmt::format("job {}, {}", owner.job, owner.numeric_class), context.communicator);

  const datasets::PackReader pack = open_pack(context, specification.pack);
  const datasets::Split split = datasets::make_split(pack, split_options(specification.split));
  const std::unique_ptr<Method> method = make_method(specification, split.train_identities);
  ProgressPipe silent(-1);
  std::optional<CheckpointFolder> checkpoints;
  std::optional<MetricsLog> metrics;
  if (first) {
    checkpoints.emplace(context.files, context.store.checkpoints_folder(context.job), owner);
    metrics.emplace(context.files,
                    context.store.attempt_folder(context.job, context.options.attempt) / "metrics.jsonl");
  }
  CheckpointFolder* folder = checkpoints ? &*checkpoints : nullptr;
  const std::optional<Checkpoint> checkpoint = load_on_all_ranks(folder, owner, context.communicator);
  if (checkpoint && first) core::log_info("going on from the checkpoint of step {}", checkpoint->step);

  PackSource source(pack, split, specification, range, checkpoint ? checkpoint->step : 0);
  Trainer trainer({.method = *method,
                   .source = source,
                   .progress = first ? context.progress : silent,
                   .communicator = context.communicator,
                   .checkpoints = folder,
                   .metrics = metrics ? &*metrics : nullptr},
                  trainer_options(context, specification));
  if (checkpoint) trainer.restore(*checkpoint);
  const TrainingOutcome outcome = trainer.run();
  if (metrics) metrics->close();
  if (outcome.interrupted)
    throw core::RuntimeError(core::ErrorKind::kInterrupted, fmt::format("stopped after step {}", outcome.step),
                             "a signal asked for it", "start the job again to go on from its checkpoint");

  results::TrainingRecord record;
  record.job = context.job;
  if (first) {
    record.weights_sha256 =
        publish_weights(context, *method, experiments::method_name(specification.method), split.train_identities);
    record.weights_file = weights_file_name(record.weights_sha256);
  }
  record.metrics = {{"loss", outcome.loss}};
  record.provenance = {pack.pack_sha256(), datasets::split_sha256(split), owner.numeric_class, specification.lanes,
                       specification.initial_weights.empty()};
  return record;
}

results::EvaluationRecord run_evaluation(const JobContext& context,
                                         const experiments::EvaluationSpecification& specification) {
  const results::TrainingRecord training = read_training(context, specification.training);
  const auto trained = std::get<experiments::TrainingSpecification>(
      read_specification(context.files, context.store, specification.training));
  refuse_what_is_not_there(trained);
  const Weights weights = read_weights(context, specification.training, training);
  const std::unique_ptr<Method> method = make_method(trained, weights.classes);
  load_module(method->module(), "", weights.tensors, "weights file");

  const datasets::PackReader pack = open_pack(context, specification.pack);
  const datasets::Split split = datasets::make_split(pack, split_options(specification.split));
  datasets::Split asked = split;
  if (!specification.protocol.query_rates.empty()) {
    // An unseen rate: other queries, the same trial. What binds the record to its training is the trial's split.
    datasets::SplitOptions options = split_options(specification.split);
    options.query_rates = specification.protocol.query_rates;
    asked = datasets::make_split(pack, options);
  }
  const Embedding embedding = embed_split(*method, pack, asked, [&](std::uint64_t done, std::uint64_t total) {
    context.progress.step(done, total, std::nullopt, done);
    if (stop_requested())
      throw core::RuntimeError(core::ErrorKind::kInterrupted, "stopped", "a signal asked for it",
                               "start the job again");
  });
  // Another attempt may have published meanwhile; its result names the features that stand there.
  if (auto published = results::read_record(context.files, context.store, context.job))
    return std::get<results::EvaluationRecord>(*published);
  results::EvaluationRecord record;
  record.job = context.job;
  record.weights_sha256 = training.weights_sha256;
  record.metrics = score_embedding(embedding, asked, specification.protocol);
  record.features_sha256 =
      write_features(context.files, context.store.job_folder(context.job) / "features.h5", embedding);
  record.provenance = {pack.pack_sha256(), datasets::split_sha256(split), numeric_class(), specification.training};
  return record;
}

void remove_checkpoints(const JobContext& context) {
  const std::filesystem::path folder = context.store.checkpoints_folder(context.job);
  try {
    for (const std::string& name : context.files.list(folder)) context.files.remove(folder / name);
  } catch (const core::RuntimeError& error) {
    core::log_warning("{}; a checkpoint stays behind", error.what());
  }
}

}  // namespace resolute::workers
