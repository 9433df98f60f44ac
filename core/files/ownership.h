#pragma once
//! \file
//! The owner of files whose words are obeyed: commands that run as the user who reads them.

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>

namespace resolute::core {

//! The machine's name for a user; nothing where it has none, as in a container.
std::optional<std::string> user_name(uid_t user);

//! Why somebody else than `self` or root may have written a file or a folder; nothing if nobody else may. A link counts
//! as anybody's. Pure. \param owner, mode as lstat(2) tells them \param name of a user; his number where he has none
std::optional<std::string> foreign_hand(uid_t owner, mode_t mode, uid_t self, const std::string& name = {});

//! \throws RuntimeError (kInput) unless only this process's effective user, or root, may have written what stands at
//! `path`; as system_error() where it cannot be looked at \param refusal what is not done, as "'x' is not run"
void require_own(const std::filesystem::path& path, const std::string& refusal);

//! Why the effective user may put nothing into a folder, "it is lee's (0755)". Nothing: the user may, or it is not
//! there.
std::optional<std::string> why_not_writable(const std::filesystem::path& folder);
//! The commands that let a group share a folder: its owner's, and those of all who write there.
std::string sharing_advice(const std::filesystem::path& folder);

//! Makes a folder, and those above it, in which its owner alone may write, whatever the umask is; one that is there and
//! ours becomes such. \throws RuntimeError as system_error()
void make_own_folder(const std::filesystem::path& folder);

}  // namespace resolute::core
