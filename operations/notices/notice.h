#pragma once
//! \file
//! Tells somebody, by a command or a mail, that a suite has ended or needs a person (`--notify`, `notify` of the site
//! file). Several processes may find out. The first one that publishes the notice's file tells, and no other does. If
//! it dies before the command ends, perhaps nobody was told, and `suite status` says so. Nothing here makes the suite
//! fail.
//!
//!     FOLDER/notice-KEY.json         it is going to be told; version 1: "state", "summary", "by"
//!     FOLDER/notice-KEY-told.json    how the command ended; version 1: "how", and "told": it ended well

#include <chrono>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/files/file_system.h"
#include "operations/submissions/stored_submission.h"
#include "settings/choice.h"

namespace resolute::operations {

enum class NoticeState { kComplete, kIncomplete, kCancelled, kGivenUp, kConfiguration, kHeld };
constexpr auto words_of(NoticeState) {
  return settings::words("complete", "incomplete", "cancelled", "given-up", "configuration", "held");
}

struct Notice {
  NoticeState state{};
  std::string suite;
  std::filesystem::path store;
  std::string summary{};  //!< one line for people
};

//! A command that runs longer is ended.
inline constexpr std::chrono::seconds kNoticeLimit{60};

//! True for a word with '@' and without a blank that begins with no '-': a mail goes there. Anything else is a command
//! of sh.
bool is_address(std::string_view whom);
//! \throws RuntimeError (kInput) that opens with `place`, for control characters and what is empty or longer than 4000
//! bytes
void validate_notify(const std::string& whom, const std::string& place);
//! A command with a URL may hold a secret (a webhook), which neither a store nor a list of processes is to show: a file
//! that its user alone can read holds it, `notices/DIGEST.sh` beside the site file in the user's folder, and the
//! command that is returned runs that file. Anything else is returned as it is, and so is a command where no variable
//! names that folder (a warning). \throws RuntimeError as system_error()
std::string without_secret(const std::string& whom, std::map<std::string, std::string> environment);
//! The command of a notice: `sh -c WHOM`, or `mail -s SUBJECT ADDRESS` with the summary as its text. Pure.
std::vector<std::string> notice_command(const std::string& whom, const Notice& notice);
//! With RESOLUTE_SUITE, RESOLUTE_STORE, RESOLUTE_STATE and RESOLUTE_SUMMARY. Pure.
std::map<std::string, std::string> notice_environment(std::map<std::string, std::string> environment,
                                                      const Notice& notice);

//! The end of a submission by its batches. Pure. \param complete every job of the suite has its result \param batches
//! with their histories \param last SLURM has no batch on demand any more: one that never began will not begin \return
//! nothing while a batch may go on by itself
std::optional<NoticeState> notice_of(bool complete, const std::vector<StoredBatch>& batches, bool last = false);
//! The key of a notice, the same for every process that finds out. A submission is complete once; it may come to
//! another end each time that it is resumed. Pure.
std::string notice_key(NoticeState state, const std::vector<StoredBatch>& batches);

//! Tells, unless it was told before. Failures of the store or the command are logged and not thrown. \param folder of a
//! submission, or of a suite \return whether this call told
bool tell_once(core::FileSystem& files, const std::filesystem::path& folder, const std::string& key,
               const std::string& whom, const Notice& notice, const std::map<std::string, std::string>& environment,
               std::chrono::milliseconds limit = kNoticeLimit);
//! tell_once() of a submission that wants it. \param details behind "suite NAME is STATE" in the summary
void tell_of_submission(core::FileSystem& files, const slurm::SubmissionFolder& folder, NoticeState state,
                        const std::string& details, const std::map<std::string, std::string>& environment);

//! The first notice in a folder that may not have arrived, for people: "'complete' may not have been told"; nothing if
//! all were told. A file that cannot be read counts as not told.
std::optional<std::string> untold(core::FileSystem& files, const std::filesystem::path& folder);

}  // namespace resolute::operations
