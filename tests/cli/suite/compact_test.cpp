#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/job/find_job.h"
#include "cli/job/scratch_store.h"
#include "cli/subcommands.h"
#include "core/files/json.h"
#include "experiments/store/bundle.h"
#include "experiments/suite.h"
#include "tests/support/folders.h"
#include "tests/support/temporary_folder.h"

namespace resolute::cli::suite_compact_test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class SuiteCompact : public testing::Test {
 protected:
  SuiteCompact() {
    experiments::SuiteOptions options;
    options.store = store_.root();
    plan_ = experiments::read_suite(files_, suite_, options);
    for (const auto& job : plan_.jobs) {
      core::write_atomic(files_, store_.specification_file(job.id), experiments::canonical_text(job.specification));
      core::write_atomic(files_, store_.attempt_file(job.id, 1, "stderr"), "a line\n");
      core::write_atomic(files_, store_.result_file(job.id), "{}\n");
    }
  }
  std::string run(Arguments more) {
    more.insert(more.begin(), {suite_.string(), "--store", store_.root().string()});
    testing::internal::CaptureStdout();
    const int code = suite_compact(more);
    const std::string out = testing::internal::GetCapturedStdout();
    EXPECT_EQ(code, 0);
    return out;
  }

  tests::TemporaryFolder folder_;
  core::FileSystem& files_ = core::real_file_system();
  const fs::path suite_ = tests::source_folder() / "tests/system/tiny.toml";
  experiments::StoreLayout store_{folder_.path() / "store"};
  experiments::Plan plan_;
};

TEST_F(SuiteCompact, packs_tells_and_undoes) {
  const std::size_t jobs = plan_.jobs.size();
  std::size_t files = jobs;  // a log each, and what evaluations are
  for (const auto& job : plan_.jobs)
    files += std::holds_alternative<experiments::EvaluationSpecification>(job.specification) ? 1 : 0;
  EXPECT_THAT(run({"--dry-run"}), HasSubstr(fmt::format("{} files of {} jobs would be packed", files, jobs)));
  const core::Json report = core::parse_json(run({"--json"}), "report");
  EXPECT_EQ(report["files"], files);
  EXPECT_EQ(report["bundles"], core::Json::array({"tiny-000001"}));
  EXPECT_EQ(report["dry_run"], false);
  EXPECT_FALSE(files_.exists(store_.attempt_file(plan_.jobs[0].id, 1, "stderr")));
  EXPECT_THAT(run({"--undo"}), HasSubstr("bundles unpacked: tiny-000001"));
  EXPECT_EQ(core::read_text(files_, store_.attempt_file(plan_.jobs[0].id, 1, "stderr")), "a line\n");
}

// The first steps of `resolute repro`.
TEST_F(SuiteCompact, a_packed_specification_is_found_and_shared) {
  const experiments::PlannedJob& evaluation = plan_.jobs.back();
  run({});
  ASSERT_FALSE(files_.exists(store_.specification_file(evaluation.id)));
  files_.remove(store_.result_file(std::get<experiments::EvaluationSpecification>(evaluation.specification).training));
  experiments::BundledFiles bundled(files_, store_);
  EXPECT_EQ(read_job_specification(bundled, store_, evaluation.id), evaluation.specification);
  ScratchStore scratch(store_, false);
  scratch.prepare(evaluation.id, evaluation.specification);
  EXPECT_EQ(core::read_text(files_, scratch.layout().specification_file(evaluation.id)),
            experiments::canonical_text(evaluation.specification));
}

}  // namespace
}  // namespace resolute::cli::suite_compact_test
