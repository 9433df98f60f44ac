#pragma once
//! \file
//! Trainings of every method on a device, small enough for tests: what the tests of this folder compare.

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "core/hash/sha256.h"
#include "tests/methods/msifla/msifla_examples.h"
#include "tests/methods/resolution_adaptive/resolution_adaptive_examples.h"
#include "tests/methods/small_training.h"
#include "tests/methods/whole_training.h"
#include "tests/support/any_word.h"
#include "tests/support/temporary_folder.h"
#include "tests/workers/gpu/gpu_gang.h"
#include "tests/workers/training/checkpoint_bytes.h"
#include "tests/workers/training/metrics_lines.h"
#include "workers/training/checkpoint.h"
#include "workers/training/make_method.h"
#include "workers/training/metrics_log.h"
#include "workers/training/trainer.h"

namespace resolute::workers::gpu_test {

inline constexpr int kLanes = 4;
inline constexpr int kIdentities = 3;
inline constexpr int kSteps = 5;
inline constexpr std::array<const char*, 7> kMethods = {
    "baseline", "rain", "cadnet", "ftwa", "msifla", "resolution_adaptive", "vpfa"};
inline const CheckpointOwner kOwner{std::string(64, 'a'), "a test"};

//! The size of a training: small enough for a CPU, or the papers' own where RESOLUTE_TEST_SIZE=paper.
struct Size {
  settings::Trunk backbone = settings::Trunk::kResnetSmall;
  int identities = kIdentities;  // of each lane, two rows each
  std::int64_t height = 32, width = 16;
};
inline constexpr Size kPaperSize{settings::Trunk::kResnet50, 8, 256, 128};

struct Plan {
  std::string method = "rain";
  std::string precision = "f32";
  int steps = kSteps;
  bool keep_graphs = true;
  bool recorded = true;         // where the device can
  bool few_labels = false;      // none in every second lane, none of LR images for RAIN; the hardest triplets
  std::string masks = "joint";  // of resolution-adaptive
  std::vector<int> missing{0};  // identities of the last two lanes' batches, of each step in turn
  Size size{};
  std::string optimiser = "adam";
  double ema = 0;
};

inline void put_images(methods::LaneBatch& batch, at::Device place) {
  for (at::Tensor* tensor : {&batch.hr, &batch.lr}) *tensor = tensor->to(place);
  for (at::Tensor& copy : batch.copies) copy = copy.to(place);
}

// Batches of made-up people, put on the device as a pack's are. With `lr_images` each identity's second row stands as
// an LR image alone, with `few_labels` every second lane has none.
inline worker_tests::MadeSource placed_source(at::Device place, bool lr_images, bool few_labels = false,
                                              const Size& size = {}) {
  const std::int64_t rows = 2 * size.identities;
  const auto make = [=](std::uint64_t step, int lane) {
    methods::LaneBatch batch = worker_tests::made_up_batch(size.identities, 2, size.height, size.width,
                                                           step * kLanes + static_cast<std::uint64_t>(lane));
    batch.seed = 1;
    if (lr_images) {
      for (std::int64_t row = 1; row < rows; row += 2) batch.has_hr[row] = false;
      batch.hr.mul_(batch.has_hr.view({-1, 1, 1, 1}));
    }
    if (few_labels) {
      batch.has_label = at::full({rows}, lane % 2 == 0, at::kBool);
      batch.labels.masked_fill_(batch.has_label.logical_not(), -1);
    }
    put_images(batch, place);
    return batch;
  };
  return {std::vector<std::int64_t>(kLanes, rows), make};
}

// Batches whose shapes change by Plan::missing.
class PlacedSource final : public BatchSource {
 public:
  PlacedSource(at::Device place, const Plan& plan) {
    for (const int missing : plan.missing) {
      Size size = plan.size;
      size.identities -= missing;
      steps_.emplace_back(placed_source(place, plan.method == "ftwa", plan.few_labels, plan.size),
                          placed_source(place, plan.method == "ftwa", plan.few_labels, size));
    }
  }
  std::vector<std::int64_t> lane_rows(std::uint64_t step) override {
    std::vector<std::int64_t> rows;
    for (int lane = 0; lane < kLanes; ++lane)
      rows.push_back(at(step, lane).lane_rows(step).at(static_cast<std::size_t>(lane)));
    return rows;
  }
  methods::LaneBatch batch(std::uint64_t step, int lane) override { return at(step, lane).batch(step, lane); }

