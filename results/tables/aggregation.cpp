#include "results/tables/aggregation.h"

#include <algorithm>
#include <map>
#include <set>
#include <type_traits>

#include "core/error.h"
#include "core/process/side_by_side.h"
#include "experiments/specification/metrics.h"
#include "experiments/store/bundle.h"
#include "results/records/training_log.h"
#include "results/tables/comparison.h"
#include "results/tables/means.h"
#include "results/tables/paper_number.h"
#include "results/verdicts/numeric_classes.h"

namespace resolute::results {
namespace {

using experiments::CellPlan;
using experiments::EvaluationSpecification;
using experiments::PackSettings;
using experiments::Plan;
using experiments::PlannedJob;
using experiments::SealSpecification;
using experiments::TrainingSpecification;

template <class Kind>
std::optional<Kind> take(const RecordLookup& lookup, const JobId& job) {
  auto record = lookup(job);
  if (!record) return std::nullopt;
  if (const auto* kind = std::get_if<Kind>(&*record)) return *kind;
  throw core::input_error(fmt::format("the record of job {} is of another kind of job", short_id(job)),
                          "the plan says otherwise", "remove its result.json and run the suite again");
}

//! The value of `part`; where what it reads is damaged, nothing, and `damage` says why unless it says so already.
template <class Part>
std::invoke_result_t<Part> unless_damaged(std::string& damage, Part part) {
  try {
    return part();
  } catch (const core::RuntimeError& error) {
    if (error.kind() != core::ErrorKind::kInput && error.kind() != core::ErrorKind::kCorrupt) throw;
    if (damage.empty()) damage = error.what();
    return {};
  }
}

//! A trial of a cell: what is planned and what is there.
struct Trial {
  JobId evaluation_job;
  JobId training_job;
  std::optional<EvaluationRecord> evaluation;
  std::optional<TrainingRecord> training;
  std::optional<SealRecord> seal;                     //!< of the pack that is asked
  std::optional<SealRecord> trained_seal;             //!< of the pack that the training has
  bool across = false;                                //!< the training has another pack and another split
  std::optional<double> best_on_test;                 //!< 0 to 1, where the table asks for it and it can be told
  std::string damage{};                               //!< of one of them; empty: none is damaged
  std::map<std::size_t, std::string> joined_packs{};  //!< of its training's joined sets, those that the store has
  std::optional<TrainingRecord> first_stage{};        //!< that the training says it started from, as it is now

  const StartedFrom* started_from() const {
    return training && training->provenance.started_from ? &*training->provenance.started_from : nullptr;
  }
};

//! The plan's jobs by what they are looked up by.
class PlanIndex {
 public:
  PlanIndex(const Plan& plan, const RecordLookup& lookup) : plan_(plan), lookup_(lookup) {
    for (std::size_t i = 0; i < plan.jobs.size(); ++i) {
      by_id_[plan.jobs[i].id] = i;
      if (const auto* seal = std::get_if<SealSpecification>(&plan.jobs[i].specification))
        seals_.emplace_back(seal->pack, plan.jobs[i].id);
    }
  }

  Trial trial(const JobId& evaluation, bool across) const {
    const auto& specification = specification_of<EvaluationSpecification>(evaluation);
    const auto& training = specification_of<TrainingSpecification>(specification.training);
    Trial trial{evaluation, specification.training, {}, {}, {}, {}, across, {}, {}};
    const auto record_of = [&]<class Kind>(std::optional<Kind>& part, const JobId& job) {
      part = unless_damaged(trial.damage, [&] { return take<Kind>(lookup_, job); });
    };
    record_of(trial.evaluation, evaluation);
    record_of(trial.training, specification.training);
    const auto seal_of = [&](std::optional<SealRecord>& record, const PackSettings& of_job) {
      for (const auto& [pack, seal] : seals_)
        if (pack == of_job) record_of(record, seal);
    };
    seal_of(trial.seal, specification.pack);
    seal_of(trial.trained_seal, training.pack);
    for (std::size_t i = 0; i < training.joined.size(); ++i) {
      std::optional<SealRecord> record;
      seal_of(record, training.joined[i].pack);
      if (record) trial.joined_packs[i] = record->pack_sha256;
    }
    std::string elsewhere;  // a damaged first stage costs its own cells
    if (const auto* started = trial.started_from())
      trial.first_stage = unless_damaged(elsewhere, [&] { return take<TrainingRecord>(lookup_, started->training); });
    return trial;
  }

