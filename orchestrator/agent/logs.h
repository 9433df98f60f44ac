#pragma once
//! \file
//! A rank's logs. Its words are held in memory, where the last ones can be read whatever the store does, and go to a
//! file of the store every now and then: a rank that writes nothing leaves none.

#include <cstdint>
#include <string>
#include <utility>

#include "core/process/process.h"

namespace resolute::orchestrator {

//! The words of a rank on one of its outputs, in memory. Not thread-safe.
class RankOutput {
 public:
  //! \throws RuntimeError without memory or descriptors
  RankOutput();
  //! For the rank to write to, at the end whoever does, and for its LogFile. Closed when it is exec'd: to be
  //! duplicated.
  int descriptor() const { return memory_.get(); }
  //! last_words() of the last 24 KiB; at most 500 bytes, '?' for each that controls a terminal.
  std::string last_words() const;

 private:
  core::FileDescriptor memory_;
};

//! The store's file of it. Not thread-safe.
class LogFile {
 public:
  //! Nothing is asked of the store yet. \param memory a RankOutput's
  LogFile(std::string path, core::FileDescriptor memory) : path_(std::move(path)), memory_(std::move(memory)) {}
  //! Appends what the rank has written since the last time to the file, which is made with the first byte, and cuts it
  //! where it is longer than `limit` bytes. Words that the store does not take stay in memory, at most so much of them:
  //! its end.
  void keep(std::uint64_t limit);
  const std::string& path() const { return path_; }

 private:
  bool append(std::uint64_t size);
  void forget(std::uint64_t until);

  std::string path_;
  core::FileDescriptor memory_;
  std::uint64_t kept_ = 0;       // so many bytes of it stand in the file, or were given up
  std::uint64_t forgotten_ = 0;  // so many are no longer in memory
};

//! Cuts a log over `limit` bytes to its first and its last quarter of them, with a line between that says so. Words
//! that are written to it in this moment may be lost. The log keeps its length, and its ends, if the disk takes
//! nothing.
void cut_log(const std::string& path, std::uint64_t limit);

}  // namespace resolute::orchestrator
