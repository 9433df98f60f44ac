#pragma once
//! \file
//! Variables of the environment by which users choose kernels, as numeric classes name them.

#include <algorithm>
#include <cstdlib>
#include <initializer_list>
#include <string>

namespace resolute::workers {

//! "NAME:VALUE,NAME:VALUE" of those that have a value, in this order, with '-' for white space; empty where none has.
//! For the CUDA module too, which has no code of the worker's.
inline std::string set_variables(std::initializer_list<const char*> names) {
  std::string set;
  for (const char* name : names)
    if (const char* value = std::getenv(name); value != nullptr && *value != '\0')
      set += (set.empty() ? "" : ",") + std::string(name) + ":" + value;
  std::replace_if(
      set.begin(), set.end(), [](unsigned char letter) { return letter <= ' '; }, '-');
  return set;
}

}  // namespace resolute::workers
