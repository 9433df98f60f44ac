#pragma once
//! \file
//! Wire messages over the stream socket between agent and spawner: a u32 length before each.

#include <optional>
#include <string>

#include "orchestrator/messages/wire.h"

namespace resolute::orchestrator {

//! Writes a whole frame. \return false if the other end is gone
bool write_frame(int socket, const Message& message);

//! Appends a frame to what is to be written.
void append_frame(std::string& to, const Message& message);

//! Writes, and takes off the buffer, what the socket takes without waiting. \return false if the other end is gone
bool write_available(int socket, std::string& buffer);

//! Appends what can be read without waiting. \return false at the end of the stream
bool read_available(int socket, std::string& buffer);

//! Takes the first whole frame off the buffer. \throws RuntimeError (kInput) for one that is no message
std::optional<Message> take_frame(std::string& buffer, std::size_t& at);

}  // namespace resolute::orchestrator
