// What the program says without a command: its version, a short help.

#include <gmock/gmock.h>

#include "cli/help.h"
#include "tests/system/program.h"

namespace resolute::system_test::version_and_usage_test {
namespace {

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
}  // namespace resolute::system_test::version_and_usage_test
