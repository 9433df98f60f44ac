//! What the reference file says of the papers' numbers beside the numbers: conflicts, where a number is printed, lacks.

#include <gmock/gmock.h>

#include "core/files/file_system.h"
#include "experiments/language/reference.h"
#include "tests/experiments/suite_fixture.h"

namespace resolute::experiments::paper_footnotes_test {
namespace {

using namespace testing;

constexpr const char* kHead = R"(suite = "s"
title = "S"
[defaults]
method = "rain"
train = { steps = 10, identities = 4 }
[[dataset]]
id = "easy"
source = "synthetic"
[[dataset]]
id = "hard"
source = "synthetic"
fine_contrast = 0.5
[[table]]
id = "t"
title = "T"
)";

struct PaperFootnotes : Suite {
  //! The cells of the one row of a table with these lines.
  std::vector<CellPlan> cells(const std::string& table, const std::string& reference) {
    return plan(kHead + table + "[[table.row]]\nid = \"r\"\nlabel = \"R\"\nreference = " + reference + "\n")
        .tables.at(0)
        .rows.at(0)
        .cells;
  }
  ReferenceNumbers read(const std::string& text) {
    core::write_atomic(core::real_file_system(), folder_ / "papers.toml", text);
    return ReferenceNumbers::read(core::real_file_system(), folder_ / "papers.toml");
  }
};

const std::string kBoth = "datasets = [\"easy\", \"hard\"]\nmetrics = [\"rank1\", \"mAP\", \"resolution_probe\"]\n";
//! Beside each number: none of these data sets is the paper's.
const std::string kOther = "paper: mlr-cuhk03; here: easy (drawn).";
const std::string kRank = "datasets = [\"easy\"]\nmetrics = [\"rank1\", \"rank5\"]\n";

TEST_F(PaperFootnotes, of_conflicts_stand_in_the_words_of_the_file_where_a_number_is_touched) {
  const auto found =
      cells("datasets = [\"easy\", \"hard\"]\nmetrics = [\"rank1\", \"mAP\"]\n",
            "{ paper = \"rain\", table = \"table3\", method = \"rain\", variant = \"full\", dataset = \"mlr-cuhk03\", "
            "on = [\"easy\"] }");
  ASSERT_THAT(found[0].paper.footnotes, ElementsAre(Key("mAP"), Pair("rank1", ElementsAre(kOther))));
  EXPECT_THAT(
      found[0].paper.footnotes.at("mAP"),
      ElementsAre(
          kOther,
          "mAP of the full model on MLR-CUHK03 is 74.5 in table3 and 75.9 in table4 while rank 1 is 78.9 in both.",
          StartsWith("With one gallery image per id the average precision is 1/rank")));
  EXPECT_EQ(found[1].paper, PaperCell()) << "the row has no reference there";
}

TEST_F(PaperFootnotes, of_published_rows_stand_beside_their_numbers) {
  const Plan made = plan(std::string(kHead) + kRank +
                         "reference = { paper = \"ftwa\", table = \"table1\", dataset = \"mlr-cuhk03\" }\npublished = "
                         "[\"csr-gan\", \"sing\"]\n[[table.row]]\nid = \"r\"\nlabel = \"R\"\n");
  const PaperCell& cell = made.tables[0].published.at(0).paper.at("easy");
  ASSERT_THAT(cell.footnotes, ElementsAre(Key("rank1"), Pair("rank5", ElementsAre(kOther))));
  // Of MSIFLA's paper, whose "here" is not FTWA's.
  EXPECT_THAT(
      cell.footnotes.at("rank1"),
      ElementsAre(kOther, StartsWith("Of \"Multi-Scale Image- and Feature-Level Alignment for Cross-Resolution Person "
                                     "Re-Identification\": CSR-GAN is 70.7/92.1 on MLR-CUHK03")));
  EXPECT_THAT(cell.entries, ElementsAre(PaperEntry{"ftwa", "table1", "csr-gan", "mlr-cuhk03", ""}));
  const core::Json papers = json_of(made).at("tables").at(0).at("published").at(0).at("papers").at("easy");
  EXPECT_EQ(cell.footnotes.at("rank1").at(0), papers.at("footnotes").at("rank1").at(0));
  EXPECT_EQ("csr-gan", papers.at("entries").at(0).at("method"));
}

TEST_F(PaperFootnotes, say_of_a_number_that_the_paper_does_not_print_it_there) {
  const auto found = cells(kRank,
                           "{ paper = \"rain\", table = \"figure5\", method = \"rain\", variant = \"100% labelled\", "
                           "dataset = \"mlr-cuhk03\" }");
  EXPECT_THAT(found[0].paper.footnotes,
              ElementsAre(Pair(
                  "rank1", ElementsAre(kOther, "Not printed in that cell: the fully supervised setting of table1."))));
  EXPECT_THAT(found[0].paper.no_reference, IsEmpty()) << "the paper's figure has no rank 5";
}

TEST_F(PaperFootnotes, a_number_that_is_missing_is_no_reference_and_says_why) {
  const auto found = cells(kBoth + "compare_with = \"r\"\n",
                           "{ paper = \"wu2022\", table = \"main\", method = \"wu2022\", variant = \"full\", dataset = "
                           "\"mlr-viper\", on = [\"hard\"] }\nevaluate.resolution_probe = true");
  EXPECT_EQ(found[0].paper, PaperCell()) << "nobody asks for one there";
  EXPECT_THAT(found[1].paper.no_reference, ElementsAre("mAP", "rank1")) << "papers have no probe";
  EXPECT_THAT(found[1].paper.footnotes.at("rank1"),
              ElementsAre("No number of the paper was found: that the paper has this data set is assumed from the "
                          "field. Where to look: https://arxiv.org/abs/2207.13037"));
}

TEST_F(PaperFootnotes, a_number_that_the_papers_table_leaves_out_is_no_reference) {
  // RAIN's table 1 has nothing of SLD²L on MLR-CUHK03.
  const Plan made =
      plan(std::string(kHead) +
           "datasets = [\"easy\", \"hard\"]\nmetrics = [\"rank1\", \"mAP\"]\nreference = { paper = \"rain\", "
           "table = \"table1\", datasets = { easy = \"mlr-cuhk03\", hard = \"mlr-viper\" } }\npublished = "
           "[\"sld2l\"]\n[[table.row]]\nid = \"r\"\nlabel = \"R\"\nreference.method = \"rain\"\n");
  const auto& paper = made.tables[0].published.at(0).paper;
  EXPECT_THAT(paper.at("easy").no_reference, ElementsAre("rank1")) << "the table has no mAP at all";
  EXPECT_THAT(paper.at("easy").entries, IsEmpty());
  EXPECT_THAT(paper.at("hard").no_reference, IsEmpty());
  EXPECT_THAT(made.tables[0].rows[0].cells[0].paper.no_reference, IsEmpty());
}

TEST_F(PaperFootnotes, a_number_from_the_second_reference_has_that_ones_footnotes) {
  const auto found = cells(
      "datasets = [\"easy\"]\nmetrics = [\"rank1\", \"mAP\"]\n",
      "[{ paper = \"rain\", table = \"table1\", method = \"rain\", dataset = \"mlr-cuhk03\" }, { paper = \"rain\", "
      "table = \"table3\", method = \"rain\", variant = \"full\", dataset = \"mlr-cuhk03\" }]");
  EXPECT_THAT(found[0].paper.footnotes, ElementsAre(Pair("mAP", SizeIs(3)), Pair("rank1", ElementsAre(kOther))));
  EXPECT_EQ(2U, found[0].paper.entries.size());
  EXPECT_EQ(74.5, found[0].references.at("mAP"));
}

constexpr const char* kTwoPapers = R"([[paper]]
id = "p"
title = "Paper P"
[[paper]]
id = "q"
[[result]]
paper = "p"
table = "t"
method = "m"
dataset = "d"
variant = ""
metrics = { rank1 = 9.25, mAP = 20.0 }
note = "read off a plot"
[[result]]
paper = "q"
table = "t"
method = "m"
dataset = "d"
variant = ""
metrics = { rank1 = 10.0 }
)";

