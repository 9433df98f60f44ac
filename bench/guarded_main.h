#pragma once
//! \file
//! What main() of a benchmark program does with an error: one line, exit code 1.

#include <exception>
#include <iostream>
#include <string_view>

namespace resolute {

template <class Run>
int guarded_main(std::string_view name, Run run) {
  try {
    run();
    return 0;
  } catch (const std::exception& error) {
    std::cerr << name << ": " << error.what() << std::endl;
    return 1;
  }
}

}  // namespace resolute
