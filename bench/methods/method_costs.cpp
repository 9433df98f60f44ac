//! \file
//! `script/bench methods`: what each method costs. Parameters of the module's direct children, multiply-adds of
//! embedding an image and of a training step (counted while it runs, bench/methods/multiplications.h), time of a step
//! of the real Trainer on a batch that lies in memory (the fastest of --steps, of ten times as many for the small
//! network, after one that does not count), and the memory that it took: the largest resident set of the process, less
//! what was resident before the method was made. Each measurement has a process of its own, so that none inherits
//! another's memory. FLOP/s are by processor time, which other programs on the machine disturb little, for steps and
//! for the matrix product that they are compared with. Of FTWA, MSIFLA and resolution-adaptive representations also
//! what a step takes beside its parts measured alone (bench/methods/step_parts.h); the bar is missed above 1.1.
//!
//! bench_method_costs [--json] [--counts] [--memory [--paper-size]] [--threads T] [--steps N]
//!                    [--backbone resnet50|efficientnet-lite0|resnet-small] [--case NAME]
//!   --counts   no times: one step on one pair, parameters and multiply-adds alone. A pair is an image and its copy; of
//!              methods whose batches have LR rows, an HR row with its copy and an LR row. Where a loss needs another
//!              identity the step is on two pairs, and half of it is told
//!   --case     the method of this name alone
//!   --memory   instead: the peak of a step of MSIFLA (bench/methods/step_memory.h); at the paper's size only with
//!              --paper-size, which takes 12 GiB

#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <iostream>
#include <string>
#include <vector>

#include "bench/guarded_main.h"
#include "bench/images.h"
#include "bench/methods/method_cases.h"
#include "bench/methods/multiplications.h"
#include "bench/methods/step_memory.h"
#include "bench/methods/step_parts.h"
#include "bench/options.h"
#include "core/error.h"
#include "core/files/json.h"
#include "workers/device/allocator.h"
#include "workers/device/numeric_class.h"

namespace resolute::workers {
namespace {

using core::Json;

struct Options {
  bool json = false, counts = false, memory = false, paper_size = false;
  int threads = 1, steps = 3;
  std::string backbone;  // empty: all
  std::string one;       // name of the only case; empty: all

