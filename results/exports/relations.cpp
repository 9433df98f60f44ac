#include "results/exports/relations.h"

#include <algorithm>
#include <optional>
#include <type_traits>

#include "core/log.h"
#include "core/process/side_by_side.h"
#include "results/exports/logged_numbers.h"
#include "results/exports/provenance.h"
#include "results/exports/relation_rows.h"
#include "results/tables/aggregation.h"
#include "results/verdicts/mixed_rows.h"

namespace resolute::results {
namespace {

// Takes the columns of a row that nobody looks at.
class DescribeColumns {
 public:
  template <class T>
  void operator()(std::string_view name, const T&, std::string_view meaning, std::string_view of = {}) {
    const auto type = std::is_floating_point_v<T> ? ColumnType::kReal
                      : std::is_integral_v<T>     ? ColumnType::kInteger
                                                  : ColumnType::kText;
    columns.push_back({name, type, false, meaning, of});
  }
  template <class T>
  void operator()(std::string_view name, const std::optional<T>&, std::string_view meaning, std::string_view of = {}) {
    operator()(name, T{}, meaning, of);
    columns.back().optional = true;
  }
  std::vector<Column> columns;
};

class FieldsOfRow {
 public:
  template <class T>
  void operator()(std::string_view, const T& value, std::string_view, std::string_view = {}) {
    if constexpr (std::is_integral_v<T>)
      fields.emplace_back(static_cast<std::int64_t>(value));
    else
      fields.emplace_back(value);
  }
  template <class T>
  void operator()(std::string_view name, const std::optional<T>& value, std::string_view meaning) {
    if (value)
      operator()(name, *value, meaning);
    else
      fields.emplace_back();
  }
  std::vector<FieldValue> fields;
};

template <class Row>
Relation relation_of() {
  DescribeColumns described;
  columns(described, Row{});
  return {Row::kName, Row::kMeaning, Row::kKey, std::move(described.columns)};
}

template <class... Rows>
std::vector<Relation> relations_of() {
  return {relation_of<Rows>()...};
}

// Writes rows of one relation, which begins and ends with it.
template <class Row>
class RowsOf {
 public:
  explicit RowsOf(RelationSink& sink) : sink_(sink) {
    const auto& all = relations();
    const auto relation = std::ranges::find(all, Row::kName, &Relation::name);
    RESOLUTE_EXPECT(relation != all.end(), fmt::format("relations() lacks '{}'", Row::kName));
    sink_.begin(*relation);
  }
  void add(const Row& row) {
    fields_.fields.clear();
    columns(fields_, row);
    sink_.row(fields_.fields);
  }
  void end() { sink_.end(); }

