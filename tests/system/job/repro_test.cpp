// `resolute repro`: a job's bits come out again, and where a recorded run differs it is told where.

#include <fcntl.h>
#include <unistd.h>

#include <functional>

#include "core/files/json.h"
#include "core/hash/sha256.h"
#include "results/records/gradient_log.h"
#include "tests/system/program.h"

namespace resolute::system_test::repro_test {
namespace {

constexpr std::uint64_t kSteps = 30;  // of tiny.toml

// The tiny suite with one trial, run once: what each test reproduces, in a copy of its own where it changes something.
class ReproCommand : public SharedFolder {
 protected:
  static void SetUpTestSuite() {
    SharedFolder::SetUpTestSuite();
    succeeded(resolute(
        {"suite", "run", kTinySuite, "--store", store(), "--set", "trials=1", "--only", "rain", "--slots", "2"}));
    const auto plan = core::parse_json(
        resolute({"suite", "plan", kTinySuite, "--store", store(), "--set", "trials=1", "--json"}).out, "plan");
    for (const auto& job : plan["jobs"]) {
      const std::string id = job["id"];
      if (fs::exists(folder_of(store(), id) / "result.json")) ids_.try_emplace(job["kind"].get<std::string>(), id);
    }
    ASSERT_EQ(ids_.size(), 4U);
  }

  static fs::path folder_of(const fs::path& store, const std::string& id) {
    return store / "jobs" / id.substr(0, 2) / id;
  }
  static fs::path attempt_of(const fs::path& store, int attempt, const std::string& name) {
    return folder_of(store, ids_["training"]) / fmt::format("attempt-{:03}-{}", attempt, name);
  }
  // A store with a copy of every job, which shares the packs.
  fs::path copy() {
    const fs::path made = copies_ / "store";
    fs::create_directories(made);
    fs::copy(store() / "jobs", made / "jobs", fs::copy_options::recursive);
    fs::create_directory_symlink(store() / "packs", made / "packs");
    return made;
  }
  static CommandOutput repro(const fs::path& store, const std::string& kind, std::vector<std::string> more = {}) {
    more.insert(more.begin(), {"repro", ids_[kind], "--store", store.string()});
    return resolute(more);
  }
  // Writes the recorded gradient log anew, each step changed by `change`.
  static void rewrite_gradients(const fs::path& path, const std::function<void(results::StepGradients&)>& change) {
    results::GradientLog log = results::read_gradient_log(core::real_file_system(), path);
    ASSERT_EQ(log.steps.size(), kSteps);
    results::GradientLogWriter writer(core::real_file_system(), path, log.lanes, log.tensors);
    for (results::StepGradients& step : log.steps) {
      change(step);
      writer.write(step);
    }
    writer.close();
  }
  // The tiny suite's training with another number of steps, as the store's own. Returns its id.
  static std::string with_steps(const fs::path& store, std::uint64_t steps) {
    auto specification = core::parse_json(text_of(folder_of(store, ids_["training"]) / "spec.json"), "spec.json");
    specification["recipe"]["steps"] = steps;
    const std::string id = core::sha256_hex(core::canonical_json(specification));
    write(folder_of(store, id) / "spec.json", core::canonical_json(specification));
    return id;
  }
  // A training of a million steps that is said to be done, of which the first ten were logged: those of the tiny
  // suite's, since the number of steps decides nothing before the last. \param digest of each step; empty: the true one
  static std::string record_endless_training(const fs::path& store, const std::string& digest) {
    auto& files = core::real_file_system();
    const fs::path model = folder_of(store, ids_["training"]);
    const std::string id = with_steps(store, 1000000);
    auto record = core::parse_json(text_of(model / "result.json"), "result.json");
    record["job"] = id;
    core::write_atomic(files, folder_of(store, id) / "result.json", record.dump());
    std::string metrics;
    std::vector<std::string> lines = lines_of(text_of(model / "attempt-001-metrics.jsonl"));
    lines.resize(10);
    for (const std::string& line : lines) {
      auto json = core::parse_json(line, "metrics.jsonl");
      if (!digest.empty()) json["gradients"] = digest;
      metrics += json.dump() + "\n";
    }
    core::write_atomic(files, folder_of(store, id) / "attempt-001-metrics.jsonl", metrics);
    return id;
  }
  // Nothing of the second run may stay, and nothing of the first be touched.
  static void expect_no_scratch(const fs::path& store) {
    for (const auto& entry : fs::directory_iterator(store))
      EXPECT_FALSE(entry.path().filename().string().starts_with("scratch-")) << entry.path();
  }

