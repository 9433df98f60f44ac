#include "core/clock.h"
#include "core/error.h"
#include "core/hash/sha256.h"
#include "core/log.h"
#include "datasets/pack/pack.h"
#include "datasets/split/split.h"
#include "experiments/specification/stages.h"
#include "experiments/store/job_folder.h"
#include "experiments/store/kept_states.h"
#include "results/records/training_log.h"
#include "settings/epochs.h"
#include "workers/device/numeric_class.h"
#include "workers/device/step_trace.h"
#include "workers/evaluation/evaluator.h"
#include "workers/jobs/finished_training.h"
#include "workers/jobs/job.h"
#include "workers/jobs/pretrained.h"
#include "workers/rank/stop_flag.h"
#include "workers/training/checkpoint.h"
#include "workers/training/make_method.h"
#include "workers/training/metrics_log.h"
#include "workers/training/pack_source.h"
#include "workers/training/resume.h"
#include "workers/training/trainer.h"
#include "workers/training/training_evaluation.h"

namespace resolute::workers {
namespace {

std::filesystem::path attempt_file(const JobContext& context, const char* name) {
  return context.store.attempt_file(context.job, context.options.attempt, name);
}

TrainerOptions trainer_options(const JobContext& context, const experiments::TrainingSpecification& specification,
                               const datasets::Split& split) {
  TrainerOptions options;
  options.recipe = specification.recipe;
  options.lanes = specification.lanes;
  options.checkpoint_every = context.options.checkpoint_every;
  options.keep_graphs = context.options.keep_graphs;
  if (context.options.evaluate_every > 0)
    options.evaluate_every =
        settings::steps_of_epochs(context.options.evaluate_every, split.train.size(), specification.recipe);
  return options;
}

// By process rank 0 alone, whose record is published.
void publish_weights(const JobContext& context, const Weights& weights, results::TrainingRecord& record) {
  const core::Bytes bytes = encode_weights(weights);
  record.weights_sha256 = core::sha256_hex(bytes);
  record.weights_file = weights_file_name(record.weights_sha256);
  core::write_atomic(context.files, context.store.job_folder(context.job) / record.weights_file, bytes);
}

// Process rank 0 writes them while it trains; the other ranks have none.
struct TrainingFiles {
  TrainingFiles(const JobContext& context, const CheckpointOwner& owner, methods::Method& method, int lanes) {
    if (context.options.process_rank != 0) return;
    checkpoints.emplace(context.files, context.store.checkpoints_folder(context.job), owner);
    metrics.emplace(context.files, attempt_file(context, results::kStepLogName));
    gradients.emplace(context.files, attempt_file(context, results::kGradientLogName), lanes, gradient_names(method));
  }
  std::optional<CheckpointFolder> checkpoints;
  std::optional<MetricsLog> metrics;
  std::optional<results::GradientLogWriter> gradients;
};

// The checkpoint of another training, which is this one with fewer steps; nothing where it is not there any more.
// Process rank 0 alone looks for it, and the others get what it has found.
std::optional<Checkpoint> load_shorter(const JobContext& context,
                                       const experiments::TrainingSpecification& specification, CheckpointOwner owner) {
  if (context.options.go_on_from.empty()) return std::nullopt;
  const experiments::JobId shorter{context.options.go_on_from};
  owner.job = shorter.hex;
  std::optional<CheckpointFolder> folder;
  if (context.options.process_rank == 0) {
    const auto stored = experiments::read_stored_specification(context.files, context.store, shorter);
    const auto* trained = stored ? std::get_if<experiments::TrainingSpecification>(&*stored) : nullptr;
    if (trained != nullptr && experiments::goes_on(*trained, specification))
      folder.emplace(context.files, context.store.checkpoints_folder(shorter), owner);
    else
      core::log_warning("training {} is not this one with fewer steps; beginning anew", experiments::short_id(shorter));
  }
  auto checkpoint = load_on_all_ranks(folder ? &*folder : nullptr, owner, context.communicator);
  if (context.options.process_rank == 0 && !checkpoint)
    core::log_info("training {} has left no state; beginning anew, for the same bits", experiments::short_id(shorter));
  return checkpoint;
}

// The weights of a training that begins; a checkpoint holds all of the networks already.
void load_first_weights(const JobContext& context, const experiments::TrainingSpecification& specification,
                        const std::optional<FinishedTraining>& first_stage, torch::nn::Module& module) {
  if (!specification.initial_weights.empty())
    load_initial_weights(context.files, context.store, specification.initial_weights,
                         std::string(settings::word(specification.network.backbone)), module);
  if (first_stage) load_first_stage(context.files, context.store, *first_stage, specification.start_from->part, module);
}

// A checkpoint of a training that began from other bytes is foreign.
CheckpointOwner owner_of(const JobContext& context, const std::string& computed_in,
                         const std::optional<FinishedTraining>& first_stage) {
  return {context.job.hex,
          first_stage ? fmt::format("{}; started from the weights {}", computed_in, first_stage->record.weights_sha256)
                      : computed_in};
}

void say_start(const results::TrainingRecord& first, results::TrainingProvenance& provenance) {
  provenance.from_scratch = first.provenance.from_scratch;
  provenance.started_from = {first.job, first.weights_sha256};
}

// \throws RuntimeError (kInterrupted) if it stopped before
TrainingOutcome run_to_the_end(const JobContext& context, Trainer& trainer, TrainingFiles& files,
                               TrainingEvaluation& evaluation) {
  const core::MonotonicTime started = core::monotonic_clock().now();
  const auto run = [&] {
    try {
      return trainer.run();
    } catch (const DivergedError& error) {
      if (context.options.process_rank == 0)
        core::write_atomic(context.files, context.store.divergence_file(context.job),
                           fmt::format("{}\n", error.what()));
      throw;
    }
  };
  const TrainingOutcome outcome = within_memory(context.device, run);
  const double seconds = std::chrono::duration<double>(core::monotonic_clock().now() - started).count();
  if (files.metrics) files.metrics->close();
  if (files.gradients) files.gradients->close();
  evaluation.close();
  // A line for whoever asks: it would leave a file behind every training.
  if (context.options.process_rank == 0 && outcome.images > 0)
    core::log_debug("{:.1f} images/s; {:.1f} % of the time waited for images",
                    static_cast<double>(outcome.images) / seconds, 100 * outcome.seconds_waited / seconds);
  if (outcome.interrupted)
    throw core::RuntimeError(core::ErrorKind::kInterrupted, fmt::format("stopped after step {}", outcome.step),
                             why_stopped(), "start the job again to go on from its checkpoint");
  if (const auto diverged = context.store.divergence_file(context.job);
      context.options.process_rank == 0 && context.files.exists(diverged))
    context.files.remove(diverged);  // of an earlier attempt
  return outcome;
}

}  // namespace

results::TrainingRecord run_training(const JobContext& context,
                                     const experiments::TrainingSpecification& specification) {
  if (specification.recipe.program != 0)
    throw core::input_error("the training is of another program than resolute-worker",
                            fmt::format("train.program is {}", specification.recipe.program),
                            "that program has to train it, or leave train.program out");
  const bool first = context.options.process_rank == 0;
  const LaneRange range = lanes_of(context.options.process_rank, context.options.process_ranks, specification.lanes);
  const auto first_stage = find_first_stage(context.files, context.store, specification);
  const std::string computed_in = numeric_class(context.device);
  const CheckpointOwner owner = owner_of(context, computed_in, first_stage);
  // An evaluation during the training is an exchange too, and so is what comes before a checkpoint.
  expect_agreement(fmt::format("job {}, {}, evaluated every {} epochs, a checkpoint every {} steps", owner.job,
                               owner.numeric_class, context.options.evaluate_every, context.options.checkpoint_every),
                   context.communicator);

  const TrainingData data = open_training_data(context, specification);
  const datasets::PackReader& pack = data.pack;
  const datasets::Split& split = data.split;
  const std::unique_ptr<methods::Method> method = make_method(specification, split.train_identities);
  ProgressPipe silent(-1);
  TrainingFiles files(context, owner, *method, specification.lanes);
  CheckpointFolder* folder = files.checkpoints ? &*files.checkpoints : nullptr;
  std::optional<Checkpoint> checkpoint = load_on_all_ranks(folder, owner, context.communicator);
  if (!checkpoint) checkpoint = load_shorter(context, specification, owner);
  if (checkpoint && first) core::log_info("going on from the checkpoint of step {}", checkpoint->step);
  if (!checkpoint) load_first_weights(context, specification, first_stage, method->module());
  if (!context.device.place().is_cpu()) method->module().to(context.device.place());

  const methods::Needs& needs = method->row().needs;
  PackSource source(pack, split, specification, range, checkpoint ? checkpoint->step : 0, context.device.place(),
                    {needs.lr, methods::copy_rates(needs, specification.recipe),
                     methods::reads_originals(needs, specification.split.train_pool)});
  TrainingEvaluation evaluation({*method, pack, split, specification.recipe, first ? context.progress : silent,
                                 context.communicator, training_comparison(specification.method, pack)});
  if (first && context.options.evaluate_every > 0)
    evaluation.write_to(context.files, attempt_file(context, results::kEvaluationLogName));
  std::optional<StepTrace> trace;
  if (context.options.trace) trace.emplace(context.files, *context.options.trace, context.device.place());
  Trainer trainer({.method = *method,
                   .source = source,
                   .progress = first ? context.progress : silent,
                   .communicator = context.communicator,
                   .recorder = context.device.recorder(),
                   .device = &context.device,
                   .checkpoints = folder,
                   .metrics = files.metrics ? &*files.metrics : nullptr,
                   .gradients = files.gradients ? &*files.gradients : nullptr,
                   .trace = trace ? &*trace : nullptr,
                   .evaluate = [&](std::uint64_t step) { evaluation.run(step); }},
                  trainer_options(context, specification, split));
  if (checkpoint) trainer.restore(*checkpoint);
  checkpoint.reset();  // the next one is written into its memory
  const TrainingOutcome outcome = run_to_the_end(context, trainer, files, evaluation);
  if (trace && !trace->made())
    core::log_warning("no trace: the training made none of the steps {} to {}; ask for steps up to {}",
                      context.options.trace->first_step, context.options.trace->last_step, outcome.step);
  if (folder != nullptr && context.options.keep_state) {
    folder->save(trainer.snapshot());
    folder->finish();
  }
  results::TrainingRecord record;
  record.job = context.job;
  if (first)
    publish_weights(
        context, {experiments::method_name(specification.method), split.train_identities, trainer.weights()}, record);
  record.metrics = {{"loss", outcome.loss}};
  record.provenance = {pack.pack_sha256(), data.split_sha256, computed_in, specification.lanes,
                       specification.initial_weights.empty()};
  record.provenance.joined = data.joined;
  if (first_stage) say_start(first_stage->record, record.provenance);
  return record;
}

void leave_checkpoints(const JobContext& context, const experiments::TrainingSpecification& specification) {
  const std::filesystem::path folder = context.store.checkpoints_folder(context.job);
  try {
    if (context.options.keep_state)
      return experiments::note_kept_state(context.files, context.store, context.job, specification);
    for (const std::string& name : context.files.list(folder)) context.files.remove(folder / name);
    context.files.remove_folder(folder);
  } catch (const core::RuntimeError& error) {
    core::log_warning("{}; {}", error.what(),
                      context.options.keep_state ? "no longer training will go on from this one's state"
                                                 : "a checkpoint stays behind");
  }
}

}  // namespace resolute::workers
