//! Searches: the points that they draw, who goes on to the next rung, what is planned of that, and what is refused.

#include <gmock/gmock.h>
#include <rapidcheck/gtest.h>

#include <numeric>

#include "core/hash/sha256.h"
#include "experiments/planning/halving.h"
#include "experiments/price.h"
#include "experiments/specification/stages.h"
#include "tests/experiments/suite_fixture.h"

namespace resolute::experiments::search_suite_test {
namespace {

using namespace testing;

// scipy.stats.qmc.Sobol(d=4, scramble=False).random(8): Joe and Kuo's direction numbers.
TEST(Coordinates, of_sobol_are_joe_and_kuos_behind_one_shift_by_the_seed) {
  constexpr double kKnown[8][4] = {{0, 0, 0, 0},
                                   {0.5, 0.5, 0.5, 0.5},
                                   {0.75, 0.25, 0.25, 0.25},
                                   {0.25, 0.75, 0.75, 0.75},
                                   {0.375, 0.375, 0.625, 0.875},
                                   {0.875, 0.875, 0.125, 0.375},
                                   {0.625, 0.125, 0.875, 0.625},
                                   {0.125, 0.625, 0.375, 0.125}};
  const auto points = coordinates(Draw::kSobol, 7, 4, 8);
  const auto bits = [](double at) { return static_cast<std::uint32_t>(at * 0x1p32); };
  for (std::size_t i = 0; i < 8; ++i)
    for (std::size_t d = 0; d < 4; ++d)
      EXPECT_EQ(bits(kKnown[i][d]), bits(points[i][d]) ^ bits(points[0][d])) << i << ", " << d;
  EXPECT_NE(points, coordinates(Draw::kSobol, 8, 4, 8));
}

RC_GTEST_PROP(Coordinates, of_sobol_fill_each_equal_part_of_a_range_once, ()) {
  const auto seed = *rc::gen::arbitrary<std::uint64_t>();
  const auto dimensions = *rc::gen::inRange<std::size_t>(1, 17);
  const auto count = std::size_t{1} << *rc::gen::inRange(0, 8);
  const auto points = coordinates(Draw::kSobol, seed, dimensions, count);
  for (std::size_t d = 0; d < dimensions; ++d) {
    std::set<std::size_t> parts;
    for (const auto& point : points) parts.insert(static_cast<std::size_t>(point[d] * static_cast<double>(count)));
    RC_ASSERT(parts.size() == count);
  }
}

RC_GTEST_PROP(Coordinates, of_fewer_points_are_the_first_of_more, ()) {
  const auto draw = *rc::gen::element(Draw::kSobol, Draw::kRandom);
  const auto seed = *rc::gen::arbitrary<std::uint64_t>();
  auto more = coordinates(draw, seed, 3, 40);
  for (const auto& point : more)
    for (const double at : point) RC_ASSERT(at >= 0 && at < 1);
  more.resize(17);
  RC_ASSERT(more == coordinates(draw, seed, 3, 17));
}

RC_GTEST_PROP(ValueAt, is_in_the_range_and_reaches_its_ends, ()) {
  SearchedKey key{"train.learning_rate", "s.toml:1:1"};
  key.scale = *rc::gen::element(Scale::kLinear, Scale::kLog);
  key.whole = *rc::gen::arbitrary<bool>();
  key.from = *rc::gen::inRange(1, 50);
  key.to = key.from + *rc::gen::inRange(1, 50);
  const double at = *rc::gen::inRange(0, 1'000'000) / 1e6;
  const auto value = value_at(key, at).get<double>();
  RC_ASSERT(value >= key.from && value <= key.to);
  RC_ASSERT(value_at(key, 0).get<double>() == key.from);
  RC_ASSERT(std::abs(value_at(key, std::nextafter(1.0, 0.0)).get<double>() - key.to) < 1e-2);
  RC_ASSERT(!key.whole || value == std::floor(value));
}

RC_GTEST_PROP(BestOf, does_not_depend_on_the_order_and_ties_go_to_the_lower_number, ()) {
  std::vector<ScoredPoint> points;
  const auto scores = *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 4));
  for (const int score : scores) points.push_back({points.size(), static_cast<double>(score)});
  const auto count = *rc::gen::inRange<std::size_t>(0, points.size() + 2);
  const auto best = best_of(points, count);
  RC_ASSERT(best.size() == std::min(count, points.size()));
  RC_ASSERT(std::ranges::is_sorted(best));
  const std::set<std::size_t> chosen(best.begin(), best.end());
  for (const ScoredPoint& in : points)
    for (const ScoredPoint& out : points) {
      if (!chosen.contains(in.number) || chosen.contains(out.number)) continue;
      RC_ASSERT(in.score > out.score || (in.score == out.score && in.number < out.number));
    }
  std::ranges::reverse(points);
  RC_ASSERT(best == best_of(points, count));
}

