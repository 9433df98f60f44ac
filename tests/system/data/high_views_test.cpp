// Low resolution that is not low, and drawn people in a source's layout: what commands say of images that `data synth`
// drew larger than the network's.

#include "tests/system/program.h"

namespace resolute::system_test::high_views_test {
namespace {

constexpr const char* kSuite = R"(suite = "large"
title = "Large photographs"
[defaults]
method = "baseline"
trials = 1
backbone = "resnet-small"
height = 32
width = 16
rates = [2, 3, 8]
train = { steps = 2, identities = 4, images = 2, train_rates = [2, 3] }
split.query_rates = [2, 3]
[[dataset]]
id = "street"
source = "viper"
root = "people"
[[table]]
id = "t"
title = "T"
metrics = ["rank1"]
datasets = ["street"]
reference = { paper = "rain", table = "table1", dataset = "mlr-viper" }
  [[table.row]]
  id = "r"
  label = "R"
  reference.method = "rain-baseline-hr"
)";

// 16 people of 96x48 pixels, an image by each of two cameras: no LR image at rate 2 (48x24) and at 3 (32x16), at 8.
class HighViewsTest : public testing::Test {
 protected:
  HighViewsTest() {
    succeeded(resolute({"data", "synth", "--layout", "viper", "--irregular", "no", "--out", people(), "--identities",
                        "16", "--height", "96", "--width", "48"}));
    write(scratch_ / "large.toml", kSuite);
  }
  fs::path people() const { return scratch_ / "people"; }
  CommandOutput suite(const std::string& command, const Words& more = {}) const {
    return succeeded(
        resolute(joined({"suite", command, scratch_ / "large.toml", "--store", scratch_ / "store"}, more)));
  }
  static std::size_t warnings(const CommandOutput& output) {
    std::size_t count = 0;
    for (auto at = output.err.find("nothing is low"); at != std::string::npos;
         at = output.err.find("nothing is low", at + 1))
      ++count;
    return count;
  }

  ScratchFolder scratch_;
};

const std::string kViews =
    "LR views at rate 2 (48x24, 32 of 32 images), at rate 3 (32x16, 32 of 32 images) are no smaller than the network's "
    "images (32x16)";

TEST_F(HighViewsTest, are_warned_of_before_a_pack_is_made_and_when_it_is_shown) {
  const Words ingest{"data",        "ingest", "viper",    "--root", people(),  "--store", scratch_ / "packs",
                     "--lr-camera", "1",      "--height", "32",     "--width", "16"};
  const auto made = succeeded(resolute(ingest));
  EXPECT_THAT(made.err, testing::HasSubstr("data set 'viper': " + kViews +
                                           ": nothing is low there; set view_from = "
                                           "\"network\", or raise height and width"));
  EXPECT_EQ(warnings(made), 1U);
  const fs::path pack = fs::directory_iterator(scratch_ / "packs/packs")->path();
  EXPECT_EQ(warnings(succeeded(resolute({"data", "show", pack}))), 1U);
  EXPECT_EQ(warnings(succeeded(resolute(joined(ingest, {"--name", "small", "--view-from", "network"})))), 0U);
}

TEST_F(HighViewsTest, are_warned_of_once_by_plan_and_run_and_stand_below_the_table) {
  for (const char* command : {"plan", "run", "run"}) {
    const auto warned = suite(command);
    EXPECT_EQ(warnings(warned), 1U) << command << warned.err;
    EXPECT_THAT(warned.err, testing::HasSubstr("data set 'street': " + kViews));
  }
  const std::string table = suite("table").out;
  EXPECT_THAT(table, testing::HasSubstr("\n- nothing is low on street: " + kViews + "\n"));
  EXPECT_EQ(table, text_of(scratch_ / "store/suites/large/tables/all.md")) << "known before the pack was made";
  // Drawn people have no paper's number beside them, wherever they lie, unless it is asked for.
  for (const bool gone : {false, true}) {
    if (gone) fs::remove_all(people());
    EXPECT_EQ(table, suite("table").out);
    EXPECT_THAT(table, testing::AllOf(testing::HasSubstr("Data set: street (drawn)."),
                                      testing::Not(testing::HasSubstr("(32.5)"))));
    EXPECT_THAT(suite("table", {"--with-references"}).out,
                testing::AllOf(testing::HasSubstr("street (drawn)"), testing::HasSubstr("(32.5)")));
  }
}

TEST_F(HighViewsTest, are_none_with_either_way_out) {
  for (const Words& out : {Words{"--set", "view_from=network"}, Words{"--set", "height=64", "--set", "width=32"}})
    EXPECT_EQ(warnings(suite("plan", out)), 0U);
}

}  // namespace
}  // namespace resolute::system_test::high_views_test
