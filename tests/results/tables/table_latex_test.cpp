#include <gmock/gmock.h>

#include <set>

#include "results/tables/tables.h"
#include "tests/support/matches.h"

namespace resolute::results::table_latex_test {
namespace {

using testing::AllOf;
using testing::AnyOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using tests::count_of;

// A table of one data set and metric with these means, in rows a, b, …
SuiteTables tables_of(const std::string& metric, const std::vector<std::optional<double>>& means) {
  Table table;
  table.id = "made-up";
  table.title = "Made up";
  table.metrics = {metric};
  table.datasets = {"set"};
  for (std::size_t r = 0; r < means.size(); ++r) {
    Cell cell;
    cell.dataset = "set";
    cell.metric = metric;
    cell.status = means[r] ? CellStatus::kComplete : CellStatus::kIncomplete;
    cell.mean = means[r];
    cell.trials = means[r] ? 2 : 1;
    cell.trials_needed = 2;
    table.rows.push_back(
        {std::string(1, static_cast<char>('a' + r)), std::string(1, static_cast<char>('a' + r)), {cell}});
  }
  return {"suite", "", true, {table}, {}};
}

std::string line_of(const std::string& text, const std::string& begin) {
  const auto at = text.find("\n    " + begin);
  return at == std::string::npos ? "" : text.substr(at + 5, text.find('\n', at + 1) - at - 5);
}

TEST(TableLatex, a_cell_that_is_the_best_is_bold_and_the_highest_mean_alone_is_not) {
  SuiteTables tables = tables_of("rank1", {40.0, 61.24, 55.5, std::nullopt, std::nullopt});
  EXPECT_THAT(to_latex(tables), Not(AnyOf(HasSubstr("\\bfseries"), HasSubstr("Bold"))));
  tables.tables[0].rows[1].cells[0].best = true;
  const std::string text = to_latex(tables);
  EXPECT_EQ(line_of(text, "a &"), "a & 40.0 \\\\");
  EXPECT_EQ(line_of(text, "b &"), "b & \\bfseries 61.2 \\\\");
  EXPECT_THAT(text, HasSubstr("Bold: better than each other row of the column"));
  EXPECT_EQ(line_of(text, "e &"), "e & {\\dots{} 1/2} \\\\");
  EXPECT_THAT(text, HasSubstr("S[table-format = 2.1]"));
}

TEST(TableLatex, text_of_a_user_is_no_markup) {
  SuiteTables tables = tables_of("rank1", {12.0, 13.0});
  tables.tables[0].rows[0].label = R"(50% of {a_b} & $x^2~ #1 \input|"<>)";
  tables.tables[0].title = "r = 2 … 4: λ ≤ 3 ± 1 × 2";
  tables.notes = {"a note_\nof two lines", "[1] \"one\" (\"two\")"};
  tables.tables[0].rows[1].label = "*ours";
  const std::string text = to_latex(tables);
  // What opens so would be taken for an option of the line before.
  EXPECT_THAT(text, HasSubstr("    {}*ours & "));
  EXPECT_THAT(text, HasSubstr("\\item {}[1] ``one'' (``two'')\n"));
  EXPECT_THAT(text, HasSubstr(R"(    50\% of \{a\_b\} \& \$x\textasciicircum{}2\textasciitilde{} \#1 )"
                              R"(\textbackslash{}input\(|\)''\(<\)\(>\) & )"));
  EXPECT_THAT(text, HasSubstr(R"(\caption{r = 2 \dots{} 4: \(\lambda\) \(\le\) 3 \(\pm\) 1 \(\times\) 2})"));
  EXPECT_THAT(text, HasSubstr("\\item a note\\_ of two lines\n"));
}

TEST(TableLatex, a_rows_own_latex_stands_as_it_is) {
  SuiteTables tables = tables_of("rank1", {12.0, 13.0});
  tables.tables[0].rows[0].label = "λ = 0.1";
  tables.tables[0].rows[0].latex = "$\\lambda_{adv}=0.1$";
  tables.tables[0].compare_with = "a";
  tables.tables[0].rows[1].cells[0].difference = Difference{};
  const std::string text = to_latex(tables);
  EXPECT_THAT(text, HasSubstr("    $\\lambda_{adv}=0.1$ & 12.0"));
  EXPECT_THAT(text, HasSubstr(": difference from $\\lambda_{adv}=0.1$}"));
}

TEST(TableLatex, letters_that_pdflatex_refuses_are_told_in_the_first_line) {
  SuiteTables tables = tables_of("rank1", {12.0, 13.0});
  const auto first_line = [&] {
    const std::string text = to_latex(tables);
    return text.substr(0, text.find('\n'));
  };
  EXPECT_THAT(first_line(), Not(AnyOf(HasSubstr("pdflatex"), HasSubstr("T1"))));
  tables.tables[0].rows[0].label = "Łódź, λ₁ ∈ Ω";
  EXPECT_THAT(first_line(), Not(AnyOf(HasSubstr("pdflatex"), HasSubstr("T1"))));
  tables.tables[0].rows[0].label = "« Wałęsa »";
  EXPECT_THAT(first_line(), HasSubstr("\\usepackage[T1]{fontenc} \\usepackage{booktabs"));
  tables.tables[0].rows[0].label = "plain";
  tables.tables[0].rows[0].latex = "naïve ą, λ";
  EXPECT_THAT(first_line(), AllOf(HasSubstr("T1"), HasSubstr(" No pdflatex, for λ (U+03BB): ")));
  tables.tables[0].rows[0].latex.clear();
  tables.notes = {"naïve 方法, Сеть"};
  EXPECT_THAT(letters_to_tell(to_latex(tables)),
              ElementsAre("С (U+0421)", "е (U+0435)", "т (U+0442)", "ь (U+044C)", "方 (U+65B9)", "法 (U+6CD5)"));
  EXPECT_THAT(first_line(), HasSubstr(" No pdflatex, for С (U+0421), "));
  EXPECT_THAT(first_line(), HasSubstr("法 (U+6CD5): compile with lualatex or xelatex"));
}

TEST(TableLatex, columns_are_as_wide_as_their_numbers) {
  SuiteTables tables = tables_of("rank1", {100.0, 9.5});
  tables.tables[0].rows[0].cells[0].std = 12.25;
  tables.tables[0].rows[1].cells[0].reference = 78.9;
  const std::string text = to_latex(tables);
  EXPECT_THAT(text, HasSubstr("\\begin{tabular}{l S[table-format = 3.1(2.1)] S[table-format = 2.1]}"));
  EXPECT_EQ(line_of(text, "a &"), "a & 100.0 +- 12.2 &  \\\\");
  EXPECT_EQ(line_of(text, "b &"), "b & 9.5 & 78.9 \\\\");
}

TEST(TableLatex, footnotes_are_marked_in_the_papers_column) {
  SuiteTables tables = tables_of("rank1", {40.0, 41.0, 42.0});
  auto& rows = tables.tables[0].rows;
  rows[0].cells[0].reference = 9.25;
  rows[0].cells[0].footnotes = {"100% & more_"};
  rows[1].cells[0].reference = 26.0;
  rows[1].cells[0].footnotes = {"second", "100% & more_"};
  rows[2].cells[0].no_reference = true;
  rows[2].cells[0].footnotes = {"third"};
  const std::string text = to_latex(tables);
  EXPECT_EQ(line_of(text, "a &"), "a & 40.0 & 9.25 \\tnote{1} \\\\");
  EXPECT_EQ(line_of(text, "b &"), "b & 41.0 & 26.0 \\tnote{1,2} \\\\");
  EXPECT_EQ(line_of(text, "c &"), "c & 42.0 & {no reference\\tnote{3}} \\\\");
  EXPECT_THAT(text, HasSubstr("S[table-format = 2.2, table-space-text-post = \\tnote{1,2}]"));
  EXPECT_THAT(text, HasSubstr("\\item[1] 100\\% \\& more\\_\n    \\item[2] second\n    \\item[3] third\n    \\item "));
}

TEST(TableLatex, of_more_tables_than_latex_keeps_the_preamble_makes_room) {
  SuiteTables tables = tables_of("rank1", {12.0, 13.0});
  EXPECT_THAT(to_latex(tables), Not(HasSubstr("extrafloats")));
  tables.tables.assign(60, tables.tables.front());
  EXPECT_THAT(to_latex(tables), HasSubstr("threeparttable} \\extrafloats{60}, siunitx"));
}

TEST(TableLatex, long_heads_stand_on_several_lines) {
  EXPECT_THAT(to_latex(tables_of("recovered_psnr_2", {12.0, 13.0})),
              HasSubstr(R"(method & {\begin{tabular}[b]{@{}c@{}}PSNR \\ recovered, \\ r = 2 (dB)\end{tabular}} \\)"));
  EXPECT_THAT(to_latex(tables_of("rank1", {12.0, 13.0})), HasSubstr("method & {rank-1} \\\\"));
}

TEST(TableLatex, long_labels_stand_on_several_lines) {
  SuiteTables tables = tables_of("rank1", {12.0, 13.0});
  tables.tables[0].rows[0].label =
      "Masks from a \"standard\" normal draw, at the networks' rate of [the] paper's recipe";
  tables.tables[0].rows[1].latex = std::string(80, 'x');
  tables.tables[0].compare_with = "a";
  const std::string text = to_latex(tables);
  EXPECT_THAT(text, HasSubstr(R"(    \begin{tabular}[t]{@{}l@{}}Masks from a ``standard'' normal draw, at the \\ )"
                              R"(networks' rate of [the] paper's recipe\end{tabular} & 12.0)"));
  tables.tables[0].rows[0].label = "  = a  " + std::string(60, 'y') + "  b ";
  EXPECT_THAT(to_latex(tables), HasSubstr("{@{}l@{}}= a \\\\ " + std::string(60, 'y') + " \\\\ b\\end{tabular}"));
  EXPECT_THAT(text, HasSubstr("    " + std::string(80, 'x') + " & ")) << "a row's own LaTeX stands as it is";
  EXPECT_THAT(text, HasSubstr(": difference from Masks from a ``standard'' normal draw, at the networks' rate"))
      << "a caption breaks by itself";
}

// A table with each of these on each of the others.
SuiteTables wide(const std::vector<std::string>& datasets, const std::vector<std::string>& metrics) {
  SuiteTables tables = tables_of("rank1", {12.0, 13.0});
  Table& table = tables.tables[0];
  table.datasets = datasets;
  table.metrics = metrics;
  for (Row& row : table.rows) {
    const Cell cell = row.cells.front();
    row.cells.clear();
    for (const std::string& dataset : datasets)
      for (const std::string& metric : metrics) {
        row.cells.push_back(cell);
        row.cells.back().dataset = dataset;
        row.cells.back().metric = metric;
      }
  }
  return tables;
}

TEST(TableLatex, what_is_too_wide_for_a_page_is_a_table_of_each_data_set) {
  std::vector<std::string> datasets{"set"};
  for (int more = 0; more < 9; ++more) datasets.push_back(fmt::format("set{}", more));
  const std::string ten = to_latex(wide(datasets, {"rank1"}));
  EXPECT_EQ(count_of(ten, "\\label{"), 10U);
  EXPECT_THAT(ten, HasSubstr("\\label{tab:made-up-set}"));
  EXPECT_THAT(ten, HasSubstr("\\label{tab:made-up-set8}"));
  EXPECT_THAT(ten, HasSubstr("\\caption{Made up, set8}"));
  EXPECT_THAT(ten, HasSubstr("Data set: set8. "));
  EXPECT_THAT(ten, Not(HasSubstr("multicolumn")));
  datasets.pop_back();
  const std::string nine = to_latex(wide(datasets, {"rank1"}));
  EXPECT_EQ(count_of(nine, "\\label{"), 1U);
  EXPECT_THAT(nine, HasSubstr("\\multicolumn{1}{c}{set7}"));
}

TEST(TableLatex, what_is_too_wide_on_one_data_set_is_a_table_of_a_few_metrics_each) {
  const std::vector<std::string> metrics{"rank1", "rank5", "rank10", "rank20", "mAP", "mINP"};
  SuiteTables tables = wide({"a", "b"}, metrics);
  for (Row& row : tables.tables[0].rows)
    for (Cell& cell : row.cells) cell.reference = 50;  // six of ours, six of the paper's, on each of two
  const std::string text = to_latex(tables);
  EXPECT_EQ(count_of(text, "\\label{"), 4U);
  EXPECT_THAT(text, HasSubstr("\\label{tab:made-up-a-rank1}"));
  EXPECT_THAT(text, HasSubstr("\\caption{Made up, b, rank-1 to rank-20}"));
  EXPECT_THAT(text, HasSubstr("\\caption{Made up, b, mAP to mINP}"));
  EXPECT_EQ(count_of(text, "50.0 "), 2 * 2 * metrics.size()) << "each number once";
}

TEST(TableLatex, differences_have_a_page_s_width_of_their_own) {
  SuiteTables tables = wide({"x", "y"}, {"rank1", "rank5", "rank10", "mINP"});
  tables.tables[0].compare_with = "a";
  const std::string six = to_latex(tables);
  EXPECT_EQ(count_of(six, "\\label{"), 2U);
  EXPECT_THAT(six, HasSubstr("    method & rank-1 & rank-5 & rank-10 & rank-1 & rank-5 & rank-10 \\\\\n"));
  EXPECT_EQ(count_of(six, "\\cmidrule(lr){2-4}\\cmidrule(lr){5-7}"), 1U);
  EXPECT_EQ(count_of(six, "\\multicolumn{3}{c}{y}"), 1U);
  tables = wide({"x", "y"}, {"rank1", "rank5", "rank10", "rank20"});
  tables.tables[0].compare_with = "a";
  const std::string eight = to_latex(tables);
  EXPECT_EQ(count_of(eight, "\\label{"), 3U) << "the means stand in one table";
  EXPECT_THAT(eight, HasSubstr("\\label{tab:made-up-y-differences}"));
  EXPECT_THAT(eight, HasSubstr("\\caption{Made up, y: difference from a}"));
}

TEST(TableLatex, no_label_stands_twice_and_a_table_keeps_its_own) {
  std::vector<std::string> many;
  for (int set = 0; set < 10; ++set) many.push_back(fmt::format("set{}", set));
  const auto with = [](SuiteTables tables, const std::string& id, const std::string& compared = "") {
    tables.tables[0].id = id;
    tables.tables[0].compare_with = compared;
    return tables.tables[0];
  };
  SuiteTables tables = wide(many, {"rank1"});
  const Table small = tables_of("rank1", {12.0, 13.0}).tables[0];
  tables.tables = {with(wide(many, {"rank1"}), "main"), with({"suite", "", true, {small}, {}}, "main-set1"),
                   with({"suite", "", true, {small}, {}}, "pair", "a"),
                   with({"suite", "", true, {small}, {}}, "pair-differences", "a"),
                   with({"suite", "", true, {small}, {}}, "pair-differences-differences")};
  const std::string text = to_latex(tables);
  std::set<std::string> labels;
  for (std::size_t at = text.find("\\label{"); at != std::string::npos; at = text.find("\\label{", at + 1))
    EXPECT_TRUE(labels.insert(text.substr(at, text.find('}', at) - at)).second) << text.substr(at, 60);
  EXPECT_EQ(labels.size(), 10U + 1 + 2 + 2 + 1);
  EXPECT_THAT(text, HasSubstr("\\label{tab:main-set1-2}"));
  EXPECT_THAT(text, HasSubstr("\\label{tab:pair-differences-2}"));
  EXPECT_THAT(text, HasSubstr("\\label{tab:pair-differences-differences-2}"));
}

TEST(TableLatex, a_wide_table_of_two_heads_is_one_of_each_data_set_that_rows_train_on) {
  SuiteTables tables = tables_of("rank1", {});
  Table& table = tables.tables[0];
  table.metrics = {"rank1", "rank5", "mAP"};
  table.datasets = {"a", "a->b", "b->a", "b"};
  Row row{"r", "R", {}};
  for (const std::string& dataset : table.datasets)
    for (const std::string& metric : table.metrics) {
      row.cells.emplace_back();
      row.cells.back().dataset = dataset;
      row.cells.back().metric = metric;
      row.cells.back().trials_needed = 2;
    }
  table.rows = {row};
  const std::string text = to_latex(tables);
  EXPECT_EQ(2U, count_of(text, "\\begin{table}"));
  for (const char* trained : {"a", "b"}) {
    EXPECT_THAT(text, HasSubstr(fmt::format("\\caption{{Made up, trained on {}}}", trained)));
    EXPECT_THAT(text, HasSubstr(fmt::format("\\label{{tab:made-up-{}}}", trained)));
    EXPECT_THAT(text, HasSubstr(fmt::format(" & \\multicolumn{{6}}{{c}}{{trained on {}}} \\\\\n", trained)));
  }
  EXPECT_EQ(2U, count_of(text, " & \\multicolumn{3}{c}{a} & \\multicolumn{3}{c}{b} \\\\\n"));
}

}  // namespace
}  // namespace resolute::results::table_latex_test
