//! \file
//! `script/bench methods`: what each method costs. Parameters of the module's direct children, multiply-adds of
//! embedding an image and of a training step (counted while it runs, bench/multiplications.h), time of a step of the
//! real Trainer on a batch that lies in memory (the fastest of --steps, of ten times as many for the small network,
//! after one that does not count), and the memory that it took: the largest resident set of the process, less what was
//! resident before the method was made. Each measurement has a process of its own, so that none inherits another's
//! memory. FLOP/s are by processor time, which other programs on the machine disturb little, for steps and for the
//! matrix product that they are compared with.
//!
//! bench_method_costs [--json] [--counts] [--threads T] [--steps N] [--backbone resnet50|resnet-small]
//!   --counts   no times: one step on one pair of images, parameters and multiply-adds alone

#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <fstream>
#include <functional>
#include <iostream>
#include <string>
#include <vector>

#include "bench/guarded_main.h"
#include "bench/images.h"
#include "bench/multiplications.h"
#include "core/error.h"
#include "core/json.h"
#include "workers/allocator.h"
#include "workers/numeric_class.h"
#include "workers/trainer.h"

namespace resolute::workers {
namespace {

using Clock = std::chrono::steady_clock;
using core::Json;

struct Options {
  bool json = false, counts = false;
  int threads = 1, steps = 3;
  std::string backbone;  // empty: all
};

// A network with the images and the batch that it is measured on.
struct Scale {
  const char* backbone;
  std::int64_t height, width;
  int classes, identities, images;
  bool neck;
  int repeats;  // times --steps: short steps are disturbed more easily
};
// Market-1501's identities and image size; the quickstart's (experiments/suites/quickstart.toml).
const std::vector<Scale> kScales{{"resnet50", 256, 128, 751, 2, 2, false, 1},
                                 {"resnet-small", 64, 32, 32, 8, 4, true, 10}};

struct Case {
  std::string name;
  experiments::MethodOptions method;
  bool timed;  // a variant of another: its counts say enough
};

std::vector<Case> cases() {
  using experiments::RainOptions;
  RainOptions off, pixelwise, transposed;
  off.levels = {};
  off.adversary = "off";
  pixelwise.discriminator = "pixelwise";
  transposed.decoder = "transposed";
  RainOptions single;
  single.levels = {5};
  return {{"baseline", experiments::BaselineOptions{}, true},
          {"rain {4, 5}", RainOptions{}, true},
          {"rain {5}", single, true},
          {"rain, adversary off", off, false},
          {"rain, pixelwise D", pixelwise, false},
          {"rain, transposed G", transposed, false}};
}

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (name == "--json")
      options.json = true;
    else if (name == "--counts")
      options.counts = true;
    else if (i + 1 < argc && name == "--threads")
      options.threads = std::stoi(argv[++i]);
    else if (i + 1 < argc && name == "--steps")
      options.steps = std::stoi(argv[++i]);
    else if (i + 1 < argc && name == "--backbone")
      options.backbone = argv[++i];
    else
      throw core::input_error("unknown option '" + name + "'");
  }
  if (options.threads < 1 || options.steps < 1) throw core::input_error("--threads and --steps are at least 1");
  if (!options.backbone.empty() && std::none_of(kScales.begin(), kScales.end(),
                                                [&](const Scale& scale) { return scale.backbone == options.backbone; }))
    throw core::input_error("backbone '" + options.backbone + "' is unknown");
  return options;
}

// A field of /proc/self/status in bytes: VmRSS (memory held now) or VmHWM (the most it ever was).
double memory(const std::string& field) {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;)
    if (word == field + ":") {
      double kibibytes = 0;
      status >> kibibytes;
      return kibibytes * 1024;
    }
  throw core::input_error("/proc/self/status does not tell " + field);
}

struct Moment {
  Clock::time_point time = Clock::now();
  std::clock_t processor = std::clock();  // of all threads
};

// The shortest of several spans, in seconds.
struct Shortest {
  double seconds = 1e9, processor_seconds = 1e9;
  void add(const Moment& from, const Moment& to) {
    seconds = std::min(seconds, std::chrono::duration<double>(to.time - from.time).count());
    processor_seconds =
        std::min(processor_seconds, static_cast<double>(to.processor - from.processor) / CLOCKS_PER_SEC);
  }
};

// One batch again and again; remembers when each step began.
class RepeatedBatch final : public BatchSource {
 public:
  RepeatedBatch(const Scale& scale, int identities, int images) {
    const std::int64_t rows = std::int64_t{identities} * images;
    batch_.hr = random_images(0, rows, scale.height, scale.width);
    batch_.lr = random_images(1, rows, scale.height, scale.width);
    batch_.labels = at::arange(rows, at::kLong).div(images, "floor");
    batch_.has_hr = at::ones({rows}, at::kBool);
  }
  std::vector<std::int64_t> lane_rows(std::uint64_t) override { return {batch_.labels.size(0)}; }
  LaneBatch batch(std::uint64_t step, int) override {
    begun.emplace_back();
    LaneBatch batch = batch_;
    batch.step = step;
    return batch;
  }
  std::vector<Moment> begun;

 private:
  LaneBatch batch_;
};

Json parameters_of_parts(Method& method) {
  Json parts = Json::array();
  for (const auto& child : method.module().named_children()) {
    std::int64_t count = 0;
    for (const at::Tensor& parameter : child.value()->parameters()) count += parameter.numel();
    parts.push_back({{"part", child.key()}, {"parameters", count}});
  }
  return parts;
}

