//! \file
//! Our side of the figure `infer_bf16`: features of images that lie in memory, by the trunk as an evaluation uses it
//! (workers/nn/folded_backbone.h). It works in turns, so that a driver can let two programs alternate on one machine:
//! it says "ready", then for each line on its standard input embeds for --seconds and prints a rate, as JSON.
//!
//! bench_inference --precision bf16|f32 --threads T --batch IMAGES_A_CALL --seconds S

#include <chrono>
#include <iostream>
#include <map>
#include <string>

#include "bench/guarded_main.h"
#include "bench/images.h"
#include "core/error.h"
#include "core/log.h"
#include "workers/device/allocator.h"
#include "workers/device/numeric_class.h"
#include "workers/nn/folded_backbone.h"

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
  const std::map<std::string, int*> numbers{
      {"--threads", &options.threads}, {"--batch", &options.batch}, {"--seconds", &options.seconds}};
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string name = argv[i];
    if (name == "--precision")
      options.precision = argv[i + 1];
    else if (const auto number = numbers.find(name); number != numbers.end())
      *number->second = std::stoi(argv[i + 1]);
    else
      throw core::input_error("unknown option '" + name + "'");
  }
  return options;
}

void run(const Options& options) {
  keep_freed_memory();
  enter_numeric_class(options.threads);
  Backbone trunk(backbone_shape({.backbone = settings::Trunk::kResnet50, .last_stride = 1}));
  initialise(trunk, 1);
  const FoldedBackbone folded(trunk, options.precision == "bf16" ? at::kBFloat16 : at::kFloat, kHeight, kWidth);
  const at::Tensor batch = random_images(0, options.batch, kHeight, kWidth);
  for (int i = 0; i < 3; ++i) folded.embed(batch);
  std::cout << "{\"ready\": true}" << std::endl;
  std::string line;
  while (std::getline(std::cin, line)) {
    const Clock::time_point begin = Clock::now();
    std::int64_t done = 0;
    double seconds = 0;
    while (seconds < options.seconds) {
      folded.embed(batch);
      done += options.batch;
      seconds = std::chrono::duration<double>(Clock::now() - begin).count();
    }
    std::cout << "{\"images_per_second\": " << static_cast<double>(done) / seconds << "}" << std::endl;
  }
}

}  // namespace
}  // namespace resolute::workers

int main(int argc, char** argv) {
  return resolute::guarded_main("bench_inference",
                                [&] { resolute::workers::run(resolute::workers::parse(argc, argv)); });
}
