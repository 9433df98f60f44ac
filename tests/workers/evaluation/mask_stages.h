#pragma once
//! \file
//! Trainings with progressive masks that are killed inside every stage, and what a checkpoint says of the stage.

#include <cstring>
#include <set>

#include "methods/levels.h"
#include "tests/workers/jobs/bit_equality.h"

namespace resolute::workers {

class MaskStagesTest : public BitEqualityTest {
 protected:
  static constexpr int kMasks = 4;  // of resnet-small
  static constexpr int kStageSteps = 8;

  static experiments::TrainingSpecification training() {
    auto training = make_row("adaptive").training;
    training.recipe.steps = kStageSteps * (kMasks + 1);
    training.recipe.identities = 8;
    training.lanes = 4;
    return training;
  }
  //! Where a step (0, 1, …) stands.
  static methods::MaskStage stage_of(std::uint64_t step) { return methods::mask_stage(step, kMasks, kStageSteps); }

  //! Kills a training in each stage, some steps into it, and lets it end; it must end with `calm`, as result.json. On a
  //! machine that is busy a training may be out of the stage before it is killed: another is started then.
  //! \param ranks W of the attempt that is to be killed in a stage
  void expect_kills_in_every_stage(const std::string& name, int steps_into, const std::function<int(int stage)>& ranks,
                                   const std::string& calm) {
    ASSERT_NE("none", calm);
    std::set<int> met;
    int round = 0, kills = 0;
    for (; round < 5 && met.size() < kMasks + 1; ++round) {
      const fs::path folder = store(fmt::format("{}-{}", name, round));
      const JobId id = write_specification(folder, training());
      for (int attempt = 1; result(folder, id) == "none"; ++attempt) {
        ASSERT_LE(attempt, 2 * (kMasks + 1)) << "the training does not end";
        const std::uint64_t from = newest_checkpoint(folder, id);
        int stage = stage_of(from).stage;
        while (met.contains(stage)) ++stage;
        const int count = ranks(std::min(stage, kMasks));
        Attempt gang(folder, id, count, {"--checkpoint-every", "1", "--attempt", std::to_string(attempt)});
        const bool entered = stage <= kMasks && wait_for_stage(gang, stage, steps_into);
        if (entered) gang.signal_all(SIGKILL);
        const auto codes = gang.wait_codes();
        if (!entered) {
          EXPECT_EQ(std::vector<std::string>(static_cast<std::size_t>(count), "exit code 0"), codes);
        }
        expect_to_go_on(folder, id, attempt, from);
        if (result(folder, id) != "none") continue;
        ++kills;
        expect_checkpoints_to_say_their_stage(folder, id);
        met.merge(killed_in(folder, id, attempt));
      }
      EXPECT_EQ(calm, result(folder, id)) << name;
    }
    EXPECT_EQ((std::set{0, 1, 2, 3, 4}), met) << name;
    std::cout << fmt::format("{:13}  killed in every stage: {} kills, {} training(s), {}", name, kills, round,
                             weights_hash(calm).substr(0, 12))
              << std::endl;
  }

 private:
  //! Blocks until a checkpoint of the stage is on disk. \return false if the training ended first
  static bool wait_for_stage(Attempt& gang, int stage, int steps_into) {
    const std::uint64_t wanted =
        static_cast<std::uint64_t>(stage) * kStageSteps + static_cast<std::uint64_t>(steps_into);
    while (true) {
      const std::string line = gang.wait_for_progress("\"checkpoint\"");
      if (line.empty()) return false;
      if (core::parse_json(line, "progress").at("checkpoint").get<std::uint64_t>() >= wanted) return true;
    }
  }

  //! The stage in which an attempt was killed: that of its newest checkpoint, of the step from which that goes on, and
  //! of the step that was under way. Nothing if they are not the same.
  static std::set<int> killed_in(const fs::path& store, const JobId& job, int attempt) {
    const std::uint64_t newest = newest_checkpoint(store, job);
    const auto done = steps(store, job, attempt);
    if (newest == 0 || done.empty()) return {};
    const int stage = stage_of(newest - 1).stage;
    if (stage != stage_of(newest).stage || stage != stage_of(done.back()).stage) return {};
    return {stage};
  }

  //! The stage and iteration of the last step done, and which masks were frozen then.
  static void expect_checkpoints_to_say_their_stage(const fs::path& store, const JobId& job) {
    for (const std::string& name : checkpoints(store, job)) {
      SCOPED_TRACE(name);
      const auto file =
          core::read_text(core::real_file_system(), experiments::StoreLayout(store).checkpoints_folder(job) / name);
      const methods::MaskStage expected = stage_of(step_of(name) - 1);
      EXPECT_EQ(expected.stage, integer(values(file, "model.stage", "I64")));
      EXPECT_EQ(static_cast<std::int64_t>(expected.iteration), integer(values(file, "model.stage_iteration", "I64")));
      std::string frozen(kMasks, '\0');  // in the network's order: the last `stage` masks act, one of them learns
      for (int mask = 1; mask < expected.stage; ++mask) frozen[static_cast<std::size_t>(kMasks - mask)] = '\1';
      EXPECT_EQ(frozen, values(file, "model.frozen", "BOOL"));
    }
  }

  //! A tensor's bytes, as docs/inside/formats/checkpoint.md lays the file out.
  static std::string values(const std::string& file, const std::string& tensor, const std::string& type) {
    std::uint64_t header = 0;
    std::memcpy(&header, file.data(), sizeof header);
    const core::Json entry = core::parse_json(file.substr(8, header), "header").at(tensor);
    EXPECT_EQ(type, entry.at("dtype").get<std::string>());
    const auto offsets = entry.at("data_offsets").get<std::vector<std::uint64_t>>();
    return file.substr(8 + header + offsets.at(0), offsets.at(1) - offsets.at(0));
  }
  static std::int64_t integer(const std::string& bytes) {
    std::int64_t value = -1;
    EXPECT_EQ(sizeof value, bytes.size());
    std::memcpy(&value, bytes.data(), std::min(sizeof value, bytes.size()));
    return value;
  }
};

}  // namespace resolute::workers
