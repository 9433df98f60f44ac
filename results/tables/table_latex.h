#pragma once
//! \file
//! Tables as LaTeX for a paper, to be read by `\input`. Rules are booktabs', numbers are aligned by siunitx (version
//! 3), notes are threeparttable's: the page's preamble loads these three packages.

#include <string>
#include <string_view>
#include <vector>

#include "results/tables/aggregation.h"

namespace resolute::results {

//! A `table` environment for each table, labelled `tab:ID`: a column per data set and metric, beside it the paper's
//! numbers where there are any; per column the best mean in bold and, of three or more, the second in italics. What the
//! numbers are, why some are missing and what became of the papers' claims stands in notes below. A table that compares
//! rows has the differences in a second one, `tab:ID-differences`. One of several data sets and more than nine
//! columns is one of each data set, `tab:ID-DATASET`. The bytes depend on the tables alone.
//! A row's `latex` stands as it is, all other text is core::latex_text(). The first line is a comment: what the
//! preamble needs, and letters_to_tell().
std::string to_latex(const SuiteTables& tables);

//! Letters that pdflatex refuses, each once: "方 (U+65B9)". \param latex of to_latex()
std::vector<std::string> letters_to_tell(const std::string& latex);
//! The ways out for who has such letters.
inline constexpr std::string_view kWayOfLetters =
    "compile with lualatex or xelatex and a font that has them, or give the row latex = '…' with commands";

}  // namespace resolute::results
