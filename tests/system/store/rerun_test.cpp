// Trials that ran in another numeric class than the rest of their row, made anew by `suite rerun --mixed`.

#include <gmock/gmock.h>

#include "tests/system/cluster/quick_suite.h"

namespace resolute::system_test::rerun_test {
namespace {

core::Json job_of_kind(const core::Json& plan, const std::string& kind) {
  for (const core::Json& job : plan.at("jobs"))
    if (job.at("kind") == kind) return job;
  throw std::runtime_error("the plan has no " + kind);
}

class Rerun : public testing::Test {
 protected:
  Words words(const std::string& command, const Words& more = {}) const {
    return joined({"suite", command, file_, "--store", store()}, joined(sets_, more));
  }
  CommandOutput suite(const std::string& command, const Words& more = {}) const {
    return resolute(words(command, more));
  }
  // The first training in a class of its own, then all else.
  void run_mixed(const std::map<std::string, std::string>& other_class) {
    training_ = job_of_kind(json_of(suite("plan", {"--json"})), "training").at("id");
    auto environment = program_environment();
    environment.insert(other_class.begin(), other_class.end());
    succeeded(run_program(joined({(kBin / "resolute").string()}, words("run", {"--slots", "2", "--only", training_})),
                          environment));
    succeeded(suite("run", {"--slots", "2"}));
  }
  core::Json result_in(const fs::path& folder) const { return json_of(folder / "result.json"); }
  fs::path job_folder() const { return store() / "jobs" / training_.substr(0, 2) / training_; }
  bool is_footnoted() const {
    const core::Json table = json_of(suite("table", {"--json"}));
    return table.dump().find("own_footnotes") != std::string::npos;
  }
  fs::path store() const { return scratch_ / "store"; }

  ScratchFolder scratch_;
  fs::path file_ = kTinySuite;
  Words sets_{};
  std::string training_;
};

constexpr const char* kHint = "1 row mixes numeric classes: `resolute suite rerun --mixed` makes the fewer trials anew";

TEST_F(Rerun, leaves_each_row_in_one_class_and_nothing_is_lost) {
  sets_ = {"--set", "trials=3"};
  run_mixed({{"ONEDNN_MAX_CPU_ISA", "AVX2"}, {"ATEN_CPU_CAPABILITY", "avx2"}});
  EXPECT_TRUE(is_footnoted());
  for (const char* command : {"plan", "status"}) EXPECT_THAT(succeeded(suite(command)).out, HasSubstr(kHint));
  const core::Json before = result_in(job_folder());

  const std::string shown = succeeded(suite("rerun", {"--mixed"})).out;
  EXPECT_THAT(shown, HasSubstr("trainings ran in 2 numeric classes, which differ in"));
  EXPECT_THAT(shown, HasSubstr(training_.substr(0, 12)));
  EXPECT_THAT(shown, HasSubstr("2 jobs would be made anew; nothing was changed"));
  EXPECT_EQ(result_in(job_folder()), before);

  const core::Json done = json_of(suite("rerun", {"--mixed", "--yes", "--json"}));
  EXPECT_EQ(done.at("jobs").size(), 2U);
  const fs::path moved = done.at("moved_to").get<std::string>();
  EXPECT_FALSE(fs::exists(job_folder()));
  EXPECT_THAT(succeeded(suite("status")).out, HasSubstr("13 of 15"));
  EXPECT_THAT(succeeded(suite("run", {"--slots", "2"})).err, HasSubstr("13 jobs done before, 2 now"));

  EXPECT_FALSE(is_footnoted());
  EXPECT_THAT(succeeded(suite("status")).out, Not(HasSubstr("rerun")));
  EXPECT_EQ(result_in(moved / training_), before) << "the old result stays readable";
  EXPECT_NE(result_in(job_folder()).at("provenance").at("numeric_class"), before.at("provenance").at("numeric_class"));
  EXPECT_THAT(succeeded(suite("rerun", {"--mixed", "--yes"})).out, HasSubstr("every row is in one numeric class"));
  expect_refusal(suite("rerun", {"--undo"}), 2, "it has begun anew since");
}

// Jobs that do next to nothing, in the class that $QUICK_CLASS names.
class QuickRerun : public Rerun {
 protected:
  QuickRerun() {
    file_ = write_quick_suite(scratch_.path(), "few", 3, 1);
    std::string worker = kQuickWorker;
    const std::string named = R"(numeric_class\":\"none)";
    worker.replace(worker.find(named), named.size(), R"(numeric_class\":\"${QUICK_CLASS:-usual})");
    write(scratch_ / "worker", worker);
    run_mixed({{"QUICK_CLASS", "other"}});
  }
};

TEST_F(QuickRerun, is_undone_by_its_undo) {
  const std::string before = succeeded(suite("table", {"--json"})).out;
  succeeded(suite("rerun", {"--mixed", "--yes"}));
  EXPECT_NE(succeeded(suite("table", {"--json"})).out, before);
  EXPECT_THAT(succeeded(suite("rerun", {"--undo"})).out, HasSubstr("2 jobs have what they had before"));
  EXPECT_EQ(succeeded(suite("table", {"--json"})).out, before);
  EXPECT_THAT(succeeded(suite("rerun", {"--undo"})).out, HasSubstr("0 jobs"));
}

TEST_F(QuickRerun, is_refused_while_a_run_is_at_work) {
  write(store() / "wait", "");
  const std::string id = job_of_kind(json_of(suite("plan", {"--json"})), "evaluation").at("id");
  fs::remove(store() / "jobs" / id.substr(0, 2) / id / "result.json");
  Background run(words("run", {"--slots", "1"}), scratch_ / "out");
  ASSERT_TRUE(wait_until([&] { return fs::exists(store() / ("at-work-" + id)); }));
  EXPECT_THAT(succeeded(suite("status")).out, Not(HasSubstr("rerun"))) << "nothing to do about it now";
  succeeded(suite("rerun", {"--mixed"}));
  expect_refusal(suite("rerun", {"--mixed", "--yes"}), 2, "a run of suite 'few' is at work");
  EXPECT_TRUE(fs::exists(job_folder() / "result.json"));
  fs::remove(store() / "wait");
  EXPECT_EQ(run.wait(), 0);
}

TEST_F(QuickRerun, needs_to_be_told_what_to_do) {
  expect_refusal(suite("rerun"), 2, "needs one of --mixed and --undo");
  expect_refusal(suite("rerun", {"--mixed", "--undo"}), 2, "needs one of --mixed and --undo");
}

}  // namespace
}  // namespace resolute::system_test::rerun_test
