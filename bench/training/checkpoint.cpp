//! \file
//! Our side of `script/bench checkpoint`: a checkpoint of ResNet-50 with Adam's moments. It works in turns
//! (bench/turns.py): says "ready", then for each line on its standard input does one turn and prints {"seconds": s}.
//!
//!     bench_checkpoint write FOLDER          save() and finish(): copy, checksum, write, fsync, rename, fsync
//!     bench_checkpoint raw FOLDER            as many bytes from memory to a file there, fsync
//!     bench_checkpoint load FOLDER           the checkpoint that `write` left: file to tensors, checksum compared
//!     bench_checkpoint save FOLDER           save() alone: what it blocks for
//!     bench_checkpoint stall FOLDER THREADS  how much longer a training takes when a step begins with save(): what
//!     save()
//!                                            blocks for and what computing beside the writer costs; THREADS compute,
//!                                            one of them the one that saves

#include "workers/training/checkpoint.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <iostream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "bench/guarded_main.h"
#include "bench/turns.h"
#include "core/error.h"
#include "networks/nn/backbone.h"

namespace resolute::workers {
namespace {

const CheckpointOwner kOwner{std::string(64, 'a'), "bench"};

// Weights and moments as a training holds them: kernels channels-last.
Checkpoint resnet50_with_moments() {
  settings::NetworkSettings settings;
  settings.backbone = settings::Trunk::kResnet50;
  networks::Backbone network(settings::trunk_shape(settings));
  Checkpoint checkpoint{1, 0.5, {}};
  const at::NoGradGuard no_grad;
  for (const auto& item : network.named_parameters()) {
    at::Tensor weight = item.value().detach().uniform_();
    if (weight.dim() == 4) weight = weight.contiguous(at::MemoryFormat::ChannelsLast);
    checkpoint.tensors["model." + item.key()] = weight;
    for (const char* moment : {".moment1", ".moment2"})
      checkpoint.tensors["optimiser.network." + item.key() + moment] = at::rand_like(weight);
  }
  for (const auto& item : network.named_buffers()) checkpoint.tensors["model." + item.key()] = item.value();
  return checkpoint;
}

void raw_write(const std::string& path, std::span<const std::byte> bytes) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  while (file >= 0 && !bytes.empty()) {
    const ssize_t count = ::write(file, bytes.data(), bytes.size());
    if (count <= 0) break;
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  if (file < 0 || !bytes.empty() || ::fsync(file) != 0 || ::close(file) != 0)
    throw core::system_error("cannot write '" + path + "'", errno);
}

// Products of matrices and passes over memory, as a step has both.
class Compute {
 public:
  Compute() : a_(at::rand({768, 768})), b_(at::rand({768, 768})), big_(at::rand({8 << 20})) {}
  void run(int rounds) {
    for (int round = 0; round < rounds; ++round) {
      for (int product = 0; product < 3; ++product) at::mm_out(c_, a_, b_);
      big_.mul_(0.999);
    }
  }

 private:
  at::Tensor a_, b_, big_, c_ = at::empty({768, 768});
};

// Longer than a write takes, and short, so that its own noise is less.
class Step {
 public:
  static constexpr double kSeconds = 0.5;
  explicit Step(int threads) : compute_(static_cast<std::size_t>(threads)) {
    run(5);
    const double five = std::min(run(5), run(5));
    rounds_ = std::max(1, static_cast<int>(std::lround(5.0 * kSeconds / five)));
  }
  double run() { return run(rounds_); }

 private:
  double run(int rounds) {
    return seconds_of([&] {
      std::vector<std::thread> others;
      for (std::size_t i = 1; i < compute_.size(); ++i) others.emplace_back([&, i] { compute_[i].run(rounds); });
      compute_[0].run(rounds);
      for (std::thread& other : others) other.join();
    });
  }
  std::vector<Compute> compute_;
  int rounds_ = 1;
};

std::function<double()> turn_of(const std::string& what, const std::filesystem::path& folder, int threads) {
  const auto files = std::make_shared<std::unique_ptr<CheckpointFolder>>(
      std::make_unique<CheckpointFolder>(core::real_file_system(), folder, kOwner));
  const auto checkpoint = std::make_shared<Checkpoint>();
  if (what != "load") *checkpoint = resnet50_with_moments();
  const auto save = [files, checkpoint] {
    ++checkpoint->step;
    (*files)->save(*checkpoint);
  };
  if (what == "write")
    return [=] {
      return seconds_of([&] {
        save();
        (*files)->finish();
      });
    };
  if (what == "save")
    return [=] {
      const double seconds = seconds_of(save);
      (*files)->finish();
      return seconds;
    };
  if (what == "raw") {
    const auto bytes = std::make_shared<core::Bytes>(encode_checkpoint(*checkpoint, kOwner));
    return [=] { return seconds_of([&] { raw_write(folder / "raw", *bytes); }); };
  }
  if (what == "load")
    return [=] {
      // A new one each time: a process reads one checkpoint in its life.
      *files = std::make_unique<CheckpointFolder>(core::real_file_system(), folder, kOwner);
      std::optional<StoredCheckpoint> loaded;
      const double seconds = seconds_of([&] { loaded = (*files)->load_latest(); });
      if (!loaded) throw core::input_error("no checkpoint in '" + folder.string() + "'");
      return seconds;
    };
  if (what == "stall") {
    (*files)->prepare(*checkpoint);
    const auto step = std::make_shared<Step>(threads);
    return [=] {
      const double before = step->run();
      const double busy = seconds_of(save) + step->run();
      (*files)->finish();
      return busy - (before + step->run()) / 2;
    };
  }
  throw core::input_error("unknown part '" + what + "'", "give write, raw, load, save or stall");
}

}  // namespace
}  // namespace resolute::workers

int main(int argc, char** argv) {
  using namespace resolute;
  return guarded_main("bench_checkpoint", [&] {
    if (argc < 3) throw core::input_error("two arguments are needed", "a part and a folder");
    at::set_num_threads(1);
    const auto turn = workers::turn_of(argv[1], argv[2], argc > 3 ? std::stoi(argv[3]) : 1);
    take_turns([&] { std::cout << "{\"seconds\": " << turn() << "}" << std::endl; });
  });
}