  //! The best score of a trial on the way and at its end, where its evaluation is there and asks what its training did.
  std::optional<double> best_on_test(const Trial& trial, const BestOnTheWay& best_on_the_way) const {
    if (!trial.evaluation || trial.across || best_on_the_way == nullptr) return std::nullopt;
    const auto& method = specification_of<TrainingSpecification>(trial.training_job).method;
    if (!asks_as_training_does(specification_of<EvaluationSpecification>(trial.evaluation_job), method))
      return std::nullopt;
    const auto best = best_on_the_way(trial.training_job);
    return best ? std::optional(std::max(*best, trial.evaluation->metrics.at("rank1"))) : std::nullopt;
  }

  experiments::Images images_of(const std::string& dataset) const { return experiments::images_of(plan_, dataset); }
  std::map<std::string, std::string> settings_of(const CellPlan& cell) const {
    const auto& evaluation = specification_of<EvaluationSpecification>(cell.evaluations.front());
    return results::settings_of(specification_of<TrainingSpecification>(evaluation.training), evaluation,
                                cell.evaluations.size());
  }
  int lanes_of(const JobId& training) const { return specification_of<TrainingSpecification>(training).lanes; }
  bool has(const Trial& trial, const std::string& metric) const {
    const auto& training = specification_of<TrainingSpecification>(trial.training_job);
    const experiments::MetricName name = experiments::metric_named(metric);
    // The class of a method in Python is not here: its result says what was measured of what not every row has.
    if (!training.recipe.program_options.empty() && (name->needs != nullptr || name->lacks != nullptr))
      return !trial.evaluation || trial.evaluation->metrics.contains(metric);
    return experiments::has_metric(training.method,
                                   specification_of<EvaluationSpecification>(trial.evaluation_job).protocol, metric);
  }

 private:
  template <class Kind>
  const Kind& specification_of(const JobId& job) const {
    auto found = by_id_.find(job);
    RESOLUTE_EXPECT(found != by_id_.end(), "a table of the plan needs job " + short_id(job) + ", which is not in it");
    const auto* kind = std::get_if<Kind>(&plan_.jobs[found->second].specification);
    RESOLUTE_EXPECT(kind != nullptr, "job " + short_id(job) + " is of another kind than the plan's tables say");
    return *kind;
  }

