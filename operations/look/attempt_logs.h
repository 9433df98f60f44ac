#pragma once
//! \file
//! The standard error of the process ranks of a job's attempts: where it stands, its last lines, and what was added
//! since one looked. For `resolute logs`, `explain` and `suite status`.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/files/file_system.h"
#include "experiments/store/store_layout.h"

namespace resolute::operations {

//! The standard error of one process rank.
struct AttemptLog {
  int attempt = 0;
  int process_rank = 0;
  std::filesystem::path path;
};

//! Numbers of the attempts that have left anything, logs or not, as far as they can be believed.
std::set<int> attempts_left(core::FileSystem& files, const experiments::StoreLayout& store,
                            const experiments::JobId& job);
//! Those of one attempt, by process rank. A rank that wrote nothing has none.
std::vector<AttemptLog> attempt_logs(core::FileSystem& files, const experiments::StoreLayout& store,
                                     const experiments::JobId& job, int attempt);
//! Those of the latest attempt that has any; nothing where none has.
std::vector<AttemptLog> latest_logs(core::FileSystem& files, const experiments::StoreLayout& store,
                                    const experiments::JobId& job);

//! The last lines of a file, without their ends; of what is longer than 64 KiB only its last part is looked at.
//! \throws RuntimeError as ReadableFile
std::vector<std::string> last_lines(core::FileSystem& files, const std::filesystem::path& path, std::size_t most);

//! Logs read as `tail -F` reads: each call hands over what was added since the last. A file is opened anew each time,
//! so that what another node wrote is seen (close-to-open consistency); one that became shorter is read from its begin.
class LogReader {
 public:
  using Take = std::function<void(const AttemptLog& log, std::string_view bytes)>;
  explicit LogReader(core::FileSystem& files) : files_(files) {}
  //! \param take called with at most 1 MiB at a time, in the order of `logs` \throws RuntimeError as ReadableFile
  void read_on(const std::vector<AttemptLog>& logs, const Take& take);

 private:
  core::FileSystem& files_;
  std::map<std::filesystem::path, std::uint64_t> taken_;
};

}  // namespace resolute::operations
