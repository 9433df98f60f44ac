#pragma once
//! \file
//! Multiplications of machines per second: experiments/reference/step_times.toml.

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/files/file_system.h"
#include "experiments/specification/specification.h"

namespace resolute::experiments {

//! A thing that works for hours: one core, or one GPU.
struct Machine {
  std::string id;
  std::string title;
  Device device = Device::kCpu;
};

//! How fast a machine trains.
struct Rate {
  double multiply_adds_a_second = 0;
  //! Measured: this method, trunk and precision ran on the machine itself. Otherwise it is modelled: by another
  //! method's step, or by a peak and a share of it.
  bool measured = false;
  std::string origin;  //!< for people
};

class StepTimes {
 public:
  //! \throws RuntimeError (kInput) naming file and line of what is no such file
  static StepTimes read(core::FileSystem& files, const std::filesystem::path& path);

  //! In the order of the file.
  const std::vector<Machine>& machines() const { return machines_; }

  //! The step that was measured of the training's method, trunk and precision, else the slowest of another method on
  //! that trunk, else the same two of a trunk with its convolutions, else what is modelled for the machine, else the
  //! slowest of any trunk; nothing if the machine has nothing in that precision.
  std::optional<Rate> rate(const Machine& machine, const TrainingSpecification& training) const;

  //! Bytes that the tensors of a step take on a GPU besides parameters, for each row of a batch and pixel of the
  //! network's image: of the training's method, trunk (or one with its convolutions) and precision, TF32 being float32;
  //! nothing where it was not
  //! counted.
  std::optional<double> bytes_a_pixel(const TrainingSpecification& training) const;

 private:
  struct Entry {
    std::string machine, method, backbone, precision;  // method and backbone empty: any
    Rate rate;
  };
  struct CountedMemory {
    std::string method, backbone, precision;
    double bytes_a_pixel = 0;
  };
  std::vector<Machine> machines_;
  std::vector<Entry> entries_;
  std::vector<CountedMemory> memories_;
};

}  // namespace resolute::experiments
