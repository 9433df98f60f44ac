#include <algorithm>

#include "experiments/planning/planner_parts.h"
#include "experiments/specification/metrics.h"
#include "settings/names.h"

namespace resolute::experiments {
namespace {

//! A method in Python has of all abilities that of recovering images, where its class says so.
bool can_have(const AskedMethod& method, const EvaluationProtocol& protocol, const std::string& metric) {
  const auto recovers = [&](const auto& named) {
    return named.second.recovers && named.second.sha256 == method.recipe.program_sha256;
  };
  return has_metric(method.options, protocol, metric) ||
         (metric_named(metric)->needs == &kRecoversImages && !method.recipe.program_options.empty() &&
          std::ranges::any_of(method.in_python, recovers));
}

//! Rows that are compared query by query must have the same queries.
void check_queries(const TableText& text, const TablePlan& table, const SpecificationOf& specification_of) {
  const auto reference = std::ranges::find(table.rows, table.compare_with, &RowPlan::id);
  if (reference == table.rows.end()) return;
  const auto queries = [&](const CellPlan& cell) {
    const auto& evaluation = std::get<EvaluationSpecification>(specification_of(cell.evaluations.front()));
    const std::vector<int>& asked = evaluation.protocol.query_rates;
    const SplitSettings& split = evaluation.split;
    const std::string side = split.lr_side != settings::LrSide::kCamera
                                 ? fmt::format("lr_side {}", settings::word(split.lr_side))
                                 : settings::low_cameras_text(split, " ");
    const std::string tested = !split.tested.empty() ? fmt::format(", tested {}", settings::text_of(split.tested))
                               : split.test_identities == 0
                                   ? ""
                                   : fmt::format(", test_identities {}", split.test_identities);
    const std::string held_out =
        split.validation_identities == 0 ? "" : fmt::format(", validation_identities {}", split.validation_identities);
    return fmt::format("partition {}{}{}, {}, query rates [{}]", settings::word(split.partition), tested, held_out,
                       side, fmt::join(asked.empty() ? split.query_rates : asked, ", "));
  };
  for (const RowPlan& row : table.rows)
    for (std::size_t i = 0; i < row.cells.size(); ++i)
      if (const std::string compared = queries(row.cells[i]), wanted = queries(reference->cells[i]); compared != wanted)
        throw core::input_error(
            fmt::format("{}: key 'compare_with' has the value '{}'", text.compare_with.place, table.compare_with),
            fmt::format("its queries on data set '{}' are not those of row '{}': {} against {}", table.datasets[i],
                        row.id, wanted, compared),
            "put rows with other queries in a table of their own");
}

//! The mean over data sets is made trial by trial.
void check_means(const TableText& text, const TablePlan& table) {
  for (const RowPlan& row : table.rows) {
    const CellPlan* first = nullptr;
    for (const CellPlan& cell : row.cells) {
      if (!settings::is_among(table.mean_of, cell.dataset)) continue;
      if (first == nullptr) first = &cell;
      if (cell.evaluations.size() != first->evaluations.size())
        throw core::input_error(
            fmt::format("{}: key 'mean_of' names '{}' and '{}'", text.mean_of.place, first->dataset, cell.dataset),
            fmt::format("row '{}' has {} trials on the one and {} on the other", row.id, first->evaluations.size(),
                        cell.evaluations.size()),
            "give both the same 'trials'");
    }
  }
}

//! A metric that only some rows have is a column all the same; one that none has is a mistake.
void check_columns(const TableText& text, const TablePlan& table, const SpecificationOf& specification_of,
                   const PythonMethods& in_python) {
  for (const std::string& metric : table.metrics) {
    const auto has = [&](const CellPlan& cell) {
      const auto& evaluation = std::get<EvaluationSpecification>(specification_of(cell.evaluations.front()));
      const auto& training = std::get<TrainingSpecification>(specification_of(evaluation.training));
      return can_have({training.method, training.recipe, in_python}, evaluation.protocol, metric);
    };
    if (std::ranges::none_of(table.rows, [&](const RowPlan& row) { return std::ranges::any_of(row.cells, has); })) {
      const Ability* const needs = metric_named(metric)->needs;
      RESOLUTE_EXPECT(needs != nullptr, "a table has cells");
      throw core::input_error(fmt::format("{}: key 'metrics' names '{}'", text.metrics.place, metric),
                              fmt::format("no row of table '{}' {}", text.id, needs->lacks),
                              fmt::format("leave it out or add a row of method '{}' at its defaults",
                                          fmt::join(methods_able(*needs), "' or '")));
    }
  }
}

}  // namespace

void check_metrics(const TableText& text, const Combination& combination, const EvaluationProtocol& protocol,
                   const AskedMethod& method) {
  for (const std::string& metric : text.metrics.value) {
    const MetricName name = metric_named(metric);
    if (name->lacks == nullptr || !can_have(method, protocol, metric)) continue;
    if (const auto unmeasured = name->lacks(protocol, name.rate))
      throw core::input_error(fmt::format("{}: key 'metrics' names '{}'", text.metrics.place, metric),
                              fmt::format("{} {}", unmeasured->why, combination.context()), unmeasured->suggestion);
  }
}

void check_rows(const TableText& text, const TablePlan& table, const SpecificationOf& specification_of,
                const PythonMethods& in_python) {
  check_queries(text, table, specification_of);
  check_means(text, table);
  check_columns(text, table, specification_of, in_python);
}

}  // namespace resolute::experiments
