// Vehicles without an LR camera, from a suite to its table: what a job's split was, as its evaluation tells it.

#include <map>
#include <set>
#include <sstream>

#include "core/files/json.h"
#include "tests/support/folders.h"
#include "tests/system/program.h"

namespace resolute::system_test::vehicles_test {
namespace {

const fs::path kSuite = tests::source_folder() / "tests/system/suite/vehicles.toml";

// Folders of finished jobs of a kind, by their id.
std::map<std::string, fs::path> jobs_of(const fs::path& store, const std::string& kind) {
  std::map<std::string, fs::path> jobs;
  for (const auto& entry : fs::recursive_directory_iterator(store / "jobs")) {
    if (entry.path().filename() != "spec.json" || json_of(entry.path()).at("kind") != kind) continue;
    jobs.emplace(entry.path().parent_path().filename(), entry.path().parent_path());
  }
  return jobs;
}

class VehiclesTest : public SharedFolder {
 protected:
  static void SetUpTestSuite() {
    SharedFolder::SetUpTestSuite();
    succeeded(resolute({"suite", "run", kSuite, "--store", store(), "--slots", "2"}));
  }
};

TEST_F(VehiclesTest, a_sweep_of_the_training_sets_size_gives_a_table) {
  const std::string table = text_of(store() / "suites/vehicles/tables/all.md");
  for (const char* label : {"baseline, 4 vehicles", "baseline, 7 vehicles", "msifla, 4 vehicles", "msifla, 7 vehicles"})
    EXPECT_THAT(table, HasSubstr(label));
  EXPECT_EQ(jobs_of(store(), "training").size(), 4U);
  EXPECT_EQ(jobs_of(store(), "evaluation").size(), 4U);
}

// One camera took every image: were images of the query's camera left out, no query would have a match.
TEST_F(VehiclesTest, every_query_has_its_match_whatever_the_size) {
  std::set<std::string> queries;
  for (const auto& [id, folder] : jobs_of(store(), "evaluation")) {
    const core::Json split = json_of(folder / "spec.json").at("split");
    EXPECT_EQ(split.at("lr_camera"), 0);
    const core::Json metrics = json_of(folder / "result.json").at("metrics");
    EXPECT_EQ(metrics.at("gallery_identities"), 7.0);
    EXPECT_EQ(metrics.at("queries"), 7.0 * 4.0);
    EXPECT_GT(metrics.at("mAP").get<double>(), 0.0);
    std::istringstream lines(text_of(folder / "queries.csv"));
    std::string paths;
    for (std::string line; std::getline(lines, line);) paths += line.substr(0, line.find(',')) + "\n";
    queries.insert(paths);
  }
  EXPECT_EQ(queries.size(), 1U);  // one test for all sizes and methods
}

TEST_F(VehiclesTest, features_are_ranked_without_cameras) {
  for (const auto& [id, folder] : jobs_of(store(), "evaluation")) {
    const core::Json scores = json_of(resolute({"rank", folder / "features.h5", "--json"}));
    EXPECT_EQ(scores.at("queries_without_match"), 0);
    EXPECT_EQ(scores.at("cameras"), false);
    EXPECT_EQ(scores.at("map"), json_of(folder / "result.json").at("metrics").at("map_full"));
    return;
  }
  FAIL() << "no evaluation";
}

TEST_F(VehiclesTest, more_vehicles_than_there_are_are_refused_with_both_numbers) {
  ScratchFolder scratch;
  std::string text = text_of(kSuite);
  text.replace(text.find("n = [4, 7]"), 10, "n = [4, 8]");
  write(scratch / "vehicles.toml", text);
  auto output = resolute({"suite", "run", scratch / "vehicles.toml", "--store", store(), "--slots", "2"});
  expect_refusal(output, 2, "'split.train_identities' has the value 8 (data set 'vehicles' has 7 training identities");
}

TEST_F(VehiclesTest, are_rendered_and_packed_from_the_command_line_too) {
  ScratchFolder scratch;
  auto output = succeeded(resolute({"data", "synth", "--out", scratch / "set", "--subject", "vehicle", "--identities",
                                    "6", "--cameras", "1", "--height", "32", "--width", "16"}));
  output = succeeded(resolute({"data", "ingest", "synthetic", "--root", scratch / "set", "--store", scratch / "store",
                               "--height", "16", "--width", "16", "--lr-camera", "0", "--train-identities", "2"}));
  for (const auto& entry : fs::recursive_directory_iterator(scratch / "store"))
    if (entry.path().filename() == "split-0.json") {
      const core::Json split = json_of(entry.path()).at("split");
      EXPECT_EQ(split.at("schema"), 2);
      EXPECT_EQ(split.at("train_identities"), 2);
      EXPECT_EQ(split.at("gallery").size(), 3U);
      EXPECT_EQ(split.at("query").size(), 9U);
      EXPECT_EQ(split.at("left_out"), 1);
      expect_refusal(resolute({"data", "synth", "--out", scratch / "more", "--subject", "tank"}), 2, "'tank'");
      return;
    }
  FAIL() << "no split manifest";
}

}  // namespace
}  // namespace resolute::system_test::vehicles_test