  bool wants(const std::string& name) const { return one.empty() || name == one; }
};

Options parse(int argc, char** argv) {
  Options options;
  read_options(argc, argv,
               {{"--json", &options.json},
                {"--counts", &options.counts},
                {"--memory", &options.memory},
                {"--paper-size", &options.paper_size},
                {"--threads", &options.threads},
                {"--steps", &options.steps},
                {"--backbone", &options.backbone},
                {"--case", &options.one}});
  if (options.threads < 1 || options.steps < 1) throw core::input_error("--threads and --steps are at least 1");
  if (!options.backbone.empty() && std::none_of(scales().begin(), scales().end(),
                                                [&](const Scale& scale) { return scale.backbone == options.backbone; }))
    throw core::input_error("backbone '" + options.backbone + "' is unknown");
  return options;
}

Json parameters_of_parts(Method& method) {
  Json parts = Json::array();
  for (const auto& child : method.module().named_children()) {
    std::int64_t count = 0;
    for (const at::Tensor& parameter : child.value()->parameters()) count += parameter.numel();
    parts.push_back({{"part", child.key()}, {"parameters", count}});
  }
  return parts;
}

Json counts(const Case& measured, const Scale& scale) {
  experiments::Recipe recipe;
  recipe.steps = 1;
  const std::unique_ptr<Method> method = make(measured, scale, recipe);
  const int identities = methods::row(measured.method).cost.identities;
  RepeatedBatch source(scale, identities, rows_a_pair(measured), measured.lr_images > 0 ? 1 : 0,
                       methods::copy_rates(method->row().needs, recipe).size());
  Json result{{"parts", parameters_of_parts(*method)}, {"images_a_pair", images_a_pair(measured)}};
  {
    const MultiplicationCount count;
    train(*method, source, recipe);
    result["multiply_adds_a_pair"] = count.value() / identities;
  }
  const at::Tensor image = random_images(2, 1, scale.height, scale.width);
  {
    const MultiplicationCount count;
    method->embed(image);
    result["multiply_adds_to_embed"] = count.value();
  }
  if (method->tells().sides)
    result["multiply_adds_of_transformation"] = multiply_adds_of_transformation(*method, image);
  return result;
}

// FLOP a second of processor time in a 2048³ matrix product: what the machine gives at most. As libtorch's product and
// as a 1×1 convolution, since the two come from different libraries and the convolution's may be the faster one.
double gemm(const std::string& precision) {
  constexpr std::int64_t kSide = 2048;
  const at::NoGradGuard no_grad;
  const auto type = precision == "bf16" ? at::kBFloat16 : at::kFloat;
  const at::Tensor a = at::ones({kSide, kSide}, type);
  const at::Tensor map = at::ones({1, 32, kSide / 32, kSide}, type).permute({0, 3, 1, 2});
  const at::Tensor kernel = a.view({kSide, kSide, 1, 1});
  Shortest shortest;
  for (int i = 0; i < 6; ++i) {
    const Moment begun;
    at::mm(a, a);
    const Moment between;
    at::conv2d(map, kernel);
    shortest.add(begun, between);
    shortest.add(between, Moment());
  }
  return 2.0 * kSide * kSide * kSide / shortest.processor_seconds;
}

Json step(const Case& measured, const Scale& scale, const std::string& precision, int steps) {
  const double before = process_memory("VmRSS");
  experiments::Recipe recipe;
  recipe.precision = settings::from_word<settings::Precision>(precision).value();
  const std::unique_ptr<Method> method = make(measured, scale, recipe);
  const std::uint64_t first = last_window(*method);
  recipe.steps = static_cast<int>(first) + 1 + steps;
  RepeatedBatch source(scale, scale.identities, images(measured, scale), measured.lr_images,
                       methods::copy_rates(method->row().needs, recipe).size());
  train(*method, source, recipe, first);
  source.begun.emplace_back();
  Shortest shortest;
  for (std::size_t i = 2; i < source.begun.size(); ++i) shortest.add(source.begun[i - 1], source.begun[i]);
  const double peak = process_memory("VmHWM") - before;
  return {{"seconds", shortest.seconds},
          {"processor_seconds", shortest.processor_seconds},
          {"peak_bytes", peak},
          {"gemm_flops", gemm(precision)}};
}

// What `measure` returns in a child process. The parent calls nothing of libtorch, so that it can fork.
Json in_a_process(int threads, const std::function<Json()>& measure) {
  int ends[2];
  if (pipe(ends) != 0) throw core::input_error("no pipe could be made");
  const pid_t child = fork();
  if (child < 0) throw core::input_error("no process could be started");
  if (child == 0) {
    close(ends[0]);
    const int code = guarded_main("bench_method_costs", [&] {
      keep_freed_memory();
      enter_numeric_class(threads);
      const std::string text = measure().dump();
      for (std::size_t sent = 0; sent < text.size();) {
        const ssize_t now = write(ends[1], text.data() + sent, text.size() - sent);
        if (now <= 0) throw core::input_error("a result could not be sent");
        sent += static_cast<std::size_t>(now);
      }
    });
    _exit(code);
  }
  close(ends[1]);
  std::string text;
  char buffer[4096];
  for (ssize_t got; (got = read(ends[0], buffer, sizeof(buffer))) > 0;)
    text.append(buffer, static_cast<std::size_t>(got));
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  if (status != 0) throw core::input_error("a measurement failed");
  return core::parse_json(text, "a measurement");
}

const std::vector<std::string> kPrecisions{"f32", "bf16"};

Json measure(const Options& options) {
  Json result{{"threads", options.threads}, {"steps", options.steps}, {"cases", Json::array()}};
  for (const Scale& scale : scales()) {
    if (!options.backbone.empty() && options.backbone != scale.backbone) continue;
    for (const Case& measured : cases()) {
      if (!options.wants(measured.name)) continue;
      Json one = in_a_process(options.threads, [&] { return counts(measured, scale); });
      one.update({{"name", measured.name},
                  {"backbone", scale.backbone},
                  {"height", scale.height},
                  {"width", scale.width},
                  {"classes", scale.classes},
                  {"pairs", scale.identities * images(measured, scale) / rows_a_pair(measured)},
                  {"times", Json::object()}});
      if (measured.timed && !options.counts)
        for (const std::string& precision : kPrecisions)
          one["times"][precision] = in_a_process(
              options.threads, [&] { return step(measured, scale, precision, options.steps * scale.repeats); });
      if (measured.in_parts && !options.counts)
        for (const std::string& precision : kPrecisions)
          one["steps_in_parts"][precision] = in_a_process(
              options.threads, [&] { return step_parts(measured, scale, precision, options.steps * scale.repeats); });
      result["cases"].push_back(std::move(one));
    }
  }
  return result;
}

void show_counts(const Json& cases) {
  fmt::print("{:13} {:36} {:24} {:>12}\n", "backbone", "method", "part", "parameters");
  for (const Json& one : cases) {
    std::int64_t all = 0;
    for (const Json& part : one["parts"]) {
      all += part["parameters"].get<std::int64_t>();
      fmt::print("{:13} {:36} {:24} {:12}\n", one["backbone"].get<std::string>(), one["name"].get<std::string>(),
                 part["part"].get<std::string>(), part["parameters"].get<std::int64_t>());
    }
    fmt::print("{:13} {:36} {:24} {:12}\n", one["backbone"].get<std::string>(), one["name"].get<std::string>(), "all",
               all);
  }
  fmt::print("\nGFLOP (2 a multiply-add)\n{:13} {:36} {:>8} {:>16} {:>14} {:>14}\n", "backbone", "method", "classes",
             "embed an image", "transform it", "train a pair");
  for (const Json& one : cases)
    fmt::print(
        "{:13} {:36} {:8} {:16.4f} {:14.4f} {:14.4f}\n", one["backbone"].get<std::string>(),
        one["name"].get<std::string>(), one["classes"].get<int>(), 2e-9 * one["multiply_adds_to_embed"].get<double>(),
        2e-9 * one.value("multiply_adds_of_transformation", 0.0), 2e-9 * one["multiply_adds_a_pair"].get<double>());
}

// The best of all measurements: what shares the machine with one slows the matrix product too.
double best_gemm(const Json& result, const std::string& precision) {
  double best = 0;
  for (const Json& one : result["cases"])
    if (one["times"].contains(precision)) best = std::max(best, one["times"][precision]["gemm_flops"].get<double>());
  return best;
}

void show_times(const Json& result) {
  fmt::print(
      "\na step, {} thread(s), fastest of {} (resnet-small: ten times as many); GFLOP/s and their share of a matrix "
      "product's by processor time\n",
      result["threads"].get<int>(), result["steps"].get<int>());
  fmt::print("{:13} {:36} {:9} {:>5} {:>9} {:>11} {:>9} {:>8} {:>8} {:>9}\n", "backbone", "method", "precision",
             "pairs", "seconds", "processor s", "images/s", "GFLOP/s", "of GEMM", "peak MiB");
  for (const Json& one : result["cases"]) {
    for (const std::string& precision : kPrecisions) {
      if (!one["times"].contains(precision)) continue;
      const Json& time = one["times"][precision];
      const double pairs = one["pairs"].get<double>(), seconds = time["seconds"].get<double>();
      const double processor = time["processor_seconds"].get<double>();
      const double flops = 2 * pairs * one["multiply_adds_a_pair"].get<double>() / processor;
      fmt::print("{:13} {:36} {:9} {:5} {:9.4f} {:11.4f} {:9.2f} {:8.1f} {:8.2f} {:9.0f}\n",
                 one["backbone"].get<std::string>(), one["name"].get<std::string>(), precision, one["pairs"].get<int>(),
                 seconds, processor, pairs * one["images_a_pair"].get<double>() / seconds, flops * 1e-9,
                 flops / best_gemm(result, precision), time["peak_bytes"].get<double>() / 1048576);
    }
  }
  for (const std::string& precision : kPrecisions)
    fmt::print("GEMM {}: {:.1f} GFLOP/s\n", precision, best_gemm(result, precision) * 1e-9);
}

void show_parts(const Json& result) {
  fmt::print("\nmilliseconds of processor time: a step, and its parts measured alone, in turn\n");
  for (const Json& one : result["cases"]) {
    if (!one.contains("steps_in_parts")) continue;
    for (const auto& [precision, measured] : one["steps_in_parts"].items()) {
      double sum = 0;
      for (const Json& part : measured["parts"]) sum += part["processor_seconds"].get<double>();
      fmt::print("{} {} {}:", one["backbone"].get<std::string>(), one["name"].get<std::string>(), precision);
      for (const Json& part : measured["parts"])
        fmt::print(" {} {:.2f}", part["part"].get<std::string>(), 1e3 * part["processor_seconds"].get<double>());
      const double ratio = measured["ratio"].get<double>();
      fmt::print("; sum {:.2f}, step {:.2f}, ratio {:.3f}, bar {}{}\n", 1e3 * sum,
                 1e3 * measured["step"]["processor_seconds"].get<double>(), ratio, kStepBar,
                 ratio <= kStepBar ? "" : "  missed");
    }
  }
}

Json measure_memory(const Options& options) {
  Json result{{"threads", options.threads}, {"steps", options.steps}, {"cases", Json::array()}};
  for (const MemoryCase& one : memory_cases()) {
    if (!options.backbone.empty() && options.backbone != one.scale.backbone) continue;
    if (!options.wants(one.name) || (one.paper_size && !options.paper_size)) continue;
    result["cases"].push_back({{"name", one.name},
                               {"backbone", one.scale.backbone},
                               {"height", one.scale.height},
                               {"width", one.scale.width},
                               {"measured", in_a_process(options.threads, [&] {
                                  return measured_step_memory(one, std::max(2, options.steps));
                                })}});
  }
  return result;
}

void show_memory(const Json& result) {
  constexpr double kMebibyte = 1048576;
  fmt::print("the most memory of a step of 5 identities x (2 HR + 2 LR), f32, {} thread(s), MiB\n",
             result["threads"].get<int>());
  for (const Json& one : result["cases"])
    fmt::print("{} {} {}x{}: tensors {:.0f}, resident {:.0f}, {:.2f} s of processor time a step\n",
               one["backbone"].get<std::string>(), one["name"].get<std::string>(), one["height"].get<int>(),
               one["width"].get<int>(), one["measured"]["peak_bytes"].get<double>() / kMebibyte,
               one["measured"]["resident_bytes"].get<double>() / kMebibyte,
               one["measured"]["processor_seconds"].get<double>());
}

void run(const Options& options) {
  if (options.memory) {
    const Json memory = measure_memory(options);
    if (options.json)
      std::cout << memory.dump(1) << std::endl;
    else
      show_memory(memory);
    return;
  }
  const Json result = measure(options);
  if (options.json) {
    std::cout << result.dump(1) << std::endl;
    return;
  }
  show_counts(result["cases"]);
  if (options.counts) return;
  show_times(result);
  show_parts(result);
}

}  // namespace
}  // namespace resolute::workers

int main(int argc, char** argv) {
  return resolute::guarded_main("bench_method_costs",
                                [&] { resolute::workers::run(resolute::workers::parse(argc, argv)); });
}
