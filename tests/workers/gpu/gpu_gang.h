#pragma once
//! \file
//! Which device the tests of this folder run on, and process ranks of a test program: it starts itself again in a
//! file's role, as often as asked.

#include <ATen/Context.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <iostream>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/files/file_system.h"
#include "core/process/listener.h"
#include "core/process/process.h"
#include "tests/support/accelerator/accelerator.h"
#include "tests/support/any_word.h"
#include "tests/support/program_role.h"
#include "tests/support/temporary_folder.h"
#include "workers/ddp/gloo.h"
#include "workers/ddp/through_host.h"
#include "workers/device/device.h"
#include "workers/device/numeric_class.h"

namespace resolute::workers::gpu_test {

//! "cpu"; "simulated" for the accelerator of tests/support; or "cuda" where bench/gpu/run says so.
inline std::string device_name() {
  const char* name = std::getenv("RESOLUTE_TEST_DEVICE");
  return name == nullptr ? "cpu" : name;
}
inline bool on_gpu() { return device_name() == "cuda"; }

inline bool on_simulated() { return device_name() == "simulated"; }

//! RESOLUTE_TEST_PRECISION, f32 unless set: of trainings that are compared bit by bit.
inline std::string tested_precision() {
  const char* precision = std::getenv("RESOLUTE_TEST_PRECISION");
  return precision == nullptr ? "f32" : precision;
}

inline std::unique_ptr<Device> open_tested_device(int process_rank,
                                                  settings::Precision precision = tests::AnyWord(tested_precision())) {
  return on_simulated() ? accelerator::open(process_rank, precision)
                        : open_device(device_name(), process_rank, precision);
}

//! The most process ranks that have a device each: GPUs, or as many as one likes on a CPU.
inline int most_ranks() {
  const char* ranks = std::getenv("RESOLUTE_TEST_RANKS");
  return ranks == nullptr ? (on_gpu() ? 1 : 4) : std::atoi(ranks);
}

//! The device of this process, opened once.
inline Device& device() {
  static const std::unique_ptr<Device> opened = [] {
    enter_numeric_class();
    return open_tested_device(0);
  }();
  return *opened;
}

//! Rounding differs between a GPU and a CPU, and between oneDNN and libtorch's own kernels, which stand in for a GPU
//! where there is none.
class ComparedCpu {
 public:
  ComparedCpu() { at::globalContext().setUserEnabledMkldnn(on_gpu()); }
  ~ComparedCpu() { at::globalContext().setUserEnabledMkldnn(!on_simulated()); }
  ComparedCpu(const ComparedCpu&) = delete;
  ComparedCpu& operator=(const ComparedCpu&) = delete;
};

struct Rank {
  std::string folder;
  Device& device;
  Communicator& communicator;
  std::vector<std::string> arguments;
};

//! Arguments of ranks. The first half of them takes itself to be on one machine, the others on another.
inline constexpr const char* kTwoMachines = "two-machines";
//! They exchange tensors of the device through the host's memory.
inline constexpr const char* kThroughHost = "through-host";

//! With what is needed where several of so many ranks share a GPU.
inline std::vector<std::string> sharing(int ranks, std::vector<std::string> arguments = {}) {
  if (on_gpu() && ranks > most_ranks()) arguments.emplace_back(kThroughHost);
  return arguments;
}

//! The role of a rank. \param argv FOLDER RANK RANKS PORT DESCRIPTOR ARGUMENT…
inline int run_rank(int argc, char** argv, const std::function<void(Rank&)>& body) {
  const std::vector<std::string> given(argv, argv + argc);
  const auto asked = [&](const char* word) { return std::find(given.begin() + 5, given.end(), word) != given.end(); };
  try {
    enter_numeric_class();
    const int rank = std::stoi(given.at(1)), ranks = std::stoi(given.at(2));
    const std::unique_ptr<Device> opened = open_tested_device(rank);
    Rendezvous rendezvous{"127.0.0.1", static_cast<std::uint16_t>(std::stoi(given.at(3))), std::stoi(given.at(4)),
                          "token"};
    if (asked(kTwoMachines)) rendezvous.machine = rank < ranks / 2 ? "one" : "other";
    std::unique_ptr<Communicator> host = connect_gloo(rendezvous, rank, ranks);
    const std::unique_ptr<Communicator> communicator =
        asked(kThroughHost) ? std::make_unique<ThroughHost>(std::move(host))
                            : opened->connect(std::move(host), rendezvous.collective_limit);
    Rank member{given.at(0), *opened, *communicator, {given.begin() + 5, given.end()}};
    body(member);
    communicator->barrier();
    return 0;
  } catch (const core::RuntimeError& error) {
    std::cerr << error.what() << std::endl;
    return core::exit_code(error.kind());
  } catch (const std::exception& error) {
    std::cerr << error.what() << std::endl;
    return 99;
  }
}

//! How a rank ended, and its standard error.
struct Ended {
  std::string how;
  std::string errors;
};

//! Starts ranks and waits for them. \param role one that calls run_rank()
inline std::vector<Ended> run_gang(const tests::ProgramRole& role, const std::filesystem::path& folder, int ranks,
                                   const std::vector<std::string>& arguments = {}) {
  constexpr int kListening = 9;
  const core::Listener listener = core::listen_on_free_port(core::Reach::kLoopback);
  std::vector<pid_t> processes;
  std::vector<core::Pipe> pipes;
  for (int rank = 0; rank < ranks; ++rank) {
    pipes.push_back(core::make_pipe());
    core::SpawnRequest request{.arguments = role.command()};
    for (const std::string& argument : {folder.string(), std::to_string(rank), std::to_string(ranks),
                                        std::to_string(listener.port), std::to_string(rank == 0 ? kListening : -1)})
      request.arguments.push_back(argument);
    request.arguments.insert(request.arguments.end(), arguments.begin(), arguments.end());
    request.environment = core::current_environment();
    request.descriptors = {{1, pipes.back().write_end.get()}, {2, pipes.back().write_end.get()}};
    if (rank == 0) request.descriptors[kListening] = listener.socket.get();
    processes.push_back(core::spawn_process(request));
    pipes.back().write_end = {};
  }
  std::vector<Ended> ended;
  for (std::size_t rank = 0; rank < processes.size(); ++rank) {
    Ended end;
    char buffer[4096];
    for (ssize_t got; (got = ::read(pipes[rank].read_end.get(), buffer, sizeof(buffer))) > 0;)
      end.errors.append(buffer, static_cast<std::size_t>(got));
    int status = 0;
    ::waitpid(processes[rank], &status, 0);
    end.how = core::describe(core::to_exit_status(status));
    ended.push_back(end);
  }
  return ended;
}

inline void expect_success(const std::vector<Ended>& ended) {
  for (const Ended& end : ended) EXPECT_EQ("exit code 0", end.how) << end.errors;
}

}  // namespace resolute::workers::gpu_test
