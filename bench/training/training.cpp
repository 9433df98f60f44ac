//! \file
//! Our side of `script/bench training`: steps of the real Trainer on batches that lie in memory, or (`--loop plain`) of
//! a loop that accumulates the same batches with libtorch alone. It works in turns, so that a driver can let two
//! programs alternate on one machine: it says "ready", then for each line on its standard input runs --steps steps and
//! prints how long they took, as JSON. It ends with its standard input, or behind --turns.
//!
//! bench_training --loop trainer|plain|gemm --precision bf16|tf32|f32 --threads T --turns N --steps N
//!                [--backbone resnet50|…] [--lanes L] [--rank R --ranks W --port P] [--batch ROWS_A_LANE] [--folder
//!                FOR_METRICS] [--device cpu|cuda] [--fused-norm 0|1] [--specification FILE] [--trace FILE]
//!
//! --specification names a training's (docs/inside/formats/specification.md): its method, networks, batch and images
//! are taken instead of baseline's, its steps, lanes and precision are not. --trace writes what libtorch's profiler saw
//! of the last turn, as a Chrome trace.

#include <ATen/autocast_mode.h>
#include <torch/csrc/autograd/profiler_kineto.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "bench/guarded_main.h"
#include "bench/images.h"
#include "bench/options.h"
#include "core/error.h"
#include "core/files/file_system.h"
#include "workers/ddp/gloo.h"
#include "workers/device/allocator.h"
#include "workers/device/device.h"
#include "workers/device/numeric_class.h"
#include "workers/training/make_method.h"
#include "workers/training/trainer.h"

namespace resolute::workers {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kClasses = 751;          // Market-1501's training identities
constexpr int kImages = 4;             // of each identity
constexpr std::uint64_t kBatches = 4;  // different ones, used in turn

struct Options {
  std::string loop = "trainer", precision = "bf16", folder = "/tmp", device = "cpu", backbone = "resnet50", trace,
              specification;
  int threads = 1, turns = 1, steps = 5, lanes = 1, rank = 0, ranks = 1, port = 0, batch = 16, fused_norm = 0;
};

Options parse(int argc, char** argv) {
  Options options;
  read_options(argc, argv,
               {{"--loop", &options.loop},
                {"--precision", &options.precision},
                {"--folder", &options.folder},
                {"--device", &options.device},
                {"--backbone", &options.backbone},
                {"--trace", &options.trace},
                {"--specification", &options.specification},
                {"--threads", &options.threads},
                {"--turns", &options.turns},
                {"--steps", &options.steps},
                {"--lanes", &options.lanes},
                {"--rank", &options.rank},
                {"--ranks", &options.ranks},
                {"--port", &options.port},
                {"--fused-norm", &options.fused_norm},
                {"--batch", &options.batch}});
  return options;
}

// Where the program waits for its turn. The driver's line opens it; the next call reports how long the turn took, with
// all that a GPU has been asked for.
class Gate {
 public:
  explicit Gate(const Options& options, const Device* device = nullptr) : options_(options), device_(device) {}
  //! Called before each step, and once after the last.
  void before_step() {
    if (done_ % options_.steps != 0) {
      ++done_;
      return;
    }
    const at::Device place = device_ == nullptr ? at::kCPU : device_->place();
    if (!place.is_cpu()) c10::impl::VirtualGuardImpl(place.type()).synchronizeDevice(place.index());
    if (begun_)
      std::cout << core::Json{{"seconds", std::chrono::duration<double>(Clock::now() - *begun_).count()},
                              {"most_bytes", device_ == nullptr ? 0 : device_->memory().most}}
                << std::endl;
    else
      std::cout << "{\"ready\": true}" << std::endl;
    const bool traced = !options_.trace.empty();
    if (traced && done_ == options_.turns * options_.steps)
      torch::autograd::profiler::disableProfiler()->save(options_.trace);
    std::string line;
    if (!std::getline(std::cin, line)) std::quick_exit(0);  // the driver has had its turns
    if (traced && done_ == (options_.turns - 1) * options_.steps) trace();
    ++done_;
    begun_ = Clock::now();
  }

 private:
  static void trace() {
    using torch::profiler::impl::ActivityType;
    const torch::profiler::impl::ProfilerConfig config(torch::profiler::impl::ProfilerState::KINETO);
    const std::set<ActivityType> activities = {ActivityType::CPU, ActivityType::CUDA};
    torch::autograd::profiler::prepareProfiler(config, activities);
    torch::autograd::profiler::enableProfiler(config, activities);
  }

