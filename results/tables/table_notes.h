#pragma once
//! \file
//! Internal to results/tables: what is said about a table's numbers, for pages of any markup.

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "results/tables/aggregation.h"

namespace resolute::results {

struct Markup {
  std::string (*plain)(const std::string& text);  //!< of a user, so that nothing in it is markup
  std::string (*mark)(std::string_view word);     //!< that stands in cells
  const char* references;                         //!< says where the paper's numbers stand
};

//! The text of a cell whose paper is asked for a number and has none.
inline constexpr const char* kNoReference = "no reference";

//! A paper's number as the paper prints it, 9.25 or 26.0; a mean of such with two decimals at most.
//! \param dataset of the number's column
std::string as_printed(double number, const std::string& dataset);

//! The footnotes of a table: each once, numbered from 1 in the order in which its cells stand, published rows first.
class Footnotes {
 public:
  enum class Of { kAll, kCells, kDifferences };  //!< of all, those of differences come last
  explicit Footnotes(const Table& table, Of wanted = Of::kAll);
  const std::vector<std::string>& texts() const { return texts_; }
  //! Numbers of a cell's footnotes, ascending.
  std::vector<std::size_t> numbers_of(const std::vector<std::string>& footnotes) const;

 private:
  void add(const std::vector<std::string>& footnotes);
  std::vector<std::string> texts_;
};

int decimals_of(const std::string& metric);
std::string heading_of(const std::string& metric);
bool is_per_query(const std::string& metric);

//! Chance's score by data set and metric, where every row whose number is there has the same. Rows differ in it where
//! their galleries, splits or trials do.
std::map<std::pair<std::string, std::string>, double> chance_of(const Table& table);

//! In what the numbers are, over how many trials, and what marks in cells mean.
std::string legend_of(const Table& table, const Markup& markup);

//! The first note for a reader: which columns are of stand-ins. Empty where none is.
std::string stand_in_note(const Table& table, const Markup& markup);

//! Which images are drawn; why cells are marked mixed or stale, each reason once; from scratch; the table's notes, then
//! the suite's.
std::vector<std::string> notes_of(const Table& table, const std::vector<std::string>& suite_notes,
                                  const Markup& markup);

//! The row that the table compares with; nullptr where there is none.
const Row* compared_row(const Table& table);

//! The mark of a difference that survives_holm().
inline constexpr const char* kHolmMark = "†";

//! The text behind a difference's interval: that its trials are too few for a verdict, or fewer than those of the
//! two rows' means, and the mark. Empty where nothing is to be said. \param rows_trials the most of the two rows
std::string behind_interval(const Difference& difference, int rows_trials);

//! The same of a cell's difference. \param compared the row that it is from
std::string behind_interval(const Cell& cell, const Row& compared);

//! How many comparisons are shown and what the mark behind some means; empty where there are none.
std::string comparisons_note(std::size_t comparisons);

//! Why rows have no difference, each reason once.
std::vector<std::string> missing_differences(const Table& table, const Markup& markup);

//! Other differences between a row and the one that the table compares with (Row::other_settings): one line per row.
std::vector<std::string> other_settings(const Table& table, const Markup& markup);

//! One line per claim of the papers, those that are stated before those that are printed; above several of a kind how
//! many came out how. A table without differences of its own ends with the comparisons_note().
std::vector<std::string> claims_of(const Table& table, const Markup& markup);

}  // namespace resolute::results
