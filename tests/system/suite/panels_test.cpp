// `resolute suite panels`: the page of a small suite, half done, done and damaged.

#include <map>
#include <set>

#include "core/files/json.h"
#include "tests/system/program.h"

namespace resolute::system_test::panels_test {
namespace {

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const auto at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

// A suite that has run, made of tests/system/tiny.toml by a few steps in one trial.
class FinishedSuiteTest : public SharedFolder {
 protected:
  static void run(const std::string& text) {
    SharedFolder::SetUpTestSuite();
    write(suite(), replaced(replaced(text, "steps = 30", "steps = 3"), "trials = 2", "trials = 1"));
    succeeded(resolute({"suite", "run", suite(), "--store", store(), "--slots", "2"}));
  }

  static fs::path suite() { return *scratch_ / "tiny.toml"; }
  static CommandOutput panels(std::vector<std::string> more = {}) {
    return resolute(joined({"suite", "panels", suite(), "--store", store()}, more));
  }
  // The rows of `--json`, and the folder of each one's evaluation.
  static std::map<std::string, std::pair<core::Json, fs::path>> rows() {
    const core::Json json = json_of(panels({"--json"}));
    std::map<std::string, std::pair<core::Json, fs::path>> found;
    for (const core::Json& row : json.at("sections").at(0).at("rows")) {
      const auto id = row.at("evaluation").get<std::string>();
      found[row.at("row").get<std::string>()] = {row, store() / "jobs" / id.substr(0, 2) / id};
    }
    return found;
  }
  // Files of an evaluation that were changed or taken away.
  static void expect_own_files(const fs::path& evaluation, const std::vector<const char*>& names) {
    for (const char* name : names) {
      const fs::path file = evaluation / name;
      const std::string bytes = text_of(file);
      std::string damaged = bytes;
      damaged[damaged.size() / 2] = static_cast<char>(damaged[damaged.size() / 2] ^ 1);
      write(file, damaged);
      expect_refusal(panels(), 2, fmt::format("{}' is not the file that the job's result names", name));
      fs::remove(file);
      expect_refusal(panels(), 2, fmt::format("{}' is missing", name));
      write(file, bytes);
    }
  }
};

// Panels of three queries, recovered images at two rates, and a label that HTML must not take for its own.
class PanelsTest : public FinishedSuiteTest {
 protected:
  static void SetUpTestSuite() {
    std::string text = replaced(text_of(kTinySuite), "draws = 5", "draws = 5\npanels = 3\nsample_rates = [2, 3]");
    run(replaced(text, "label = \"RAIN\"", "label = \"RAIN <b>&\\\"\""));
  }
};

TEST_F(PanelsTest, one_page_shows_every_row_of_a_table_query_by_query) {
  const auto output = succeeded(panels());
  const fs::path file = store() / "suites/tiny/panels.html";
  EXPECT_EQ(output.out, file.string() + ": 3 queries, recovered images of 1 rows\n");
  const std::string html = text_of(file);
  // A gallery a row and query, a reconstruction a query: Baseline has no decoder.
  EXPECT_EQ(count(html, "src=\"data:image/png;base64,"), 3U * 2U + 3U);
  EXPECT_EQ(count(html, "<h3>"), 3U + 1U);
  EXPECT_EQ(count(html, "<li>recovered at scale 1: "), 3U);
  // Recovered images of the sample: a plot and a table with a line a rate.
  EXPECT_EQ(count(html, "<svg "), 1U);
  EXPECT_EQ(count(html, "enlarged, rate "), 2U);
  EXPECT_EQ(count(html, "<tr><td>"), 2U);
  EXPECT_THAT(html, HasSubstr("RAIN &lt;b&gt;&amp;&quot;"));
  EXPECT_THAT(html, Not(HasSubstr("<b>")));
  for (const char* loaded : {"<script", "http://", "https://", "url(", "@import"})
    EXPECT_THAT(html, Not(HasSubstr(loaded)));
  succeeded(panels({"--out", (*scratch_ / "elsewhere.html").string()}));
  EXPECT_EQ(html, text_of(*scratch_ / "elsewhere.html"));
}

TEST_F(PanelsTest, a_page_that_cannot_be_written_there_is_refused_before_pictures_are_read) {
  for (const std::string& out : {std::string(), scratch_->path().string(), (*scratch_ / "nowhere" / "x.html").string()})
    expect_refusal(panels({"--out", out}), 2, "--out '");
  EXPECT_FALSE(fs::exists(*scratch_ / "nowhere"));
}

TEST_F(PanelsTest, methods_show_the_same_queries_of_a_trial) {
  std::set<std::string> shown;
  for (const auto& [row, known] : rows()) {
    std::string paths;
    const core::Json json = core::parse_json(text_of(known.second / "panels/panels.json"), "panels");
    for (const core::Json& query : json.at("queries")) paths += query.at("path").get<std::string>() + "\n";
    shown.insert(paths);
  }
  EXPECT_EQ(1U, shown.size());
}

TEST_F(PanelsTest, an_evaluation_that_is_not_there_is_said_in_words) {
  const fs::path result = rows().at("rain").second / "result.json";
  fs::rename(result, *scratch_ / "away");
  const auto output = panels();
  fs::rename(*scratch_ / "away", result);
  EXPECT_EQ(code_of(output), 0) << output.err;
  EXPECT_THAT(output.out, HasSubstr("; 1 evaluations are not there or lack a part"));
  const std::string html = text_of(store() / "suites/tiny/panels.html");
  EXPECT_THAT(html, HasSubstr("RAIN &lt;b&gt;&amp;&quot;: not evaluated yet."));
  EXPECT_EQ(count(html, "<img "), 3U);
}

TEST_F(PanelsTest, files_that_are_not_the_results_own_are_refused) {
  expect_own_files(rows().at("rain").second,
                   {"panels/panels.json", "panels/gallery-001.png", "panels/reconstruction-002.png", "recovery.csv"});
}

TEST_F(PanelsTest, a_suite_without_panels_is_refused) {
  expect_refusal(panels({"--set", "evaluate.panels=0", "--set", "evaluate.sample_rates=[]"}), 2, "evaluate.panels");
}

// Baseline and FTWA, whose weights are sampled at two rates; no panels.
class WeightPanelsTest : public FinishedSuiteTest {
 protected:
  static void SetUpTestSuite() {
    std::string text = replaced(text_of(kTinySuite), "draws = 5", "draws = 5\nsample_rates = [2, 3]");
    text = replaced(replaced(text, "images = 2", "images = 4\nlr_images = 2"), "hr-both-views", "mlr");
    run(replaced(text, "rain.levels = [5]", "method = \"ftwa\""));
  }
};

TEST_F(WeightPanelsTest, the_row_that_has_weights_is_drawn_with_its_correlations) {
  const auto output = succeeded(panels());
  const fs::path file = store() / "suites/tiny/panels.html";
  EXPECT_EQ(output.out, file.string() + ": 0 queries, weights of 1 rows\n");
  const std::string html = text_of(file);
  EXPECT_EQ(count(html, "<svg "), 1U);
  for (const char* shown : {"w_HR, high side: median", "w_HR, rate 2: median", "w_LR, rate 3: median",
                            "rank correlation with the rate: w_HR ", "share of the distance: "})
    EXPECT_EQ(count(html, shown), 1U) << shown;
}

TEST_F(WeightPanelsTest, weights_that_are_not_the_results_own_are_refused) {
  ASSERT_EQ(rows().size(), 1U);
  const auto [json, evaluation] = rows().begin()->second;
  EXPECT_TRUE(json.at("weights").get<bool>());
  EXPECT_FALSE(json.at("masks").get<bool>());
  expect_own_files(evaluation, {"weights.csv"});
}

TEST_F(WeightPanelsTest, weights_not_there_yet_are_said_in_words) {
  const fs::path file = *scratch_ / "other.html";
  const auto output = succeeded(panels({"--set", "evaluate.sample_rates=[2, 4]", "--out", file}));
  EXPECT_EQ(output.out, file.string() + ": 0 queries; 1 evaluations are not there or lack a part\n");
  EXPECT_NE(text_of(file).find(": not evaluated yet."), std::string::npos);
}

// Baseline and resolution-adaptive representations, whose evaluations leave masks and distances by prefix unasked; no
// panels.
class AdaptivePanelsTest : public FinishedSuiteTest {
 protected:
  static void SetUpTestSuite() {
    run(replaced(text_of(kTinySuite), "rain.levels = [5]",
                 "method = \"resolution_adaptive\"\n"
                 "resolution_adaptive = { masks = \"joint\", widths = [4, 3, 2, 1], verification_width = 4 }"));
  }
};

TEST_F(AdaptivePanelsTest, the_row_that_adapts_is_drawn_with_its_masks_and_prefixes) {
  const auto output = succeeded(panels());
  const fs::path file = store() / "suites/tiny/panels.html";
  EXPECT_EQ(output.out, file.string() + ": 0 queries, masks of 1 rows, distances by prefix of 1 rows\n");
  const std::string html = text_of(file);
  EXPECT_EQ(count(html, "<svg "), 2U);
  for (int level = 1; level <= 4; ++level)
    EXPECT_EQ(count(html, fmt::format("layer2.0, level {}: median", level)), 1U) << level;
  // Rates 2, 3 and 4 are of levels 3, 2 and 1.
  for (const char* shown :
       {"others, rate 2, level 3, sub-vectors 1–3: median", "others, rate 3, level 2, sub-vectors 1–2",
        "others, rate 4, level 1, sub-vectors 1: median"})
    EXPECT_EQ(count(html, shown), 1U) << shown;
  EXPECT_EQ(count(html, "<tr class=\"used\">"), 3U);
}

TEST_F(AdaptivePanelsTest, files_that_are_not_the_results_own_are_refused) {
  ASSERT_EQ(rows().size(), 1U);
  const auto [json, evaluation] = rows().begin()->second;
  EXPECT_TRUE(json.at("masks").get<bool>());
  EXPECT_TRUE(json.at("prefixes").get<bool>());
  EXPECT_FALSE(json.at("weights").get<bool>());
  expect_own_files(evaluation, {"masks.csv", "prefixes.csv"});
}

// A result of another worker program need not have them.
TEST_F(AdaptivePanelsTest, a_result_without_them_is_said_to_lack_them) {
  const fs::path file = rows().begin()->second.second / "result.json";
  const std::string text = text_of(file);
  core::Json record = core::parse_json(text, "result");
  record.at("outputs").erase("masks.csv");
  record.at("outputs").erase("prefixes.csv");
  write(file, record.dump());
  const auto output = panels();
  write(file, text);
  EXPECT_EQ(code_of(output), 0) << output.err;
  EXPECT_NE(text_of(store() / "suites/tiny/panels.html")
                .find("RAIN: its evaluation left no masks, and no distances by prefix."),
            std::string::npos);
}

}  // namespace
}  // namespace resolute::system_test::panels_test
