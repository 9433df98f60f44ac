#pragma once
//! \file
//! The wish to stop, set by SIGTERM or SIGUSR1 and read between steps.

#include <string>

namespace resolute::workers {

//! From here on SIGTERM and SIGUSR1 only set the flag, and a vanished reader of a pipe is a failed write (SIGPIPE
//! ignored).
void install_stop_signals();
//! True once either signal came.
bool stop_requested();
//! "0.3 s after the signal", or that another process rank was asked: why a job ends before its time.
std::string why_stopped();
//! Does what the signal handler does; for tests. \param value false takes the wish back
void set_stop_requested(bool value);

}  // namespace resolute::workers