class SearchSuite : public Suite {
 protected:
  static std::string search(const std::string& more = "", const std::string& over = kOver,
                            const std::string& validation = "split.validation_identities = 6\n") {
    return fmt::format(
        "[[search]]\nid = \"lr\"\ntitle = \"Rates\"\ndataset = \"easy\"\npoints = 9\nrungs = [2, 6, 18]\n{}{}"
        "[search.over]\n{}",
        validation, more, over);
  }
  std::string text(const std::string& searched, const std::string& winner = "search = \"lr\"\n") const {
    return head_ + row("hr", "") + (winner.empty() ? "" : row("best", winner)) + searched;
  }
  std::string refused(const std::string& whole) {
    return refusal_in(tests::refusal([&] { plan(whole); }));
  }
  //! Plans until results make no plan longer, as a run does.
  Plan settled(const std::string& whole) {
    for (std::size_t jobs = 0;;) {
      options_.score_of = [this](const JobId& id, const std::string&) -> std::optional<double> {
        const auto found = trained_.find(id);
        if (found == trained_.end()) return std::nullopt;
        return 1 / (1 + std::abs(std::log(found->second.recipe.learning_rate / 1e-3)));
      };
      Plan planned = plan(whole);
      for (const PlannedJob& job : planned.jobs)
        if (const auto* evaluation = std::get_if<EvaluationSpecification>(&job.specification))
          for (const PlannedJob& other : planned.jobs)
            if (other.id == evaluation->training)
              trained_[job.id] = std::get<TrainingSpecification>(other.specification);
      if (planned.jobs.size() == jobs) return planned;
      jobs = planned.jobs.size();
    }
  }

  static constexpr const char* kOver = "train.learning_rate = { from = 1e-5, to = 1e-1, scale = \"log\" }\n";
  const std::string head_ = suite_head("baseline",
                                       "trials = 1\nbackbone = \"resnet-small\"\ntrain.steps = 4\n"
                                       "train.identities = 4\ntrain.images = 2\nheight = 32\nwidth = 16",
                                       "identities = 40\n");
  static Price price(const Plan& planned) {
    PriceOf asked;
    asked.is_done = [](const JobId&) { return false; };
    asked.has_data = [](const DatasetPlan&) { return true; };
    return price_of(planned, asked);
  }
  std::map<JobId, TrainingSpecification> trained_;
};

TEST_F(SearchSuite, plans_the_first_rung_and_waits) {
  const Plan planned = plan(text(search()));
  check_sound(planned);
  EXPECT_TRUE(planned.waits());
  EXPECT_EQ(10U, jobs_of<TrainingSpecification>(planned).size());  // and the row "hr"
  ASSERT_EQ(2U, planned.tables.size());
  EXPECT_EQ(1U, planned.tables[0].rows.size());
  EXPECT_EQ("lr", planned.tables[1].id);
  EXPECT_EQ(9U, planned.tables[1].rows.size());
  EXPECT_THAT(planned.notes, Contains(HasSubstr("row 'best' of table 't'")));
  for (const PlannedJob& job : planned.jobs) {
    const auto* training = std::get_if<TrainingSpecification>(&job.specification);
    if (training == nullptr) continue;
    EXPECT_EQ(training->split.validation_identities == 6, job.keeps_state) << job.label;
    EXPECT_FALSE(job.goes_on);
  }
  const core::Json json = json_of(planned)["searches"][0];
  EXPECT_EQ(9 * 2 + 3 * 4 + 1 * 12, json["steps"]);
  EXPECT_EQ(9 * 18, json["grid_steps"]);
  EXPECT_TRUE(json["winner"].is_null());
  EXPECT_EQ(10U, price(planned).trainings.distinct);
}

