#include "core/files/ownership.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "core/error.h"
#include "core/files/file_system.h"

namespace resolute::core {

std::optional<std::string> user_name(uid_t user) {
  passwd entry{};
  passwd* found = nullptr;
  std::array<char, 16384> text;
  if (::getpwuid_r(user, &entry, text.data(), text.size(), &found) != 0 || found == nullptr) return std::nullopt;
  return entry.pw_name;
}

std::optional<std::string> foreign_hand(uid_t owner, mode_t mode, uid_t self, const std::string& name) {
  if (owner != self && owner != 0)
    return fmt::format("it belongs to {}", name.empty() ? fmt::format("user {}", owner) : name);
  if (S_ISLNK(mode)) return "it is a link";
  if ((mode & S_IWOTH) != 0) return "everybody may write to it";
  if ((mode & S_IWGRP) != 0) return "its group may write to it";
  return std::nullopt;
}

void require_own(const std::filesystem::path& path, const std::string& refusal) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) throw system_error(fmt::format("cannot stat '{}'", path.string()), errno);
  const auto why = foreign_hand(status.st_uid, status.st_mode, ::geteuid(), user_name(status.st_uid).value_or(""));
  if (!why) return;
  throw input_error(fmt::format("{}: '{}' may hold another's commands", refusal, path.string()), *why,
                    "read it; if all of it is yours, `chown` it to yourself and `chmod go-w` it, else remove it");
}

std::optional<std::string> why_not_writable(const std::filesystem::path& folder) {
  if (::faccessat(AT_FDCWD, folder.c_str(), W_OK | X_OK, AT_EACCESS) == 0 || errno != EACCES) return std::nullopt;
  struct stat status {};
  if (::stat(folder.c_str(), &status) != 0) return "a folder above it is closed";
  if (!S_ISDIR(status.st_mode)) return std::nullopt;
  return fmt::format("it is {}'s ({:04o})", user_name(status.st_uid).value_or(fmt::format("user {}", status.st_uid)),
                     status.st_mode & 07777U);
}

std::string sharing_advice(const std::filesystem::path& folder) {
  return fmt::format(
      "its owner runs `chmod -R g+rwX '{0}'` and `find '{0}' -type d -exec chmod g+s {{}} +`, and all who "
      "share it say `umask 002` before they run anything",
      folder.string());
}

void make_own_folder(const std::filesystem::path& folder) {
  real_file_system().create_directories(folder);
  struct stat status {};
  if (::lstat(folder.c_str(), &status) != 0)
    throw system_error(fmt::format("cannot stat '{}'", folder.string()), errno);
  const mode_t mode = status.st_mode & 07777 & ~static_cast<mode_t>(S_IWGRP | S_IWOTH);
  if (status.st_uid == ::geteuid() && mode != (status.st_mode & 07777) && ::chmod(folder.c_str(), mode) != 0)
    throw system_error(fmt::format("cannot take others' right to write from '{}'", folder.string()), errno);
}

}  // namespace resolute::core
