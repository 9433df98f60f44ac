//! \file
//! An LD_PRELOAD library that makes a folder behave as a store does on a bad day: every metadata call and every fsync
//! below it takes a time of its own, and calls fail or hang as long as a control file says so. For whole programs with
//! their real processes; a statically linked one is not touched. Relative paths and `*at` calls on a folder's
//! descriptor are left alone.
//!
//!     RESOLUTE_SHIM_FOLDER=/tmp/x/store    what is made slow or sick: this folder and all below it
//!     RESOLUTE_SHIM_METADATA_US=1000       that each call takes which names a path; 0 by default
//!     RESOLUTE_SHIM_FSYNC_US=5000          that each fsync or fdatasync takes; 0 by default
//!     RESOLUTE_SHIM_CALLS=/tmp/x/calls     grows by a line "CALL PATH" with each of these calls, of all
//!                                          processes
//!     RESOLUTE_SHIM_LINKS=18               errno of every link from one folder into another; /tmp/x/store.struck is
//!                                          there then
//!     RESOLUTE_SHIM_STALE_MS=30000         for so long a process believes that what was not there is not there, unless
//!                                          it has changed the folder itself: as a client of NFS, each a host
//!     RESOLUTE_SHIM_CONTROL=/tmp/x/sick    while this file is there, each of its lines makes calls fail or hang:
//!         CALL TEXT ERRNO MILLISECONDS     those whose path holds TEXT; `*` for CALL or TEXT: every one. ERRNO is a
//!                                          number, 0: the call is made after that time
//!
//! CALL is open, stat, mkdir, rmdir, unlink, link, rename, list, sync or write. The first that is struck leaves a file
//! beside the control file, named as that with `.struck` behind it.

#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <string>
#include <unordered_map>