TEST_F(SearchSuite, is_asked_for_each_of_its_rungs_and_pays_for_what_they_leave) {
  const Price waiting = price(plan(text(search()))), over = price(settled(text(search())));
  for (const JobCount& count : {waiting.trainings, waiting.evaluations, over.trainings, over.evaluations})
    EXPECT_EQ(count.asked, count.distinct);
  EXPECT_EQ(9U + 3 + 1 + 2, over.evaluations.asked);  // and two rows
  // Adam's moments stand beside each parameter.
  EXPECT_DOUBLE_EQ(waiting.disk.weights * 3 * 9 / 10, waiting.disk.states);
  EXPECT_DOUBLE_EQ(over.disk.weights * 3 * 12 / 15, over.disk.states);
  EXPECT_EQ(0, price(plan(head_ + row("hr", ""))).disk.states);
}

TEST_F(SearchSuite, the_best_go_on_from_their_own_state_and_the_winner_is_an_ordinary_row) {
  const Plan planned = settled(text(search()));
  check_sound(planned);
  EXPECT_FALSE(planned.waits());
  std::map<int, std::vector<double>> rates;  // by steps
  for (const PlannedJob& job : planned.jobs) {
    const auto* training = std::get_if<TrainingSpecification>(&job.specification);
    if (training == nullptr || training->split.validation_identities == 0) continue;
    rates[training->recipe.steps].push_back(training->recipe.learning_rate);
    EXPECT_EQ(training->recipe.steps < 18, job.keeps_state);
    EXPECT_EQ(training->recipe.steps > 2, job.goes_on.has_value());
    if (!job.goes_on) continue;
    const auto shorter = std::ranges::find(planned.jobs, job.goes_on->from, &PlannedJob::id);
    EXPECT_TRUE(goes_on(std::get<TrainingSpecification>(shorter->specification), *training));
  }
  ASSERT_THAT(rates, ElementsAre(Pair(2, SizeIs(9)), Pair(6, SizeIs(3)), Pair(18, SizeIs(1))));
  std::ranges::sort(rates[2], {}, [](double rate) { return std::abs(std::log(rate / 1e-3)); });
  EXPECT_THAT(rates[6], UnorderedElementsAre(rates[2][0], rates[2][1], rates[2][2]));
  EXPECT_EQ(rates[2][0], rates[18][0]);
  const TrainingSpecification& winner = training_of(planned, "t", "best");
  EXPECT_EQ(rates[18][0], winner.recipe.learning_rate);
  EXPECT_EQ(18, winner.recipe.steps);
  EXPECT_EQ(0, winner.split.validation_identities);
  EXPECT_THAT(planned.tables[0].notes, Contains(HasSubstr("best: winner of search 'lr' on easy, learning_rate")));
  EXPECT_THAT(planned.tables[1].rows[0].label, HasSubstr("(18 steps)"));
  // The same training by hand is the same job.
  const Plan by_hand = plan(head_ + row("r", fmt::format("train.learning_rate = {}\ntrain.steps = 18",
                                                         core::canonical_json(winner.recipe.learning_rate))));
  EXPECT_EQ(job_id(winner), job_id(training_of(by_hand, "t", "r")));
}

TEST_F(SearchSuite, every_point_is_asked_for_validation_people_alone) {
  const Plan planned = settled(text(search(), ""));
  const CellPlan& others = row_of(planned, "t", "hr").cells.at(0);
  int asked = 0;
  for (const PlannedJob& job : planned.jobs)
    if (const auto* evaluation = std::get_if<EvaluationSpecification>(&job.specification)) {
      if (job.id == others.evaluations.at(0)) continue;
      EXPECT_EQ(6, evaluation->split.validation_identities) << job.label;
      ++asked;
    }
  EXPECT_EQ(9 + 3 + 1, asked);
}

