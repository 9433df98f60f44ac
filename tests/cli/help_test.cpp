#include "cli/help.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "cli/columns.h"
#include "core/split.h"

namespace resolute::cli::help_test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

std::string help_text(const Command& command) {
  testing::internal::CaptureStdout();
  command.run({"--help"});
  return testing::internal::GetCapturedStdout();
}

// A word may be too long for any line.
void expect_narrow(const std::string& text) {
  for (const std::string_view line : core::split(text, '\n'))
    EXPECT_LE(characters(std::string(line)), kHelpColumns) << line;
}

TEST(Help, every_command_has_a_usage_in_100_columns_an_about_and_an_example) {
  for (const Command& command : commands()) {
    const HelpPage page = help_of(command);
    EXPECT_THAT(page.usage, Not(IsEmpty())) << command.name;
    for (const std::string& line : page.usage) {
      EXPECT_THAT(line, StartsWith(std::string("resolute ") + command.name));
      EXPECT_LE(characters("Usage: " + line), kHelpColumns) << line;
    }
    EXPECT_THAT(page.about, Not(IsEmpty())) << command.name;
    const auto names_it = HasSubstr(std::string("resolute ") + command.name);
    EXPECT_THAT(page.examples, testing::Contains(names_it)) << command.name;
    expect_narrow(help_text(command));
  }
}

TEST(Help, asked_for_as_data_prints_nothing_and_says_what_the_text_says) {
  for (const Command& command : commands()) {
    testing::internal::CaptureStdout();
    const HelpPage page = help_of(command);
    EXPECT_EQ("", testing::internal::GetCapturedStdout()) << command.name;
    const std::string text = help_text(command);
    for (const OptionText& option : page.options) EXPECT_THAT(text, HasSubstr(option.name)) << command.name;
  }
}

TEST(Help, options_are_told_with_letter_value_and_default) {
  options::options_description visible;
  auto add = visible.add_options();
  add("store,s", options::value<std::string>(), "a folder");
  add("slots", options::value<int>()->default_value(2), "ranks");
  add("re-rank", options::value<std::string>()->implicit_value("20,6"), "how");
  add("json", "a document");
  Command command{Purpose::kData, "it", "what", nullptr};
  static const options::options_description* given = nullptr;
  given = &visible;
  command.run = [](const Arguments&) {
    give_help({"resolute it", "One\nparagraph.\n\nAnother.", "  resolute it\n"}, *given);
    return 0;
  };
  const HelpPage page = help_of(command);
  EXPECT_THAT(page.about, ElementsAre("One paragraph.", "Another."));
  ASSERT_EQ(4U, page.options.size());
  EXPECT_EQ("--store", page.options[0].name);
  EXPECT_EQ("-s", page.options[0].letter);
  EXPECT_TRUE(page.options[0].takes_value);
  EXPECT_EQ("", page.options[0].standard);
  EXPECT_EQ("2", page.options[1].standard);
  EXPECT_TRUE(page.options[2].may_lack_value);
  EXPECT_EQ("", page.options[3].letter);
  EXPECT_FALSE(page.options[3].takes_value);
}

TEST(Help, overview_has_each_listed_command_once_by_purpose_and_no_other) {
  const std::string text = overview();
  expect_narrow(text);
  std::size_t at = 0;
  std::set<Purpose> begun;
  for (const Command& command : commands()) {
    const std::string line = std::string("\n  ") + command.name + "  ";
    if (!is_listed(command)) {
      EXPECT_THAT(text, Not(HasSubstr(line)));
      EXPECT_THAT(group_overview("suite"), Not(HasSubstr(line)));
      continue;
    }
    if (begun.insert(command.purpose).second) {
      at = text.find(fmt::format("\n{}:\n", settings::word(command.purpose)), at);
      ASSERT_NE(std::string::npos, at) << settings::word(command.purpose);
    }
    at = text.find(line, at);
    ASSERT_NE(std::string::npos, at) << command.name << " stands under another heading, or its rows are apart";
  }
  EXPECT_EQ(kPurposes.size(), begun.size());
}

TEST(Help, groups_are_the_first_of_two_words) {
  EXPECT_THAT(command_groups(), ElementsAre("data", "suite", "weights", "export", "store"));
  EXPECT_THAT(group_overview("weights"), HasSubstr("  weights list"));
  EXPECT_THAT(group_overview("weights"), Not(HasSubstr("  data")));
}

TEST(Help, text_is_broken_between_words_and_counted_in_characters) {
  EXPECT_EQ("", filled("", 10));
  EXPECT_EQ("one two", filled("one two", 7));
  EXPECT_EQ("one\ntwo", filled("one two", 6));
  EXPECT_EQ("one\n  two\n  six", filled("one two six", 6, 2));
  EXPECT_EQ("→→ →→", filled("→→\n→→", 5));
  EXPECT_EQ("long-word\nx", filled("long-word x", 4));
  EXPECT_EQ("  a    b", filled("  a    b", 10));
}

}  // namespace
}  // namespace resolute::cli::help_test
