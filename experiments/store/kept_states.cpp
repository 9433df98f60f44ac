#include "experiments/store/kept_states.h"

#include <fmt/format.h>

#include "core/hash/sha256.h"
#include "core/numbers.h"
#include "experiments/specification/stages.h"

namespace resolute::experiments {
namespace {

// Nothing where the name is no note's.
std::optional<GoesOn> read_note(const std::string& name) {
  const std::size_t dash = name.find('-');
  if (dash == std::string::npos || !core::is_sha256_hex(name.substr(dash + 1))) return std::nullopt;
  const auto steps = core::number_of<int>(std::string_view(name).substr(0, dash));
  return steps ? std::optional(GoesOn{JobId{name.substr(dash + 1)}, *steps}) : std::nullopt;
}

// Nothing where a training's length paces it.
std::optional<std::filesystem::path> notes_of(const StoreLayout& store, const TrainingSpecification& training) {
  const auto any_length = without_length(training);
  return any_length ? std::optional(store.states_folder() / job_id(*any_length).hex) : std::nullopt;
}

}  // namespace

void note_kept_state(core::FileSystem& files, const StoreLayout& store, const JobId& job,
                     const TrainingSpecification& training) {
  if (const auto folder = notes_of(store, training))
    core::write_atomic(files, *folder / fmt::format("{}-{}", training.recipe.steps, job.hex), std::string_view());
}

std::optional<GoesOn> find_kept_state(core::FileSystem& files, const StoreLayout& store,
                                      const TrainingSpecification& training) {
  std::optional<GoesOn> longest;
  const auto folder = notes_of(store, training);
  for (const std::string& name : folder ? files.list(*folder) : std::vector<std::string>())
    if (const auto note = read_note(name); note && note->steps < training.recipe.steps &&
                                           (!longest || note->steps > longest->steps) &&
                                           files.exists(store.checkpoints_folder(note->from)))
      longest = note;
  return longest;
}

std::vector<std::filesystem::path> notes_without_state(core::FileSystem& files, const StoreLayout& store) {
  std::vector<std::filesystem::path> gone;
  for (const std::string& key : files.list(store.states_folder()))
    for (const std::string& name : files.list(store.states_folder() / key))
      if (const auto note = read_note(name); note && !files.exists(store.checkpoints_folder(note->from)))
        gone.push_back(store.states_folder() / key / name);
  return gone;
}

}  // namespace resolute::experiments
