#pragma once
//! \file
//! The errors that a caller cannot handle by itself, and the one grammar of their messages:
//! `PROBLEM (WHY); SUGGESTION`, lower case, values quoted, no full stop. A main() prints `resolute: ` before it and
//! leaves with exit_code(). Expected outcomes (a torn tail, a lost node) are return values, never exceptions.

#include <fmt/format.h>

#include <stdexcept>
#include <string>
#include <string_view>

namespace resolute::core {

//! The kind decides what a caller may do; a retry policy reads it and never the text.
enum class ErrorKind {
  kInput,        //!< what the user gave is wrong or broken (usage, configuration, data): exit code 2, never tried again
  kCorrupt,      //!< bytes that this program wrote have changed since: exit code 2
  kTransient,    //!< may go away by itself (a peer is slow, a file is held): exit code 1, worth trying again
  kEnvironment,  //!< the machine refuses (disk full, no memory, a tool missing): exit code 1
  kInterrupted,  //!< asked to stop, resumable: exit code 75
};

//! Exit code of a process that ends with an error of this kind (docs/inside/worker.md): 1, 2 or 75.
int exit_code(ErrorKind kind);

//! An error of the world outside: user, file, network. what() is the complete one-line message.
class RuntimeError : public std::runtime_error {
 public:
  //! \param problem what is wrong, with the values quoted
  //! \param why why that is a problem; empty leaves the parentheses out
  //! \param suggestion what to do next; empty leaves it out
  RuntimeError(ErrorKind kind, std::string_view problem, std::string_view why = {}, std::string_view suggestion = {});
  ErrorKind kind() const { return kind_; }
  //! errno of the system call that failed; 0 where none did.
  int error_number() const { return error_number_; }
  //! The storage made the call fail: it is full or read-only, or its disk or server has an error or is away. The caller
  //! did nothing wrong, and the same call may succeed later.
  bool is_storage() const;
  //! The same error, and is_storage(): the store was asked (storage_fails_too()).
  RuntimeError of_storage() const;
  //! A file is not there, or a folder above it is not.
  bool is_missing() const;
  //! The same error with `where: ` (a file and line, or a key) before the problem.
  RuntimeError at(std::string_view where) const;

 private:
  friend RuntimeError system_error(std::string_view problem, int error_number, std::string_view suggestion);
  RuntimeError(ErrorKind kind, const std::string& message, int error_number);
  ErrorKind kind_;
  int error_number_ = 0;
  bool of_storage_ = false;  // whatever its errno says
};

//! A broken promise inside this program: our bug, not the user's.
class ContractError : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

//! Shorthand for the commonest kind.
RuntimeError input_error(std::string_view problem, std::string_view why = {}, std::string_view suggestion = {});
//! Bytes that fail their checksum, magic or structure.
RuntimeError corrupt_error(std::string_view problem, std::string_view why = {}, std::string_view suggestion = {});
//! Refuses what a download may have left in a file's place (kInput): nothing, a web page, a pointer of Git LFS or
//! git-annex. \param begin the file's first 64 bytes, or more \param file in quotes
void refuse_undelivered(std::string_view begin, std::string_view file);
//! A failed system call: `problem (strerror(error_number))`, with the way out of a limit that the process has on
//! files, their size or number; kind by errno (no space, no memory, quota, read-only:
//! kEnvironment; what speaks of the path or the arguments, such as a missing file or permission: kInput; all others, as
//! EINTR, EAGAIN, EIO, ESTALE, ECOMM and whatever a device or a server says: kTransient).
RuntimeError system_error(std::string_view problem, int error_number, std::string_view suggestion = {});

//! Throws ContractError with the text and the place unless `holds`.
#define RESOLUTE_EXPECT(holds, text)                                                                         \
  do {                                                                                                       \
    if (!(holds)) throw ::resolute::core::ContractError(fmt::format("{}:{}: {}", __FILE__, __LINE__, text)); \
  } while (false)

}  // namespace resolute::core
