#pragma once
//! \file
//! A secret that the processes of one attempt share: drawn, handed on by a descriptor, proven without being said.

#include <cstddef>
#include <string>
#include <string_view>

#include "core/bytes.h"
#include "core/process/process.h"

namespace resolute::core {

//! Random bytes of the kernel, which nobody can guess. \throws RuntimeError (errno's kind)
Bytes random_bytes(std::size_t wanted);
//! random_bytes() in hexadecimal.
std::string random_token(std::size_t bytes);

//! A descriptor that a child reads `secret` from, once: unlike arguments, no other user sees what it holds.
//! \pre at most 4096 bytes \throws RuntimeError (errno's kind)
FileDescriptor secret_pipe(std::string_view secret);
//! Reads the secret of a parent's secret_pipe(), and closes the descriptor. \throws RuntimeError (kInput) if it holds
//! nothing, or more than 4096 bytes
std::string read_secret(int descriptor);

}  // namespace resolute::core
