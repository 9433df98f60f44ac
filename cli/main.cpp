// The program `resolute`: finds the subcommand and turns every error into one line and an exit code.

#include <fmt/format.h>

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
#include "cli/terminal.h"
#include "core/error.h"
#include "core/log.h"
#include "core/process/process.h"
#include "orchestrator/run/run.h"

namespace {

using resolute::cli::Arguments;
using resolute::cli::Command;
using resolute::cli::commands;

void print_line(const Command& command) {
  std::size_t widest = 0;
  for (const Command& any : commands()) widest = std::max(widest, std::string_view(any.name).size());
  std::cout << fmt::format("  {:{}}  {}\n", command.name, widest, command.summary);
}

int print_overview() {
  std::cout
      << "resolute reproduces cross-resolution person re-identification papers: raw images → packs → trainings →\n"
         "evaluations → the papers' own tables, the same bits however often a run is killed and resumed.\n\n"
         "Usage: resolute COMMAND [ARGUMENT...]      resolute COMMAND --help\n\n";
  for (const Command& command : commands()) print_line(command);
  std::cout << "\nExamples:\n"
               "  resolute data synth --out people --identities 64\n"
               "  resolute suite run experiments/suites/quickstart.toml --store store\n"
               "  resolute suite table experiments/suites/quickstart.toml --store store\n\n"
               "Results go to stdout, logs to stderr (RESOLUTE_LOG=debug|info|warning|error).\n"
               "Exit codes: 0 done, 1 failed, 2 wrong usage or input, 3 incomplete, 75 interrupted and resumable.\n";
  return 0;
}

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

// `resolute suite --help` lists the commands that begin with "suite".
int print_group(const std::string& group) {
  std::cout << "Commands of resolute " << group << ":\n";
  for (const Command& command : commands())
    if (std::string_view(command.name).starts_with(group + " ")) print_line(command);
  std::cout << "\nHelp for one of them: resolute " << group << " COMMAND --help\n";
  return 0;
}

int run(const Arguments& arguments) {
  if (arguments.empty() || arguments[0] == "--help" || arguments[0] == "-h" || arguments[0] == "help")
    return print_overview();
  if (arguments[0] == "--version") {
    std::cout << "resolute " << resolute::cli::version() << "\n";
    return 0;
  }
  std::size_t words = 0;
  if (const Command* command = find_command(arguments, words))
    return command->run(Arguments(arguments.begin() + static_cast<std::ptrdiff_t>(words), arguments.end()));
  if (arguments[0] == "data" || arguments[0] == "suite") {
    if (arguments.size() == 1 || arguments[1] == "--help" || arguments[1] == "-h") return print_group(arguments[0]);
    throw resolute::core::input_error("unknown command '" + arguments[0] + " " + arguments[1] + "'", {},
                                      "see resolute " + arguments[0] + " --help");
  }
  throw resolute::core::input_error("unknown command '" + arguments[0] + "'", {}, "see resolute --help");
}

}  // namespace

int main(int argc, char** argv) {
  resolute::core::set_up_process();
  resolute::core::set_up_log("resolute");
  if (std::getenv(resolute::core::kLogTimesVariable) != nullptr) resolute::core::stamp_log();
  // A reader that leaves (`resolute … | head`) is seen as a failed write, not as a signal.
  std::signal(SIGPIPE, SIG_IGN);
  // Whoever started this may have had it ignored, and then no child could be waited for.
  std::signal(SIGCHLD, SIG_DFL);
  try {
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
