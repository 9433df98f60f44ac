//! Wrong suites: each is refused with one line that names file, line and key.

#include <gmock/gmock.h>

#include <cstring>

#include "core/random.h"
#include "experiments/language/toml_document.h"
#include "tests/experiments/suite_refusal.h"

namespace resolute::experiments::suite_errors_test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

TEST(SuiteErrors, the_unchanged_suite_is_good) { EXPECT_EQ("", message_for(kGood)); }

TEST(SuiteErrors, misspelt_keys_get_a_suggestion) {
  EXPECT_EQ("s.toml:10: key 'train.step' is unknown; did you mean 'train.steps'", with("steps = 10", "step = 10"));
  EXPECT_EQ("s.toml:13: key 'rain.level' is unknown; did you mean 'rain.levels'", with("levels =", "level ="));
  EXPECT_EQ("s.toml:32: key 'train.pda' is unknown; did you mean 'train.pad'", with("train.pad", "train.pda"));
  EXPECT_EQ("s.toml:32: key 'pad' is unknown; did you mean 'train.pad'", with("train.pad", "pad"));
  EXPECT_EQ("s.toml:31: key 'lable' is unknown; did you mean 'label'",
            with("label = \"R\"", "label = \"R\"\nlable = 1").replace(7, 2, "31"));
  EXPECT_EQ("s.toml:16: key 'weigths' is unknown; did you mean 'weights'", with("weights", "weigths"));
  EXPECT_EQ("s.toml:21: key 'identites' is unknown; did you mean 'identities'",
            with("identities = 64", "identites = 64"));
  EXPECT_THAT(with("title = \"Good\"", "title = \"Good\"\ntitel = \"x\""),
              StartsWith("s.toml:3: key 'titel' is unknown; did you mean 'title'"));
  EXPECT_THAT(
      with("metrics = ", "metric = "),
      StartsWith("s.toml:24: key 'metrics' is missing ([[table]] needs it); is 'metric' at s.toml:27 meant for it"));
  EXPECT_THAT(with("set = {", "sets = {"), StartsWith("s.toml:37: key 'sets.rain.{loss}' is unknown"));
  EXPECT_THAT(with("[defaults.rain]", "[defaults.rainy]"),
              StartsWith("s.toml:13: key 'rainy.levels' is unknown; did you mean 'rain.levels'"));
  EXPECT_THAT(with("[defaults.rain]", "[defaults.rainy]\n[defaults.rain]"),
              StartsWith("s.toml:12: key 'rainy' is unknown"));
}

TEST(SuiteErrors, an_unknown_method_option_is_wrong_even_where_no_row_uses_it) {
  EXPECT_THAT(with("levels = [4, 5]", "mode = 1"), StartsWith("s.toml:13: key 'rain.mode' is unknown"));
  EXPECT_EQ("", with("method = \"rain\"", "method = \"baseline\""));
}

TEST(SuiteErrors, wrong_types) {
  EXPECT_EQ("s.toml:10: key 'train.steps' has the value \"ten\" (an integer is needed)",
            with("steps = 10", "steps = \"ten\""));
  EXPECT_EQ("s.toml:10: key 'train.steps' has the value 10.5 (an integer is needed)",
            with("steps = 10", "steps = 10.5"));
  EXPECT_THAT(with("steps = 10", "steps = 99999999999"),
              HasSubstr("s.toml:10: key 'train.steps' has the value 99999999999 (an integer in range is needed)"));
  EXPECT_THAT(with("levels = [4, 5]", "levels = 5"),
              StartsWith("s.toml:13: key 'rain.levels' has the value 5 (a list is needed)"));
  EXPECT_THAT(with("levels = [4, 5]", "levels = [4, \"5\"]"),
              StartsWith("s.toml:13: key 'rain.levels[1]' has the value"));
  EXPECT_THAT(with("\"rain.{loss}\" = false", "\"rain.{loss}\" = 0"),
              StartsWith("s.toml:37: key 'rain.triplet' has the value 0 (true or false is needed)"));
  EXPECT_THAT(with("title = \"Good\"", "title = 3"), StartsWith("s.toml:2: key 'title'"));
  EXPECT_THAT(with("title = \"Good\"", "title = \"a\\nb\""),
              StartsWith("s.toml:2: key 'title' is not a title (it holds a control"));
  EXPECT_THAT(with("steps = 10", "steps = 2024-01-01"), StartsWith("s.toml:10: a date or time"));
  EXPECT_THAT(with("steps = 10", "steps = 10\ngamma = inf"),
              StartsWith("s.toml:11: key 'gamma' holds a number that is not finite"));
  EXPECT_THAT(with("[defaults]\nmethod = \"rain\"", "[defaults]\ntrain = 4\nmethod = \"rain\""), StartsWith("s.toml"));
  EXPECT_THAT(with("lanes = 2", "lanes = { a = 1 }"), StartsWith("s.toml:7: key 'lanes.a' is unknown"));
  EXPECT_THAT(with("lanes = 2", "split = 2"),
              StartsWith("s.toml:7: key 'split' is not a table (it holds keys such as 'split.lr_camera')"));
  EXPECT_THAT(with("[[dataset]]", "[dataset]"), StartsWith("s.toml:18: key 'dataset' is not a list of tables"));
}

