// A suite in epochs: planned from raw images, tabled from the sealed pack alone, refused without either.

#include <sstream>

#include "tests/system/program.h"

namespace resolute::system_test::epochs_test {
namespace {

constexpr const char* kSuite = R"(suite = "epochs"
title = "In epochs"
[defaults]
method = "baseline"
backbone = "resnet-small"
network.last_stride = 2
height = 32
width = 16
baseline.images = "stored"
split.train_pool = "mlr"
train = { identities = 2, images = 2, pad = 0, epochs = 1, milestone_epochs = [1] }
[[dataset]]
id = "people"
source = "market1501"
root = "raw"
[[table]]
id = "t"
title = "T"
metrics = ["rank1"]
datasets = ["people"]
[[table.row]]
id = "r"
label = "R"
)";

// Four of eight people train, eight images each: 32 images, four rows a step.
TEST(SuiteInEpochs, is_planned_from_raw_images_and_tabled_from_the_pack) {
  ScratchFolder scratch;
  const fs::path suite = scratch / "epochs.toml", store = scratch / "store", raw = scratch / "raw";
  core::write_atomic(core::real_file_system(), suite, std::string_view(kSuite));
  succeeded(resolute({"data", "synth", "--layout", "market1501", "--out", raw, "--identities", "8", "--cameras", "2",
                      "--images-per-camera", "4", "--height", "32", "--width", "16"}));
  const auto of = [&](const std::string& verb, const Words& more = {}) {
    return resolute(joined({"suite", verb, suite, "--store", store}, more));
  };
  EXPECT_THAT(succeeded(of("plan")).out,
              HasSubstr("; 32 training images; trainings of 8 steps of 4 images (milestones 8)\n"));
  const core::Json planned = json_of(of("plan", {"--json"}));
  EXPECT_EQ(planned["epochs"][0]["steps"], (core::Json{8, 8}));
  EXPECT_EQ(json_of(of("plan", {"--json", "--set", "train.steps=8"}))["jobs"], planned["jobs"]);
  succeeded(of("simulate"));

  for (const core::Json& job : planned["jobs"])
    if (job["kind"] == "seal") succeeded(of("run", {"--only", job["id"].get<std::string>()}));
  const std::string table = succeeded(of("table")).out;
  fs::remove_all(raw);
  EXPECT_EQ(table, succeeded(of("table")).out);
  for (const auto& folder : fs::directory_iterator(store / "packs")) fs::remove(folder.path() / "pack.json");
  expect_refusal(of("table"), 2,
                 "key 'train.epochs' has the value 1 (how many steps an epoch of data set 'people' has is not known: "
                 "neither its pack nor its raw images are here, for row 'r' on data set 'people'); give 'train.steps'");
  succeeded(of("table", {"--set", "train.steps=8", "--set", "train.milestones=[8]"}));
}

// Evaluations on the way (--evaluate-every EPOCHS), from the run to a column that is no result.
TEST(BestOnTest, is_a_column_of_tables_whose_trainings_evaluated_themselves_and_changes_no_job) {
  ScratchFolder scratch;
  const fs::path suite = scratch / "best.toml", store = scratch / "store";
  std::string text = text_of(kTinySuite);
  const std::string_view probe = "\"resolution_probe\"]";
  text.replace(text.find(probe), probe.size(), "\"rank1_best_on_test\"]");
  write(suite, text);
  const auto of = [&](const std::string& verb, const Words& more = {}) {
    return resolute(joined({"suite", verb, suite, "--store", store}, more));
  };
  const Words one{"--set", "trials=1"};
  EXPECT_EQ(json_of(of("plan", {"--json"}))["jobs"],
            json_of(resolute({"suite", "plan", kTinySuite, "--store", store, "--json"}))["jobs"]);
  succeeded(of("run", joined(one, {"--slots", "2", "--evaluate-every", "3"})));
  const core::Json table = json_of(of("table", joined(one, {"--json"})))["tables"][0];
  for (const core::Json& row : table["rows"]) {
    const core::Json &last = row["cells"][0], &best = row["cells"][2];
    EXPECT_EQ(best["status"], "complete");
    EXPECT_EQ(best["difference"], nullptr);
    // An epoch has 24 images in steps of 8: evaluations after 9, 18 and 27 of 30 steps.
    const std::string training = best["jobs"][0];
    std::istringstream log(
        text_of(store / "jobs" / training.substr(0, 2) / training / "attempt-001-evaluations.jsonl"));
    double rank1 = last["mean"].get<double>();
    int lines = 0;
    for (std::string line; std::getline(log, line); ++lines)
      rank1 = std::max(rank1, 100 * core::parse_json(line, "log")["metrics"]["rank1"].get<double>());
    EXPECT_EQ(lines, 3);
    EXPECT_DOUBLE_EQ(best["mean"], rank1);
  }
  // A second trial that nobody evaluated on the way: a dash, in a table that is complete.
  succeeded(of("run", {"--slots", "2"}));
  const core::Json both = json_of(of("table", {"--json"}));
  EXPECT_TRUE(both["complete"]);
  EXPECT_EQ(both["tables"][0]["rows"][0]["cells"][2]["status"], "not applicable");
  EXPECT_THAT(succeeded(of("table")).out, HasSubstr("| rank-1, best on test (not a result) |\n"));
}

}  // namespace
}  // namespace resolute::system_test::epochs_test
