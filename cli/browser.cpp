#include "cli/browser.h"

#include <fmt/format.h>

#include "core/error.h"
#include "core/process/process.h"

namespace resolute::cli {

void open_in_browser(const std::string& page) {
  const auto environment = core::current_environment();
  const auto opener = core::program_on_path(environment, "xdg-open");
  if (!opener)
    throw core::input_error("no browser can be opened here", "xdg-open is not installed",
                            fmt::format("open '{}' in one", page));
  core::SpawnRequest request{.arguments = {opener->string(), page}, .environment = environment};
  request.die_with_parent = false;
  core::spawn_process(request);
}

}  // namespace resolute::cli