TEST_F(SearchSuite, a_point_that_diverges_is_behind_all_others_and_leaves_the_plan) {
  const Plan calm = plan(text(search(), ""));
  std::set<JobId> hot;
  for (const PlannedJob& job : calm.jobs)
    if (const auto* training = std::get_if<TrainingSpecification>(&job.specification))
      if (training->recipe.learning_rate > 1e-2) hot.insert(job.id);
  ASSERT_FALSE(hot.empty());
  options_.has_diverged = [&](const JobId& job) { return hot.contains(job); };
  const Plan planned = plan(text(search(), ""));
  check_sound(planned);
  EXPECT_EQ(calm.jobs.size() - 2 * hot.size(), planned.jobs.size());
  EXPECT_EQ(9 - hot.size(), planned.tables[1].rows.size());
  EXPECT_THAT(planned.tables[1].notes, Contains(HasSubstr("no score, for a loss was not finite: learning_rate")));
  EXPECT_EQ(hot.size(), planned.searches[0].rungs[0].done);
  EXPECT_THAT(planned.searches[0].diverged, UnorderedElementsAreArray(hot));
}

TEST_F(SearchSuite, is_hopeless_where_a_rung_is_done_and_none_of_its_points_has_a_score) {
  EXPECT_FALSE(plan(text(search(), "")).searches[0].hopeless);
  EXPECT_FALSE(settled(text(search(), "")).searches[0].hopeless);
  options_.has_diverged = [](const JobId&) { return true; };
  EXPECT_FALSE(plan(text(search(), "")).waits()) << "what has a score has it";
  options_.score_of = nullptr;
  const Plan planned = plan(text(search(), ""));
  EXPECT_TRUE(planned.waits());
  EXPECT_TRUE(planned.searches[0].hopeless);
}

TEST_F(SearchSuite, lists_make_points_once_each) {
  const Plan planned = plan(text(search("", "train.images = [2, 4]\nbaseline.triplet = [true, false]\n"), ""));
  EXPECT_EQ(4U, planned.tables[1].rows.size());
  std::set<std::string> labels;
  for (const RowPlan& one : planned.tables[1].rows) labels.insert(one.label);
  EXPECT_THAT(labels, ElementsAre("images 2, triplet false (2 steps)", "images 2, triplet true (2 steps)",
                                  "images 4, triplet false (2 steps)", "images 4, triplet true (2 steps)"));
}

TEST_F(SearchSuite, the_shipped_one_takes_a_third_of_its_grid_at_most) {
  const Plan planned = shipped("search.toml");
  check_sound(planned);
  ASSERT_EQ(1U, planned.searches.size());
  const SearchPlan& search = planned.searches[0];
  EXPECT_LE(3 * search.steps(), search.grid_steps());
  EXPECT_EQ(16U, search.rungs[0].points);
  EXPECT_EQ("usual", planned.tables[0].rows.at(0).id);
}

TEST_F(SearchSuite, refuses_what_would_choose_on_test_people) {
  EXPECT_THAT(refused(text(search("", kOver, ""))),
              AllOf(StartsWith("s.toml:"), HasSubstr("search 'lr' has no validation people (settings are never chosen "
                                                     "on test people)")));
  // In random halves other trials test other people.
  EXPECT_EQ("", refused(text(search("trials = 2\n"), "")));
  EXPECT_TRUE(settled(text(search("trials = 2\n"), "")).searches[0].winner != "");
  EXPECT_THAT(refused(text(search(), "search = \"lr\"\ntrials = 3\n")),
              HasSubstr("trial 1 tests people whom trial 0 of the search may have asked for"));
  const std::string listed = text(search("split.tested = [1, 2, 3, 4]\n"), "search = \"lr\"\ntrials = 3\n");
  EXPECT_FALSE(settled(listed).waits());
}

TEST_F(SearchSuite, rows_that_start_from_a_winner_are_asked_for_none_of_its_validation_people) {
  const std::string winner = "search = \"lr\"\n", start = "start_from = \"best\"\ntrain.steps = 6\n";
  const auto with = [&](const std::string& rows) { return head_ + row("best", winner) + rows + search(); };
  const auto leaks = HasSubstr("trial 1 tests people whom trial 0 of the search may have asked for");
  EXPECT_THAT(refused(with(row("second", start + "trials = 3\n"))), AllOf(HasSubstr("for row 'second'"), leaks));
  EXPECT_THAT(refused(with(row("third", "start_from = \"second\"\ntrials = 2\n") + row("second", start))),
              AllOf(HasSubstr("for row 'third'"), leaks));
  const std::string sound = with(row("third", "start_from = \"second\"\n") + row("second", start));
  EXPECT_EQ(9U, jobs_of<TrainingSpecification>(plan(sound)).size());  // none of rows that wait
  EXPECT_THAT(plan(sound).notes,
              Contains(HasSubstr("row 'best' of table 't', row 'third' of table 't', row 'second'")));
  const Plan planned = settled(sound);
  check_sound(planned);
  EXPECT_FALSE(planned.waits());
  EXPECT_THAT(row_of(planned, "t", "third").starts, ElementsAre("the module of row 'second'"));
  EXPECT_THAT(row_of(planned, "t", "best").starts, IsEmpty());
}