TEST(SuiteErrors, values_out_of_range) {
  EXPECT_EQ("s.toml:10: key 'train.steps' has the value 0 (it must be 1 to 100000000, for row 'r' on data set 'easy')",
            with("steps = 10", "steps = 0"));
  EXPECT_THAT(with("steps = 10\n", ""), StartsWith("s.toml:28: key 'train.steps' has the value 0"));
  EXPECT_THAT(with("levels = [4, 5]", "levels = [5, 5]"),
              StartsWith("s.toml:13: key 'rain.levels' has the value [5, 5] (they must ascend, none twice"));
  EXPECT_THAT(with("levels = [4, 5]", "levels = [0]"),
              StartsWith("s.toml:13: key 'rain.levels' has the value [0] (each must be 1 to 5"));
  EXPECT_THAT(with("trials = 1", "trials = 0"), StartsWith("s.toml:6: key 'trials' has the value 0"));
  EXPECT_THAT(
      with("source = \"synthetic\"", "source = \"synthetic\"\nkernel = \"triangel\""),
      AllOf(StartsWith("s.toml:21: key 'kernel' has the value 'triangel'"), HasSubstr("did you mean 'triangle'")));
  EXPECT_THAT(with("source = \"synthetic\"", "source = \"synthetic\"\nbackbone = \"resnet51\""),
              AllOf(StartsWith("s.toml:21: key 'network.backbone' has the value 'resnet51'"),
                    HasSubstr("did you mean 'resnet50'")));
  EXPECT_THAT(with("method = \"rain\"", "method = \"rian\""),
              AllOf(StartsWith("s.toml:5: key 'method' has the value 'rian'"), HasSubstr("did you mean 'rain'")));
  EXPECT_THAT(with("method = \"rain\"", ""), StartsWith("s.toml:29: key 'method' is missing"));
  EXPECT_THAT(with("identities = 64", "identities = 64\nfine_contrast = 2"),
              StartsWith("s.toml:22: key 'fine_contrast' has the value 2"));
  EXPECT_THAT(with("identities = 64", "identities = 64\nimage_height = 2"),
              StartsWith("s.toml:22: key 'image_height' has the value 2"));
  EXPECT_THAT(with("identities = 64", "seed = -1"),
              StartsWith("s.toml:21: key 'seed' has the value -1 (an integer in range"));
  EXPECT_THAT(with("suite = \"good\"", "suite = \"../good\""),
              StartsWith("s.toml:1: key 'suite' has the value '../good'"));
  EXPECT_THAT(with("id = \"easy\"", "id = \"Easy\""), StartsWith("s.toml:19: key 'id' has the value 'Easy'"));
  EXPECT_THAT(with("source = \"synthetic\"", "source = \"synthetik\"\nroot = \"/\""),
              AllOf(HasSubstr("key 'source'"), HasSubstr("did you mean 'synthetic'")));
}

