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
#include "settings/choice.h"

namespace resolute::results {

enum class CellStatus {
  kComplete,    //!< every trial is there
  kIncomplete,  //!< some trial is not there yet
  kMixed,       //!< its parts come from different packs or numeric classes: not averaged
  kStale,       //!< a part was made from other bytes (weights, split, pack) than those that its job's inputs hold now
  kNotApplicable,  //!< the row can have no such number (experiments/specification/metrics.h); nothing is missing
  kDamaged,        //!< a part's record cannot be read or lacks the metric; `suite run` makes what cannot be read anew
};
constexpr auto words_of(CellStatus) {
  return settings::words("complete", "incomplete", "mixed", "stale", "not applicable", "damaged");
}

//! A row's cell minus the same cell of the row with which the table compares (bootstrap.h), in per cent.
struct Difference {
  std::string to;  //!< id of that row
  double mean = 0;
  double low = 0;  //!< of the 95 % interval
  double high = 0;
  int trials = 0;  //!< that both have
  bool operator==(const Difference&) const = default;
};

//! One metric of a row on a data set. Numbers in per cent where the metric is a fraction
//! (experiments/specification/metrics.h), else as the evaluations have them (PSNR in dB).
struct Cell {
  std::string dataset;  //!< or experiments::kMeanColumn: a trial's value is its mean over data sets
  std::string metric;
  CellStatus status = CellStatus::kIncomplete;
  std::string why;                            //!< for kMixed and kStale: what disagrees; for kDamaged: what is damaged
  std::optional<double> mean;                 //!< over the trials; only where complete
  std::optional<double> std;                  //!< sample standard deviation (n - 1); only where complete, two trials up
  std::vector<std::optional<double>> values;  //!< one per trial, in trial order
  int trials = 0;                             //!< trials that are there
  int trials_needed = 0;
  std::optional<double> reference;  //!< the paper's number
  std::optional<double> chance;     //!< score of a random order (mean over the trials); where complete
  std::vector<JobId> jobs;          //!< trial after trial: training, evaluation
  std::optional<Difference> difference{};
  std::string difference_why{};          //!< why there is none although both cells are complete
  std::vector<std::string> footnotes{};  //!< what is to be known of the paper's number, or of its lack
  bool no_reference = false;             //!< the row asks for the paper's number, and the paper has none
};

struct Row {
  std::string id;
  std::string label;
  std::vector<Cell> cells;  //!< data set after data set, within it metric after metric
};

enum class ClaimStatus {
  kHolds,            //!< each row is better than the one before it by a difference whose whole interval says so
  kHoldsInTheMeans,  //!< the means stand in the order; some interval reaches zero, or is not known
  kDoesNotHold,      //!< two that follow one another, of those that have a mean, stand in another order or are equal
  kOpen,             //!< some mean is not there yet, and those that are do not contradict
};
constexpr auto words_of(ClaimStatus) { return settings::words("holds", "holds in the means", "does not hold", "open"); }

//! A row of a claim and its mean, where its cell is complete.
struct ClaimRow {
  std::string id;
  std::string label;
  std::optional<double> mean;
};

//! An order that a paper states, compared with ours.
struct ComparedClaim {
  std::string dataset;  //!< ours
  std::string metric;
  std::string paper;
  std::string paper_dataset;     //!< that the paper speaks of
  std::vector<ClaimRow> rows{};  //!< worse to better
  //! Of each two neighbours: whether the second's mean is above that of the last row before it that has one.
  std::vector<std::optional<bool>> holds{};
  //! Of the same two: their paired difference, where it is known.
  std::vector<std::optional<Difference>> differences{};
  ClaimStatus status = ClaimStatus::kOpen;
};

struct Table {
  std::string id;
  std::string title;
  std::vector<std::string> metrics;
  std::vector<std::string> datasets;  //!< ids; the last is experiments::kMeanColumn where `mean_of` is not empty
  std::vector<Row> rows;
  std::vector<int> lanes;      //!< L of the trainings behind it, distinct, ascending
  bool from_scratch = false;   //!< some training behind it began without pre-trained weights
  std::string compare_with{};  //!< id of the row that `difference`s are from; empty: none
  std::vector<ComparedClaim> claims{};
  std::vector<std::string> no_reference{};  //!< titles of papers that it names and that have no number for it
  std::vector<std::string> mean_of{};       //!< data sets over which the last column is the mean; empty: there is none
  std::vector<experiments::PublishedRow> published{};  //!< above the rows; nothing of them was run here
  //! Those of `datasets` whose images are made up in the place of a source's (settings::is_stand_in()), and a mean over
  //! any of them.
  std::vector<std::string> stand_ins{};
};

//! \param dataset one of Table::datasets
bool is_stand_in(const Table& table, const std::string& dataset);

//! What people read of a column: its name, and the mark of a stand-in. \param dataset one of Table::datasets
std::string column_title(const Table& table, const std::string& dataset);

struct SuiteTables {
  std::string suite;
  std::string title;
  bool complete = false;  //!< every cell of every table is, or is not applicable
  std::vector<Table> tables;
  std::vector<std::string> notes;  //!< Plan::notes
};

//! Per cent; nothing where the paper has no such number. \param dataset one of Table::datasets
std::optional<double> published_number(const experiments::PublishedRow& row, const std::string& dataset,
                                       const std::string& metric);

//! What else is to be said there; nothing where nothing is. \param dataset one of Table::datasets
std::vector<std::string> published_footnotes(const experiments::PublishedRow& row, const std::string& dataset,
                                             const std::string& metric);

//! Whether the paper's table leaves that cell empty, of a column that it has.
bool published_lacks(const experiments::PublishedRow& row, const std::string& dataset, const std::string& metric);

//! What a job left, or nothing yet. A RuntimeError (kInput, kCorrupt) costs the job's cells and no others.
using RecordLookup = std::function<std::optional<Record>(const JobId&)>;

//! Scores of the queries of an evaluation that is there.
using QueryScoresLookup = std::function<std::vector<QueryScore>(const EvaluationRecord&)>;

//! \param query_scores asked where a table compares rows; may be empty where none does
//! \throws core::ContractError where a plan names evaluations that it does not hold; what else `lookup` throws
SuiteTables aggregate(const experiments::Plan& plan, const RecordLookup& lookup,
                      const QueryScoresLookup& query_scores = {});

//! The same with the records of a store; each result.json is read once, and a queries.csv must be the one that its
//! record names: where it is another or there is none, a difference is missing and says why.
SuiteTables aggregate(const experiments::Plan& plan, core::FileSystem& files, const experiments::StoreLayout& store);

}  // namespace resolute::results
