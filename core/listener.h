#pragma once
//! \file
//! A listening TCP socket that is handed to a child process: no port is lost between choosing and binding it.

#include <cstdint>

#include "core/process.h"

namespace resolute::core {

struct Listener {
  FileDescriptor socket;  //!< close-on-exec
  std::uint16_t port = 0;
};

enum class Reach { kLoopback, kEverywhere };

//! Listens on a free port that the system chooses, IPv4. \throws RuntimeError (errno's kind)
Listener listen_on_free_port(Reach reach);

}  // namespace resolute::core
