// The program `resolute`: finds the subcommand and turns every error into one line and an exit code.

#include <sys/stat.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <system_error>

#include "cli/command.h"
#include "cli/help.h"
#include "cli/left_over_allocation.h"
#include "cli/terminal.h"
#include "core/error.h"
#include "core/log.h"
#include "core/process/process.h"
#include "orchestrator/run/run.h"
#include "settings/names.h"

namespace {

using resolute::cli::Arguments;

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

// The help of a command, of a group, or of all for no word.
int print_help(const Arguments& words) {
  if (words.empty()) return print(resolute::cli::overview());
  if (const auto found = resolute::cli::find_command(words)) return found->command->run({"--help"});
  if (words.size() == 1 && resolute::settings::is_among(resolute::cli::command_groups(), words[0]))
    return print(resolute::cli::group_overview(words[0]));
  throw resolute::cli::unknown_command(words);
}

// With it nothing that is written could be read again.
void refuse_umask_of_owner() {
  const mode_t mask = ::umask(0);
  ::umask(mask);
  if ((mask & S_IRWXU) != 0)
    throw resolute::core::input_error(fmt::format("umask is {:04o}", mask),
                                      "you could not use what this program writes", "say `umask 022` first");
}

int run(const Arguments& arguments) {
  if (arguments.empty()) {
    std::cerr << resolute::cli::short_overview();
    return resolute::core::exit_code(resolute::core::ErrorKind::kInput);
  }
  const bool alone = arguments.size() == 1;
  if (arguments[0] == "help") return print_help({arguments.begin() + 1, arguments.end()});
  if (is_help(arguments[0])) return print(resolute::cli::overview());
  if (arguments[0] == "--version") {
    const bool json = arguments == Arguments{"--version", "--json"};
    if (alone || json) return print_version(json);
    throw resolute::core::input_error("unknown option '" + arguments[1] + "'", {}, "resolute --version [--json]");
  }
  refuse_umask_of_owner();
  if (const auto found = resolute::cli::find_command(arguments))
    return found->command->run({arguments.begin() + static_cast<std::ptrdiff_t>(found->words), arguments.end()});
  if (arguments.size() > 1 && is_help(arguments[1])) return print_help({arguments[0]});
  return print_help(arguments);
}

// Under mpirun or srun; other commands may run anywhere in such a job.
bool runs_suite(const Arguments& arguments) {
  return arguments.size() > 1 && arguments[0] == "suite" && arguments[1] == "run";
}

// Other commands ask SLURM for jobs, and read nothing of their own.
bool reads_allocation(const Arguments& arguments) {
  return runs_suite(arguments) || (!arguments.empty() && arguments[0] == "doctor");
}

}  // namespace

int main(int argc, char** argv) {
  resolute::core::set_up_process();
  resolute::core::set_up_log("resolute");
  if (std::getenv(resolute::core::kLogTimesVariable) != nullptr) resolute::core::stamp_log();
  // A reader that leaves (`resolute … | head`) is seen as a failed write, not as a signal.
  std::signal(SIGPIPE, SIG_IGN);
  const Arguments arguments(argv + 1, argv + argc);
  try {
    resolute::cli::leave_left_over_allocation(reads_allocation(arguments));
    int code = run(arguments);
    resolute::cli::flush_output("the results");
    return code;
  } catch (const resolute::core::RuntimeError& error) {
    if (runs_suite(arguments)) resolute::orchestrator::let_first_rank_speak(resolute::core::current_environment());
    std::cerr << resolute::core::log_stamp() << "resolute: " << error.what() << std::endl;
    return resolute::core::exit_code(error.kind());
  } catch (const std::filesystem::filesystem_error& error) {
    std::error_code gone;
    static_cast<void>(std::filesystem::current_path(gone));
    const std::string file = "a file cannot be used: '" + error.path1().string() + "'";
    std::cerr << "resolute: "
              << (gone ? resolute::core::system_error("the folder that this was called in is gone", gone.value(),
                                                      "cd to one that is there")
                       : resolute::core::system_error(file, error.code().value()))
                     .what()
              << std::endl;
    return 2;
  } catch (const std::bad_alloc&) {
    std::cerr << "resolute: out of memory; use a machine with more, or smaller settings" << std::endl;
    return 1;
  } catch (const std::system_error& error) {  // of std::thread
    std::cerr << "resolute: "
              << resolute::core::system_error("the machine gives this program no thread", error.code().value(),
                                              "raise the limit of processes (ulimit -u) or of memory (ulimit -v)")
                     .what()
              << std::endl;
    return 1;
  } catch (const std::exception& error) {
    std::cerr << "resolute: a contract inside the program is broken (" << error.what() << "); please report it"
              << std::endl;
    return 1;
  }
}
