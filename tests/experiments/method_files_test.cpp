//! Methods in Python that a suite names: their options are keys, checked by what stands in the file, and their jobs'
//! ids follow from file and options. Python reads the files; nothing of PyTorch is there.

#include <gmock/gmock.h>

#include "core/hash/sha256.h"
#include "tests/experiments/suite_fixture.h"

namespace resolute::experiments::method_files_test {
namespace {

using namespace testing;

constexpr const char* kMine = R"(import torch
import resolute

class Mine(resolute.Method):
    @dataclass
    class Options:
        width: int
        rate: float = 1
        name: str | None = None
        wide: bool = field(default=False, metadata={"help": "twice the width"})
)";

constexpr const char* kHead = R"(suite = "s"
title = "S"
[[method]]
id = "mine"
python = "methods/mine.py"
[defaults]
method = "mine"
mine.width = 8
train.identities = 8
train.steps = 10
[profiles.wide]
mine.width = 64
[[dataset]]
id = "easy"
source = "synthetic"
[[table]]
id = "t"
title = "T"
metrics = ["rank1"]
datasets = ["easy"]
)";

class MethodFiles : public Suite {
 protected:
  MethodFiles() {
    options_.environment["PYTHONPATH"] = (tests::source_folder() / "python").string();
    options_.environment["PYTHONDONTWRITEBYTECODE"] = "1";  // the package is that of the sources
    write("methods/mine.py", kMine);
  }
  void write(const std::string& name, std::string_view text) {
    core::write_atomic(core::real_file_system(), folder_ / name, text);
  }
  void edit(const std::string& from, const std::string& to) {
    std::string text = kMine;
    const auto at = text.find(from);
    ASSERT_NE(at, text.npos) << from;
    write("methods/mine.py", text.replace(at, from.size(), to));
  }
  Plan of_row(const std::string& settings) { return plan(kHead + row("r", settings)); }
  TrainingSpecification training(const std::string& settings) { return training_of(of_row(settings), "t", "r"); }
  std::string id(const std::string& settings = {}) { return job_id(training(settings)).hex; }
  std::string refusal(const std::string& text) {
    const std::string message = tests::refusal([&] { plan(text); });
    return tests::named(tests::named(message, (folder_ / "s.toml").string(), "s.toml"), folder_.path().string(),
                        "HERE");
  }
  std::string refused(const std::string& settings) { return refusal(kHead + row("r", settings)); }
  //! The head with a piece of it replaced.
  static std::string head(const std::string& from, const std::string& to) {
    std::string text = kHead;
    const auto at = text.find(from);
    EXPECT_NE(at, text.npos) << from;
    return text.replace(at, from.size(), to) + row("r", "");
  }
};

TEST_F(MethodFiles, a_recipe_has_the_file_and_all_options_by_value) {
  const Plan made = of_row("mine.rate = 2");
  check_sound(made);
  const Recipe recipe = training_of(made, "t", "r").recipe;
  EXPECT_EQ(recipe.program, 1);
  EXPECT_EQ(recipe.program_sha256, core::sha256_hex(std::string_view(kMine)));
  EXPECT_EQ(recipe.program_options, R"({"name":null,"rate":2.0,"wide":false,"width":8})");
  EXPECT_THAT(made.worker, ElementsAre("python3", "-m", "resolute", "work", (folder_ / "methods/mine.py").string()));
  EXPECT_THAT(made.tables[0].notes,
              Contains("trained by a method in Python (mine of SHA-256 " + recipe.program_sha256.substr(0, 12) + ")"));
  EXPECT_THAT(made.tables[0].notes, Not(Contains(HasSubstr("scratch")))) << "the file's own business";
  edit("class Mine(resolute.Method):", "class Mine(resolute.Method):\n    revision = 3");
  EXPECT_EQ(training("").recipe.program, 3);
}

TEST_F(MethodFiles, ids_follow_from_the_file_and_the_options_alone) {
  const std::string before = id();
  for (const char* changed : {"mine.width = 9", "mine.rate = 1.5", "mine.name = \"\"", "mine.wide = true"})
    EXPECT_NE(id(changed), before) << changed;
  for (const char* same : {"mine.width = 8", "mine.rate = 1.0", "mine.wide = false", "weights = \"imagenet\""})
    EXPECT_EQ(id(same), before) << same;
  write("methods/other.py", "# a comment");
  EXPECT_EQ(id(), before);
  edit("import torch", "import torch  # a comment");
  EXPECT_NE(id(), before);
  edit("import torch", "import torch");
  EXPECT_EQ(id(), before);
  EXPECT_NE(id("train.copies_from = \"network\""), before) << "a method in Python looks at copies";
}

