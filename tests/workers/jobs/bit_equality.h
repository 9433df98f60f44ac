#pragma once
//! \file
//! The matrix of docs/inside/worker.md, one row at a time: one method, one hash, whatever the number of process ranks,
//! however often the training was killed and wherever it went on. Prints it.

#include <chrono>
#include <iostream>
#include <thread>

#include "core/random/random.h"
#include "tests/workers/jobs/worker_fixture.h"

namespace resolute::workers {

struct Row {
  std::string name;
  experiments::TrainingSpecification training;
};

inline Row make_row(const std::string& name) {
  Row row{name, small_training(experiments::BaselineOptions{})};
  if (name.starts_with("rain")) row.training.method = experiments::RainOptions{};
  if (name.starts_with("cadnet")) row.training.method = experiments::CadnetOptions{};
  if (name == "cadnet-shuffled") {
    row.training.method = experiments::CadnetOptions{.features = methods::JointFeature::kG,
                                                     .mining = methods::Mining::kBatchHard,
                                                     .pairing = methods::Pairing::kShuffled};
    row.training.recipe.images = 4;
    row.training.recipe.lr_images = 2;
    row.training.network.bn_streams = settings::BatchNormStreams::kSeparate;
    row.training.network.neck = true;
  }
  if (name == "vpfa") row.training.method = experiments::VpfaOptions{.hidden = 16};
  if (name.starts_with("ftwa")) {
    row.training.method = experiments::FtwaOptions{};
    row.training.split.train_pool = settings::TrainPool::kMlr;
    row.training.recipe.lr_images = 1;
  }
  if (name == "ftwa-swapped") {
    row.training.method =
        experiments::FtwaOptions{{.mining = methods::Mining::kRandom,
                                  .transformation_detach = methods::Detached::kNone,
                                  .transformation_blocks = 1,
                                  .classification_weighting = methods::Weighting::kBatchMean,
                                  .triplet_weighting = methods::Weighting::kPerSample,
                                  .weight_balance = 0.5,
                                  .weight_normalisation = methods::WeightNormalisation::kRunningMean}};
    row.training.network.bn_streams = settings::BatchNormStreams::kSeparate;
    row.training.network.neck = true;
  }
  if (name.starts_with("msifla")) {
    // Two optimisers, of which one has yet to begin when checkpoints are first written.
    row.training.method = experiments::MsiflaOptions{.scales = {2, 1}, .ir_width = 4, .ir_warmup_steps = 5};
    row.training.split.train_pool = settings::TrainPool::kMlr;
    row.training.recipe.identities = 6;
    row.training.recipe.images = 2;
    row.training.recipe.lr_images = 1;
    row.training.lanes = 2;
  }
  if (name == "msifla-paper") {  // 5 × (2 HR + 2 LR), cut 3 + 2
    row.training.method = experiments::MsiflaOptions{.scales = {2, 1}, .ir_width = 4};
    row.training.recipe.identities = 5;
    row.training.recipe.images = 4;
    row.training.recipe.lr_images = 2;
  }
  if (name == "msifla-swapped") {
    row.training.method = experiments::MsiflaOptions{.scales = {3, 1},
                                                     .reid_networks = methods::ReidNetworks::kShared,
                                                     .mining = methods::Mining::kRandom,
                                                     .reid_into_ir = false,
                                                     .ir_width = 4,
                                                     .ir_residual = true,
                                                     .ir_warmup_steps = 30};
    row.training.network.neck = true;
    row.training.recipe.labelled_fraction = 0.5;
  }
  if (name.starts_with("adaptive")) {
    // A fifth of the steps with no mask, then a fifth with each, whose optimisers begin one after another.
    row.training.method = experiments::ResolutionAdaptiveOptions{.widths = {32, 24, 8, 16}, .verification_width = 32};
    row.training.split.train_pool = settings::TrainPool::kMlr;
    row.training.recipe.identities = 6;
    row.training.recipe.images = 2;
    row.training.recipe.lr_images = 1;
    row.training.lanes = 2;
  }
  if (name == "adaptive-joint") {  // HR images alone with their copies
    row.training = small_training(experiments::ResolutionAdaptiveOptions{.widths = {32, 24, 8, 16},
                                                                         .masks = methods::Masks::kJoint,
                                                                         .mask_learning_rate = 1e-2,
                                                                         .verification_weight = 0.5});
  }
  if (name == "adaptive-swapped") {
    row.training.method = experiments::ResolutionAdaptiveOptions{.level_rates = {4, 2, 1},
                                                                 .widths = {40, 16, 8},
                                                                 .mask_blocks = methods::MaskBlocks::kStages,
                                                                 .mask_deviation = 0.1,
                                                                 .stage_steps = 3,
                                                                 .verification_width = 16};
    row.training.network.bn_streams = settings::BatchNormStreams::kSeparate;
    row.training.network.neck = true;
    row.training.recipe.labelled_fraction = 0.5;
  }
  if (name == "baseline-stored") {
    row.training.method = experiments::BaselineOptions{
        .images = methods::BaselineImages::kStored, .mining = methods::Mining::kAll, .classification_weight = 3};
    row.training.split.train_pool = settings::TrainPool::kMlr;
    row.training.recipe.lr_images = 1;
  }
  if (name.find("bf16") != std::string::npos) row.training.recipe.precision = settings::Precision::kBf16;
  if (name.find("mlr") != std::string::npos) row.training.split.train_pool = settings::TrainPool::kMlr;
  // Few enough for lanes in which no image has a label; bit_equality_test shows that there are.
  if (name.find("semi") != std::string::npos) row.training.recipe.labelled_fraction = 0.2;
  if (name.ends_with("-lite0")) {
    row.training.network.backbone = settings::Trunk::kEfficientnetLite0;
    row.training.network.frozen_levels = 2;
  }
  if (name == "rain-swapped") {
    row.training.method = experiments::RainOptions{
        .adversary =
            methods::Adversary{{2, 5}, true, methods::Updates::kSimultaneous, methods::DiscriminatorKind::kPixelwise},
        .mining = methods::Mining::kBatchHard,
        .decoder = methods::DecoderKind::kTransposed,
        .supervision = methods::Supervision::kHrOnlyLabels};
    row.training.network.bn_streams = settings::BatchNormStreams::kSeparate;
    row.training.network.neck = true;
  }
  return row;
}

inline const std::vector<std::string> kRows{
    "baseline",     "baseline-semi-mlr", "baseline-stored", "rain", "rain-mlr",  "rain-bf16",
    "rain-semi",    "rain-swapped",      "cadnet-mlr",      "ftwa", "ftwa-semi", "msifla",
    "msifla-paper", "adaptive",          "baseline-lite0",  "vpfa"};

class BitEqualityTest : public WorkerTest {
 protected:
  static std::vector<std::string> options(int attempt) {
    return {"--checkpoint-every", "2", "--attempt", std::to_string(attempt)};
  }

