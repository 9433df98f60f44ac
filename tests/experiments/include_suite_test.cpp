//! Suites that include others: what is planned of them, what is refused, and the one text that stands for all.

#include "experiments/include.h"
#include "tests/experiments/suite_fixture.h"

namespace resolute::experiments::include_suite_test {
namespace {

using namespace testing;

//! A suite of one data set and one table with the row `baseline`, and others.
std::string part(const std::string& name, const std::string& rows, const std::string& defaults = "",
                 const std::string& dataset = "identities = 8") {
  return "suite = \"" + name + "\"\ntitle = \"Part " + name +
         "\"\n[defaults]\nbackbone = \"resnet-small\"\ntrain.steps = 4\n" +
         "train.identities = 4\ntrain.images = 2\nrates = [2, 3, 4, 6, 8]\nheight = 32\nwidth = 16\ntrials = 2\n" +
         defaults + "\n[profiles.long]\ntrain.steps = 9\n[[dataset]]\nid = \"easy\"\nsource = \"synthetic\"\n" +
         dataset + "\n[[table]]\nid = \"t\"\ntitle = \"Table\"\nmetrics = [\"rank1\"]\ndatasets = [\"easy\"]\n" +
         row("baseline", "method = \"baseline\"\nbaseline.images = \"stored\"") + rows;
}

const std::string kJoined = "suite = \"all\"\ntitle = \"All\"\ninclude = [\"a.toml\", \"b.toml\"]\n";

class IncludeSuite : public Suite {
 protected:
  IncludeSuite() {
    write("a.toml", part("a", row("rain", "method = \"rain\"")));
    write("b.toml", part("b", row("msifla", "method = \"msifla\"")));
  }
  void write(const std::string& name, const std::string& text) {
    core::write_atomic(core::real_file_system(), folder_ / name, text);
  }
  Plan plan_of(const std::string& name) { return read_suite(core::real_file_system(), folder_ / name, options_); }
  //! Its folder is PLACE.
  std::string refused(const std::string& text) {
    return tests::named(tests::refusal([&] { plan(text); }), folder_.path().string(), "PLACE");
  }
  std::string standing_alone(const std::string& name) {
    return text_with_includes(core::real_file_system(), folder_ / name);
  }
};

std::set<JobId> ids(const Plan& plan) {
  std::set<JobId> all;
  for (const PlannedJob& job : plan.jobs) all.insert(job.id);
  return all;
}

std::vector<std::string> tables(const Plan& plan) {
  std::vector<std::string> all;
  for (const TablePlan& table : plan.tables) all.push_back(table.id);
  return all;
}

TEST_F(IncludeSuite, a_joined_suite_has_the_tables_of_its_parts_and_shared_jobs_once) {
  const Plan joined = plan(kJoined), a = plan_of("a.toml"), b = plan_of("b.toml");
  check_sound(joined);
  EXPECT_THAT(tables(joined), ElementsAre("a-t", "b-t"));
  EXPECT_EQ("all", joined.suite);
  const auto trainings = [](const Plan& plan) { return jobs_of<TrainingSpecification>(plan).size(); };
  EXPECT_EQ(trainings(a) + trainings(b) - 2, trainings(joined));  // two trials of the baseline
  std::set<JobId> both = ids(a);
  both.merge(ids(b));
  EXPECT_EQ(both, ids(joined));  // so after the joined suite a part has nothing left to run
  EXPECT_EQ("a: Table", joined.tables.at(0).title);
  EXPECT_EQ("Table", a.tables.at(0).title);
}

TEST_F(IncludeSuite, a_rate_that_the_packs_hold_adds_evaluations_alone) {
  const Plan before = plan(kJoined);
  write("a.toml",
        part("a", row("rain", "method = \"rain\"") + row("rain-8", "method = \"rain\"\nevaluate.query_rates = [8]")));
  const Plan after = plan(kJoined);
  for (const PlannedJob& job : after.jobs)
    if (!ids(before).contains(job.id)) {
      EXPECT_EQ("evaluation", kind_name(job.specification)) << job.label;
    }
  EXPECT_EQ(before.jobs.size() + 2, after.jobs.size());
}

TEST_F(IncludeSuite, each_part_keeps_its_defaults_and_its_profile) {
  write("b.toml", part("b", row("msifla", "method = \"msifla\""), "train.learning_rate = 1e-3"));
  const Plan short_one = plan(kJoined);
  EXPECT_EQ(3.5e-4, training_of(short_one, "a-t", "baseline").recipe.learning_rate);
  EXPECT_EQ(1e-3, training_of(short_one, "b-t", "baseline").recipe.learning_rate);
  EXPECT_EQ(4, training_of(short_one, "a-t", "rain").recipe.steps);
  options_.profile = "long";  // which the joining suite itself need not have: nothing of its own would be under it
  EXPECT_EQ(9, training_of(plan(kJoined), "a-t", "rain").recipe.steps);
  EXPECT_EQ(9, training_of(plan(kJoined), "b-t", "msifla").recipe.steps);
}

TEST_F(IncludeSuite, a_table_of_its_own_may_name_data_sets_of_what_it_includes) {
  const Plan made = plan(kJoined +
                         "[defaults]\nbackbone = \"resnet-small\"\ntrain.steps = 5\ntrain.identities = 4\n"
                         "[[table]]\nid = \"own\"\ntitle = \"Own\"\nmetrics = [\"rank1\"]\ndatasets = [\"easy\"]\n" +
                         row("r", "method = \"rain\""));
  check_sound(made);
  EXPECT_THAT(tables(made), ElementsAre("a-t", "b-t", "own"));
  EXPECT_EQ(5, training_of(made, "own", "r").recipe.steps);
  EXPECT_EQ(1U, made.datasets.size());
  // A part sees none of its neighbour's.
  write("b.toml",
        "suite = \"b\"\ntitle = \"b\"\n[[table]]\nid = \"t\"\ntitle = \"t\"\nmetrics = [\"rank1\"]\n"
        "datasets = [\"easy\"]\n" +
            row("r", "method = \"rain\"\ntrain.steps = 1"));
  EXPECT_THAT(refused(kJoined),
              StartsWith("PLACE/b.toml:7:1: key 'datasets' names 'easy' (there is none of that name)"));
}

TEST_F(IncludeSuite, sets_reach_every_part_and_one_without_effect_anywhere_is_refused) {
  options_.sets = {{"train.steps", "3"}};
  const Plan made = plan(kJoined);
  for (const auto& training : jobs_of<TrainingSpecification>(made)) EXPECT_EQ(3, training.recipe.steps);
  write("a.toml", part("a", row("rain", "method = \"rain\"\ntrain.learning_rate = 1e-3")));
  options_.sets = {{"train.learning_rate", "1e-2"}};
  EXPECT_EQ(1e-2, training_of(plan(kJoined), "b-t", "msifla").recipe.learning_rate);
  options_.sets = {{"method", "rain"}};
  EXPECT_THAT(refused(kJoined), StartsWith("--set method: key 'method' has no effect"));
  options_.sets = {};
  options_.profile = "longer";
  EXPECT_THAT(refused(kJoined),
              StartsWith("--profile longer: 'PLACE/a.toml' has no such profile; did you mean 'long'"));
}

TEST_F(IncludeSuite, files_that_cannot_be_joined_are_refused_with_file_line_and_key) {
  const std::string at = "PLACE/s.toml:3:1: key 'include' ";
  const std::string head = "suite = \"all\"\ntitle = \"All\"\ninclude = ";
  EXPECT_THAT(refused(head + "[]\n"), StartsWith(at + "is empty"));
  EXPECT_THAT(refused(head + "\"a.toml\"\n"), StartsWith(at + "has the value \"a.toml\" (a list is needed)"));
  EXPECT_EQ(at + "names 'c.toml' (there is no file 'PLACE/c.toml'); a path is relative to the file that holds it",
            refused(head + "[\"c.toml\"]\n"));
  EXPECT_EQ(at + "names './a.toml' (that file is included already); a file is included once; leave it out here",
            refused(head + "[\"a.toml\", \"./a.toml\"]\n"));
  EXPECT_EQ(at + "names 's.toml' (that file includes this one, or is it); leave one of the two out",
            refused(head + "[\"s.toml\"]\n"));
  write("b.toml", "suite = \"b\"\ntitle = \"b\"\ninclude = [\"s.toml\"]\n");
  EXPECT_THAT(refused(kJoined), StartsWith("PLACE/b.toml:3:1: key 'include' names 's.toml' (that file includes"));
  write("b.toml", part("a", ""));
  EXPECT_EQ("PLACE/b.toml:20:1: key 'id' has the value 'a-t' (it stands twice)", refused(kJoined));
  write("b.toml", "suite = \"b\"\ntitle = \"b\"\nwork = 1\n");
  EXPECT_THAT(refused(kJoined), StartsWith("PLACE/b.toml:3:1: key 'work' is unknown"));
  EXPECT_THAT(refused("suite = \"all\"\ntitle = \"All\"\n"), StartsWith("PLACE/s.toml:1:1: key 'table' is missing"));
}

TEST_F(IncludeSuite, so_many_files_include_one_another_and_no_more) {
  for (std::size_t i = 2; i <= kDeepestInclude + 1; ++i)
    write(fmt::format("{}.toml", i), fmt::format("suite = \"n{}\"\ntitle = \"t\"\ninclude = [\"{}\"]\n", i,
                                                 i < kDeepestInclude ? fmt::format("{}.toml", i + 1) : "a.toml"));
  EXPECT_EQ(
      "key 'include' names 'a.toml' (8 files include one another here, and no more may); include it from a file "
      "nearer to the suite",
      refused("suite = \"n1\"\ntitle = \"t\"\ninclude = [\"2.toml\"]\n")
          .substr(std::string("PLACE/8.toml:3:1: ").size()));
  EXPECT_THAT(tables(plan("suite = \"n1\"\ntitle = \"t\"\ninclude = [\"3.toml\"]\n")),
              ElementsAre("n3-n4-n5-n6-n7-n8-a-t"));
}

// What the list says is in the jobs: another path gives the same ids, and other identities give others.
TEST_F(IncludeSuite, a_list_of_those_who_are_tested_is_read_into_the_suite) {
  const auto with_split = [](const std::string& split) {
    return part("c", "", "", "identities = 8\nsplit = " + split);
  };
  write("lists/dil.txt", "# who is tested\n5\n2\n");
  write("c.toml", with_split("{ file = \"lists/dil.txt\" }"));
  const Plan read = plan_of("c.toml");
  check_sound(read);
  for (const auto& training : jobs_of<TrainingSpecification>(read))
    EXPECT_EQ(training.split.tested, (std::vector<int>{2, 5}));
  write("d.toml", with_split("{ tested = [2, 5] }"));
  EXPECT_EQ(ids(read), ids(plan_of("d.toml")));
  // A copy of it needs no list, wherever it lies.
  const std::string copy = standing_alone("c.toml");
  EXPECT_THAT(copy, EndsWith("\n[[included]]\nfile = \"lists/dil.txt\"\ntext = '''\n2\n5\n'''\n"));
  std::filesystem::remove_all(folder_ / "lists");
  write("kept/copy.toml", copy);
  EXPECT_EQ(ids(read), ids(plan_of("kept/copy.toml")));
  EXPECT_EQ(copy, standing_alone("kept/copy.toml"));
  EXPECT_THAT(refused(with_split("{ file = \"lists/dil.txt\" }")),
              AllOf(StartsWith("PLACE/s.toml:"), HasSubstr(": key 'split.file' names 'lists/dil.txt' (there is no file "
                                                           "'PLACE/lists/dil.txt'); a path is relative to the file")));
  EXPECT_THAT(refused(with_split("{ file = 5 }")), HasSubstr(": key 'split.file' names no file (it is the path"));
  write("bad.txt", "2\nquery/0005.jpg\n");
  EXPECT_THAT(refused(with_split("{ file = \"bad.txt\" }")),
              HasSubstr(": key 'split.file': 'bad.txt', line 2: 'query/0005.jpg' is no identity ("));
  write("bad.txt", "2\n9\n");
  EXPECT_THAT(refused(with_split("{ file = \"bad.txt\" }")),
              HasSubstr("key 'split.tested' has the value 2 identities (data set 'easy' has identities 1 to 8"));
}

TEST_F(IncludeSuite, a_data_set_of_one_id_is_one) {
  write("b.toml", part("b", "", "", "identities = 12"));
  EXPECT_EQ(
      "PLACE/b.toml:18:1: key 'identities' makes data set 'easy' another one (a data set of that id stands at "
      "PLACE/a.toml:15:1, and a suite has one of an id); give both the same keys, or one of them another id",
      refused(kJoined));
  write("b.toml", part("b", "", "", "identities = 8\nsplit.lr_camera = 1"));
  EXPECT_THAT(refused(kJoined), HasSubstr("key 'split' makes data set 'easy' another one"));
  // As its defaults pack it, too.
  write("b.toml", part("b", "", "kernel = \"cubic\""));
  EXPECT_THAT(refused(kJoined), HasSubstr("key 'kernel' makes data set 'easy' another one"));
}

TEST_F(IncludeSuite, what_a_file_says_of_trainings_on_a_data_set_reaches_its_own_tables) {
  write("b.toml", part("b", row("msifla", "method = \"msifla\""), "",
                       "identities = 8\ntrain = { identities = 3, images = 6 }\nmsifla.margin = 0.7"));
  const Plan joined = plan(kJoined);
  EXPECT_THAT(ids(joined), IsSupersetOf(ids(plan_of("a.toml"))));
  EXPECT_THAT(ids(joined), IsSupersetOf(ids(plan_of("b.toml"))));
  EXPECT_EQ(3, training_of(joined, "b-t", "msifla").recipe.identities);
  EXPECT_EQ(0.7, std::get<MsiflaOptions>(training_of(joined, "b-t", "msifla").method).margin);
  EXPECT_EQ(4, training_of(joined, "a-t", "rain").recipe.identities);
}

TEST_F(IncludeSuite, one_worker_runs_all) {
  write("b.toml", "worker = [\"python\", \"train.py\"]\n" + part("b", ""));
  EXPECT_THAT(refused(kJoined),
              StartsWith("PLACE/b.toml:1:1: key 'worker' is not that of the suite which includes this "
                         "one (one worker runs all jobs, and PLACE/s.toml gives none)"));
  EXPECT_THAT(plan("worker = [\"python\", \"train.py\"]\n" + kJoined).worker, ElementsAre("python", "train.py"));
  EXPECT_THAT(refused("worker = [\"python\"]\n" + kJoined), HasSubstr("key 'worker' is not that"));
}

TEST_F(IncludeSuite, roots_are_meant_from_the_file_they_stand_in) {
  std::filesystem::create_directories(folder_ / "sub/images");
  std::filesystem::create_directories(folder_ / "elsewhere/sub/images");
  std::string text = part("c", "");
  text.replace(text.find("source = \"synthetic\"\nidentities = 8"), 35, "source = \"pku-reid\"\nroot = \"images\"");
  write("sub/c.toml", text);
  const std::string joined = "suite = \"all\"\ntitle = \"All\"\ninclude = [\"sub/c.toml\"]\n";
  EXPECT_EQ(folder_ / "sub/images", plan(joined).datasets.at(0).root);
  // A copy of all of it says the same, told where the suite was.
  const std::string copy = standing_alone("s.toml");
  std::filesystem::create_directories(folder_ / "kept");
  write("kept/suite.toml", copy);
  options_.relative_to = folder_.path();
  EXPECT_EQ(folder_ / "sub/images", plan_of("kept/suite.toml").datasets.at(0).root);
  options_.relative_to = folder_ / "elsewhere";
  EXPECT_EQ(folder_ / "elsewhere/sub/images", plan_of("kept/suite.toml").datasets.at(0).root);
}

TEST_F(IncludeSuite, one_text_stands_for_all_files) {
  write("b.toml", part("b", row("msifla", "method = \"msifla\"")) + "# it's '''quoted'''\n");
  write("s.toml", kJoined);
  const Plan whole = plan_of("s.toml");
  const std::string text = standing_alone("s.toml");
  EXPECT_THAT(text, StartsWith(kJoined));
  write("kept/suite.toml", text);
  for (const char* gone : {"s.toml", "a.toml", "b.toml"}) std::filesystem::remove(folder_ / gone);
  EXPECT_EQ(json_of(whole), json_of(plan_of("kept/suite.toml")));
  EXPECT_EQ(text, standing_alone("kept/suite.toml"));  // it is its own
  // What is wrong in a kept text is told with the place in it.
  options_.sets = {{"train.identities", "3"}, {"lanes", "2"}};
  EXPECT_THAT(tests::refusal([&] { plan_of("kept/suite.toml"); }), HasSubstr("--set train.identities"));
  options_.sets = {};
  write("kept/suite.toml", tests::named(text, "train.images = 2", "train.images = 0"));
  EXPECT_THAT(tests::refusal([&] { plan_of("kept/suite.toml"); }),
              HasSubstr("kept/suite.toml[a.toml]:7:7: key 'train.images'"));
}

TEST_F(IncludeSuite, a_suite_that_includes_nothing_is_its_own_text_byte_for_byte) {
  EXPECT_EQ(core::read_text(core::real_file_system(), folder_ / "a.toml"), standing_alone("a.toml"));
}

}  // namespace
}  // namespace resolute::experiments::include_suite_test
