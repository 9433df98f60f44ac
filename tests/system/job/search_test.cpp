// A search by real workers: killed at any moment, on one slot or four, it finds the winner of a calm run, with its
// bytes. Six points and three kills; with the label `long` 64 points and 20 kills for each number of slots.

#include <chrono>
#include <thread>

#include "core/random/random.h"
#include "experiments/store/store_layout.h"
#include "tests/support/slice.h"
#include "tests/system/tiny_suite.h"

namespace resolute::system_test::search_test {
namespace {

struct Size {
  int points, kills;
  std::string rungs;
  std::vector<std::string> slots;  // of the runs that are killed, in turns
};

Size size() {
  if (tests::slice_commit().empty()) return {64, 20, "[5, 15, 45]", {"1", "4"}};
  return {6, 3, "[2, 4, 8]", {"4", "1"}};
}

class SearchTest : public testing::Test {
 protected:
  SearchTest() {
    std::string text = text_of(kTinySuite);
    const std::string search = fmt::format(R"(
  [[table.row]]
  id = "best"
  label = "RAIN as the search has it"
  search = "rates"
[[search]]
id = "rates"
title = "Points"
dataset = "people"
points = {}
rungs = {}
split.validation_identities = 2
  [search.over]
  "train.learning_rate" = {{ from = 1e-5, to = 1e-2, scale = "log" }}
  "rain.adversarial_weight" = {{ from = 0.1, to = 2.0 }}
)",
                                           size().points, size().rungs);
    write(suite_, text.replace(text.find("trials = 2"), 10, "trials = 1") + search);
  }
  Words of(const std::string& verb, const std::string& store, const Words& more = {}) const {
    return joined({"suite", verb, suite_, "--store", scratch_ / store}, more);
  }
  core::Json planned(const std::string& store) const { return json_of(resolute(of("plan", store, {"--json"}))); }
  // All records of a store: of trainings with the SHA-256 of their weights, of evaluations with all that they measured.
  std::map<std::string, std::string> records_of(const std::string& store) const {
    std::map<std::string, std::string> records;
    const core::Json plan = planned(store);
    for (const core::Json& job : plan.at("jobs")) {
      const std::string id = job.at("id");
      if (job.at("kind") == "training" || job.at("kind") == "evaluation")
        records[id] = text_of(experiments::StoreLayout(scratch_ / store).result_file({id}));
    }
    return records;
  }

  const ScratchFolder scratch_;
  const fs::path suite_ = scratch_ / "tiny.toml";
};

TEST_F(SearchTest, killed_at_any_moment_on_any_slots_the_winner_and_all_bytes_are_those_of_a_calm_run) {
  const auto began = std::chrono::steady_clock::now();
  succeeded(resolute(of("run", "calm", {"--slots", "2"})));
  const double calm = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  const core::Json plan = planned("calm");
  const core::Json& search = plan.at("searches").at(0);
  EXPECT_FALSE(search.at("winner").is_null());
  EXPECT_LE(3 * search.at("steps").get<int>(), search.at("grid_steps").get<int>() * (size().points < 27 ? 2 : 1));
  EXPECT_THAT(text_of(scratch_ / "calm/suites/tiny/tables/all.md"),
              testing::AllOf(HasSubstr("RAIN as the search has it: winner of search 'rates' on people, learning_rate"),
                             HasSubstr("asked for 2 validation people")));
  // Each training that goes on has begun behind the last step of its rung before.
  int gone_on = 0;
  for (const core::Json& job : plan.at("jobs")) {
    if (!job.contains("goes_on")) continue;
    const auto log = experiments::StoreLayout(scratch_ / "calm").attempt_file({job.at("id")}, 1, "metrics.jsonl");
    EXPECT_EQ(job.at("goes_on").at("steps").get<int>() + 1,
              core::parse_json(lines_of(text_of(log)).at(0), "a step").at("step").get<int>());
    ++gone_on;
  }
  EXPECT_GE(gone_on, 3);

  core::RandomStream random("search " + tests::slice_commit(), {0});
  for (int kill = 0; kill < size().kills; ++kill) {
    const std::string slots = size().slots.at(static_cast<std::size_t>(kill) % size().slots.size());
    const Background run(of("run", "killed", {"--slots", slots, "--checkpoint-every", "3"}), scratch_ / "out");
    std::this_thread::sleep_for(std::chrono::duration<double>(random.uniform(0.3, 0.6 + 2 * calm / size().kills)));
  }  // which kills it
  succeeded(resolute(of("run", "killed", {"--slots", "4"})));
  EXPECT_EQ(tables_of(scratch_ / "calm"), tables_of(scratch_ / "killed"));
  EXPECT_EQ(records_of("calm"), records_of("killed"));
}

TEST_F(SearchTest, the_winner_of_a_search_without_kept_states_is_the_same) {
  if (!tests::slice_commit().empty()) GTEST_SKIP() << "with the label long";
  succeeded(resolute(of("run", "kept", {"--slots", "2"})));
  for (int rung = 0; rung < 8; ++rung) {
    resolute(of("run", "anew", {"--slots", "2", "--max-jobs", "60"}));
    std::vector<fs::path> states;
    for (const auto& entry : fs::recursive_directory_iterator(scratch_ / "anew" / "jobs"))
      if (entry.path().filename() == "checkpoints") states.push_back(entry.path());
    for (const fs::path& state : states) fs::remove_all(state);
  }
  succeeded(resolute(of("run", "anew", {"--slots", "2"})));
  EXPECT_EQ(records_of("kept"), records_of("anew"));
}

}  // namespace
}  // namespace resolute::system_test::search_test
