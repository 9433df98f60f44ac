#include "workers/rank/rank_process.h"

#include <fmt/format.h>

#include <exception>
#include <iostream>
#include <new>
#include <string_view>

#include "core/error.h"
#include "core/log.h"
#include "workers/rank/stop_flag.h"

namespace resolute::workers {
namespace {

// Both programs have this name: they are one to the starter of a job.
constexpr std::string_view kProgram = "resolute-worker";

int report(std::string_view message, core::ErrorKind kind) {
  std::cerr << kProgram << ": " << message << std::endl;
  return core::exit_code(kind);
}

}  // namespace

void begin_rank(const JobOptions& options) {
  core::set_up_log(fmt::format("{}[{}]", kProgram, options.process_rank));
  install_stop_signals();
}

int run_to_last_line(const std::function<void()>& run) {
  try {
    run();
    return 0;
  } catch (const core::RuntimeError& error) {
    // Exit code 2 says that something was checked here and found wrong. A system call that fails may be the machine's
    // fault, as a mount that is not there.
    const bool unchecked = error.kind() == core::ErrorKind::kInput && error.error_number() != 0;
    return report(error.what(), unchecked ? core::ErrorKind::kEnvironment : error.kind());
  } catch (const std::bad_alloc&) {
    return report("out of memory", core::ErrorKind::kEnvironment);
  } catch (const core::ContractError& error) {
    return report(fmt::format("internal error ({})", error.what()), core::ErrorKind::kEnvironment);
  } catch (const std::exception& error) {
    // libtorch's texts carry a stack after the first line.
    const std::string_view text = error.what();
    return report(fmt::format("unexpected failure ({})", text.substr(0, text.find('\n'))),
                  core::ErrorKind::kEnvironment);
  }
}

}  // namespace resolute::workers
