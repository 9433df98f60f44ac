#include <algorithm>
#include <map>
#include <set>

#include "core/error.h"
#include "experiments/language/synonyms.h"
#include "experiments/specification/metrics.h"
#include "experiments/suite_parts.h"
#include "settings/names.h"

namespace resolute::experiments {
namespace {

void check_pairs(TableReader& reference, const std::vector<DatasetPair>& pairs,
                 const std::vector<std::string>& datasets) {
  if (reference.find("datasets") == nullptr) return;
  const std::string& place = reference.place("datasets");
  if (pairs.empty()) throw core::input_error(fmt::format("{}: key 'reference.datasets' is empty", place));
  if (reference.find("dataset") != nullptr)
    throw core::input_error(fmt::format("{}: keys 'reference.dataset' and 'reference.datasets' are both there", place),
                            "the first is one data set of the paper for all of ours, the second one for each",
                            "leave one of them out");
  for (const DatasetPair& pair : pairs)
    if (!settings::is_among(datasets, pair.ours))
      throw core::input_error(fmt::format("{}: key 'reference.datasets' names '{}'", place, pair.ours),
                              "it is no data set of the table", settings::nearest_or_all(pair.ours, datasets));
}

//! `published`: true, false or a list of methods. \param reference the table's, or null
std::optional<PublishedText> read_published(TableReader& table, const Node* reference,
                                            const std::vector<std::string>& datasets) {
  PublishedText published;
  published.methods.place = table.place("published");
  const Node* value = table.find("published");
  if (value->kind == Node::Kind::kValue && value->value.is_boolean()) {
    if (!table.value<bool>("published")) return std::nullopt;
  } else {
    published.methods.value = table.names("published", {}, [](const std::string&) { return true; });
  }
  std::optional<TableReader> shared;
  if (reference != nullptr) shared.emplace(*reference, "'reference'");
  const auto needed = [&](const std::string& key) {
    if (!shared || shared->find(key) == nullptr)
      throw core::input_error(fmt::format("{}: key 'published' has no 'reference.{}'", published.methods.place, key),
                              "the table's own 'reference' says whose numbers are meant",
                              "write reference = { paper = \"…\", table = \"…\", dataset = \"…\" } above it");
    return shared->value<std::string>(key);
  };
  published.paper = needed("paper");
  published.table = needed("table");
  published.reference_place = reference->place;
  published.variant = shared->value<std::string>("variant", "");
  published.datasets = read_dataset_pairs(*reference);
  if (published.datasets.empty())
    for (const std::string& dataset : datasets) published.datasets.push_back({dataset, needed("dataset")});
  return published;
}

void check_compared(const TableText& table) {
  std::vector<std::string> rows;
  for (const RowText& row : table.rows) rows.push_back(row.id.value);
  const auto& [id, place] = table.compare_with;
  const std::string problem = fmt::format("{}: key 'compare_with' names '{}'", place, id);
  if (!settings::is_among(rows, id))
    throw core::input_error(problem, fmt::format("table '{}' has no row of that id", table.id),
                            settings::nearest_or_all(id, rows));
  if (std::ranges::none_of(table.metrics.value,
                           [](const std::string& metric) { return metric_named(metric)->is_per_query(); }))
    throw core::input_error(problem, "none of the table's metrics is one of queries", "add rank1 or mAP");
}

Located<std::vector<std::string>> read_mean_of(TableReader& reader, const std::vector<std::string>& datasets) {
  std::vector<std::string> list = reader.names("mean_of", datasets);
  const std::string& place = reader.place("mean_of");
  if (list.size() < 2)
    throw core::input_error(fmt::format("{}: key 'mean_of' names '{}' alone", place, list.front()),
                            "a mean is of two data sets or more", "leave it out");
  if (settings::is_among(datasets, kMeanColumn))
    throw core::input_error(fmt::format("{}: key 'mean_of' would make a second column '{}'", place, kMeanColumn),
                            "a data set has that id", "give the data set another");
  return {std::move(list), place};
}

double read_margin(TableReader& reader) {
  const settings::Rule range = settings::between(0.1, 50);
  const auto margin = reader.value<double>("margin", kUsualMargin);
  if (!(margin >= range.low && margin <= range.high))
    throw core::input_error(fmt::format("{}: key 'margin' has the value {}", reader.place("margin"), margin),
                            fmt::format("it must be {} to {}", range.low, range.high), "2 points are usual");
  return margin;
}

//! `datasets`, each asked on each of `evaluate_on`; without that key on itself.
void read_columns(TableReader& reader, const std::vector<std::string>& known, TableText& table) {
  const std::vector<std::string> trained_on = reader.names("datasets", known);
  if (reader.find("evaluate_on") == nullptr) {
    table.datasets = trained_on;
    return;
  }
  table.evaluate_on_place = reader.place("evaluate_on");
  const std::vector<std::string> asked_on = reader.names("evaluate_on", known);
  for (const std::string& trained : trained_on)
    for (const std::string& asked : asked_on) table.datasets.push_back(column_of({trained, asked}));
}

void check_joined_with(const RowText& row, const std::vector<std::string>& datasets) {
  std::set<std::string> seen;
  for (const std::string& id : row.joined_with.value) {
    const std::string problem = fmt::format("{}: key 'joined_with' names '{}'", row.joined_with.place, id);
    if (!settings::is_among(datasets, id))
      throw core::input_error(problem, "there is no data set of that name", settings::nearest_or_all(id, datasets));
    if (!seen.insert(id).second) throw core::input_error(problem + " twice", {}, "name it once");
  }
}

void check_on(const RowText& row, const std::vector<std::string>& datasets) {
  for (const ReferenceRequest& request : row.references)
    for (const std::string& id : request.on)
      if (!settings::is_among(datasets, id))
        throw core::input_error(fmt::format("{}: key 'reference.on' names '{}'", request.place, id),
                                "there is no data set of that name", settings::nearest_or_all(id, datasets));
}

}  // namespace

void read_columns_and_rows(TableReader& reader, const std::vector<std::string>& datasets, const PythonMethods& methods,
                           TableText& table) {
  table.metrics = {reader.names("metrics", metric_names(), is_metric), reader.place("metrics")};
  read_columns(reader, datasets, table);
  // A paper's number stands beside what is asked on the set that it was trained on.
  std::vector<std::string> of_papers = table.datasets;
  std::erase_if(of_papers, is_across);
  if (reader.find("mean_of") != nullptr) table.mean_of = read_mean_of(reader, table.datasets);
  const Node* reference = reader.find("reference");
  if (reference != nullptr) {
    TableReader shared(*reference, "'reference'");
    for (const char* key : {"table", "method", "dataset", "variant"}) shared.value<std::string>(key, "");
    table.paper = shared.located<std::string>("paper", "");
    check_pairs(shared, read_dataset_pairs(*reference), of_papers);
    shared.finish();
  }
  if (reader.find("published") != nullptr) table.published = read_published(reader, reference, of_papers);
  table.margin = read_margin(reader);
  table.strict_classes = reader.value<bool>("strict_classes", false);
  const auto rows = reader.tables("row");
  const bool compared = reader.find("compare_with") != nullptr;
  table.compare_with = reader.located<std::string>("compare_with", "");
  reader.finish(hint_to_settings);
  if (rows.empty())
    throw core::input_error(fmt::format("{}: key 'row' is missing", reader.place()),
                            fmt::format("table '{}' has no [[table.row]]", table.id));
  Ids row_ids;
  for (const Node* row : rows)
    for (RowText& made : read_row(*row, reference, methods)) {
      refuse_second(row_ids, made.id.value, made.id.place);
      check_on(made, datasets);
      check_joined_with(made, datasets);
      table.rows.push_back(std::move(made));
    }
  // Figures and texts name rows by their labels.
  std::map<std::string, int> labels;
  for (const RowText& row : table.rows) ++labels[row.label];
  for (RowText& row : table.rows)
    if (labels[row.label] > 1) row.label += fmt::format(" ({})", row.id.value);
  if (compared) check_compared(table);
}

}  // namespace resolute::experiments
