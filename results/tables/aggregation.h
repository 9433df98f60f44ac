#pragma once
//! \file
//! Makes tables from a plan and the records of its jobs. A cell knows what it lacks: it shows a number only when every
//! trial is there and the parts fit together.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/files/file_system.h"
#include "experiments/specification/plan.h"
#include "experiments/store/store_layout.h"
#include "results/records/query_scores.h"
#include "results/records/record.h"
#include "results/tables/setting_differences.h"
#include "results/verdicts/verdict.h"
#include "settings/choice.h"

namespace resolute::results {

enum class CellStatus {
  kComplete,    //!< every trial is there
  kIncomplete,  //!< some trial is not there yet
  kMixed,       //!< its parts come from different packs, or from numeric classes that are not to be mixed: not averaged
  kStale,       //!< a part was made from other bytes (weights, split, pack) than those that its job's inputs hold now
  kNotApplicable,  //!< the row can have no such number (experiments/specification/metrics.h); nothing is missing
  kDamaged,        //!< a part's record cannot be read or lacks the metric; `suite run` makes what cannot be read anew
};
constexpr auto words_of(CellStatus) {
  return settings::words("complete", "incomplete", "mixed", "stale", "not applicable", "damaged");
}

//! Tells whether a number of ours is the paper's (paper_number.h).
enum class PaperVerdict { kReproduces, kDiffers, kUndecided, kTooFewTrials, kNoInterval };
constexpr auto words_of(PaperVerdict) {
  return settings::words("reproduces", "differs", "undecided", "too few trials", "no interval");
}

//! A cell's mean minus the paper's number, in points.
struct AgainstPaper {
  double difference = 0;
  std::optional<double> low{}, high{};  //!< of the 95 % interval, both or none
  PaperVerdict verdict = PaperVerdict::kNoInterval;
};

//! The jobs of one trial.
struct TrialJobs {
  JobId training, evaluation;
  friend auto operator<=>(const TrialJobs&, const TrialJobs&) = default;
};

//! One metric of a row in a column of data sets. Numbers in per cent where the metric is a fraction
//! (experiments/specification/metrics.h), else as the evaluations have them (PSNR in dB).
struct Cell {
  //! The column (experiments::column_of()), or experiments::kMeanColumn: a trial's value is its mean over columns.
  std::string dataset;
  std::string metric;
  CellStatus status = CellStatus::kIncomplete;
  std::string why;                            //!< for kMixed and kStale: what disagrees; for kDamaged: what is damaged
  std::optional<double> mean;                 //!< over the trials; only where complete
  std::optional<double> std;                  //!< sample standard deviation (n - 1); only where complete, two trials up
  std::vector<std::optional<double>> values;  //!< one per trial, in trial order; none where it is not there or stale
  int trials = 0;                             //!< trials that are there
  int trials_needed = 0;
  std::optional<double> reference;              //!< the paper's number
  std::string paper_dataset{};                  //!< on which the paper has it; of a mean each once, "a, b"
  std::optional<double> reference_error{};      //!< points by which it may be off, where it was read off a plot
  std::optional<double> chance;                 //!< score of a random order (mean over the trials); where complete
  std::vector<TrialJobs> jobs;                  //!< in trial order; of a mean: of one data set after the other
  std::optional<Difference> difference{};       //!< from the row with which the table compares
  std::string difference_why{};                 //!< why there is none although both cells are complete
  std::vector<std::string> footnotes{};         //!< what is to be known of the paper's number, or of its lack
  std::vector<std::string> own_footnotes{};     //!< of ours: in which numeric classes its jobs ran, if in several
  bool no_reference = false;                    //!< the row asks for the paper's number, and the paper has none
  std::optional<AgainstPaper> against_paper{};  //!< of a complete cell with the paper's number, if it is per query
  //! It has the best mean of its column, and differs from each other mean there by a whole interval (side_of()).
  bool best = false;
};

struct Row {
  std::string id;
  std::string label;
  std::vector<Cell> cells;  //!< data set after data set, within it metric after metric
  //! Settings that differ from the row with which the table compares (first: this row's), on any data set. Of rows
  //! of two methods all but the method and its options, which such rows are about.
  std::vector<DifferentSetting> other_settings{};
  std::string latex{};  //!< the label in LaTeX, as it is; empty: made of `label`

