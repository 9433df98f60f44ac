// `resolute man`: the manual page, made of the rows of commands and of their helps.

#include <fmt/format.h>

#include <algorithm>
#include <iostream>

#include "cli/help.h"
#include "cli/subcommands.h"

namespace resolute::cli {

namespace {

constexpr CommandHelp kManHelp{
    "resolute man",
    "Writes a manual page (roff) of all commands: what their helps say. An installed resolute has it in place.",
    "  resolute man | man -l -\n"
    "  resolute man > ~/.local/share/man/man1/resolute.1\n"};

// One UTF-8 character from `at` on, which moves behind it. The texts are our own: none is broken.
std::uint32_t next_character(std::string_view text, std::size_t& at) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(text[i])); };
  const std::uint32_t first = byte(at++);
  if (first < 0x80) return first;
  const int more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1;
  std::uint32_t code = first & (0x3fU >> more);
  for (int i = 0; i < more && at < text.size(); ++i) code = (code << 6U) | (byte(at++) & 0x3fU);
  return code;
}

// Text that roff takes for nothing but text; signs beyond ASCII by their number, so that no encoding need be known.
std::string roff(std::string_view text) {
  std::string result;
  if (text.starts_with('.') || text.starts_with('\'')) result = "\\&";
  for (std::size_t at = 0; at < text.size();) {
    const std::uint32_t code = next_character(text, at);
    switch (code) {
      case '\\':
        result += "\\(rs";
        break;
      case '-':
        result += "\\-";
        break;
      case '\'':
        result += "\\(aq";
        break;
      case '`':
        result += "\\(ga";
        break;
      case '^':
        result += "\\(ha";
        break;
      case '~':
        result += "\\(ti";
        break;
      default:
        result += code < 0x80 ? std::string(1, static_cast<char>(code)) : fmt::format("\\[u{:04X}]", code);
    }
  }
  return result;
}

std::string paragraph(std::string_view text) { return ".PP\n" + roff(text) + "\n"; }

std::string to_copy(const std::vector<std::string>& lines) {
  std::string text = ".PP\n.nf\n";
  for (const std::string& line : lines) text += roff(line) + "\n";
  return text + ".fi\n";
}

std::string option_entry(const OptionText& option) {
  std::string text = ".TP\n\\fB" + roff(option.name) + "\\fR";
  if (option.takes_value) text += option.may_lack_value ? "[=\\fIvalue\\fR]" : " \\fIvalue\\fR";
  if (!option.letter.empty()) text += ", \\fB" + roff(option.letter) + "\\fR";
  text += "\n" + roff(option.help);
  if (!option.standard.empty()) text += roff(fmt::format(" (default: {})", option.standard));
  return text + "\n";
}

std::string command_section(const Command& command) {
  const HelpPage page = help_of(command);
  std::string text = fmt::format(".SS resolute {}\n", roff(command.name));
  for (const std::string& line : page.usage) text += ".PP\n\\fB" + roff(line) + "\\fR\n";
  for (const std::string& one : page.about) text += paragraph(one);
  for (const OptionText& option : page.options)
    if (option.name != "--help") text += option_entry(option);
  return text + paragraph("Examples:") + to_copy(page.examples);
}

std::string upper(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::toupper(c); });
  return text;
}

}  // namespace

int man(const Arguments& arguments) {
  const auto values = parse_options(arguments, kManHelp, {}, {});
  if (!values) return 0;
  // Without hyphenation and with ragged lines: options and paths stay whole.
  std::cout << fmt::format(".TH RESOLUTE 1 \"\" \"resolute {}\" \"User Commands\"\n.nh\n.ad l\n", version())
            << ".SH NAME\nresolute \\- " << roff(kProgramText.purpose) << "\n.SH SYNOPSIS\n\\fBresolute\\fR "
            << "\\fICOMMAND\\fR [\\fIARGUMENT\\fR...]\n.SH DESCRIPTION\n"
            << roff(kProgramText.about) << "\n"
            << paragraph("Each command has --help, which says what stands here.");
  for (const Purpose purpose : kPurposes) {
    std::cout << ".SH " << upper(heading(purpose)) << "\n";
    for (const Command& command : commands())
      if (command.purpose == purpose) std::cout << command_section(command);
  }
  std::cout << ".SH OUTPUT\n"
            << roff(kProgramText.output) << "\n.SH EXIT STATUS\n"
            << roff(kProgramText.codes) << "\n.SH EXAMPLES\n"
            << to_copy({kProgramText.examples});
  return 0;
}

}  // namespace resolute::cli
