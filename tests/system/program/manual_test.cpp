// The manual page that `resolute man` writes.

#include <gmock/gmock.h>

#include "cli/help.h"
#include "tests/system/program.h"

namespace resolute::system_test::manual_test {
namespace {

std::string page() { return succeeded(resolute({"man"})).out; }

TEST(Manual, groff_sets_it_without_a_warning) {
  ScratchFolder folder;
  write(folder / "resolute.1", page());
  const auto output = succeeded(run_program({"groff", "-man", "-Tutf8", "-ww", "-z", folder / "resolute.1"}));
  EXPECT_EQ(output.err, "");
}

TEST(Manual, every_listed_command_and_option_is_in_it_and_what_scripts_call_is_not) {
  ScratchFolder folder;
  write(folder / "resolute.1", page());
  // Without bold and underlined letters, which would stand between those of a word.
  const auto output = succeeded(run_program({"groff", "-man", "-Tutf8", "-P-cbou", folder / "resolute.1"}));
  for (const cli::Command& command : cli::commands()) {
    const auto section = HasSubstr(std::string("\n   resolute ") + command.name + "\n");
    if (cli::is_listed(command))
      EXPECT_THAT(output.out, section);
    else
      EXPECT_THAT(output.out, Not(section));
    if (!cli::is_listed(command)) continue;
    for (const auto& option : cli::help_of(command).options) EXPECT_THAT(output.out, HasSubstr(option.name));
  }
  EXPECT_THAT(output.out, HasSubstr("resolute 0."));
}

// A page that is made at installation has the same bytes on every machine.
TEST(Manual, says_nothing_of_the_machine_and_is_ascii) {
  const std::string text = page();
  for (const char c : text) ASSERT_TRUE(c == '\n' || (c >= 0x20 && c < 0x7f)) << static_cast<int>(c);
  auto environment = program_environment();
  environment["OMP_NUM_THREADS"] = "1";
  const auto alone = run_program({"taskset", "-c", "0", (kBin / "resolute").string(), "man"}, environment);
  EXPECT_EQ(text, succeeded(alone).out);
}

TEST(Version, is_one_line_or_a_document) {
  EXPECT_EQ(std::string("resolute ") + cli::version() + "\n", succeeded(resolute({"--version"})).out);
  const core::Json json = core::parse_json(succeeded(resolute({"--version", "--json"})).out, "version");
  EXPECT_EQ(cli::version(), json.at("version"));
  expect_refusal(resolute({"--version", "--jsno"}), 2, "unknown option '--jsno'");
}

TEST(Version, citation_and_changelog_name_the_same) {
  EXPECT_THAT(text_of(tests::source_folder() / "CITATION.cff"),
              HasSubstr(std::string("\nversion: ") + cli::version() + "\n"));
  EXPECT_THAT(text_of(tests::source_folder() / "CHANGELOG.md"), HasSubstr(std::string("\n## ") + cli::version()));
}

TEST(Usage, without_arguments_a_short_help_goes_to_standard_error) {
  const auto output = resolute({});
  EXPECT_EQ(code_of(output), 2);
  EXPECT_EQ(output.out, "");
  EXPECT_THAT(output.err, HasSubstr("Usage: resolute COMMAND"));
  EXPECT_LT(lines_of(output.err).size(), 10U);
}

TEST(Usage, what_only_scripts_call_has_its_own_help) {
  EXPECT_THAT(succeeded(resolute({"suite", "allocation", "--help"})).out, HasSubstr("Not for people"));
}

}  // namespace
}  // namespace resolute::system_test::manual_test
