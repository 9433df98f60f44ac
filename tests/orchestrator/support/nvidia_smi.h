#pragma once
//! \file
//! A program in the place of nvidia-smi.

#include <stdlib.h>
#include <sys/stat.h>

#include <string>

#include "core/files/file_system.h"
#include "tests/support/temporary_folder.h"

namespace resolute::tests {

//! While it lives, nothing but its program is on the PATH.
class NvidiaSmi {
 public:
  NvidiaSmi() { ::setenv("PATH", folder_.path().c_str(), 1); }
  ~NvidiaSmi() { ::setenv("PATH", path_.c_str(), 1); }
  NvidiaSmi(const NvidiaSmi&) = delete;
  NvidiaSmi& operator=(const NvidiaSmi&) = delete;
  //! \param script of sh; before the first there is no such program
  void behave(const std::string& script) {
    const auto program = folder_ / "nvidia-smi";
    core::write_atomic(core::real_file_system(), program,
                       "#!/bin/sh\necho \"$@\" >> " + (folder_ / "asked").string() + "\n" + script + "\n");
    ::chmod(program.c_str(), 0755);
  }
  //! The arguments of each call, a line each.
  std::string asked() const {
    return core::read_text_if_exists(core::real_file_system(), folder_ / "asked").value_or("");
  }

 private:
  std::string path_ = ::getenv("PATH");
  TemporaryFolder folder_;
};

}  // namespace resolute::tests
