#include "tests/support/program_role.h"

#include <filesystem>
#include <map>

#include "core/error.h"

namespace resolute::tests {
namespace {

// Roles register before main(), in no order.
std::map<std::string, ProgramRole::Function>& roles() {
  static std::map<std::string, ProgramRole::Function> known;
  return known;
}

}  // namespace

ProgramRole::ProgramRole(const std::string& name, Function function)
    : command_{std::filesystem::read_symlink("/proc/self/exe").string(), "--role=" + name} {
  RESOLUTE_EXPECT(roles().emplace(command_.back(), function).second, "two roles of one name");
}

ProgramRole::Function role_of(const std::string& argument) {
  const auto found = roles().find(argument);
  return found == roles().end() ? nullptr : found->second;
}

}  // namespace resolute::tests
