//! \file
//! Our side of the figure `infer_bf16`: features of images that lie in memory, by the trunk as an evaluation uses it
//! (networks/nn/folded_backbone.h). It works in turns, so that a driver can let two programs alternate on one machine:
//! it says "ready", then for each line on its standard input embeds for --seconds and prints a rate, as JSON.
//!
//! bench_inference --precision bf16|f32 --threads T --batch IMAGES_A_CALL --seconds S

#include <chrono>
#include <iostream>
#include <string>

#include "bench/guarded_main.h"
#include "bench/images.h"
#include "bench/options.h"
#include "bench/turns.h"
#include "networks/nn/folded_backbone.h"
#include "workers/device/allocator.h"
#include "workers/device/numeric_class.h"

namespace resolute::workers {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::int64_t kHeight = 256, kWidth = 128;

struct Options {
  std::string precision = "bf16";
  int threads = 1, batch = 64, seconds = 5;
};

Options parse(int argc, char** argv) {
  Options options;
  read_options(argc, argv,
               {{"--precision", &options.precision},
                {"--threads", &options.threads},
                {"--batch", &options.batch},
                {"--seconds", &options.seconds}});
  return options;
}

void run(const Options& options) {
  keep_freed_memory();
  enter_numeric_class(options.threads);
  networks::Backbone trunk(settings::trunk_shape({.backbone = settings::Trunk::kResnet50, .last_stride = 1}));
  networks::initialise(trunk, 1);
  const networks::FoldedBackbone folded(trunk, options.precision == "bf16" ? at::kBFloat16 : at::kFloat, kHeight,
                                        kWidth);
  const at::Tensor batch = random_images(0, options.batch, kHeight, kWidth);
  for (int i = 0; i < 3; ++i) folded.embed(batch);
  take_turns([&] {
    const Clock::time_point begin = Clock::now();
    std::int64_t done = 0;
    double seconds = 0;
    while (seconds < options.seconds) {
      folded.embed(batch);
      done += options.batch;
      seconds = std::chrono::duration<double>(Clock::now() - begin).count();
    }
    std::cout << "{\"images_per_second\": " << static_cast<double>(done) / seconds << "}" << std::endl;
  });
}

}  // namespace
}  // namespace resolute::workers

int main(int argc, char** argv) {
  return resolute::guarded_main("bench_inference",
                                [&] { resolute::workers::run(resolute::workers::parse(argc, argv)); });
}
