//! Settings of data in suites: which source, what LR images are made of, which side is LR, who is tested. What a source
//! cannot have is refused while planning, with file, line and key.

#include "experiments/specification/validation.h"
#include "experiments/store/store_layout.h"
#include "tests/experiments/suite_fixture.h"

namespace resolute::experiments::data_settings_test {
namespace {

using namespace testing;

// A row's settings begin in line 25.
std::string head(const std::string& source, const std::string& keys = "") {
  const std::string root = source == "synthetic" ? "identities = 40" : "root = \"${ROOT}\"";
  return fmt::format(R"(suite = "data"
title = "Data"

[defaults]
method = "baseline"
trials = 2
height = 64
width = 32
train = {{ steps = 4, identities = 4 }}

[[dataset]]
id = "set"
source = "{}"
{}
{}

[[table]]
id = "t"
title = "T"
metrics = ["rank1"]
datasets = ["set"]
[[table.row]]
id = "r"
label = "R"
)",
                     source, root, keys);
}

class DataSettings : public Suite {
 protected:
  void SetUp() override {
    Suite::SetUp();
    options_.need_roots = false;
  }
  //! Of a suite with one row on a data set of this source; "" where it is accepted.
  std::string refusal(const std::string& source, const std::string& settings, const std::string& keys = "") {
    return refusal_in(tests::refusal([&] { check_sound(plan(head(source, keys) + settings)); }));
  }
  SplitSettings split(const std::string& source, const std::string& settings) {
    return jobs_of<EvaluationSpecification>(plan(head(source) + settings)).back().split;
  }
};

TEST_F(DataSettings, every_source_can_be_planned) {
  for (const settings::SourceFacts& source : settings::kSources)
    EXPECT_EQ("", refusal(std::string(source.name), source.one_camera ? "split.lr_camera = 0" : "")) << source.name;
  EXPECT_THAT(refusal("cuhk", ""),
              AllOf(StartsWith("s.toml:13:1: key 'source' has the value 'cuhk'"), HasSubstr("did you mean 'cuhk03'")));
}

// Labels are asked where they are here, else what is published; of a list of one's own that is nothing.
TEST_F(DataSettings, too_few_people_for_a_batch_are_refused_wherever_they_can_be_known) {
  options_.check_lists = true;
  options_.need_roots = false;
  options_.training_images = [](const DatasetPlan&, const SplitSettings&) { return settings::TrainingCount{40, 7}; };
  EXPECT_EQ("", refusal("csv", "train.identities = 7"));
  for (const char* source : {"csv", "viper", "market1501", "mlr-folders"}) {
    EXPECT_THAT(refusal(source, "train.identities = 8"),
                AllOf(StartsWith("s.toml:"), HasSubstr("key 'train.identities' has the value 8 (data set '"),
                      HasSubstr("has 7 training identities")));
    EXPECT_THAT(refusal(source, "split.train_identities = 9"),
                HasSubstr("key 'split.train_identities' has the value 9"));
    EXPECT_EQ("", refusal(source, "split.train_identities = 7\ntrain.identities = 7"));
  }
  options_.training_images = [](const DatasetPlan&, const SplitSettings&) -> std::optional<settings::TrainingCount> {
    throw core::input_error("pack 'x' cannot be split", "why", "advice");
  };
  EXPECT_THAT(refusal("csv", ""), AllOf(StartsWith("s.toml:"), HasSubstr(": pack 'x' cannot be split (why); advice")));
  options_.check_lists = false;
  EXPECT_EQ("", refusal("csv", "")) << "who looks at what there is";
  options_.check_lists = true;
  options_.training_images = [](const DatasetPlan&, const SplitSettings&) -> std::optional<settings::TrainingCount> {
    return std::nullopt;
  };
  EXPECT_EQ("", refusal("csv", "train.identities = 800"));
  // Half of VIPeR's 632 people train; VRU has more people than its numbers say.
  EXPECT_EQ("", refusal("viper", "train.identities = 316"));
  EXPECT_THAT(refusal("viper", "train.identities = 317"), HasSubstr("has 316 training identities"));
  EXPECT_EQ("", refusal("viper", "train.identities = 320\nsplit.test_identities = 300"));
  EXPECT_THAT(refusal("viper", "split.test_identities = 631"),
              HasSubstr("key 'split.test_identities' has the value 631"));
  EXPECT_EQ("", refusal("viper", "split.validation_identities = 312"));
  for (const int held_out : {315, 316, 900})
    EXPECT_THAT(refusal("viper", fmt::format("split.validation_identities = {}", held_out)),
                HasSubstr(fmt::format("key 'split.validation_identities' has the value {}", held_out)));
  EXPECT_EQ("", refusal("vru", "train.identities = 1500\nsplit.lr_camera = 0"));
  options_.check_lists = false;
  EXPECT_EQ("", refusal("viper", "train.identities = 317"));
}

TEST_F(DataSettings, links_are_followed_on_request_and_change_no_job) {
  const Plan usual = plan(head("csv")), followed = plan(head("csv", "follow_links = true"));
  EXPECT_FALSE(usual.datasets.at(0).follow_links);
  EXPECT_TRUE(followed.datasets.at(0).follow_links);
  ASSERT_EQ(usual.jobs.size(), followed.jobs.size());
  for (std::size_t i = 0; i < usual.jobs.size(); ++i) EXPECT_EQ(usual.jobs[i].id, followed.jobs[i].id);
  EXPECT_THAT(refusal("synthetic", "", "follow_links = true"), HasSubstr("key 'follow_links'"));
}

TEST_F(DataSettings, what_lr_images_are_made_of_is_another_pack) {
  const Plan native = plan(head("viper")), network = plan(head("viper", "view_from = \"network\""));
  EXPECT_EQ(settings::ViewFrom::kNative, native.datasets.at(0).pack.view_from);
  EXPECT_EQ(settings::ViewFrom::kNetwork, network.datasets.at(0).pack.view_from);
  EXPECT_NE(StoreLayout("/s").pack_folder(native.datasets.at(0).pack),
            StoreLayout("/s").pack_folder(network.datasets.at(0).pack));
  EXPECT_EQ(native.jobs.size(), network.jobs.size());
  for (std::size_t i = 0; i < native.jobs.size(); ++i) EXPECT_NE(native.jobs[i].id, network.jobs[i].id);
  EXPECT_THAT(refusal("viper", "", "view_from = \"raw\""),
              StartsWith("s.toml:15:1: key 'view_from' has the value 'raw' (it must be one of native, network)"));
  EXPECT_THAT(refusal("viper", "view_from = \"network\""), StartsWith("s.toml:25:1: key 'view_from' stands in a row"));
}

TEST_F(DataSettings, the_lr_side_may_be_drawn) {
  for (const char* side : {"drawn", "pair", "identity"}) {
    const std::string setting = fmt::format("split.lr_side = \"{}\"\n", side);
    EXPECT_EQ(side, settings::word(split("cuhk03", setting).lr_side));
    EXPECT_EQ("", refusal("synthetic", setting));
    EXPECT_THAT(plan(head("market1501") + setting).tables[0].notes,
                Contains(std::string("low-resolution side by ") + side));
    // It has no effect, in whatever order the two stand.
    for (const int camera : {0, 1, 3})
      EXPECT_THAT(refusal("market1501", fmt::format("{}split.lr_camera = {}", setting, camera)),
                  AllOf(StartsWith(fmt::format("s.toml:26:7: key 'split.lr_camera' has the value {} (", camera)),
                        HasSubstr(fmt::format("with 'split.lr_side' \"{}\" nothing looks at it", side))));
    EXPECT_THAT(refusal("synthetic", setting, "cameras = 1"),
                AllOf(StartsWith("s.toml:25:7: key 'split.lr_side' has the value"), HasSubstr("has one camera")));
    EXPECT_THAT(refusal("vru", setting), HasSubstr("data set 'set' has one camera"));
  }
  EXPECT_EQ("", refusal("synthetic", "split.lr_side = \"pair\"", "cameras = 4"));
  EXPECT_THAT(refusal("synthetic", "split.lr_side = \"pair\"", "cameras = 3"),
              AllOf(StartsWith("s.toml:25:7: key 'split.lr_side' has the value 'pair'"), HasSubstr("has 3 cameras")));
  EXPECT_THAT(refusal("viper", "split.lr_side = \"drwan\""), HasSubstr("did you mean 'drawn'"));
  EXPECT_EQ(settings::LrSide::kCamera, split("viper", "").lr_side);
  EXPECT_THAT(plan(head("viper")).tables[0].notes, Not(Contains(HasSubstr("low-resolution side"))));
}

TEST_F(DataSettings, so_many_identities_are_tested) {
  EXPECT_EQ(100, split("cuhk03", "split.test_identities = 100").test_identities);
  EXPECT_THAT(plan(head("cuhk03") + "split.test_identities = 100").tables[0].notes, Contains("test identities 100"));
  EXPECT_EQ("", refusal("viper", "split.test_identities = 1"));
  EXPECT_THAT(refusal("viper", "split.test_identities = -1"), StartsWith("s.toml:25:7: key 'split.test_identities'"));
  EXPECT_THAT(refusal("market1501", "split.test_identities = 9\nsplit.partition = \"official\""),
              AllOf(StartsWith("s.toml:25:7: key 'split.test_identities' has the value 9"),
                    HasSubstr("with the partition 'official' the source says who is tested")));
  // The others train: 40 people are known before there is a pack.
  EXPECT_EQ("", refusal("synthetic", "split.test_identities = 36"));
  EXPECT_THAT(refusal("synthetic", "split.test_identities = 37"),
              AllOf(HasSubstr("'train.identities' has the value 4"), HasSubstr("'set' has 3 training identities")));
  EXPECT_THAT(refusal("synthetic", "split.test_identities = 39"),
              StartsWith("s.toml:25:7: key 'split.test_identities' has the value 39 (data set 'set' has 40 identities, "
                         "of which 2 must train"));
  EXPECT_EQ("", refusal("synthetic", "split.test_identities = 10\nsplit.train_identities = 30"));
  EXPECT_THAT(refusal("synthetic", "split.test_identities = 10\nsplit.train_identities = 31"),
              HasSubstr("data set 'set' has 30 training identities"));
}

TEST_F(DataSettings, a_trial_is_a_published_test_set) {
  for (const char* source : {"cuhk03", "cuhk03-detected"}) {
    const Plan plan = this->plan(head(source) + "split.partition = \"published\"\ntrials = 20");
    std::set<std::uint64_t> numbers;
    for (const TrainingSpecification& one : jobs_of<TrainingSpecification>(plan)) numbers.insert(one.split.seed);
    EXPECT_EQ(20U, numbers.size());
    EXPECT_EQ(19U, *numbers.rbegin());
    EXPECT_EQ(
        fmt::format("s.toml:26:1: key 'trials' has the value 21 (source '{}' publishes 20 test sets, one a trial, "
                    "for row 'r' on data set 'set'); lower it to 20 or set split.partition = \"random-halves\"",
                    source),
        refusal(source, "split.partition = \"published\"\ntrials = 21"));
    EXPECT_EQ("", refusal(source, "split.partition = \"random-halves\"\ntrials = 21"));
  }
  for (const settings::SourceFacts& facts : settings::kSources) {
    const std::string source(facts.name);
    if (facts.published_sets != 0) continue;
    EXPECT_THAT(refusal(source, "split.partition = \"published\""),
                AllOf(StartsWith("s.toml:25:7: key 'split.partition' has the value 'published'"),
                      HasSubstr(fmt::format("source '{}' of data set 'set' has no published test sets", source))))
        << source;
  }
  // By hand, past the suite's reader.
  EvaluationSpecification evaluation =
      jobs_of<EvaluationSpecification>(plan(head("cuhk03") + "split.partition = \"published\"")).front();
  evaluation.split.seed = 20;
  EXPECT_THROW(validate(evaluation, "x"), core::RuntimeError);
}

TEST_F(DataSettings, images_that_came_in_low_resolution_leave_no_choice) {
  for (const settings::SourceFacts& facts : settings::kSources) {
    const std::string source(facts.name);
    if (!facts.came_low) continue;
    const auto refused = [&](const std::string& settings, const std::string& key) {
      EXPECT_THAT(refusal(source, settings),
                  AllOf(StartsWith(fmt::format("s.toml:25:{}: key '{}' has the value", key.find('.') + 2, key)),
                        HasSubstr("data set 'set' came in low resolution"), HasSubstr("on data set 'set'); ")))
          << source << ": " << settings;
    };
    for (const char* side : {"drawn", "pair", "identity"})
      refused(fmt::format("split.lr_side = \"{}\"", side), "split.lr_side");
    refused("split.lr_camera = 0", "split.lr_camera");
    refused("split.lr_camera = 1", "split.lr_camera");
    refused("split.train_pool = \"hr-both-views\"", "split.train_pool");
    refused("evaluate.query_rates = [4]", "evaluate.query_rates");
    // What [defaults] ask of the other data sets is undone on this one, as the refusal says.
    for (const char* setting : {"split.lr_camera = 1", "split.lr_side = \"identity\""}) {
      const auto with_defaults = [&](const std::string& keys) {
        std::string text = head(source, keys);
        return text.replace(text.find("trials = 2"), 10, fmt::format("trials = 2\n{}", setting));
      };
      const std::string instead = "split.lr_camera = 2 and split.lr_side = \"camera\"";
      EXPECT_THAT(tests::refusal([&] { plan(with_defaults("")); }), HasSubstr("; set " + instead + " on that data set"))
          << setting;
      EXPECT_NO_THROW(check_sound(plan(with_defaults("split.lr_camera = 2\nsplit.lr_side = \"camera\"")))) << setting;
    }
    EXPECT_EQ("", refusal(source, "split.lr_camera = 2"));
    EXPECT_EQ("", refusal(source, "split.train_pool = \"hr-view-only\""));
    EXPECT_EQ("", refusal(source, "split.query_rates = [2, 4]\nevaluate.query_rates = [2, 4]"));
  }
}

TEST_F(DataSettings, rows_with_other_queries_are_not_compared) {
  const auto compared = [&](const std::string& settings) {
    std::string text = head("cuhk03") + settings + "\n" + row("other", "");
    const std::string at = "datasets = [\"set\"]";
    text.replace(text.find(at), at.size(), at + "\ncompare_with = \"other\"");
    return tests::refusal([&] { plan(text); });
  };
  EXPECT_THAT(compared("train.pad = 1"), IsEmpty());
  EXPECT_THAT(compared("split.lr_side = \"pair\""), HasSubstr("lr_side pair, query rates"));
  EXPECT_THAT(compared("split.test_identities = 100"), HasSubstr("test_identities 100"));
  EXPECT_THAT(compared("split.partition = \"published\""), HasSubstr("partition published"));
}

TEST_F(DataSettings, the_documents_data_sets_are_a_suite_with_the_papers_numbers_beside_them) {
  const Plan made = plan(documented("## Data sets"));
  check_sound(made);
  EXPECT_EQ(5U * 10U, jobs_of<TrainingSpecification>(made).size());
  for (const CellPlan& cell : row_of(made, "table1", "rain").cells)
    EXPECT_EQ(cell.dataset != "mlr-market-1501", cell.references.contains("rank1")) << cell.dataset;
  EXPECT_EQ(42.0, row_of(made, "table1", "rain").cells.at(3).references.at("rank1"));
  const std::string section = page_.substr(page_.find("## Data sets"));
  for (const settings::SourceFacts& source : settings::kSources)
    EXPECT_LT(section.find(fmt::format("`{}`", source.name)), section.find("```toml\n"));
}

}  // namespace
}  // namespace resolute::experiments::data_settings_test
