// Trainings that keep their last state, made longer: planned, killed, run again, and begun anew where the state is
// gone.

#include <thread>

#include "core/random/random.h"
#include "experiments/store/store_layout.h"
#include "tests/system/tiny_suite.h"

namespace resolute::system_test::longer_training_test {
namespace {

class LongerTraining : public testing::Test {
 protected:
  //! The suite with so many steps in each of its four trainings.
  Words of(int steps, const std::string& verb, const std::string& store, const Words& more = {}) const {
    std::string text = text_of(kTinySuite);
    text.replace(text.find("steps = 30"), 10, fmt::format("steps = {}", steps));
    write(suite_, text.replace(text.find("trials = 2"), 10, "trials = 2\nkeep_state = true"));
    return joined({"suite", verb, suite_, "--store", scratch_ / store}, more);
  }

  const ScratchFolder scratch_;
  const fs::path suite_ = scratch_ / "tiny.toml";
};

TEST_F(LongerTraining, goes_on_from_the_shorter_ones_state_and_killed_at_any_moment_leaves_the_bytes_of_a_calm_one) {
  succeeded(resolute(of(10, "run", "store", {"--slots", "2"})));
  EXPECT_THAT(succeeded(resolute(of(10, "plan", "store"))).out, Not(HasSubstr("go on from")));
  const auto planned = succeeded(resolute(of(24, "plan", "store"))).out;
  EXPECT_THAT(planned, HasSubstr("4 trainings go on from shorter ones: 40 of 96 steps are trained\n"));
  EXPECT_THAT(planned, HasSubstr("kept states"));
  const core::Json plan = json_of(resolute(of(24, "plan", "store", {"--json"})));
  core::RandomStream random("longer trainings", {0});
  for (int kill = 0; kill < 4; ++kill) {
    const Background run(of(24, "run", "store", {"--slots", "2", "--checkpoint-every", "3"}), scratch_ / "out");
    std::this_thread::sleep_for(std::chrono::duration<double, std::milli>(random.uniform(300, 2500)));
  }  // which kills it
  succeeded(resolute(of(24, "run", "store", {"--slots", "2"})));
  succeeded(resolute(of(24, "run", "calm", {"--slots", "2"})));
  EXPECT_EQ(tables_of(scratch_ / "calm"), tables_of(scratch_ / "store"));
  int gone_on = 0;
  for (const core::Json& job : plan.at("jobs")) {
    if (job.at("kind") != "training") continue;
    const experiments::JobId id{job.at("id")};
    const experiments::StoreLayout store(scratch_ / "store"), calm(scratch_ / "calm");
    EXPECT_EQ(json_of(store.result_file(id))["weights_sha256"], json_of(calm.result_file(id))["weights_sha256"]);
    const auto log = store.attempt_file(id, 1, "metrics.jsonl");
    if (!fs::exists(log) || text_of(log).empty()) continue;
    EXPECT_EQ(11, core::parse_json(lines_of(text_of(log)).at(0), "a step").at("step").get<int>());
    ++gone_on;
  }
  EXPECT_GE(gone_on, 1);
}

TEST_F(LongerTraining, begins_anew_where_the_states_were_taken_or_a_row_keeps_none) {
  succeeded(resolute(of(4, "run", "store", {"--slots", "2"})));
  EXPECT_THAT(succeeded(resolute(of(6, "plan", "store"))).out, HasSubstr("16 of 24 steps are trained"));
  succeeded(resolute({"store", "gc", scratch_ / "store", "--yes", "--older-than", "0:00"}));
  EXPECT_THAT(succeeded(resolute(of(6, "plan", "store"))).out, Not(HasSubstr("steps are trained")));
  succeeded(resolute(of(6, "run", "store", {"--slots", "2", "--set", "keep_state=false"})));
  EXPECT_THAT(succeeded(resolute(of(8, "plan", "store"))).out, Not(HasSubstr("steps are trained")));
  const auto refused = resolute(of(8, "plan", "store", {"--set", "train.schedule=\"cosine\""}));
  EXPECT_THAT(succeeded(refused).out, Not(HasSubstr("kept states"))) << "a default is for the rows that can";
}

}  // namespace
}  // namespace resolute::system_test::longer_training_test