TEST_F(PaperFootnotes, of_a_conflict_without_cells_stand_nowhere) {
  const ReferenceNumbers numbers = read(std::string(kTwoPapers) + "[[conflict]]\npaper = \"p\"\nwhat = \"P is odd\"\n");
  EXPECT_THAT(numbers.footnotes({{"p", "t", "m", "d", ""}}, "rank1"), ElementsAre("read off a plot."));
  EXPECT_THAT(numbers.footnotes({{"q", "t", "m", "d", ""}}, "rank1"), IsEmpty());
  EXPECT_THAT(numbers.footnotes({{"p", "t", "m", "d", ""}}, "rank5"), IsEmpty());
}

TEST_F(PaperFootnotes, what_a_conflict_leaves_out_is_all_there_is) {
  const ReferenceNumbers numbers = read(
      std::string(kTwoPapers) +
      "[[conflict]]\npaper = \"p\"\nwhat = \"P is odd\"\ntouches = [{ method = \"m\" }, { paper = \"q\", metrics = "
      "[\"rank1\"] }]\n");
  for (const char* metric : {"rank1", "mAP"})
    EXPECT_THAT(numbers.footnotes({{"p", "t", "m", "d", ""}}, metric), ElementsAre("P is odd.", "read off a plot."));
  EXPECT_THAT(numbers.footnotes({{"q", "t", "m", "d", ""}}, "rank1"), ElementsAre("Of \"Paper P\": P is odd."));
}

