#include "orchestrator/launch/gpu_fault.h"

#include <algorithm>
#include <array>

#include "core/error.h"
#include "core/numbers.h"
#include "core/process/process.h"

namespace resolute::orchestrator {
namespace {

// Counts by nvidia-smi of a GPU without any of these errors.
constexpr std::array<std::string_view, 4> kSound{"0", "[N/A]", "N/A", "[Not Supported]"};

std::string first_line_of(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
  text = text.substr(0, text.find_first_of("\r\n"));
  return std::string(text.substr(0, text.find_last_not_of(" \t") + 1));
}

}  // namespace

std::optional<std::string> gpu_fault(const std::string& gpu, std::chrono::milliseconds limit) {
  try {
    core::SpawnRequest request;
    request.environment = core::current_environment();
    const auto program = core::program_on_path(request.environment, "nvidia-smi");
    if (!program) return std::nullopt;
    request.arguments = {program->string(), "--id=" + gpu, "--query-gpu=ecc.errors.uncorrected.volatile.total",
                         "--format=csv,noheader,nounits"};
    const core::CommandOutput output = core::run_command(request, limit);
    if (output.timed_out) return "nvidia-smi has no answer of it";
    const std::string answer = first_line_of(output.out.empty() ? output.err : output.out);
    if (!output.succeeded())
      return fmt::format("nvidia-smi: {}{}{}", core::describe(output.status), answer.empty() ? "" : ", ", answer);
    if (std::ranges::find(kSound, answer) != kSound.end()) return "";
    if (core::number_of<std::uint64_t>(answer)) return fmt::format("{} uncorrected errors of its memory", answer);
    return fmt::format("nvidia-smi says '{}'", answer);
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

}  // namespace resolute::orchestrator
