// A suite whose file has another name now, brought under it in the store by `suite rename`.

#include <gmock/gmock.h>

#include "tests/system/cluster/fake_slurm.h"
#include "tests/system/cluster/quick_suite.h"

namespace resolute::system_test::rename_test {
namespace {

class Rename : public testing::Test {
 protected:
  Rename() { fs::rename(write_quick_suite(scratch_.path(), "street", 2, 1), file_); }
  // What a person does with an editor.
  void call_it(const std::string& name) const {
    std::string text = text_of(file_);
    write(file_, text.replace(0, text.find('\n'), fmt::format("suite = \"{}\"", name)));
  }
  Words words(const std::string& command, const Words& more = {}) const {
    return joined({"suite", command, file_, "--store", store_}, more);
  }
  CommandOutput suite(const std::string& command, const Words& more = {}) const {
    return run_program(joined({(kBin / "resolute").string()}, words(command, more)), environment_);
  }
  CommandOutput rename(const std::string& old_name = "street", const Words& more = {}) const {
    return run_program(
        joined({(kBin / "resolute").string(), "suite", "rename", old_name, file_, "--store", store_}, more),
        environment_);
  }
  core::Json listed() const { return json_of(resolute({"suite", "list", "--store", store_, "--json"})).at("suites"); }
  fs::path folder(const std::string& name) const { return store_ / "suites" / name; }

  ScratchFolder scratch_;
  fs::path store_ = scratch_ / "store";
  fs::path file_ = scratch_ / "suite.toml";
  std::map<std::string, std::string> environment_ = program_environment();
};

TEST_F(Rename, takes_the_history_along_and_every_command_says_what_it_said) {
  suite("run", {"--slots", "1", "--allocation", "2", "--max-jobs", "1"});
  ASSERT_TRUE(fs::exists(folder("street@2")));
  succeeded(suite("run", {"--slots", "2"}));
  const std::string table = succeeded(suite("table")).out, log = succeeded(suite("log")).out;
  const std::string written = text_of(folder("street") / "tables/all.md");
  const core::Json status = json_of(suite("status", {"--json"}));
  core::Json list = listed();
  ASSERT_EQ(list.size(), 1U);

  call_it("avenue");
  EXPECT_EQ(succeeded(rename()).out, "suite 'street' of the store is 'avenue' now\n");
  for (const char* gone : {"street", "street@2"}) EXPECT_FALSE(fs::exists(folder(gone))) << gone;
  EXPECT_TRUE(fs::exists(folder("avenue@2")));
  EXPECT_EQ(succeeded(suite("table")).out, table);
  EXPECT_EQ(succeeded(suite("log")).out, log);
  EXPECT_EQ(text_of(folder("avenue") / "tables/all.md"), written);
  const core::Json now = json_of(suite("status", {"--json"}));
  EXPECT_EQ(now.at("jobs"), status.at("jobs"));
  EXPECT_EQ(now.at("suite"), "avenue");
  list[0]["suite"] = "avenue";
  EXPECT_EQ(listed(), list);
  EXPECT_THAT(succeeded(suite("run", {"--slots", "2"})).err, HasSubstr("6 jobs done before, 0 now"));
  EXPECT_EQ(succeeded(suite("table")).out, table);
  EXPECT_EQ(listed()[0].at("jobs"), list[0].at("jobs"));
  EXPECT_EQ(json_of(resolute({"store", "gc", store_, "--older-than", "0:00", "--only", "jobs", "--json"})).at("items"),
            core::Json::array());

  call_it("street");
  succeeded(suite("status"));
  EXPECT_FALSE(fs::exists(folder("street"))) << "the old name is free";
}

TEST_F(Rename, is_refused_where_a_name_is_not_what_it_should_be) {
  expect_refusal(rename("nobody"), 2, "there is no store");
  succeeded(suite("run", {"--slots", "2"}));
  expect_refusal(rename(), 2, "the file's name is 'street' too");
  call_it("avenue");
  expect_refusal(rename("nobody"), 2, "has no suite 'nobody'");
  expect_refusal(rename("street@2"), 2, "'street@2' is no name of a suite");
  expect_refusal(rename("../suites/street"), 2, "is no name of a suite");
  fs::path other = scratch_ / "other.toml";
  fs::copy_file(file_, other);
  std::swap(file_, other);
  expect_refusal(rename(), 2, "suite 'street' of this store is another file's");
  std::swap(file_, other);
  succeeded(suite("run", {"--slots", "2"}));
  expect_refusal(rename(), 2, "the store has a suite 'avenue' already");
  EXPECT_TRUE(fs::exists(folder("street")));
}

TEST_F(Rename, is_refused_while_a_run_is_at_work) {
  fs::create_directories(store_);
  write(store_ / "wait", "");
  Background run(words("run", {"--slots", "1"}), scratch_ / "out");
  ASSERT_TRUE(wait_until([&] {
    for (const auto& entry : fs::directory_iterator(store_))
      if (entry.path().filename().string().starts_with("at-work-")) return true;
    return false;
  }));
  call_it("avenue");
  expect_refusal(rename(), 2, "a run of suite 'street' is at work");
  fs::remove(store_ / "wait");
  EXPECT_EQ(run.wait(), 0);
  succeeded(rename());
}

TEST_F(Rename, is_refused_while_slurm_has_a_job_and_ends_what_was_submitted) {
  const FakeSlurm slurm(scratch_ / "slurm");
  environment_["PATH"] = slurm.bin().string();  // as on a submission node
  environment_["HOME"] = scratch_.path().string();
  std::erase_if(environment_, [](const auto& variable) { return variable.first.starts_with("SLURM_"); });
  const Words resources{"--nodes", "1", "--time", "1:00:00"};
  const std::string token = json_of(suite("submit", joined(resources, {"--json"}))).at("submission");
  call_it("avenue");
  expect_refusal(rename(), 2, "SLURM has a job of suite 'street'");
  EXPECT_FALSE(fs::exists(folder("street") / "submissions" / token / "ended.json"));
  call_it("street");
  succeeded(suite("cancel"));
  call_it("avenue");
  EXPECT_EQ(json_of(rename("street", {"--json"})),
            (core::Json{{"from", "street"}, {"to", "avenue"}, {"ended_submissions", core::Json::array({token})}}));
  EXPECT_TRUE(fs::exists(folder("avenue") / "submissions" / token / "ended.json"));
  EXPECT_THAT(succeeded(suite("submit", resources)).out, HasSubstr("(resolute-avenue-"));
}

}  // namespace
}  // namespace resolute::system_test::rename_test