TEST(SuiteErrors, impossible_options) {
  EXPECT_EQ(
      "s.toml:11: key 'train.identities' has the value 3 (2 lanes leave a lane with 1 of the 2 identities that it "
      "needs, "
      "for row 'r' on data set 'easy'); raise it to 4 or lower 'lanes'",
      with("identities = 8", "identities = 3"));
  EXPECT_THAT(with("identities = 8", "identities = 8\nimages = 1"),
              StartsWith("s.toml:12: key 'train.images' has the value 1 (the triplet loss"));
  EXPECT_THAT(with("ranks = 2", "ranks = 3"),
              StartsWith("s.toml:8: key 'ranks' has the value 3 (it must divide the number of lanes, 2"));
  EXPECT_THAT(with("ranks = 2", "ranks = 0"), StartsWith("s.toml:8: key 'ranks' has the value 0"));
  EXPECT_THAT(
      with("identities = 8", "identities = 8\ntrain_rates = [2, 8]"),
      AllOf(StartsWith("s.toml:12: key 'train.train_rates' has the value [2, 8] (data set 'easy' has rates [2, 3, 4]"),
            HasSubstr("add 8")));
  EXPECT_THAT(with("rates = [2, 3, 4]", "rates = [2, 3]"),
              HasSubstr("key 'split.query_rates' has the value [2, 3, 4] (data set 'easy' has rates [2, 3]"));
  EXPECT_THAT(with("identities = 8", "identities = 40"),
              StartsWith("s.toml:11: key 'train.identities' has the value 40 (data set 'easy' has 32"));
  EXPECT_THAT(with("trials = 1", "trials = 1\nsplit.lr_camera = 3"),
              StartsWith("s.toml:7: key 'split.lr_camera' has the value 3"));
  EXPECT_THAT(with("train.pad = 4", "height = 64"), StartsWith("s.toml:32: key 'height' stands in a row"));
  EXPECT_THAT(with("lanes = 2", "lanes = 2\nbackbone = \"resnet50\"\nnetwork.backbone = \"resnet50\""),
              AllOf(HasSubstr("key 'network.backbone' stands twice"), HasSubstr("first at s.toml:")));
}

TEST(SuiteErrors, tables_and_rows) {
  EXPECT_THAT(with("metrics = [\"rank1\", \"mAP\"]", "metrics = [\"rank1\", \"map\"]"),
              StartsWith("s.toml:27: key 'metrics' names 'map'"));
  EXPECT_THAT(with("datasets = [\"easy\"]", "datasets = [\"esay\"]"),
              AllOf(StartsWith("s.toml:28: key 'datasets' names 'esay'"), HasSubstr("did you mean 'easy'")));
  EXPECT_THAT(with("datasets = [\"easy\"]", "datasets = []"), StartsWith("s.toml:28: key 'datasets' is empty"));
  EXPECT_THAT(with("id = \"no-{loss}\"", "id = \"no-loss\""),
              AllOf(StartsWith("s.toml:33: key 'id' has the value 'no-loss'"), HasSubstr("stands twice")));
  EXPECT_THAT(with("id = \"no-{loss}\"", "id = \"no-{los}\""),
              AllOf(StartsWith("s.toml:33: '{los}' is not a name"), HasSubstr("did you mean 'loss'")));
  EXPECT_THAT(with("loss = [\"triplet\", \"classification\"]", "loss = []"),
              StartsWith("s.toml:36: key 'grid.loss' has no values"));
  EXPECT_THAT(with("label = \"R\"\n", ""), StartsWith("s.toml:29: key 'label' is missing"));
  EXPECT_THAT(with("id = \"r\"", "id = \"../r\""), StartsWith("s.toml:30: key 'id' has the value '../r'"));
  const std::string text(kGood);
  EXPECT_THAT(message_for(text.substr(0, text.find("[[table.row]]"))),
              HasSubstr("s.toml:24: table 't' has no [[table.row]]"));
  EXPECT_THAT(message_for(text.substr(0, text.find("[[table]]"))), StartsWith("s.toml: no [[table]]"));
  EXPECT_THAT(message_for(""), StartsWith("s.toml:1: key 'suite' is missing"));
  std::string grid = "loss = [\"triplet\"]";
  for (const char* name : {"a", "b", "c", "d"}) grid += fmt::format(", {} = [1, 2, 3, 4, 5, 6, 7]", name);
  EXPECT_THAT(with("loss = [\"triplet\", \"classification\"]", grid), HasSubstr("key 'grid' has too many points"));
}

