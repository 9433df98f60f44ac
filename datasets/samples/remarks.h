#pragma once
//! \file
//! Results of reading a data set beside its samples. Files that are refused are gathered, so that a user hears of
//! all of them at once and not of one a run; images that a source's own rules leave out are counted.

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"

namespace resolute::datasets {

//! A file, or a line of a list ("'images.csv', line 3"), and the whole message about it.
struct RefusedFile {
  std::string file;
  std::string problem;
  bool operator==(const RefusedFile&) const = default;
};

//! Files of a data set that are refused (kInput). what() is the first one's message, and how many more there are.
class RefusedFiles final : public core::RuntimeError {
 public:
  //! Files that are kept by name; of more only the number is.
  static constexpr std::size_t kMostNamed = 100'000;

  //! \param named not empty, at most kMostNamed \param count of all
  RefusedFiles(std::vector<RefusedFile> named, std::size_t count);
  const std::vector<RefusedFile>& named() const { return named_; }
  std::size_t count() const { return count_; }

 private:
  std::vector<RefusedFile> named_;
  std::size_t count_;
};

//! Logs a line for each of the first twenty, and how many more there are; nothing where there is but one, which what()
//! tells.
void log_refused(const RefusedFiles& refused);

//! Gathers them while a data set is read; not thread-safe.
class Remarks {
 public:
  //! Another kind of error than kInput says nothing of the file and is thrown on. \param file as messages show it
  void refuse(std::string_view file, const core::RuntimeError& error);
  //! All that another one names.
  void refuse(const RefusedFiles& others);
  //! Calls `read`; the RuntimeError that it throws is this file's refusal.
  template <class Read>
  void gather(std::string_view file, Read read) {
    try {
      read();
    } catch (const core::RuntimeError& error) {
      refuse(file, error);
    }
  }
  bool refused_any() const { return count_ > 0; }
  //! \throws RefusedFiles where any was refused
  void throw_refused() const;

  //! \param why in a few words, as "junk (identity -1)"
  void leave_out(const std::string& why, std::size_t images = 1);
  //! Images by why they are left out.
  const std::map<std::string, std::size_t>& left_out() const { return left_out_; }

  //! One line about something that looks wrong and may be right.
  void warn(std::string warning) { warnings_.push_back(std::move(warning)); }
  const std::vector<std::string>& warnings() const { return warnings_; }

 private:
  std::vector<RefusedFile> named_;
  std::size_t count_ = 0;
  std::map<std::string, std::size_t> left_out_;
  std::vector<std::string> warnings_;
};

}  // namespace resolute::datasets