TEST_F(SearchSuite, a_row_waits_for_the_row_of_its_own_table_and_for_none_of_the_same_id_elsewhere) {
  const auto table = [](const std::string& id, const std::string& rows) {
    return fmt::format("[[table]]\nid = \"{0}\"\ntitle = \"{0}\"\nmetrics = [\"rank1\"]\ndatasets = [\"easy\"]\n", id) +
           rows;
  };
  const std::string waits = row("best", "search = \"lr\"\n"), plain = row("best", "");
  const std::string second = row("second", "start_from = \"best\"\n"),
                    third = row("third", "start_from = \"second\"\n");
  const Plan planned = plan(head_ + waits + row("hr", "") + table("u", plain + second + third) + search());
  EXPECT_EQ("best", row_of(planned, "u", "best").id);
  EXPECT_EQ("second", row_of(planned, "u", "second").id);
  EXPECT_THAT(planned.notes, Contains(EndsWith("has its winner: row 'best' of table 't'")));
  const Plan other = plan(head_ + plain + second + table("u", waits + row("hr", "")) +
                          table("v", row("w", "start_from = \"second\"\n")) + search());
  EXPECT_EQ("w", row_of(other, "v", "w").id);
  EXPECT_THAT(other.notes, Contains(EndsWith("has its winner: row 'best' of table 'u'")));
  EXPECT_THAT(refused(head_ + plain + table("u", waits) + table("v", second) + search()),
              HasSubstr("tables 't', 'u' have a row of that id"))
      << "now, and not only once the search is over";
}

TEST_F(SearchSuite, halves_of_as_many_people_alone_are_the_halves_that_settings_were_chosen_on) {
  for (const int identities : {40, 30, 41}) {
    const std::string whole =
        head_ + row("hr", "") + search() +
        "[[table]]\nid = \"u\"\ntitle = \"U\"\nmetrics = [\"rank1\"]\ndatasets = [\"again\"]\n" +
        row("best", "search = \"lr\"\n") +
        fmt::format("[[dataset]]\nid = \"again\"\nsource = \"synthetic\"\nidentities = {}\n", identities);
    EXPECT_EQ(identities != 40,
              refused(whole).find("whom trial 0 of the search may have asked for") != std::string::npos)
        << identities << refused(whole);
  }
}

TEST_F(SearchSuite, begins_each_rung_anew_where_another_program_trains) {
  for (const std::string program : {"", "train.program = 1\n"}) {
    const Plan planned = settled("worker = [\"python\", \"train.py\"]\n" + text(search(program), ""));
    for (const PlannedJob& job : planned.jobs) EXPECT_FALSE(job.keeps_state || job.goes_on) << job.label;
    EXPECT_TRUE(planned.searches.at(0).anew);
    EXPECT_EQ(9 * 2 + 3 * 6 + 18, planned.searches[0].steps());
  }
}

TEST_F(SearchSuite, a_suites_files_are_those_of_a_program_that_it_searches) {
  const std::string program = "train.program = 1\n";
  core::write_atomic(core::real_file_system(), folder_ / "train.py", std::string_view("train"));
  const std::string worker = "worker = [\"python\", \"train.py\"]\nworker_files = [\"train.py\"]\n";
  EXPECT_EQ("", refused(worker + text(search(program))));
  EXPECT_EQ("", refused(worker + text(search(program), "")));
  EXPECT_THAT(refused(worker + text(search())), HasSubstr("key 'worker_files' has no effect"));
}