namespace {

long number_of(const char* variable) {
  const char* text = std::getenv(variable);
  return text == nullptr ? 0 : std::atol(text);
}

struct Settings {
  const char* folder = std::getenv("RESOLUTE_SHIM_FOLDER");
  const char* control = std::getenv("RESOLUTE_SHIM_CONTROL");
  const char* calls = std::getenv("RESOLUTE_SHIM_CALLS");
  long links = number_of("RESOLUTE_SHIM_LINKS");
  long metadata_us = number_of("RESOLUTE_SHIM_METADATA_US");
  long fsync_us = number_of("RESOLUTE_SHIM_FSYNC_US");
  long stale_ms = number_of("RESOLUTE_SHIM_STALE_MS");
};

const Settings& settings() {
  static const Settings kSettings;
  return kSettings;
}

template <class Function>
Function* real(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

void sleep_us(long microseconds) {
  if (microseconds <= 0) return;
  timespec left{microseconds / 1'000'000, microseconds % 1'000'000 * 1000};
  while (::nanosleep(&left, &left) != 0 && errno == EINTR) {
  }
}

bool below(const char* path) {
  const char* folder = settings().folder;
  if (folder == nullptr || path == nullptr) return false;
  const std::size_t length = std::strlen(folder);
  return std::strncmp(path, folder, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

void mark(const char* file) {
  static const auto kOpen = real<int(const char*, int, ...)>("open");
  ::close(kOpen(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
}

bool is_one_folder(const char* one, const char* other) {
  const char* const end = std::strrchr(one, '/');
  const char* const other_end = std::strrchr(other, '/');
  return end != nullptr && other_end != nullptr && end - one == other_end - other &&
         std::strncmp(one, other, static_cast<std::size_t>(end - one)) == 0;
}

// errno that the control file has for the call, after the time that it has for it.
int sickness(const char* call, const char* path) {
  if (settings().control == nullptr) return 0;
  static const auto kOpen = real<int(const char*, int, ...)>("open");
  const int file = kOpen(settings().control, O_RDONLY | O_CLOEXEC);
  if (file < 0) return 0;
  char text[4096];
  const ssize_t count = ::read(file, text, sizeof text - 1);
  ::close(file);
  text[count > 0 ? count : 0] = '\0';
  char* rest = nullptr;
  for (char* line = ::strtok_r(text, "\n", &rest); line != nullptr; line = ::strtok_r(nullptr, "\n", &rest)) {
    char whom[64];
    char where[512];
    int number = 0;
    long milliseconds = 0;
    if (std::sscanf(line, "%63s %511s %d %ld", whom, where, &number, &milliseconds) != 4) continue;
    if (std::strcmp(whom, "*") != 0 && std::strcmp(whom, call) != 0) continue;
    if (std::strcmp(where, "*") != 0 && std::strstr(path, where) == nullptr) continue;
    char struck[PATH_MAX];
    std::snprintf(struck, sizeof struck, "%s.struck", settings().control);
    mark(struck);
    sleep_us(milliseconds * 1000);
    if (number != 0) return number;
  }
  return 0;
}

void count_call(const char* call, const char* path) {
  if (settings().calls == nullptr) return;
  static const auto kOpen = real<int(const char*, int, ...)>("open");
  const int file = kOpen(settings().calls, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (file < 0) return;
  char line[PATH_MAX + 64];
  const int length = std::snprintf(line, sizeof line, "%s %s\n", call, path);
  static_cast<void>(!::write(file, line, std::min(static_cast<std::size_t>(length), sizeof line - 1)));
  ::close(file);
}

// \return whether the call fails, errno then says how
bool held_up(const char* call, const char* path, long microseconds) {
  if (!below(path)) return false;
  if (std::strcmp(call, "write") != 0) count_call(call, path);
  sleep_us(microseconds);
  if (const int error = sickness(call, path)) {
    errno = error;
    return true;
  }
  return false;
}

bool held_up(const char* call, const char* path) { return held_up(call, path, settings().metadata_us); }

bool file_held_up(const char* call, int descriptor, long microseconds) {
  char name[64];
  char path[PATH_MAX];
  std::snprintf(name, sizeof name, "/proc/self/fd/%d", descriptor);
  const ssize_t length = ::readlink(name, path, sizeof path - 1);
  if (length <= 0) return false;
  path[length] = '\0';
  return held_up(call, path, microseconds);
}

// What this process has not found, and until when it believes that it is not there.
class Absent {
 public:
  bool holds(const char* path) {
    if (settings().stale_ms <= 0 || !below(path)) return false;
    const std::lock_guard lock(mutex_);
    const auto found = until_.find(path);
    return found != until_.end() && milliseconds() < found->second;
  }
  void note(const char* path) {
    if (settings().stale_ms <= 0 || !below(path)) return;
    const std::lock_guard lock(mutex_);
    until_[path] = milliseconds() + settings().stale_ms;
  }
  // This process has changed the path's folder.
  void forget_beside(const char* path) {
    if (settings().stale_ms <= 0 || !below(path)) return;
    const std::lock_guard lock(mutex_);
    std::erase_if(until_, [path](const auto& entry) { return is_one_folder(entry.first.c_str(), path); });
  }

 private:
  static long milliseconds() {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1'000'000;
  }
  std::mutex mutex_;
  std::unordered_map<std::string, long> until_;
};

Absent& absent() {
  static auto* const kAbsent = new Absent;  // processes call to their last moment
  return *kAbsent;
}

// Calls `real` as a client does that believes what it knows. \param makes a name that need not be there
template <class Result, class Real>
Result believed(const char* path, bool looks, bool makes, Result failure, const Real& real) {
  if (!makes && absent().holds(path)) {
    errno = ENOENT;
    return failure;
  }
  const Result result = real();
  if (result == failure && errno == ENOENT && !makes) absent().note(path);
  // Linux's client drops what it knew of a name that turns out to be taken.
  if (!looks && (result != failure || errno == EEXIST)) {
    const int error = errno;
    absent().forget_beside(path);
    errno = error;
  }
  return result;
}

mode_t mode_of(int flags, va_list arguments) {
  return (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(arguments, mode_t) : 0;
}

}  // namespace

// Two names of one function: that of its symbol, and that of the call in the control file.
#define SHIM_ONE_PATH(result, failure, symbol, call, looks, makes, arguments, values)               \
  extern "C" result symbol arguments {                                                              \
    static const auto kReal = real<result arguments>(#symbol);                                      \
    if (held_up(call, path)) return failure;                                                        \
    return believed<result>(path, looks, makes, failure, [&]() -> result { return kReal values; }); \
  }
#define SHIM_LOOK(symbol, arguments, values) SHIM_ONE_PATH(int, -1, symbol, "stat", true, false, arguments, values)

SHIM_ONE_PATH(int, -1, mkdir, "mkdir", false, true, (const char* path, mode_t mode), (path, mode))
SHIM_ONE_PATH(int, -1, rmdir, "rmdir", false, false, (const char* path), (path))
SHIM_ONE_PATH(int, -1, unlink, "unlink", false, false, (const char* path), (path))
SHIM_LOOK(access, (const char* path, int mode), (path, mode))
SHIM_LOOK(stat, (const char* path, struct stat* to), (path, to))
SHIM_LOOK(lstat, (const char* path, struct stat* to), (path, to))
SHIM_LOOK(stat64, (const char* path, struct stat64* to), (path, to))
SHIM_LOOK(lstat64, (const char* path, struct stat64* to), (path, to))
SHIM_ONE_PATH(DIR*, nullptr, opendir, "list", true, false, (const char* path), (path))

extern "C" int rename(const char* from, const char* path) {
  static const auto kReal = real<int(const char*, const char*)>("rename");
  if (held_up("rename", path)) return -1;
  return believed(from, false, false, -1,
                  [&] { return believed(path, false, true, -1, [&] { return kReal(from, path); }); });
}

extern "C" int link(const char* from, const char* path) {
  static const auto kReal = real<int(const char*, const char*)>("link");
  if (held_up("link", path)) return -1;
  if (settings().links == 0 || !below(path) || is_one_folder(from, path))
    return believed(path, false, true, -1, [&] { return kReal(from, path); });
  char struck[PATH_MAX];
  std::snprintf(struck, sizeof struck, "%s.struck", settings().folder);
  mark(struck);
  errno = static_cast<int>(settings().links);
  return -1;
}

#define SHIM_OPEN(symbol, parameters, type, values)                         \
  extern "C" int symbol parameters {                                        \
    static const auto kReal = real<type>(#symbol);                          \
    va_list arguments;                                                      \
    va_start(arguments, flags);                                             \
    const mode_t mode = mode_of(flags, arguments);                          \
    va_end(arguments);                                                      \
    if (held_up("open", path)) return -1;                                   \
    const bool makes = (flags & O_CREAT) != 0;                              \
    return believed(path, !makes, makes, -1, [&] { return kReal values; }); \
  }
#define SHIM_OPEN_ALONE(symbol) \
  SHIM_OPEN(symbol, (const char* path, int flags, ...), int(const char*, int, ...), (path, flags, mode))
#define SHIM_OPEN_BELOW(symbol)                                                                      \
  SHIM_OPEN(symbol, (int folder, const char* path, int flags, ...), int(int, const char*, int, ...), \
            (folder, path, flags, mode))
SHIM_OPEN_ALONE(open)
SHIM_OPEN_ALONE(open64)
SHIM_OPEN_BELOW(openat)
SHIM_OPEN_BELOW(openat64)

extern "C" int fsync(int descriptor) {
  static const auto kReal = real<int(int)>("fsync");
  return file_held_up("sync", descriptor, settings().fsync_us) ? -1 : kReal(descriptor);
}

extern "C" int fdatasync(int descriptor) {
  static const auto kReal = real<int(int)>("fdatasync");
  return file_held_up("sync", descriptor, settings().fsync_us) ? -1 : kReal(descriptor);
}

// Nothing is lost of one that only comes late, so that writes are looked at where a control file may say so alone.
#define SHIM_WRITE(symbol, parameters, values)                                                        \
  extern "C" ssize_t symbol parameters {                                                              \
    static const auto kReal = real<ssize_t parameters>(#symbol);                                      \
    return settings().control != nullptr && file_held_up("write", descriptor, 0) ? -1 : kReal values; \
  }
SHIM_WRITE(write, (int descriptor, const void* bytes, size_t count), (descriptor, bytes, count))
SHIM_WRITE(pwrite, (int descriptor, const void* bytes, size_t count, off_t at), (descriptor, bytes, count, at))
SHIM_WRITE(pwrite64, (int descriptor, const void* bytes, size_t count, off64_t at), (descriptor, bytes, count, at))