  //! \throws core::ContractError where the row has no such cell
  const Cell& at(const std::string& dataset, const std::string& metric) const;
};

//! A row of a claim and its mean, where its cell is complete.
struct ClaimRow {
  std::string id;
  std::string label;
  std::optional<double> mean;
};

//! An order of a paper's, compared with ours.
struct ComparedClaim : experiments::ClaimPlan {
  std::vector<ClaimRow> rows{};  //!< worse to better, or the one that some are above and then those
  //! A step for each row but the first, from the last row before it that has a mean, or from the first where some are
  //! above it; open where either has none.
  std::vector<Verdict> steps{};
  std::vector<std::optional<Difference>> differences{};  //!< paired, of the steps; where it is known
  int trials = 0;                                        //!< the fewest of a row that has a mean
  Verdict status = Verdict::kOpen;
};

struct Table {
  std::string id;
  std::string title;
  std::vector<std::string> metrics;
  //! Columns, as TablePlan::datasets; the last is experiments::kMeanColumn where `mean_of` is not empty.
  std::vector<std::string> datasets;
  std::vector<Row> rows;
  std::vector<int> lanes;      //!< L of the trainings behind it, distinct, ascending
  bool from_scratch = false;   //!< some training behind it began without pre-trained weights
  std::string compare_with{};  //!< id of the row that `difference`s are from; empty: none
  std::vector<ComparedClaim> claims{};
  std::size_t comparisons = 0;  //!< differences that cells and claims show, each once: what Difference::p_holm is for
  std::vector<std::string> no_reference{};  //!< titles of papers that it names and that have no number for it
  std::vector<std::string> mean_of{};       //!< data sets over which the last column is the mean; empty: there is none
  std::vector<experiments::PublishedRow> published{};  //!< above the rows; nothing of them was run here
  //! Those of `datasets` whose images are made up in the place of a source's (settings::is_stand_in()), and a mean over
  //! any of them.
  std::vector<std::string> stand_ins{};
  double margin = experiments::kUsualMargin;  //!< of PaperVerdict, in points
  //! The same of other drawn images (experiments::Images).
  std::vector<std::string> drawn{};
  std::vector<std::string> notes{};  //!< TablePlan::notes
};

//! \param dataset one of Table::datasets
bool is_stand_in(const Table& table, const std::string& dataset);

enum class ColumnHead {
  kBoth,     //!< "market → caviar" where rows are asked on another data set
  kAskedOn,  //!< "caviar", below trained_head()
};

//! The head of a column for people: its name, and the mark of drawn images. \param dataset one of Table::datasets
std::string column_title(const Table& table, const std::string& dataset, ColumnHead head = ColumnHead::kBoth);

//! The head of columns whose rows train on one data set, in tables that ask them on others too: "trained on market";
//! empty for the column of means.
std::string trained_head(const std::string& dataset);

struct SuiteTables {
  std::string suite;
  std::string title;
  bool complete = false;  //!< every cell of every table is, or is not applicable, and no search waits
  std::vector<Table> tables;
  std::vector<std::string> notes;  //!< Plan::notes
};

//! Per cent; nothing where the paper has no such number. \param dataset one of Table::datasets
std::optional<double> published_number(const experiments::PublishedRow& row, const std::string& dataset,
                                       const std::string& metric);

//! The notes on that cell; nothing where there are none. \param dataset one of Table::datasets
std::vector<std::string> published_footnotes(const experiments::PublishedRow& row, const std::string& dataset,
                                             const std::string& metric);

//! The data set on which the paper has that number; empty where it has none. \param dataset one of Table::datasets
std::string published_dataset(const experiments::PublishedRow& row, const std::string& dataset,
                              const std::string& metric);

//! Tells whether the paper's table leaves that cell empty, of a column that it has.
bool published_lacks(const experiments::PublishedRow& row, const std::string& dataset, const std::string& metric);

//! The record of a job, or nothing yet. A RuntimeError (kInput, kCorrupt) costs the job's cells and no others.
using RecordLookup = std::function<std::optional<Record>(const JobId&)>;

//! Scores of the queries of an evaluation that is there.
using QueryScoresLookup = std::function<std::vector<QueryScore>(const EvaluationRecord&)>;

//! The best rank-1 that a training logged on the way (training_log.h); nothing where it logged none.
using BestOnTheWay = std::function<std::optional<double>(const JobId& training)>;

//! \param query_scores asked where a table compares rows or has a paper's numbers; may be empty where none compares
//! \param best_on_the_way asked where a table has rank1_best_on_test; empty: nothing was logged
//! \throws core::ContractError where a plan names evaluations that it does not hold; what else `lookup` throws
SuiteTables aggregate(const experiments::Plan& plan, const RecordLookup& lookup,
                      const QueryScoresLookup& query_scores = {}, const BestOnTheWay& best_on_the_way = {});

//! The same with the records of a store; each result.json is read once, and a queries.csv must be the one that its
//! record names: where it is another or there is none, a difference is missing and says why.
SuiteTables aggregate(const experiments::Plan& plan, core::FileSystem& files, const experiments::StoreLayout& store);

}  // namespace resolute::results
