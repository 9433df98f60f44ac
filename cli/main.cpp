// The program `resolute`: finds the subcommand and turns every error into one line and an exit code.

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <iterator>
#include <sstream>
#include <string_view>
#include <thread>

#include "cli/command.h"
#include "cli/help.h"
#include "cli/terminal.h"
#include "core/error.h"
#include "core/log.h"
#include "core/process/process.h"
#include "orchestrator/run/run.h"
#include "orchestrator/store/wall_clock.h"
#include "slurm/client.h"

namespace {

using resolute::cli::Arguments;
using resolute::cli::Command;
using resolute::cli::commands;

// The command whose words open `arguments`, or nothing.
const Command* find_command(const Arguments& arguments, std::size_t& words) {
  for (const Command& command : commands()) {
    std::istringstream name(command.name);
    const Arguments parts{std::istream_iterator<std::string>(name), {}};
    if (parts.size() <= arguments.size() && std::equal(parts.begin(), parts.end(), arguments.begin())) {
      words = parts.size();
      return &command;
    }
  }
  return nullptr;
}

bool is_help(const std::string& word) { return word == "--help" || word == "-h"; }

int print(const std::string& text) {
  std::cout << text;
  return 0;
}

int print_version(bool json) {
  const std::string number = resolute::cli::version();
  if (!json) return print("resolute " + number + "\n");
  resolute::cli::print_json({{"name", "resolute"}, {"version", number}});
  return 0;
}

int run(const Arguments& arguments) {
  if (arguments.empty()) {
    std::cerr << resolute::cli::short_overview();
    return resolute::core::exit_code(resolute::core::ErrorKind::kInput);
  }
  const bool alone = arguments.size() == 1;
  if (is_help(arguments[0]) || arguments[0] == "help") return print(resolute::cli::overview());
  if (arguments[0] == "--version") {
    const bool json = arguments == Arguments{"--version", "--json"};
    if (alone || json) return print_version(json);
    throw resolute::core::input_error("unknown option '" + arguments[1] + "'", {}, "resolute --version [--json]");
  }
  std::size_t words = 0;
  if (const Command* command = find_command(arguments, words))
    return command->run(Arguments(arguments.begin() + static_cast<std::ptrdiff_t>(words), arguments.end()));
  const auto groups = resolute::cli::command_groups();
  if (std::find(groups.begin(), groups.end(), arguments[0]) != groups.end()) {
    if (alone || is_help(arguments[1])) return print(resolute::cli::group_overview(arguments[0]));
    throw resolute::core::input_error("unknown command '" + arguments[0] + " " + arguments[1] + "'", {},
                                      "see resolute " + arguments[0] + " --help");
  }
  throw resolute::core::input_error("unknown command '" + arguments[0] + "'", {}, "see resolute --help");
}

// A terminal (tmux, VS Code, Jupyter) may have been born in an allocation of SLURM's, whose variables it hands on for
// weeks.
void leave_ended_allocation() {
  const auto environment = resolute::core::current_environment();
  const auto end = resolute::orchestrator::allocation_end(environment);
  if (!end || *end > resolute::orchestrator::wall_clock()) return;
  for (const auto& [name, value] : environment)
    if (name.starts_with("SLURM_") && !resolute::slurm::names_cluster(name)) ::unsetenv(name.c_str());
  if (resolute::orchestrator::launched_rank(environment) == 0)
    resolute::core::log_warning(
        "SLURM_JOB_END_TIME is past: its allocation has ended, and no SLURM_* of it is believed");
}

}  // namespace

int main(int argc, char** argv) {
  resolute::core::set_up_process();
  resolute::core::set_up_log("resolute");
  if (std::getenv(resolute::core::kLogTimesVariable) != nullptr) resolute::core::stamp_log();
  // A reader that leaves (`resolute … | head`) is seen as a failed write, not as a signal.
  std::signal(SIGPIPE, SIG_IGN);
  // The parent may have ignored it, and then this process could wait for no child.
  std::signal(SIGCHLD, SIG_DFL);
  try {
    leave_ended_allocation();
    int code = run(Arguments(argv + 1, argv + argc));
    resolute::cli::flush_output("the results");
    return code;
  } catch (const resolute::core::RuntimeError& error) {
    // Every rank of an MPI launch reads the same command line: one of them says what is wrong with it, before mpirun
    // ends it because another has failed.
    if (resolute::orchestrator::launched_rank(resolute::core::current_environment()) == 0)
      std::cerr << resolute::core::log_stamp() << "resolute: " << error.what() << std::endl;
    else
      std::this_thread::sleep_for(std::chrono::seconds(2));
    return resolute::core::exit_code(error.kind());
  } catch (const std::filesystem::filesystem_error& error) {
    std::cerr << "resolute: "
              << resolute::core::system_error("a file cannot be used: '" + error.path1().string() + "'",
                                              error.code().value())
                     .what()
              << std::endl;
    return 2;
  } catch (const std::bad_alloc&) {
    std::cerr << "resolute: out of memory; use a machine with more, or smaller settings" << std::endl;
    return 1;
  } catch (const std::exception& error) {
    std::cerr << "resolute: a contract inside the program is broken (" << error.what() << "); please report it"
              << std::endl;
    return 1;
  }
}
