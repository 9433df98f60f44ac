#include "cli/curves.h"

#include <unistd.h>

#include <filesystem>

#include "cli/command.h"
#include "core/error.h"
#include "core/log.h"
#include "core/process/process.h"
#include "experiments/method_files.h"

namespace resolute::cli {

void start_curves(CurvesClient client, const std::vector<std::string>& typed, const experiments::StoreLayout& store,
                  const std::string& suite, std::map<std::string, std::string> environment) {
  const std::string to(settings::word(client));
  const std::string python = experiments::python_program(environment);
  // The package that came with this program: of a checkout's build, or around a wheel's bin/.
  for (const char* packages : {"../python", "../.."})
    if (const auto folder = executable_folder() / packages;
        std::filesystem::exists(folder / "resolute" / "curves.py")) {
      const std::string others = core::variable_in(environment, "PYTHONPATH");
      environment["PYTHONPATH"] =
          std::filesystem::weakly_canonical(folder).string() + (others.empty() ? "" : ":" + others);
      break;
    }
  std::vector<std::string> words{python, "-m", "resolute", "curves"};
  words.insert(words.end(), typed.begin(), typed.end());
  words.insert(words.end(), {"--store", store.root(), "--to", to, "--out", store.suite_folder(suite) / "curves",
                             "--beside", std::to_string(::getpid())});
  try {
    core::spawn_process({.arguments = std::move(words),
                         .environment = std::move(environment),
                         .descriptors = {{2, STDERR_FILENO}},
                         .die_with_parent = false});
  } catch (const core::RuntimeError& error) {
    core::log_warning("no curves for {}: {}", to, error.what());
  }
}

}  // namespace resolute::cli
