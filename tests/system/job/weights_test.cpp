// `resolute weights`: import, list, a suite that starts from them, export.

#include <gmock/gmock.h>

#include "core/files/json.h"
#include "tests/support/folders.h"
#include "tests/system/program.h"

namespace resolute::system_test::weights_test {
namespace {

const fs::path kGoldens = tests::source_folder() / "tests/golden/weights";

CommandOutput import(const fs::path& file, const fs::path& store, std::vector<std::string> more = {}) {
  return resolute(joined({"weights", "import", file, "--store", store}, more));
}

TEST(WeightsCommand, from_a_file_of_python_through_a_suite_to_a_file_for_python) {
  ScratchFolder scratch;
  const fs::path store = scratch / "store";
  const std::vector<std::string> plan{"suite", "plan",  kTinySuite,      "--store",
                                      store,   "--set", "weights=small", "--json"};
  expect_refusal(resolute({"suite", "run", kTinySuite, "--store", store, "--set", "weights=small"}), 2,
                 "import them (resolute weights import FILE --store STORE --name small --backbone resnet-small)");
  EXPECT_EQ(json_of(resolute(plan))["missing"]["weights"],
            core::Json::array({"small"}));  // a plan tells what a run needs

  auto imported =
      succeeded(import(kGoldens / "checkpoint.pth", store, {"--name", "small", "--backbone", "resnet-small"}));
  EXPECT_THAT(imported.out, HasSubstr("names behind 'state_dict.module.'"));
  EXPECT_THAT(imported.out, HasSubstr("taken         65 tensors"));
  EXPECT_THAT(imported.out, HasSubstr("left out      13 num_batches_tracked"));
  EXPECT_THAT(imported.out, HasSubstr("state_dict.module.fc.bias, state_dict.module.fc.weight"));
  auto list = json_of(resolute({"weights", "list", "--store", store, "--json"}))["weights"];
  ASSERT_EQ(list.size(), 1U);
  EXPECT_EQ(list[0]["name"], "small");
  EXPECT_EQ(list[0]["source"], "checkpoint.pth");
  const std::string hash = list[0]["sha256"];
  EXPECT_THAT(imported.out, HasSubstr(hash));
  EXPECT_THAT(resolute({"weights", "list", "--store", store}).out, HasSubstr(hash));

  const auto planned = json_of(resolute(plan));
  int trainings = 0;
  for (const auto& job : planned["jobs"])
    if (job["kind"] == "training") {
      ++trainings;
      EXPECT_EQ(job["specification"]["initial_weights"], hash);
    }
  EXPECT_GT(trainings, 0);
  succeeded(resolute({"suite", "run", kTinySuite, "--store", store, "--set", "weights=small", "--set", "trials=1",
                      "--only", "baseline"}));
  auto table =
      resolute({"suite", "table", kTinySuite, "--store", store, "--set", "weights=small", "--set", "trials=1"});
  EXPECT_THAT(table.out, HasSubstr("initial weights small (resnet-small, SHA-256 " + hash.substr(0, 12) + ")"));
  EXPECT_THAT(table.out, testing::Not(HasSubstr("from scratch")));

  std::string trained;  // trial 0 alone was run
  for (const auto& job : planned["jobs"])
    if (job["kind"] == "training" && job["specification"]["method"] == "baseline" && job["specification"]["seed"] == 0)
      trained = job["id"];
  for (const char* name : {"out.pth", "out.safetensors"}) {
    const core::Json exported = json_of(
        resolute({"weights", "export", trained.substr(0, 12), "--store", store, "--out", scratch / name, "--json"}));
    EXPECT_EQ(exported["tensors"], 65);
    auto again = import(scratch / name, store, {"--name", "trained", "--backbone", "resnet-small", "--json"});
    EXPECT_EQ(code_of(again), 0)
        << again.err;  // both files hold the same weights: the second finds its name taken by itself
    EXPECT_EQ(core::parse_json(again.out, "report")["taken"].size(), 65U);
  }
}

TEST(WeightsCommand, what_does_not_fit_is_named_and_refused_in_one_line) {
  ScratchFolder scratch;
  const fs::path store = scratch / "store";
  auto other = import(kGoldens / "trunk.pth", store);
  EXPECT_EQ(code_of(other), 2);
  EXPECT_THAT(other.out, HasSubstr("layer1.0.conv3.weight"));
  EXPECT_THAT(other.out, HasSubstr("conv1.weight is float32 16x3x3x3, not float32 64x3x7x7"));
  EXPECT_THAT(other.err, testing::StartsWith("resolute: '" + (kGoldens / "trunk.pth").string() +
                                             "' does not hold the trunk of 'resnet50'"));
  EXPECT_EQ(std::count(other.err.begin(), other.err.end(), '\n'), 1);
  auto report = core::parse_json(import(kGoldens / "trunk.pth", store, {"--json"}).out, "report");
  EXPECT_EQ(report["imported"], false);
  EXPECT_GT(report["missing"].size(), 100U);

  const fs::path ibn = scratch / "ibn.safetensors";  // one tensor in the trunk's levels that is not the trunk's
  const std::string header = R"({"layer1.0.conv1.weight":{"dtype":"F32","shape":[],"data_offsets":[0,4]},)"
                             R"("layer1.0.bn1.IN.weight":{"dtype":"F32","shape":[],"data_offsets":[4,8]}})";
  write(ibn, std::string{static_cast<char>(header.size())} + std::string(7, '\0') + header + std::string(8, '\0'));
  other = import(ibn, store);
  EXPECT_EQ(code_of(other), 2);
  EXPECT_THAT(other.err,
              HasSubstr("holds the trunk of a ResNet with IBN-a, not of 'resnet50' (tensors in its levels that "
                        "'resnet50' has not: 1, such as 'layer1.0.bn1.IN.weight'); give a file of 'resnet50', or the "
                        "--backbone"));

  expect_refusal(import(scratch / "none.pth", store), 2, "none.pth' is missing");
  expect_refusal(import(kGoldens / "make_goldens.py", store), 2, "is neither a safetensors file nor one of torch.save");
  write(scratch / "pointer.pth", "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 7\n");
  expect_refusal(import(scratch / "pointer.pth", store), 2, "pointer.pth' is a pointer of Git LFS");
  expect_refusal(import(kGoldens / "trunk.pth", store, {"--backbone", "resnet51"}), 2,
                 "backbone has the value 'resnet51'");
  expect_refusal(import(kGoldens / "trunk.pth", store, {"--name", "A B"}), 2, "'A B' is no name for weights");
  write(scratch / "cut.pth", text_of(kGoldens / "trunk.pth").substr(0, 20'000));
  expect_refusal(import(scratch / "cut.pth", store), 2, "cut.pth' is cut off");
  expect_refusal(resolute({"weights", "export", "0123", "--store", store, "--out", scratch / "x.pth"}), 2,
                 "no job '0123'");
  EXPECT_EQ(resolute({"weights", "list", "--store", store, "--json"}).out, "{\n \"weights\": []\n}\n");
}

}  // namespace
}  // namespace resolute::system_test::weights_test
