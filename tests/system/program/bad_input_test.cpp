// What is wrong is refused in one line, with the right exit code, and leaves nothing half written.

#include <iterator>
#include <set>
#include <sstream>

#include "core/files/json.h"
#include "tests/system/cluster/quick_suite.h"
#include "tests/system/program.h"

namespace resolute::system_test::bad_input_test {
namespace {

class BadImages : public testing::Test {
 protected:
  void SetUp() override {
    succeeded(resolute({"data", "synth", "--out", people_, "--identities", "6", "--images-per-camera", "2"}));
  }
  fs::path first_training_image() const {
    std::vector<fs::path> paths;
    for (const auto& entry : fs::directory_iterator(people_ / "bounding_box_train")) paths.push_back(entry.path());
    return *std::min_element(paths.begin(), paths.end());
  }
  CommandOutput ingest() {
    return resolute({"data", "ingest", "market1501", "--root", people_, "--store", scratch_ / "store"});
  }
  void expect_no_pack() {
    for (const auto& entry : fs::recursive_directory_iterator(scratch_.path())) {
      bool in_pack = entry.path().string().find("/packs/") != std::string::npos;
      EXPECT_TRUE(!in_pack || entry.is_directory()) << entry.path();
    }
  }
  ScratchFolder scratch_;
  fs::path people_ = scratch_ / "people";
};

TEST_F(BadImages, truncated_image_is_named) {
  fs::path image = first_training_image();
  fs::resize_file(image, fs::file_size(image) / 2);
  expect_refusal(ingest(), 2, image.filename());
  expect_no_pack();
}

TEST_F(BadImages, wrong_file_name_is_named) {
  write(people_ / "bounding_box_train/person_one.jpg", text_of(first_training_image()));
  expect_refusal(ingest(), 2, "person_one.jpg");
  expect_no_pack();
}

// One run names them all, in bounds on a terminal, whole in JSON.
TEST_F(BadImages, all_wrong_file_names_are_named_at_once) {
  for (int i = 10; i < 34; ++i) write(people_ / fmt::format("query/person-{}.jpg", i), text_of(first_training_image()));
  const auto output = ingest();
  EXPECT_EQ(code_of(output), 2);
  EXPECT_EQ(output.out, "");
  EXPECT_THAT(output.err,
              StartsWith("resolute: 24 files are refused:\nresolute:   'query/person-10.jpg' is not a Market"));
  EXPECT_THAT(output.err, HasSubstr("'query/person-29.jpg'"));
  EXPECT_THAT(output.err, testing::Not(HasSubstr("person-30")));
  EXPECT_THAT(output.err, HasSubstr("\nresolute:   and 4 more\nresolute: 'query/person-10.jpg' is not"));
  EXPECT_THAT(output.err, testing::EndsWith("; 23 more files are refused\n"));
  const auto json =
      resolute({"data", "ingest", "market1501", "--root", people_, "--store", scratch_ / "store", "--json"});
  EXPECT_EQ(code_of(json), 2);
  const core::Json answer = core::Json::parse(json.out);
  EXPECT_EQ(answer.at("count"), 24);
  ASSERT_EQ(answer.at("refused").size(), 24U);
  EXPECT_EQ(answer.at("refused")[23].at("file"), "query/person-33.jpg");
  EXPECT_THAT(answer.at("refused")[23].at("problem").get<std::string>(), HasSubstr("'query/person-33.jpg' is not"));
  expect_no_pack();
}

TEST_F(BadImages, all_damaged_images_of_all_shards_are_named_at_once) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(people_ / "query")) {
    if (names.size() == 3) break;
    fs::resize_file(entry.path(), fs::file_size(entry.path()) / 2);
    names.push_back("query/" + entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  const auto output = resolute({"data", "ingest", "market1501", "--root", people_, "--store", scratch_ / "store",
                                "--shards", "9", "--threads", "2", "--json"});
  EXPECT_EQ(code_of(output), 2);
  std::vector<std::string> named;
  const core::Json answer = core::Json::parse(output.out);
  for (const core::Json& one : answer.at("refused")) named.push_back(one.at("file"));
  EXPECT_EQ(named, names);
  for (const auto& entry : fs::recursive_directory_iterator(scratch_ / "store"))
    EXPECT_NE(entry.path().filename(), "pack.json") << "a sealed pack";
}

TEST_F(BadImages, ingest_tells_people_cameras_distractors_and_what_is_left_out) {
  const fs::path odd = scratch_ / "odd";
  succeeded(resolute({"data", "synth", "--out", odd, "--layout", "market1501", "--irregular", "yes", "--identities",
                      "6", "--images-per-camera", "2"}));
  std::vector<std::string> words{"data", "ingest", "market1501", "--root", odd, "--store", scratch_ / "store"};
  const auto text = succeeded(resolute(words));
  EXPECT_THAT(text.out, HasSubstr("\n6 people, 2 images of distractors; images by camera 1: 13, camera 2: 11\n"
                                  "files left out: 2 junk (identity -1); 1 not named as an image\n"));
  EXPECT_THAT(text.out, HasSubstr("1 left out (seen on one side alone, in low or in high resolution); split "));
  EXPECT_THAT(text.out, HasSubstr("\nimages of distractors in no gallery of this split: 2\n"));
  words.emplace_back("--json");
  const core::Json answer = core::Json::parse(succeeded(resolute(words)).out);
  EXPECT_EQ(answer.at("pack").at("identities"), 6);
  EXPECT_EQ(answer.at("left_out").at("junk (identity -1)"), 2);
  EXPECT_EQ(answer.at("split").at("left_out"), 1);
  EXPECT_EQ(answer.at("warnings").size(), 0U);
}

TEST_F(BadImages, empty_folder_is_named) {
  for (const auto& entry : fs::directory_iterator(people_ / "bounding_box_train")) fs::remove(entry.path());
  expect_refusal(ingest(), 2, "bounding_box_train");
}

TEST_F(BadImages, identity_with_one_image_is_named) {
  std::string name = first_training_image().filename();
  std::string identity = name.substr(0, 4);
  for (const auto& entry : fs::directory_iterator(people_ / "bounding_box_train"))
    if (entry.path().filename().string().rfind(identity, 0) == 0 && entry.path().filename() != name)
      fs::remove(entry.path());
  expect_refusal(ingest(), 2, std::to_string(std::stoi(identity)));
}

TEST_F(BadImages, missing_folder_is_named) {
  expect_refusal(
      resolute({"data", "ingest", "market1501", "--root", scratch_ / "absent", "--store", scratch_ / "store"}), 2,
      "absent");
}

TEST_F(BadImages, pack_with_a_flipped_byte_is_refused_by_verify) {
  succeeded(ingest());
  fs::path shard;
  for (const auto& entry : fs::recursive_directory_iterator(scratch_ / "store"))
    if (entry.path().extension() == ".h5") shard = entry.path();
  succeeded(resolute({"data", "verify", shard.parent_path()}));
  std::string bytes = text_of(shard);
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  write(shard, bytes);
  expect_refusal(resolute({"data", "verify", shard.parent_path()}), 2, shard.filename());
}

TEST_F(BadImages, a_split_that_cannot_be_is_refused_before_the_packing) {
  for (const auto& [option, value] : std::vector<std::pair<std::string, std::string>>{{"--train-identities", "-1"},
                                                                                      {"--train-identities", "1"},
                                                                                      {"--test-identities", "-1"},
                                                                                      {"--lr-camera", "-1"}}) {
    const fs::path store = scratch_ / "store";
    expect_refusal(
        resolute({"data", "ingest", "market1501", "--root", people_, "--store", store, option + "=" + value}), 2,
        "option " + option + " has the value " + value);
    EXPECT_FALSE(fs::exists(store));
  }
}

TEST_F(BadImages, other_images_than_a_published_manifest_are_refused_and_not_sealed) {
  succeeded(ingest());
  fs::path pack;
  for (const auto& entry : fs::recursive_directory_iterator(scratch_ / "store"))
    if (entry.path().filename() == "manifest.json") pack = entry.path().parent_path();
  auto with_manifest = [&](const fs::path& store) {
    return resolute(
        {"data", "ingest", "market1501", "--root", people_, "--store", store, "--manifest", pack / "manifest.json"});
  };
  succeeded(with_manifest(scratch_ / "same"));
  fs::path image = first_training_image();
  fs::copy_file(people_ / "query" / fs::directory_iterator(people_ / "query")->path().filename(), image,
                fs::copy_options::overwrite_existing);
  expect_refusal(with_manifest(scratch_ / "other"), 2, image.filename());
  EXPECT_FALSE(fs::exists(scratch_ / "other"));  // said before anything is packed
  // The store that already holds the sealed pack does not take the changed image for the old one either.
  expect_refusal(ingest(), 2, "sealed");
}

TEST_F(BadImages, names_cannot_leave_the_store) {
  expect_refusal(resolute({"data", "ingest", "market1501", "--root", people_, "--store", scratch_ / "store", "--name",
                           "../../evil"}),
                 2, "../../evil");
  expect_no_pack();
}

TEST_F(BadImages, full_disk_while_packing_leaves_nothing_behind) {
  // A file size limit with its signal ignored is what a full disk is to a program: write() fails half-way.
  auto output = run_program({"sh", "-c", "trap '' XFSZ; ulimit -f 64; exec \"$@\"", "sh", kBin / "resolute", "data",
                             "ingest", "market1501", "--root", people_, "--store", scratch_ / "store"});
  expect_refusal(output, 1, "store");
  expect_no_pack();
}

class BadSuite : public testing::Test {
 protected:
  CommandOutput plan_with(const std::string& from, const std::string& to) {
    std::string text = text_of(kTinySuite);
    auto at = text.find(from);
    EXPECT_NE(at, std::string::npos);
    write(scratch_ / "suite.toml", text.replace(at, from.size(), to));
    return resolute({"suite", "plan", scratch_ / "suite.toml", "--store", scratch_ / "store"});
  }
  // The specification of a training of the tiny suite, as spec.json.
  void write_training_specification() {
    auto plan = resolute({"suite", "plan", kTinySuite, "--store", scratch_ / "store", "--json"});
    const auto document = core::parse_json(plan.out, "plan");
    for (const auto& job : document["jobs"])
      if (job["kind"] == "training") {
        write(scratch_ / "spec.json", job["specification"].dump());
        break;
      }
  }
  ScratchFolder scratch_;
};

// What each key refuses, and with which words, is told by tests/experiments; here, that the program says it.
TEST_F(BadSuite, what_cannot_be_planned_is_named_with_file_and_line_and_makes_no_store) {
  struct Change {
    std::string from, to;
    std::vector<std::string> says;
  };
  for (const Change& one : std::vector<Change>{
           {"steps = 30", "stepz = 30", {"suite.toml:13", "did you mean 'train.steps'"}},  // an unknown key
           {"steps = 30", "steps = \"many\"", {"suite.toml:13"}},                          // another type
           {"identities = 4", "identities = 3", {"lane"}},
           {"lanes = 2", "lanes = 2\nranks = 3", {"ranks"}},
           {"rain.levels = [5]",
            "evaluate.distance = \"weighted\"",
            {"key 'evaluate.distance' has the value 'weighted' (method 'rain' compares by one embedding"}},
           {"rain.levels = [5]",  // of a pack, for what one row's method does with it
            "method = \"msifla\"\n  train.lr_images = 1\n  network.last_stride = 2",
            {"suite.toml:10:1: key 'height' has the value 32 ('msifla' cuts the last feature map"}},
           {"\"mAP\", \"resolution_probe\"",
            "\"psnr_gain_2\", \"resolution_probe\"",
            {"key 'metrics' names 'psnr_gain_2' ('evaluate.sample_rates' is [], without 2 for row 'rain'"}}}) {
    SCOPED_TRACE(one.to);
    const CommandOutput output = plan_with(one.from, one.to);
    for (const std::string& words : one.says) expect_refusal(output, 2, words);
    EXPECT_FALSE(fs::exists(scratch_ / "store"));
  }
}

TEST_F(BadSuite, store_without_write_permission_is_refused) {
  expect_refusal(resolute({"suite", "run", kTinySuite, "--store", "/proc/resolute-store"}), 2, "/proc/resolute-store");
}

TEST_F(BadSuite, missing_worker_is_refused_before_any_job) {
  auto environment = program_environment();
  environment["RESOLUTE_WORKER"] = "/nowhere/resolute-worker";
  fs::path store = scratch_ / "store";
  expect_refusal(run_program({kBin / "resolute", "suite", "run", kTinySuite, "--store", store}, environment), 2,
                 "/nowhere/resolute-worker");
  EXPECT_FALSE(fs::exists(store / "jobs"));
}

TEST_F(BadSuite, store_of_another_user_is_refused) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can become another user";
  fs::path store = scratch_ / "store";
  fs::create_directory(store);
  fs::permissions(scratch_.path(), fs::perms::owner_all | fs::perms::group_exec | fs::perms::others_exec);
  fs::path program = scratch_ / "resolute";
  fs::copy_file(kBin / "resolute", program);
  fs::copy_file(kTinySuite, scratch_ / "tiny.toml");
  auto output = run_program({"setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", program, "suite",
                             "run", scratch_ / "tiny.toml", "--store", store, "--from-scratch"});
  expect_refusal(output, 2, store);
}

TEST_F(BadSuite, train_without_a_worker_leaves_nothing) {
  auto environment = program_environment();
  environment["RESOLUTE_WORKER"] = "/nowhere/resolute-worker";
  write_training_specification();
  expect_refusal(
      run_program({kBin / "resolute", "train", scratch_ / "spec.json", "--store", scratch_ / "store"}, environment), 2,
      "/nowhere/resolute-worker");
  EXPECT_FALSE(fs::exists(scratch_ / "store/jobs"));
}

TEST_F(BadSuite, train_refuses_ranks_that_do_not_divide_the_lanes) {
  write_training_specification();
  expect_refusal(resolute({"train", scratch_ / "spec.json", "--store", scratch_ / "store", "--ranks", "3"}), 2,
                 "--ranks 3");
}

TEST(BadUsage, unknown_commands_options_and_missing_arguments_are_refused) {
  expect_refusal(resolute({"fly"}), 2, "'fly'");
  expect_refusal(resolute({"data", "fly"}), 2, "'data fly'");
  expect_refusal(resolute({"rank"}), 2, "FEATURES");
  expect_refusal(resolute({"explain", "3f2a", "b.h5"}), 2, "too many arguments");
  expect_refusal(resolute({"rank", "/nowhere/a.h5"}), 2, "/nowhere/a.h5");
  expect_refusal(resolute({"rank", "a.h5", "--jsn"}), 2, "--jsn");
  expect_refusal(resolute({"data", "synth"}), 2, "--out");
  expect_refusal(resolute({"data", "synth", "--out", "x", "--seed", "-1"}), 2, "'-1'");
  expect_refusal(resolute({"suite", "plan", kTinySuite, "--store", ""}), 2, "--store is empty");
  expect_refusal(resolute({"data", "synth", "--out", "x", "--identities", "many"}), 2, "many");
}

TEST(BadUsage, ranks_of_a_launch_complain_once) {
  auto output = run_program({"mpirun", "-np", "3", kBin / "resolute", "suite", "run", kTinySuite, "--slotz", "1"});
  EXPECT_EQ(code_of(output), 2);
  auto first = output.err.find("--slotz");
  ASSERT_NE(first, std::string::npos) << output.err;
  EXPECT_EQ(output.err.find("--slotz", first + 1), std::string::npos) << output.err;
}

// A shell that was born in a launch of another program has a rank.
TEST(BadUsage, a_rank_that_was_inherited_silences_no_command) {
  for (const char* rank : {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "PALS_RANKID"}) {
    auto environment = program_environment();
    environment[rank] = "3";
    expect_refusal(run_program({kBin / "resolute", "rank", "/nowhere/a.h5"}, environment), 2, "/nowhere/a.h5");
    expect_refusal(run_program({kBin / "resolute", "suite", "plan", kTinySuite, "--stroe", "x"}, environment), 2,
                   "--stroe");
  }
  auto environment = program_environment();
  environment["PMIX_RANK"] = "3";
  expect_refusal(run_program({kBin / "resolute", "suite", "run", kTinySuite, "--slotz", "1"}, environment), 2,
                 "--slotz");
  environment = program_environment();
  environment["OMPI_COMM_WORLD_RANK"] = "1";
  environment["OMPI_COMM_WORLD_SIZE"] = "4";
  const ScratchFolder scratch;
  const auto output =
      run_program({kBin / "resolute", "suite", "run", kTinySuite, "--store", scratch / "store"}, environment);
  EXPECT_EQ(code_of(output), 2);
  EXPECT_NE(output.err.find("unset OMPI_COMM_WORLD_SIZE"), std::string::npos) << output.err;
}

TEST(BadUsage, a_level_of_the_log_that_is_none_is_said) {
  for (const char* level : {"verbose", "off", "WARNING "}) {
    auto environment = program_environment();
    environment["RESOLUTE_LOG"] = level;
    const auto output = run_program({kBin / "resolute", "--version"}, environment);
    EXPECT_EQ(code_of(output), 0);
    EXPECT_NE(output.err.find(std::string("RESOLUTE_LOG is '") + level + "' (debug, info"), std::string::npos)
        << output.err;
  }
  for (const char* level : {"", "error", "debug"}) {
    auto environment = program_environment();
    environment["RESOLUTE_LOG"] = level;
    EXPECT_EQ(run_program({kBin / "resolute", "--version"}, environment).err, "") << level;
  }
}

TEST(BadUsage, results_that_cannot_be_written_are_a_failure) {
  for (const std::string place : {">/dev/full", ">&-", "</dev/null >&-"})
    for (const Words& words : {Words{"suite", "plan", kTinySuite, "--store", "/tmp"}, Words{"--version"}}) {
      const Words shell{"sh", "-c", "exec \"$@\" " + place, "sh", kBin / "resolute"};
      expect_refusal(run_program(joined(shell, words)), 1, "stdout");
    }
}

TEST(BadSurroundings, a_run_without_standard_descriptors_does_all_its_jobs) {
  const ScratchFolder scratch;
  write(scratch / "worker", kQuickWorker);
  fs::permissions(scratch / "worker", fs::perms::owner_all);
  auto environment = program_environment();
  environment["RESOLUTE_WORKER"] = scratch / "worker";
  const auto plan = json_of(resolute({"suite", "plan", kTinySuite, "--store", scratch / "store", "--json"}));
  run_program({"sh", "-c", "exec \"$@\" <&- >&- 2>&-", "sh", kBin / "resolute", "suite", "run", kTinySuite, "--store",
               scratch / "store", "--slots", "2"},
              environment);
  std::size_t results = 0;
  for (const auto& entry : fs::recursive_directory_iterator(scratch / "store"))
    results += entry.path().filename() == "result.json" ? 1 : 0;
  EXPECT_EQ(results, plan["jobs"].size());
}

TEST(BadSurroundings, a_limit_on_the_size_of_files_is_an_error) {
  const ScratchFolder scratch;
  auto output = run_program({"sh", "-c", "ulimit -f 1; exec \"$@\"", "sh", kBin / "resolute", "data", "synth", "--out",
                             scratch / "people", "--identities", "6"});
  expect_refusal(output, 1, "(File too large); raise the limit of a file's size, 512 bytes (`ulimit -f`");
}

TEST(BadSurroundings, a_umask_that_takes_the_owners_rights_is_refused) {
  const ScratchFolder scratch;
  const auto synth = [&](const std::string& mask) {
    return run_program({"sh", "-c", "umask " + mask + "; exec \"$@\"", "sh", kBin / "resolute", "data", "synth",
                        "--out", scratch / mask, "--identities", "6"});
  };
  for (const char* mask : {"0777", "0400", "0277"}) expect_refusal(synth(mask), 2, std::string("umask is ") + mask);
  EXPECT_TRUE(fs::is_empty(scratch.path()));
  EXPECT_EQ(code_of(synth("0077")), 0);
}

TEST(BadSurroundings, a_folder_that_is_gone_is_said_and_a_run_by_whole_paths_goes_on_from_it) {
  const ScratchFolder scratch;
  const auto gone = [&](Words arguments) {
    fs::create_directory(scratch / "gone");
    return run_program(joined(
        {"sh", "-c", "cd \"$0\" && rmdir \"$0\" && exec \"$@\"", scratch / "gone", kBin / "resolute"}, arguments));
  };
  const auto refused = gone({"suite", "plan", kTinySuite, "--store", "store"});
  expect_refusal(refused, 2,
                 "the folder that this was called in is gone (No such file or directory); cd to one that is there");
  // MKL in the worker looks for its own file from the folder that it is in.
  const auto run = gone({"suite", "run", kTinySuite, "--store", scratch / "store", "--only", "main/baseline"});
  EXPECT_EQ(0, code_of(run)) << run.err;
}

TEST(BadUsage, every_command_stands_in_the_overview_and_has_help_with_an_example) {
  std::istringstream overview(succeeded(resolute({"--help"})).out);
  std::string line;
  while (std::getline(overview, line) && !line.starts_with("Usage:")) {
  }
  std::set<std::size_t> columns;  // where the summaries begin
  int commands = 0;
  while (std::getline(overview, line) && line != "Examples:") {
    if (line.empty() || !line.starts_with("  ")) continue;  // a heading
    const auto end = line.find("  ", 2);
    ASSERT_NE(std::string::npos, end) << line;
    columns.insert(line.find_first_not_of(' ', end));
    std::istringstream name(line.substr(2, end - 2));
    std::vector<std::string> words{std::istream_iterator<std::string>(name), {}};
    words.emplace_back("--help");
    const auto help = succeeded(resolute(words));
    EXPECT_THAT(help.out, AllOf(HasSubstr("Usage: resolute"), HasSubstr("Examples:"))) << line;
    ++commands;
  }
  EXPECT_EQ(1U, columns.size());
  EXPECT_GT(commands, 25);
}

}  // namespace
}  // namespace resolute::system_test::bad_input_test
