//! \file
//! An evaluation on a disk that fails, and one that another attempt overtakes: what stands beside a result is what the
//! result names.

#include <map>
#include <set>
#include <utility>

#include "tests/datasets/pack/raw_images.h"
#include "tests/support/faulty_file_system.h"
#include "tests/support/forwarding_file_system.h"
#include "tests/support/temporary_folder.h"
#include "tests/workers/jobs/worker_fixture.h"
#include "workers/jobs/job.h"
#include "workers/packs/pack_job.h"

namespace resolute::workers::evaluation_publish_test {
namespace {

using tests::FaultyFileSystem;

// Says once that a file is not there: the job begins although it has its result.
class ForgetfulFileSystem final : public tests::ForwardingFileSystem {
 public:
  explicit ForgetfulFileSystem(fs::path forgotten) : forgotten_(std::move(forgotten)) {}
  bool fired() const { return fired_; }
  bool exists(const fs::path& path) override {
    if (path == forgotten_ && !std::exchange(fired_, true)) return false;
    return ForwardingFileSystem::exists(path);
  }

 private:
  fs::path forgotten_;
  bool fired_ = false;
};

// A store with a trained RAIN and an evaluation that asks for everything.
class EvaluationPublishTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    at::set_num_threads(1);
    folder_ = std::make_unique<tests::TemporaryFolder>();
    experiments::TrainingSpecification training = small_training(experiments::RainOptions{});
    training.recipe.steps = 3;
    for (int shard = 0; shard < small_pack().shards; ++shard) run(experiments::ShardSpecification{small_pack(), shard});
    run(experiments::SealSpecification{small_pack()});
    run(training);
    const experiments::EvaluationProtocol everything{
        .query_rates = {}, .panels = 2, .sample_rates = {1, 2}, .sample_identities = 2, .resolution_probe = true};
    evaluation_ =
        experiments::EvaluationSpecification{experiments::job_id(training), small_pack(), training.split, everything};
    run(evaluation_);
    result_ = text(result_file());
  }
  static void TearDownTestSuite() { folder_.reset(); }
  // Only the specification is left of the evaluation.
  void SetUp() override {
    for (const auto& entry : fs::directory_iterator(job_folder()))
      if (entry.path().filename() != "spec.json") fs::remove_all(entry.path());
  }

  static void run(const experiments::JobSpecification& specification,
                  core::FileSystem& files = core::real_file_system()) {
    JobOptions options;
    options.store = store().root();
    options.job = write_specification(store().root(), specification).hex;
    if (builds_pack(specification))
      run_pack_job(files, options, specification);
    else
      run_job(files, options);
  }
  static experiments::StoreLayout store() { return experiments::StoreLayout(folder_->path()); }
  static fs::path job_folder() { return store().job_folder(experiments::job_id(evaluation_)); }
  static fs::path result_file() { return store().result_file(experiments::job_id(evaluation_)); }
  static std::string text(const fs::path& path) { return core::read_text(core::real_file_system(), path); }
  static std::map<std::string, std::string> outputs() {
    return std::get<results::EvaluationRecord>(results::parse_record(result_, "result")).outputs;
  }
  // The result stands there, and beside it what it names.
  static void expect_whole() {
    EXPECT_EQ(result_, text(result_file()));
    const auto named = outputs();
    EXPECT_EQ(8U, named.size());
    for (const auto& [name, sha256] : named)
      EXPECT_EQ(sha256, core::sha256_hex(core::real_file_system().read(job_folder() / name))) << name;
    for (const std::string& name : core::real_file_system().list(job_folder()))
      EXPECT_FALSE(name.starts_with("staged-") || name == "publishing") << name;
  }

  static inline std::unique_ptr<tests::TemporaryFolder> folder_;
  static inline experiments::JobSpecification evaluation_;
  static inline std::string result_;
};

TEST_F(EvaluationPublishTest, a_disk_that_fails_leaves_no_result_and_the_next_attempt_the_same_one) {
  FaultyFileSystem counting;
  run(evaluation_, counting);
  expect_whole();
  for (const auto operation : {FaultyFileSystem::kOpen, FaultyFileSystem::kWrite, FaultyFileSystem::kSync,
                               FaultyFileSystem::kRename, FaultyFileSystem::kLink}) {
    const int count = counting.count(operation);
    ASSERT_GT(count, 0);
    for (const int nth : std::set<int>{0, count / 2, count - 1}) {
      SetUp();
      FaultyFileSystem files;
      files.fail(operation, nth);
      EXPECT_THROW(run(evaluation_, files), core::RuntimeError) << operation << " " << nth;
      EXPECT_TRUE(files.fired());
      EXPECT_FALSE(fs::exists(result_file()));
      run(evaluation_);
      expect_whole();
    }
  }
}

TEST_F(EvaluationPublishTest, an_attempt_that_is_overtaken_leaves_the_others_files_alone) {
  run(evaluation_);
  std::vector<std::string> names = {"features.h5"};
  const auto named = outputs();
  for (const auto& [name, sha256] : named) names.push_back(name);
  for (const std::string& name : names) core::write_atomic(core::real_file_system(), job_folder() / name, "theirs");
  ForgetfulFileSystem files(result_file());
  run(evaluation_, files);
  EXPECT_TRUE(files.fired());
  for (const std::string& name : names) EXPECT_EQ("theirs", text(job_folder() / name)) << name;
  EXPECT_EQ(result_, text(result_file()));
}

TEST_F(EvaluationPublishTest, a_distance_that_the_trainings_method_lacks_is_refused) {
  auto evaluation = std::get<experiments::EvaluationSpecification>(evaluation_);
  evaluation.protocol.distance = settings::DistanceName::kWeighted;
  const fs::path folder = store().job_folder(experiments::job_id(evaluation));
  tests::expect_error(core::ErrorKind::kInput,
                      {(folder / "spec.json").string(), "evaluate.distance", "'rain' compares by one embedding"},
                      [&] { run(evaluation); });
  EXPECT_FALSE(fs::exists(folder / "features.h5"));
}

}  // namespace
}  // namespace resolute::workers::evaluation_publish_test
