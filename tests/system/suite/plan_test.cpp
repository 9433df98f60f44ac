// `resolute suite plan`: without any data, with a price, and of a suite that joins others.

#include "tests/system/cluster/quick_suite.h"
#include "tests/system/tiny_suite.h"

namespace resolute::system_test::plan_test {
namespace {

const fs::path kTour = tests::source_folder() / "experiments/suites/datasets_tour.toml";

// As on a machine where nothing is but the program.
CommandOutput under_an_empty_environment(Words arguments) {
  return run_program(joined({"env", "-i", (kBin / "resolute").string()}, arguments), {{"PATH", "/usr/bin:/bin"}});
}

TEST(SuitePlan, of_a_shipped_suite_needs_no_data_and_tells_what_is_missing) {
  ScratchFolder scratch;
  const fs::path store = scratch / "store";
  const auto output = succeeded(under_an_empty_environment({"suite", "plan", kTour, "--store", store, "--cores", "8"}));
  EXPECT_THAT(output.out, HasSubstr("raw images missing: root = \"${MARKET1501}\" (mlr-market-1501, "));
  EXPECT_EQ(output.out.find("${MARKET1501}"), output.out.rfind("${MARKET1501}")) << "once for each root";
  EXPECT_THAT(output.out, HasSubstr("licence: research only; it may not be passed on"));
  EXPECT_THAT(output.out, HasSubstr("one core with AVX-512: "));
  EXPECT_THAT(output.out, HasSubstr("; 1 min on 8 cores; the longest training 1 min; "));
  EXPECT_THAT(output.out, Not(HasSubstr("measured: docs/inside/methods/")));
  EXPECT_FALSE(fs::exists(store));

  const auto json = json_of(under_an_empty_environment({"suite", "plan", kTour, "--store", store, "--json"}));
  EXPECT_GT(json["missing"]["raw_data"].size(), 8U);
  EXPECT_GT(json["price"]["machines"][0]["hours"], 0);
  EXPECT_EQ(json["price"]["trainings"]["done"], 0);
  for (const char* member : {"packs", "weights", "checkpoints", "features"})
    EXPECT_GT(json["price"]["disk"][member], 0) << member;
  // To run it all of that is needed.
  expect_refusal(under_an_empty_environment({"suite", "run", kTour, "--store", store}), 2, "it is not set");
}

TEST(SuitePlan, has_no_price_of_a_program_s_jobs_and_says_so) {
  ScratchFolder scratch;
  const fs::path suite = scratch / "suite.toml";
  write(suite, "worker = [\"sh\"]\n" + text_of(kTinySuite));
  const Words words{"suite", "plan", suite, "--store", scratch / "store", "--set", "train.program=1"};
  const std::string text = succeeded(under_an_empty_environment(words)).out;
  EXPECT_THAT(text, HasSubstr(" jobs of methods in Python or other programs\n"));
  EXPECT_THAT(text, AllOf(HasSubstr(": not known, for "), Not(HasSubstr(" core-hours"))));
  const core::Json price = json_of(under_an_empty_environment(joined(words, {"--json"})))["price"];
  EXPECT_EQ(price["of_programs"],
            price["trainings"]["distinct"].get<int>() + price["evaluations"]["distinct"].get<int>());
  EXPECT_EQ(price["machines"][0]["unpriced"], price["of_programs"]);
}

TEST(SuitePlan, many_jobs_are_summed_up_unless_they_are_asked_for) {
  ScratchFolder scratch;
  const Words many{"suite", "plan", kTinySuite, "--store", scratch / "store", "--set", "trials=20"};
  const std::string summed = succeeded(resolute(many)).out, listed = succeeded(resolute(joined(many, {"--jobs"}))).out;
  EXPECT_THAT(summed, HasSubstr("  people (drawn)    83 jobs, 0 done; trainings of 30 steps of 8 images"));
  EXPECT_THAT(summed,
              HasSubstr("jobs: shards 2 (0 done), seals 1 (0 done), trainings 40 (0 done), evaluations 40 (0 done)\n"));
  EXPECT_THAT(summed, Not(HasSubstr("trial 19")));
  EXPECT_THAT(listed, HasSubstr("training baseline trial 19 'Baseline (HR)' on people\n"));
}

TEST(SuitePlan, tells_the_smallest_difference_that_trials_and_people_can_tell) {
  ScratchFolder scratch;
  const Words tiny{"suite", "plan", kTinySuite, "--store", scratch / "store", "--set", "trials=20"};
  EXPECT_THAT(succeeded(resolute(tiny)).out,
              testing::ContainsRegex("table main: 2 rows on 1 data set; tells rows [0-9.]+ points of rank-1 apart"));
  EXPECT_THAT(succeeded(resolute(joined(tiny, {"--measured"}))).out,
              HasSubstr("  main on people: 20 trials × 6 people tell rows "));
  const core::Json tellable = json_of(resolute(joined(tiny, {"--json"})))["tellable"];
  ASSERT_EQ(1U, tellable.size());
  EXPECT_EQ(tellable[0]["trials"], 20);
  EXPECT_EQ(tellable[0]["people"], 6);
  EXPECT_EQ(tellable[0]["rows_measured"], false);
  EXPECT_EQ(tellable[0]["paper"], nullptr);
  EXPECT_GT(tellable[0]["rows"], 0);
}

// With its images here, so that nothing is missing; --stand-ins draws them.
TEST(SuitePlan, of_a_shipped_suite_fits_a_screen) {
  ScratchFolder scratch;
  for (const fs::directory_entry& file : fs::directory_iterator(tests::source_folder() / "experiments/suites")) {
    const Words words{"suite", "plan", file.path(), "--store", scratch / "store", "--from-scratch"};
    const std::string text = under_an_empty_environment(words).out;
    std::ptrdiff_t lines = std::ranges::count(text, '\n');
    for (const char* missing : {"\nraw images missing: ", "\ntraining images estimated", "\nids of "})
      for (std::size_t at = 0; (at = text.find(missing, at)) != std::string::npos; ++at) --lines;
    EXPECT_LE(lines, 40) << file.path() << "\n" << text;
    EXPECT_GE(lines, 5) << file.path();
  }
}

// Each of these commands hands jobs out; the batch is said to be the fault where it stands.
TEST(SuitePlan, a_batch_that_the_images_people_cannot_fill_is_refused_by_all_who_make_jobs) {
  ScratchFolder scratch;
  const fs::path raw = scratch / "raw", suite = scratch / "s.toml", store = scratch / "store";
  succeeded(resolute({"data", "synth", "--layout", "market1501", "--out", raw, "--identities", "8", "--cameras", "2",
                      "--images-per-camera", "2", "--height", "32", "--width", "16"}));
  write(suite,
        "suite = \"s\"\ntitle = \"S\"\n[defaults]\nmethod = \"baseline\"\nbackbone = \"resnet-small\"\nheight = 32\n"
        "width = 16\ntrain.steps = 2\ntrain.images = 2\ntrain.identities = 5\n[[dataset]]\nid = \"street\"\n"
        "source = \"market1501\"\nroot = \"raw\"\n[[table]]\nid = \"t\"\ntitle = \"T\"\nmetrics = "
        "[\"rank1\"]\ndatasets = [\"street\"]\n"
        "[[table.row]]\nid = \"r\"\nlabel = \"R\"\n");
  const auto refused = [&](const Words& words) {
    expect_refusal(resolute(joined(joined({"suite"}, words), {suite, "--store", store})), 2,
                   "s.toml:10:7: key 'train.identities' has the value 5 (data set 'street' has 4 training identities");
  };
  refused({"plan"});
  refused({"run"});
  refused({"submit", "--nodes", "1", "--cpus-per-node", "2", "--time", "10", "--dry-run"});
  EXPECT_FALSE(fs::exists(store / "jobs"));
  const Words fits{"suite", "plan", suite, "--store", store, "--set", "train.identities=4"};
  EXPECT_THAT(succeeded(resolute(fits)).out, HasSubstr("packs "));
}

TEST(SuitePlan, a_joined_suite_shares_its_store_with_its_parts_and_is_bundled_whole) {
  ScratchFolder scratch;
  const fs::path store = undisturbed_store(scratch);
  fs::create_directories(scratch / "suites/parts");
  fs::copy_file(kTinySuite, scratch / "suites/parts/tiny.toml");
  const fs::path suite = scratch / "suites/all.toml";
  write(suite, "suite = \"all\"\ntitle = \"All\"\ninclude = [\"parts/tiny.toml\"]\n");
  const auto plan = json_of(resolute({"suite", "plan", suite, "--store", store, "--json"}));
  EXPECT_EQ(plan["price"]["trainings"]["distinct"], plan["price"]["trainings"]["done"]);
  EXPECT_EQ(plan["price"]["evaluations"]["distinct"], plan["price"]["evaluations"]["done"]);
  EXPECT_EQ(plan["price"]["machines"][0]["hours"], 0);
  EXPECT_EQ(plan["tables"][0]["id"], "tiny-main");

  const std::string here = succeeded(resolute({"suite", "table", suite, "--store", store})).out;
  EXPECT_THAT(here, HasSubstr("Two rows"));
  succeeded(resolute({"suite", "bundle", suite, "--store", store, "--out", scratch / "all.zip"}));
  fs::remove_all(scratch / "suites");
  succeeded(run_program({"python3", "-m", "zipfile", "-e", scratch / "all.zip", scratch / "unpacked"}));
  const auto elsewhere = succeeded(
      run_program({"sh", "-c", "cd \"$1\" && RESOLUTE_DATA_DIR=. exec \"$0\" suite table suite.toml --store store",
                   kBin / "resolute", scratch / "unpacked/all"}));
  EXPECT_EQ(here, elsewhere.out);
}

TEST(SuitePlan, tells_what_process_ranks_of_such_jobs_took_in_the_store) {
  ScratchFolder scratch;
  const Words words{"suite", "plan", kTinySuite, "--store"};
  EXPECT_THAT(succeeded(resolute(joined(words, {scratch / "new", "--measured"}))).out,
              AllOf(Not(HasSubstr("measured in this store")), HasSubstr("measured: docs/inside/methods/")));
  const fs::path store = undisturbed_store(scratch);
  EXPECT_THAT(succeeded(resolute(joined(words, {store}))).out, Not(HasSubstr("measured in this store")));
  const std::string measured = succeeded(resolute(joined(words, {store, "--measured"}))).out;
  EXPECT_THAT(measured, HasSubstr("measured in this store, for each process rank\n"));
  EXPECT_THAT(measured,
              testing::ContainsRegex("  training +[0-9.]+ processors, [0-9]+ MiB at most, in [0-9]+ runs? here; "));
  const core::Json plan = json_of(resolute(joined(words, {store, "--json"})));
  for (const core::Json& kind : plan.at("taken")) {
    EXPECT_EQ(kind["known"], kind["jobs"]) << kind;
    EXPECT_GT(kind["peak_mib"], 10) << kind;
    EXPECT_GT(kind["processors"], 0) << kind;
  }
}

// It may say who hears of the run's end.
TEST(SuiteTable, names_what_pdflatex_refuses_until_the_row_has_latex) {
  ScratchFolder scratch;
  const auto printed = [&](const std::string& label) {
    const std::string usual = "label = \"Baseline (HR)\"";
    std::string text = text_of(kTinySuite);
    write(scratch / "s.toml", text.replace(text.find(usual), usual.size(), label));
    return succeeded(resolute({"suite", "table", scratch / "s.toml", "--store", scratch.path(), "--format", "latex"}));
  };
  const std::string letters = "方 (U+65B9), 法 (U+6CD5): compile with lualatex or xelatex";
  const CommandOutput refused = printed("label = \"方法, λ\"");
  EXPECT_THAT(refused.err, HasSubstr("pdflatex has no " + letters));
  EXPECT_THAT(refused.out.substr(0, refused.out.find('\n')), HasSubstr("No pdflatex, for " + letters));
  EXPECT_THAT(refused.out, HasSubstr("\n    方法, \\(\\lambda\\) & "));
  const CommandOutput taken = printed("label = \"λ\"\n  latex = 'ours, $\\lambda_{a}$'");
  EXPECT_THAT(taken.err, Not(HasSubstr("pdflatex")));
  EXPECT_THAT(taken.out, HasSubstr("\n    ours, $\\lambda_{a}$ & "));
}

TEST(SuitePlan, says_where_a_workers_results_would_pass_for_ours) {
  ScratchFolder scratch;
  const fs::path suite = write_quick_suite(scratch.path(), "quick", 1, 1);
  const auto warned = [&](const std::string& from, const std::string& to) {
    std::string text = text_of(suite);
    text.replace(text.find(from), from.size(), to);
    write(scratch / "changed.toml", text);
    const auto output = succeeded(resolute({"suite", "plan", scratch / "changed.toml", "--store", scratch / "store"}));
    return output.err.find("stands in the store as resolute-worker's own") != std::string::npos;
  };
  EXPECT_TRUE(warned("train.steps = 1", "train.steps = 2"));
  EXPECT_FALSE(warned("train.steps = 1", "train.steps = 1\ntrain.program = 1"));
  EXPECT_FALSE(warned("worker = ", "# ")) << "resolute-worker trains";
  const std::string own_row = "  [[table.row]]\n  id = \"own\"\n  label = \"Own\"\n  train.program = 2\n";
  EXPECT_FALSE(warned("  [[table.row]]", own_row + "  [[table.row]]")) << "it hands the other row to resolute-worker";
}

TEST(SuiteRun, a_site_file_that_is_named_must_be_there) {
  ScratchFolder scratch;
  auto environment = program_environment();
  environment["RESOLUTE_SITE"] = "/nonexistent/site.toml";
  const fs::path store = scratch / "store";
  expect_refusal(run_program({kBin / "resolute", "suite", "run", kTinySuite, "--store", store}, environment), 2,
                 "RESOLUTE_SITE: cannot open '/nonexistent/site.toml'");
  EXPECT_FALSE(fs::exists(store / "jobs"));
}

}  // namespace
}  // namespace resolute::system_test::plan_test
