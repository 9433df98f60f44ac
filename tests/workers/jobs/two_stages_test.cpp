//! \file
//! Trainings that start from another training's last weights, through resolute-worker: same bytes however often either
//! is killed.

#include <gmock/gmock.h>

#include "tests/workers/jobs/bit_equality.h"
#include "workers/jobs/finished_training.h"

namespace resolute::workers::two_stages_test {
namespace {

using experiments::BaselineOptions;
using experiments::RainOptions;
using experiments::Start;
using experiments::StartPart;
using experiments::TrainingSpecification;
using ::testing::AllOf;
using ::testing::HasSubstr;

class TwoStages : public BitEqualityTest {
 protected:
  static TrainingSpecification first() { return small_training(BaselineOptions{}); }
  static TrainingSpecification second(const experiments::MethodOptions& method, StartPart part) {
    TrainingSpecification training = small_training(method);
    training.recipe.learning_rate = 1e-4;
    training.start_from = Start{experiments::job_id(first()), part};
    return training;
  }
  // One step that moves no parameter which is not zero.
  static TrainingSpecification still(TrainingSpecification training) {
    training.recipe.steps = 1;
    training.recipe.warmup_steps = 0;
    training.recipe.learning_rate = training.recipe.discriminator_learning_rate = 1e-30;
    training.recipe.weight_decay = 0;
    return training;
  }
  std::unique_ptr<methods::Method> trained(const std::string& name, const TrainingSpecification& training) {
    const experiments::StoreLayout layout(store(name));
    auto& files = core::real_file_system();
    return make_trained_method(files, layout, read_finished_training(files, layout, experiments::job_id(training)));
  }
  static networks::NamedTensors tensors_of(const torch::nn::Module& module) {
    networks::NamedTensors tensors;
    list_module(module, "", tensors);
    return tensors;
  }
  // A batch norm's running statistics move in any step.
  static void expect_equal(const networks::NamedTensors& expected, const networks::NamedTensors& found,
                           bool statistics_too = false) {
    ASSERT_FALSE(expected.empty());
    for (const auto& [name, tensor] : expected)
      if (statistics_too ||
          (name.find("running_") == std::string::npos && name.find("num_batches") == std::string::npos))
        EXPECT_TRUE(at::allclose(tensor.to(at::kDouble), found.at(name).to(at::kDouble), 0, 1e-25)) << name;
  }
  std::string last_words(const TrainingSpecification& training) {
    const JobId job = write_specification(store("refused"), training);
    const Ended end = Attempt(store("refused"), job, 1).wait().front();
    EXPECT_EQ("exit code 2", end.how);
    return end.last_line;
  }
};

TEST_F(TwoStages, killed_in_each_stage_have_the_bytes_of_calm_ones) {
  const auto adversarial = second(RainOptions{}, StartPart::kTrunk);
  auto longer = second(BaselineOptions{.mining = methods::Mining::kBatchHard}, StartPart::kModule);
  longer.network.frozen_levels = 2;
  std::vector<std::string> calm;
  for (const auto& training : {first(), adversarial, longer}) calm.push_back(train("calm", training, 1));
  const auto ranks = [](int attempt) { return attempt % 2 + 1; };
  std::vector<std::string> killed;
  for (const auto& training : {first(), adversarial, longer})
    killed.push_back(train_killed("killed", training, 3, ranks, {"two stages", {killed.size()}}));
  EXPECT_EQ(calm, killed);
  const core::Json began = core::parse_json(calm[1], "result").at("provenance");
  EXPECT_EQ(experiments::job_id(first()).hex, began.at("started_from").at("training"));
  EXPECT_EQ(weights_hash(calm[0]), began.at("started_from").at("weights_sha256"));
  EXPECT_EQ(true, began.at("from_scratch"));  // the first one did
}

TEST_F(TwoStages, first_weights_are_the_last_of_the_training_before) {
  train("whole", first(), 1);
  const auto whole = still(second(BaselineOptions{.margin = 1}, StartPart::kModule));
  train("whole", whole, 2);
  const auto before = trained("whole", first());
  expect_equal(tensors_of(before->module()), tensors_of(trained("whole", whole)->module()));

  // Of another method the trunk alone; the rest is drawn as ever.
  const auto part = still(second(RainOptions{}, StartPart::kTrunk));
  train("whole", part, 1);
  const auto after = trained("whole", part);
  expect_equal(tensors_of(only_trunk(before->module())), tensors_of(only_trunk(after->module())));
  auto scratch = part;
  scratch.start_from.reset();
  train("whole", scratch, 1);
  networks::NamedTensors drawn = tensors_of(trained("whole", scratch)->module());
  const networks::NamedTensors trunk = tensors_of(only_trunk(after->module()));
  std::erase_if(drawn, [](const auto& item) { return item.first.starts_with("trunk."); });
  EXPECT_EQ(tensors_of(after->module()).size(), drawn.size() + trunk.size());
  expect_equal(drawn, tensors_of(after->module()));
}

TEST_F(TwoStages, a_frozen_trunk_stays_as_the_training_before_left_it) {
  train("frozen", first(), 1);
  auto frozen = second(RainOptions{.adversary = methods::NoAdversary()}, StartPart::kTrunk);
  frozen.network.frozen_levels = settings::kTrunkLevels;
  train("frozen", frozen, 1);
  const auto before = trained("frozen", first()), after = trained("frozen", frozen);
  expect_equal(tensors_of(only_trunk(before->module())), tensors_of(only_trunk(after->module())), true);
}

TEST_F(TwoStages, a_checkpoint_needs_no_weights_of_the_training_before) {
  const auto training = second(BaselineOptions{}, StartPart::kModule);
  train("needed", first(), 1);
  const std::string calm = train("needed", training, 1);
  train("stopped", first(), 1);
  const fs::path stopped = store("stopped");
  const JobId job = write_specification(stopped, training);
  Attempt attempt(stopped, job, 1);
  attempt.wait_for_checkpoint();
  attempt.signal(0, SIGTERM);
  attempt.wait();
  ASSERT_FALSE(checkpoints(stopped, job).empty());
  const auto record =
      std::get<results::TrainingRecord>(results::parse_record(result(stopped, experiments::job_id(first())), "result"));
  fs::remove(experiments::StoreLayout(stopped).job_folder(record.job) / record.weights_file);
  Attempt again(stopped, job, 1, {"--attempt", "2"});
  EXPECT_EQ(std::vector<std::string>{"exit code 0"}, again.wait_codes());
  EXPECT_EQ(calm, result(stopped, job));
}

// As after a rerun of the first stage on machines of another class.
TEST_F(TwoStages, a_checkpoint_of_a_training_that_began_from_other_bytes_is_passed_over) {
  const auto training = second(BaselineOptions{}, StartPart::kModule);
  train("other", first(), 1);
  const fs::path other = store("other");
  const JobId job = write_specification(other, training);
  Attempt attempt(other, job, 1);
  attempt.wait_for_checkpoint();
  attempt.signal(0, SIGTERM);
  attempt.wait();
  ASSERT_FALSE(checkpoints(other, job).empty());
  const experiments::StoreLayout layout(other);
  core::FileSystem& files = core::real_file_system();
  results::TrainingRecord record = read_training(files, layout, experiments::job_id(first()));
  Weights weights = read_weights(files, layout, record);
  at::Tensor& changed = weights.tensors.at("classifier.linear.weight");
  changed = changed + 1;
  const core::Bytes bytes = encode_weights(weights);
  record.weights_sha256 = core::sha256_hex(bytes);
  record.weights_file = weights_file_name(record.weights_sha256);
  core::write_atomic(files, layout.job_folder(record.job) / record.weights_file, bytes);
  core::write_atomic(files, layout.result_file(record.job), results::record_text(record));
  Attempt again(other, job, 1, {"--attempt", "2"});
  EXPECT_EQ(std::vector<std::string>{"exit code 0"}, again.wait_codes());
  EXPECT_EQ(1U, steps(other, job, 2).at(0));
  EXPECT_EQ(record.weights_sha256,
            core::parse_json(result(other, job), "result")["provenance"]["started_from"]["weights_sha256"]);
}

TEST_F(TwoStages, what_cannot_be_started_from_is_one_line) {
  const auto training = second(BaselineOptions{}, StartPart::kModule);
  EXPECT_THAT(last_words(training), AllOf(HasSubstr("has no result"), HasSubstr("run the training first")));
  train("refused", first(), 1);
  EXPECT_THAT(last_words(second(RainOptions{}, StartPart::kModule)),
              AllOf(HasSubstr("key 'start_from'"), HasSubstr("its networks are not those of this training")));
  auto leaking = training;
  leaking.split.seed = 1;
  EXPECT_THAT(last_words(leaking), HasSubstr("people who train there are tested here"));
  const auto record = std::get<results::TrainingRecord>(
      results::parse_record(result(store("refused"), experiments::job_id(first())), "result"));
  const fs::path weights = experiments::StoreLayout(store("refused")).job_folder(record.job) / record.weights_file;
  core::Bytes bytes = core::real_file_system().read(weights);
  bytes.back() ^= std::byte{1};
  core::write_atomic(core::real_file_system(), weights, bytes);
  const JobId job = write_specification(store("refused"), training);
  EXPECT_THAT(Attempt(store("refused"), job, 1).wait().front().last_line, HasSubstr("are damaged"));
}

}  // namespace
}  // namespace resolute::workers::two_stages_test