TEST_F(MethodFiles, rows_of_ours_and_of_several_files_stand_in_one_table) {
  write("other.py", "from resolute import Method\nclass Other(Method):\n    pass\n");
  const std::string more = "[[method]]\nid = \"other\"\npython = \"other.py\"\n";
  const std::string ours = row("ours", "method = \"rain\"");
  const Plan made = plan(kHead + row("r", "") + row("o", "method = \"other\"") + ours + more);
  check_sound(made);
  EXPECT_EQ(training_of(made, "t", "o").recipe.program_options, "{}");
  EXPECT_EQ(training_of(made, "t", "ours").recipe.program, 0);
  EXPECT_EQ(made.worker.size(), 6U);
  EXPECT_THAT(made.tables[0].notes,
              AllOf(Contains("from scratch (no initial weights)"), Contains(HasSubstr("backbone"))));
  const Plan without = plan(kHead + ours);
  EXPECT_EQ(job_id(training_of(without, "t", "ours")), job_id(training_of(made, "t", "ours")));
  EXPECT_THAT(without.worker, IsEmpty()) << "no row is of the method";
}

TEST_F(MethodFiles, options_are_swept_set_and_profiled_as_any_key) {
  const Plan made = plan(kHead + row("w-{w}", "grid = { w = [8, 16] }\nset = { \"mine.width\" = \"{w}\" }"));
  EXPECT_THAT(training_of(made, "t", "w-16").recipe.program_options, HasSubstr("\"width\":16"));
  options_.profile = "wide";
  EXPECT_THAT(training("").recipe.program_options, HasSubstr("\"width\":64"));
  options_.sets = {{"mine.width", "32"}, {"mine.name", "a"}};
  EXPECT_THAT(training("").recipe.program_options, AllOf(HasSubstr("\"width\":32"), HasSubstr("\"name\":\"a\"")));
  options_.sets = {{"mine.width", "x"}};
  EXPECT_EQ(refused(""),
            "--set mine.width: key 'mine.width' has the value \"x\" (an integer is needed); see methods/mine.py:7");
}

TEST_F(MethodFiles, a_wrong_option_is_refused_with_the_lines_of_both_files) {
  EXPECT_EQ(refused("mine.widht = 8"),
            "s.toml:24:6: key 'mine.widht' is unknown (the options of 'Mine' stand in methods/mine.py:4); did you mean "
            "'mine.width'");
  EXPECT_EQ(refused("mine.width = 8.0"),
            "s.toml:24:6: key 'mine.width' has the value 8.0 (an integer is needed); see methods/mine.py:7");
  EXPECT_EQ(refused("mine.rate = \"1\""),
            "s.toml:24:6: key 'mine.rate' has the value \"1\" (a number is needed); see methods/mine.py:8");
  EXPECT_EQ(refused("mine.wide = 1"),
            "s.toml:24:6: key 'mine.wide' has the value 1 (true or false is needed); see methods/mine.py:10");
  EXPECT_EQ(refused("mine.name = [\"a\"]"),
            "s.toml:24:6: key 'mine.name' has the value [\"a\"] (a string is needed); see methods/mine.py:9");
  EXPECT_THAT(refused("mine.name.first = \"a\""),
              HasSubstr(": key 'mine.name' has the value null (a string is needed); see methods/mine.py:9"));
  EXPECT_EQ(refused("mine = 8"), "s.toml:24:1: key 'mine' is not a table (it holds keys such as 'mine.width')");
  EXPECT_EQ(refused("mime.width = 8"), "s.toml:24:6: key 'mime.width' is unknown; did you mean 'mine.width'");
  EXPECT_EQ(refusal(head("mine.width = 8\n", "")),
            "s.toml:20:1: key 'mine.width' is missing (methods/mine.py:7 gives it no default); set it in the row or in "
            "[defaults]");
  EXPECT_THAT(refused("method = \"mien\""),
              AllOf(StartsWith("s.toml:24:1: key 'method' has the value 'mien' (methods are "),
                    EndsWith("did you mean 'mine'")));
  EXPECT_THAT(refused("train.program = 2"),
              StartsWith("s.toml:24:7: key 'train.program' has the value 2 ('mine' is in "));
}

TEST_F(MethodFiles, parts_of_its_module_are_frozen_by_their_names_in_python) {
  for (const std::string name : {"Mixed_5b", "layer1.0.Conv", "_stem", "trunk"}) {
    const Plan planned = plan(kHead + row("r", fmt::format("freeze = [\"{}\"]\n", name)));
    EXPECT_EQ(name, training_of(planned, "t", "r").recipe.frozen);
  }
  for (const std::string name : {"", "a b", "a,b", "a/b"})
    EXPECT_THAT(refusal(kHead + row("r", fmt::format("freeze = [\"{}\"]\n", name))), HasSubstr("key 'freeze' names"));
}