  // Runs a training that is killed up to `kills` times, at moments drawn from `random`: while it starts, or some time
  // after the first checkpoint of its attempt; one rank first or all at once. `ranks` gives W of each attempt. Returns
  // result.json.
  std::string train_killed(const std::string& name, const experiments::TrainingSpecification& training, int kills,
                           const std::function<int(int attempt)>& ranks, core::RandomStream random) {
    const fs::path folder = store(name);
    const JobId id = write_specification(folder, training);
    int attempt = 1;
    for (; attempt <= kills; ++attempt) {
      const int count = ranks(attempt);
      const std::uint64_t from = newest_checkpoint(folder, id);
      Attempt gang(folder, id, count, options(attempt));
      if (random.below(5) == 0) {
        pause(random.uniform(0, 500));
      } else {
        // An attempt that finds the last step's checkpoint ends without another; kills_that_met_ counts the others.
        if (!gang.wait_for_progress("checkpoint").empty()) pause(random.uniform(0, 40));
      }
      if (random.below(2) == 0) {
        gang.signal(random.below(static_cast<std::uint64_t>(count)), SIGKILL);
        pause(random.uniform(0, 20));
      }
      gang.signal_all(SIGKILL);
      // On a machine this fast the training may have ended: its result stands then.
      if (gang.wait_codes().front() != "exit code 0") ++kills_that_met_;
      expect_to_go_on(folder, id, attempt, from);
    }
    const int count = ranks(attempt);
    const std::uint64_t from = newest_checkpoint(folder, id);
    EXPECT_EQ(std::vector<std::string>(static_cast<std::size_t>(count), "exit code 0"),
              Attempt(folder, id, count, options(attempt)).wait_codes());
    expect_to_go_on(folder, id, attempt, from);
    return result(folder, id);
  }

