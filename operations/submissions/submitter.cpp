#include "operations/submissions/submitter.h"

#include <unistd.h>

#include <cstdlib>

#include "core/error.h"
#include "core/files/ownership.h"
#include "core/process/process.h"

namespace resolute::operations {

std::string effective_user() {
  const char* named = std::getenv("USER");
  return core::user_name(::geteuid()).value_or(named != nullptr ? named : "");
}

std::optional<std::string> other_submitter(const slurm::SubmissionRequest& request) {
  const std::string user = request.by.substr(0, request.by.rfind('@'));
  const std::string self = effective_user();
  if (user.empty() || self.empty() || user == self) return std::nullopt;
  return user;
}

void require_sbatch(const std::map<std::string, std::string>& environment) {
  if (core::program_on_path(environment, "sbatch")) return;
  throw core::input_error("there is no sbatch here",
                          "it is on no folder of PATH: this is no machine of a SLURM cluster",
                          "log in to one, or run the suite here with `resolute suite run`");
}

slurm::Client interactive_client() {
  return slurm::Client(slurm::real_effects(), {.patience = std::chrono::seconds(10)});
}

}  // namespace resolute::operations