TEST_F(MethodFiles, a_wrong_method_is_refused_where_it_is_named) {
  const std::string key = "s.toml:5:1: key 'python' of method 'mine': ";
  EXPECT_EQ(refusal(head("methods/mine.py", "gone.py")),
            key + "'HERE/gone.py' cannot be read (No such file or directory)");
  edit("width: int", "width: list");
  EXPECT_EQ(refused(""),
            key +
                "HERE/methods/mine.py:7: the option 'width' is of type list (it is int, float, bool or str, "
                "or one of these and None)");
  write("methods/mine.py", "class Mine:\n  pass\n");
  EXPECT_THAT(refused(""), StartsWith(key + "HERE/methods/mine.py:1: no class derives from resolute.Method"));
  write("methods/mine.py", kMine);
  EXPECT_THAT(refusal(head("id = \"mine\"", "id = \"rain\"")),
              StartsWith("s.toml:4:1: key 'id' has the value 'rain' (a key or a method of ours has that name)"));
  for (const char* id : {"search", "over", "points", "rungs", "factor", "train"})
    EXPECT_THAT(refusal(head("id = \"mine\"", fmt::format("id = \"{}\"", id))),
                HasSubstr(fmt::format("key 'id' has the value '{}' (a key or a method", id)));
  EXPECT_THAT(refusal(head("python =", "pyhton =")), AllOf(StartsWith("s.toml:"), HasSubstr("'python' is missing")));
  EXPECT_EQ(
      refusal(head("[[method]]", "worker = [\"sh\"]\n[[method]]")),
      "s.toml:3:1: key 'worker' stands beside a [[method]] (one worker runs all jobs, and the package's runs methods "
      "in Python); leave one of the two out, or plan them apart");
  write("other.py", "from resolute import Method\nclass Other(Method):\n    pass\n");
  EXPECT_THAT(
      refusal(kHead + row("r", "") + "[[method]]\nid = \"mine\"\npython = \"other.py\"\n"),
      AllOf(StartsWith("s.toml:26:1: key 'id' has the value 'mine' ('HERE/methods/mine.py' is another method")));
}

TEST_F(MethodFiles, a_python_without_the_package_is_told_in_one_line) {
  const std::string key = "s.toml:5:1: key 'python' of method 'mine': ";
  const std::string named = "; name a Python that has the package resolute by RESOLUTE_PYTHON";
  options_.environment["RESOLUTE_PYTHON"] = "/nowhere/python";
  EXPECT_THAT(refused(""),
              AllOf(StartsWith(key + "'/nowhere/python -m resolute.schema' cannot be started ("), EndsWith(named)));
  options_.environment["RESOLUTE_PYTHON"] = "false";
  EXPECT_EQ(refused(""), key + "'false -m resolute.schema' ended with exit code 1" + named);
  options_.environment["RESOLUTE_PYTHON"] = "echo";
  EXPECT_THAT(refused(""), StartsWith(key + "'echo -m resolute.schema'"));
  options_.environment.erase("RESOLUTE_PYTHON");
  options_.environment["PYTHONHASHSEED"] = "abc";
  EXPECT_THAT(refused(""), HasSubstr(" (Fatal Python error: config_init_hash_seed: PYTHONHASHSEED must be"));
}

TEST_F(MethodFiles, a_table_has_metrics_of_recovered_images_where_the_class_recovers_some) {
  const std::string shown = head("\"rank1\"", "\"rank1\", \"psnr_gain_2\"");
  EXPECT_THAT(refusal(shown), HasSubstr("key 'metrics' names 'psnr_gain_2' (no row of table 't' recovers images)"));
  edit("    @dataclass", "    def recover(self, images, rates):\n        return {1: images}\n    @dataclass");
  EXPECT_THAT(refusal(shown), AllOf(HasSubstr("names 'psnr_gain_2' ('evaluate.sample_rates' is [], without 2 for row"),
                                    HasSubstr("add 2 to evaluate.sample_rates")));
  std::string sampled = shown;
  sampled.insert(sampled.find("[profiles.wide]"), "evaluate.sample_rates = [2]\n");
  EXPECT_TRUE(plan(sampled).method_schemas.at("mine").at("recovers").get<bool>());
  EXPECT_THAT(refusal(head("\"rank1\"", "\"level_agreement\"")), HasSubstr("tells levels of resolution apart"));
}

TEST_F(MethodFiles, a_bundle_s_schemas_stand_in_the_place_of_the_files) {
  const Plan made = of_row("");
  const std::string kept =
      fmt::format("method_schemas = {}\n", core::Json(core::canonical_json(made.method_schemas)).dump());
  fs::remove_all(folder_ / "methods");
  EXPECT_EQ(job_id(training_of(plan(kept + kHead + row("r", "")), "t", "r")), job_id(training_of(made, "t", "r")));
  EXPECT_THAT(refusal("method_schemas = \"[]\"\n" + head("", "")),
              StartsWith("s.toml:1:1: key 'method_schemas' is no object"));
  EXPECT_THAT(refusal("method_schemas = '{\"mine\":{\"schema\":2}}'\n" + head("", "")),
              StartsWith("s.toml:6:1: key 'python' of method 'mine': its options"));
  std::string other = kept;
  other.replace(other.find("bool"), 4, "list");
  EXPECT_THAT(refusal(other + head("", "")), HasSubstr("key 'type' has the value 'list'"));
}

}  // namespace
}  // namespace resolute::experiments::method_files_test
