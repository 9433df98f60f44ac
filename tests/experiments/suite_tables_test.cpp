//! What a plan's tables hold beside their cells: the row they compare with, the papers' claims; and what metrics and
//! outputs ask of methods and protocols.

#include "core/files/file_system.h"
#include "experiments/language/reference.h"
#include "experiments/specification/metrics.h"
#include "tests/experiments/suite_fixture.h"
#include "tests/support/folders.h"

namespace resolute::experiments::suite_tables_test {
namespace {

using namespace testing;

constexpr const char* kHead = R"(suite = "s"
title = "S"
[defaults]
method = "rain"
train.steps = 10
train.identities = 4
[[dataset]]
id = "easy"
source = "synthetic"
[[dataset]]
id = "hard"
source = "synthetic"
fine_contrast = 0.5
)";

std::string table(const std::string& keys, const std::string& rows) {
  return std::string(kHead) + "[[table]]\nid = \"t\"\ntitle = \"T\"\n" + keys + rows;
}

//! A row of the paper's method and variant.
std::string row(const std::string& id, const std::string& reference) {
  return fmt::format("[[table.row]]\nid = \"{0}\"\nlabel = \"{0}\"\nreference = {{ paper = \"rain\", {1} }}\n", id,
                     reference);
}

const std::string kCuhk = "dataset = \"mlr-cuhk03\", ";
const std::string kBoth = "metrics = [\"rank1\", \"mAP\"]\ndatasets = [\"easy\", \"hard\"]\n";

struct RainSuite : MethodSuite {
  RainSuite() : MethodSuite("rain", "train.steps = 10\ntrain.identities = 4\n") {}
};

TEST_F(RainSuite, options_of_what_is_switched_off_make_no_other_job) {
  const std::string off = ".adversary = \"off\"\n", pixels = ".reconstruction = false\n";
  const Texts game = {".levels = [1, 2, 3]", ".updates = \"simultaneous\"", ".discriminator = \"pixelwise\"",
                      ".adversarial_weight = 7"};
  const Texts decoder = {".decoder = \"transposed\"", ".reconstruction_weight = 3"};
  const Texts triplets = {".margin = 1", ".mining = \"batch-hard\""};
  expect_one_job(off, game);
  expect_one_job(off, {".levels = []"});
  expect_one_job(pixels, decoder);
  expect_one_job(".triplet = false\n", triplets);
  expect_one_job("method = \"baseline\"\nbaseline.triplet = false\n",
                 {"baseline.margin = 1", "baseline.mining = \"batch-hard\""});
  const Texts others = {".levels = [5]", ".supervision = \"hr-only-labels\""};
  expect_other_jobs("", {off, pixels});
  for (const Texts& read : {game, decoder, triplets, others}) expect_other_jobs("", read);
  expect_other_jobs(off, {".decoder = \"transposed\"", ".supervision = \"hr-only-labels\""});
}

TEST_F(RainSuite, a_row_unlike_its_paper_is_marked_and_a_note_says_why) {
  const Plan made = plan(suite_head("rain", "train.steps = 10\ntrain.identities = 4\n") + row("plain", "") +
                         row("off", ".adversary = \"off\"\n.updates = \"simultaneous\"") +
                         row("other", ".updates = \"simultaneous\"") + row("base", "method = \"baseline\""));
  const auto& rows = made.tables.at(0).rows;
  for (const std::size_t like : {0U, 1U, 3U}) EXPECT_EQ(rows[like].label, row_title(rows[like]));
  EXPECT_EQ("other ‡", row_title(rows[2]));
  EXPECT_THAT(made.tables.front().notes,
              Contains("‡ unlike the paper: rain.updates = \"simultaneous\" (paper: min-max in turns)"));
  EXPECT_EQ(core::Json(rows[2].deviations), json_of(made).at("tables").at(0).at("rows").at(2).at("deviations"));
  EXPECT_FALSE(json_of(made).at("tables").at(0).at("rows").at(0).contains("deviations"));
}

TEST_F(RainSuite, pairing_and_whose_labels_are_kept_leave_no_trace_at_their_defaults) {
  expect_one_job("", {".pairing = \"aligned\"", "train.labelled_by = \"image\"", "train.labelled_by = \"identity\"",
                      "train.labelled_fraction = 1.0\ntrain.labelled_by = \"identity\""});
  expect_other_jobs("train.labelled_fraction = 0.5\n", {"train.labelled_by = \"identity\""});
  expect_other_jobs("train.lr_images = 2\n", {".pairing = \"shuffled\"", "split.train_pool = \"mlr-with-originals\""});
}

TEST_F(RainSuite, ways_to_optimise_leave_no_trace_at_their_defaults) {
  expect_one_job("", {"train.optimiser = \"adam\"", "train.momentum = 0", "train.nesterov = false",
                      "train.trunk_learning_rate_factor = 1", "train.layer_decay = 1", "train.power = 1",
                      "train.ema = 0", "train.schedule = \"constant\""});
  expect_other_jobs(
      "", {"train.optimiser = \"adamw\"", "train.optimiser = \"sgd\"", "train.trunk_learning_rate_factor = 0.1",
           "train.layer_decay = 0.8", "train.ema = 0.999", "train.schedule = \"linear\""});
  const Plan made = plan(suite_head("rain", "train.steps = 10\ntrain.identities = 4\n") +
                         row("line", "train.schedule = \"linear\"") + row("power", "train.schedule = \"polynomial\""));
  const auto& rows = made.tables.at(0).rows;
  EXPECT_EQ(rows.at(0).cells.at(0).evaluations, rows.at(1).cells.at(0).evaluations);
  expect_other_jobs("train.optimiser = \"sgd\"\n", {"train.momentum = 0.9"});
  expect_one_job("network.frozen_levels = 5\n.adversary = \"off\"\n",
                 {"train.trunk_learning_rate_factor = 0.1", "train.layer_decay = 0.8"});
}

TEST_F(Suite, a_table_names_the_row_that_it_compares_with) {
  const Plan made = plan(table("compare_with = \"a\"\n" + kBoth,
                               "[[table.row]]\nid = \"a\"\nlabel = \"A\"\n"
                               "[[table.row]]\nid = \"b\"\nlabel = \"B\"\n"));
  EXPECT_EQ("a", made.tables.at(0).compare_with);
  EXPECT_EQ("a", json_of(made).at("tables").at(0).at("compare_with"));
}

TEST_F(Suite, rows_of_one_label_are_told_apart_by_their_ids) {
  const auto row = [](const std::string& id, const std::string& label) {
    return fmt::format("[[table.row]]\nid = \"{}\"\nlabel = \"{}\"\n", id, label);
  };
  const Plan made = plan(table(kBoth, row("a", "Ours") + row("b", "Theirs") + row("c", "Ours") + row("d", "Ours")));
  std::vector<std::string> labels;
  for (const RowPlan& one : made.tables.at(0).rows) labels.push_back(one.label);
  EXPECT_THAT(labels, ElementsAre("Ours (a)", "Theirs", "Ours (c)", "Ours (d)"));
}

TEST_F(Suite, a_margin_is_the_tables_and_no_part_of_a_job) {
  const std::string rows = "[[table.row]]\nid = \"a\"\nlabel = \"A\"\n";
  const Plan usual = plan(table(kBoth, rows)), narrow = plan(table("margin = 0.5\n" + kBoth, rows));
  EXPECT_EQ(2, usual.tables.at(0).margin);
  EXPECT_EQ(0.5, narrow.tables.at(0).margin);
  EXPECT_EQ(0.5, json_of(narrow).at("tables").at(0).at("margin"));
  ASSERT_EQ(usual.jobs.size(), narrow.jobs.size());
  for (std::size_t i = 0; i < usual.jobs.size(); ++i) EXPECT_EQ(usual.jobs[i].id, narrow.jobs[i].id);
}

TEST_F(Suite, a_mean_is_of_two_data_sets_of_the_table_or_more) {
  const std::string rows = "[[table.row]]\nid = \"one\"\nlabel = \"One\"\n";
  EXPECT_THAT(plan(table(kBoth + "mean_of = [\"easy\", \"hard\"]\n", rows)).tables[0].mean_of,
              ElementsAre("easy", "hard"));
  EXPECT_TRUE(plan(table(kBoth, rows)).tables[0].mean_of.empty());
  const auto refusal = [&](const std::string& text) { return refusal_in(tests::refusal([&] { plan(text); })); };
  EXPECT_THAT(refusal(table(kBoth + "mean_of = [\"easy\"]\n", rows)),
              HasSubstr("key 'mean_of' names 'easy' alone (a mean is of two data sets or more); leave it out"));
  EXPECT_THAT(refusal(table(kBoth + "mean_of = [\"easy\", \"hrad\"]\n", rows)),
              AllOf(HasSubstr("key 'mean_of' names 'hrad'"), HasSubstr("'hard'")));
  const std::string uneven = table(kBoth + "mean_of = [\"easy\", \"hard\"]\n", rows);
  EXPECT_THAT(refusal(std::string(uneven).insert(uneven.find("id = \"hard\"\n"), "trials = 3\n")),
              AllOf(HasSubstr("key 'mean_of' names 'easy' and 'hard' (row 'one' has "),
                    HasSubstr("trials on the one and 3 on the other); give both the same 'trials'")));
  std::string called_mean = table(
      "metrics = [\"rank1\"]\ndatasets = [\"easy\", \"mean\"]\nmean_of = [\"easy\", "
      "\"mean\"]\n",
      rows);
  called_mean.replace(called_mean.find("id = \"hard\""), 11, "id = \"mean\"");
  EXPECT_THAT(refusal(called_mean), HasSubstr("would make a second column 'mean'"));
}

//! RAIN's table 1 beside our two data sets.
std::string table1(const std::string& published, const std::string& rows) {
  return table(
      "metrics = [\"rank1\"]\ndatasets = [\"easy\", \"hard\"]\nreference = { paper = \"rain\", table = \"table1\", "
      "datasets = { easy = \"mlr-cuhk03\", hard = \"mlr-viper\" } }\n" +
          published + "\n",
      rows);
}
const std::string kOurRain = "[[table.row]]\nid = \"ours\"\nlabel = \"Ours\"\nreference.method = \"rain\"\n";

TEST_F(Suite, each_data_set_stands_beside_one_of_the_papers) {
  const RowPlan row = row_of(plan(table1("", kOurRain)), "t", "ours");
  EXPECT_THAT(row.cells[0].references, Contains(Pair("rank1", 78.9)));
  EXPECT_THAT(row.cells[1].references, Contains(Pair("rank1", 42.5)));
  const RowPlan on_one = row_of(plan(table1("", kOurRain + "reference.on = [\"hard\"]\n")), "t", "ours");
  EXPECT_THAT(on_one.cells[0].references, IsEmpty());
  EXPECT_THAT(on_one.cells[1].references, Contains(Pair("rank1", 42.5)));
  for (const char* on : {"[\"hart\"]", "[\"hard\", \"hart\"]"})
    EXPECT_THAT(tests::refusal([&] { plan(table1("", kOurRain + "reference.on = " + on + "\n")); }),
                AllOf(HasSubstr("key 'reference.on' names 'hart'"), HasSubstr("did you mean 'hard'")));
}

TEST_F(Suite, a_table_shows_what_a_paper_prints_of_others) {
  const Plan made = plan(table1("published = true", kOurRain));
  std::vector<std::string> methods;
  for (const PublishedRow& row : made.tables[0].published) methods.push_back(row.method);
  // In the paper's order, without the method that a row of ours is about.
  EXPECT_THAT(methods, ElementsAre("judea", "sld2l", "sdf", "sing", "csr-gan", "rain-baseline-hr",
                                   "rain-baseline-hr-lr", "rain-single-level"));
  const PublishedRow& first = made.tables[0].published[0];
  EXPECT_EQ("JUDEA", first.label);
  // The metrics of the table alone, on each data set that the paper has the method on.
  EXPECT_THAT(first.numbers, ElementsAre(Pair("easy", ElementsAre(Pair("rank1", 26.2))),
                                         Pair("hard", ElementsAre(Pair("rank1", 26.0)))));
  EXPECT_THAT(made.tables[0].published[1].numbers, ElementsAre(Pair("hard", ElementsAre(Pair("rank1", 20.3)))));
  EXPECT_THAT(made.tables[0].no_reference, IsEmpty());
  EXPECT_EQ("judea", json_of(made).at("tables").at(0).at("published").at(0).at("id"));

  const auto named = plan(table1("published = [\"sing\", \"judea\"]", kOurRain)).tables[0].published;
  ASSERT_EQ(2U, named.size());
  EXPECT_EQ("SING", named[0].label);
  EXPECT_EQ("JUDEA", named[1].label);
  EXPECT_THAT(plan(table1("published = false", kOurRain)).tables[0].published, IsEmpty());
}

TEST_F(Suite, all_data_sets_may_stand_beside_one_of_the_papers) {
  const Plan made = plan(
      table(kBoth + "reference = { paper = \"rain\", table = \"table1\", dataset = \"caviar\" }\npublished = true\n",
            kOurRain));
  EXPECT_THAT(made.tables[0].published[0].numbers, ElementsAre(Pair("easy", ElementsAre(Pair("rank1", 22.0))),
                                                               Pair("hard", ElementsAre(Pair("rank1", 22.0)))));
}

TEST_F(Suite, published_rows_that_are_not_there_are_refused) {
  const auto refusal = [&](const std::string& text) { return refusal_in(tests::refusal([&] { plan(text); })); };
  EXPECT_THAT(refusal(table1("published = [\"sign\"]", kOurRain)),
              AllOf(HasSubstr("key 'published' names 'sign' (paper 'rain', table 'table1' has no such method)"),
                    HasSubstr("'sing'")));
  EXPECT_THAT(refusal(table1("published = []", kOurRain)), HasSubstr("key 'published' is empty"));
  EXPECT_THAT(refusal(table1("published = [\"sing\", \"rain\", \"sing\"]", kOurRain)),
              HasSubstr("key 'published' names 'sing' twice"));
  EXPECT_THAT(refusal(table1("published = 3", kOurRain)), HasSubstr("'published'"));
  EXPECT_THAT(refusal(table(kBoth + "published = true\n", "[[table.row]]\nid = \"a\"\nlabel = \"A\"\n")),
              HasSubstr("key 'published' has no 'reference.paper' (the table's own 'reference' says whose numbers"));
  const auto with = [&](const std::string& reference) {
    return refusal(table(kBoth + "reference = { " + reference + " }\npublished = true\n",
                         "[[table.row]]\nid = \"a\"\nlabel = \"A\"\n"));
  };
  EXPECT_THAT(with("paper = \"rain\", table = \"table1\""), HasSubstr("has no 'reference.dataset'"));
  EXPECT_THAT(with("paper = \"rain\", table = \"table9\", dataset = \"caviar\""),
              HasSubstr("key 'reference' has the table 'table9'"));
  EXPECT_THAT(with("paper = \"rain\", table = \"table1\", dataset = \"caviat\""),
              HasSubstr("key 'reference' has the dataset 'caviat' (paper 'rain', table 'table1' has no number on it)"));
  EXPECT_THAT(with("paper = \"rain\", table = \"table1\", datasets = { esay = \"caviar\" }"),
              AllOf(HasSubstr("key 'reference.datasets' names 'esay'"), HasSubstr("'easy'")));
  EXPECT_THAT(with("paper = \"rain\", table = \"table1\", datasets = {}"),
              HasSubstr("key 'reference.datasets' is empty"));
  EXPECT_THAT(with("paper = \"rain\", table = \"table1\", dataset = \"caviar\", datasets = { easy = \"caviar\" }"),
              HasSubstr("are both there"));
  // A method that the paper has on other data sets alone.
  EXPECT_THAT(refusal(table(kBoth + "reference = { paper = \"rain\", table = \"table1\", dataset = \"mlr-cuhk03\" }\n"
                                    "published = [\"sld2l\"]\n",
                            kOurRain)),
              HasSubstr("key 'published' names 'sld2l' (the paper has no number of it for this table's"));
}

TEST(References, name_each_method_as_papers_print_it) {
  const auto file = kSource / "reference" / "papers.toml";
  const ReferenceNumbers references = ReferenceNumbers::read(core::real_file_system(), file);
  const Node document = parse_toml(core::read_text(core::real_file_system(), file), "papers.toml");
  std::set<std::string> methods;
  for (const Member& member : document.members)
    if (member.key == "result")
      for (const Node& result : member.node.tables)
        for (const Member& key : result.members)
          if (key.key == "method") methods.insert(key.node.value.get<std::string>());
  ASSERT_LT(30U, methods.size());
  for (const std::string& method : methods) EXPECT_NE(method, references.method_name(method));
}

TEST_F(Suite, claims_are_found_by_method_on_every_data_set) {
  const Plan made = plan(table(kBoth, row("best", kCuhk + "table = \"table1\", method = \"rain\"") +
                                          row("worst", kCuhk + "table = \"table1\", method = \"rain-baseline-hr\"") +
                                          row("single", kCuhk + "table = \"table1\", method = \"rain-single-level\"")));
  const auto& claims = made.tables.at(0).claims;
  ASSERT_EQ(6U, claims.size());
  for (std::size_t i = 0; i < claims.size(); ++i) {
    const ClaimPlan& claim = claims[i];
    EXPECT_EQ(i < 3 ? "easy" : "hard", claim.dataset);
    EXPECT_EQ("rank1", claim.metric);
    EXPECT_EQ("rain", claim.paper);
    EXPECT_EQ("mlr-cuhk03", claim.paper_dataset);
    // The text says nothing of RAIN above its single-level form.
    const std::vector<std::vector<std::string>> orders = {
        {"worst", "single"}, {"worst", "best"}, {"worst", "single", "best"}};
    EXPECT_EQ(orders[i % 3], claim.worse_to_better);
    EXPECT_EQ(i % 3 < 2, claim.kind == ClaimKind::kStated);
  }
  const core::Json printed = json_of(made).at("tables").at(0).at("claims").at(2);
  EXPECT_EQ(core::Json({"worst", "single", "best"}), printed.at("worse_to_better"));
  EXPECT_EQ("printed", printed.at("kind"));
}

TEST_F(Suite, claims_are_found_by_variant) {
  const std::string table4 = kCuhk + "table = \"table4\", method = \"rain\", variant = \"train LR ";
  const Plan made = plan(table("metrics = [\"rank1\"]\ndatasets = [\"easy\"]\n",
                               row("all", table4 + "r=2,3,4\"") + row("two", table4 + "r=2\"")));
  // What the table prints says no more than the text does.
  ASSERT_EQ(1U, made.tables.at(0).claims.size());
  EXPECT_EQ(ClaimKind::kStated, made.tables.at(0).claims[0].kind);
  EXPECT_THAT(made.tables.at(0).claims[0].worse_to_better, ElementsAre("two", "all"));
}

TEST_F(Suite, every_claim_of_the_reference_file_says_whether_it_is_stated_or_printed) {
  const auto file = kSource / "reference" / "papers.toml";
  std::map<std::string, std::map<ClaimKind, int>> kinds;
  for (const PublishedClaim& claim : ReferenceNumbers::read(core::real_file_system(), file).claims())
    ++kinds[claim.paper][claim.kind];
  EXPECT_EQ(7, kinds["rain"][ClaimKind::kPrinted]);  // tables 1 and 4 on three data sets, table 3 on one
  for (const char* paper : {"ftwa", "msifla", "wu2022"}) {
    EXPECT_GT(kinds[paper][ClaimKind::kStated], 0) << paper;
    EXPECT_EQ(0, kinds[paper][ClaimKind::kPrinted]) << paper;
  }
}

TEST_F(Suite, claims_need_their_metric_their_data_set_and_two_rows) {
  const std::string one = row("worst", kCuhk + "table = \"table1\", method = \"rain-baseline-hr\"");
  const std::string two = one + row("best", kCuhk + "table = \"table1\", method = \"rain\"");
  auto claims = [&](const std::string& keys, const std::string& rows) {
    return plan(table(keys, rows)).tables.at(0).claims;
  };
  EXPECT_THAT(claims(kBoth, one), IsEmpty());
  EXPECT_EQ(2U, claims(kBoth, two).size());
  EXPECT_THAT(claims("metrics = [\"mAP\"]\ndatasets = [\"easy\"]\n", two), IsEmpty());
  // A method's own row is the one without a variant.
  EXPECT_THAT(claims(kBoth, one + row("full", kCuhk + "table = \"table3\", method = \"rain\", variant = \"full\"")),
              IsEmpty());
  // Each row on the paper's data set that it names, and beside those of ours that it names.
  EXPECT_THAT(claims(kBoth, one + row("best", "dataset = \"caviar\", table = \"table1\", method = \"rain\"")),
              IsEmpty());
  const auto hard = claims(kBoth, one + row("best", kCuhk + "table = \"table1\", method = \"rain\", on = [\"hard\"]"));
  ASSERT_EQ(1U, hard.size());
  EXPECT_EQ("hard", hard[0].dataset);
  EXPECT_THAT(claims(kBoth, "[[table.row]]\nid = \"a\"\nlabel = \"A\"\n"), IsEmpty());
}

TEST_F(Suite, the_shipped_tables_are_held_against_the_claims_of_rain) {
  options_.environment["PKU_REID"] = folder_.path().string();
  const Plan pku = shipped("pku_reid.toml");
  ASSERT_EQ(3U, pku.tables.at(0).claims.size());  // that multi-level is above single-level the text does not say
  EXPECT_EQ(ClaimKind::kPrinted, pku.tables.at(0).claims.back().kind);
  EXPECT_THAT(pku.tables.at(0).claims.back().worse_to_better,
              ElementsAre("baseline-hr", "baseline-hr-lr", "single-level", "multi-level"));
  // The claims' references change no number that stands beside ours.
  EXPECT_EQ(65.9, row_of(pku, "levels", "baseline-hr-lr").cells.at(0).references.at("rank1"));
  EXPECT_EQ(74.5, row_of(pku, "levels", "multi-level").cells.at(0).references.at("mAP"));
  EXPECT_THAT(pku.tables.back().claims, IsEmpty());  // LR copies without labels: not the paper's
  ASSERT_EQ(5U, pku.tables.at(1).claims.size());     // each of four losses, and the order of the table
  EXPECT_THAT(pku.tables.at(1).claims[4].worse_to_better,
              ElementsAre("without-adversarial", "without-reconstruction", "without-triplet", "without-classification",
                          "full"));
}

TEST_F(Suite, the_study_of_rain_holds_the_papers_tables_and_shares_their_trainings) {
  options_.environment["PKU_REID"] = folder_.path().string();
  const Plan made = shipped("rain_study.toml");
  check_sound(made);
  const auto table = [&](const std::string& id) -> const TablePlan& {
    return *std::find_if(made.tables.begin(), made.tables.end(), [&](const TablePlan& one) { return one.id == id; });
  };
  for (const auto& [id, claims] : {std::pair("table1", 3U), {"table3", 5U}}) {
    EXPECT_EQ(2 * claims, table(id).claims.size()) << id;  // two data sets
    for (const RowPlan& row : table(id).rows)
      for (const CellPlan& cell : row.cells) EXPECT_EQ(5U, cell.evaluations.size()) << row.id;
  }
  EXPECT_THAT(table("table4").claims.at(2).worse_to_better, ElementsAre("rain-4", "rain-all"));
  EXPECT_THAT(table("table4").claims.at(3).worse_to_better, ElementsAre("rain-2", "rain-3", "rain-4", "rain-all"));
  const auto training_in = [](const Plan& plan, const char* id, const char* row) {
    const JobId evaluation = row_of(plan, id, row).cells.at(1).evaluations.at(0);
    const auto job =
        std::find_if(plan.jobs.begin(), plan.jobs.end(), [&](const PlannedJob& one) { return one.id == evaluation; });
    return std::get<EvaluationSpecification>(job->specification).training;
  };
  const auto training = [&](const char* id, const char* row) { return training_in(made, id, row); };
  EXPECT_EQ(training("table1", "multi-level"), training("table2", "unseen"));
  EXPECT_EQ(training("table1", "multi-level"), training("table3", "full"));
  EXPECT_EQ(training("table1", "multi-level"), training("table4", "rain-all"));
  EXPECT_EQ(training("table1", "baseline-hr-lr"), training("table3", "without-adversarial"));
  EXPECT_EQ(training("table1", "baseline-hr"), training("table2", "unseen-baseline-hr"));

  // Figure 5, in a study of its own, ends where table 1 stands.
  const Plan labels = shipped("rain_labels_study.toml");
  check_sound(labels);
  EXPECT_EQ(training("table1", "multi-level"), training_in(labels, "figure5", "rain-1.0"));
  EXPECT_EQ(training("table1", "baseline-hr-lr"), training_in(labels, "figure5", "baseline-hr-lr-1.0"));
  EXPECT_EQ(training("table1", "baseline-hr"), training_in(labels, "figure5", "baseline-hr-1.0"));
  EXPECT_EQ(66.3, row_of(labels, "figure5", "rain-0.2").cells.at(0).references.at("rank1"));
}

TEST_F(Suite, a_row_of_two_entries_of_a_claim_is_not_compared_with_itself) {
  const auto reference = [](const char* method) {
    return fmt::format("{{ paper = \"rain\", {}table = \"table1\", method = \"{}\" }}", kCuhk, method);
  };
  const std::string both = fmt::format("[[table.row]]\nid = \"both\"\nlabel = \"Both\"\nreference = [{}, {}]\n",
                                       reference("rain"), reference("rain-single-level"));
  EXPECT_THAT(plan(table(kBoth, both)).tables.at(0).claims, IsEmpty());
}

TEST(Metrics, are_what_their_names_say) {
  EvaluationProtocol weighted, equal;
  weighted.distance = settings::DistanceName::kWeighted;
  equal.distance = settings::DistanceName::kEqual;
  for (const std::string& metric : metric_names()) {
    EXPECT_TRUE(is_metric(metric)) << metric;
    const Metric& row = *metric_named(metric).metric;
    const bool recovered = metric.find("psnr") != std::string::npos || metric.find("ssim") != std::string::npos;
    const bool of_levels = metric == "level_agreement", of_masks = metric == "mask_spread";
    const bool correlation = metric.ends_with("_rho"),
               of_weights = metric.starts_with("weight_") || metric == "hr_share";
    EXPECT_EQ(recovered, row.has_rate()) << metric;
    const bool per_query = (metric.starts_with("rank") && metric != kBestOnTest) || metric == "mAP";
    EXPECT_EQ(per_query, row.is_per_query()) << metric;
    EXPECT_EQ(!metric.starts_with("weight_") && !recovered && !of_masks, row.unit->shown == 100) << metric;
    // Of every method: neither of recovered images nor of levels or masks.
    const bool general = !recovered && !of_levels && !of_masks, of_all = general && !of_weights;
    EXPECT_EQ(general, has_metric(FtwaOptions{}, {}, metric)) << metric;
    EXPECT_EQ(general, has_metric(FtwaOptions{}, weighted, metric)) << metric;
    EXPECT_EQ(of_all || correlation, has_metric(FtwaOptions{}, equal, metric)) << metric;
    for (const MethodOptions& method :
         {MethodOptions(BaselineOptions{}), MethodOptions(RainOptions{.reconstruction = false}),
          MethodOptions(FtwaOptions{{}, methods::FtwaForm::kTransformed})})
      EXPECT_EQ(of_all, has_metric(method, {}, metric)) << metric;
    for (const MethodOptions& method :
         {MethodOptions(RainOptions{}), MethodOptions(MsiflaOptions{}), MethodOptions(MsiflaOptions{.scales = {1}})})
      EXPECT_EQ(of_all || recovered, has_metric(method, {}, metric)) << metric;
    for (const bool lengths : {false, true})
      for (const auto masks : {methods::Masks::kOff, methods::Masks::kJoint, methods::Masks::kProgressive}) {
        const bool masked = masks != methods::Masks::kOff;
        EXPECT_EQ(of_all || (of_levels && (lengths || masked)) || (of_masks && masked),
                  has_metric(ResolutionAdaptiveOptions{.varying_length = lengths, .masks = masks}, {}, metric))
            << metric << lengths << masks;
      }
  }
}

TEST(Metrics, of_recovered_images_end_in_a_rate_from_2_to_16) {
  for (const auto& [name, rate] : {std::pair{"recovered_psnr_2", 2}, {"psnr_gain_8", 8}, {"enlarged_ssim_16", 16}}) {
    EXPECT_TRUE(is_metric(name)) << name;
    EXPECT_EQ(rate, metric_named(name).rate) << name;
    EXPECT_TRUE(std::string(name).starts_with(metric_named(name)->name)) << name;
  }
  // At rate 1 there is nothing to recover.
  for (const char* name : {"recovered_psnr_1", "psnr_gain_1", "psnr_gain_17", "psnr_gain_02", "psnr_gain_",
                           "psnr_gain_2x", "psnr_gain", "xpsnr_gain_2"})
    EXPECT_FALSE(find_metric(name)) << name;
  EXPECT_FALSE(is_metric("chance_mAP")) << "no table shows it";
  EXPECT_TRUE(find_metric("chance_mAP"));
}

TEST(Metrics, stand_on_the_page_of_results_and_those_of_tables_on_that_of_suites) {
  const auto page = [](const char* name) {
    return core::read_text(core::real_file_system(), tests::source_folder() / "docs" / name);
  };
  const std::string results = page("inside/formats/result.md"), suites = page("suite.md");
  for (const Metric& metric : kMetrics) {
    if (metric.heading == nullptr) continue;
    const std::string name = fmt::format("`{}{}`", metric.name, metric.has_rate() ? "R" : "");
    EXPECT_THAT(results, HasSubstr(name));
    EXPECT_THAT(suites, HasSubstr(name));
  }
}

TEST(Outputs, are_left_where_method_and_protocol_ask_for_them) {
  EvaluationProtocol plain, sampled;
  sampled.sample_rates = {2, 3};
  sampled.panels = 1;
  const MethodOptions adaptive = ResolutionAdaptiveOptions{.varying_length = true, .masks = methods::Masks::kOff};
  for (const auto& [output, method] : {std::pair{&kWeightsOutput, MethodOptions(FtwaOptions{})},
                                       {&kRecoveryOutput, MethodOptions(MsiflaOptions{})},
                                       {&kPanelsOutput, MethodOptions(BaselineOptions{})},
                                       {&kSamplesOutput, MethodOptions(BaselineOptions{})}}) {
    EXPECT_TRUE(leaves(*output, method, sampled)) << output->file;
    EXPECT_FALSE(leaves(*output, method, plain)) << output->file;
    EXPECT_EQ(output->needs == nullptr, leaves(*output, adaptive, sampled)) << output->file;
  }
  for (const Output* output : {&kQueriesOutput, &kPrefixesOutput}) EXPECT_TRUE(leaves(*output, adaptive, plain));
  EXPECT_FALSE(leaves(kMasksOutput, adaptive, sampled));
  EXPECT_FALSE(leaves(kPrefixesOutput, BaselineOptions{}, sampled));
}

}  // namespace
}  // namespace resolute::experiments::suite_tables_test
