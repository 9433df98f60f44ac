#pragma once
//! \file
//! Helps: the overview of all commands, a group's, one command's. Completion is made of the same
//! texts, as data.

#include <string>
#include <string_view>
#include <vector>

#include "cli/command.h"

namespace resolute::cli {

//! No line of a help is wider, but for a word that is.
constexpr std::size_t kHelpColumns = 100;

struct OptionText {
  std::string name;    //!< "--store"
  std::string letter;  //!< "-h", or empty
  bool takes_value = false;
  bool may_lack_value = false;  //!< --re-rank and --re-rank=20,6,0.3
  std::string standard;         //!< the default, as the help shows it; empty: none
  std::string help;
};

//! A command's help.
struct HelpPage {
  std::vector<std::string> usage;     //!< one line or more, each "resolute …"
  std::vector<std::string> about;     //!< paragraphs
  std::vector<std::string> examples;  //!< lines
  std::vector<OptionText> options;    //!< in the help's order
};

//! The page of `resolute COMMAND --help`. Not for several threads at once.
HelpPage help_of(const Command& command);

//! A command's help, on stdout; where help_of() asked for it, to its caller instead.
void give_help(const CommandHelp& help, const boost::program_options::options_description& visible);

//! `resolute --help`
std::string overview();
//! The text of `resolute` without a command.
std::string short_overview();
//! `resolute GROUP --help`: the commands that begin with that word.
std::string group_overview(const std::string& group);
//! The first words of commands that have two, in the order of the rows.
std::vector<std::string> command_groups();

//! Text of words in lines of at most `width` characters, each but the first behind `indent` blanks. A break in the text
//! is a blank. \param width more than `indent`
std::string filled(std::string_view text, std::size_t width, std::size_t indent = 0);

}  // namespace resolute::cli
