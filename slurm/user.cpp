#include "slurm/user.h"

#include <pwd.h>
#include <unistd.h>

#include <array>

namespace resolute::slurm {

std::optional<std::string> effective_user_name() {
  passwd entry{};
  passwd* found = nullptr;
  std::array<char, 16384> text;
  if (::getpwuid_r(::geteuid(), &entry, text.data(), text.size(), &found) != 0 || found == nullptr) return std::nullopt;
  return entry.pw_name;
}

}  // namespace resolute::slurm