TEST_F(SearchSuite, stages_by_their_steps_go_on_whatever_a_rungs_length_would_make_of_them) {
  // The four masks of stages: 30 / 5 and 31 / 5 are 6, 150 / 5 is 30.
  for (const int steps : {2, 6, 30})
    for (const std::string rungs : {"[30, 31, 150]", "[150, 160]", "[149, 150, 155]"}) {
      std::string whole = text(search("", "train.learning_rate = [1e-3, 1e-2]\n"), "");
      whole.replace(whole.find("[2, 6, 18]"), 10, rungs);
      whole.replace(
          whole.find("points = 9\n"), 11,
          fmt::format("points = 2\nmethod = \"resolution_adaptive\"\nresolution_adaptive.mask_blocks = \"stages\"\n"
                      "resolution_adaptive.stage_steps = {}\n",
                      steps));
      if (steps == 30 && rungs.starts_with("[30")) continue;  // too short for its stages
      const Plan planned = settled(whole);
      check_sound(planned);
      int longer = 0;
      for (const PlannedJob& job : planned.jobs) {
        if (!job.goes_on) continue;
        const auto shorter = std::ranges::find(planned.jobs, job.goes_on->from, &PlannedJob::id);
        EXPECT_TRUE(goes_on(std::get<TrainingSpecification>(shorter->specification),
                            std::get<TrainingSpecification>(job.specification)))
            << job.label << steps << rungs;
        ++longer;
      }
      EXPECT_GT(longer, 0);
    }
  std::string follows = text(search("", "train.learning_rate = [1e-3, 1e-2]\n"), "");
  follows.replace(follows.find("points = 9\n"), 11,
                  "points = 2\nmethod = \"resolution_adaptive\"\nresolution_adaptive.mask_blocks = \"stages\"\n");
  follows.replace(follows.find("[2, 6, 18]"), 10, "[30, 31, 150]");
  EXPECT_THAT(refused(follows), HasSubstr("search 'lr' cannot go on from its rungs"));
}

TEST_F(SearchSuite, refuses_what_no_search_can_do) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {text(search("rungs_ = 1\n")), "key 'rungs_' is unknown"},
      {text(search("metric = \"rank5\"\n")), "points are chosen by rank1 or mAP"},
      {text(search("factor = 1\n")), "key 'factor' has the value 1"},
      {text(search("train.steps = 4\n")), "'rungs' says how long points train"},
      {text(search("train.schedule = \"cosine\"\n")), "search 'lr' cannot go on from its rungs"},
      {text(search("train.learning_rate = 1e-3\n")), "stands in 'over' too"},
      {text(search("height = 64\n")), "decides what is in a pack"},
      {text(search("", "split.lr_camera = [1, 2]\n")), "asked the same of the same validation people"},
      {text(search("", "train.learning_rat = [1e-3, 1e-2]\n")), "did you mean 'train.learning_rate'"},
      {text(search("", "train.learning_rate = [1e-3]\n")), "has no values for"},
      {text(search("", "train.learning_rate = { from = 2, to = 1 }\n")), "'from' must be below 'to'"},
      {text(search("", "train.learning_rate = { from = 0, to = 1, scale = \"log\" }\n")), "numbers above 0"},
      {text(search("", "train.images = { from = 2.5, to = 4 }\n")), "its values are integers"},
      {text(search("", "train.learning_rate = { from = 1e-3, to = 99 }\n")), "key 'train.learning_rate' has the value"},
      {text(search(), "search = \"rates\"\n"), "the suite has no [[search]] of that id"},
      {text(search(), "search = \"lr\"\ntrain.pad = 2\n"), "key 'train.pad' stands beside 'search'"},
      {text(search(), "search = \"lr\"\nstart_from = \"hr\"\n"), "key 'start_from' stands beside 'search'"},
      {text(search(), "search = \"lr\"\njoined_with = [\"hr\"]\n"), "key 'joined_with' stands beside 'search'"},
      {text(search("split.validation_identities = 19\n", kOver, "")), "of which 2 must train"},
  };
  for (const auto& [whole, part] : cases)
    EXPECT_THAT(refused(whole), AllOf(StartsWith("s.toml:"), HasSubstr(part))) << whole;
}

}  // namespace
}  // namespace resolute::experiments::search_suite_test
