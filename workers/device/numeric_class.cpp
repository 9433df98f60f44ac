#include "workers/device/numeric_class.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <cpuid.h>
#include <torch/version.h>

#include <array>
#include <cstring>

#include "networks/torch.h"
#include "settings/kernel_choices.h"

namespace resolute::workers {
namespace {

// MKL chooses kernels by vendor as well as by instruction set.
std::string processor_vendor() {
  unsigned highest = 0;
  std::array<unsigned, 3> words{};
  if (__get_cpuid(0, &highest, &words[0], &words[2], &words[1]) == 0) return "unknown";
  std::array<char, 12> text{};
  std::memcpy(text.data(), words.data(), text.size());
  return {text.data(), text.size()};
}

// oneDNN dispatches on more than libtorch's own capability says.
std::string instruction_sets() {
  std::string sets = at::get_cpu_capability();
  if (__builtin_cpu_supports("avx512vnni")) sets += "+avx512vnni";
  if (__builtin_cpu_supports("avx512bf16")) sets += "+avx512bf16";
  // Leaf 7: EDX bit 22 is AMX-BF16; g++ 12 has no name for it in __builtin_cpu_supports.
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (d & (1U << 22)) != 0) sets += "+amxbf16";
  return sets;
}

std::string kernel_limits() {
  const std::string limits = settings::cpu_kernel_choices();
  return limits.empty() ? "default" : limits;
}

std::string line_of(const NumericParts& parts) {
  std::string line;
  for (const auto& [key, value] : parts) line += (line.empty() ? "" : " ") + key + "=" + value;
  return line;
}

core::Json json_of(const NumericParts& parts) {
  core::Json json = {{"numeric_class", line_of(parts)}};
  for (const auto& [key, value] : parts) json[key] = value;
  return json;
}

}  // namespace

NumericParts cpu_numeric_parts() {
  return {{"device", "cpu"},
          {"processor", processor_vendor()},
          {"instructions", instruction_sets()},
          {"libtorch", TORCH_VERSION},
          {"threads", std::to_string(at::get_num_threads())},
          {"kernels", kernel_limits()},
          {"onednn", at::globalContext().userEnabledMkldnn() ? "on" : "off"},
          {"deterministic", at::globalContext().deterministicAlgorithms() ? "on" : "off"}};
}

std::string numeric_class(const Device& device) { return line_of(device.numeric_parts()); }
std::string numeric_class() { return line_of(cpu_numeric_parts()); }

core::Json describe_numeric_class(const Device& device) {
  core::Json json = json_of(device.numeric_parts());
  for (const auto& [key, value] : device.remarks()) json[key] = value;
  return json;
}

void enter_numeric_class(int threads) {
  at::set_num_threads(threads);
  // Refuses at run time what has no deterministic form, rather than letting bits differ.
  at::globalContext().setDeterministicAlgorithms(true, false);
  // It would also fill every new tensor with NaN: a guard against reading what was never written, at a price a step.
  at::globalContext().setDeterministicFillUninitializedMemory(false);
}

}  // namespace resolute::workers
