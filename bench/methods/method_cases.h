#pragma once
//! \file
//! The methods that bench_method_costs measures, the networks and batches that it measures them on, and how it takes
//! time.

#include <chrono>
#include <cstdint>
#include <ctime>
#include <memory>
#include <string>
#include <vector>

#include "experiments/specification/specification.h"
#include "methods/networks/method.h"
#include "workers/training/batch_source.h"

namespace resolute::workers {

//! A network with the images and the batch that it is measured on.
struct Scale {
  const char* backbone;
  std::int64_t height, width;  //!< of the images, pixels
  int classes;                 //!< training identities
  int identities;              //!< P a batch
  bool neck;
  int repeats;  //!< how many times as many steps: short ones are disturbed more easily
};
//! Market-1501's identities and image size; a small network's (experiments/suites/gain_study.toml).
const std::vector<Scale>& scales();

struct Case {
  std::string name;
  experiments::MethodOptions method;
  int lr_images = 0;  //!< of an identity's images(), how many stand in the batch as LR images alone
};
//! Baseline and RAIN with their variants, then table 2 of FTWA, then table 2 of MSIFLA, then the rows of
//! resolution-adaptive representations.
const std::vector<Case>& cases();
//! K rows of each identity in a batch.
int images(const Case& measured, const Scale& scale);

//! The case's method, trained by `recipe`. \throws RuntimeError (kInput) as make_method()
std::unique_ptr<methods::Method> make(const Case& measured, const Scale& scale, const experiments::Recipe& recipe);

//! Where the clocks stand.
struct Moment {
  std::chrono::steady_clock::time_point time = std::chrono::steady_clock::now();
  std::clock_t processor = std::clock();  //!< of all threads
};

//! The shortest of several steps, in seconds.
struct Shortest {
  double seconds = 1e9, processor_seconds = 1e9;
};

//! One batch again and again; remembers when each step began. Identities of `images` rows: HR images with a copy, then
//! `lr_images` LR images alone; `copies` copies of each. LR images are of rates 2, 3, 4, 2, …
class RepeatedBatch final : public BatchSource {
 public:
  RepeatedBatch(const Scale& scale, int identities, int images, int lr_images, std::size_t copies = 0);
  std::vector<std::int64_t> lane_rows(std::uint64_t) override { return {batch_.labels.size(0)}; }
  methods::LaneBatch batch(std::uint64_t step, int lane) override;

  std::vector<Moment> begun;

 private:
  methods::LaneBatch batch_;
};

//! The real Trainer on one lane, without checkpoints and metrics. The first step of all is not measured.
//! \param first step to begin with, as if those before it were done
Shortest train(methods::Method& method, RepeatedBatch& source, const experiments::Recipe& recipe,
               std::uint64_t first = 0);

//! The first step in which every group has begun to move (ParameterGroup::first_step): of progressive masks the first
//! of the last stage, in which all of them act.
std::uint64_t last_window(methods::Method& method);

}  // namespace resolute::workers
