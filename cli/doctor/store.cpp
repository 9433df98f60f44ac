// `resolute doctor`: does a store's file system do what we rely on? Works in a folder of its own, which it removes.

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "cli/doctor/checks.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/files/file_system.h"
#include "core/files/ownership.h"

namespace resolute::cli {

namespace {

constexpr int kSyncs = 5;
constexpr double kSlowSyncMs = 100;
constexpr double kSkewSeconds = 2;
constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;
constexpr std::uint64_t kLittleSpace = 10;
constexpr std::uint64_t kNoSpace = 1;
constexpr std::uint64_t kFewFiles = 100'000;

struct Kind {
  std::uint64_t magic;
  const char* name;
  Level level;
  const char* advice;
};
constexpr const char* kLocal = "other nodes do not see it; several need a shared one";
// statfs(2) and the kernel's magic.h.
constexpr std::array<Kind, 16> kKinds{{
    {0x01021994, "tmpfs", Level::kWarn, "it is memory: gone with the machine, and other nodes do not see it"},
    {0x858458f6, "ramfs", Level::kWarn, "it is memory: gone with the machine, and other nodes do not see it"},
    {0x794c7630, "overlayfs", Level::kWarn, "a container's own folder goes with it; bind one of the host's"},
    {0x6969, "NFS", Level::kOk, ""},
    {0x0BD00BD0, "Lustre", Level::kOk, "for many small files: lfs setstripe -c 1 STORE"},
    {0x47504653, "GPFS", Level::kOk, ""},
    {0x19830326, "BeeGFS", Level::kOk, ""},
    {0x00c36400, "CephFS", Level::kOk, ""},
    {0x01021997, "9p", Level::kWarn, "it is slow and may lack link(); use a real file system for much data"},
    {0x65735546, "FUSE", Level::kWarn, "not every one keeps what fsync promised; prefer a real file system"},
    {0xff534d42, "CIFS", Level::kWarn, "it may lack link() and renames over open files; prefer NFS or Lustre"},
    {0xfe534d42, "SMB", Level::kWarn, "it may lack link() and renames over open files; prefer NFS or Lustre"},
    {0xef53, "ext", Level::kOk, kLocal},
    {0x58465342, "XFS", Level::kOk, kLocal},
    {0x9123683e, "Btrfs", Level::kOk, kLocal},
    {0x2fc12fc1, "ZFS", Level::kOk, kLocal},
}};

Finding judge_kind(const fs::path& folder) {
  struct statfs about {};
  if (::statfs(folder.c_str(), &about) != 0)
    return {Level::kFail, "store type", core::system_error("statfs failed", errno).what(), ""};
  const auto magic = static_cast<std::uint64_t>(about.f_type) & 0xffffffffU;
  const auto known = std::ranges::find(kKinds, magic, &Kind::magic);
  if (known == kKinds.end())
    return {Level::kOk, "store type", fmt::format("file system 0x{:x}, not one that we know", magic), ""};
  return {known->level, "store type", known->name, known->advice};
}

Finding judge_space(const fs::path& folder) {
  struct statvfs about {};
  if (::statvfs(folder.c_str(), &about) != 0)
    return {Level::kFail, "store space", core::system_error("statvfs failed", errno).what(), ""};
  const std::uint64_t free = std::uint64_t{about.f_bavail} * about.f_frsize;
  std::string what = fmt::format("{:.1f} GiB left", static_cast<double>(free) / static_cast<double>(kGiB));
  if (free < kNoSpace * kGiB) return {Level::kFail, "store space", what, "make room, or choose another store"};
  // File systems without a table of inodes say 0 of 0.
  if (about.f_files > 0 && about.f_favail < kFewFiles)
    return {Level::kWarn, "store space", fmt::format("{}, but for {} files only", what, std::uint64_t{about.f_favail}),
            "a suite of a thousand jobs makes some ten thousand"};
  if (free < kLittleSpace * kGiB) return {Level::kWarn, "store space", what, "packs and checkpoints take gigabytes"};
  return {Level::kOk, "store space", what, ""};
}

Finding judge_names(core::FileSystem& files, const fs::path& folder) {
  const fs::path first = folder / "first", second = folder / "second", third = folder / "third";
  core::write_atomic(files, first, "1");
  core::write_atomic(files, third, "3");
  if (!files.link(first, second) || files.link(third, second) || core::read_text(files, second) != "1")
    return {Level::kFail, "store names", "link() does not tell who was first", "use another file system for the store"};
  files.rename(third, second);
  if (core::read_text(files, second) != "3" || core::read_text(files, first) != "1" || files.exists(third))
    return {Level::kFail, "store names", "rename() does not replace a file whole",
            "use another file system for the store"};
  const fs::path across = folder / "folder/fourth";
  files.create_directories(across.parent_path());
  try {
    files.link(second, across);
  } catch (const core::RuntimeError& error) {
    return {Level::kWarn, "store names", fmt::format("no file is linked into another folder ({})", error.what()),
            "each claim of a job takes two calls more"};
  }
  files.remove(second);
  if (!files.exists(across) || core::read_text(files, across) != "3")
    return {Level::kFail, "store names", "link() makes a symbolic link, which ends with what it was made of",
            "use another file system for the store (BeeGFS: without sysCreateHardlinksAsSymlinks)"};
  return {Level::kOk, "store names", "link() and rename() are exact; locks are not needed", ""};
}

Finding judge_sync(core::FileSystem& files, const fs::path& folder) {
  std::vector<double> times;
  for (int i = 0; i < kSyncs; ++i) {
    const auto file = files.open_for_write(folder / fmt::format("sync{}", i), core::OpenMode::kCreateNew);
    const auto begin = core::monotonic_clock().now();
    file->write(std::as_bytes(std::span("a line of a journal")));
    file->sync();
    times.push_back(std::chrono::duration<double, std::milli>(core::monotonic_clock().now() - begin).count());
    file->close();
  }
  std::nth_element(times.begin(), times.begin() + kSyncs / 2, times.end());
  const double median = times[kSyncs / 2];
  const bool slow = median > kSlowSyncMs;
  return {slow ? Level::kWarn : Level::kOk, "store sync", fmt::format("fsync takes {:.1f} ms", median),
          slow ? "starts of jobs and checkpoints will be as slow; ask for faster storage" : ""};
}

Finding judge_clock(core::FileSystem& files, const fs::path& folder) {
  const auto seconds = [](const timespec& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
  };
  timespec before{}, after{};
  ::clock_gettime(CLOCK_REALTIME, &before);
  const fs::path probe = folder / "clock";
  files.open_for_write(probe, core::OpenMode::kCreateNew)->close();
  ::clock_gettime(CLOCK_REALTIME, &after);
  struct stat about {};
  if (::stat(probe.c_str(), &about) != 0)
    return {Level::kWarn, "store clock", core::system_error("stat failed", errno).what(), ""};
  const double skew = seconds(about.st_mtim) < seconds(before)  ? seconds(about.st_mtim) - seconds(before)
                      : seconds(about.st_mtim) > seconds(after) ? seconds(about.st_mtim) - seconds(after)
                                                                : 0;
  const bool bad = std::abs(skew) > kSkewSeconds;
  return {bad ? Level::kWarn : Level::kOk, "store clock",
          fmt::format("{:+.1f} s from this machine's", std::abs(skew) < 0.05 ? 0 : skew),
          bad ? "nothing relies on it, but times shown will be off; let NTP set both" : ""};
}

// Two levels below the top: what another user's run has made is closed to a group by the usual umask.
std::optional<Finding> judge_sharing(const fs::path& store) {
  std::error_code ignored;
  std::size_t closed = 0;
  std::string first;
  auto entry = fs::recursive_directory_iterator(store, ignored);
  for (; !ignored && entry != fs::recursive_directory_iterator(); entry.increment(ignored)) {
    if (!entry->is_directory(ignored)) continue;
    if (entry.depth() > 0) entry.disable_recursion_pending();
    const auto why = core::why_not_writable(entry->path());
    if (!why) continue;
    entry.disable_recursion_pending();
    if (++closed == 1) first = fmt::format("'{}' ({})", entry->path().string(), *why);
  }
  if (closed == 0) return std::nullopt;
  return Finding{Level::kWarn, "store sharing",
                 fmt::format("{} of its folders cannot be written to by you; the first: {}", closed, first),
                 core::sharing_advice(store)};
}

// A check's own folder, gone with it.
class Scratch {
 public:
  Scratch(core::FileSystem& files, const fs::path& in) : path_(core::temporary_beside(in / "doctor")) {
    files.create_directories(path_);
  }
  ~Scratch() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

Finding error_finding(const char* name, const std::exception& error) {
  return {Level::kFail, name, error.what(), "give --store a folder that you may write to"};
}

}  // namespace

Findings check_store(const fs::path& store) {
  auto& files = core::real_file_system();
  std::error_code ignored;
  fs::path folder = fs::absolute(store).lexically_normal();
  std::string place = folder.string();
  while (!fs::exists(folder, ignored) && folder.has_relative_path()) folder = folder.parent_path();
  if (folder != fs::absolute(store).lexically_normal()) place += " is not there yet; looked at " + folder.string();
  std::optional<Scratch> scratch;
  try {
    scratch.emplace(files, folder);
  } catch (const std::exception& error) {
    return {error_finding("store", error)};
  }
  Findings findings{{Level::kOk, "store", place, ""}, judge_kind(folder), judge_space(folder)};
  if (const auto closed = folder == fs::absolute(store).lexically_normal() ? judge_sharing(folder) : std::nullopt)
    findings.push_back(*closed);
  using Judge = Finding (*)(core::FileSystem&, const fs::path&);
  for (const auto& [name, judge] : {std::pair<const char*, Judge>{"store names", judge_names},
                                    {"store sync", judge_sync},
                                    {"store clock", judge_clock}}) {
    try {
      findings.push_back(judge(files, scratch->path()));
    } catch (const std::exception& error) {
      findings.push_back(error_finding(name, error));
    }
  }
  return findings;
}

}  // namespace resolute::cli