TEST(SuiteErrors, references) {
  EXPECT_THAT(with("variant = \"full\"", "variant = \"ful\""),
              AllOf(StartsWith("s.toml:38: key 'reference' has the variant 'ful'"), HasSubstr("did you mean 'full'")));
  EXPECT_THAT(with("paper = \"rain\"", "paper = \"rainy\""),
              AllOf(StartsWith("s.toml:38: key 'reference' has the paper 'rainy'"), HasSubstr("did you mean 'rain'")));
  EXPECT_THAT(with("method = \"rain\", variant", "variant"), StartsWith("s.toml:38: key 'method' is missing"));
  EXPECT_THAT(with("variant = \"full\"", "variant = \"full\", of = 1"), StartsWith("s.toml:38: key 'of' is unknown"));
  EXPECT_THAT(with("variant = \"full\"", "variant = \"full\", on = [\"x\"]"),
              StartsWith("s.toml:38: key 'reference.on' names 'x'"));
  SuiteOptions options;
  options.reference_file = "/nowhere/papers.toml";
  EXPECT_THAT(message_for(kGood, options), StartsWith("reference numbers '/nowhere/papers.toml' are missing"));
}

TEST(SuiteErrors, profiles_and_sets) {
  SuiteOptions paper;
  paper.profile = "paper";
  EXPECT_THAT(message_for(kGood, paper),
              AllOf(StartsWith("s.toml:16: key 'weights' has the value 'imagenet'"), HasSubstr("--from-scratch")));
  SuiteOptions wrong;
  wrong.profile = "papre";
  EXPECT_THAT(message_for(kGood, wrong), AllOf(StartsWith("--profile papre: "), HasSubstr("did you mean 'paper'")));
  auto set = [](const std::string& assignment) {
    SuiteOptions options;
    options.sets = {parse_assignment(assignment)};
    return message_for(kGood, options);
  };
  EXPECT_EQ("--set train.step: key 'train.step' is unknown; did you mean 'train.steps'", set("train.step=1"));
  EXPECT_EQ("--set train.steps: key 'train.steps' has the value \"many\" (an integer is needed)",
            set("train.steps=many"));
  EXPECT_THAT(set("train.steps=0"), StartsWith("--set train.steps: key 'train.steps' has the value 0"));
  EXPECT_THAT(set("train.steps="), HasSubstr("an integer is needed"));
  EXPECT_THAT(set("train.steps=1\nsuite=2"), HasSubstr("an integer is needed"));
  EXPECT_THAT(set("rates=[2, 3]"), StartsWith("--set rates: key 'rates' has no effect"));
  EXPECT_THAT(set("title=x"), StartsWith("--set title: key 'title' is unknown"));
  EXPECT_THROW(parse_assignment("train.steps"), core::RuntimeError);
  EXPECT_THROW(parse_assignment("=3"), core::RuntimeError);
}

TEST(SuiteErrors, roots) {
  const std::string market = "source = \"market1501\"\nroot = \"${MARKET}\"\n";
  auto root = [&](const std::string& text, std::map<std::string, std::string> environment) {
    SuiteOptions options;
    options.environment = std::move(environment);
    return with("source = \"synthetic\"\nidentities = 64\n", text, options);
  };
  EXPECT_EQ(
      "s.toml:21: key 'root' of data set 'easy' names the variable 'MARKET' (it is not set in the environment); export "
      "MARKET=FOLDER with the raw images",
      root(market, {}));
  EXPECT_THAT(root(market, {{"MARKET", "/nowhere/at/all"}}),
              AllOf(StartsWith("s.toml:21: key 'root'"), HasSubstr("/nowhere/at/all")));
  EXPECT_THAT(root("source = \"market1501\"\nroot = \"${MARKET\"\n", {}), StartsWith("s.toml:21: key 'root'"));
  EXPECT_THAT(root("source = \"market1501\"\n", {}), StartsWith("s.toml:18: key 'root' is missing"));
  EXPECT_THAT(root(market, {{"MARKET", "\xff\xfe"}}), HasSubstr("is not UTF-8"));
  EXPECT_EQ("", root(market, {{"MARKET", "/"}}));
}