TEST_F(PaperFootnotes, a_conflict_that_touches_nothing_is_refused_by_its_place) {
  const auto refusal = [&](const std::string& conflict) {
    const std::string message = tests::refusal([&] { read(std::string(kTwoPapers) + "[[conflict]]\n" + conflict); });
    return message.substr(std::min(message.find("papers.toml:"), message.size()));
  };
  const std::string head = "paper = \"p\"\nwhat = \"P is odd\"\n";
  EXPECT_THAT(
      refusal(head + "touches = [{ method = \"n\" }]\n"),
      StartsWith("papers.toml:24:12: key 'touches' touches no number (no [[result]] has these words and metrics)"));
  EXPECT_THAT(refusal(head + "touches = [{ method = \"m\", metrics = [\"rank20\"] }]\n"),
              HasSubstr("touches no number"));
  EXPECT_THAT(refusal(head + "touches = [{ metod = \"m\" }]\n"),
              HasSubstr("key 'metod' is unknown; did you mean 'method'"));
  EXPECT_THAT(refusal(head + "touched = []\n"), HasSubstr("key 'touched' is unknown; did you mean 'touches'"));
  EXPECT_THAT(refusal("what = \"P is odd\"\n"), HasSubstr("key 'paper' is missing"));
}

TEST_F(PaperFootnotes, a_key_that_nothing_reads_is_refused) {
  const auto refusal = [&](const std::string& from, const std::string& to) {
    std::string text = kTwoPapers;
    const std::size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return tests::refusal([&] { read(text.replace(at, from.size(), to)); });
  };
  EXPECT_THAT(refusal("note = ", "notes = "), HasSubstr("key 'notes' is unknown; did you mean 'note'"));
  EXPECT_THAT(refusal("title = ", "titel = "), HasSubstr("key 'titel' is unknown; did you mean 'title'"));
  EXPECT_THAT(refusal("[[result]]", "[[results]]"), HasSubstr("key 'results' is unknown; did you mean 'result'"));
}

}  // namespace
}  // namespace resolute::experiments::paper_footnotes_test
