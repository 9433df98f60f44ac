#include "workers/jobs/evaluation_job.h"

#include "core/error.h"
#include "datasets/pack/pack.h"
#include "datasets/split/split.h"
#include "experiments/specification/validation.h"
#include "workers/device/numeric_class.h"
#include "workers/evaluation/evaluation_outputs.h"
#include "workers/evaluation/evaluator.h"
#include "workers/jobs/finished_training.h"
#include "workers/jobs/kept_features.h"
#include "workers/rank/stop_flag.h"

namespace resolute::workers {

results::EvaluationRecord run_evaluation(const JobContext& context,
                                         const experiments::EvaluationSpecification& specification) {
  const FinishedTraining training = read_finished_training(context.files, context.store, specification.training);
  const experiments::TrainingSpecification& trained = training.specification;
  // The specification alone has been checked where it was read; a distance is asked of the training's method.
  try {
    experiments::check(specification, trained.method);
  } catch (const experiments::MemberError& error) {
    throw error.at(context.store.specification_file(context.job).string());
  }
  const std::unique_ptr<Device> device =
      open_device(trained, experiments::device_of(specification, trained), context.options.process_rank);
  const std::unique_ptr<methods::Method> method =
      make_trained_method(context.files, context.store, training, device->place());

  const datasets::PackReader pack = open_pack(context, specification.pack);
  const datasets::Split split = datasets::make_split(pack, specification.split);
  const datasets::Split asked = split_asked(pack, split, specification.protocol.query_rates);
  const Comparison comparison = comparison_of(specification.protocol, trained.method);
  const OutputPlan plan = plan_outputs(*method, pack, asked, specification.protocol);
  const std::uint64_t images = images_to_embed(*method, asked, comparison), all = images + plan.images();
  const auto report = [&](std::uint64_t done) {
    context.progress.step(done, all, std::nullopt, done);
    return !stop_requested();
  };
  const auto finished = [](auto part) {
    if (part) return std::move(*part);
    throw core::RuntimeError(core::ErrorKind::kInterrupted, "stopped", "a signal asked for it", "start the job again");
  };
  const EmbeddingOptions options{.precision = embedding_precision(trained.recipe), .flip = specification.protocol.flip};
  const std::string computed_in = numeric_class(*device);
  KeptFeatures kept(context.files, context.store, training, pack.pack_sha256(), computed_in, options.flip);
  const Embedding embedding = within_memory(*device, [&] {
    return finished(embed_split(
        *method, pack, asked, comparison, options, [&](std::uint64_t done, std::uint64_t) { return report(done); },
        [&](auto views, auto queries, auto dimension) { return kept.find(views, queries, dimension); }));
  });
  const results::GalleryScores scores = score_split(embedding, asked, specification.protocol);
  EvaluationOutputs outputs = within_memory(*device, [&] {
    return finished(make_outputs({*method, pack, asked, options, embedding, scores, trained.recipe.copies_from}, plan,
                                 [&](std::uint64_t done, std::uint64_t) { return report(images + done); }));
  });
  results::EvaluationRecord record;
  record.job = context.job;
  record.weights_sha256 = training.record.weights_sha256;
  record.metrics = metrics_of(embedding, scores, specification.protocol);
  record.metrics.merge(outputs.metrics);
  const fs::path features = context.staged / context.store.features_file(context.job).filename();
  record.features_sha256 = write_features(context.files, features, embedding);
  // Cosines' features have another length.
  if (!comparison.unit_length) kept.keep(features, record.features_sha256);
  record.outputs = write_outputs(context.files, context.staged, outputs);
  record.provenance = {pack.pack_sha256(), datasets::split_sha256(split), computed_in, specification.training};
  return record;
}

}  // namespace resolute::workers
