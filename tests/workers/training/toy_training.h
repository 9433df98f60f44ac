#pragma once
//! \file
//! Whole trainings of the toy method in this process, for tests of the trainer's phases and groups.

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/workers/ddp/thread_communicator.h"
#include "tests/workers/training/checkpoint_bytes.h"
#include "tests/workers/training/toy_method.h"
#include "workers/training/trainer.h"

namespace resolute::workers {

//! A training whose phase "train" may begin late and may update the critic too.
struct ToyTraining {
  bool critic_in_both = true;
  std::uint64_t train_from = 0;
  int steps = 6;
  bool keep_graphs = true;
  std::function<void(ToyMethod&)> arrange{};  //!< what else is other about the method
  double ema = 0;

  TrainerOptions options() const {
    return {.recipe = {.steps = steps, .milestones = {}, .ema = ema}, .lanes = 4, .keep_graphs = keep_graphs};
  }
  std::unique_ptr<ToyMethod> method() const {
    auto method = std::make_unique<ToyMethod>();
    method->critic_in_both = critic_in_both;
    method->train_from = train_from;
    if (arrange) arrange(*method);
    return method;
  }
  //! The state at the end, or that after `first` steps taken up again.
  Checkpoint run(Communicator* communicator = nullptr, std::optional<int> first = {}) const {
    if (!first) return train(nullptr, communicator);
    ToyTraining shorter = *this;
    shorter.steps = *first;
    const Checkpoint state = shorter.run(communicator);
    return train(&state, communicator);
  }
  //! The state at the end of a training that takes up another's. \param before may hold more than this one knows
  Checkpoint run_from(const Checkpoint& before) const { return train(&before, nullptr); }
  //! With process ranks that are threads; rank 0's.
  Checkpoint run_with_ranks(int ranks) const {
    Exchange meeting(ranks);
    std::vector<Checkpoint> found(static_cast<std::size_t>(ranks));
    on_ranks(ranks, [&](int rank) {
      at::set_num_threads(1);
      ThreadCommunicator communicator(meeting, rank);
      found[static_cast<std::size_t>(rank)] = run(&communicator);
    });
    return found.front();
  }

 private:
  Checkpoint train(const Checkpoint* before, Communicator* communicator) const {
    const auto trained = method();
    ToySource source(4);
    ProgressPipe progress(-1);
    Trainer trainer({.method = *trained, .source = source, .progress = progress, .communicator = communicator},
                    options());
    if (before != nullptr) {
      const std::vector<std::byte> bytes = encode_checkpoint(*before, {"job", "class"});
      trainer.restore(decode_checkpoint(bytes, {"job", "class"}, "checkpoint"));
    }
    trainer.run();
    Checkpoint state = trainer.snapshot();
    for (auto& [name, tensor] : state.tensors) tensor = tensor.detach().clone();
    return state;
  }
};

//! Names of what differs in a bit, and "loss".
inline std::vector<std::string> differences(const Checkpoint& a, const Checkpoint& b) {
  std::vector<std::string> found;
  if (a.loss != b.loss) found.emplace_back("loss");
  EXPECT_EQ(a.tensors.size(), b.tensors.size());
  for (const auto& [name, tensor] : a.tensors)
    if (!at::equal(tensor, b.tensors.at(name))) found.push_back(name);
  return found;
}

}  // namespace resolute::workers
