#pragma once
//! \file
//! The made-up suite of tests/results/made_up_suite.h with its records in a store, for tests of what is exported.

#include <set>

#include "results/exports/relations.h"
#include "tests/results/made_up_suite.h"
#include "tests/support/faulty_file_system.h"
#include "tests/support/temporary_folder.h"

namespace resolute::results {

class StoredSuite : public testing::Test {
 protected:
  StoredSuite() {
    // A plan holds a job once; the made-up one names a data set's seal for each row.
    std::set<JobId> seen;
    std::erase_if(suite_.plan.jobs, [&](const experiments::PlannedJob& job) { return !seen.insert(job.id).second; });
    put_records();
  }

  //! Writes result.json of every record that the suite has.
  void put_records() {
    for (const auto& [job, record] : suite_.records) put(job, "result.json", record_text(record));
  }
  void put(const JobId& job, const std::string& name, const std::string& text) {
    core::write_atomic(files_, store_.job_folder(job) / name, std::string_view(text));
  }
  void remove(const JobId& job) { files_.remove(store_.result_file(job)); }
  ResultsSource source() { return {suite_.plan, files_, store_}; }

  //! A line that a training logs of a step.
  static std::string step_line(int step, double loss) {
    return core::canonical_json({{"step", step},
                                 {"loss", loss},
                                 {"losses", {{"triplet", loss / 2}}},
                                 {"gradients", "9f"},
                                 {"learning_rate_factor", 1.0}}) +
           "\n";
  }

  Suite suite_;
  tests::FaultyFileSystem files_;
  tests::TemporaryFolder folder_;
  experiments::StoreLayout store_{folder_ / "store"};
};

//! Every failure of a call of the file system: \param write makes `target`, whole or not at all; nothing else may stay
//! beside it.
template <class Write>
void expect_whole_or_nothing(tests::FaultyFileSystem& files, const std::filesystem::path& target, Write write,
                             std::initializer_list<tests::FaultyFileSystem::Call> calls) {
  const auto beside = [&] { return core::real_file_system().list(target.parent_path()); };
  const auto before = beside();
  for (const auto call : calls)
    for (int nth = 0;; ++nth) {
      files.fail(call, nth);
      try {
        write();
        EXPECT_FALSE(files.fired()) << call << " " << nth;
        std::filesystem::remove_all(target);
        break;
      } catch (const core::RuntimeError& error) {
        ASSERT_TRUE(files.fired()) << error.what();
        EXPECT_EQ(before, beside()) << call << " " << nth;
      }
    }
  files.fail(tests::FaultyFileSystem::kOpen, 1'000'000);
}

}  // namespace resolute::results
