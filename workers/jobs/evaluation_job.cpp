#include <set>

#include "core/error.h"
#include "datasets/pack/pack.h"
#include "datasets/split/split.h"
#include "experiments/specification/stages.h"
#include "experiments/specification/validation.h"
#include "experiments/store/job_folder.h"
#include "workers/device/numeric_class.h"
#include "workers/evaluation/evaluation_outputs.h"
#include "workers/evaluation/evaluator.h"
#include "workers/jobs/finished_training.h"
#include "workers/jobs/job.h"
#include "workers/jobs/kept_features.h"
#include "workers/rank/stop_flag.h"

namespace resolute::workers {
namespace {

// The sets that a training learnt from, those of the trainings that it started from too. A store in which one job is
// repeated has none of these.
std::vector<experiments::JoinedSet> learnt_sets(const JobContext& context,
                                                const experiments::TrainingSpecification& trained) {
  std::vector<experiments::JoinedSet> sets = experiments::sets_of(trained);
  std::optional<experiments::Start> start = trained.start_from;
  for (std::size_t stages = 0; start && stages < experiments::kMostStages; ++stages) {
    const auto before = experiments::read_stored_specification(context.files, context.store, start->training);
    const auto* training = before ? std::get_if<experiments::TrainingSpecification>(&*before) : nullptr;
    if (training == nullptr) break;
    sets.insert(sets.end(), training->joined.begin(), training->joined.end());  // its own is the later one's
    start = training->start_from;
  }
  return sets;
}

// Nobody who is asked for may have been trained on. Images of another data set than the training's are compared by the
// SHA-256 of their raw files, under whatever name and in whatever folder they were packed. People of stand-ins are
// nobody's.
void check_people_apart(const JobContext& context, const experiments::JoinedSet& trained,
                        const datasets::PackReader& pack, const datasets::Split& split) {
  if (trained.pack == pack.options() || settings::is_stand_in(trained.pack) || settings::is_stand_in(pack.options()))
    return;
  const datasets::PackReader trained_pack = open_pack(context, trained.pack);
  std::set<std::string> seen;
  for (const datasets::TrainItem& item : datasets::make_split(trained_pack, trained.split).train)
    seen.insert(trained_pack.row(item.row).source_sha256);
  std::size_t found = 0;
  std::string first;
  const auto look_at = [&](const auto& items) {
    for (const auto& item : items) {
      if (!seen.contains(pack.row(item.row).source_sha256)) continue;
      if (found++ == 0) first = item.path;
    }
  };
  look_at(split.query);
  look_at(split.gallery);
  if (found > 0)
    throw core::input_error(
        fmt::format("{} test {} of data set '{}' {} trained on", found, found == 1 ? "image" : "images",
                    pack.options().name, found == 1 ? "was" : "were"),
        fmt::format("'{}' has the same bytes as a training image of '{}'", first, trained.pack.name),
        "divide the people of both data sets alike (split.partition, split.test_identities), or ask another set");
}

}  // namespace

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
  for (const experiments::JoinedSet& set : learnt_sets(context, trained)) check_people_apart(context, set, pack, split);
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
