// What a newcomer types wrongly, and what is said.

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "tests/system/program.h"

namespace resolute::system_test::messages_test {
namespace {

using namespace testing;

TEST(Messages, a_misspelt_command_or_option_gets_the_nearest) {
  expect_refusal(resolute({"sutie", "run"}), 2, "unknown command 'sutie'; did you mean 'suite'");
  expect_refusal(resolute({"suite", "rnu"}), 2, "unknown command 'suite rnu'; did you mean 'suite run'");
  expect_refusal(resolute({"data", "ingset"}), 2, "did you mean 'data ingest'");
  expect_refusal(resolute({"table"}), 2, "unknown command 'table'; did you mean 'suite table'");
  expect_refusal(resolute({"compact"}), 2, "did you mean 'suite compact' or 'store compact'");
  expect_refusal(resolute({"zebra"}), 2, "unknown command 'zebra'; see resolute --help");
  expect_refusal(resolute({"suite", "zebra"}), 2, "unknown command 'suite zebra'; see resolute suite --help");
  expect_refusal(resolute({"suite", "run", "s.toml", "--stroe", "x"}), 2,
                 "unknown option '--stroe'; did you mean '--store'");
  expect_refusal(resolute({"suite", "table", "s.toml", "--formt=csv"}), 2, "did you mean '--format'");
  expect_refusal(resolute({"rank", "f.h5", "--jsno"}), 2, "did you mean '--json'");
  expect_refusal(resolute({"rank", "f.h5", "--zebra"}), 2, "unknown option '--zebra'; usage: resolute rank");
  expect_refusal(resolute({"--hlep"}), 2, "did you mean '--help'");
  expect_refusal(resolute({"suite", "--hlep"}), 2, "did you mean 'suite --help'");
  const ScratchFolder folder;
  expect_refusal(
      resolute({"suite", "run", kTinySuite.string(), "--store", (folder / "store").string(), "--only", "bsaeline"}), 2,
      "'bsaeline' names no row and no job of suite 'tiny'; did you mean 'baseline'");
}

TEST(Messages, a_number_is_asked_for_where_one_is_needed) {
  const auto with = [](const char* option) { return resolute({"suite", "run", "s.toml", option, "two"}); };
  expect_refusal(with("--slots"), 2, "the argument ('two') for option '--slots' is invalid (an integer is needed)");
  expect_refusal(with("--most-gpu-hours"), 2, "'--most-gpu-hours' is invalid (a number is needed)");
}

TEST(Messages, a_suite_that_is_not_there_may_be_meant_for_one_that_comes_with_the_program) {
  const ScratchFolder folder;
  const auto plan = [&](const std::string& suite) {
    return resolute({"suite", "plan", suite, "--store", (folder / "store").string()});
  };
  const std::string at = (folder / "suites/rain.toml").string();
  expect_refusal(
      plan(at), 2,
      "cannot open '" + at + "' (No such file or directory); 'rain.toml' comes with resolute: give that name alone");
  for (const char* near : {"rian.toml", "rain", "rain.tml"})
    expect_refusal(plan(near), 2, "; did you mean 'rain.toml', which comes with resolute");
  expect_refusal(plan("none-is-called-so.toml"), 2,
                 "cannot open 'none-is-called-so.toml' (No such file or directory)\n");
}

TEST(Messages, a_suite_is_meant_by_its_file_and_not_by_its_id) {
  const ScratchFolder folder;
  const auto plan = [&](const std::string& suite) {
    return resolute({"suite", "plan", suite, "--store", (folder / "store").string()});
  };
  for (const char* name : {"street", "my.suite", "rain"}) {  // the last one comes with the program too
    const std::string at = (folder / name).string();
    std::ofstream(at + ".toml") << "suite = 1\n";
    expect_refusal(plan(at), 2, "cannot open '" + at + "' (No such file or directory); did you mean '" + at + ".toml'");
    std::filesystem::create_directory(at);
    expect_refusal(plan(at), 2, "cannot open '" + at + "' (Is a directory); did you mean '" + at + ".toml'");
  }
}

TEST(Messages, help_tells_of_the_variable_that_stands_for_a_required_store) {
  for (const Words& command : {Words{"suite", "plan"}, {"train"}, {"data", "ingest"}})
    EXPECT_THAT(succeeded(resolute(joined(command, {"--help"}))).out,
                ContainsRegex("required,\\s+or\\s+RESOLUTE_STORE"));
}

TEST(Messages, help_knows_commands_and_groups) {
  EXPECT_EQ(succeeded(resolute({"help", "suite", "run"})).out, succeeded(resolute({"suite", "run", "--help"})).out);
  EXPECT_EQ(succeeded(resolute({"help", "rank"})).out, succeeded(resolute({"rank", "--help"})).out);
  EXPECT_EQ(succeeded(resolute({"help", "suite"})).out, succeeded(resolute({"suite", "--help"})).out);
  EXPECT_EQ(succeeded(resolute({"help"})).out, succeeded(resolute({"--help"})).out);
  expect_refusal(resolute({"help", "sutie"}), 2, "did you mean 'suite'");
  expect_refusal(resolute({"help", "suite", "rnu"}), 2, "did you mean 'suite run'");
}

TEST(Messages, suite_keys_answers_to_words_of_pytorch) {
  const auto keys = [](const char* word) { return succeeded(resolute({"suite", "keys", word})); };
  for (const auto& [word, key] : {std::pair("lr", "train.learning_rate"),
                                  {"optimizer", "train.optimiser"},
                                  {"pretrained", "weights"},
                                  {"amp", "train.precision"},
                                  {"seed", "trials"},
                                  {"augment", "train.flip"},
                                  {"batch_size", "train.identities"}})
    EXPECT_THAT(keys(word).out, HasSubstr(std::string(key) + " = ")) << word;
  EXPECT_THAT(keys("lr").out, Not(HasSubstr("lr_")));
  for (const char* spelling : {"learningrate", "learningRate", "Learning-Rate", "learning_rate"})
    EXPECT_THAT(keys(spelling).out, HasSubstr("train.learning_rate = ")) << spelling;
  EXPECT_THAT(keys("batch_size").err, HasSubstr("a batch has 'train.identities' × 'train.images' images"));
  EXPECT_THAT(keys("num_workers").err, HasSubstr("no key sets how images are loaded"));
}

// Without the option, from the environment.
CommandOutput with_store_variable(const std::string& store, Words arguments) {
  auto environment = program_environment();
  environment["RESOLUTE_STORE"] = store;
  arguments.insert(arguments.begin(), (kBin / "resolute").string());
  return run_program(std::move(arguments), std::move(environment));
}

TEST(Messages, the_variable_names_the_store_of_every_command_that_has_one) {
  const ScratchFolder folder;
  fs::create_directories(folder / "store/suites");
  const std::string store = (folder / "store").string();
  EXPECT_EQ(succeeded(with_store_variable(store, {"suite", "list"})).out,
            succeeded(resolute({"suite", "list", "--store", store})).out);
  succeeded(with_store_variable(store, {"store", "check"}));
  succeeded(with_store_variable(store, {"weights", "list"}));
  succeeded(with_store_variable(store, {"suite", "plan", kTinySuite.string()}));
  const std::string other = (folder / "none").string();
  EXPECT_NE(code_of(with_store_variable(other, {"suite", "list", "--store", store})), 2) << "what is typed goes first";
  succeeded(with_store_variable(other, {"store", "check", store}));
}

TEST(Messages, a_store_that_is_no_folder_is_refused_by_every_command) {
  const ScratchFolder folder;
  write(folder / "file", "");
  fs::create_symlink(folder / "none", folder / "link");
  fs::create_symlink("loop", folder / "loop");
  const std::vector<Words> commands{{"suite", "plan", kTinySuite}, {"suite", "run", kTinySuite},   {"suite", "list"},
                                    {"weights", "list"},           {"suite", "table", kTinySuite}, {"store", "check"}};
  for (const auto& [name, why] : {std::pair("file", "is no folder (something else lies there)"),
                                  {"link", "is no folder (the link leads to nothing that is there)"},
                                  {"loop", "is no folder (the link leads to nothing that is there)"}})
    for (const Words& command : commands)
      expect_refusal(resolute(joined(command, {"--store", folder / name})), 2,
                     "store '" + (folder / name).string() + "' " + why);
  expect_refusal(with_store_variable((folder / "file").string(), {"suite", "list"}), 2,
                 "of RESOLUTE_STORE is no folder");
}

TEST(Messages, a_variable_that_names_no_store_is_told_as_such) {
  const ScratchFolder folder;
  const std::string none = (folder / "none").string();
  expect_refusal(with_store_variable(none, {"suite", "list"}), 2,
                 "there is no store '" + none + "' (RESOLUTE_STORE names it)");
  expect_refusal(with_store_variable(none, {"suite", "table", kTinySuite.string()}), 2, "(RESOLUTE_STORE names it)");
  expect_refusal(with_store_variable("/proc/none", {"suite", "run", kTinySuite.string()}), 2,
                 "store '/proc/none' of RESOLUTE_STORE cannot be written (");
  for (const char* relative : {"store", "./store", "~/store"})
    expect_refusal(
        with_store_variable(relative, {"suite", "list"}), 2,
        fmt::format("RESOLUTE_STORE is '{}' (it would be another folder from each working folder); give it an "
                    "absolute path",
                    relative));
  expect_refusal(with_store_variable("", {"suite", "list"}), 2,
                 "option --store is missing; give it, or set RESOLUTE_STORE");
}

}  // namespace
}  // namespace resolute::system_test::messages_test
