//! \file
//! `script/bench methods`: what each method costs. Parameters of the module's direct children, time of a step of the
//! real Trainer on a batch that lies in memory (the fastest of --steps, of ten times as many for the small network,
//! after one that does not count), and the memory that it took: the largest resident set of the process, less what was
//! resident before the method was made. Each measurement has a process of its own, so that none inherits another's
//! memory. Processor time is what other programs on the machine disturb little.
//!
//! bench_method_costs [--json] [--memory [--paper-size]] [--threads T] [--steps N]
//!                    [--backbone resnet50|efficientnet-lite0|resnet-small] [--case NAME]
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
#include "bench/methods/method_cases.h"
#include "bench/methods/step_memory.h"
#include "bench/options.h"
#include "core/error.h"
#include "core/files/json.h"
#include "workers/device/allocator.h"
#include "workers/device/numeric_class.h"

namespace resolute::workers {
namespace {

using core::Json;

struct Options {
  bool json = false, memory = false, paper_size = false;
  int threads = 1, steps = 3;
  std::string backbone;  // empty: all
  std::string one;       // name of the only case; empty: all

  bool wants(const std::string& name) const { return one.empty() || name == one; }
};

Options parse(int argc, char** argv) {
  Options options;
  read_options(argc, argv,
               {{"--json", &options.json},
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

Json parameters_of_parts(methods::Method& method) {
  Json parts = Json::array();
  for (const auto& child : method.module().named_children()) {
    std::int64_t count = 0;
    for (const at::Tensor& parameter : child.value()->parameters()) count += parameter.numel();
    parts.push_back({{"part", child.key()}, {"parameters", count}});
  }
  return parts;
}

Json step(const Case& measured, const Scale& scale, const std::string& precision, int steps) {
  const double before = process_memory("VmRSS");
  experiments::Recipe recipe;
  recipe.precision = settings::from_word<settings::Precision>(precision).value();
  const std::unique_ptr<methods::Method> method = make(measured, scale, recipe);
  const std::uint64_t first = last_window(*method);
  recipe.steps = static_cast<int>(first) + 1 + steps;
  RepeatedBatch source(scale, scale.identities, images(measured, scale), measured.lr_images,
                       methods::copy_rates(method->row().needs, recipe).size());
  const Shortest shortest = train(*method, source, recipe, first);
  const double peak = process_memory("VmHWM") - before;
  return {{"parts", parameters_of_parts(*method)},
          {"seconds", shortest.seconds},
          {"processor_seconds", shortest.processor_seconds},
          {"peak_bytes", peak}};
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
      Json one{{"name", measured.name},    {"backbone", scale.backbone},
               {"height", scale.height},   {"width", scale.width},
               {"classes", scale.classes}, {"rows", scale.identities * images(measured, scale)}};
      for (const std::string& precision : kPrecisions) {
        Json taken = in_a_process(options.threads,
                                  [&] { return step(measured, scale, precision, options.steps * scale.repeats); });
        one["parts"] = std::move(taken["parts"]);
        taken.erase("parts");
        one["times"][precision] = std::move(taken);
      }
      result["cases"].push_back(std::move(one));
    }
  }
  return result;
}

void show_parameters(const Json& cases) {
  fmt::print("{:18} {:36} {:24} {:>12}\n", "backbone", "method", "part", "parameters");
  for (const Json& one : cases) {
    std::int64_t all = 0;
    const auto show = [&](const std::string& part, std::int64_t parameters) {
      fmt::print("{:18} {:36} {:24} {:12}\n", one["backbone"].get<std::string>(), one["name"].get<std::string>(), part,
                 parameters);
    };
    for (const Json& part : one["parts"]) {
      const auto parameters = part["parameters"].get<std::int64_t>();
      all += parameters;
      show(part["part"].get<std::string>(), parameters);
    }
    show("all", all);
  }
}

void show_times(const Json& result) {
  fmt::print("\na step, {} thread(s), fastest of {} (resnet-small: ten times as many)\n", result["threads"].get<int>(),
             result["steps"].get<int>());
  fmt::print("{:18} {:36} {:9} {:>5} {:>9} {:>11} {:>9}\n", "backbone", "method", "precision", "rows", "seconds",
             "processor s", "peak MiB");
  for (const Json& one : result["cases"])
    for (const auto& [precision, time] : one["times"].items())
      fmt::print("{:18} {:36} {:9} {:5} {:9.4f} {:11.4f} {:9.0f}\n", one["backbone"].get<std::string>(),
                 one["name"].get<std::string>(), precision, one["rows"].get<int>(), time["seconds"].get<double>(),
                 time["processor_seconds"].get<double>(), time["peak_bytes"].get<double>() / 1048576);
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
  show_parameters(result["cases"]);
  show_times(result);
}

}  // namespace
}  // namespace resolute::workers

int main(int argc, char** argv) {
  return resolute::guarded_main("bench_method_costs",
                                [&] { resolute::workers::run(resolute::workers::parse(argc, argv)); });
}