  Options options_;
  const Device* device_;  // null: the CPU
  int done_ = 0;
  std::optional<Clock::time_point> begun_;
};

class MemorySource final : public BatchSource {
 public:
  MemorySource(const Options& options, const experiments::TrainingSpecification& asked, Gate& gate,
               at::Device place = at::kCPU)
      : options_(options), asked_(asked), gate_(gate), place_(place) {
    const int lanes_a_rank = options.lanes / options.ranks;
    first_ = options.rank * lanes_a_rank;
    for (std::uint64_t b = 0; b < kBatches; ++b)
      for (int lane = first_; lane < first_ + lanes_a_rank; ++lane)
        batches_.push_back(make(b, static_cast<std::uint64_t>(lane)));
  }
  std::vector<std::int64_t> lane_rows(std::uint64_t) override {
    return std::vector<std::int64_t>(static_cast<std::size_t>(options_.lanes), batches_.front().labels.size(0));
  }
  methods::LaneBatch batch(std::uint64_t step, int lane) override {
    if (lane == first_) gate_.before_step();
    const auto lanes_a_rank = static_cast<std::uint64_t>(options_.lanes / options_.ranks);
    methods::LaneBatch batch = batches_[(step % kBatches) * lanes_a_rank + static_cast<std::uint64_t>(lane - first_)];
    batch.step = step;
    batch.lane = lane;
    return batch;
  }

 private:
  methods::LaneBatch make(std::uint64_t number, std::uint64_t lane) const {
    const experiments::Recipe& recipe = asked_.recipe;
    const methods::Needs needs = methods::row(asked_.method).needs;
    methods::LaneBatch batch =
        random_batch((number * 64 + lane) << 8, {recipe.identities / options_.lanes, recipe.images, recipe.lr_images},
                     methods::copy_rates(needs, recipe).size(), asked_.pack.height, asked_.pack.width);
    if (!needs.lr) batch.lr = batch.hr;
    for (at::Tensor* tensor : {&batch.hr, &batch.lr}) *tensor = tensor->to(place_);
    for (at::Tensor& copies : batch.copies) copies = copies.to(place_);
    return batch;
  }

