// `resolute suite report`: the page of small suites, half done, done and damaged.

#include <unistd.h>

#include <algorithm>
#include <map>
#include <set>

#include "core/files/json.h"
#include "core/files/ownership.h"
#include "core/process/process.h"
#include "tests/support/slice.h"
#include "tests/system/tiny_suite.h"

namespace resolute::system_test::report_test {
namespace {

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const auto at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

// Each by the sections that it ends with.
const std::vector<std::string> kShownPages{"galleries,timeline,comparison", "recovery,galleries,timeline",
                                           "sweeps,curves,maps,timeline", "weights,timeline", "prefixes,timeline"};

// A suite that has run, made of tests/system/tiny.toml by a few steps in one trial.
class FinishedSuiteTest : public SharedFolder {
 protected:
  static void run(const std::string& text) {
    SharedFolder::SetUpTestSuite();
    write(suite(), replaced(replaced(text, "steps = 30", "steps = 3"), "trials = 2", "trials = 1"));
    succeeded(resolute({"suite", "run", suite(), "--store", store(), "--slots", "2", "--notify",
                        "echo $RESOLUTE_STATE >> '" + heard().string() + "'"}));
  }

  static fs::path heard() { return *scratch_ / "heard"; }
  static fs::path suite() { return *scratch_ / "tiny.toml"; }
  static fs::path page() { return store() / "suites/tiny/report.html"; }
  static CommandOutput report(std::vector<std::string> more = {}) {
    return resolute(joined({"suite", "report", suite(), "--store", store()}, more));
  }
  static core::Json document(std::vector<std::string> more = {}) { return json_of(report(joined({"--json"}, more))); }
  static std::set<std::string> sections(const core::Json& document) {
    std::set<std::string> found;
    for (const core::Json& figure : document.at("figures")) found.insert(figure.at("section").get<std::string>());
    return found;
  }
  // The folder of a row's evaluation.
  static fs::path evaluation(const std::string& row) {
    const core::Json all = document();
    for (const core::Json& entry : all.at("tables").at(0).at("rows"))
      if (entry.at("id") == row) {
        const auto id = entry.at("cells").at(0).at("jobs").back().get<std::string>();
        return store() / "jobs" / id.substr(0, 2) / id;
      }
    ADD_FAILURE() << "no row " << row;
    return {};
  }
  // What a browser makes of a page, which is to have these sections: tests/system/suite/report_browser.py. A commit
  // looks at one of the pages.
  static void expect_shown(const fs::path& page, const std::string& sections) {
    const std::vector<std::string> looked_at = tests::slice("pages that a browser shows", kShownPages, 1);
    const auto is = [&](const std::string& last) { return sections.ends_with(last); };
    ASSERT_EQ(std::ranges::count_if(kShownPages, is), 1) << sections;
    if (std::ranges::none_of(looked_at, is)) GTEST_SKIP() << "this commit's slice looks at another page";
    const fs::path browser = tests::source_folder() / "tests/system/suite/report_browser.py";
    const auto output =
        core::run_command({.arguments = {"/usr/bin/python3", browser.string(), page.string(), "--expect", sections},
                           .environment = core::current_environment()},
                          std::chrono::minutes(6));
    EXPECT_EQ(code_of(output), 0) << output.out << output.err;
  }
  // Files of an evaluation that were changed or taken away.
  static void expect_own_files(const fs::path& evaluation, const std::vector<const char*>& names) {
    for (const char* name : names) {
      const fs::path file = evaluation / name;
      const std::string bytes = text_of(file);
      std::string damaged = bytes;
      damaged[damaged.size() / 2] = static_cast<char>(damaged[damaged.size() / 2] ^ 1);
      write(file, damaged);
      expect_refusal(report(), 2, fmt::format("{}' is not the file that the job's result names", name));
      fs::remove(file);
      expect_refusal(report(), 2, fmt::format("{}' is missing", name));
      write(file, bytes);
    }
  }
};

// Panels of three queries, recovered images at two rates, and a label that HTML must not take for its own.
class ReportTest : public FinishedSuiteTest {
 protected:
  static void SetUpTestSuite() {
    std::string text = replaced(text_of(kTinySuite), "draws = 5", "draws = 5\npanels = 3\nsample_rates = [2, 3]");
    run(replaced(text, "label = \"RAIN\"", "label = \"RAIN <b>&\\\"\""));
  }
};

TEST_F(ReportTest, one_page_holds_tables_figures_galleries_and_timeline_and_is_the_same_again) {
  const auto output = succeeded(report());
  EXPECT_THAT(output.out, testing::StartsWith(page().string() + ": 1 tables, "));
  EXPECT_THAT(output.out, testing::EndsWith(" MB; complete\n"));
  const std::string html = text_of(page());
  EXPECT_LT(html.size(), 8'000'000U);
  succeeded(report({"--out", (*scratch_ / "elsewhere.html").string()}));
  EXPECT_EQ(html, text_of(*scratch_ / "elsewhere.html"));
  const core::Json document = FinishedSuiteTest::document();
  EXPECT_EQ(sections(document), (std::set<std::string>{"ablations", "cmc", "rates", "curves", "maps", "recovery"}));
  ASSERT_EQ(document.at("galleries").size(), 3U);
  for (const core::Json& block : document.at("galleries")) {
    ASSERT_EQ(block.at("rows").size(), 2U) << "methods show the same queries of a trial";
    EXPECT_TRUE(block.at("rows").at(0).at("reconstruction").is_null()) << "the baseline has no decoder";
    EXPECT_EQ(block.at("rows").at(1).at("reconstruction").at("recovered").size(), 1U);
    EXPECT_EQ(block.at("rows").at(1).at("label"), "RAIN <b>&\"");
  }
  std::set<std::string> ids;
  for (const core::Json& figure : document.at("figures"))
    EXPECT_TRUE(ids.insert(figure.at("id").get<std::string>()).second) << figure.at("id");
}

TEST_F(ReportTest, bars_of_means_over_queries_have_intervals_around_them) {
  std::map<std::string, core::Json> bars;
  const core::Json document = FinishedSuiteTest::document();
  for (const core::Json& figure : document.at("figures"))
    if (figure.at("section") == "ablations") bars[figure.at("id").get<std::string>()] = figure;
  ASSERT_TRUE(bars.contains("main-map-bars") && bars.contains("main-resolution-probe-bars"));
  const core::Json& series = bars["main-map-bars"].at("series").at(0);
  for (std::size_t row = 0; row < 2; ++row) {
    EXPECT_LT(series.at("low").at(row), series.at("y").at(row));
    EXPECT_GT(series.at("high").at(row), series.at("y").at(row));
  }
  EXPECT_FALSE(bars["main-resolution-probe-bars"].at("series").at(0).contains("low")) << "one trial has no deviation";
}

TEST_F(ReportTest, every_attempt_is_in_the_timeline_and_every_job_behind_a_number_in_the_list) {
  const core::Json document = FinishedSuiteTest::document();
  const core::Json& jobs = document.at("jobs");
  std::set<std::string> tried;
  for (const core::Json& attempt : document.at("timeline").at("attempts")) {
    EXPECT_EQ(attempt.at("outcome"), "done");
    EXPECT_LE(attempt.at("begin").get<double>(), attempt.at("end").get<double>());
    tried.insert(attempt.at("job").get<std::string>());
  }
  EXPECT_EQ(tried.size(), jobs.size());
  for (const core::Json& row : document.at("tables").at(0).at("rows"))
    for (const core::Json& cell : row.at("cells"))
      for (const core::Json& job : cell.at("jobs")) EXPECT_TRUE(jobs.contains(job.get<std::string>()));
  const core::Json& status = document.at("status");
  EXPECT_EQ(status.at("complete"), true);
  EXPECT_EQ(status.at("live"), false);
  EXPECT_GT(status.at("processor_seconds").get<double>(), 0);
  EXPECT_GE(status.at("node_seconds").get<double>(), status.at("seconds").get<double>() * 0.999);
  for (const core::Json& kind : status.at("jobs")) EXPECT_EQ(kind.at("done"), kind.at("all"));
}

TEST_F(ReportTest, the_list_of_suites_has_it_with_what_it_cost) {
  const core::Json suites = json_of(resolute({"suite", "list", "--store", store(), "--json"})).at("suites");
  ASSERT_EQ(suites.size(), 1U);
  const core::Json& tiny = suites.at(0);
  EXPECT_EQ(tiny.at("suite"), "tiny");
  EXPECT_EQ(tiny.at("state"), "complete");
  EXPECT_EQ(tiny.at("jobs").at("done"), tiny.at("jobs").at("all"));
  EXPECT_GT(tiny.at("node_hours").get<double>(), 0);
  EXPECT_EQ(tiny.at("gpu_hours"), 0);
  EXPECT_GT(tiny.at("disk").at("bytes").get<int>(), 10'000);
  EXPECT_EQ(tiny.at("disk").at("shared_bytes"), 0);
  EXPECT_NE(resolute({"suite", "list", "--store", store()}).out.find("complete"), std::string::npos);
}

TEST_F(ReportTest, the_end_of_the_run_was_told_once) {
  succeeded(
      resolute({"suite", "run", suite(), "--store", store(), "--notify", "echo again >> '" + heard().string() + "'"}));
  EXPECT_EQ(text_of(heard()), "complete\n");
}

TEST_F(ReportTest, no_path_and_no_host_stands_in_it_unless_asked_for) {
  succeeded(report());
  const std::string html = text_of(page());
  EXPECT_EQ(html.find(scratch_->path().string()), std::string::npos);
  EXPECT_EQ(html.find('"' + core::host_name() + '"'), std::string::npos);
  EXPECT_EQ(document().at("timeline").at("nodes"), core::Json({"node 1"}));
  EXPECT_EQ(document({"--with-hosts"}).at("timeline").at("nodes"), core::Json({core::host_name()}));
}

// One job is cancelled while it runs, then all of them: the journal names who asked, in the end of a run, of an attempt
// and of jobs.
class CancelledReportTest : public FinishedSuiteTest {
 protected:
  static void SetUpTestSuite() {
    SharedFolder::SetUpTestSuite();
    write(suite(), replaced(text_of(kTinySuite), "steps = 30", "steps = 100000"));
    Background run({"suite", "run", suite(), "--store", store(), "--slots", "1"}, *scratch_ / "run");
    const std::string job = next_training("");
    succeeded(resolute({"suite", "cancel", suite(), "--store", store(), "--job", job}));
    next_training(job);
    succeeded(resolute({"suite", "cancel", suite(), "--store", store()}));
    EXPECT_EQ(run.wait(), 75) << text_of(*scratch_ / "run");
  }

  // A training that runs and is not this one.
  static std::string next_training(const std::string& other) {
    core::Json found;
    EXPECT_TRUE(wait_until([&] {
      found = training_at_work(json_of(resolute({"suite", "status", suite(), "--store", store(), "--json"})), 100000,
                               other);
      return !found.is_null();
    }));
    return found.is_null() ? "" : found.at("job").get<std::string>();
  }
};

TEST_F(CancelledReportTest, who_cancelled_stands_in_it_only_if_asked_for) {
  const std::string user = core::user_name(::getuid()).value_or(std::to_string(::getuid()));
  succeeded(report());
  const std::string html = text_of(page());
  EXPECT_EQ(html.find(user + "@"), std::string::npos);
  EXPECT_EQ(html.find("@" + core::host_name()), std::string::npos);
  const auto words = [](const core::Json& document) {
    std::multiset<std::string> all;
    for (const core::Json& failure : document.at("status").at("failures")) all.insert(failure.at("why"));
    for (const char* list : {"runs", "attempts"})
      for (const core::Json& one : document.at("timeline").at(list)) all.insert(one.at("words"));
    return all;
  };
  const auto naming = [&](const std::multiset<std::string>& all, const std::string& whom) {
    return std::count_if(all.begin(), all.end(),
                         [&](const std::string& one) { return one.find("cancelled by " + whom) != std::string::npos; });
  };
  const auto hidden = words(document()), shown = words(document({"--with-hosts"}));
  EXPECT_GE(naming(shown, user + "@" + core::host_name()), 3) << "its run, its attempts and its jobs";
  EXPECT_EQ(naming(hidden, "somebody"), naming(shown, user + "@" + core::host_name()));
}

TEST_F(ReportTest, a_page_that_cannot_be_written_there_is_refused) {
  for (const std::string& out : {std::string(), scratch_->path().string(), (*scratch_ / "nowhere" / "x.html").string()})
    expect_refusal(report({"--out", out}), 2, "--out '");
  EXPECT_FALSE(fs::exists(*scratch_ / "nowhere"));
  const fs::path mine = *scratch_ / "mine.toml";
  write(mine, "suite = 'mine'\n");
  expect_refusal(report({"--out", mine.string()}), 2, "mine.toml' is not replaced (it is a file of another format)");
  EXPECT_EQ(text_of(mine), "suite = 'mine'\n");
  fs::remove(page());
  fs::create_directory(page());
  expect_refusal(report(), 2, "; name a file elsewhere by --out");
  succeeded(report({"--out", (*scratch_ / "elsewhere.html").string()}));
  fs::remove(page());
}

TEST_F(ReportTest, an_evaluation_that_is_not_there_leaves_its_place_empty) {
  const fs::path result = evaluation("rain") / "result.json";
  fs::rename(result, *scratch_ / "away");
  const auto output = report();
  const core::Json document = FinishedSuiteTest::document();
  fs::rename(*scratch_ / "away", result);
  EXPECT_EQ(code_of(output), 0) << output.err;
  EXPECT_THAT(output.out, testing::EndsWith("not complete yet\n"));
  EXPECT_EQ(document.at("status").at("complete"), false);
  EXPECT_EQ(document.at("status").at("jobs").back().at("done"), 1);
  EXPECT_EQ(document.at("galleries").at(0).at("rows").size(), 1U);
  EXPECT_FALSE(sections(document).contains("recovery"));
}

// Beside it a suite whose row of the same name is the other one.
TEST_F(ReportTest, why_a_number_has_no_interval_names_no_folder) {
  const fs::path first = *scratch_ / "first.toml", second = *scratch_ / "second.toml", away = *scratch_ / "away";
  const std::string whole = replaced(text_of(suite()), "compare_with = \"baseline\"\n", "");
  const auto row = [&](std::size_t number) {
    std::size_t begin = whole.find("  [[table.row]]");
    for (; number > 0; --number) begin = whole.find("  [[table.row]]", begin + 1);
    return whole.substr(begin, whole.find("  [[table.row]]", begin + 1) - begin);
  };
  const std::string head = whole.substr(0, whole.find("  [[table.row]]"));
  write(first, head + row(0));
  write(second, head + replaced(row(1), "id = \"rain\"", "id = \"baseline\""));
  const fs::path queries = evaluation("rain") / "queries.csv";
  fs::rename(queries, away);
  const CommandOutput output =
      resolute({"suite", "report", first, "--store", store(), "--against", second.string(), "--json", "--same-suite"});
  fs::rename(away, queries);
  EXPECT_EQ(code_of(output), 0) << output.err;
  EXPECT_THAT(output.out, testing::HasSubstr("queries.csv' is missing"));
  EXPECT_EQ(output.out.find(scratch_->path().string()), std::string::npos);
}

TEST_F(ReportTest, files_that_are_not_the_results_own_are_refused) {
  expect_own_files(evaluation("rain"),
                   {"panels/panels.json", "panels/gallery-001.png", "panels/reconstruction-002.png", "recovery.csv"});
}

TEST_F(ReportTest, a_suite_that_never_ran_has_a_page_of_what_is_asked) {
  const core::Json document = FinishedSuiteTest::document({"--set", "train.steps=4"});
  EXPECT_EQ(document.at("status").at("complete"), false);
  EXPECT_TRUE(document.at("figures").empty());
  EXPECT_EQ(document.at("tables").size(), 1U);
}

TEST_F(ReportTest, options_that_contradict_each_other_are_refused) {
  expect_refusal(report({"--out", (*scratch_ / "page.html").string(), "--json"}), 2, "--out would");
  expect_refusal(report({"--open", "--json"}), 2, "--json writes nothing (--open shows a page)");
  expect_refusal(report({"--against-profile", "long"}), 2, "--against is missing");
  EXPECT_FALSE(fs::exists(*scratch_ / "page.html"));
}

TEST_F(ReportTest, another_suite_of_the_store_stands_beside_it) {
  const fs::path other = *scratch_ / "other.toml";
  write(other, replaced(text_of(suite()), "suite = \"tiny\"", "suite = \"other\""));
  const core::Json comparison = document({"--against", other.string()}).at("comparison");
  ASSERT_EQ(comparison.at("numbers").size(),
            document().at("tables").at(0).at("rows").size() * document().at("tables").at(0).at("metrics").size());
  EXPECT_TRUE(comparison.at("settings").empty());
  EXPECT_EQ(comparison.at("title"), document().at("title"));
  succeeded(report({"--against", other.string(), "--out", (*scratch_ / "against.html").string()}));
  expect_shown(*scratch_ / "against.html",
               "tables,ablations,cmc,rates,curves,maps,recovery,galleries,timeline,comparison");
}

TEST_F(ReportTest, a_browser_shows_every_section_without_an_error_or_a_request) {
  succeeded(report());
  expect_shown(page(), "tables,ablations,cmc,rates,curves,maps,recovery,galleries,timeline");
}

// Baselines of a few steps more each, in the place of rows that a paper orders: a claim of it, and a sweep.
class ClaimReportTest : public FinishedSuiteTest {
 protected:
  static void SetUpTestSuite() {
    const std::string tiny = text_of(kTinySuite);
    std::string text = replaced(tiny.substr(0, tiny.find("  [[table.row]]")), "compare_with = \"baseline\"",
                                "reference = { paper = \"rain\", table = \"table1\", dataset = \"mlr-cuhk03\" }");
    for (const auto& [steps, method] : {std::pair(2, "baseline-hr"), {3, "baseline-hr-lr"}, {4, "single-level"}})
      text += fmt::format(
          "  [[table.row]]\n  id = \"steps-{0}\"\n  label = \"{0} steps\"\n  method = \"baseline\"\n"
          "  train.steps = {0}\n  reference = {{ method = \"rain-{1}\" }}\n",
          steps, method);
    // The same trainings under another name.
    run(text +
        "[[table]]\nid = \"again\"\ntitle = \"Again\"\nmetrics = [\"rank1\"]\ndatasets = [\"people\"]\n"
        "  [[table.row]]\n  id = \"three\"\n  label = \"Three steps\"\n  method = \"baseline\"\n"
        "  train.steps = 3\n");
  }
};

TEST_F(ClaimReportTest, a_browser_shows_the_papers_claims_and_a_sweep) {
  EXPECT_TRUE(FinishedSuiteTest::document().at("tables").at(0).at("claims").empty()) << "beside drawn people";
  const core::Json document = FinishedSuiteTest::document({"--with-references"});
  EXPECT_EQ(document.at("tables").at(0).at("claims").size(), 1U);
  EXPECT_TRUE(sections(document).contains("sweeps"));
  succeeded(report({"--with-references"}));
  expect_shown(page(), "tables,claims,ablations,cmc,rates,sweeps,curves,maps,timeline");
}

// Baseline and FTWA, whose weights are sampled at two rates; no panels.
class WeightReportTest : public FinishedSuiteTest {
 protected:
  static void SetUpTestSuite() {
    std::string text = replaced(text_of(kTinySuite), "draws = 5", "draws = 5\nsample_rates = [2, 3]");
    text = replaced(replaced(text, "images = 2", "images = 4\nlr_images = 2"), "hr-both-views", "mlr");
    run(replaced(text, "rain.levels = [5]", "method = \"ftwa\""));
  }
};

TEST_F(WeightReportTest, the_row_that_has_weights_is_drawn_with_its_correlations) {
  const core::Json document = FinishedSuiteTest::document();
  std::vector<core::Json> drawn;
  for (const core::Json& figure : document.at("figures"))
    if (figure.at("section") == "weights") drawn.push_back(figure);
  ASSERT_EQ(drawn.size(), 1U);
  EXPECT_EQ(drawn[0].at("x").at("categories"), core::Json({"high side", "low side, rate 2", "low side, rate 3"}));
  for (const char* said : {"Rank correlation with the rate: w_HR ", "share of the distance: "})
    EXPECT_NE(drawn[0].at("caption").get<std::string>().find(said), std::string::npos) << said;
  EXPECT_TRUE(document.at("galleries").empty());
}

TEST_F(WeightReportTest, a_browser_shows_weights) {
  succeeded(report());
  expect_shown(page(), "tables,ablations,cmc,rates,curves,maps,weights,timeline");
}

TEST_F(WeightReportTest, weights_that_are_not_the_results_own_are_refused) {
  expect_own_files(evaluation("rain"), {"weights.csv"});
}

// Baseline and resolution-adaptive representations, whose evaluations leave masks and distances by prefix unasked.
class AdaptiveReportTest : public FinishedSuiteTest {
 protected:
  static void SetUpTestSuite() {
    run(replaced(text_of(kTinySuite), "rain.levels = [5]",
                 "method = \"resolution_adaptive\"\n"
                 "resolution_adaptive = { masks = \"joint\", widths = [4, 3, 2, 1], verification_width = 4 }"));
  }
};

TEST_F(AdaptiveReportTest, the_row_that_adapts_is_drawn_with_its_masks_and_prefixes) {
  std::map<std::string, core::Json> drawn;
  const core::Json document = FinishedSuiteTest::document();
  for (const core::Json& figure : document.at("figures")) drawn[figure.at("section").get<std::string>()] = figure;
  ASSERT_TRUE(drawn.contains("masks") && drawn.contains("prefixes"));
  EXPECT_EQ(drawn["masks"].at("series").size(), 4U);
  // Rates 2, 3 and 4 are of levels 3, 2 and 1: six prefixes, of which three are what queries are compared by.
  EXPECT_EQ(drawn["prefixes"].at("x").at("categories").size(), 6U);
  int compared = 0;
  for (const core::Json& row : drawn["prefixes"].at("rows")) compared += row.back() == "yes" ? 1 : 0;
  EXPECT_EQ(compared, 3);
}

TEST_F(AdaptiveReportTest, a_browser_shows_masks_and_prefixes) {
  succeeded(report());
  expect_shown(page(), "tables,ablations,cmc,rates,curves,maps,masks,prefixes,timeline");
}

TEST_F(AdaptiveReportTest, files_that_are_not_the_results_own_are_refused) {
  expect_own_files(evaluation("rain"), {"masks.csv", "prefixes.csv"});
  const fs::path features = evaluation("rain") / "features.h5";
  const std::string bytes = text_of(features);
  write(features, bytes + "more");
  expect_refusal(report(), 2, "features.h5' is not the file that the job's result names");
  write(features, bytes);
}

// A result of another worker program need not have them.
TEST_F(AdaptiveReportTest, a_result_without_them_has_no_such_figures) {
  const fs::path file = evaluation("rain") / "result.json";
  const std::string text = text_of(file);
  core::Json record = core::parse_json(text, "result");
  record.at("outputs").erase("masks.csv");
  record.at("outputs").erase("prefixes.csv");
  write(file, record.dump());
  const std::set<std::string> found = sections(document());
  write(file, text);
  EXPECT_FALSE(found.contains("masks"));
  EXPECT_FALSE(found.contains("prefixes"));
}

}  // namespace
}  // namespace resolute::system_test::report_test