  const Plan& plan_;
  const RecordLookup& lookup_;
  std::map<JobId, std::size_t> by_id_;
  std::vector<std::pair<PackSettings, JobId>> seals_;  // few: one a pack
};

//! The first of a trial's parts that does not fit its inputs as they lie in the store; empty if all do.
std::string stale_part(const Trial& trial) {
  const auto& evaluation = *trial.evaluation;
  std::string job = short_id(trial.evaluation_job);
  if (evaluation.provenance.training != trial.training_job)
    return fmt::format("evaluation {} names training {}", job, short_id(evaluation.provenance.training));
  if (trial.training && trial.training->weights_sha256 != evaluation.weights_sha256)
    return fmt::format("evaluation {} used other weights than its training has (the next run makes it anew)", job);
  const bool one_set = trial.training && !trial.across;
  if (one_set && trial.training->provenance.split_sha256 != evaluation.provenance.split_sha256)
    return fmt::format(
        "evaluation {} used another split than its training {} (one of them may be of an earlier resolute: move the "
        "folders of both out of the store, and run again)",
        job, short_id(trial.training_job));
  if (trial.first_stage && trial.first_stage->weights_sha256 != trial.started_from()->weights_sha256)
    return fmt::format("training {} started from other weights than training {} has", short_id(trial.training_job),
                       short_id(trial.first_stage->job));
  if (trial.training)
    for (const auto& [i, pack] : trial.joined_packs)
      if (const auto& joined = trial.training->provenance.joined; i >= joined.size() || joined[i].pack_sha256 != pack)
        return fmt::format("training {} used another pack than the store has", short_id(trial.training_job));
  if (trial.seal && trial.seal->pack_sha256 != evaluation.provenance.pack_sha256)
    return fmt::format("evaluation {} used another pack than the store has", job);
  if (trial.trained_seal && trial.training && trial.trained_seal->pack_sha256 != trial.training->provenance.pack_sha256)
    return fmt::format("training {} used another pack than the store has", short_id(trial.training_job));
  return {};
}

NumericClasses classes_of(const std::vector<Trial>& trials) {
  NumericClasses classes;
  for (const Trial& trial : trials) {
    if (trial.evaluation) classes.add(*trial.evaluation);
    if (trial.evaluation && trial.training) classes.add(*trial.training);
  }
  return classes;
}

//! Names what the parts of a cell do not agree on; empty if they agree.
std::string mixed_parts(const std::vector<Trial>& trials, bool strict_classes) {
  std::set<std::string> packs, packs_across, packs_joined;
  for (const Trial& trial : trials) {
    if (trial.evaluation) packs.insert(trial.evaluation->provenance.pack_sha256);
    if (trial.evaluation && trial.training)
      (trial.across ? packs_across : packs).insert(trial.training->provenance.pack_sha256);
    if (trial.evaluation && trial.training) {
      std::string joined;
      for (const JoinedProvenance& one : trial.training->provenance.joined) joined += one.pack_sha256;
      packs_joined.insert(joined);
    }
  }
  for (const auto* of_one_set : {&packs, &packs_across, &packs_joined})
    if (of_one_set->size() > 1) return fmt::format("{} packs", of_one_set->size());
  const auto classes = strict_classes ? classes_of(trials).footnotes() : std::vector<std::string>{};
  return classes.empty() ? "" : classes.front();
}

//! A metric as a cell shows it: a fraction in per cent.
double metric_of(const Trial& trial, const std::string& name) {
  if (trial.best_on_test && name == experiments::kBestOnTest) return 100 * *trial.best_on_test;
  const EvaluationRecord& record = *trial.evaluation;
  auto found = record.metrics.find(name);
  if (found == record.metrics.end())
    throw core::input_error(fmt::format("evaluation {} has no metric '{}'", short_id(record.job), name),
                            "a table asks for it",
                            "where an earlier version evaluated, remove its result.json and run the suite again");
  return experiments::metric_named(name)->unit->shown * found->second;
}

//! Expected value of a fraction under a random order, as far as the record tells it.
std::optional<double> chance_of(const EvaluationRecord& record, const std::string& metric) {
  if (metric == "resolution_probe") return 0.5;  // as many HR features as LR ones
  if (metric == experiments::kBestOnTest) return std::nullopt;
  auto found = record.metrics.find("chance_" + metric);
  if (found != record.metrics.end()) return found->second;
  found = record.metrics.find("chance_rank1");
  if (found == record.metrics.end() || !metric.starts_with("rank")) return std::nullopt;
  // One image of each identity: the true match is equally likely at each of the 1 / chance_rank1 ranks.
  return std::min(1.0, found->second * std::stoi(metric.substr(4)));
}

void fill_numbers(Cell& cell, const std::vector<Trial>& trials) {
  std::vector<double> values;
  std::vector<double> chances;
  for (const Trial& trial : trials) {
    values.push_back(metric_of(trial, cell.metric));
    if (auto chance = chance_of(*trial.evaluation, cell.metric)) chances.push_back(100 * *chance);
  }
  fill_mean(cell, values);
  if (chances.size() == values.size()) cell.chance = mean_of(chances);
}

//! \param applicable whether the row can have such a number
Cell make_cell(const CellPlan& plan, const std::string& metric, const std::vector<Trial>& trials, bool applicable,
               bool strict_classes) {
  Cell cell;
  cell.dataset = plan.dataset;
  cell.metric = metric;
  cell.trials_needed = static_cast<int>(trials.size());
  auto reference = plan.references.find(metric);
  if (reference != plan.references.end()) cell.reference = reference->second;
  if (const auto dataset = plan.paper.datasets.find(metric); dataset != plan.paper.datasets.end())
    cell.paper_dataset = dataset->second;
  if (const auto error = plan.paper.errors.find(metric); error != plan.paper.errors.end())
    cell.reference_error = error->second;
  if (const auto footnotes = plan.paper.footnotes.find(metric); footnotes != plan.paper.footnotes.end())
    cell.footnotes = footnotes->second;
  cell.no_reference = plan.paper.no_reference.contains(metric);
  std::string damage;
  for (const Trial& trial : trials) {
    cell.jobs.push_back({trial.training_job, trial.evaluation_job});
    cell.values.emplace_back();
    if (damage.empty()) damage = trial.damage;
    if (!trial.evaluation) continue;
    ++cell.trials;
    if (!applicable) continue;
    const std::string stale = stale_part(trial);
    if (cell.why.empty()) cell.why = stale;
    if (stale.empty())
      cell.values.back() = unless_damaged(damage, [&] { return std::optional(metric_of(trial, metric)); });
  }
  if (!applicable) {
    cell.status = CellStatus::kNotApplicable;
  } else if (!damage.empty()) {
    cell.status = CellStatus::kDamaged;
    cell.why = damage;
  } else if (!cell.why.empty()) {
    cell.status = CellStatus::kStale;
  } else if (cell.why = mixed_parts(trials, strict_classes); !cell.why.empty()) {
    cell.status = CellStatus::kMixed;
  } else if (cell.trials == cell.trials_needed && cell.trials > 0) {
    cell.status = CellStatus::kComplete;
    fill_numbers(cell, trials);
    cell.own_footnotes = classes_of(trials).footnotes();
  }
  return cell;
}

//! Tells whether a row can have the metric, as far as its trials are there.
bool is_applicable(const std::string& metric, const std::vector<Trial>& trials, const PlanIndex& index) {
  return std::ranges::all_of(trials, [&](const Trial& trial) {
    if (metric == experiments::kBestOnTest) return !trial.evaluation || trial.best_on_test.has_value();
    return index.has(trial, metric);
  });
}

//! Adds the column of means, and says which columns are of drawn images.
void mark_images(Table& table, const PlanIndex& index) {
  using experiments::Images;
  const auto mark = [&](const std::string& column, Images images) {
    if (images != Images::kReal) (images == Images::kStandIn ? table.stand_ins : table.drawn).push_back(column);
  };
  const auto are_of = [&](Images images) {
    return std::ranges::any_of(table.mean_of, [&](const auto& id) { return index.images_of(id) == images; });
  };
  for (const std::string& dataset : table.datasets) mark(dataset, index.images_of(dataset));
  if (table.mean_of.empty()) return;
  table.datasets.emplace_back(experiments::kMeanColumn);
  mark(experiments::kMeanColumn, are_of(Images::kStandIn) ? Images::kStandIn
                                 : are_of(Images::kDrawn) ? Images::kDrawn
                                                          : Images::kReal);
}

//! Row::other_settings of all rows.
void find_other_settings(Table& table, const experiments::TablePlan& plan, const PlanIndex& index) {
  const auto compared = std::ranges::find(plan.rows, plan.compare_with, &experiments::RowPlan::id);
  if (compared == plan.rows.end()) return;
  for (std::size_t r = 0; r < plan.rows.size(); ++r) {
    std::set<DifferentSetting> found;
    for (std::size_t d = 0; d < plan.rows[r].cells.size(); ++d) {
      auto differences =
          different_settings(index.settings_of(plan.rows[r].cells[d]), index.settings_of(compared->cells[d]));
      // The row's label tells of two methods, and each option of either would differ. A method in Python has options of
      // its own, and one of ours in its specification that says what batches hold; a note has the file's hash.
      const bool python = std::ranges::any_of(differences, [](const DifferentSetting& one) {
        return one.key == "train.program_options" && (one.first.empty() || one.second.empty());
      });
      if (python || std::ranges::any_of(differences, [](const DifferentSetting& one) { return one.key == "method"; }))
        std::erase_if(differences, [&](const DifferentSetting& one) {
          return is_of_method(one.key) || (python && one.key.starts_with("train.program"));
        });
      found.insert(differences.begin(), differences.end());
    }
    table.rows[r].other_settings.assign(found.begin(), found.end());
  }
}

Table make_table(const experiments::TablePlan& plan, const PlanIndex& index, const BestOnTheWay& best_on_the_way) {
  Table table{plan.id, plan.title, plan.metrics, plan.datasets, {}, {}};
  table.no_reference = plan.no_reference;
  table.mean_of = plan.mean_of;
  table.margin = plan.margin;
  const bool best = std::ranges::find(plan.metrics, experiments::kBestOnTest) != plan.metrics.end();
  table.published = plan.published;
  for (experiments::PublishedRow& row : table.published) add_means(row, plan);
  table.notes = plan.notes;
  mark_images(table, index);
  std::set<int> lanes;
  for (const auto& row_plan : plan.rows) {
    Row row{row_plan.id, experiments::row_title(row_plan), {}};
    if (!row_plan.latex.empty()) row.latex = row_plan.latex + (row_plan.deviations.empty() ? "" : " \\(\\ddagger\\)");
    for (const CellPlan& cell_plan : row_plan.cells) {
      std::vector<Trial> trials;
      const bool across = experiments::is_across(cell_plan.dataset);
      for (const JobId& evaluation : cell_plan.evaluations) trials.push_back(index.trial(evaluation, across));
      for (Trial& trial : trials) {
        if (best) trial.best_on_test = index.best_on_test(trial, best_on_the_way);
        lanes.insert(index.lanes_of(trial.training_job));
        if (trial.training && trial.training->provenance.from_scratch) table.from_scratch = true;
      }
      for (const std::string& metric : plan.metrics)
        row.cells.push_back(
            make_cell(cell_plan, metric, trials, is_applicable(metric, trials, index), plan.strict_classes));
    }
    add_means(row, plan);
    table.rows.push_back(std::move(row));
  }
  table.lanes.assign(lanes.begin(), lanes.end());
  find_other_settings(table, plan, index);
  return table;
}

}  // namespace

const Cell& Row::at(const std::string& dataset, const std::string& metric) const {
  const auto cell =
      std::ranges::find_if(cells, [&](const Cell& one) { return one.dataset == dataset && one.metric == metric; });
  RESOLUTE_EXPECT(cell != cells.end(), fmt::format("row '{}' has no {} on {}", id, metric, dataset));
  return *cell;
}

bool is_stand_in(const Table& table, const std::string& dataset) {
  return std::ranges::find(table.stand_ins, dataset) != table.stand_ins.end();
}

std::string trained_head(const std::string& dataset) {
  return dataset == experiments::kMeanColumn ? "" : "trained on " + experiments::sets_of(dataset).trained_on;
}

std::string column_title(const Table& table, const std::string& dataset, ColumnHead head) {
  using experiments::Images;
  const bool drawn = std::ranges::find(table.drawn, dataset) != table.drawn.end();
  const std::string name = head == ColumnHead::kAskedOn ? experiments::sets_of(dataset).asked_on : dataset;
  return experiments::column_title(name, is_stand_in(table, dataset) ? Images::kStandIn
                                         : drawn                     ? Images::kDrawn
                                                                     : Images::kReal);
}

std::optional<double> published_number(const experiments::PublishedRow& row, const std::string& dataset,
                                       const std::string& metric) {
  const auto numbers = row.numbers.find(dataset);
  if (numbers == row.numbers.end()) return std::nullopt;
  const auto number = numbers->second.find(metric);
  return number == numbers->second.end() ? std::nullopt : std::optional(number->second);
}

std::vector<std::string> published_footnotes(const experiments::PublishedRow& row, const std::string& dataset,
                                             const std::string& metric) {
  const auto paper = row.paper.find(dataset);
  if (paper == row.paper.end()) return {};
  const auto footnotes = paper->second.footnotes.find(metric);
  return footnotes == paper->second.footnotes.end() ? std::vector<std::string>() : footnotes->second;
}

std::string published_dataset(const experiments::PublishedRow& row, const std::string& dataset,
                              const std::string& metric) {
  const auto paper = row.paper.find(dataset);
  if (paper == row.paper.end()) return {};
  const auto found = paper->second.datasets.find(metric);
  return found == paper->second.datasets.end() ? std::string() : found->second;
}

bool published_lacks(const experiments::PublishedRow& row, const std::string& dataset, const std::string& metric) {
  const auto paper = row.paper.find(dataset);
  return paper != row.paper.end() && paper->second.no_reference.contains(metric);
}

SuiteTables aggregate(const Plan& plan, const RecordLookup& lookup, const QueryScoresLookup& query_scores,
                      const BestOnTheWay& best_on_the_way) {
  PlanIndex index(plan, lookup);
  SuiteTables tables{plan.suite, plan.title, !plan.waits(), {}, plan.notes};
  for (const auto& table_plan : plan.tables) {
    tables.tables.push_back(make_table(table_plan, index, best_on_the_way));
    Table& table = tables.tables.back();
    compare_rows(table, table_plan, lookup, query_scores);
    compare_with_paper(table, lookup, query_scores);
    for (const Row& row : table.rows)
      for (const Cell& cell : row.cells)
        tables.complete =
            tables.complete && (cell.status == CellStatus::kComplete || cell.status == CellStatus::kNotApplicable);
  }
  return tables;
}

SuiteTables aggregate(const Plan& plan, core::FileSystem& files, const experiments::StoreLayout& store) {
  std::map<JobId, FoundRecord> read;
  std::vector<JobId> jobs;  // no table asks for a shard
  for (const PlannedJob& job : plan.jobs)
    if (!std::holds_alternative<experiments::ShardSpecification>(job.specification)) jobs.push_back(job.id);
  core::read_ahead(
      jobs.size(), [&](std::size_t i) { return find_record(files, store, jobs[i]); },
      [&](std::size_t i, FoundRecord found) { read.emplace(jobs[i], std::move(found)); });
  const RecordLookup records = [&](const JobId& job) -> std::optional<Record> {
    auto found = read.find(job);
    if (found == read.end()) found = read.emplace(job, find_record(files, store, job)).first;
    if (const auto* damaged = std::get_if<DamagedRecord>(&found->second))
      throw core::corrupt_error(fmt::format("job {}: {}", short_id(job), damaged->why), "", damaged->advice);
    const auto* record = std::get_if<Record>(&found->second);
    return record == nullptr ? std::nullopt : std::optional(*record);
  };
  const QueryScoresLookup queries = [&](const EvaluationRecord& record) {
    const auto named = record.outputs.find(experiments::kQueriesOutput.file);
    if (named == record.outputs.end())
      throw core::input_error(
          fmt::format("evaluation {} left no '{}'", short_id(record.job), experiments::kQueriesOutput.file),
          "a table compares rows query by query", "leave out its compare_with");
    return read_csv<QueryScore>(files, store.job_folder(record.job) / experiments::kQueriesOutput.file, named->second);
  };
  experiments::BundledFiles with_bundled(files, store);  // `suite compact` packs logs
  return aggregate(plan, records, queries,
                   [&](const JobId& training) { return best_rank1_on_the_way(with_bundled, store, training); });
}

}  // namespace resolute::results
