#pragma once
//! \file
//! Cell arrays of a MATLAB .mat file, version 7.3, of any origin. Such files are HDF5 files in the library's oldest
//! format, without checksums; HDF5 1.10.8 crashes on some damaged ones and never comes back from others. So it reads
//! them in other processes (the program resolute-mat beside this one), each with one file, a limit of memory and of
//! time: whatever becomes of them, here it is an error about that file.

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/process.h"
#include "datasets/hdf5/mat_values.h"

namespace resolute::datasets::hdf5 {

struct MatHelperSettings {
  std::filesystem::path program = {};                //!< empty: resolute-mat beside this program
  std::chrono::milliseconds listing_limit{120'000};  //!< for each answer but an image
  std::chrono::milliseconds image_limit{60'000};
};

//! Processes that read .mat files: as many as there are threads that ask at once, started when needed, kept for the
//! next question, ended with this object or with the process that owns it. Any thread.
class MatHelpers {
 public:
  explicit MatHelpers(MatHelperSettings settings = {});
  ~MatHelpers();
  MatHelpers(const MatHelpers&) = delete;
  MatHelpers& operator=(const MatHelpers&) = delete;
  //! The answer's bytes; the caller decodes them. A helper that dies is replaced once, since it may have been killed
  //! for another reason. \throws RuntimeError: kInput "'FILE' cannot be read: WHY; fetch it again" where the file is
  //! refused, "'FILE' cannot be read (the HDF5 library fell over it: HOW); fetch it again" where the helper died, took
  //! too long or answered nonsense; kEnvironment where resolute-mat cannot be started;
  //! what the system's errors are where reading fails
  core::Bytes ask(const MatRequest& request);
  //! Ids of the helpers that wait for a question.
  std::vector<pid_t> idle() const;

 private:
  class Helper;
  std::unique_ptr<Helper> start() const;
  std::unique_ptr<Helper> take_idle();

  MatHelperSettings settings_;
  mutable std::mutex lock_;
  std::vector<std::unique_ptr<Helper>> idle_;
};

//! One .mat file. Members are those of MatCells (mat_cells.h), for any thread, several at once; errors as
//! MatHelpers::ask().
class MatFile {
 public:
  MatFile(std::filesystem::path path, std::shared_ptr<MatHelpers> helpers);
  std::vector<CellTable> tables(const std::string& variable) const;
  std::vector<CellSize> sizes(const std::string& variable, std::uint32_t table, std::uint32_t first,
                              std::uint32_t count) const;
  CellImage image(const std::string& variable, std::uint32_t table, std::uint32_t cell) const;
  std::vector<CellMatrix> matrices(const std::string& variable) const;
  const std::filesystem::path& path() const { return path_; }

 private:
  template <class Decode>
  auto ask(const MatRequest& request, const Decode& decode) const;

  std::filesystem::path path_;
  std::shared_ptr<MatHelpers> helpers_;
};

}  // namespace resolute::datasets::hdf5
