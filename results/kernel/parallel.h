#pragma once
//! \file
//! Independent pieces of work on a few threads.

#include <cstddef>
#include <functional>

namespace resolute::results::kernel {

//! Calls body(i) for each i in [0, count), each once, on at most `threads` threads (the caller's is one of them). After
//! a body throws no new piece starts; the exception of the lowest piece that threw is thrown on.
void parallel_for(std::size_t count, int threads, const std::function<void(std::size_t)>& body);

}  // namespace resolute::results::kernel
