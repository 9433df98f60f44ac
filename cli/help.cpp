#include "cli/help.h"

#include <fmt/format.h>

#include <algorithm>
#include <iostream>
#include <sstream>

#include "cli/columns.h"
#include "core/split.h"

namespace resolute::cli {

namespace {

// The page that help_of() asks for; null: help goes to stdout.
HelpPage* asked_for = nullptr;

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  for (const std::string_view line : core::split(text, '\n'))
    if (!line.empty()) lines.emplace_back(line);
  return lines;
}

// Empty lines stand between paragraphs.
std::vector<std::string> paragraphs_of(std::string_view text) {
  std::vector<std::string> paragraphs(1);
  for (const std::string_view line : core::split(text, '\n')) {
    if (line.empty()) {
      if (!paragraphs.back().empty()) paragraphs.emplace_back();
      continue;
    }
    if (!paragraphs.back().empty()) paragraphs.back() += ' ';
    paragraphs.back() += line;
  }
  if (paragraphs.back().empty()) paragraphs.pop_back();
  return paragraphs;
}

OptionText option_text(const options::option_description& option) {
  OptionText text;
  text.name = "--" + option.long_name();
  // "-h [ --help ]", where there is a letter.
  if (const std::string both = option.format_name(); both.size() > 2 && both[0] == '-' && both[1] != '-')
    text.letter = both.substr(0, 2);
  text.takes_value = option.semantic()->max_tokens() > 0;
  text.may_lack_value = text.takes_value && option.semantic()->min_tokens() == 0;
  // "arg (=2)", "[=arg(=20)]"
  const std::string parameter = option.format_parameter();
  if (const auto at = parameter.find("(="); at != std::string::npos)
    text.standard = parameter.substr(at + 2, parameter.find(')', at) - at - 2);
  text.help = option.description();
  return text;
}

HelpPage page_of(const CommandHelp& help, const options::options_description& visible) {
  HelpPage page{lines_of(help.usage), paragraphs_of(help.about), lines_of(help.examples), {}};
  for (const auto& option : visible.options()) page.options.push_back(option_text(*option));
  return page;
}

// A command to copy goes on behind a backslash, from one of its options on.
std::string wrapped_command(std::string line) {
  std::string text;
  while (line.size() > kHelpColumns) {
    const auto at = line.rfind(" --", kHelpColumns - 4);
    if (at == std::string::npos || line.find_first_not_of(' ') >= at) break;
    text += line.substr(0, at) + " \\\n";
    line = "    " + line.substr(at + 1);
  }
  return text + line + "\n";
}

// A line for each command, behind a column that holds every name.
void add_lines(std::string& text, const std::vector<const Command*>& rows) {
  std::size_t widest = 0;
  for (const Command& any : commands())
    if (is_listed(any)) widest = std::max(widest, std::string_view(any.name).size());
  for (const Command* row : rows)
    text += filled(fmt::format("  {:{}}  {}", row->name, widest, row->summary), kHelpColumns, widest + 4) + "\n";
}

constexpr const char* kPurpose = "reproduces cross-resolution person re-identification papers";

}  // namespace

std::string filled(std::string_view text, std::size_t width, std::size_t indent) {
  std::string result, line;
  std::size_t used = 0;
  const auto begin = text.find_first_not_of(' ');
  if (begin == std::string_view::npos) return "";
  // Blanks at the beginning and between columns stay as they are, those of a break go.
  for (std::size_t at = 0; at < text.size();) {
    const auto word = text.find_first_not_of(" \n", at);
    if (word == std::string_view::npos) break;
    const auto end = std::min(text.find_first_of(" \n", word), text.size());
    const std::string piece(text.substr(word, end - word));
    const std::string blanks = text[at] == '\n' ? " " : std::string(text.substr(at, word - at));
    const std::size_t wide = characters(piece);
    if (used > indent && used + blanks.size() + wide > width) {
      result += line + "\n";
      line = std::string(indent, ' ') + piece;
      used = indent + wide;
    } else {
      line += blanks + piece;
      used += blanks.size() + wide;
    }
    at = end;
  }
  return result + line;
}

HelpPage help_of(const Command& command) {
  HelpPage page;
  asked_for = &page;
  command.run({"--help"});
  asked_for = nullptr;
  return page;
}

void give_help(const CommandHelp& help, const options::options_description& visible) {
  HelpPage page = page_of(help, visible);
  if (asked_for != nullptr) {
    *asked_for = std::move(page);
    return;
  }
  std::string text = "Usage: ";
  for (const std::string& line : page.usage) text += (text.size() > 7 ? "       " : "") + line + "\n";
  for (const std::string& paragraph : page.about) text += "\n" + filled(paragraph, kHelpColumns) + "\n";
  std::ostringstream list;
  list << visible;
  text += "\nOptions:\n" + list.str() + "\nExamples:\n";
  for (const std::string& line : page.examples) text += wrapped_command(line);
  std::cout << text << std::flush;
}

std::string overview() {
  std::string text = filled(fmt::format("resolute {}: raw images → packs → trainings → evaluations → the papers' own "
                                        "tables, the same bits however often a run is killed and resumed.",
                                        kPurpose),
                            kHelpColumns) +
                     "\n\nUsage: resolute COMMAND [ARGUMENT...]      resolute COMMAND --help\n";
  for (const Purpose purpose : kPurposes) {
    std::vector<const Command*> rows;
    for (const Command& command : commands())
      if (command.purpose == purpose) rows.push_back(&command);
    text += fmt::format("\n{}:\n", settings::word(purpose));
    add_lines(text, rows);
  }
  return text +
         "\nExamples:\n"
         "  resolute data synth --out people --identities 64\n"
         "  resolute suite run experiments/suites/quickstart.toml --store store\n"
         "  resolute suite table experiments/suites/quickstart.toml --store store\n"
         "\nResults go to stdout, logs to stderr (RESOLUTE_LOG=debug|info|warning|error).\n"
         "Exit codes: 0 done, 1 failed, 2 wrong usage or input, 3 incomplete, 75 interrupted and resumable.\n";
}

std::string short_overview() {
  return fmt::format(
      "resolute {}\n\nUsage: resolute COMMAND [ARGUMENT...]\n\n"
      "  resolute --help           all commands, by their purpose\n"
      "  resolute COMMAND --help   one of them, with examples\n"
      "  resolute doctor           checks this machine, and tells how to mend it\n",
      kPurpose);
}

std::string group_overview(const std::string& group) {
  std::string text = "Commands of resolute " + group + ":\n";
  std::vector<const Command*> rows;
  for (const Command& command : commands())
    if (is_listed(command) && std::string_view(command.name).starts_with(group + " ")) rows.push_back(&command);
  add_lines(text, rows);
  return text + "\nHelp for one of them: resolute " + group + " COMMAND --help\n";
}

std::vector<std::string> command_groups() {
  std::vector<std::string> groups;
  for (const Command& command : commands()) {
    const std::string_view name = command.name;
    const std::string first(name.substr(0, name.find(' ')));
    if (first.size() < name.size() && std::ranges::find(groups, first) == groups.end()) groups.push_back(first);
  }
  return groups;
}

}  // namespace resolute::cli