 private:
  RelationSink& sink_;
  FieldsOfRow fields_;
};

void write_tables_relation(const SuiteTables& tables, RelationSink& sink) {
  RowsOf<ExportedTable> rows(sink);
  int position = 0;
  for (const Table& table : tables.tables)
    rows.add({table.id, position++, table.title,
              table.compare_with.empty() ? std::nullopt : std::optional(table.compare_with), table.from_scratch});
  rows.end();
}

void write_cells(const SuiteTables& tables, RelationSink& sink) {
  RowsOf<ExportedCell> rows(sink);
  for (const Table& table : tables.tables) {
    int position = 0;
    for (const Row& row : table.rows)
      for (const Cell& cell : row.cells) {
        const bool is_mean = !table.mean_of.empty() && cell.dataset == experiments::kMeanColumn;
        const experiments::ColumnSets sets = experiments::sets_of(cell.dataset);
        rows.add(
            {table.id, row.id, cell.dataset, cell.metric, position++, row.label,
             std::string(settings::word(cell.status)), cell.why, cell.mean, cell.std, cell.trials, cell.trials_needed,
             cell.reference, cell.paper_dataset.empty() ? std::nullopt : std::optional(cell.paper_dataset), cell.chance,
             cell.difference, is_stand_in(table, cell.dataset), is_mean ? std::nullopt : std::optional(sets.trained_on),
             is_mean ? std::nullopt : std::optional(sets.asked_on)});
      }
  }
  rows.end();
}

void write_scores(const SuiteTables& tables, RelationSink& sink) {
  RowsOf<ScoreRow> rows(sink);
  for (const Table& table : tables.tables)
    for (const Row& row : table.rows)
      for (const Cell& cell : row.cells)
        for (std::size_t trial = 0; trial < cell.values.size(); ++trial)
          if (const auto& value = cell.values[trial])
            rows.add({table.id, row.id, cell.dataset, static_cast<int>(trial), cell.metric, *value});
  rows.end();
}

void write_published(const SuiteTables& tables, RelationSink& sink) {
  RowsOf<PublishedNumberRow> rows(sink);
  for (const Table& table : tables.tables) {
    int position = 0;
    for (const experiments::PublishedRow& row : table.published) {
      for (const auto& [dataset, numbers] : row.numbers)
        for (const auto& [metric, value] : numbers)
          rows.add({table.id, row.method, dataset, metric, row.label, position, value,
                    published_dataset(row, dataset, metric)});
      ++position;
    }
  }
  rows.end();
}

void write_suite(const SuiteTables& tables, RelationSink& sink) {
  RowsOf<SuiteRow> suite(sink);
  suite.add({tables.suite, tables.title, tables.complete});
  suite.end();
  RowsOf<NoteRow> notes(sink);
  int position = 0;
  for (const std::string& note : tables.notes) notes.add({position++, note});
  for (const Table& table : tables.tables)
    for (const std::string& note : table.notes) notes.add({position++, fmt::format("{}: {}", table.id, note)});
  notes.end();
}

JobRow job_row(const JobProvenance& job, int position) {
  const core::Json& specification = job.specification;
  JobRow row;
  row.job = job.job.hex;
  row.position = position;
  row.kind = job.kind;
  row.label = job.label;
  row.done = job.record.has_value();
  row.pack = specification.at("pack").at("name").get<std::string>();
  row.schema = specification.at("schema").get<int>();
  row.attempts = job.attempts;
  row.specification = core::canonical_json(specification);
  if (const auto method = specification.find("method"); method != specification.end()) {
    row.method = method->get<std::string>();
    row.method_revision = specification.at("method_revision").get<int>();
    if (auto weights = specification.at("initial_weights").get<std::string>(); !weights.empty())
      row.initial_weights = std::move(weights);
  }
  const auto take_hashes = [&](const auto& record) {
    if constexpr (requires { record.pack_sha256; }) row.pack_sha256 = record.pack_sha256;
    if constexpr (requires { record.weights_sha256; }) row.weights_sha256 = record.weights_sha256;
    if constexpr (requires { record.features_sha256; }) row.features_sha256 = record.features_sha256;
    if constexpr (requires { record.provenance; }) {
      row.pack_sha256 = record.provenance.pack_sha256;
      row.split_sha256 = record.provenance.split_sha256;
      row.numeric_class = record.provenance.numeric_class;
    }
  };
  if (job.record) std::visit(take_hashes, *job.record);
  return row;
}

void write_jobs(const Provenance& provenance, RelationSink& sink) {
  RowsOf<JobRow> jobs(sink);
  int position = 0;
  for (const JobProvenance& job : provenance.jobs) jobs.add(job_row(job, position++));
  jobs.end();
  RowsOf<InputRow> inputs(sink);
  for (const JobProvenance& job : provenance.jobs)
    for (const JobId& input : job.after) inputs.add({job.job.hex, input.hex});
  inputs.end();
}

void write_trials(const experiments::Plan& plan, const Provenance& provenance, RelationSink& sink) {
  const auto training_of = trainings_of(plan);
  RowsOf<ExportedTrial> rows(sink);
  for (const CellProvenance& cell : provenance.cells) {
    int trial = 0;
    const auto [trained_on, asked_on] = experiments::sets_of(cell.dataset);
    for (const JobId& evaluation : cell.evaluations)
      rows.add({cell.table, cell.row, cell.dataset, trial++, training_of.at(evaluation).hex, evaluation.hex, trained_on,
                asked_on});
  }
  rows.end();
}

void write_metrics(const Provenance& provenance, RelationSink& sink) {
  RowsOf<MetricRow> rows(sink);
  const auto add = [&](const auto& record) {
    if constexpr (requires { record.metrics; })
      for (const auto& [metric, value] : record.metrics) rows.add({record.job.hex, metric, value});
  };
  for (const JobProvenance& job : provenance.jobs)
    if (job.record) std::visit(add, *job.record);
  rows.end();
}

}  // namespace

const std::vector<Relation>& relations() {
  static const std::vector<Relation> kRelations =
      relations_of<SuiteRow, NoteRow, ExportedTable, ExportedCell, ScoreRow, PublishedNumberRow, JobRow, InputRow,
                   ExportedTrial, MetricRow, CmcRow, StepRow>();
  return kRelations;
}

void write_relations(const ResultsSource& source, RelationSink& sink,
                     const std::function<void(std::size_t)>& progress) {
  const SuiteTables tables = aggregate(source.plan, source.files, source.store);
  const Provenance provenance = provenance_of(source.plan, source.files, source.store);
  write_suite(tables, sink);
  write_tables_relation(tables, sink);
  write_cells(tables, sink);
  write_scores(tables, sink);
  write_published(tables, sink);
  write_jobs(provenance, sink);
  write_trials(source.plan, provenance, sink);
  write_metrics(provenance, sink);
  std::size_t done = 0;
  const auto count = [&] {
    if (progress) progress(++done);
  };
  RowsOf<CmcRow> curves(sink);
  const auto evaluation_of = [&](std::size_t i) {
    const auto& record = provenance.jobs[i].record;
    return record ? std::get_if<EvaluationRecord>(&*record) : nullptr;
  };
  const auto curves_of = [&](std::size_t i) {
    const auto* record = evaluation_of(i);
    return record == nullptr ? std::vector<CmcPoint>() : cmc_curves(*record, source.files, source.store);
  };
  core::read_ahead(provenance.jobs.size(), curves_of, [&](std::size_t i, const std::vector<CmcPoint>& points) {
    for (const CmcPoint& point : points) curves.add({provenance.jobs[i].job.hex, point});
    if (evaluation_of(i) != nullptr) count();
  });
  curves.end();
  RowsOf<StepRow> steps(sink);
  const auto numbers_of = [&](std::size_t i) {
    const JobProvenance& job = provenance.jobs[i];
    return job.kind != "training" ? TrainingNumbers() : read_training_numbers(source.files, source.store, job.job);
  };
  core::read_ahead(provenance.jobs.size(), numbers_of, [&](std::size_t i, const TrainingNumbers& numbers) {
    const JobProvenance& job = provenance.jobs[i];
    for (const std::string& warning : numbers.warnings) core::log_warning("{}", warning);
    for (const auto& [step, logged] : numbers.steps)
      for (const auto& [metric, value] : logged.values) steps.add({job.job.hex, step, metric, value, logged.attempt});
    if (job.kind == "training") count();
  });
  steps.end();
}

}  // namespace resolute::results
