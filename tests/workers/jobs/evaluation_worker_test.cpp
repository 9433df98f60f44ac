//! \file
//! resolute-worker run --evaluate-every, and what an evaluation leaves: real processes.

#include <algorithm>
#include <map>
#include <set>

#include "experiments/specification/outputs.h"
#include "results/records/mask_values.h"
#include "results/records/panels.h"
#include "results/records/prefix_distances.h"
#include "results/records/recovery.h"
#include "tests/support/any_word.h"
#include "tests/system/program.h"
#include "tests/workers/jobs/worker_fixture.h"

namespace resolute::workers::evaluation_worker_test {
namespace {

class EvaluationWorkerTest : public WorkerTest {
 protected:
  static experiments::TrainingSpecification small_ftwa() {
    experiments::TrainingSpecification training = small_training(experiments::FtwaOptions{});
    training.recipe.lr_images = 1;
    return training;
  }
  static experiments::EvaluationSpecification evaluation_of(const experiments::TrainingSpecification& training,
                                                            int panels, const std::vector<int>& sample_rates,
                                                            int sample_identities, bool resolution_probe = false) {
    experiments::EvaluationSpecification evaluation{experiments::job_id(training), small_pack(), training.split, {}};
    evaluation.protocol.panels = panels;
    evaluation.protocol.sample_rates = sample_rates;
    evaluation.protocol.sample_identities = sample_identities;
    evaluation.protocol.resolution_probe = resolution_probe;
    return evaluation;
  }
  // Runs the evaluation in a store where its training is done; returns its record.
  results::EvaluationRecord evaluate(const std::string& name, const experiments::EvaluationSpecification& evaluation) {
    const JobId id = write_specification(store(name), evaluation);
    run_alone(store(name), id);
    return std::get<results::EvaluationRecord>(results::parse_record(result(store(name), id), "result"));
  }
  // Trains in a store of its own; returns evaluations.jsonl.
  std::string train_evaluating(const std::string& name, const experiments::TrainingSpecification& training, int ranks,
                               const std::string& epochs) {
    const JobId id = write_specification(store(name), training);
    EXPECT_EQ(std::vector<std::string>(static_cast<std::size_t>(ranks), "exit code 0"),
              Attempt(store(name), id, ranks, {"--evaluate-every", epochs}).wait_codes());
    return core::read_text_if_exists(core::real_file_system(),
                                     experiments::StoreLayout(store(name)).attempt_file(id, 1, "evaluations.jsonl"))
        .value_or("none");
  }
};

TEST_F(EvaluationWorkerTest, a_training_evaluated_on_its_way_is_the_same_training) {
  const experiments::TrainingSpecification training = small_training(experiments::BaselineOptions{});
  const JobId id = experiments::job_id(training);
  const std::string plain = train("plain", training, 1);
  EXPECT_EQ("none", train_evaluating("never", training, 1, "0"));
  // 32 images to train on and 16 rows a step: an epoch is two steps.
  const std::string one = train_evaluating("one", training, 1, "4");
  EXPECT_EQ(one, train_evaluating("two", training, 2, "4"));
  EXPECT_EQ(plain, result(store("one"), id));
  EXPECT_EQ(plain, result(store("two"), id));

  std::istringstream lines(one);
  std::vector<std::uint64_t> steps;
  for (std::string line; std::getline(lines, line);) {
    const core::Json json = core::parse_json(line, "evaluations");
    steps.push_back(json.at("step").get<std::uint64_t>());
    EXPECT_EQ(static_cast<double>(steps.back()) / 2, json.at("epoch").get<double>());
    EXPECT_EQ(16, json.at("metrics").at("queries").get<double>());
  }
  EXPECT_EQ((std::vector<std::uint64_t>{8, 16}), steps);
}

TEST_F(EvaluationWorkerTest, the_last_evaluation_scores_what_the_evaluation_job_scores) {
  experiments::TrainingSpecification narrow = small_training(experiments::BaselineOptions{});
  narrow.recipe.precision = settings::Precision::kBf16;
  const std::map<std::string, experiments::TrainingSpecification> trainings = {
      {"f32", small_training(experiments::BaselineOptions{})}, {"bf16", narrow}, {"ftwa", small_ftwa()}};
  for (const auto& [name, training] : trainings) {
    const std::string lines = train_evaluating(name, training, 1, std::to_string(kSteps / 2));
    const experiments::EvaluationSpecification evaluation{
        experiments::job_id(training), small_pack(), training.split, {}};
    const results::EvaluationRecord record = evaluate(name, evaluation);
    const core::Json last = core::parse_json(lines, "evaluations");
    EXPECT_EQ(static_cast<std::uint64_t>(kSteps), last.at("step").get<std::uint64_t>());
    EXPECT_EQ(record.metrics, (last.at("metrics").get<std::map<std::string, double>>()));
  }
}

// A training of a GPU, as one leaves it: that of a CPU under the id of its twin.
TEST_F(EvaluationWorkerTest, what_a_gpu_trained_is_embedded_on_the_cpu_where_the_protocol_says_so) {
  const experiments::TrainingSpecification here = small_training(experiments::BaselineOptions{});
  experiments::TrainingSpecification elsewhere = here;
  elsewhere.device = settings::Device::kCuda;
  train("device", here, 1);
  const experiments::StoreLayout layout(store("device"));
  const JobId id = write_specification(store("device"), elsewhere);
  for (const auto& entry : std::filesystem::directory_iterator(layout.job_folder(experiments::job_id(here))))
    if (entry.is_regular_file() && entry.path().filename() != "spec.json")
      std::filesystem::copy_file(entry, layout.job_folder(id) / entry.path().filename());
  std::string record = result(store("device"), experiments::job_id(here));
  record.replace(record.find(experiments::job_id(here).hex), id.hex.size(), id.hex);
  core::write_atomic(core::real_file_system(), layout.result_file(id), record);

  experiments::EvaluationSpecification evaluation{id, small_pack(), elsewhere.split, {}};
  evaluation.protocol.device = settings::EvaluationDevice::kCpu;
  const auto found = evaluate("device", evaluation);
  evaluation = {experiments::job_id(here), small_pack(), here.split, {}};
  const auto expected = evaluate("device", evaluation);
  EXPECT_EQ(found.metrics, expected.metrics);
  EXPECT_EQ(found.features_sha256, expected.features_sha256);
}

TEST_F(EvaluationWorkerTest, an_evaluation_names_the_files_that_it_leaves_and_leaves_them_again) {
  experiments::TrainingSpecification training = small_training(experiments::RainOptions{});
  training.recipe.steps = 4;
  experiments::EvaluationSpecification evaluation = evaluation_of(training, 2, {1, 3}, 2, true);
  std::set<std::string> texts;
  for (const char* name : {"outputs", "outputs-again"}) {
    train(name, training, 1);
    const results::EvaluationRecord record = evaluate(name, evaluation);
    texts.insert(result(store(name), record.job));
    std::set<std::string> files;
    for (const auto& [file, sha256] : record.outputs) {
      files.insert(file);
      const core::Bytes bytes =
          core::real_file_system().read(experiments::StoreLayout(store(name)).job_folder(record.job) / file);
      EXPECT_EQ(sha256, core::sha256_hex(bytes)) << file;
    }
    EXPECT_EQ((std::set<std::string>{"panels/gallery-000.png", "panels/gallery-001.png", "panels/panels.json",
                                     "panels/reconstruction-000.png", "panels/reconstruction-001.png", "queries.csv",
                                     "recovery.csv", "samples.h5"}),
              files);
    EXPECT_TRUE(record.metrics.contains("resolution_probe"));
    EXPECT_TRUE(record.metrics.contains("psnr_gain_3"));
    EXPECT_FALSE(record.metrics.contains("psnr_gain_1"));
  }
  EXPECT_EQ(1U, texts.size());
}

TEST_F(EvaluationWorkerTest, a_cascade_leaves_what_each_scale_recovers_whatever_number_of_ranks_trained_it) {
  experiments::MsiflaOptions cascade{.ir_width = 8};
  experiments::TrainingSpecification training = small_training(cascade);
  training.recipe.steps = 4;
  training.recipe.lr_images = 1;
  experiments::EvaluationSpecification evaluation = evaluation_of(training, 1, {1, 2, 4}, 2);
  std::set<std::string> texts;
  for (int ranks : {1, 2}) {
    const std::string name = fmt::format("cascade-{}", ranks);
    train(name, training, ranks);
    const results::EvaluationRecord record = evaluate(name, evaluation);
    texts.insert(result(store(name), record.job));
    const fs::path folder = experiments::StoreLayout(store(name)).job_folder(record.job);
    const auto lines = results::parse_csv<results::ImageRecoveryQuality>(
        core::read_text(core::real_file_system(), folder / "recovery.csv"), "recovery");
    ASSERT_EQ(2U * 4U * 3U * 3U, lines.size());
    for (std::size_t i = 0; i < lines.size(); ++i) EXPECT_EQ(3 - static_cast<int>(i % 3), lines[i].scale);
    for (const auto& [metric, value] : results::recovery_metrics(lines)) EXPECT_EQ(value, record.metrics.at(metric));
    EXPECT_TRUE(record.metrics.contains("psnr_gain_4"));
    const auto panels =
        results::parse_panels(core::read_text(core::real_file_system(), folder / "panels/panels.json"), "panels");
    EXPECT_EQ(3U, panels.queries.at(0).reconstruction.value().recovered.size());
  }
  EXPECT_EQ(1U, texts.size()) << *texts.begin() << *texts.rbegin();
}

TEST_F(EvaluationWorkerTest, an_evaluation_by_branches_is_the_same_with_two_ranks_and_ranks_as_its_file_does) {
  experiments::TrainingSpecification training = small_ftwa();
  training.recipe.steps = 4;
  const std::string lines = train_evaluating("branches", training, 1, "1");
  EXPECT_EQ(2, std::count(lines.begin(), lines.end(), '\n')) << lines;
  EXPECT_EQ(lines, train_evaluating("branches-two", training, 2, "1"));

  experiments::EvaluationSpecification evaluation = evaluation_of(training, 1, {1, 2, 4}, 3, true);
  std::set<std::string> features;
  const std::vector<std::pair<std::string, int>> comparisons = {
      {"default", 3}, {"default", 0}, {"equal", 3}, {"hr", 3}, {"lr", 0}};
  for (const auto& [distance, copy_rate] : comparisons) {
    evaluation.protocol.distance = tests::AnyWord(distance);
    evaluation.protocol.gallery_copy_rate = copy_rate;
    const results::EvaluationRecord record = evaluate("branches", evaluation);
    EXPECT_EQ(1U, record.outputs.count("weights.csv"));
    EXPECT_EQ(distance == "default", record.metrics.contains("hr_share"));
    features.insert(record.features_sha256);
    const fs::path file =
        experiments::StoreLayout(store("branches")).job_folder(experiments::job_id(evaluation)) / "features.h5";
    const core::CommandOutput ranked = system_test::resolute({"rank", file.string(), "--json"});
    ASSERT_EQ(0, system_test::code_of(ranked)) << ranked.err;
    EXPECT_EQ(record.metrics.at("map_full"), core::parse_json(ranked.out, "rank").at("map").get<double>());
  }
  EXPECT_EQ(comparisons.size(), features.size());
}

TEST_F(EvaluationWorkerTest, an_evaluation_by_levels_is_the_same_with_two_ranks_and_ranks_as_its_file_does) {
  experiments::ResolutionAdaptiveOptions method{.widths = {16, 16, 32, 64}, .stage_steps = 1, .verification_width = 8};
  experiments::TrainingSpecification training = small_training(method);
  training.recipe.steps = 5;  // one for the trunk, one for each of four masks
  const std::string lines = train_evaluating("levels", training, 1, "1");
  EXPECT_EQ(2, std::count(lines.begin(), lines.end(), '\n')) << lines;
  EXPECT_EQ(lines, train_evaluating("levels-two", training, 2, "1"));

  experiments::EvaluationSpecification evaluation = evaluation_of(training, 1, {1, 2, 4}, 3, true);
  std::map<std::string, double> agreements;
  for (const std::string way : {"known", "native-size", "highest", "lowest"}) {
    evaluation.protocol.query_level = tests::AnyWord(way);
    const results::EvaluationRecord record = evaluate("levels", evaluation);
    const fs::path folder = experiments::StoreLayout(store("levels")).job_folder(experiments::job_id(evaluation));
    const core::CommandOutput ranked = system_test::resolute({"rank", (folder / "features.h5").string(), "--json"});
    ASSERT_EQ(0, system_test::code_of(ranked)) << ranked.err;
    EXPECT_EQ(record.metrics.at("map_full"), core::parse_json(ranked.out, "rank").at("map").get<double>());
    agreements[way] = record.metrics.at("level_agreement");
    EXPECT_GT(record.metrics.at("mask_spread"), 0);
    const auto prefixes = results::parse_csv<results::PrefixDistances>(
        core::read_text(core::real_file_system(), folder / experiments::kPrefixesOutput.file), "prefixes");
    EXPECT_EQ(way == "highest" ? 4 : 1, prefixes.back().level);
    const auto masks = results::parse_csv<results::MaskSpread>(
        core::read_text(core::real_file_system(), folder / experiments::kMasksOutput.file), "masks");
    EXPECT_EQ(4U * 4U, masks.size());
    for (const char* file : {experiments::kPrefixesOutput.file, experiments::kMasksOutput.file})
      EXPECT_EQ(1U, record.outputs.count(file)) << file;
  }
  // Images of the synthetic source are stored at the pack's size: what they are shrunk by is plain to see.
  EXPECT_EQ((std::map<std::string, double>{{"known", 1}, {"native-size", 1}, {"highest", 0}}),
            (std::map<std::string, double>{*agreements.find("known"), *agreements.find("native-size"),
                                           *agreements.find("highest")}));
  EXPECT_GT(agreements.at("lowest"), 0);
  EXPECT_LT(agreements.at("lowest"), 1);
}

TEST_F(EvaluationWorkerTest, resolute_train_shows_the_scores_as_they_move) {
  const fs::path folder = store("shown");
  core::write_atomic(core::real_file_system(), folder / "spec.json",
                     core::canonical_json(experiments::to_json(
                         experiments::JobSpecification(small_training(experiments::BaselineOptions{})))));
  const core::CommandOutput output = system_test::resolute(
      {"train", (folder / "spec.json").string(), "--store", folder.string(), "--ranks", "2", "--evaluate-every", "4"});
  EXPECT_EQ(0, system_test::code_of(output)) << output.err;
  for (const char* step : {"step 8: mAP ", "step 16: mAP "})
    EXPECT_NE(std::string::npos, output.err.find(step)) << output.err;
}

}  // namespace
}  // namespace resolute::workers::evaluation_worker_test
