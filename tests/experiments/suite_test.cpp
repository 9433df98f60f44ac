//! The suite language: docs/suite.md, rule by rule.

#include "core/hash/sha256.h"
#include "experiments/language/settings.h"
#include "experiments/store/weights_catalogue.h"
#include "tests/experiments/suite_fixture.h"

namespace resolute::experiments::suite_test {
namespace {

using namespace testing;

// A suite of one row, for tests that change one thing about it.
std::string small(const std::string& defaults = {}, const std::string& rows = row("r", "")) {
  return suite_head("rain", "train.steps = 10\ntrain.identities = 4\n" + defaults) + rows;
}

TEST_F(Suite, trials_are_the_seeds_of_training_and_split) {
  const Plan made = plan(small("trials = 3"));
  std::vector<std::uint64_t> seeds;
  for (const auto& training : jobs_of<TrainingSpecification>(made)) {
    seeds.push_back(training.seed);
    EXPECT_EQ(training.seed, training.split.seed);
  }
  EXPECT_THAT(seeds, ElementsAre(0, 1, 2));
}

TEST_F(Suite, a_row_wins_over_set_over_profile_over_defaults) {
  const std::string rows = R"([[table.row]]
id = "a"
label = "A"
[[table.row]]
id = "b"
label = "B"
train.steps = 40
)";
  const std::string text = small("lanes = 2\n[profiles.fast]\ntrain.steps = 20\ntrain.pad = 2\n", rows);
  auto steps = [&](const char* row) { return training_of(plan(text), "t", row).recipe.steps; };
  EXPECT_EQ(10, steps("a"));
  EXPECT_EQ(40, steps("b"));
  options_.profile = "fast";
  EXPECT_EQ(20, steps("a"));
  EXPECT_EQ(40, steps("b"));
  EXPECT_EQ(2, training_of(plan(text), "t", "b").recipe.pad);
  EXPECT_EQ(2, training_of(plan(text), "t", "b").lanes);
  options_.sets = {{"train.steps", "30"}};
  EXPECT_EQ(30, steps("a"));
  EXPECT_EQ(40, steps("b"));
}

TEST_F(Suite, a_data_set_may_override_what_its_rows_share) {
  const Plan made = plan(R"(suite = "two"
title = "Two"
[defaults]
method = "baseline"
train.steps = 5
train.identities = 4
height = 64
[[dataset]]
id = "one"
source = "synthetic"
[[dataset]]
id = "two"
source = "synthetic"
height = 96
rates = [2, 3, 4, 8]
evaluate.query_rates = [8]
[[dataset]]
id = "unused"
source = "market1501"
root = "${NOWHERE}"
[[table]]
id = "t"
title = "T"
metrics = ["rank1", "mAP"]
datasets = ["two", "one"]
[[table.row]]
id = "r"
label = "R"
)");
  check_sound(made);
  ASSERT_EQ(2U, made.datasets.size());
  EXPECT_EQ(64, made.datasets[0].pack.height);
  EXPECT_EQ(96, made.datasets[1].pack.height);
  const auto evaluations = jobs_of<EvaluationSpecification>(made);
  ASSERT_EQ(2U, evaluations.size());
  EXPECT_THAT(evaluations[0].protocol.query_rates, ElementsAre(8));
  EXPECT_THAT(evaluations[1].protocol.query_rates, IsEmpty());
  EXPECT_EQ("two", made.tables[0].rows[0].cells[0].dataset);
}

TEST_F(Suite, set_takes_toml_values_and_bare_words) {
  options_.sets = {parse_assignment("backbone=resnet-small"),
                   parse_assignment("rain.levels=[3, 4]"),
                   parse_assignment("train.learning_rate=0.5"),
                   parse_assignment("network.neck=true"),
                   parse_assignment("lanes=1"),
                   parse_assignment("lanes=2")};
  const auto training = training_of(plan(small()), "t", "r");
  EXPECT_EQ(settings::Trunk::kResnetSmall, training.network.backbone);
  EXPECT_THAT(std::get<RainOptions>(training.method).opponent()->levels, ElementsAre(3, 4));
  EXPECT_EQ(0.5, training.recipe.learning_rate);
  EXPECT_TRUE(training.network.neck);
  EXPECT_EQ(2, training.lanes);
}

TEST_F(Suite, a_grid_is_multiplied_out_in_the_order_of_the_file) {
  const Plan made = plan(small({}, R"([[table.row]]
id = "{loss}-{rate}"
label = "without {loss} at {rate}"
grid = { loss = ["triplet", "classification"], rate = [2, 3] }
set = { "rain.{loss}" = false, "train.train_rates" = ["{rate}"] }
)"));
  check_sound(made);
  std::vector<std::string> ids;
  for (const RowPlan& row : made.tables[0].rows) ids.push_back(row.id);
  EXPECT_THAT(ids, ElementsAre("triplet-2", "triplet-3", "classification-2", "classification-3"));
  EXPECT_EQ("without classification at 3", made.tables[0].rows[3].label);
  const auto training = training_of(made, "t", "classification-3");
  EXPECT_FALSE(std::get<RainOptions>(training.method).classification);
  EXPECT_TRUE(std::get<RainOptions>(training.method).triplet);
  EXPECT_THAT(training.recipe.train_rates, ElementsAre(3));
}

TEST_F(Suite, braces_without_a_grid_are_text) {
  const Plan made = plan(small({}, "[[table.row]]\nid = \"r\"\nlabel = \"levels {4, 5}\"\n"));
  EXPECT_EQ("levels {4, 5}", made.tables[0].rows[0].label);
}

TEST_F(Suite, latex_stands_beside_a_label_and_keeps_its_own_braces) {
  const Plan made = plan(small({}, R"([[table.row]]
id = "r{rate}"
label = "RAIN, λ = {rate}"
latex = '\textsc{rain}, $\lambda_{adv} = {rate}$'
grid = { rate = [2, 3] }
set = { "train.train_rates" = ["{rate}"] }
)"));
  EXPECT_EQ("RAIN, λ = 3", made.tables[0].rows[1].label);
  EXPECT_EQ("\\textsc{rain}, $\\lambda_{adv} = 3$", made.tables[0].rows[1].latex);
  EXPECT_EQ("", plan(small({}, "[[table.row]]\nid = \"r\"\nlabel = \"R\"\n")).tables[0].rows[0].latex);
}

TEST_F(Suite, a_grids_reference_is_substituted) {
  const Plan made = plan(small({}, R"([[table.row]]
id = "r{rate}"
label = "r = {rate}"
grid = { rate = [2, 3] }
set = { "train.train_rates" = ["{rate}"] }
reference = { paper = "rain", table = "table4", method = "rain", dataset = "mlr-cuhk03", variant = "train LR r={rate}" }
)"));
  EXPECT_EQ(72.3, row_of(made, "t", "r3").cells[0].references.at("rank1"));
}

TEST_F(Suite, references_may_be_several_and_for_some_data_sets_only) {
  const Plan made = plan(small({}, R"([[table.row]]
id = "r"
label = "R"
[[table.row.reference]]
paper = "rain"
table = "table1"
method = "rain-single-level"
dataset = "mlr-cuhk03"
[[table.row.reference]]
paper = "rain"
table = "table3"
method = "rain"
variant = "full"
dataset = "mlr-cuhk03"
[[table.row]]
id = "none"
label = "None: the number is known to be missing"
reference = { paper = "rain", table = "figure5", method = "rain", variant = "60% labelled", dataset = "mlr-cuhk03" }
train.pad = 1
)"));
  const auto& references = row_of(made, "t", "r").cells[0].references;
  EXPECT_EQ(77.6, references.at("rank1"));  // the first wins
  EXPECT_EQ(74.5, references.at("mAP"));
  EXPECT_THAT(row_of(made, "t", "none").cells[0].references, IsEmpty());
}

TEST_F(Suite, ranks_become_slots_and_leave_the_ids_alone) {
  const Plan one = plan(small("lanes = 2"));
  const Plan two = plan(small("lanes = 2\nranks = 2"));
  ASSERT_EQ(one.jobs.size(), two.jobs.size());
  for (std::size_t i = 0; i < one.jobs.size(); ++i) {
    EXPECT_EQ(one.jobs[i].id, two.jobs[i].id);
    EXPECT_EQ(1, one.jobs[i].slots);
    EXPECT_EQ(kind_name(two.jobs[i].specification) == "training" ? 2 : 1, two.jobs[i].slots);
  }
}

TEST_F(Suite, titles_labels_and_unused_options_leave_the_ids_alone) {
  const Plan one = plan(small());
  std::string text = small();
  for (const std::string old : {"title = \"S\"", "label = \"r\"", "title = \"T\""})
    text.replace(text.find(old), old.size(), old.substr(0, 5) + " = \"Other\"");
  const Plan two = plan(text);
  const Plan three = plan(small("baseline.margin = 0.7"));
  for (std::size_t i = 0; i < one.jobs.size(); ++i) {
    EXPECT_EQ(one.jobs[i].id, two.jobs[i].id);
    EXPECT_EQ(one.jobs[i].id, three.jobs[i].id);
  }
}

TEST_F(Suite, weights_that_are_dropped_are_noted) {
  const std::string text = small("[profiles.paper]\nweights = \"imagenet\"\n");
  options_.profile = "paper";
  EXPECT_THROW(plan(text), core::RuntimeError);
  options_.from_scratch = true;
  const Plan with = plan(text);
  EXPECT_THAT(with.tables[0].notes, testing::Contains(HasSubstr("--from-scratch")));
  options_.profile.clear();
  options_.from_scratch = false;
  const Plan without = plan(text);
  EXPECT_EQ(with.jobs.back().id, without.jobs.back().id);
  EXPECT_THAT(without.tables[0].notes, testing::Not(testing::Contains(HasSubstr("--from-scratch"))));
}

// A store that knows weights of a name; what their file holds is the worker's business.
NamedWeights give_weights(const std::filesystem::path& store, const std::string& name, const std::string& backbone) {
  const NamedWeights weights{name, core::sha256_hex("trunk " + name), backbone, "file.pth",
                             core::sha256_hex("file " + name)};
  const StoreLayout layout(store);
  WeightsCatalogue(core::real_file_system(), layout).add(weights);
  core::write_atomic(core::real_file_system(), layout.weights_file(weights.sha256), std::string_view("tensors"));
  return weights;
}

TEST_F(Suite, weights_of_a_name_are_the_hash_that_stands_in_the_store) {
  const std::string text = small("[profiles.paper]\nweights = \"imagenet\"\n");
  options_.profile = "paper";
  const NamedWeights given = give_weights(options_.store, "imagenet", "resnet50");
  const Plan with = plan(text);
  check_sound(with);
  for (const TrainingSpecification& training : jobs_of<TrainingSpecification>(with))
    EXPECT_EQ(given.sha256, training.initial_weights);
  EXPECT_THAT(with.tables[0].notes, testing::Contains(HasSubstr("initial weights imagenet (resnet50, SHA-256 " +
                                                                given.sha256.substr(0, 12) + ")")));
  EXPECT_THAT(with.tables[0].notes, testing::Not(testing::Contains(HasSubstr("from scratch"))));

  // --from-scratch still means what it says; other weights are another job.
  options_.from_scratch = true;
  const Plan scratch = plan(text);
  EXPECT_EQ("", jobs_of<TrainingSpecification>(scratch).front().initial_weights);
  EXPECT_THAT(scratch.tables[0].notes, testing::Contains(HasSubstr("--from-scratch")));
  EXPECT_NE(scratch.jobs.back().id, with.jobs.back().id);
}

TEST_F(Suite, rows_may_start_from_different_weights) {
  const NamedWeights ours = give_weights(options_.store, "ours", "resnet50");
  const Plan made = plan(small({}, R"([[table.row]]
id = "r"
label = "R"
weights = "ours"
[[table.row]]
id = "plain"
label = "Plain"
)"));
  EXPECT_EQ(ours.sha256, training_of(made, "t", "r").initial_weights);
  EXPECT_EQ("", training_of(made, "t", "plain").initial_weights);
  EXPECT_THAT(made.tables[0].notes, testing::Contains(HasSubstr("initial weights ours")));
  EXPECT_THAT(made.tables[0].notes, testing::Contains("rows without weights from scratch"));
}

TEST_F(Suite, all_weights_that_are_missing_are_named_at_once) {
  const std::string rows = R"([[table.row]]
id = "r"
label = "R"
weights = "ours"
[[table.row]]
id = "small"
label = "Small"
backbone = "resnet-small"
weights = "theirs"
[[table.row]]
id = "plain"
label = "Plain"
weights = "imagenet"
)";
  const std::string all = tests::refusal([&] { plan(small({}, rows)); });
  EXPECT_THAT(all, HasSubstr("key 'weights' has the value 'ours' (the store has no weights of that name"));
  EXPECT_THAT(all, HasSubstr("; 3 are missing in all: resolute weights import FILE --store STORE; "
                             "resolute weights import FILE --store STORE --name ours; "
                             "resolute weights import FILE --store STORE --name theirs --backbone resnet-small"));
  for (const char* name : {"ours", "imagenet"}) give_weights(options_.store, name, "resnet50");
  EXPECT_THAT(tests::refusal([&] { plan(small({}, rows)); }), testing::Not(HasSubstr("missing in all")));
  give_weights(options_.store, "theirs", "resnet-small");
  EXPECT_EQ(plan(small({}, rows)).missing_weights.size(), 0U);
}

TEST_F(Suite, weights_that_cannot_serve_are_refused) {
  const auto refusal = [&](const std::string& name) {
    return tests::refusal([&] { plan(small("weights = \"" + name + "\"")); });
  };
  EXPECT_THAT(refusal("imagenet"), HasSubstr("resolute weights import FILE --store STORE)"));
  EXPECT_THAT(refusal("ours"), HasSubstr("resolute weights import FILE --store STORE --name ours"));
  EXPECT_THAT(refusal("imagenett"), HasSubstr("did you mean 'imagenet'"));
  EXPECT_THAT(refusal("../ours"), HasSubstr("a-z, 0-9 and '-'"));

  give_weights(options_.store, "small", "resnet-small");
  EXPECT_THAT(refusal("small"), HasSubstr("they are of the backbone resnet-small, not resnet50"));
  const NamedWeights gone = give_weights(options_.store, "gone", "resnet50");
  std::filesystem::remove(StoreLayout(options_.store).weights_file(gone.sha256));
  EXPECT_THAT(refusal("gone"), HasSubstr(gone.sha256 + ".safetensors is missing"));
  options_.need_roots = false;  // a table can be made without them
  EXPECT_EQ("", refusal("gone"));

  core::write_atomic(core::real_file_system(), options_.store / "weights/broken.json", std::string_view("{}"));
  EXPECT_THAT(refusal("broken"), HasSubstr("weights/broken.json: key 'sha256' is missing"));
  core::write_atomic(core::real_file_system(), options_.store / "weights/broken.json",
                     std::string_view(R"({"sha256":"../../x","backbone":"b","source":"s","source_sha256":""})"));
  EXPECT_THAT(refusal("broken"), HasSubstr("'../../x' is not a SHA-256"));

  // A typo does not pass because --from-scratch drops what it asks for.
  options_.from_scratch = true;
  EXPECT_THAT(refusal("imagenett"), HasSubstr("did you mean 'imagenet'"));
  EXPECT_EQ("", refusal("pretrained-elsewhere"));
}

TEST_F(Suite, store_and_relative_roots) {
  auto root = [&](const std::string& written) {
    return plan(R"(suite = "s"
title = "S"
[defaults]
method = "baseline"
train.steps = 5
train.identities = 4
[[dataset]]
id = "m"
source = "market1501"
root = ")" + written +
                R"("
[[table]]
id = "t"
title = "T"
metrics = ["rank1"]
datasets = ["m"]
[[table.row]]
id = "r"
label = "R"
)")
        .datasets[0]
        .root;
  };
  std::filesystem::create_directories(folder_ / "store" / "raw");
  std::filesystem::create_directories(folder_ / "beside");
  EXPECT_EQ(folder_ / "store" / "raw", root("${STORE}/raw"));
  EXPECT_EQ(folder_ / "beside", root("beside"));
}

TEST_F(Suite, an_external_worker_is_named) {
  EXPECT_THAT(plan("worker = [\"python\", \"train.py\"]\n" + small()).worker, ElementsAre("python", "train.py"));
}

TEST_F(Suite, a_program_of_one_s_own_has_jobs_of_its_own) {
  const std::string rows = row("ours", "") + row("mine-1", "train.program = 1") + row("mine-2", "train.program = 2");
  const Plan made = plan("worker = [\"python\", \"train.py\"]\n" + small("", rows));
  std::set<std::string> trainings, evaluations;
  for (const RowPlan& one : made.tables[0].rows) evaluations.insert(one.cells[0].evaluations[0].hex);
  for (const auto& training : jobs_of<TrainingSpecification>(made)) trainings.insert(job_id(training).hex);
  EXPECT_EQ(trainings.size(), 3U);
  EXPECT_EQ(evaluations.size(), 3U);
  EXPECT_TRUE(trainings.contains(job_id(training_of(plan(small()), "t", "r")).hex)) << "what it has without the key";
  EXPECT_THAT(made.tables[0].notes, Contains(HasSubstr("a program of its own (train.program 1 (mine-1), 2 (mine-2))")));
  EXPECT_THAT(made.tables[0].notes, Contains("backbone resnet50"));
  const Plan all_mine = plan("worker = [\"python\", \"train.py\"]\n" + small("train.program = 1"));
  EXPECT_THAT(all_mine.tables[0].notes, Not(Contains(HasSubstr("backbone"))));
}

TEST_F(Suite, jobs_of_a_program_are_called_by_its_file) {
  const auto jobs = [&](const std::string& worker, const std::string& program) {
    std::vector<std::string> labels;
    for (const PlannedJob& job : plan("worker = " + worker + "\n" + small("train.program = " + program)).jobs)
      labels.push_back(job.label);
    return labels;
  };
  for (const auto& [worker, name] : {std::pair(R"(["python3.11", "-u", "src/train.py", "x.y"])", "train.py"),
                                     {R"(["python", "-m", "mine.net"])", "mine.net"},
                                     {R"(["/opt/mine/train", "--fast"])", "train"}})
    EXPECT_THAT(jobs(worker, "1"), AllOf(Contains(StartsWith(fmt::format("training {} trial 0 '", name))),
                                         Contains(StartsWith(fmt::format("evaluation {} trial 0 '", name)))));
  EXPECT_THAT(jobs(R"(["python", "train.py"])", "0"), Contains(StartsWith("training rain trial 0 '")));
}

TEST_F(Suite, a_program_s_files_make_its_jobs_and_nobody_else_s) {
  const auto write = [&](const std::string& name, std::string_view text) {
    core::write_atomic(core::real_file_system(), folder_ / name, text);
  };
  write("mine.py", "1");
  write("net/layers.py", "1");
  const auto ids = [&](const std::string& keys) {
    const Plan made = plan("worker = [\"python\", \"mine.py\"]\n" + keys +
                           small("", row("ours", "") + row("mine", "train.program = 1")));
    return std::pair(job_id(training_of(made, "t", "ours")).hex, job_id(training_of(made, "t", "mine")).hex);
  };
  const std::string files = "worker_files = [\"mine.py\", \"net/\"]\n";
  const auto plain = ids(""), before = ids(files);
  EXPECT_EQ(plain.first, before.first);
  EXPECT_NE(plain.second, before.second);
  write("beside.py", "1");
  EXPECT_EQ(ids(files), before);
  write("net/layers.py", "2");
  EXPECT_EQ(ids(files).first, before.first);
  EXPECT_NE(ids(files).second, before.second);
  EXPECT_EQ(ids(""), plain);
  write("net/layers.py", "1");
  EXPECT_EQ(ids(files), before);
  // What a bundle says in place of the files.
  const Plan made = plan("worker = [\"python\", \"mine.py\"]\n" + files + small("train.program = 1"));
  fs::remove_all(folder_ / "net");
  EXPECT_EQ(ids("worker_files_sha256 = \"" + made.program_sha256 + "\"\n" + files), before);
  EXPECT_THAT(made.tables.front().notes,
              Contains(HasSubstr("(train.program 1 of SHA-256 " + made.program_sha256.substr(0, 12) + ")")));
}

TEST_F(Suite, the_documents_example_is_a_suite) {
  const Plan made = plan(documented("# "));
  check_sound(made);
  EXPECT_EQ(3U, made.tables.at(0).rows.size());
}

TEST_F(Suite, the_reference_file_is_looked_for_in_three_places) {
  core::FileSystem& files = core::real_file_system();
  EXPECT_EQ(kSource / "reference" / "papers.toml", find_reference_file(files, {}, {}));
  EXPECT_EQ("/data/reference/papers.toml", find_reference_file(files, {{"RESOLUTE_DATA_DIR", "/data"}}, {}));
  const auto installed = folder_ / "share" / "resolute" / "reference" / "papers.toml";
  EXPECT_NE(installed, find_reference_file(files, {}, folder_ / "bin"));
  core::write_atomic(files, installed, std::string_view("x = 1"));
  EXPECT_EQ(installed, find_reference_file(files, {}, folder_ / "bin"));
}

}  // namespace
}  // namespace resolute::experiments::suite_test
