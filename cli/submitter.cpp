#include "cli/submitter.h"

#include <cstdlib>

namespace resolute::cli {

std::string effective_user() {
  const char* named = std::getenv("USER");
  return slurm::effective_user_name().value_or(named != nullptr ? named : "");
}

std::optional<std::string> other_submitter(const slurm::SubmissionRequest& request) {
  const std::string user = request.by.substr(0, request.by.rfind('@'));
  const std::string self = effective_user();
  if (user.empty() || self.empty() || user == self) return std::nullopt;
  return user;
}

slurm::ClientOptions interactive_client() {
  return {.command_limit = std::chrono::seconds(30), .patience = std::chrono::seconds(10)};
}

}  // namespace resolute::cli
