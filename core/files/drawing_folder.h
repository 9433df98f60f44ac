#pragma once
//! \file
//! A folder to draw in, gone at its end with all that is in it.

#include <filesystem>
#include <string_view>

namespace resolute::core {

class DrawingFolder {
 public:
  //! Makes resolute-NAME-XXXXXX where temporary files lie. \throws system_error() where that cannot be
  explicit DrawingFolder(std::string_view name);
  ~DrawingFolder();
  DrawingFolder(const DrawingFolder&) = delete;
  DrawingFolder& operator=(const DrawingFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace resolute::core
