// A suite with a row that starts from another: planned, run in part, killed, run again, and reproduced.

#include <thread>

#include "core/random/random.h"
#include "experiments/store/store_layout.h"
#include "tests/system/tiny_suite.h"

namespace resolute::system_test::two_stages_test {
namespace {

constexpr const char* kSecond = R"(
  [[table.row]]
  id = "second"
  label = "RAIN on HR"
  rain.adversary = "off"
  start_from = "baseline"
  freeze = ["trunk"]
)";

class TwoStages : public testing::Test {
 protected:
  TwoStages() { write(suite_, text_of(kTinySuite) + kSecond); }
  Words of(const std::string& verb, const std::string& store, const Words& more = {}) const {
    return joined({"suite", verb, suite_, "--store", scratch_ / store}, more);
  }
  core::Json planned(const std::string& store, const Words& more = {}) const {
    return json_of(resolute(of("plan", store, joined({"--json"}, more))));
  }
  // The folder of a planned training, by words of its label.
  fs::path training_of(const std::string& store, const std::string& words) const {
    const core::Json plan = planned(store);
    for (const core::Json& job : plan.at("jobs"))
      if (job["kind"] == "training" && job["label"].get<std::string>().find(words) != std::string::npos)
        return experiments::StoreLayout(scratch_ / store).job_folder({job["id"].get<std::string>()});
    throw std::runtime_error("no training of " + words);
  }

  const ScratchFolder scratch_;
  const fs::path suite_ = scratch_ / "tiny.toml";
};

TEST_F(TwoStages, the_row_alone_brings_its_first_stage_and_the_rest_trains_that_no_more) {
  EXPECT_THAT(succeeded(resolute(of("plan", "store"))).out,
              HasSubstr("  row 'second' starts from the trunk of row 'baseline'\n"));
  succeeded(resolute(of("simulate", "store")));
  resolute(of("run", "store", {"--only", "second"}));
  const fs::path first = training_of("store", "'Baseline (HR)'"), second = training_of("store", "'RAIN on HR'");
  const core::Json began = json_of(second / "result.json")["provenance"]["started_from"];
  EXPECT_EQ(first.filename().string(), began["training"]);
  EXPECT_EQ(json_of(first / "result.json")["weights_sha256"], began["weights_sha256"]);
  EXPECT_FALSE(fs::exists(training_of("store", "'RAIN'") / "result.json"));
  succeeded(resolute(of("run", "store")));
  EXPECT_FALSE(fs::exists(first / "attempt-002-metrics.jsonl"));
  const std::string table = succeeded(resolute(of("table", "store"))).out;
  EXPECT_THAT(table, HasSubstr("started from other rows' trainings: RAIN on HR from the trunk of row 'baseline'"));
  succeeded(resolute({"repro", second.filename().string(), "--store", scratch_ / "store"}));
  succeeded(resolute(of("compact", "store")));
  EXPECT_EQ(table, succeeded(resolute(of("table", "store"))).out);
  succeeded(resolute({"repro", second.filename().string(), "--store", scratch_ / "store"}));
}

TEST_F(TwoStages, killed_at_any_moment_the_tables_are_those_of_a_calm_run) {
  succeeded(resolute(of("run", "calm", {"--slots", "2"})));
  core::RandomStream random("two stages", {0});
  for (int kill = 0; kill < 5; ++kill) {
    const Background run(of("run", "killed", {"--slots", "2", "--checkpoint-every", "3"}), scratch_ / "out");
    std::this_thread::sleep_for(std::chrono::duration<double, std::milli>(random.uniform(300, 2500)));
  }  // which kills it
  succeeded(resolute(of("run", "killed", {"--slots", "2"})));
  EXPECT_EQ(tables_of(scratch_ / "calm"), tables_of(scratch_ / "killed"));
}

}  // namespace
}  // namespace resolute::system_test::two_stages_test
