//! Options that no training or evaluation could have, and tables that could not be made: refused while planning, with
//! file, line and key.

#include <gmock/gmock.h>

#include "tests/experiments/suite_refusal.h"

namespace resolute::experiments::suite_options_test {
namespace {

using namespace testing;

constexpr const char* kLevels = "levels = [4, 5]";

TEST(ImpossibleOptions, levels_and_the_adversary) {
  EXPECT_THAT(with(kLevels, "levels = [7]"),
              StartsWith("s.toml:13:1: key 'rain.levels' has the value [7] (each must be 1 to 5, for row 'r'"));
  EXPECT_THAT(with(kLevels, "levels = []"),
              AllOf(StartsWith("s.toml:13:1: key 'rain.levels' has the value [] (the adversary 'minimax' has no level"),
                    HasSubstr("set rain.adversary = \"off\"")));
  EXPECT_THAT(
      with(kLevels, "adversary = \"off\"\nclassification = false\ntriplet = false\nreconstruction = false"),
      StartsWith(
          "s.toml:13:1: key 'rain.adversary' has the value 'off' (every other loss is off too, so none is left"));
  EXPECT_THAT(
      with(kLevels, "adversary = \"of\""),
      AllOf(StartsWith("s.toml:13:1: key 'rain.adversary' has the value 'of'"), HasSubstr("did you mean 'off'")));
}

TEST(ImpossibleOptions, a_switched_off_adversarys_options_are_checked_too) {
  EXPECT_EQ("", with(kLevels, "adversary = \"off\""));
  EXPECT_EQ("", with(kLevels, "adversary = \"off\"\nlevels = [1]"));
  EXPECT_THAT(with(kLevels, "adversary = \"off\"\nlevels = [7]"),
              StartsWith("s.toml:14:1: key 'rain.levels' has the value [7]"));
  EXPECT_THAT(with(kLevels, "adversary = \"off\"\nupdates = \"never\""), StartsWith("s.toml:14:1: key 'rain.updates'"));
  EXPECT_THAT(with(kLevels, "adversary = \"off\"\nadversarial_weight = -1"),
              StartsWith("s.toml:14:1: key 'rain.adversarial_weight'"));
  EXPECT_THAT(with(kLevels, "reconstruction = false\ndecoder = \"none\""),
              StartsWith("s.toml:14:1: key 'rain.decoder'"));
}

TEST(ImpossibleOptions, rate_one_needs_no_room_in_the_pack) {
  EXPECT_EQ("", with("identities = 8", "identities = 8\ntrain_rates = [1]"));
  EXPECT_EQ("", with("trials = 1", "trials = 1\nevaluate.query_rates = [1]\nevaluate.sample_rates = [1, 2, 4]"));
  EXPECT_THAT(with("trials = 1", "trials = 1\nevaluate.sample_rates = [1, 8]"),
              AllOf(StartsWith("s.toml:7:10: key 'evaluate.sample_rates' has the value [1, 8]"), HasSubstr("add 8")));
}

TEST(ImpossibleOptions, what_an_evaluation_shows) {
  EXPECT_THAT(with("trials = 1", "trials = 1\nevaluate.panels = -1"),
              StartsWith("s.toml:7:10: key 'evaluate.panels' has the value -1 (it must be 0 to 32"));
  EXPECT_THAT(with("trials = 1", "trials = 1\nevaluate.sample_identities = 0"),
              StartsWith("s.toml:7:10: key 'evaluate.sample_identities' has the value 0"));
  EXPECT_THAT(with("trials = 1", "trials = 1\nevaluate.resolution_probe = 1"),
              StartsWith("s.toml:7:10: key 'evaluate.resolution_probe' has the value 1 (true or false is needed)"));
  EXPECT_THAT(
      with("trials = 1", "trials = 1\nevaluate.query_rates = [1]\nevaluate.resolution_probe = true"),
      AllOf(StartsWith("s.toml:8:10: key 'evaluate.resolution_probe' has the value true"), HasSubstr("at rate 1")));
}

TEST(ImpossibleOptions, a_training_that_nothing_teaches) {
  const auto row = [](const std::string& share) {
    return with("train.pad = 4", "train.pad = 4\ntrain.labelled_fraction = " + share +
                                     "\nrain.reconstruction = false\nrain.adversary = \"off\"");
  };
  EXPECT_THAT(row("0.0"), AllOf(StartsWith("s.toml:33:7: key 'train.labelled_fraction' has the value 0"),
                                HasSubstr("no loss is left")));
  EXPECT_EQ("", row("0.2"));
}

TEST(ImpossibleOptions, labels_of_fewer_than_two_identities) {
  const auto row = [](const std::string& share) {
    return with("train.pad = 4", "train.pad = 4\ntrain.labelled_by = \"identity\"\ntrain.labelled_fraction = " + share);
  };
  EXPECT_THAT(row("0.01"), AllOf(HasSubstr("key 'train.labelled_fraction' has the value 0.01"),
                                 HasSubstr("set train.labelled_by = \"image\"")));
  EXPECT_EQ("", row("0.5"));
  EXPECT_EQ("", row("0.0"));
}

TEST(ImpossibleOptions, originals_that_nothing_aims_at) {
  const auto row = [](const std::string& more) {
    return with("train.pad = 4", "train.pad = 4\nsplit.train_pool = \"mlr-with-originals\"\n" + more);
  };
  EXPECT_EQ("", row(""));
  for (const char* more : {"rain.reconstruction = false", "method = \"baseline\"",
                           "method = \"resolution_adaptive\"\nresolution_adaptive.masks = \"off\"",
                           "method = \"ftwa\"\ntrain.lr_images = 2"})
    EXPECT_THAT(row(more), AllOf(HasSubstr("key 'split.train_pool' has the value 'mlr-with-originals'"),
                                 HasSubstr("set it to mlr")))
        << more;
}

TEST(ImpossibleOptions, a_stream_of_lr_images_alone_needs_them) {
  const auto row = [](const std::string& more) {
    return with("train.pad = 4", "train.pad = 4\nrain.pairing = \"shuffled\"\ntrain.images = 4\n" + more);
  };
  EXPECT_THAT(row(""),
              AllOf(HasSubstr("key 'train.lr_images' has the value 0"), HasSubstr("half of 'train.images', 2")));
  EXPECT_THAT(row("train.lr_images = 1"), HasSubstr("key 'train.lr_images' has the value 1"));
  EXPECT_EQ("", row("train.lr_images = 2"));
  EXPECT_EQ("", row("train.lr_images = 1\nrain.triplet = false"));
}

TEST(ImpossibleTables, a_probe_that_a_row_does_not_make) {
  const std::string probed = "metrics = [\"rank1\", \"resolution_probe\"]";
  EXPECT_EQ(
      "s.toml:27:1: key 'metrics' names 'resolution_probe' ('evaluate.resolution_probe' is false for row 'r' on data "
      "set "
      "'easy'); set evaluate.resolution_probe = true",
      with("metrics = [\"rank1\", \"mAP\"]", probed));
  std::string text = kGood;
  text.replace(text.find("metrics = [\"rank1\", \"mAP\"]"), 26, probed);
  text.replace(text.find("trials = 1"), 10, "trials = 1\nevaluate.resolution_probe = true");
  EXPECT_EQ("", message_for(text));
}

TEST(ImpossibleTables, a_comparison_with_no_row) {
  auto compared = [](const std::string& with_what, const std::string& more = {}) {
    return with("datasets = [\"easy\"]", "datasets = [\"easy\"]\ncompare_with = " + with_what + more);
  };
  EXPECT_EQ("", compared("\"r\""));
  EXPECT_EQ("", compared("\"no-triplet\""));  // of a grid
  EXPECT_EQ(
      "s.toml:29:1: key 'compare_with' names 'no-triplett' (table 't' has no row of that id); did you mean "
      "'no-triplet'",
      compared("\"no-triplett\""));
  EXPECT_EQ(
      "s.toml:29:1: key 'compare_with' names '' (table 't' has no row of that id); known are r, no-triplet, "
      "no-classification",
      compared("\"\""));
  EXPECT_THAT(compared("1"), StartsWith("s.toml:29:1: key 'compare_with' has the value 1 (a string is needed)"));
  EXPECT_THAT(with("metrics = [\"rank1\", \"mAP\"]", "metrics = [\"resolution_probe\"]\ncompare_with = \"r\""),
              AllOf(StartsWith("s.toml:28:1: key 'compare_with' names 'r'"), HasSubstr("one of queries")));
}

TEST(ImpossibleTables, a_comparison_of_other_queries) {
  auto row = [](const std::string& setting) {
    std::string text = kGood;
    text.replace(text.find("train.pad = 4"), 13, setting);
    text.replace(text.find("datasets = [\"easy\"]"), 19, "datasets = [\"easy\"]\ncompare_with = \"no-triplet\"");
    return message_for(text);
  };
  EXPECT_EQ("", row("split.train_pool = \"hr-view-only\""));
  EXPECT_EQ("", row("evaluate.query_rates = [2, 3, 4]"));  // as the split's
  EXPECT_EQ("", row("evaluate.draws = 7"));
  EXPECT_THAT(row("evaluate.query_rates = [2]"),
              AllOf(StartsWith("s.toml:29:1: key 'compare_with' has the value 'no-triplet' (its queries on data set "
                               "'easy' are not those of row 'r'"),
                    HasSubstr("query rates [2, 3, 4] against"), HasSubstr("query rates [2])"),
                    HasSubstr("in a table of their own")));
  EXPECT_THAT(row("split.lr_camera = 1"), HasSubstr("lr_camera 2"));
  EXPECT_THAT(row("split.partition = \"official\""), HasSubstr("partition official"));
}

TEST(ImpossibleTables, broken_claims_of_the_reference_file) {
  const auto file =
      std::filesystem::temp_directory_path() / fmt::format("resolute-claims-{}", ::getpid()) / "papers.toml";
  auto claim = [&](const std::string& text) {
    SuiteOptions options;
    options.reference_file = file;
    core::write_atomic(core::real_file_system(), file,
                       R"([[result]]
paper = "rain"
table = "table3"
method = "rain"
dataset = "mlr-cuhk03"
variant = "full"
metrics = { rank1 = 78.9 }
[[result]]
paper = "rain"
table = "table3"
method = "rain"
dataset = "mlr-cuhk03"
variant = "without L_adv"
missing = true
[[claim]]
kind = "stated"
by = "variant"
paper = "rain"
dataset = "mlr-cuhk03"
metric = "rank1"
worse_to_better = ["without L_adv", "full"]
)" + text);
    std::string message = message_for(kGood, options);
    if (const auto at = message.find("papers.toml"); at != std::string::npos) message = message.substr(at);
    return message;
  };
  const std::string rest = "[[claim]]\npaper = \"rain\"\ndataset = \"mlr-cuhk03\"\nmetric = \"rank1\"\n";
  const std::string head = rest + "kind = \"printed\"\n";
  const std::string sound = "by = \"variant\"\nworse_to_better = [\"full\", \"without L_adv\"]\n";
  EXPECT_EQ("", claim(""));
  EXPECT_THAT(claim(head + "by = \"colour\"\nworse_to_better = [\"full\", \"without L_adv\"]\n"),
              StartsWith("papers.toml:27:1: key 'by' has the value 'colour'"));
  EXPECT_THAT(claim(head + "by = \"variant\"\nworse_to_better = [\"full\", \"fuller\"]\n"),
              StartsWith("papers.toml:28:1: key 'worse_to_better' names 'fuller'"));
  EXPECT_THAT(claim(head + "by = \"variant\"\nworse_to_better = [\"full\", \"full\"]\n"), HasSubstr("it stands twice"));
  EXPECT_THAT(claim(head + "by = \"variant\"\nworse_to_better = [\"full\"]\n"), HasSubstr("fewer than two entries"));
  EXPECT_THAT(claim(head + "worse_to_better = [\"full\"]\n"), HasSubstr("key 'by' is missing"));
  const std::string by = head + "by = \"variant\"\n", some = "some = [\"full\"]\n";
  const std::string above = "above = \"without L_adv\"\n";
  EXPECT_EQ("", claim(by + some + above));
  EXPECT_THAT(claim(by + some), HasSubstr("key 'above' is missing"));
  EXPECT_THAT(claim(by + above), StartsWith("papers.toml:28:1: key 'above' stands without 'some'"));
  EXPECT_THAT(claim(by + "some = []\n" + above), StartsWith("papers.toml:28:1: key 'some' is empty"));
  EXPECT_THAT(claim(by + "some = [\"fuller\"]\n" + above), StartsWith("papers.toml:28:1: key 'some' names 'fuller'"));
  EXPECT_THAT(claim(by + some + "above = \"bare\"\n"), StartsWith("papers.toml:29:1: key 'above' names 'bare'"));
  EXPECT_THAT(claim(by + some + "above = \"full\"\n"), HasSubstr("names 'full' (it stands twice)"));
  EXPECT_THAT(claim(head + sound + some), StartsWith("papers.toml:29:1: key 'some' stands beside 'worse_to_better'"));
  EXPECT_THAT(claim(head + sound + above), HasSubstr("key 'above' stands beside 'worse_to_better'"));
  EXPECT_THAT(claim(head + sound + "why = 1\n"), HasSubstr("key 'why' is unknown"));
  EXPECT_EQ("", claim(head + sound));
  EXPECT_THAT(claim(rest + sound), HasSubstr("key 'kind' is missing"));
  EXPECT_THAT(claim(rest + "kind = \"writen\"\n" + sound), HasSubstr("'writen'"));
  EXPECT_THAT(claim(rest + "kind = \"stateed\"\n" + sound), HasSubstr("did you mean 'stated'"));
  EXPECT_THAT(claim(rest + "kind = \"Printed\"\n" + sound), HasSubstr("must be one of stated, printed"));
  EXPECT_THAT(claim(rest + "kind = true\n" + sound), HasSubstr("kind"));
  std::filesystem::remove_all(file.parent_path());
}

}  // namespace
}  // namespace resolute::experiments::suite_options_test
