#include "experiments/planning/halving.h"

#include <algorithm>
#include <set>

#include "experiments/planning/across_sets.h"
#include "experiments/specification/stages.h"
#include "methods/rules.h"
#include "settings/names.h"

namespace resolute::experiments {
namespace {

RowText row_at(const SearchText& search, const SearchCourse::Point& point, std::size_t number, std::size_t rung) {
  RowText row;
  const int steps = search.rungs.value[rung];
  row.id = {fmt::format("point-{}", number), search.place};
  row.label = fmt::format("{} ({} steps)", point.label, steps);
  row.place = search.place;
  row.settings = laid_over(search.settings, point.settings);
  row.settings["train.steps"] = {steps, search.rungs.place};
  row.settings["trials"] = {search.trials.value, search.trials.place.empty() ? search.place : search.trials.place};
  return row;
}

//! The settings of a row that has those of a point. People who were held out train again: nothing is chosen any more.
Settings settings_as(const SearchText& search, const SearchCourse::Point& point, const RowText& row) {
  Settings settings = laid_over(search.settings, point.settings);
  settings["train.steps"] = {search.rungs.value.back(), search.rungs.place};
  settings["split.validation_identities"] = {0, row.search.place};
  return laid_over(settings, row.settings);
}

//! Gives the row its settings. \return whether they are a winner's
bool settle(RowText& row, const SuiteText& suite, const std::vector<SearchCourse>& courses) {
  std::vector<std::string> ids;
  for (std::size_t i = 0; i < suite.searches.size(); ++i) {
    const SearchText& search = suite.searches[i];
    ids.push_back(search.id.value);
    if (search.id.value != row.search.value) continue;
    row.settings = settings_as(search, courses[i].points[courses[i].winner.value_or(0)], row);
    return courses[i].winner.has_value();
  }
  throw core::input_error(fmt::format("{}: key 'search' names '{}'", row.search.place, row.search.value),
                          "the suite has no [[search]] of that id", settings::nearest_or_all(row.search.value, ids));
}

}  // namespace

std::vector<std::size_t> best_of(std::vector<ScoredPoint> points, std::size_t count) {
  std::ranges::sort(points, [](const ScoredPoint& a, const ScoredPoint& b) {
    return a.score != b.score ? a.score > b.score : a.number < b.number;
  });
  points.resize(std::min(count, points.size()));
  std::vector<std::size_t> numbers;
  for (const ScoredPoint& point : points) numbers.push_back(point.number);
  std::ranges::sort(numbers);
  return numbers;
}

std::size_t room_of_next(std::size_t alive, int factor) {
  return std::max<std::size_t>(1, alive / static_cast<std::size_t>(factor));
}

SearchCourse follow(const SearchText& search, const PlanPoint& plan_point) {
  SearchCourse course;
  course.plan = {search.id.value, search.dataset.value, {}, search.trials.value};
  std::vector<std::size_t> alive;
  for (Settings& point : points_of(search)) {
    std::string label = point_label(search, point);
    alive.push_back(course.points.size());
    course.points.push_back({std::move(point), std::move(label), 0, {}});
  }
  std::size_t room = alive.size();
  bool known = true;  // who trains to this rung
  for (std::size_t rung = 0; rung < search.rungs.value.size(); ++rung, room = room_of_next(room, search.factor)) {
    SearchPlan::Rung& counted = course.plan.rungs.emplace_back();
    counted.steps = search.rungs.value[rung];
    counted.points = known ? alive.size() : room;
    if (!known) continue;
    std::vector<ScoredPoint> scored;
    for (const std::size_t number : alive) {
      SearchCourse::Point& point = course.points[number];
      const CellPlan before = point.at_rung.cell;
      point.rung = rung;
      point.at_rung = plan_point(row_at(search, point, number, rung), rung, rung == 0 ? nullptr : &before);
      if (point.at_rung.score) scored.push_back({number, *point.at_rung.score});
      if (point.at_rung.diverged) course.plan.diverged.push_back(*point.at_rung.diverged);
      if (point.at_rung.score || point.at_rung.diverged) ++counted.done;
    }
    course.plan.hopeless = counted.done == alive.size() && scored.empty();
    known = counted.done == alive.size() && !scored.empty();
    const bool last = rung + 1 == search.rungs.value.size();
    if (known) alive = best_of(scored, last ? 1 : room_of_next(room, search.factor));
  }
  if (!known) return course;
  course.winner = alive.front();
  course.plan.winner = fmt::format("{} ({} steps)", course.points[alive.front()].label, search.rungs.value.back());
  return course;
}

TablePlan trials_table(const SearchText& search, const SearchCourse& course) {
  TablePlan table;
  table.id = search.id.value;
  table.title = search.title;
  table.metrics = {search.metric, search.metric == "rank1" ? "mAP" : "rank1"};
  table.datasets = {search.dataset.value};
  std::vector<const SearchCourse::Point*> order;
  std::vector<std::string> diverged;
  for (const SearchCourse::Point& point : course.points)
    if (point.at_rung.diverged)
      diverged.push_back(point.label);
    else
      order.push_back(&point);
  std::ranges::stable_sort(order, [](const SearchCourse::Point* a, const SearchCourse::Point* b) {
    if (a->rung != b->rung) return a->rung > b->rung;
    return a->at_rung.score.value_or(-1) > b->at_rung.score.value_or(-1);
  });
  for (const SearchCourse::Point* point : order)
    table.rows.push_back({fmt::format("point-{}", point - course.points.data()),
                          fmt::format("{} ({} steps)", point->label, search.rungs.value[point->rung]),
                          {point->at_rung.cell}});
  table.notes.push_back(search_text(course.plan));
  table.notes.push_back(
      fmt::format("points go on by {} on validation people, best first; one in {} reaches the next rung", search.metric,
                  search.factor));
  if (!diverged.empty())
    table.notes.push_back(fmt::format("no score, for a loss was not finite: {}", fmt::join(diverged, "; ")));
  return table;
}

std::vector<std::string> settle_rows(SuiteText& suite, const std::vector<SearchCourse>& courses,
                                     const CheckRow& check) {
  std::set<const RowText*> waits;
  const auto for_each_row = [&](const auto& call) {
    for (auto* tables : {&suite.tables, &suite.left_out})
      for (TableText& table : *tables)
        for (RowText& row : table.rows) call(table, row);
  };
  for_each_row([&](const TableText&, RowText& row) {
    if (!row.search.value.empty() && !settle(row, suite, courses)) waits.insert(&row);
  });
  if (waits.empty()) return {};
  for (std::size_t known = 0; known != waits.size();) {
    known = waits.size();
    for_each_row([&](const TableText& table, const RowText& row) {
      if (row.start_from.value.empty()) return;
      for (const auto& [home, first] : rows_of_id(suite, table, row.start_from.value))
        if (waits.contains(first)) waits.insert(&row);
    });
  }
  // All rows are there still: those that wait may start from one another.
  for_each_row([&](const TableText& table, const RowText& row) {
    if (waits.contains(&row)) check(table, row);
  });
  std::vector<std::string> waiting;
  for (auto* tables : {&suite.tables, &suite.left_out})
    for (TableText& table : *tables)
      std::erase_if(table.rows, [&](const RowText& row) {  // asked of each before anything moves to its place
        if (!waits.contains(&row)) return false;
        if (tables == &suite.tables) waiting.push_back(fmt::format("row '{}' of table '{}'", row.id.value, table.id));
        if (table.compare_with.value == row.id.value) table.compare_with.value.clear();
        return true;
      });
  std::erase_if(suite.tables, [](const TableText& table) { return table.rows.empty(); });
  return waiting;
}

void check_search(const SearchText& search, const TrainingSpecification& training, bool paced) {
  if (training.split.validation_identities == 0)
    throw core::input_error(fmt::format("{}: search '{}' has no validation people", search.place, search.id.value),
                            "settings are never chosen on test people",
                            "set split.validation_identities to a number of training people who are held out");
  TrainingSpecification longer = training;
  methods::fill_in_pace(longer.method, longer.network, longer.recipe.steps);
  ++longer.recipe.steps;
  if (training.recipe.program == 0 && (paced || !goes_on(training, longer)))
    throw core::input_error(
        fmt::format("{}: search '{}' cannot go on from its rungs", search.rungs.place, search.id.value),
        "the schedule, or stages of the method, follow the length of a training from its first steps",
        "set train.schedule to \"constant\" or \"step\", and stages by their steps");
}

void check_chosen(const SuiteText& suite, const RowText& row, const Combination& asked, SplitSettings tested,
                  int trials) {
  if (row.search.value.empty()) return;
  const auto search = std::ranges::find(suite.searches, row.search.value,
                                        [](const SearchText& one) -> const std::string& { return one.id.value; });
  const auto dataset = std::ranges::find(suite.datasets, search->dataset.value, &DatasetText::id);
  if (asked.dataset.id != dataset->id && !share_people(asked.dataset, *dataset)) return;
  SplitSettings chosen =
      make_draft(laid_over(laid_over(suite.bases[search->base], dataset->settings_in(search->base)), search->settings))
          .split;
  chosen.validation_identities = 0;
  PackSettings chosen_on;
  chosen_on.source = dataset->source;
  chosen_on.synthetic = dataset->synthetic;
  for (int trial = 0; trial < trials; ++trial)
    for (int chooses = 0; chooses < search->trials.value; ++chooses) {
      tested.seed = static_cast<std::uint64_t>(trial);
      chosen.seed = static_cast<std::uint64_t>(chooses);
      if (key_of_division(chosen_on, chosen, asked.planned.pack, tested).empty()) continue;
      throw MemberError(
          "search", "'" + row.search.value + "'",
          fmt::format("trial {} tests people whom trial {} of the search may have asked for", trial, chooses),
          "set trials = 1 in the row and the search, or name the tested people: split.partition = "
          "\"official\" or split.tested")
          .in_suite(row.search.place, asked.context());
    }
}

}  // namespace resolute::experiments
