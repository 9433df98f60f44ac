// A suite in epochs: planned from raw images, tabled from the sealed pack alone, refused without either.

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
              AllOf(HasSubstr("train.epochs = 1 on people: 8 steps (32 training images, 4 per step)\n"),
                    HasSubstr("train.milestone_epochs = 1 on people: 8 steps (32 training images, 4 per step)\n")));
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

}  // namespace
}  // namespace resolute::system_test::epochs_test
