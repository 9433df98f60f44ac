#pragma once
//! \file
//! A program's side of bench/turns.py, which lets two programs alternate on one machine, and its clocks.

#include <chrono>
#include <ctime>
#include <iostream>
#include <string>

namespace resolute {

//! Says "ready", then calls `turn`, which prints a figure as JSON, for each line on standard input.
template <class Turn>
void take_turns(Turn turn) {
  std::cout << "{\"ready\": true}" << std::endl;
  for (std::string line; std::getline(std::cin, line);) turn();
}

//! How long `work` takes.
template <class Work>
double seconds_of(Work&& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

//! take_turns() of work whose seconds, and those of processors, are the figures.
template <class Work>
void take_timed_turns(Work work) {
  take_turns([&] {
    const std::clock_t processors = std::clock();
    const double seconds = seconds_of(work);
    const double cpu_seconds = static_cast<double>(std::clock() - processors) / CLOCKS_PER_SEC;
    std::cout << "{\"seconds\": " << seconds << ", \"cpu_seconds\": " << cpu_seconds << "}" << std::endl;
  });
}

//! Of the processor, that this thread has had.
inline double thread_seconds() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

}  // namespace resolute
