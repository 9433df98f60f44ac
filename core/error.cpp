#include "core/error.h"

#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace resolute::core {
namespace {

std::string compose(std::string_view problem, std::string_view why, std::string_view suggestion) {
  std::string message(problem);
  if (!why.empty()) message += fmt::format(" ({})", why);
  if (!suggestion.empty()) message += fmt::format("; {}", suggestion);
  // One line whatever a path or a file's text holds.
  std::replace_if(
      message.begin(), message.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }, ' ');
  return message;
}

// These speak of the path or the arguments of a call, or of another process.
constexpr std::array kOwnErrors{ENOENT,   ENOTDIR,      EEXIST,       EISDIR,       ENOTEMPTY,  EACCES,
                                EPERM,    ENAMETOOLONG, ELOOP,        EINVAL,       EXDEV,      EMLINK,
                                ETXTBSY,  EOVERFLOW,    EILSEQ,       ERANGE,       EDOM,       EBADF,
                                EFAULT,   ENOTTY,       ESPIPE,       EPIPE,        ENOEXEC,    E2BIG,
                                ECHILD,   ESRCH,        ENOSYS,       EOPNOTSUPP,   EADDRINUSE, EADDRNOTAVAIL,
                                ENOTSOCK, EMSGSIZE,     EAFNOSUPPORT, ECONNREFUSED, EPROTOTYPE, EPROTONOSUPPORT};
// The machine has too little of something.
constexpr std::array kMachineErrors{ENOMEM, EMFILE, ENFILE, EFBIG};
// A store's disk or quota is full, or it is read-only after an error.
constexpr std::array kFullStore{ENOSPC, EDQUOT, EROFS};
constexpr std::array kPassing{EINTR, EAGAIN, EINPROGRESS, EALREADY};

bool is_one_of(const auto& errors, int error_number) { return std::ranges::find(errors, error_number) != errors.end(); }

ErrorKind kind_of_errno(int error_number) {
  if (is_one_of(kMachineErrors, error_number) || is_one_of(kFullStore, error_number)) return ErrorKind::kEnvironment;
  return is_one_of(kOwnErrors, error_number) ? ErrorKind::kInput : ErrorKind::kTransient;
}

// The limit that a call has met, where it is this process's and not the file system's or the machine's.
std::string way_out_of(int error_number) {
  rlimit limit{};
  if (error_number == EMFILE && ::getrlimit(RLIMIT_NOFILE, &limit) == 0)
    return fmt::format("raise the limit of open files, {} (`ulimit -n`, RLIMIT_NOFILE)", limit.rlim_cur);
  if (error_number != EFBIG || ::getrlimit(RLIMIT_FSIZE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return {};
  return fmt::format("raise the limit of a file's size, {} bytes (`ulimit -f`, RLIMIT_FSIZE)", limit.rlim_cur);
}

}  // namespace

int exit_code(ErrorKind kind) {
  if (kind == ErrorKind::kInterrupted) return 75;
  return kind == ErrorKind::kInput || kind == ErrorKind::kCorrupt ? 2 : 1;
}

RuntimeError::RuntimeError(ErrorKind kind, std::string_view problem, std::string_view why, std::string_view suggestion)
    : std::runtime_error(compose(problem, why, suggestion)), kind_(kind) {}

RuntimeError::RuntimeError(ErrorKind kind, const std::string& message, int error_number)
    : std::runtime_error(message), kind_(kind), error_number_(error_number) {}

RuntimeError RuntimeError::at(std::string_view where) const {
  RuntimeError placed(kind_, fmt::format("{}: {}", where, what()), error_number_);
  placed.of_storage_ = of_storage_;
  return placed;
}

RuntimeError RuntimeError::of_storage() const {
  RuntimeError blamed(ErrorKind::kTransient, what(), error_number_);
  blamed.of_storage_ = true;
  return blamed;
}

// File systems have errors of their own, and new ones: what is not known to be a call's is the store's.
bool RuntimeError::is_storage() const {
  if (of_storage_) return true;
  return error_number_ != 0 && !is_one_of(kOwnErrors, error_number_) && !is_one_of(kMachineErrors, error_number_) &&
         !is_one_of(kPassing, error_number_);
}

bool RuntimeError::is_missing() const { return error_number_ == ENOENT || error_number_ == ENOTDIR; }

RuntimeError input_error(std::string_view problem, std::string_view why, std::string_view suggestion) {
  return {ErrorKind::kInput, problem, why, suggestion};
}

RuntimeError corrupt_error(std::string_view problem, std::string_view why, std::string_view suggestion) {
  return {ErrorKind::kCorrupt, problem, why, suggestion};
}

void refuse_undelivered(std::string_view begin, std::string_view file) {
  const std::size_t text = begin.find_first_not_of(" \t\r\n");
  if (begin.starts_with("version https://git-lfs") || begin.starts_with("/annex/objects/"))
    throw input_error(fmt::format("{} is a pointer of Git LFS or git-annex", file), "its data lie elsewhere",
                      "fetch them, as by `git lfs pull` or `git annex get`");
  if (begin.empty()) throw input_error(fmt::format("{} is empty", file), {}, "fetch the file again");
  if (text < begin.size() && begin[text] == '<')
    throw input_error(fmt::format("{} is a web page, or another text in tags", file),
                      "a server may send one in the place of data", "fetch the file again");
}

RuntimeError system_error(std::string_view problem, int error_number, std::string_view suggestion) {
  const std::string way_out = suggestion.empty() ? way_out_of(error_number) : std::string(suggestion);
  return RuntimeError(kind_of_errno(error_number), compose(problem, std::strerror(error_number), way_out),
                      error_number);
}

}  // namespace resolute::core
