#pragma once
//! \file
//! A listening TCP socket that is handed to a child process: no port is lost between choosing and binding it.

#include <cstdint>
#include <optional>
#include <string>

#include "core/process/process.h"

namespace resolute::core {

struct Listener {
  FileDescriptor socket;  //!< close-on-exec
  std::string address;    //!< numeric; empty where it listens on every interface
  std::uint16_t port = 0;
};

//! The processes that can connect. kHost listens at one address of this host by which other hosts may come: the one
//! that its name stands for. If that is the loopback alone (some installers leave it so) or not this host's, it is the
//! address by which it would send to others, or the first of an interface in use; if there is none, kEverywhere.
enum class Reach { kLoopback, kHost, kEverywhere };

//! Listens on a free port that the system chooses: IPv4, or IPv6 with kHost where others reach this host by that alone.
//! With kHost it asks the resolver. \param interface of this host, as "ib0": with kHost its address, whatever the name
//! stands for; empty: none is asked for \throws RuntimeError (errno's kind; kInput for an interface that is not there
//! or has no such address)
Listener listen_on_free_port(Reach reach, const std::string& interface = {});

//! The interface of this host that has a numeric address; none where no interface that is up has it.
//! \throws RuntimeError where interfaces cannot be listed
std::optional<std::string> interface_with(const std::string& address);

}  // namespace resolute::core
