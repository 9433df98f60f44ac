//! What tables say of the papers' numbers: footnotes, numbers that a paper lacks, numbers as the papers print them.

#include <gmock/gmock.h>

#include "results/tables/table_notes.h"
#include "tests/results/made_up_suite.h"
#include "tests/support/matches.h"

namespace resolute::results::footnotes_test {
namespace {

using testing::HasSubstr;

//! A published row and a row of ours with footnotes, numbers that a paper lacks, and one that it prints in hundredths.
struct Footnoted : Suite {
  const std::string rounding = "SDF is 9.25 here, 9.3 | elsewhere.", odd = "Both 50% & 60% are printed.";
  Footnoted() {
    experiments::TablePlan& table = plan.tables[0];
    table.mean_of = {"easy", "hard"};
    experiments::PublishedRow sdf{"sdf", "SDF", {{"easy", {{"rank1", 9.25}}}, {"hard", {{"rank1", 9.25}}}}};
    for (const char* dataset : {"easy", "hard"}) sdf.paper[dataset] = {{}, {{"rank1", {rounding}}}, {"mAP"}};
    table.published = {sdf, {"apsr", "APSR", {{"hard", {{"mAP", 26.0}}}}, {{"easy", {{}, {}, {"mAP"}}}}}};
    table.rows[0].cells[0].paper.no_reference = {"rank1", "mAP"};
    table.rows[0].cells[0].paper.footnotes = {{"mAP", {"Its numbers were not found."}}};
    table.rows[1].cells[0].references["mAP"] = 74.5;
    table.rows[1].cells[0].paper.footnotes = {{"mAP", {odd, rounding}}};
  }
};

TEST(Footnotes, of_the_papers_numbers_print_as_golden) {
  Footnoted suite;
  expect_goldens("footnotes", suite.tables());
}

TEST(Footnotes, stand_once_in_the_order_of_the_cells) {
  Footnoted suite;
  const SuiteTables tables = suite.tables();
  const std::string text = to_markdown(tables);
  EXPECT_THAT(text, HasSubstr("(9.25)¹"));
  EXPECT_THAT(text, HasSubstr(" 12.5 ± 0.0 (no reference)² "));
  EXPECT_THAT(text, HasSubstr(" 25.0 ± 0.0 (74.5)¹ ³ "));
  EXPECT_THAT(text,
              HasSubstr("\n- ¹ SDF is 9.25 here, 9.3 \\| elsewhere.\n- ² Its numbers were not found.\n- ³ Both 50%"));
  const core::Json table = to_json(tables).at("tables").at(0);
  EXPECT_EQ(core::Json({suite.rounding, "Its numbers were not found.", suite.odd}), table.at("footnotes"));
  EXPECT_EQ(core::Json({1, 3}), table.at("rows").at(1).at("cells").at(1).at("footnotes"));
  EXPECT_EQ(core::Json({1}), table.at("published").at(0).at("footnotes").at("hard").at("rank1"));
  EXPECT_TRUE(table.at("rows").at(0).at("cells").at(0).at("no_reference"));
  EXPECT_TRUE(table.at("rows").at(0).at("cells").at(0).at("reference").is_null());
  EXPECT_FALSE(table.at("rows").at(0).at("cells").at(2).contains("no_reference")) << "nobody asked for one there";
  EXPECT_EQ(9.25, table.at("published").at(0).at("references").at("easy").at("rank1"));
}

TEST(Footnotes, have_a_column_in_a_csv_where_there_are_any) {
  Footnoted suite;
  const std::string csv = to_csv(suite.tables());
  EXPECT_THAT(csv, HasSubstr(",status,jobs,footnotes\n"));
  EXPECT_THAT(csv, HasSubstr(",0,0,9.25,,,,,,,published,,\"SDF is 9.25 here, 9.3 | elsewhere.\"\n"));
  EXPECT_THAT(csv, HasSubstr(",\"Both 50% & 60% are printed. SDF is 9.25 here"));
  EXPECT_THAT(to_csv(Suite().tables()), HasSubstr(",status,jobs\n"));
}

TEST(Footnotes, of_a_mean_are_those_of_its_parts_where_the_paper_is_asked_for_it) {
  Footnoted suite;
  const SuiteTables tables = suite.tables();
  EXPECT_TRUE(cell_of(tables, 0, 4).no_reference);
  EXPECT_TRUE(published_lacks(tables.tables[0].published[1], "mean", "mAP"));
  EXPECT_FALSE(published_lacks(tables.tables[0].published[1], "mean", "rank1"));
  EXPECT_THAT(published_footnotes(tables.tables[0].published[0], "mean", "rank1"),
              testing::ElementsAre(suite.rounding));
  EXPECT_THAT(cell_of(tables, 0, 5).footnotes, testing::ElementsAre("Its numbers were not found."));
  // Row "multi" asks for a number on "easy" alone, so that the mean has none to say something of.
  EXPECT_FALSE(cell_of(tables, 1, 5).no_reference);
  EXPECT_THAT(cell_of(tables, 1, 5).footnotes, testing::IsEmpty());
}

// The reference file keeps numbers as papers print them; no zero behind them is lost on the way to a table.
TEST(PapersNumbers, print_as_they_stand_in_the_reference_file) {
  const std::string file =
      core::read_text(core::real_file_system(), tests::source_folder() / "experiments/reference/papers.toml");
  const auto numbers = tests::matches(file, R"((rank1|rank5|rank10|rank20|mAP) = ([0-9.]+))");
  for (const auto& number : numbers) {
    const std::string& text = number[2];
    EXPECT_EQ(text, as_printed(std::stod(text), "easy"));
    EXPECT_EQ(text, as_printed(std::stod(text), experiments::kMeanColumn));
  }
  EXPECT_LT(700U, numbers.size());
  EXPECT_EQ("26.1", as_printed((26.2 + 26.0) / 2, experiments::kMeanColumn));
  EXPECT_EQ("35.33", as_printed(106.0 / 3, experiments::kMeanColumn));
}

}  // namespace
}  // namespace resolute::results::footnotes_test