TEST(SuiteErrors, hostile_text) {
  EXPECT_THAT(message_for(std::string(1 << 20, '[')),
              AllOf(StartsWith("s.toml:1: not usable TOML"), HasSubstr("nested")));
  EXPECT_THAT(message_for("a = " + std::string(1 << 20, '[')), HasSubstr("nested deeper"));
  std::string dots = "a";
  for (int i = 0; i < 300'000; ++i) dots += ".a";
  EXPECT_THAT(message_for(dots + " = 1"), HasSubstr("nested deeper"));
  EXPECT_THAT(message_for("[" + dots + "]\n"), HasSubstr("nested deeper"));
  std::string quoted = "\"a\"";
  for (int i = 0; i < 100'000; ++i) quoted += ".'a'";
  EXPECT_THAT(message_for(quoted + " = 1"), HasSubstr("nested deeper"));
  EXPECT_THAT(message_for("suite = \"\xff\xfe\""), StartsWith("s.toml:1: not TOML"));
  EXPECT_THAT(message_for(std::string("suite = \"a\0b\"", 13)), StartsWith("s.toml:1: not TOML"));
  EXPECT_THAT(message_for("suite = 99999999999999999999999999"), StartsWith("s.toml:1: not TOML"));
  EXPECT_THAT(message_for("suite = 1e99999"), StartsWith("s.toml:1: "));
  EXPECT_THAT(message_for("suite = \"a\"\nsuite = \"b\""), StartsWith("s.toml:2: not TOML"));
  EXPECT_THAT(message_for("suite = \"a"), StartsWith("s.toml:1: not TOML"));
  EXPECT_THAT(message_for("x = [1, {a = 1}]"), StartsWith("s.toml:1: a list mixes tables and values"));
  EXPECT_THAT(message_for("x = [[{a = 1}]]"), StartsWith("s.toml:1: a list holds a table"));
  EXPECT_THAT(message_for(std::string(5 << 20, '\n')), HasSubstr("at most"));
  // Dots inside strings and comments nest nothing.
  EXPECT_EQ("", with("title = \"Good\"", "title = \"" + std::string(100, '.') + "[[[[\" # " + std::string(100, '.')));
}

TEST(SuiteErrors, every_prefix_of_a_suite_is_refused_or_read) {
  const std::string text(kGood);
  for (std::size_t length = 0; length < text.size(); length += 7) {
    SCOPED_TRACE(length);
    EXPECT_NO_THROW(message_for(text.substr(0, length)));
  }
}

TEST(SuiteErrors, mutated_text_is_read_or_refused) {
  const std::string good(kGood);
  const std::string pieces = "[]{}=.,\"'#\n\\\t 0-1eE_+:TZuUx\x80\xff";
  core::RandomStream random("mutate suite", {1});
  int refused = 0;
  for (int round = 0; round < 5000; ++round) {
    std::string text = good;
    for (std::uint64_t edits = 1 + random.below(8); edits > 0; --edits) {
      const std::size_t at = random.below(text.size());
      const char piece = pieces[random.below(pieces.size())];
      switch (random.below(4)) {
        case 0:
          text[at] = piece;
          break;
        case 1:
          text.insert(at, 1 + random.below(40), piece);
          break;
        case 2:
          text.erase(at, 1 + random.below(20));
          break;
        default:
          text.insert(at, text.substr(random.below(text.size()), random.below(60)));
      }
    }
    try {
      parse_toml(text, "m.toml");
    } catch (const core::RuntimeError& error) {
      ++refused;
      EXPECT_THAT(error.what(), StartsWith("m.toml:"));
      EXPECT_EQ(nullptr, std::strchr(error.what(), '\n'));
    }
  }
  EXPECT_GT(refused, 1000);
  EXPECT_LT(refused, 5000);
}

TEST(SuiteErrors, a_missing_file) {
  try {
    read_suite(core::real_file_system(), "/nowhere/s.toml", {});
    FAIL();
  } catch (const core::RuntimeError& error) {
    EXPECT_EQ(core::ErrorKind::kInput, error.kind());
    EXPECT_THAT(error.what(), HasSubstr("/nowhere/s.toml"));
  }
}

}  // namespace
}  // namespace resolute::experiments::suite_errors_test
