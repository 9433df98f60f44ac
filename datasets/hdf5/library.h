#pragma once
//! \file
//! Internal to datasets/hdf5: one lock round the HDF5 library, owning handles, and checked calls. Every call to the C
//! API happens while a LibraryLock is held and its status goes through check().

#include <hdf5.h>

#include <mutex>
#include <string>
#include <utility>

#include "core/error.h"

namespace resolute::datasets::hdf5 {

//! Held round every use of the library. Recursive, so that handles may close inside a locked scope. The first one
//! starts the library: no clean-up at exit (a file whose close failed would be closed again there and crash), no
//! printed stacks, no plug-ins.
class LibraryLock {
 public:
  LibraryLock();

 private:
  std::unique_lock<std::recursive_mutex> lock_;
};

//! The meaning of a failed call to the caller of this folder.
struct Context {
  core::ErrorKind kind;
  std::string problem;  //!< e.g. "cannot read 'shard-00000.h5'"
};

//! Throws `context` with the library's error stack, folded into one line, as the reason. A failed system call in the
//! stack decides the kind (no space: kEnvironment).
[[noreturn]] void throw_error(const Context& context);

//! Passes a status or id through; a negative one throws.
template <class T>
T check(T status, const Context& context) {
  if (status < 0) throw_error(context);
  return status;
}

//! Owns one HDF5 id.
class Handle {
 public:
  using Closer = herr_t (*)(hid_t);
  Handle() = default;
  //! \param id result of the opening call; negative throws
  Handle(hid_t id, Closer closer, const Context& context) : id_(check(id, context)), closer_(closer) {}
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  Handle(Handle&& other) noexcept : id_(std::exchange(other.id_, -1)), closer_(other.closer_) {}
  Handle& operator=(Handle&& other) noexcept {
    std::swap(id_, other.id_);
    std::swap(closer_, other.closer_);
    return *this;
  }
  ~Handle() {
    if (id_ < 0) return;
    LibraryLock lock;
    closer_(id_);
  }
  hid_t get() const& { return id_; }
  hid_t get() && = delete;
  bool is_open() const { return id_ >= 0; }
  //! Closes and checks: called where data was written.
  void close(const Context& context) {
    LibraryLock lock;
    hid_t id = std::exchange(id_, -1);
    if (id >= 0) check(closer_(id), context);
  }

 private:
  hid_t id_ = -1;
  Closer closer_ = nullptr;
};

//! A file access list without locks, opened files closed with all that hangs on them.
Handle file_access(const Context& context);

}  // namespace resolute::datasets::hdf5
