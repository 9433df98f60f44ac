#pragma once
//! \file
//! Shared by all subcommands of `resolute`: the list of subcommands, option parsing and help, and the places of files
//! that come with the program. Each subcommand has one .cpp.

#include <array>
#include <boost/program_options.hpp>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/files/json.h"
#include "datasets/samples/remarks.h"
#include "settings/choice.h"

namespace resolute::cli {

namespace options = boost::program_options;

using Arguments = std::vector<std::string>;

//! Purposes of commands. The overview and docs/commands.md have a heading for each, in this order.
enum class Purpose { kData, kSuites, kJobs, kResults, kStores, kMachine, kScripts };
constexpr auto words_of(Purpose) {
  return settings::words("Data", "Suites", "Single jobs", "Runs and results", "Stores", "This machine",
                         "What scripts call");
}
//! All but kScripts: no list has the commands that scripts alone call.
inline constexpr std::array kPurposes{Purpose::kData,    Purpose::kSuites, Purpose::kJobs,
                                      Purpose::kResults, Purpose::kStores, Purpose::kMachine};

struct Command {
  Purpose purpose;
  const char* name;     //!< as typed: "data synth"
  const char* summary;  //!< one line
  int (*run)(const Arguments& arguments);
};

//! Every subcommand, by purpose, in the order of the help text.
const std::vector<Command>& commands();
bool is_listed(const Command& command);

struct FoundCommand {
  const Command* command;
  std::size_t words;  //!< of the command line that name it
};
//! The command whose words open `arguments`; nothing where there is none.
std::optional<FoundCommand> find_command(const Arguments& arguments);
//! For words that find_command() does not find: the nearest command, or where the list is. \param arguments one at
//! least
core::RuntimeError unknown_command(const Arguments& arguments);

//! A subcommand's own help: usage, options, examples.
struct CommandHelp {
  const char* usage;  //!< "resolute rank FEATURES [--json]": what is given mostly, in a line of at most 93 characters
  const char* about;  //!< paragraphs, an empty line between two; lines are broken anew
  const char* examples;  //!< lines to copy
  //! Throws, with what there is instead, for an option that is no more ("--png"); returns for any other.
  void (*former_option)(const std::string& option) = nullptr;
};

//! Parses `arguments`. A --store that is not given is that of RESOLUTE_STORE. Every command has `--help`: it prints the
//! help on stdout, and this function returns nothing; the command then returns 0. Arguments without a dash fill the
//! names in `positional`, in order. A name in brackets,
//! "[PATTERN]", may be missing. A last name "NAME..." takes all that follow (std::vector<std::string>). \throws
//! RuntimeError (kInput) on an unknown or repeated option, a missing or ill-typed value, a spare argument
std::optional<boost::program_options::variables_map> parse_options(const Arguments& arguments, const CommandHelp& help,
                                                                   boost::program_options::options_description options,
                                                                   const std::vector<std::string>& positional);

//! The texts of options that several commands have.
inline constexpr const char* kStoreHelp = "folder of packs, jobs and suites (required, or RESOLUTE_STORE)";
inline constexpr const char* kMostGpuHoursHelp =
    "the suite stops as by `suite cancel`, with checkpoints, when all its runs together have had so many GPU-hours, as "
    "`suite list` counts them; a run looks once a minute";
inline constexpr const char* kBurnInHelp =
    "before its first job each GPU, or without GPUs each processor, trains the same network: quick (10 s), full (60 s) "
    "or off; one that computes other bits than its like gets no job, a slow one is named and gets work last";
inline constexpr const char* kRepeatShareHelp =
    "of finished trainings of one process rank that share, 0 to 1, has its first steps done again before the next "
    "training at another place of its numeric class; other bits are named, make the result doubtful, and set a place "
    "aside";
inline constexpr const char* kThroughHostHelp =
    "process ranks exchange gradients of GPUs through the host's memory, where NCCL does not work: slower, the same "
    "bits";

//! The value of a required option or positional argument. \throws RuntimeError (kInput) naming it
std::string required_value(const boost::program_options::variables_map& values, const std::string& name);

//! The value of an option that holds a seed. \throws RuntimeError (kInput) for anything but 0 to 2^64 - 1
std::uint64_t parse_seed(const boost::program_options::variables_map& values, const std::string& name);
//! \return the option's value \throws RuntimeError (kInput) where it is below `least`
int at_least(const char* option, int value, int least);
//! \throws RuntimeError (kInput) for a value below `least` or above `most`
int in_range(const char* option, int value, int least, int most);
//! The most that --threads takes.
inline constexpr int kMostThreads = 1024;

//! Prints the refused files before the error itself: all of them on stdout with --json, the first twenty on stderr
//! without.
void tell_refused(const datasets::RefusedFiles& refused, bool json);

//! Prints one JSON document on stdout. Bytes that are not UTF-8 (in texts of other programs) are replaced.
void print_json(const core::Json& json);

//! "2,3,4" → {2, 3, 4}. \throws RuntimeError (kInput) naming the option
std::vector<int> parse_integer_list(const std::string& text, const std::string& option);

//! The version of this program: "1.2.3".
const char* version();

//! The folder that holds this executable.
std::filesystem::path executable_folder();

//! The folder of the suites that come with the program.
std::filesystem::path shipped_suites();
//! The path of a suite as typed: a name alone that no file here has may be that of one that comes with the program.
std::string found_suite(const std::string& typed);

//! The worker program: RESOLUTE_WORKER, or `resolute-worker` beside this executable.
//! \throws RuntimeError (kInput) if there is no such file or it is not executable
std::filesystem::path worker_program();

//! The folder that --store is where it is not given. Empty is as not set.
inline constexpr const char* kStoreVariable = "RESOLUTE_STORE";
//! "RESOLUTE_STORE names it", or nothing where that variable does not name this folder.
std::string named_by_variable(const std::filesystem::path& store);
//! \throws RuntimeError (kInput) where there is no folder
void require_store(const std::filesystem::path& store);
//! Makes the store's folder if need be. \throws RuntimeError (kInput) if nothing can be written there
void require_writable_store(const std::filesystem::path& store);

}  // namespace resolute::cli
