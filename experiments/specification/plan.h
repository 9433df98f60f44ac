#pragma once
//! \file
//! The plan of a suite: its distinct jobs, in an order in which they can run, and its tables as cells that name their
//! jobs.

#include <compare>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <iosfwd>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/files/json.h"
#include "experiments/specification/specification.h"
#include "settings/epochs.h"

namespace resolute::experiments {

//! A training goes on from the last state of another one, which is the same with fewer steps (goes_on()). Its bits are
//! those of a training that was never cut: the state spares steps, and no id knows of it.
struct GoesOn {
  JobId from;
  int steps = 0;  //!< of that training
};

struct PlannedJob {
  JobId id;
  JobSpecification specification;
  std::vector<JobId> after;  //!< jobs whose result it needs, each earlier in Plan::jobs
  int slots = 1;             //!< process ranks W of a training (divides its lanes); 1 for the others
  std::string label;         //!< for people: "training rain trial 0 'RAIN, multi-level' on easy"
  //! The id may change once the files that it depends on are here: raw images (their number is estimated), or weights
  //! that are not imported.
  bool provisional = false;
  std::optional<GoesOn> goes_on{};  //!< of a training that need not begin anew
  bool keeps_state = false;         //!< of a training whose last state stays, for one that goes on from it
};

//! A [[result]] of reference/papers.toml by its key, in the file's words.
struct PaperEntry {
  std::string paper;
  std::string table;
  std::string method;
  std::string dataset;  //!< the paper's
  std::string variant;  //!< empty where it has none
  auto operator<=>(const PaperEntry&) const = default;
};

//! The facts of reference/papers.toml on a cell besides the paper's numbers, for the metrics of the cell's table.
struct PaperCell {
  std::vector<PaperEntry> entries;  //!< the entries that may give a number, in the order in which they are asked
  //! Metric → remarks on the paper's number, or on why there is none, one sentence each.
  std::map<std::string, std::vector<std::string>> footnotes;
  std::set<std::string>
      no_reference;  //!< metrics that the paper's table has, or may have, without a number for this cell
  std::map<std::string, std::string> datasets{};  //!< metric → the data set on which the paper has its number
  std::map<std::string, double> errors{};         //!< metric → the points by which a number off a plot may be off
  bool operator==(const PaperCell&) const = default;
};

//! One number's place: a row in a column.
struct CellPlan {
  std::string dataset;                       //!< of TablePlan::datasets
  std::vector<JobId> evaluations;            //!< one per trial, in trial order
  std::map<std::string, double> references;  //!< metric → the paper's number in per cent, where it prints one
  PaperCell paper{};
};

struct RowPlan {
  std::string id;
  std::string label;
  std::vector<CellPlan> cells;            //!< in the order of TablePlan::datasets
  std::vector<std::string> deviations{};  //!< methods::deviations() of its trainings, each once
  std::string latex{};                    //!< the label in LaTeX, as it is; empty: made of `label`
  //! Starts of its trainings: "the trunk of row 'hr'", each once; none: from weights or from scratch.
  std::vector<std::string> starts{};
  std::vector<std::string> joined{};  //!< data sets that its trainings learn from besides their column's
};

//! A method that a table shows by the paper's numbers alone. Nothing of it runs.
struct PublishedRow {
  std::string method;  //!< its id in reference/papers.toml
  std::string label;
  std::map<std::string, std::map<std::string, double>> numbers;  //!< our data set → metric → per cent
  std::map<std::string, PaperCell> paper{};                      //!< our data set →
};

//! The place of an order of rows in its paper.
enum class ClaimKind {
  kStated,   //!< its text says so
  kPrinted,  //!< a table's numbers stand so, and the text says less or nothing
};
constexpr auto words_of(ClaimKind) { return settings::words("stated", "printed"); }

//! The form of what a paper says of rows.
enum class ClaimForm {
  kOrder,  //!< each row is better than the one before it
  kSome,   //!< some of the later rows are better than the first
};
constexpr auto words_of(ClaimForm) { return settings::words("order", "some"); }

//! An order of a paper's (a [[claim]] of reference/papers.toml), to be compared with ours on one data set.
struct ClaimPlan {
  std::string dataset;  //!< ours
  std::string metric;
  std::string paper;
  std::string paper_dataset;                 //!< that the paper speaks of
  std::vector<std::string> worse_to_better;  //!< ids of rows, two or more, in the order of `form`
  ClaimKind kind = ClaimKind::kStated;
  std::vector<std::string> paper_order{};  //!< the paper's whole order, in entries of the reference file
  ClaimForm form = ClaimForm::kOrder;
};

//! TablePlan::margin where a table gives none.
inline constexpr double kUsualMargin = 2;

//! The heading of the column of TablePlan::mean_of.
inline constexpr const char* kMeanColumn = "mean";

struct TablePlan {
  std::string id;
  std::string title;
  std::vector<std::string> metrics;   //!< each is_metric()
  std::vector<std::string> datasets;  //!< columns: column_of() each
  std::vector<RowPlan> rows;
  std::string compare_with{};  //!< id of the row that the others are compared with, query by query; empty: none
  std::vector<ClaimPlan> claims{};
  //! Titles of papers that the table or its rows name, and that have no number for it on any data set.
  std::vector<std::string> no_reference{};
  //! Two or more of `datasets` whose mean is a column of its own (VIPeR's two directions); empty: none.
  std::vector<std::string> mean_of{};
  std::vector<PublishedRow> published{};  //!< above the rows
  double margin = kUsualMargin;           //!< points: how near to the paper's number a number of ours has reproduced it
  bool strict_classes = false;            //!< numbers of jobs that ran in several numeric classes are not shown
  //! A reader of its numbers must know this of its rows, e.g. "from scratch, small backbone".
  std::vector<std::string> notes{};
  //! Papers' tables that have an entry of a row and no number for it: "TITLE, TABLE" → an address of it.
  std::map<std::string, std::string> look_up{};
};

//! A folder of raw images. Its members decide no byte of a pack, so PackSettings lacks them.
struct RawRoot {
  std::filesystem::path folder;
  bool follow_links = false;  //!< images behind symbolic links are read, not refused
};

struct DatasetPlan {
  std::string id;
  PackSettings pack;
  //! Folder of the raw images as the user named it (variables expanded); empty for drawn ones
  //! (PackSettings::synthetic), which the run makes itself below the store.
  std::filesystem::path root;
  std::string root_text{};    //!< as the suite has it: "${VIPER}"
  bool follow_links = false;  //!< RawRoot::follow_links
  bool drawn_folder = false;  //!< a program drew what lies in `root`, or has been packed of it
};

//! Tells whether a data set whose images are not drawn by the run is drawn all the same (`resolute data synth`). \param
//! dataset without drawn_folder
using DrawnFolder = std::function<bool(const DatasetPlan& dataset)>;

//! Counts what a trial trains on. Returns nothing if neither the pack nor the raw images are here. \throws RuntimeError
//! if they cannot be listed or split
using TrainingImages =
    std::function<std::optional<settings::TrainingCount>(const DatasetPlan& dataset, const SplitSettings& split)>;

//! The number of an evaluation that is done, as its record has it: a fraction. \param metric rank1 or mAP
using ScoreOf = std::function<std::optional<double>(const JobId& evaluation, const std::string& metric)>;
//! Tells whether a training that has no result ended for a loss that is not finite: it would again.
using HasDiverged = std::function<bool(const JobId& training)>;

//! The longest finished training with a kept state that is this one with fewer steps (kept_states.h).
using KeptStateOf = std::function<std::optional<GoesOn>(const JobId& id, const TrainingSpecification& training)>;

//! How a suite is planned, whatever it says.
struct PlanOptions {
  bool from_scratch = false;  //!< train from scratch although the suite names weights; Plan::notes says so
  //! Tells whether raw images and files of initial weights must exist. If false (`suite status`, `suite table`, which
  //! read neither), a root whose variable is not set is empty.
  bool need_roots = true;
  //! For `suite plan`: what follows from missing files is estimated (training images, specification/estimated_split.h)
  //! or left open (weights that the store does not have), and the plan says so. Jobs that depend on it are provisional.
  bool estimate = false;
  //! For who makes jobs: people are counted, by the pack or the raw images' labels where either is here, else by what
  //! is published of the source. A set that cannot be split, or has fewer people than a batch, is refused. Commands
  //! that look at what there is do not ask for that.
  bool check_lists = false;
  //! Counts what a trial trains on, for rows that give epochs, and for check_lists. If it is empty, such rows are
  //! refused and lists are not looked at. Nothing else calls it.
  TrainingImages training_images{};
  bool with_references = false;  //!< show the papers' numbers beside drawn images too; changes no job
  DrawnFolder drawn_folder{};    //!< asked of each data set with a root; empty: none is drawn
  ScoreOf score_of{};            //!< by which searches choose; empty: nothing is done yet
  HasDiverged has_diverged{};    //!< empty: none has
  KeptStateOf kept_state_of{};   //!< empty: no state is kept
};

//! The steps that a length in epochs gives, over the trials of a row: their splits may differ in size.
struct EpochsPlan {
  std::string dataset;
  std::string key;  //!< as the suite has it: "train.epochs"
  int epochs = 0;
  int batch = 0;  //!< rows of a step's batch
  std::size_t fewest_images = 0;
  std::size_t most_images = 0;
  int fewest_steps = 0;
  int most_steps = 0;
  bool estimated = false;  //!< the images are not counted but estimated (estimated_split.h)
  auto operator<=>(const EpochsPlan&) const = default;
};

//! Weights that a suite names and the store does not have.
struct MissingWeights {
  std::string name;
  std::string backbone;  //!< of the trainings that start from them
  auto operator<=>(const MissingWeights&) const = default;
};

//! How far a [[search]] is, by the results that there are.
struct SearchPlan {
  std::string id;
  std::string dataset;
  struct Rung {
    int steps = 0;           //!< train.steps at its end
    std::size_t points = 0;  //!< that train to there
    std::size_t done = 0;    //!< of these, with a score or without hope of one
  };
  std::vector<Rung> rungs;
  int trials = 1;
  bool anew = false;  //!< each rung trains from the first step on: under a worker of the user's, or methods in Python
  std::string winner{};             //!< its settings for people; empty: not known yet
  bool hopeless = false;            //!< every point of a rung is done, and none has a score: no result can go on
  std::vector<JobId> diverged{};    //!< trainings that are out of the plan (HasDiverged)
  std::int64_t steps() const;       //!< of all rungs and trials
  std::int64_t grid_steps() const;  //!< if every point trained to the end
  bool operator==(const SearchPlan&) const = default;
};
//! "64 points on easy, rungs of 100, 300 and 900 steps …" for people.
std::string search_text(const SearchPlan& search);

struct Plan {
  std::string suite;  //!< [a-z0-9-]+
  std::string title;
  std::vector<DatasetPlan> datasets;
  std::vector<PlannedJob> jobs;  //!< every job once; a job stands after all that it needs
  std::vector<TablePlan> tables;
  std::vector<std::string> worker;                //!< command of an external worker; empty: resolute-worker
  std::string program_sha256;                     //!< of its files; empty: the suite has no `worker_files`
  core::Json method_schemas{};                    //!< of methods in Python by their ids (a bundle's); null: none
  std::vector<EpochsPlan> epochs;                 //!< each once, sorted; empty if the suite gives steps alone
  std::vector<MissingWeights> missing_weights{};  //!< if the plan may be made without them; sorted
  //! Names of weights of which the store does not know all whom they were trained on; sorted.
  std::vector<std::string> of_unknown_people{};
  std::vector<std::string> notes;  //!< what a reader of all tables must know: tables that are left out
  std::vector<SearchPlan> searches{};
  //! A search waits for results: the plan of the same suite has more jobs and rows once they are there.
  bool waits() const;
  //! "2 trainings go on from shorter ones: 800 of 2400 steps are trained", for people; empty where none does.
  std::string spared_steps_text() const;
};

//! Puts the next plan of the same suite, which knows more results, in the plan's place. \return true if it has other
//! jobs, or waits no more
bool take_next(Plan& plan, Plan next);

//! The two data sets of a column. In most columns they are one.
struct ColumnSets {
  std::string trained_on;
  std::string asked_on;  //!< whose test people are asked for
  bool operator==(const ColumnSets&) const = default;
};

//! The column's id: the data set's, or "market->caviar".
std::string column_of(const ColumnSets& sets);
//! The inverse. Both are kMeanColumn in the column of means.
ColumnSets sets_of(const std::string& column);
//! Tells whether the column's rows are asked on another data set than they train on.
bool is_across(const std::string& column);
bool any_across(const std::vector<std::string>& columns);

//! The origin of a data set's images.
enum class Images {
  kReal,     //!< from cameras, as far as is known
  kDrawn,    //!< drawn: source "synthetic", or DatasetPlan::drawn_folder
  kStandIn,  //!< drawn in the place of a source's (settings::is_stand_in())
};

//! The mark behind the label of a row with RowPlan::deviations, and before the note that names them.
inline constexpr const char* kDeviationMark = "‡";
//! The row's label for people.
std::string row_title(const RowPlan& row);

//! Text behind the id of a data set wherever people read numbers of its stand-in, or of other drawn images.
inline constexpr const char* kStandInMark = "(stand-in)";
inline constexpr const char* kDrawnMark = "(drawn)";

Images images_of(const DatasetPlan& dataset);
//! Of a column's two data sets: what is furthest from real.
Images images_of(const Plan& plan, const std::string& column);
bool is_stand_in(const Plan& plan, const std::string& column);

//! The column's name for people: "market → caviar" where it is_across().
std::string column_name(const std::string& column);
//! The head of a column for people: its name, and the mark of images that are not real.
std::string column_title(const std::string& column, Images images);
std::string column_title(const Plan& plan, const std::string& column);
//! The words beside a paper's number that is of another data set: "paper: mlr-cuhk03; here: easy (drawn)". Empty where
//! the paper has it on ours. \param papers its data set \param here the column's title
std::string other_dataset(const std::string& papers, const std::string& here);

//! Writes the document of `suite plan --json`: {"suite", "title", "jobs": [{"id", "kind", "after", "slots", "label",
//! "specification", "provisional" (where it is)}], "tables": [{"id", "title", "metrics", "datasets", "rows",
//! "compare_with", "claims", "no_reference", "mean_of", "margin", "published", "notes", "strict_classes" and "look_up"
//! (where there is any)}] (a row that is unlike its paper has "deviations", one that starts from another "starts",
//! one that learns from further data sets "joined"),
//! "datasets": [{"id", "pack_folder", "root"}, and "stand_in" or "drawn": true of one], "epochs": [{"dataset", "key",
//! "epochs", "batch", "images", "steps", "estimated"}] (images and steps the fewest and the most of a row's trials),
//! "worker", "notes"}. A row's cells and, by data set, a published row's "papers" have the PaperCell: "entries",
//! "footnotes", "no_reference". A cell of a column that is_across() has "trained_on" and "asked_on" too. \param more
//! further members of the document
void write_json(std::ostream& to, const Plan& plan, const core::Json& more = core::Json::object());

}  // namespace resolute::experiments
