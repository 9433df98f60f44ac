// What bash and zsh offer with the scripts of `resolute completion`.

#include <gmock/gmock.h>

#include "tests/system/program.h"

namespace resolute::system_test::completion_test {
namespace {

using namespace testing;

// The words that bash offers when tab is pressed behind the last of `words`.
//! \param program as it was typed
std::vector<std::string> offered(const std::string& words, const std::string& program = "\"$0\"",
                                 const std::string& before = "") {
  const std::string script =
      before + "source <(\"$0\" completion bash) && COMP_WORDS=(" + program + " " + words +
      ") && COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _resolute; printf '%s\\n' \"${COMPREPLY[@]}\"";
  const auto output = succeeded(run_program({"bash", "-c", script, (kBin / "resolute").string()}));
  EXPECT_EQ("", output.err);
  std::vector<std::string> lines = lines_of(output.out);
  std::erase(lines, "");
  return lines;
}

TEST(CompletionTest, offers_commands_then_their_second_words_then_their_own_options) {
  EXPECT_THAT(offered("''"), AllOf(Contains("suite"), Contains("train"), Contains("explain"), Not(Contains("status"))));
  EXPECT_THAT(offered("expl"), ElementsAre("explain"));
  EXPECT_THAT(offered("suite st"), ElementsAre("status"));
  EXPECT_THAT(offered("suite status --wa"), ElementsAre("--watch"));
  EXPECT_THAT(offered("suite run suite.toml --st"), ElementsAre("--stand-ins", "--store"));
  EXPECT_THAT(offered("rank --js"), ElementsAre("--json"));
  EXPECT_THAT(offered("rank --w"), IsEmpty());
  // What only an example or another command has is none of its options.
  EXPECT_THAT(offered("suite resume s.toml --sl"), IsEmpty());
  EXPECT_THAT(offered("suite submit s.toml --li"), IsEmpty());
  EXPECT_THAT(offered("rank feat"), IsEmpty());  // bash offers files then
}

TEST(CompletionTest, offers_keys_and_their_words_behind_set) {
  EXPECT_THAT(offered("suite plan s.toml --set train.sch"),
              ElementsAre("train.schedule=", "train.schedule=constant", "train.schedule=cosine",
                          "train.schedule=linear", "train.schedule=polynomial", "train.schedule=step"));
  EXPECT_THAT(offered("suite run s.toml --set rain.mining=b"), ElementsAre("rain.mining=batch-hard"));
  // As bash cuts it where somebody types.
  EXPECT_THAT(offered("suite run s.toml --set train.schedule ="),
              ElementsAre("constant", "cosine", "linear", "polynomial", "step"));
  EXPECT_THAT(offered("suite run s.toml --set rain.mining = b"), ElementsAre("batch-hard"));
  EXPECT_THAT(offered("suite run s.toml --set a/b ="), IsEmpty());
  EXPECT_THAT(offered("suite run s.toml --set '[' ="), IsEmpty());
}

TEST(CompletionTest, offers_the_words_of_closed_lists) {
  const auto formats = ElementsAre("csv", "json", "latex", "markdown", "provenance");
  EXPECT_THAT(offered("suite table s.toml --format ''"), formats);
  EXPECT_THAT(offered("suite table s.toml --format ="), formats);
  EXPECT_THAT(offered("suite table s.toml --format = la"), ElementsAre("latex"));
  EXPECT_THAT(offered("data export p --format f"), ElementsAre("fastreid"));
  EXPECT_THAT(offered("rank f.h5 --protocol m"), ElementsAre("multi-shot"));
  EXPECT_THAT(offered("data ingest vi"), ElementsAre("viper"));
  EXPECT_THAT(offered("data synth --layout vi"), ElementsAre("viper"));
  EXPECT_THAT(offered("suite keys rain.adversary"), ElementsAre("rain.adversary"));
  EXPECT_THAT(offered("suite run s.toml --burn-in q"), ElementsAre("quick"));
  EXPECT_THAT(offered("suite run s.toml --log ml"), ElementsAre("mlflow"));
  EXPECT_THAT(offered("completion b"), ElementsAre("bash"));
  EXPECT_THAT(offered("suite run s.toml --slots ''"), IsEmpty());
}

TEST(CompletionTest, offers_what_the_typed_suite_and_its_store_have) {
  const ScratchFolder folder;
  const std::string suite = (folder / "s.toml").string();
  write(suite,
        "suite = \"s\"\ntitle = \"S\"\n[profiles.paper]\ntrials = 2\n[profiles.long]\ntrials = 3\n[[dataset]]\nid = "
        "\"easy\"\n"
        "[[dataset]]\nid = \"hard\"\n[[table]]\nid = \"t\"\n[[table.row]]\nid = \"ours\"\n[[table.row]]\nid = "
        "\"no-{x}\"\ngrid.x = [\"loss\", 2]\n");
  EXPECT_THAT(offered("suite table " + suite + " --profile ''"), ElementsAre("long", "paper"));
  EXPECT_THAT(offered("suite table " + suite + " --profile p"), ElementsAre("paper"));
  EXPECT_THAT(offered("suite run " + suite + " --datasets h"), ElementsAre("hard"));
  EXPECT_THAT(offered("suite run " + suite + " --only ''"), ElementsAre("no-2", "no-loss", "ours"));
  EXPECT_THAT(offered("suite plan rain.toml --profile sm"), ElementsAre("smoke"));
  EXPECT_THAT(offered("suite run " + (folder / "none.toml").string() + " --only ''"), IsEmpty());
  write(folder / "broken.toml", "suite = \"");
  EXPECT_THAT(offered("suite run " + (folder / "broken.toml").string() + " --only ''"), IsEmpty());
  const std::string job = "ab" + std::string(62, '1');
  fs::create_directories(folder / "store/jobs/ab" / job);
  EXPECT_THAT(offered("logs --store " + (folder / "store").string() + " a"), ElementsAre(job.substr(0, 12)));
  EXPECT_THAT(offered("explain ab1", "\"$0\"", "export RESOLUTE_STORE=" + (folder / "store").string() + "; "),
              ElementsAre(job.substr(0, 12)));
}

TEST(CompletionTest, asks_the_program_that_was_typed_with_a_tilde_or_a_backslash) {
  const ScratchFolder home;
  fs::create_directories(home / "a&b/my bin");
  fs::create_symlink(kBin / "resolute", home / "a&b/my bin/resolute");
  const std::string at_home = "HOME='" + (home / "a&b").string() + "'; ";
  EXPECT_THAT(offered("suite status --wa", "'~/my\\ bin/resolute'", at_home), ElementsAre("--watch"));
  EXPECT_THAT(offered("suite run s.toml --set rain.mining=b", "'~/my\\ bin/resolute'", at_home),
              ElementsAre("rain.mining=batch-hard"));
}

TEST(CompletionTest, what_only_scripts_call_is_not_offered) { EXPECT_THAT(offered("suite al"), IsEmpty()); }

// The same of a real zsh.
std::vector<std::string> offered_by_zsh(const std::string& words) {
  const ScratchFolder folder;
  write(folder / "_resolute", succeeded(resolute({"completion", "zsh"})).out);
  const std::string driver = tests::source_folder() / "tests/system/program/zsh_offers.zsh";
  return lines_of(succeeded(run_program({"zsh", "-f", driver, kBin / "resolute", folder.path(), words})).out);
}

TEST(CompletionTest, zsh_offers_commands_then_their_second_words_then_their_own_options) {
  EXPECT_THAT(offered_by_zsh(""), AllOf(Contains("suite"), Contains("train"), Not(Contains("status"))));
  EXPECT_THAT(offered_by_zsh("suite st"), ElementsAre("status"));
  EXPECT_THAT(offered_by_zsh("suite al"), IsEmpty());
  EXPECT_THAT(offered_by_zsh("suite run suite.toml --st"), ElementsAre("--stand-ins", "--store"));
  EXPECT_THAT(offered_by_zsh("rank --re"), ElementsAre("--re-rank"));
}

TEST(CompletionTest, zsh_offers_keys_and_their_words_behind_set) {
  EXPECT_THAT(offered_by_zsh("suite plan s.toml --set train.sch"),
              ElementsAre("train.schedule=", "train.schedule=constant", "train.schedule=cosine",
                          "train.schedule=linear", "train.schedule=polynomial", "train.schedule=step"));
  EXPECT_THAT(offered_by_zsh("suite run s.toml --json --set rain.mining=b"), ElementsAre("rain.mining=batch-hard"));
}

TEST(CompletionTest, zsh_offers_files_as_arguments_and_not_as_numbers) {
  EXPECT_THAT(offered_by_zsh("suite run " + (tests::source_folder() / "READ").string()), ElementsAre("README.md"));
  EXPECT_THAT(offered_by_zsh("suite run s.toml --slots "), IsEmpty());
  EXPECT_THAT(offered_by_zsh("suite table s.toml --format la"), ElementsAre("latex"));
  EXPECT_THAT(offered_by_zsh("data ingest vi"), ElementsAre("viper"));
}

TEST(CompletionTest, knows_three_shells) {
  EXPECT_THAT(succeeded(resolute({"completion", "fish"})).out, HasSubstr("complete -c resolute -a "));
  expect_refusal(resolute({"completion", "tcsh"}), 2, "shell 'tcsh' is not known");
  expect_refusal(resolute({"completion"}), 2, "argument SHELL is missing");
}

}  // namespace
}  // namespace resolute::system_test::completion_test
