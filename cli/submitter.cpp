#include "cli/submitter.h"

#include <pwd.h>
#include <unistd.h>

#include <cstdlib>

#include "core/error.h"

namespace resolute::cli {

std::string effective_user() {
  if (const passwd* entry = ::getpwuid(::geteuid()); entry != nullptr) return entry->pw_name;
  const char* named = std::getenv("USER");
  return named != nullptr ? named : "";
}

std::optional<std::string> other_submitter(const slurm::SubmissionRequest& request) {
  const std::string user = request.by.substr(0, request.by.rfind('@'));
  const std::string self = effective_user();
  if (user.empty() || self.empty() || user == self) return std::nullopt;
  return user;
}

std::filesystem::path own_program() {
  std::error_code error;
  std::string self = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) throw core::system_error("cannot find this program's own file", error.value());
  // Linux says so of one that was replaced meanwhile: the new one is meant.
  constexpr std::string_view kReplaced = " (deleted)";
  if (self.ends_with(kReplaced)) self.resize(self.size() - kReplaced.size());
  return self;
}

}  // namespace resolute::cli
