#pragma once
//! \file
//! A listening TCP socket that is handed to a child process: no port is lost between choosing and binding it.

#include <cstdint>
#include <string>

#include "core/process.h"

namespace resolute::core {

struct Listener {
  FileDescriptor socket;  //!< close-on-exec
  std::string address;    //!< numeric; empty where it listens on every interface
  std::uint16_t port = 0;
};

//! Who can connect: kHost, those who reach the address that this host's name stands for. Where that name stands for
//! the loopback alone (as installers of some systems leave it), or for no address of this host, kEverywhere.
enum class Reach { kLoopback, kHost, kEverywhere };

//! Listens on a free port that the system chooses, IPv4. With kHost it asks the resolver. \throws RuntimeError (errno's
//! kind)
Listener listen_on_free_port(Reach reach);

}  // namespace resolute::core