 private:
  worker_tests::MadeSource& at(std::uint64_t step, int lane) {
    auto& [first, last] = steps_.at(step % steps_.size());
    return lane < kLanes / 2 ? first : last;
  }
  std::vector<std::pair<worker_tests::MadeSource, worker_tests::MadeSource>> steps_;
};

// Every pair's own weights, and the distances of all rows.
inline experiments::FtwaOptions ftwa_options() {
  return {{.mining = methods::Mining::kAll, .triplet_weighting = methods::Weighting::kPerSample}};
}

inline experiments::TrainingSpecification specification(const Plan& plan) {
  experiments::MethodOptions options = experiments::BaselineOptions{};
  if (plan.method == "rain") options = experiments::RainOptions{};
  if (plan.method == "cadnet") options = experiments::CadnetOptions{};
  if (plan.method == "ftwa") options = ftwa_options();
  if (plan.method == "msifla") options = worker_tests::narrow_msifla();
  if (plan.method == "resolution_adaptive") options = worker_tests::narrow_adaptive(plan.masks);
  if (plan.method == "vpfa") options = experiments::VpfaOptions{.hidden = 16};
  if (plan.few_labels && plan.method == "baseline")
    options = experiments::BaselineOptions{.mining = methods::Mining::kBatchHard};
  if (plan.few_labels && plan.method == "rain")
    options = experiments::RainOptions{.mining = methods::Mining::kBatchHard,
                                       .supervision = methods::Supervision::kHrOnlyLabels};
  if (plan.few_labels && plan.method == "ftwa")
    options = experiments::FtwaOptions{{.mining = methods::Mining::kBatchHard}};
  experiments::TrainingSpecification specification = worker_tests::small_specification(std::move(options));
  specification.recipe.precision = tests::AnyWord(plan.precision);
  specification.recipe.steps = plan.steps;
  specification.recipe.optimiser = tests::AnyWord(plan.optimiser);
  if (plan.optimiser == "sgd") specification.recipe.momentum = 0.9;
  specification.recipe.ema = plan.ema;
  if (plan.ema > 0) specification.recipe.layer_decay = 0.8;
  specification.network.backbone = plan.size.backbone;
  specification.lanes = kLanes;
  return specification;
}

struct Trained {
  core::Bytes checkpoint;
  std::vector<double> losses;
  std::string parameters;  //!< hash of all in the checkpoint but running statistics, which move with lane 0 alone
  std::string hash() const { return core::sha256_hex(checkpoint); }
};

//! Trains to the last step. \param parts without metrics \param from null: from the first step
//! \param to null: no checkpoint is put on disk behind the last step
inline Trained trained_to_the_end(TrainerParts parts, const TrainerOptions& options, const Checkpoint* from = nullptr,
                                  CheckpointFolder* to = nullptr) {
  const tests::TemporaryFolder folder;
  MetricsLog metrics(core::real_file_system(), folder / "metrics.jsonl");
  parts.metrics = &metrics;
  Trainer trainer(parts, options);
  if (from != nullptr) trainer.restore(*from);
  trainer.run();
  metrics.close();
  if (to != nullptr) {
    to->save(trainer.snapshot());
    to->finish();
  }
  Trained trained;
  Checkpoint last = trainer.snapshot();
  for (auto& [name, tensor] : last.tensors) tensor = tensor.cpu();
  trained.checkpoint = encode_checkpoint(last, kOwner);
  std::erase_if(last.tensors, [](const auto& one) { return one.first.find("running_") != std::string::npos; });
  trained.parameters = core::sha256_hex(encode_checkpoint(last, kOwner));
  for (const core::Json& line : metrics_lines(folder / "metrics.jsonl"))
    trained.losses.push_back(line["loss"].get<double>());
  return trained;
}

//! \param where null: the CPU
inline Trained train(Device* where, Communicator* communicator, const Plan& plan, const core::Bytes* from = nullptr) {
  const at::Device place = where == nullptr ? at::Device(at::kCPU) : where->place();
  const experiments::TrainingSpecification asked = specification(plan);
  const std::unique_ptr<methods::Method> method = make_method(asked, plan.size.identities);
  if (!place.is_cpu()) method->module().to(place);
  PlacedSource source(place, plan);
  ProgressPipe silent(-1);
  std::optional<Checkpoint> begun;
  if (from != nullptr) begun = decode_checkpoint(*from, kOwner, "checkpoint");
  return trained_to_the_end({.method = *method,
                             .source = source,
                             .progress = silent,
                             .communicator = communicator,
                             .recorder = plan.recorded && where != nullptr ? where->recorder() : nullptr},
                            {.recipe = asked.recipe, .lanes = kLanes, .keep_graphs = plan.keep_graphs},
                            begun ? &*begun : nullptr);
}

//! On a simulated device of this process, its streams lagging.
inline Trained train_late(const Plan& plan, const accelerator::Lateness& lateness, Communicator* communicator = nullptr,
                          Device& where = device()) {
  const accelerator::Lagging lagging(lateness);
  return train(&where, communicator, plan);
}
inline std::string late_hash(const Plan& plan, const accelerator::Lateness& lateness,
                             Communicator* communicator = nullptr) {
  return train_late(plan, lateness, communicator).hash();
}

inline std::string name(const Plan& plan) { return plan.method + " " + plan.precision; }

}  // namespace resolute::workers::gpu_test
