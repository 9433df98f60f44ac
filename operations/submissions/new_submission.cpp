#include "operations/submissions/new_submission.h"

#include <fmt/format.h>

#include "core/error.h"
#include "core/log.h"
#include "core/process/secret.h"

namespace resolute::operations {

namespace {

// Looks for a submission that another process is writing.
constexpr int kJoinLooks = 100;
constexpr std::chrono::milliseconds kJoinPause(100);

// The token that another process drew.
std::string next_token(core::FileSystem& files, const std::filesystem::path& link) {
  std::string token = core::read_text(files, link);
  if (!token.empty() && token.back() == '\n') token.pop_back();
  if (!slurm::is_token(token))
    throw core::corrupt_error(fmt::format("'{}' names no submission", link.string()), {}, "remove it and submit again");
  return token;
}

// Two that submit at once get one submission, by the order of the first.
void warn_of_another_order(core::FileSystem& files, const Standing& standing, const slurm::SubmissionRequest& wanted,
                           const std::string& suite_text) {
  if (other_submitter(standing.request)) return;  // it is refused
  if (same_order(standing.request, wanted) && !suite_has_changed(files, standing.folder, suite_text)) return;
  core::log_warning(
      "suite {} is submitted already by another process, with another text or other options; to have yours: "
      "`resolute suite cancel`, then submit again",
      wanted.suite);
}

}  // namespace

Standing create_after_others(core::FileSystem& files, slurm::Client& client, const slurm::Effects& effects,
                             const std::filesystem::path& suite_folder, const std::string& suite_text,
                             const std::function<slurm::SubmissionRequest(const std::string& token)>& request_of) {
  const auto folder = suite_folder / "submissions";
  files.create_directories(folder);
  for (std::string last = "none";;) {
    const auto link = folder / ("after-" + last);
    std::string token = core::random_token(slurm::kTokenDigits / 2);
    const bool ours = !files.exists(link) && core::publish_exclusive(files, link, token + "\n");
    if (!ours) token = next_token(files, link);
    const auto request_file = folder / token / "request.json";
    // The process that drew it may have died; then this one makes the submission.
    for (int i = 0; !ours && i < kJoinLooks && !files.exists(request_file); ++i) effects.sleep(kJoinPause);
    if (!files.exists(request_file)) {
      try {
        slurm::create_submission(files, suite_folder, request_of(token), suite_text);
      } catch (const core::RuntimeError&) {
        if (!files.exists(request_file)) throw;  // another was faster
      }
    }
    // A client of NFS may believe an old listing of a folder that others have changed, not of one that it changes
    // itself.
    if (!ours) core::probe_storage(files, folder);
    for (auto& standing : open_submissions(files, client, suite_folder))
      if (standing.request.token == token) {
        if (!ours) warn_of_another_order(files, standing, request_of(token), suite_text);
        return std::move(standing);
      }
    if (!slurm::SubmissionFolder(files, folder / token).ended())
      throw core::RuntimeError(core::ErrorKind::kTransient, fmt::format("submission {} is not listed yet", token),
                               "another machine has just made it", "give the same command again");
    last = token;
  }
}

}  // namespace resolute::operations
