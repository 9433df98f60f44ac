//! Trainings that start from imported weights, through resolute-worker; and what they give to others.

#include <gmock/gmock.h>

#include "experiments/store/weights_catalogue.h"
#include "tests/networks/weights/files.h"
#include "tests/workers/jobs/worker_fixture.h"
#include "workers/jobs/commands.h"
#include "workers/jobs/pretrained.h"

namespace resolute::workers::initial_weights_test {
namespace {

using ::testing::HasSubstr;

class InitialWeights : public WorkerTest {
 protected:
  // A training that starts from the golden trunk, which is put into its store.
  experiments::TrainingSpecification training(const std::string& name) {
    const ImportResult imported =
        import_weights(core::real_file_system(), experiments::StoreLayout(store(name)),
                       {networks::network_tests::golden_file("trunk.pth"), "small", "resnet-small", {}, false});
    experiments::TrainingSpecification training = small_training(experiments::BaselineOptions{});
    training.initial_weights = imported.report.at("weights_sha256");
    return training;
  }
  static core::Json record(const std::string& text) { return core::parse_json(text, "result"); }
};

TEST_F(InitialWeights, one_training_from_them_on_any_number_of_ranks_and_another_from_scratch) {
  const auto from_weights = training("one");
  const std::string one = train("one", from_weights, 1);
  training("two");
  EXPECT_EQ(one, train("two", from_weights, 2));
  EXPECT_EQ(false, record(one).at("provenance").at("from_scratch"));

  auto scratch = from_weights;
  scratch.initial_weights = "";
  const core::Json other = record(train("one", scratch, 1));
  EXPECT_EQ(true, other.at("provenance").at("from_scratch"));
  EXPECT_NE(record(one).at("weights_sha256"), other.at("weights_sha256"));

  // An evaluation needs the weights that were trained, not those they began with.
  std::filesystem::remove_all(experiments::StoreLayout(store("one")).weights_folder());
  const experiments::EvaluationSpecification evaluation{
      experiments::job_id(from_weights), from_weights.pack, from_weights.split, {}};
  run_alone(store("one"), write_specification(store("one"), evaluation));
}

TEST_F(InitialWeights, are_those_of_the_file_before_the_first_step) {
  auto still = training("still");
  still.recipe.steps = 1;
  still.recipe.warmup_steps = 0;
  still.recipe.learning_rate = 1e-30;  // moves no parameter that is not zero
  const JobId job = write_specification(store("still"), still);
  run_alone(store("still"), job);
  const experiments::StoreLayout layout(store("still"));
  for (const char* name : {"trunk.pth", "trunk.safetensors"}) {
    const auto out = store("still") / name;
    const core::Json report = export_weights(core::real_file_system(), layout, job.hex, out);
    EXPECT_EQ(65U, report.at("tensors"));
    const core::Bytes bytes = core::real_file_system().read(out);
    const TensorFile written = open_tensor_file(bytes, name);
    ASSERT_EQ(65U, written.tensors.size());
    for (const auto& [tensor_name, tensor] : written.tensors) {
      if (tensor_name.find("running_") != std::string::npos) continue;  // these do move
      const at::Tensor expected = networks::network_tests::trunk_tensor(tensor_name, tensor.shape);
      EXPECT_TRUE(at::equal(expected.masked_fill(expected == 0, 0), tensor.read().masked_fill(expected == 0, 0)))
          << tensor_name;
    }
    // What was given out can be taken in again.
    const ImportResult again =
        import_weights(core::real_file_system(), layout, {out, "again", "resnet-small", {}, false});
    ASSERT_TRUE(again.complete);
    // The store remembers by the values, not by the file, where they are from.
    const experiments::WeightsCatalogue catalogue(core::real_file_system(), layout);
    EXPECT_TRUE(catalogue.origin(again.report.at("weights_sha256")) == still);
    EXPECT_EQ(std::nullopt, catalogue.origin(still.initial_weights));
  }
  // Somebody else's file does not go because its name was given; an earlier export does.
  fs::create_symlink("trunk.pth", store("still") / "link.pth");
  fs::create_directory(store("still") / "folder.safetensors");
  core::write_atomic(core::real_file_system(), store("still") / "notes.pth", "mine\n");
  for (const char* name : {"link.pth", "folder.safetensors", "notes.pth"})
    EXPECT_THAT(
        tests::refusal([&] { export_weights(core::real_file_system(), layout, job.hex, store("still") / name); }),
        HasSubstr(std::string(name) + "' is not replaced"));
  export_weights(core::real_file_system(), layout, job.hex, store("still") / "trunk.safetensors");
}

TEST_F(InitialWeights, are_not_needed_once_there_is_a_checkpoint) {
  const auto specification = training("calm");
  const std::string calm = train("calm", specification, 1);
  training("stopped");
  const fs::path stopped = store("stopped");
  const JobId job = write_specification(stopped, specification);
  Attempt attempt(stopped, job, 1);
  attempt.wait_for_checkpoint();
  attempt.signal(0, SIGTERM);
  attempt.wait();
  ASSERT_FALSE(checkpoints(stopped, job).empty());
  fs::remove_all(experiments::StoreLayout(stopped).weights_folder());
  Attempt again(stopped, job, 1, {"--attempt", "2"});
  EXPECT_EQ(std::vector<std::string>{"exit code 0"}, again.wait_codes());
  EXPECT_EQ(calm, result(stopped, job));
}

TEST_F(InitialWeights, that_are_missing_are_one_line) {
  auto specification = training("missing");
  fs::remove(experiments::StoreLayout(store("missing")).weights_file(specification.initial_weights));
  const JobId job = write_specification(store("missing"), specification);
  const Ended end = Attempt(store("missing"), job, 1).wait().front();
  EXPECT_EQ("exit code 2", end.how);
  EXPECT_THAT(end.last_line, HasSubstr("initial weights '" + specification.initial_weights + "' are not in the store"));
  EXPECT_THAT(end.last_line, HasSubstr("resolute weights import"));
}

TEST_F(InitialWeights, trained_ones_that_are_spoilt_are_named_with_the_way_to_new_ones) {
  const auto specification = training("spoilt");
  const auto trained = record(train("spoilt", specification, 1));
  const experiments::StoreLayout layout(store("spoilt"));
  const JobId job = experiments::job_id(specification);
  const fs::path weights = layout.job_folder(job) / trained.at("weights_file").get<std::string>();
  const fs::path kept = store("spoilt") / "kept";
  fs::rename(weights, kept);
  const auto refused = [&] {
    const auto error =
        tests::error_of([&] { export_weights(core::real_file_system(), layout, job.hex, store("spoilt") / "x.pth"); });
    return error ? std::string(error->what()) : std::string();
  };
  const auto advice = HasSubstr("; remove result.json beside them, and run the suite again");
  EXPECT_THAT(refused(), AllOf(HasSubstr("cannot open weights '" + weights.string()), advice));
  core::write_atomic(core::real_file_system(), weights, "");
  EXPECT_THAT(refused(), AllOf(HasSubstr("'" + weights.string() + "' are damaged"), advice));
  fs::remove(weights);
  fs::resize_file(kept, fs::file_size(kept) - 1);
  fs::create_symlink(kept, weights);
  EXPECT_THAT(refused(), AllOf(HasSubstr("'" + kept.string() + "' are damaged"), advice));
}

TEST_F(InitialWeights, only_a_finished_training_is_exported_and_only_by_a_known_ending) {
  const auto specification = training("early");
  const JobId job = write_specification(store("early"), specification);
  const auto out = [&](const std::string& id, const std::string& name) {
    return tests::refusal([&] {
      export_weights(core::real_file_system(), experiments::StoreLayout(store("early")), id, store("early") / name);
    });
  };
  EXPECT_THAT(out(job.hex, "x.pth"), HasSubstr("has no result"));
  EXPECT_THAT(out(job.hex, "x.onnx"), HasSubstr("has the ending '.onnx'"));
  EXPECT_THAT(out("../x", "x.pth"), HasSubstr("'../x' is no job id"));
  EXPECT_FALSE(fs::exists(store("early") / "x.pth"));
}

}  // namespace
}  // namespace resolute::workers::initial_weights_test