  Options options_;
  const experiments::TrainingSpecification& asked_;
  Gate& gate_;
  at::Device place_;
  int first_ = 0;
  std::vector<methods::LaneBatch> batches_;
};

experiments::TrainingSpecification specification(const Options& options) {
  experiments::TrainingSpecification specification;
  if (!options.specification.empty()) {
    const core::Json given = core::parse_json(core::read_text(core::real_file_system(), options.specification), "");
    specification = std::get<experiments::TrainingSpecification>(
        experiments::specification_from_json(given, options.specification));
  } else {
    specification.method = experiments::BaselineOptions{};
    specification.network.backbone = settings::from_word<settings::Trunk>(options.backbone).value();
    specification.recipe.identities = options.lanes * options.batch / kImages;
    specification.recipe.images = kImages;
  }
  specification.recipe.steps = options.turns * options.steps;
  specification.recipe.precision = settings::from_word<settings::Precision>(options.precision).value();
  specification.lanes = options.lanes;
  return specification;
}

void run_trainer(const Options& options) {
  const std::unique_ptr<Device> device =
      open_device(options.device, options.rank, specification(options).recipe.precision);
  const networks::FusedNorms fused(options.fused_norm == 1 ? &device->norm_kernels() : nullptr);
  std::unique_ptr<Communicator> communicator;
  if (options.ranks > 1) {
    Rendezvous rendezvous;
    rendezvous.host = "127.0.0.1";
    rendezvous.port = static_cast<std::uint16_t>(options.port);
    rendezvous.secret = "bench";
    communicator = device->connect(connect_gloo(rendezvous, options.rank, options.ranks), rendezvous.collective_limit);
  }
  const experiments::TrainingSpecification asked = specification(options);
  const std::unique_ptr<methods::Method> method = make_method(asked, kClasses);
  if (!device->place().is_cpu()) method->module().to(device->place());
  Gate gate(options, device.get());
  MemorySource source(options, asked, gate, device->place());
  ProgressPipe progress(-1);
  std::optional<MetricsLog> metrics;
  std::optional<results::GradientLogWriter> gradients;
  if (options.rank == 0) {
    const std::filesystem::path folder = options.folder;
    metrics.emplace(core::real_file_system(), folder / "metrics.jsonl");
    gradients.emplace(core::real_file_system(), folder / results::kGradientLogName, options.lanes,
                      gradient_names(*method));
  }
  TrainerOptions trainer_options;
  trainer_options.recipe = asked.recipe;
  trainer_options.lanes = options.lanes;
  Trainer trainer({.method = *method,
                   .source = source,
                   .progress = progress,
                   .communicator = communicator.get(),
                   .recorder = device->recorder(),
                   .device = device.get(),
                   .checkpoints = nullptr,
                   .metrics = metrics ? &*metrics : nullptr,
                   .gradients = gradients ? &*gradients : nullptr},
                  trainer_options);
  trainer.run();
  gate.before_step();
}

// What libtorch alone does for L batches: forward and backward for each, gradients accumulating in place, one Adam
// step.
void run_plain(const Options& options) {
  const experiments::TrainingSpecification asked = specification(options);
  const std::unique_ptr<methods::Method> method = make_method(asked, kClasses);
  std::vector<at::Tensor> parameters, gradients, moments1, moments2, steps;
  const methods::ParameterGroup group = method->parameter_groups().front();
  for (const auto& [name, parameter] : group.parameters) {
    parameters.push_back(parameter);
    parameter.mutable_grad() = at::zeros_like(parameter);
    gradients.push_back(parameter.grad());
    moments1.push_back(at::zeros_like(parameter));
    moments2.push_back(at::zeros_like(parameter));
    steps.push_back(at::zeros({}, at::kFloat));
  }
  const methods::OptimiserOptions& optimiser = group.optimiser;
  Gate gate(options);
  MemorySource source(options, asked, gate);
  const bool narrow = options.precision == "bf16";
  at::autocast::set_autocast_dtype(at::kCPU, at::kBFloat16);
  for (int step = 0; step < options.turns * options.steps; ++step) {
    for (int lane = 0; lane < options.lanes; ++lane) {
      const methods::LaneBatch batch = source.batch(static_cast<std::uint64_t>(step), lane);
      at::Tensor loss;
      at::autocast::set_autocast_enabled(at::kCPU, narrow);
      const methods::Activations activations = method->forward(batch);
      for (const methods::LossTerm& term : method->losses(0, activations, batch))
        loss = loss.defined() ? loss + term.value : term.value;
      at::autocast::set_autocast_enabled(at::kCPU, false);
      (loss / options.lanes).backward();
    }
    const at::NoGradGuard no_grad;
    for (const at::Tensor& count : steps) count.add_(1);
    at::_fused_adam_(parameters, gradients, moments1, moments2, {}, steps, optimiser.learning_rate, optimiser.beta1,
                     optimiser.beta2, optimiser.weight_decay, 1e-8, /*amsgrad=*/false, /*maximize=*/false);
    for (const at::Tensor& gradient : gradients) gradient.zero_();
    at::autocast::clear_cache();
  }
  gate.before_step();
}

// The rate of a large square matrix product: what the machine gives at most. Prints operations a second.
void run_gemm(const Options& options) {
  constexpr std::int64_t kSide = 2048;
  const at::NoGradGuard no_grad;
  const auto type = options.precision == "bf16" ? at::kBFloat16 : at::kFloat;
  const at::Tensor a = at::ones({kSide, kSide}, type), b = at::ones({kSide, kSide}, type);
  at::Tensor c = at::mm(a, b);
  Gate gate(options);
  for (int step = 0; step < options.turns * options.steps; ++step) {
    gate.before_step();
    at::mm_out(c, a, b);
  }
  gate.before_step();
}

void run(const Options& options) {
  keep_freed_memory();
  enter_numeric_class(options.threads);
  if (options.loop == "trainer")
    run_trainer(options);
  else if (options.loop == "plain")
    run_plain(options);
  else if (options.loop == "gemm")
    run_gemm(options);
  else
    throw core::input_error("unknown loop '" + options.loop + "'");
}

}  // namespace
}  // namespace resolute::workers

int main(int argc, char** argv) {
  return resolute::guarded_main("bench_training",
                                [&] { resolute::workers::run(resolute::workers::parse(argc, argv)); });
}