  static inline std::map<std::string, std::string> ids_;  // by kind
  ScratchFolder copies_;
};

TEST_F(ReproCommand, every_kind_of_job_gives_the_same_bits_again) {
  std::map<std::string, std::string> before;
  for (const auto& [kind, id] : ids_) before[kind] = text_of(folder_of(store(), id) / "result.json");
  for (const auto& [kind, id] : ids_) {
    const auto again = succeeded(repro(store(), kind));
    EXPECT_THAT(again.out, StartsWith("same bits: "));
    EXPECT_EQ(std::count(again.out.begin(), again.out.end(), '\n'), 1) << again.out;
    EXPECT_EQ(before[kind], text_of(folder_of(store(), id) / "result.json"));
  }
  EXPECT_FALSE(fs::exists(attempt_of(store(), 2, "metrics.jsonl")));
  expect_no_scratch(store());
}

// As the rank of a suite's job that repeats another's first steps first.
TEST_F(ReproCommand, tells_of_the_first_steps_and_becomes_the_command_that_follows) {
  const fs::path line = copies_ / "line";
  const auto then = [&](const fs::path& store, const std::string& job, const std::string& steps) {
    return run_program({"/bin/sh", "-c",
                        "exec \"$0\" repro \"$2\" --store \"$1\" --steps \"$3\" "
                        "--then /bin/sh -c 'echo went on; exit 7' 3>\"$4\"",
                        (kBin / "resolute").string(), store.string(), job, steps, line.string()});
  };
  const auto repeat = [&] { return core::parse_json(lines_of("{}\n" + text_of(line)).back(), "line")["repeat"]; };
  auto output = then(store(), ids_["training"], "5");
  EXPECT_EQ("went on\n", output.out);
  EXPECT_EQ("exit code 7", core::describe(output.status));
  const core::Json right = repeat();
  EXPECT_EQ(right["recorded"], right["digest"]);
  EXPECT_EQ(64U, right["digest"].get<std::string>().size());
  EXPECT_GT(right["took_ms"].get<int>(), 0);
  const fs::path copied = copy();
  const std::string wrong = record_endless_training(copied, std::string(64, 'f'));
  output = then(copied, wrong, "5");
  EXPECT_EQ("went on\n", output.out);
  EXPECT_NE(repeat()["recorded"], repeat()["digest"]);
  output = then(store(), "abcdef", "5");
  EXPECT_EQ("went on\n", output.out) << "whatever was found";
  EXPECT_THAT(repeat()["problem"].get<std::string>(), HasSubstr("abcdef"));
  expect_no_scratch(store());
  fs::remove(copied / "packs");
  fs::create_directory_symlink("packs", copied / "packs");
  output = then(copied, wrong, "5");
  EXPECT_EQ("went on\n", output.out) << output.err;
  EXPECT_THAT(repeat()["problem"].get<std::string>(), HasSubstr("packs")) << "the store itself failed";
  expect_no_scratch(copied);
}

// Ten slow steps may take longer than a run waits for a sign of life.
TEST_F(ReproCommand, tells_of_each_step_on_the_way_to_the_command_that_follows) {
  const fs::path copied = copy(), line = copies_ / "line";
  const std::string id = record_endless_training(copied, "");
  succeeded(run_program({"/bin/sh", "-c", "exec \"$0\" repro \"$2\" --store \"$1\" --steps 5 --then true 3>\"$3\"",
                         (kBin / "resolute").string(), copied.string(), id, line.string()}));
  std::vector<std::string> lines = lines_of(text_of(line));
  EXPECT_TRUE(core::parse_json(lines.back(), "line").contains("repeat"));
  lines.pop_back();
  ASSERT_FALSE(lines.empty());
  int done = 0;
  for (const std::string& one : lines) {
    const core::Json repeating = core::parse_json(one, "line")["repeating"];
    EXPECT_EQ(5, repeating["total"]);
    EXPECT_GT(repeating["done"], done);
    done = repeating["done"];
  }
  EXPECT_GE(done, 5);
}

// The line is written to a full pipe, so that the signal comes behind the second run and before the command.
TEST_F(ReproCommand, stopped_between_the_steps_and_the_command_starts_nothing) {
  core::Pipe pipe = core::make_pipe();
  const int flags = ::fcntl(pipe.write_end.get(), F_GETFL);
  ::fcntl(pipe.write_end.get(), F_SETFL, flags | O_NONBLOCK);
  const std::string filling(4096, '\n');
  while (::write(pipe.write_end.get(), filling.data(), filling.size()) > 0) {
  }
  ::fcntl(pipe.write_end.get(), F_SETFL, flags);
  const fs::path worker = copies_ / "worker", began = copies_ / "began", went_on = copies_ / "went on";
  write(worker, "#!/bin/sh\ntouch '" + began.string() + "'\nexit 2\n");
  fs::permissions(worker, fs::perms::owner_all);
  auto environment = program_environment();
  environment["RESOLUTE_WORKER"] = worker;
  core::SpawnRequest request = program(
      {kBin / "resolute", "repro", ids_["training"], "--store", store(), "--steps", "5", "--then", "touch", went_on},
      environment);
  request.descriptors[3] = pipe.write_end.get();
  const pid_t running = core::spawn_process(request);
  pipe.write_end.reset();
  const auto has_scratch = [&] {
    for (const auto& entry : fs::directory_iterator(store()))
      if (entry.path().filename().string().starts_with("scratch-")) return true;
    return false;
  };
  EXPECT_TRUE(wait_until([&] { return fs::exists(began) && !has_scratch(); }));
  ::kill(running, SIGTERM);
  for (std::string read(65536, ' '); ::read(pipe.read_end.get(), read.data(), read.size()) > 0;) {
  }
  EXPECT_EQ("exit code 75", ended(running));
  EXPECT_FALSE(fs::exists(went_on));
}

TEST_F(ReproCommand, another_number_of_ranks_gives_the_same_bits_in_every_step) {
  const core::Json json = json_of(repro(store(), "training", {"--ranks", "2", "--json"}));
  EXPECT_EQ(json["job"], ids_["training"]);
  EXPECT_EQ(json["same_bits"], true);
  EXPECT_EQ(json["steps_compared"], kSteps);
  EXPECT_EQ(json["first_difference"], core::Json());
  EXPECT_EQ(json["differences"], core::Json::array());
  EXPECT_EQ(json["weights"]["recorded"], json["weights"]["again"]);
  EXPECT_EQ(json["numeric_class"]["recorded"], json["numeric_class"]["again"]);
}

TEST_F(ReproCommand, the_step_the_lane_and_the_tensor_of_a_difference_are_named) {
  const fs::path changed = copy();
  std::string tensor;
  const fs::path path = attempt_of(changed, 1, results::kGradientLogName);
  tensor = results::read_gradient_log(core::real_file_system(), path).tensors.at(3);
  rewrite_gradients(path, [](results::StepGradients& step) {
    if (step.step != 7) return;
    step.lanes[1] ^= 1;
    step.tensors[3] ^= 1;
  });
  auto again = repro(changed, "training");
  EXPECT_EQ(code_of(again), 1) << again.err;
  EXPECT_EQ(again.out, "first difference in step 7: lane 1; tensor " + tensor + "\nthe result is the same\n");
  // Also by its first digits, and a run that is to end after the step.
  again = resolute({"repro", ids_["training"].substr(0, 16), "--store", changed, "--steps", "7", "--json"});
  EXPECT_EQ(code_of(again), 1) << again.err;
  EXPECT_EQ(core::parse_json(again.out, "answer")["first_difference"],
            (core::Json{{"step", 7}, {"located", true}, {"lanes", {1}}, {"tensors", {tensor}}}));
  again = succeeded(repro(changed, "training", {"--steps", "6"}));
  expect_no_scratch(changed);
}

TEST_F(ReproCommand, it_goes_no_further_than_a_step_whose_digest_differs) {
  const fs::path changed = copy();
  const std::string id = record_endless_training(changed, "00000000000000000000000000000000");
  const auto again = resolute({"repro", id, "--store", changed, "--json"});
  EXPECT_EQ(code_of(again), 1) << again.err;
  const auto json = core::parse_json(again.out, "answer");
  EXPECT_EQ(
      json["first_difference"],
      (core::Json{{"step", 1}, {"located", false}, {"lanes", core::Json::array()}, {"tensors", core::Json::array()}}));
  EXPECT_EQ(json["weights"]["again"], core::Json());
  // It left no result; the checkpoint of its end tells the numeric class.
  EXPECT_EQ(json["numeric_class"]["again"], json["numeric_class"]["recorded"]);
  expect_no_scratch(changed);
}

TEST_F(ReproCommand, a_few_steps_of_a_long_training_are_a_matter_of_seconds) {
  const fs::path changed = copy();
  const std::string id = record_endless_training(changed, "");
  for (const char* ranks : {"1", "2"}) {
    const auto again = succeeded(resolute({"repro", id, "--store", changed, "--steps", "4", "--ranks", ranks}));
    EXPECT_EQ(again.out, "same bits: the first 4 steps; weights were not compared\n");
  }
  expect_no_scratch(changed);
}

TEST_F(ReproCommand, an_interrupted_comparison_leaves_nothing_behind) {
  const fs::path changed = copy();
  const std::string id = record_endless_training(changed, "");
  const pid_t running =
      core::spawn_process(program({kBin / "resolute", "repro", id, "--store", changed, "--ranks", "2"}));
  auto at_work = [&] {
    for (const auto& entry : fs::directory_iterator(changed))
      if (entry.path().filename().string().starts_with("scratch-") &&
          fs::exists(folder_of(entry.path(), id) / "attempt-001-metrics.jsonl"))
        return true;
    return false;
  };
  EXPECT_TRUE(wait_until(at_work));
  ::kill(running, SIGINT);
  EXPECT_EQ(ended(running), "exit code 75");
  expect_no_scratch(changed);
  EXPECT_TRUE(processes_with({"resolute-worker", id}).empty());
}

TEST_F(ReproCommand, weights_that_differ_though_all_gradients_agree_are_told) {
  const fs::path changed = copy();
  const fs::path result = folder_of(changed, ids_["training"]) / "result.json";
  auto record = core::parse_json(text_of(result), "result");
  const std::string recorded(64, 'a');
  record["weights_sha256"] = recorded;
  record["provenance"]["numeric_class"] = "device=cpu processor=abacus";
  write(result, record.dump());
  const auto again = repro(changed, "training");
  EXPECT_EQ(code_of(again), 1) << again.err;
  EXPECT_THAT(again.out,
              HasSubstr("gradients are the same in 30 of 30 steps\nweights_sha256 differs: recorded " + recorded));
  EXPECT_THAT(again.out,
              HasSubstr("the numeric class is another, and bits may differ with it: processor=abacus, again "));
}

TEST_F(ReproCommand, attempts_of_the_recorded_run_are_joined_and_held_against_each_other) {
  const fs::path changed = copy();
  // As if the first attempt had been killed after step 12 and the second had gone on from the checkpoint of step 10.
  const fs::path first = attempt_of(changed, 1, results::kGradientLogName);
  const fs::path second = attempt_of(changed, 2, results::kGradientLogName);
  const results::GradientLog log = results::read_gradient_log(core::real_file_system(), first);
  auto write = [&](const fs::path& path, std::uint64_t from, std::uint64_t to, bool spoilt) {
    results::GradientLogWriter writer(core::real_file_system(), path, log.lanes, log.tensors);
    for (results::StepGradients step : log.steps) {
      if (step.step < from || step.step > to) continue;
      if (spoilt && step.step == 12) step.lanes[0] ^= 1;
      writer.write(step);
    }
    writer.close();
  };
  fs::remove(attempt_of(changed, 1, "metrics.jsonl"));
  write(second, 11, kSteps, false);
  write(first, 1, 12, false);
  auto again = succeeded(repro(changed, "training"));
  EXPECT_THAT(again.out, StartsWith("same bits: 30 steps, weights "));

  write(first, 1, 12, true);
  again = repro(changed, "training");
  EXPECT_EQ(code_of(again), 1) << again.err;
  EXPECT_THAT(again.out, StartsWith("recorded attempts 1 and 2 differ from step 12 on: lane 0; no tensor\n"));
}

TEST_F(ReproCommand, a_training_that_was_killed_and_resumed_on_other_ranks_gives_the_same_bits_in_every_step) {
  const fs::path changed = copy();
  const std::string id = with_steps(changed, 60);
  const fs::path folder = folder_of(changed, id);
  const Words train{kBin / "resolute", "train", folder / "spec.json", "--store", changed};
  const pid_t running = core::spawn_process(program(joined(train, {"--ranks", "2", "--checkpoint-every", "5"})));
  auto has_checkpoint = [&] {  // any: an early one makes room for the next two
    for (const std::string& name : core::real_file_system().list(folder / "checkpoints"))
      if (name.starts_with("step-")) return true;
    return false;
  };
  EXPECT_TRUE(wait_until(has_checkpoint));
  ::kill(running, SIGKILL);
  ::waitpid(running, nullptr, 0);
  EXPECT_TRUE(wait_until([&] { return processes_with({"resolute-worker", id}).empty(); }));
  ASSERT_FALSE(fs::exists(folder / "result.json"));
  succeeded(resolute({"train", folder / "spec.json", "--store", changed}));
  ASSERT_TRUE(fs::exists(folder / (std::string("attempt-002-") + results::kGradientLogName)));
  const auto again = succeeded(resolute({"repro", id, "--store", changed.string() + "/"}));
  EXPECT_THAT(again.out, StartsWith("same bits: 60 steps, weights "));
}

TEST_F(ReproCommand, the_number_of_threads_is_that_of_the_recorded_numeric_class) {
  const fs::path changed = copy();
  const std::string id = with_steps(changed, 3);
  succeeded(resolute({"train", folder_of(changed, id) / "spec.json", "--store", changed, "--threads", "2"}));
  const core::Json json = json_of(resolute({"repro", id, "--store", changed, "--json"}));
  EXPECT_NE(json["numeric_class"]["again"].get<std::string>().find("threads=2"), std::string::npos);
}

TEST_F(ReproCommand, other_features_metrics_and_shards_are_told) {
  const fs::path changed = copy();
  const std::string other(64, 'a');
  for (const auto& [kind, key] : {std::pair{"evaluation", "features_sha256"}, {"shard", "shard_sha256"}}) {
    const fs::path result = folder_of(changed, ids_[kind]) / "result.json";
    auto record = core::parse_json(text_of(folder_of(store(), ids_[kind]) / "result.json"), "result");
    record[key] = other;
    if (record.contains("metrics")) record["metrics"]["queries"] = 1.0;
    if (record.contains("outputs")) record["outputs"]["queries.csv"] = other;
    write(result, record.dump());
    const auto again = repro(changed, kind);
    EXPECT_EQ(code_of(again), 1) << again.err;
    EXPECT_THAT(again.out, HasSubstr(fmt::format("{} differs: recorded {}, again ", key, other)));
    EXPECT_EQ(again.out.find("metrics.queries differs: recorded 1.0, again ") != std::string::npos,
              std::string(kind) == "evaluation")
        << again.out;
    EXPECT_EQ(again.out.find("outputs.queries.csv differs: recorded " + other) != std::string::npos,
              std::string(kind) == "evaluation")
        << again.out;
  }
  expect_no_scratch(changed);
}

// Evaluations of one training hand on their features (docs/inside/worker.md); the second run of one has to compute its
// own.
TEST_F(ReproCommand, features_of_the_first_run_are_not_taken_for_the_second_s) {
  const fs::path changed = copy(), training = folder_of(changed, ids_["training"]);
  const fs::path evaluation = folder_of(changed, ids_["evaluation"]);
  const auto names = [&] {
    std::set<std::string> found;
    for (const auto& entry : fs::directory_iterator(training)) found.insert(entry.path().filename());
    return found;
  };
  std::string kept;
  for (const std::string& name : names())
    if (name.starts_with("kept-features-")) kept = name;
  ASSERT_NE(kept, "");
  const std::string key = kept.substr(0, kept.rfind('-') + 1);
  std::string features = text_of(training / kept);
  features.back() ^= 1;
  const std::string wrong = core::sha256_hex(features);
  fs::remove(training / kept);
  write(training / (key + wrong + ".h5"), features);
  auto record = core::parse_json(text_of(evaluation / "result.json"), "result");
  const std::string right = record["features_sha256"];
  record["features_sha256"] = wrong;
  write(evaluation / "result.json", record.dump());
  const auto before = names();
  const auto again = repro(changed, "evaluation");
  EXPECT_EQ(code_of(again), 1) << again.err;
  EXPECT_THAT(again.out, HasSubstr(fmt::format("features_sha256 differs: recorded {}, again {}", wrong, right)));
  EXPECT_EQ(names(), before) << "the first run is not touched";
}

TEST_F(ReproCommand, a_specifications_file_names_its_job_and_a_kept_run_can_be_looked_at) {
  const fs::path changed = copy();
  const auto again =
      succeeded(resolute({"repro", folder_of(changed, ids_["shard"]) / "spec.json", "--store", changed, "--keep"}));
  int kept = 0;
  for (const auto& entry : fs::directory_iterator(changed))
    if (entry.path().filename().string().starts_with("scratch-")) {
      ++kept;
      EXPECT_THAT(again.err, HasSubstr(entry.path().string()));
      EXPECT_EQ(text_of(folder_of(entry.path(), ids_["shard"]) / "result.json"),
                text_of(folder_of(store(), ids_["shard"]) / "result.json"));
    }
  EXPECT_EQ(kept, 1);
}

TEST_F(ReproCommand, what_cannot_be_reproduced_is_refused_in_one_line) {
  const fs::path changed = copy();
  const std::string id = ids_["training"];
  auto refused = [&](std::vector<std::string> arguments, const std::string& part) {
    arguments.insert(arguments.begin(), "repro");
    arguments.insert(arguments.end(), {"--store", changed.string()});
    expect_refusal(resolute(arguments), 2, part);
  };
  refused({"abc"}, "job 'abc' is too short (4 digits are needed)");
  refused({"no-such-file.json"}, "is neither an id nor a file");
  refused({std::string(64, '0')}, "no job '0000");
  refused({id, "--ranks", "3"}, "--ranks 3 does not divide 2 lanes");
  refused({ids_["evaluation"], "--ranks", "2"}, "only a training has more than one process rank");
  refused({ids_["seal"], "--steps", "2"}, "only a training has steps");
  refused({ids_["seal"], "--raw-root", "/tmp"}, "only a shard reads raw images");
  refused({id, "--steps", "0"}, "--steps 0 (at least 1 step is needed)");
  const std::string twin = id.substr(0, 8) + std::string(56, 'f');
  fs::create_directories(folder_of(changed, twin));
  refused({id.substr(0, 8)}, fmt::format("2 jobs begin with '{}' (", id.substr(0, 8)));
  refused({twin}, "it has no spec.json there");
  for (const char* name : {"attempt-001-metrics.jsonl", "attempt-001-gradients.bin"})
    fs::remove(folder_of(changed, id) / name);
  refused({id, "--steps", "2"}, "logged its first 2 steps");
  fs::remove(folder_of(changed, id) / "result.json");
  refused({id}, "has no result (there is nothing to compare with)");
  expect_no_scratch(changed);
}

TEST_F(ReproCommand, a_run_that_fails_where_the_first_did_not_is_an_error_and_no_verdict) {
  const fs::path changed = copy();
  fs::remove(changed / "packs");
  const auto again = repro(changed, "training");
  EXPECT_EQ(code_of(again), 2) << again.err;
  EXPECT_EQ(again.out, "");
  EXPECT_NE(again.err.find("resolute: the job did not end when it was run again ("), std::string::npos) << again.err;
  expect_no_scratch(changed);
}

}  // namespace
}  // namespace resolute::system_test::repro_test
