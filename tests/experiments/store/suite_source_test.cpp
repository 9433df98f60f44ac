#include "experiments/store/suite_source.h"

#include <gmock/gmock.h>

#include "tests/support/refusal.h"
#include "tests/support/temporary_folder.h"

namespace resolute::experiments::suite_source_test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;

class Source : public testing::Test {
 protected:
  SuiteSource write(const std::filesystem::path& name, const std::string& text) {
    core::write_atomic(files_, folder_ / name, text);
    return source_of(files_, folder_ / name);
  }
  std::string refused(const SuiteSource& given) {
    return tests::refusal([&] { require_own_suite(files_, store_, "demo", given); });
  }
  tests::TemporaryFolder folder_;
  core::FileSystem& files_ = core::real_file_system();
  StoreLayout store_{folder_ / "store"};
};

TEST_F(Source, another_file_of_the_same_name_is_refused_and_told_by_its_path) {
  const SuiteSource one = write("a/suite.toml", "one");
  EXPECT_THAT(refused(one), IsEmpty()) << "the store has none yet";
  note_source(files_, store_, "demo", one);
  EXPECT_THAT(refused(one), IsEmpty());
  EXPECT_THAT(refused(write("b/suite.toml", "two")),
              AllOf(HasSubstr("suite 'demo' of this store is another file's"), HasSubstr(one.path),
                    HasSubstr("resolute suite rename"), HasSubstr("--same-suite")));
  EXPECT_THAT(refused({"", source_of(files_, folder_ / "b/suite.toml").sha256}), HasSubstr(one.path)) << "from a pipe";
}

TEST_F(Source, the_same_file_edited_and_a_copy_of_it_are_the_same_suite) {
  note_source(files_, store_, "demo", write("a/suite.toml", "one"));
  EXPECT_TRUE(is_noted(files_, store_, "demo", write("b/copy.toml", "one")));
  EXPECT_FALSE(is_noted(files_, store_, "demo", write("a/suite.toml", "edited")));
  EXPECT_THAT(refused(write("a/suite.toml", "edited")), IsEmpty());
  EXPECT_THAT(refused(write("b/copy.toml", "one")), IsEmpty());
  std::filesystem::create_symlink("a/suite.toml", folder_ / "link.toml");
  EXPECT_THAT(refused(source_of(files_, folder_ / "link.toml")), IsEmpty());
}

TEST_F(Source, names_that_are_no_text_are_noted_and_told_apart) {
  for (const char* name : {"caf\xe9.toml", "\xff/suite.toml", "\xed\xa0\x80.toml"}) {
    const SuiteSource given = write(name, name);
    note_source(files_, store_, "demo", given);
    EXPECT_THAT(refused(write(name, "edited")), IsEmpty());
    EXPECT_THAT(refused(write("caf\xe8.toml", "another")), HasSubstr(given.path));
  }
}

TEST_F(Source, a_submissions_copy_is_the_suites_own_and_changes_nothing) {
  const SuiteSource now = write("a/suite.toml", "edited since it was submitted");
  note_source(files_, store_, "demo", now);
  const SuiteSource copy = write("store/suites/demo/submissions/12/suite.toml", "as it was submitted");
  EXPECT_THAT(refused(copy), IsEmpty());
  note_source(files_, store_, "demo", copy);
  EXPECT_THAT(refused(write("a/suite.toml", "edited again")), IsEmpty());
  EXPECT_THAT(refused(write("store/suites/demo-2/suite.toml", "another")), HasSubstr("another file's"));
}

TEST_F(Source, a_file_of_another_version_or_a_damaged_one_refuses_nothing) {
  for (const char* text : {"", "{}", "[1]", "{\"path\":\"/x\",\"sha256\":\"a\",\"version\":2}",
                           "{\"path\":7,\"sha256\":\"a\",\"version\":1}"}) {
    write("store/suites/demo/source.json", text);
    EXPECT_THAT(refused(write("a/suite.toml", "one")), IsEmpty()) << text;
  }
}

}  // namespace
}  // namespace resolute::experiments::suite_source_test
