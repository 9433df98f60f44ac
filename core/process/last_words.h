#pragma once
//! \file
//! Finds in a child's last output why it ended. Pure.

#include <string>
#include <string_view>

namespace resolute::core {

//! What Python calls its fatal error (it cannot start, or has crashed); else the exception of the last Python
//! traceback, or that C++ ended with where that came later; without one, the last line that is no warning and no
//! logger's note, else the last line; in a line that was written over (progress bars), what stands behind its last
//! carriage return. A process that warns at its exit says nothing of why it ended. Empty where nothing was written.
//! \param tail of an output, from anywhere in a line on
std::string last_words(std::string_view tail);

}  // namespace resolute::core
