#include "operations/space/rename_suite.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "tests/support/killing_file_system.h"
#include "tests/support/refusal.h"
#include "tests/support/temporary_folder.h"

namespace resolute::tests::rename_suite_test {
namespace {

using namespace operations;
using namespace orchestrator;
using testing::AllOf;
using testing::HasSubstr;
namespace fs = std::filesystem;

// A store with suite `old` of three allocations, and another whose name begins alike. The suite's file says `new` now.
class RenameSuite : public testing::Test {
 protected:
  RenameSuite() {
    core::write_atomic(files_, file_, "as it was run");
    for (const char* path : {"old/journal-000001", "old/plan-1.json", "old/submissions/12/request.json",
                             "old@2/journal-000001", "old@10/journal-000001", "old-2/journal-000001"})
      core::write_atomic(files_, suites_ / path, path);
    experiments::note_source(files_, store_, "old", experiments::source_of(files_, file_));
    core::write_atomic(files_, file_, "with another name");
    given_ = experiments::source_of(files_, file_);
  }
  void rename() { rename_suite(files_, store_, "old", "new", given_); }
  // All but source.json and what a killed writer leaves of it, each with its text.
  std::map<std::string, std::string> files_there() const {
    std::map<std::string, std::string> found;
    for (const auto& entry : fs::recursive_directory_iterator(suites_))
      if (entry.is_regular_file() && entry.path().filename().string().find("source.json") == std::string::npos)
        found[entry.path().lexically_relative(suites_)] = core::read_text(files_, entry.path());
    return found;
  }
  static std::map<std::string, std::string> renamed() {
    return {{"new/journal-000001", "old/journal-000001"},
            {"new/plan-1.json", "old/plan-1.json"},
            {"new/submissions/12/request.json", "old/submissions/12/request.json"},
            {"new@2/journal-000001", "old@2/journal-000001"},
            {"new@10/journal-000001", "old@10/journal-000001"},
            {"old-2/journal-000001", "old-2/journal-000001"}};
  }

  TemporaryFolder folder_;
  core::FileSystem& files_ = core::real_file_system();
  fs::path file_ = folder_ / "suite.toml";
  experiments::StoreLayout store_{folder_ / "store"};
  fs::path suites_ = store_.root() / "suites";
  experiments::SuiteSource given_;
};

TEST_F(RenameSuite, takes_all_allocations_along_and_is_the_files_from_then_on) {
  rename();
  EXPECT_EQ(files_there(), renamed());
  EXPECT_TRUE(experiments::is_noted(files_, store_, "new", given_));
}

TEST_F(RenameSuite, changes_nothing_where_the_old_one_is_missing_or_the_new_one_there) {
  const auto before = files_there();
  EXPECT_THAT(refusal([&] { rename_suite(files_, store_, "nobody", "new", given_); }),
              HasSubstr("has no suite 'nobody'"));
  EXPECT_THAT(refusal([&] { rename_suite(files_, store_, "old", "old-2", given_); }),
              AllOf(HasSubstr("has a suite 'old-2' already"), HasSubstr((suites_ / "old-2").string())));
  EXPECT_EQ(files_there(), before);
  for (const char* further : {"new@2", "new@7"}) {
    fs::create_directory(suites_ / further);
    EXPECT_THAT(refusal([&] { rename(); }), HasSubstr("has a suite 'new' already")) << "of somebody else's";
    fs::remove(suites_ / further);
  }
  EXPECT_EQ(files_there(), before);
  EXPECT_FALSE(experiments::is_noted(files_, store_, "old", given_));
}

TEST_F(RenameSuite, killed_at_any_step_is_the_old_suite_or_the_new_one_and_goes_on) {
  const fs::path whole = folder_ / "whole";
  fs::copy(suites_, whole, fs::copy_options::recursive);
  int killed = 0;
  for (bool survived = false; !survived; ++killed) {
    fs::remove_all(suites_);
    fs::copy(whole, suites_, fs::copy_options::recursive);
    Mortal process(killed);
    KillingFileSystem files(process);
    survived = process.survives([&] { rename_suite(files, store_, "old", "new", given_); });
    const bool decided = fs::exists(suites_ / "new");
    EXPECT_NE(fs::exists(suites_ / "old"), decided) << killed;
    if (!decided) {
      EXPECT_EQ(files_there().size(), renamed().size()) << killed;
      EXPECT_THAT(refusal([&] { experiments::require_own_suite(files_, store_, "old", given_); }), "") << killed;
      rename();
    }
    EXPECT_EQ(files_there(), renamed()) << killed;
    EXPECT_TRUE(experiments::is_noted(files_, store_, "new", given_)) << killed;
  }
  EXPECT_GT(killed, 10);
}

}  // namespace
}  // namespace resolute::tests::rename_suite_test
