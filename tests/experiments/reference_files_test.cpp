//! A user's numbers beside ours: files in the folder `reference` beside a suite, addresses of tables, numbers off
//! plots.

#include <gmock/gmock.h>

#include "experiments/language/reference.h"
#include "tests/experiments/suite_fixture.h"

namespace resolute::experiments::reference_files_test {
namespace {

using namespace testing;

//! A [[result]] of the cell (p, t, m, d).
std::string result(const std::string& lines, const std::string& dataset = "d") {
  return fmt::format("[[result]]\npaper = \"p\"\ntable = \"t\"\nmethod = \"m\"\ndataset = \"{}\"\nvariant = \"\"\n{}\n",
                     dataset, lines);
}

const ReferenceRequest kCell{{"p", "t", "m", "d", ""}};
const std::string kMissing = "missing = true\nnote = \"in a plot\"";

struct ReferenceFiles : Suite {
  fs::path write(const std::string& name, const std::string& text) {
    core::real_file_system().create_directories((folder_ / name).parent_path());
    core::write_atomic(core::real_file_system(), folder_ / name, text);
    return folder_ / name;
  }
  //! The first text is our file's, the others are the user's.
  ReferenceNumbers read(const std::vector<std::string>& texts) {
    std::vector<fs::path> paths;
    for (const std::string& text : texts) paths.push_back(write(fmt::format("{}.toml", paths.size()), text));
    return ReferenceNumbers::read(core::real_file_system(), paths.front(), {paths.begin() + 1, paths.end()});
  }
  std::string refused(const std::vector<std::string>& texts) {
    return tests::named(tests::refusal([&] { read(texts); }), folder_.path().string() + "/", "");
  }
};

TEST_F(ReferenceFiles, a_later_file_adds_papers_tables_and_results_and_gives_missing_numbers) {
  const ReferenceNumbers numbers =
      read({result(kMissing), "[[paper]]\nid = \"p\"\ntitle = \"P\"\n" + result("metrics = { rank1 = 66.3 }"),
            result("metrics = { rank1 = 1.0 }", "e") + "[[method]]\nid = \"m\"\nlabel = \"M\"\n"});
  EXPECT_THAT(numbers.find(kCell), ElementsAre(Pair("rank1", 66.3)));
  EXPECT_THAT(numbers.footnotes(kCell, "rank1"), IsEmpty()) << "it is missing no longer";
  EXPECT_THAT(numbers.find({{"p", "t", "m", "e", ""}}), ElementsAre(Pair("rank1", 1.0)));
  EXPECT_EQ("P", numbers.paper_name("p", ""));
  EXPECT_EQ("M", numbers.method_name("m"));
  EXPECT_THAT(numbers.methods_of("p", "t", "", ""), ElementsAre("m"));
}

TEST_F(ReferenceFiles, claims_and_conflicts_of_a_file_may_be_about_results_of_another) {
  const std::string conflict = "[[conflict]]\npaper = \"p\"\nwhat = \"odd\"\ntouches = [{ method = \"m\" }]\n";
  const ReferenceNumbers numbers = read({result(kMissing) + conflict, result("metrics = { rank1 = 66.3 }")});
  EXPECT_THAT(numbers.footnotes(kCell, "rank1"), ElementsAre("odd."));
}

TEST_F(ReferenceFiles, two_numbers_of_a_cell_are_refused_with_both_places) {
  const std::string number = result("metrics = { rank1 = 66.3 }");
  const std::string twice = "the result stands twice (first at ";
  EXPECT_EQ("1.toml:1:1: " + twice + "0.toml:1:1); leave one of them out", refused({number, number}));
  EXPECT_EQ("2.toml:1:1: " + twice + "1.toml:1:1); leave one of them out", refused({result(kMissing), number, number}));
  EXPECT_THAT(refused({number, result(kMissing)}), StartsWith("1.toml:1:1: " + twice)) << "nor is a number taken away";
  EXPECT_THAT(refused({result(kMissing), result(kMissing)}), StartsWith("1.toml:1:1: " + twice));
  EXPECT_THAT(refused({result(kMissing) + number}), StartsWith("0.toml:9:1: " + twice))
      << "in one file it is a mistake";
  for (const std::string entry :
       {"[[paper]]\nid = \"p\"\n", "[[method]]\nid = \"m\"\nlabel = \"M\"\n", "[[table]]\npaper = \"p\"\nid = \"t\"\n"})
    EXPECT_THAT(refused({entry, entry}), AllOf(StartsWith("1.toml:1:1: the "), HasSubstr("(first at 0.toml:1:1)")));
}

TEST_F(ReferenceFiles, a_missing_number_says_where_people_find_its_table) {
  const std::string table = "[[table]]\npaper = \"p\"\nid = \"t\"\nwhere = \"https://example.org/p\"\n";
  EXPECT_THAT(read({result(kMissing) + table}).footnotes(kCell, "rank1"),
              ElementsAre("No number of the paper was found: in a plot. Where to look: https://example.org/p"));
  EXPECT_THAT(read({result(kMissing)}).footnotes(kCell, "rank1"),
              ElementsAre("No number of the paper was found: in a plot."));
  EXPECT_THAT(read({result("metrics = { rank1 = 1.0 }") + table}).footnotes(kCell, "rank1"), IsEmpty());
  EXPECT_THAT(refused({"[[table]]\npaper = \"p\"\nid = \"t\"\nwhere = \"page 7\"\n"}),
              StartsWith("0.toml:4:1: key 'where' has the value 'page 7' (it must begin with https:// or http://)"));
}

TEST_F(ReferenceFiles, a_number_off_a_plot_says_by_how_much_it_may_be_off) {
  const std::string numbers = "metrics = { rank1 = 66.3, rank5 = 80.0 }\nsource = \"digitised\"\n";
  const ReferenceNumbers read_off = read({result(numbers + "error = 0.5\nnote = \"figure 5\"")});
  EXPECT_THAT(
      read_off.footnotes(kCell, "rank1"),
      ElementsAre("66.3 ± 0.5 (digitised): read off a plot of the paper; the error widens ours − paper and its test.",
                  "figure 5."));
  EXPECT_THAT(
      read_off.footnotes(kCell, "rank5"),
      Contains("80 ± 0.5 (digitised): read off a plot of the paper; the error widens ours − paper and its test."));
  EXPECT_THAT(read_off.footnotes(kCell, "mAP"), IsEmpty());
  EXPECT_THAT(refused({result(numbers)}), StartsWith("0.toml:1:1: key 'error' is missing (source = \"digitised\""));
  EXPECT_THAT(refused({result("metrics = { rank1 = 66.3 }\nsource = \"seed\"\nerror = 0.5")}),
              StartsWith("0.toml:9:1: key 'error' stands beside another source"));
  for (const char* error : {"0.0", "-1.0", "101.0"})
    EXPECT_THAT(refused({result(numbers + "error = " + error)}), HasSubstr("key 'error' has the value")) << error;
}

TEST_F(ReferenceFiles, of_the_folder_beside_a_suite_are_read_in_the_order_of_their_names) {
  EXPECT_THAT(reference_files_beside(core::real_file_system(), folder_.path()), IsEmpty());
  for (const char* name : {"b.toml", "a.toml", "papers.toml", "step_times.toml", "notes.md"})
    write(std::string("reference/") + name, "");
  EXPECT_THAT(reference_files_beside(core::real_file_system(), folder_.path()),
              ElementsAre(folder_ / "reference/a.toml", folder_ / "reference/b.toml"));
}

// Of RAIN's figure 5 the baselines stand in the plot alone.
TEST_F(ReferenceFiles, a_users_number_stands_beside_ours_in_the_suites_tables) {
  const std::string suite = R"(suite = "s"
title = "S"
[defaults]
method = "rain"
train = { steps = 10, identities = 4 }
[[dataset]]
id = "easy"
source = "synthetic"
[[table]]
id = "t"
title = "T"
metrics = ["rank1"]
datasets = ["easy"]
[[table.row]]
id = "r"
label = "R"
reference = { paper = "rain", table = "figure5", method = "rain", variant = "60% labelled", dataset = "mlr-cuhk03" }
)";
  const Plan before = plan(suite);
  EXPECT_THAT(before.tables[0].look_up,
              ElementsAre(Pair(EndsWith("Re-Identification, figure5"), "https://arxiv.org/abs/1907.10843")));
  EXPECT_EQ(json_of(before).at("tables").at(0).at("look_up").size(), 1U);
  write("reference/mine.toml", R"([[result]]
paper = "rain"
table = "figure5"
method = "rain"
dataset = "mlr-cuhk03"
variant = "60% labelled"
metrics = { rank1 = 77.0 }
source = "digitised"
error = 0.5
)");
  const Plan after = plan(suite);
  const CellPlan& cell = after.tables[0].rows[0].cells[0];
  EXPECT_THAT(cell.references, ElementsAre(Pair("rank1", 77.0)));
  EXPECT_THAT(cell.paper.footnotes.at("rank1"),
              ElementsAre("paper: mlr-cuhk03; here: easy (drawn).", StartsWith("77 ± 0.5 (digitised)")));
  EXPECT_THAT(cell.paper.datasets, ElementsAre(Pair("rank1", "mlr-cuhk03")));
  EXPECT_THAT(cell.paper.errors, ElementsAre(Pair("rank1", 0.5)));
  EXPECT_THAT(after.tables[0].look_up, IsEmpty());
  EXPECT_FALSE(json_of(after).at("tables").at(0).contains("look_up"));
  EXPECT_EQ(before.jobs.back().id, after.jobs.back().id) << "numbers of papers are no part of a job";
  // A batch script has a copy of the suite, and says where the suite stood.
  options_.relative_to = folder_ / "elsewhere";
  EXPECT_THAT(plan(suite).tables[0].rows[0].cells[0].references, IsEmpty());
}

}  // namespace
}  // namespace resolute::experiments::reference_files_test
