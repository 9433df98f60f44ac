#include "bench/methods/step_memory.h"

#include <fstream>

#include "bench/methods/tensor_memory.h"
#include "core/error.h"

namespace resolute::workers {
namespace {

constexpr int kIdentities = 5, kImages = 4, kLrImages = 2;

}  // namespace

const std::vector<MemoryCase>& memory_cases() {
  static const std::vector<MemoryCase> all = [] {
    experiments::MsiflaOptions full, one, shared, apart;
    one.scales = {1};
    shared.reid_networks = methods::ReidNetworks::kShared;
    apart.reid_into_ir = false;
    const Scale small{"resnet-small", 64, 32, 32, 5, true, 1}, half{"resnet50", 128, 64, 751, 5, false, 1},
        paper{"resnet50", 256, 128, 751, 5, false, 1};
    return std::vector<MemoryCase>{{"msifla", full, small},
                                   {"msifla, shared", shared, small},
                                   {"msifla, apart", apart, small},
                                   {"msifla {1}", one, half},
                                   {"msifla", full, half},
                                   {"msifla {1}", one, paper, true},
                                   {"msifla, shared", shared, paper, true},
                                   {"msifla", full, paper, true}};
  }();
  return all;
}

double process_memory(const std::string& field) {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;)
    if (word == field + ":") {
      double kibibytes = 0;
      status >> kibibytes;
      return kibibytes * 1024;
    }
  throw core::input_error("/proc/self/status does not tell " + field);
}

core::Json measured_step_memory(const MemoryCase& measured, int steps) {
  const double before = process_memory("VmRSS");
  const TensorMemory memory;
  experiments::Recipe recipe;
  recipe.steps = steps;
  recipe.train_rates = {2, 3, 4};
  recipe.label_smoothing = 0.1;
  const Case one{measured.name, measured.options, kLrImages};
  const std::unique_ptr<methods::Method> method = make(one, measured.scale, recipe);
  RepeatedBatch source(measured.scale, kIdentities, kImages, kLrImages,
                       methods::copy_rates(method->row().needs, recipe).size());
  const Shortest shortest = train(*method, source, recipe);
  return {{"peak_bytes", memory.peak()},
          {"resident_bytes", process_memory("VmHWM") - before},
          {"seconds", shortest.seconds},
          {"processor_seconds", shortest.processor_seconds}};
}

}  // namespace resolute::workers
