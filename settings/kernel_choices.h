#pragma once
//! \file
//! The variables of the environment by which users have libraries compute with other kernels, and so other bits.
//! Numeric classes name those that are set.

#include <string>

namespace resolute::settings {

//! "NAME:VALUE,NAME:VALUE" of the variables that have a value, in a fixed order, with '-' for white space; empty where
//! none has: those of oneDNN, MKL, OpenMP, libtorch and glibc's mathematical functions, or by which these take other
//! numbers of threads.
std::string cpu_kernel_choices();

//! The same of CUDA's libraries; of a file that a variable names, 16 digits of the SHA-256 of what is in it, or
//! "unreadable".
std::string gpu_kernel_choices();

}  // namespace resolute::settings