std::unique_ptr<Method> make(const Case& measured, const Scale& scale, const experiments::Recipe& recipe) {
  experiments::TrainingSpecification specification;
  specification.method = measured.method;
  specification.network.backbone = scale.backbone;
  specification.network.neck = scale.neck;
  specification.recipe = recipe;
  return make_method(specification, scale.classes);
}

void train(Method& method, BatchSource& source, const experiments::Recipe& recipe) {
  ProgressPipe progress(-1);
  TrainerOptions options;
  options.recipe = recipe;
  Trainer({.method = method, .source = source, .progress = progress}, options).run();
}

Json counts(const Case& measured, const Scale& scale) {
  experiments::Recipe recipe;
  recipe.steps = 1;
  const std::unique_ptr<Method> method = make(measured, scale, recipe);
  RepeatedBatch source(scale, 1, 1);
  Json result{{"parts", parameters_of_parts(*method)}, {"images_a_pair", method->uses_lr() ? 2 : 1}};
  {
    const MultiplicationCount count;
    train(*method, source, recipe);
    result["multiply_adds_a_pair"] = count.value();
  }
  const MultiplicationCount count;
  method->embed(random_images(2, 1, scale.height, scale.width));
  result["multiply_adds_to_embed"] = count.value();
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
  const double before = memory("VmRSS");
  experiments::Recipe recipe;
  recipe.steps = 1 + steps;
  recipe.precision = precision;
  const std::unique_ptr<Method> method = make(measured, scale, recipe);
  RepeatedBatch source(scale, scale.identities, scale.images);
  train(*method, source, recipe);
  source.begun.emplace_back();
  Shortest shortest;
  for (std::size_t i = 2; i < source.begun.size(); ++i) shortest.add(source.begun[i - 1], source.begun[i]);
  const double peak = memory("VmHWM") - before;
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
  for (const Scale& scale : kScales) {
    if (!options.backbone.empty() && options.backbone != scale.backbone) continue;
    for (const Case& measured : cases()) {
      Json one = in_a_process(options.threads, [&] { return counts(measured, scale); });
      one.update({{"name", measured.name},
                  {"backbone", scale.backbone},
                  {"height", scale.height},
                  {"width", scale.width},
                  {"classes", scale.classes},
                  {"pairs", scale.identities * scale.images},
                  {"times", Json::object()}});
      if (measured.timed && !options.counts)
        for (const std::string& precision : kPrecisions)
          one["times"][precision] = in_a_process(
              options.threads, [&] { return step(measured, scale, precision, options.steps * scale.repeats); });
      result["cases"].push_back(std::move(one));
    }
  }
  return result;
}

void show_counts(const Json& cases) {
  fmt::print("{:13} {:20} {:24} {:>12}\n", "backbone", "method", "part", "parameters");
  for (const Json& one : cases) {
    std::int64_t all = 0;
    for (const Json& part : one["parts"]) {
      all += part["parameters"].get<std::int64_t>();
      fmt::print("{:13} {:20} {:24} {:12}\n", one["backbone"].get<std::string>(), one["name"].get<std::string>(),
                 part["part"].get<std::string>(), part["parameters"].get<std::int64_t>());
    }
    fmt::print("{:13} {:20} {:24} {:12}\n", one["backbone"].get<std::string>(), one["name"].get<std::string>(), "all",
               all);
  }
  fmt::print("\nGFLOP (2 a multiply-add)\n{:13} {:20} {:>8} {:>16} {:>14}\n", "backbone", "method", "classes",
             "embed an image", "train a pair");
  for (const Json& one : cases)
    fmt::print("{:13} {:20} {:8} {:16.4f} {:14.4f}\n", one["backbone"].get<std::string>(),
               one["name"].get<std::string>(), one["classes"].get<int>(),
               2e-9 * one["multiply_adds_to_embed"].get<double>(), 2e-9 * one["multiply_adds_a_pair"].get<double>());
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
  fmt::print("{:13} {:12} {:9} {:>5} {:>9} {:>11} {:>9} {:>8} {:>8} {:>9}\n", "backbone", "method", "precision",
             "pairs", "seconds", "processor s", "images/s", "GFLOP/s", "of GEMM", "peak MiB");
  for (const Json& one : result["cases"]) {
    for (const std::string& precision : kPrecisions) {
      if (!one["times"].contains(precision)) continue;
      const Json& time = one["times"][precision];
      const double pairs = one["pairs"].get<double>(), seconds = time["seconds"].get<double>();
      const double processor = time["processor_seconds"].get<double>();
      const double flops = 2 * pairs * one["multiply_adds_a_pair"].get<double>() / processor;
      fmt::print("{:13} {:12} {:9} {:5} {:9.4f} {:11.4f} {:9.2f} {:8.1f} {:8.2f} {:9.0f}\n",
                 one["backbone"].get<std::string>(), one["name"].get<std::string>(), precision, one["pairs"].get<int>(),
                 seconds, processor, pairs * one["images_a_pair"].get<double>() / seconds, flops * 1e-9,
                 flops / best_gemm(result, precision), time["peak_bytes"].get<double>() / 1048576);
    }
  }
  for (const std::string& precision : kPrecisions)
    fmt::print("GEMM {}: {:.1f} GFLOP/s\n", precision, best_gemm(result, precision) * 1e-9);
}

void run(const Options& options) {
  const Json result = measure(options);
  if (options.json) {
    std::cout << result.dump(1) << std::endl;
    return;
  }
  show_counts(result["cases"]);
  if (!options.counts) show_times(result);
}

}  // namespace
}  // namespace resolute::workers

int main(int argc, char** argv) {
  return resolute::guarded_main("bench_method_costs",
                                [&] { resolute::workers::run(resolute::workers::parse(argc, argv)); });
}