  // 0: none. A checkpoint that is there under its name is whole.
  static std::uint64_t newest_checkpoint(const fs::path& store, const JobId& job) {
    const auto names = checkpoints(store, job);
    return names.empty() ? 0 : step_of(names.back());
  }

  // A start from scratch would end with the same bits: the steps of the attempt show where it began.
  static void expect_to_go_on(const fs::path& store, const JobId& job, int attempt, std::uint64_t from) {
    const auto done = steps(store, job, attempt);
    if (!done.empty()) {
      EXPECT_EQ(from + 1, done.front()) << "attempt " << attempt;
    }
  }

  // The whole row: calm, killed at the same W, another W at each restart. Returns the hashes under their columns.
  void expect_one_hash(const Row& row, int kills_of_each, int kills_of_moving) {
    std::vector<int> every;  // W: what divides the lanes
    for (int ranks : {4, 2, 1})
      if (row.training.lanes % ranks == 0) every.insert(every.begin(), ranks);
    std::vector<std::pair<std::string, std::string>> cells;
    cells.reserve(2 * every.size() + 1);
    for (int ranks : every)
      cells.emplace_back(fmt::format("W={}", ranks), train(fmt::format("{}-{}", row.name, ranks), row.training, ranks));
    for (int ranks : every)
      cells.emplace_back(fmt::format("W={} killed {}×", ranks, kills_of_each),
                         train_killed(fmt::format("{}-{}-killed", row.name, ranks), row.training, kills_of_each,
                                      [=](int) { return ranks; }, {"kills", {static_cast<std::uint64_t>(ranks)}}));
    cells.emplace_back(fmt::format("W={},1,… killed {}×", every.back(), kills_of_moving),
                       train_killed(row.name + "-moving", row.training, kills_of_moving,
                                    [&](int attempt) {
                                      const std::size_t count = every.size();
                                      return every[(static_cast<std::size_t>(attempt) + count - 2) % count];
                                    },
                                    {"kills", {0}}));
    std::string line = fmt::format("{:13}", row.name);
    for (const auto& [column, result] : cells) {
      ASSERT_NE("none", result) << row.name << ", " << column;
      line += fmt::format("  {} {}", column, weights_hash(result).substr(0, 12));
      // Not the weights alone: the whole record.
      EXPECT_EQ(cells.front().second, result) << row.name << ", " << column;
    }
    std::cout << line << std::endl;
    EXPECT_GT(kills_that_met_, kills_of_each) << "most trainings ended before they were killed";
  }

  static void pause(double milliseconds) {
    std::this_thread::sleep_for(std::chrono::duration<double, std::milli>(milliseconds));
  }

  static std::string weights_hash(const std::string& result) {
    return std::get<results::TrainingRecord>(results::parse_record(result, "result")).weights_sha256;
  }

 private:
  int kills_that_met_ = 0;
};

class MatrixTest : public BitEqualityTest, public testing::WithParamInterface<std::string> {
 public:
  static std::string name(const testing::TestParamInfo<std::string>& info) {
    std::string name = info.param;
    std::replace(name.begin(), name.end(), '-', '_');
    return name;
  }
};

}  // namespace resolute::workers
