// One pack by any number of hands: threads, agents, runs that are killed. Readers beside a writer, and readers of a
// pack that nobody can write.

#include <atomic>
#include <map>
#include <set>

#include "core/files/json.h"
#include "core/random/random.h"
#include "tests/support/slice.h"
#include "tests/system/program.h"
#include "tests/system/tiny_suite.h"

namespace resolute::system_test::packs_test {
namespace {

constexpr int kKills = 20, kKillsOfSlice = 2;

// How often a test kills, at moments of which each commit draws others; more often where `met` says that no kill met
// what it shall, but never more than kKills times.
bool kills_suffice(int kills, bool met) {
  return kills >= (tests::slice_commit().empty() || !met ? kKills : kKillsOfSlice);
}

// Raw images in Market-1501's layout, and one pack of them, as a suite and as `data ingest` ask for it.
class PacksTest : public SharedFolder {
 protected:
  static void SetUpTestSuite() {
    SharedFolder::SetUpTestSuite();
    succeeded(resolute({"data", "synth", "--out", raw(), "--identities", "60", "--height", "128", "--width", "64",
                        "--images-per-camera", "3"}));
    write(suite(), suite_text());
  }

  static fs::path raw() { return *scratch_ / "raw"; }
  static fs::path suite() { return *scratch_ / "packs.toml"; }
  static std::string suite_text() {
    return "suite = \"packs\"\ntitle = \"One pack\"\n"
           "[defaults]\nmethod = \"baseline\"\nbackbone = \"resnet-small\"\n"
           "[defaults.train]\nsteps = 1\nidentities = 2\nimages = 2\n"
           "[[dataset]]\nid = \"people\"\nsource = \"market1501\"\nroot = \"" +
           raw().string() +
           "\"\nshards = 9\n"
           "[[table]]\nid = \"one\"\ntitle = \"One row\"\nmetrics = [\"rank1\"]\ndatasets = [\"people\"]\n"
           "[[table.row]]\nid = \"row\"\nlabel = \"Row\"\n";
  }
  static std::vector<std::string> ingest(const fs::path& store, int threads) {
    return joined({kBin / "resolute", "data", "ingest", "market1501", "--root", raw(), "--store", store},
                  {"--name", "people", "--shards", "9", "--threads", std::to_string(threads)});
  }
  // The suite's pack jobs alone.
  static std::vector<std::string> suite_run(const fs::path& store) {
    static const std::string kSeal = [] {
      const core::Json document =
          json_of(resolute({"suite", "plan", suite(), "--store", *scratch_ / "planned", "--json"}));
      for (const auto& job : document.at("jobs"))
        if (job.at("kind") == "seal") return job.at("id").get<std::string>();
      return std::string();
    }();
    return {"mpirun", "-np",    "4",   kBin / "resolute", "suite", "run", suite(), "--store",
            store,    "--only", kSeal, "--slots",         "1"};
  }

  // The pack of an undisturbed run of one thread: name of each file to its bytes.
  static const std::map<std::string, std::string>& expected() {
    static const std::map<std::string, std::string> kFiles = [] {
      ScratchFolder scratch;
      succeeded(run_program(ingest(scratch / "store", 1)));
      return pack_files(scratch / "store");
    }();
    return kFiles;
  }
  static fs::path pack_folder(const fs::path& store) {
    std::set<fs::path> packs;
    for (const auto& entry : fs::directory_iterator(store / "packs")) packs.insert(entry.path());
    EXPECT_EQ(packs.size(), 1U);
    return packs.empty() ? fs::path() : *packs.begin();
  }
  // But for a split manifest, which `data ingest` alone writes, and what a killed writer left under a temporary name.
  static std::map<std::string, std::string> pack_files(const fs::path& store) {
    std::map<std::string, std::string> files;
    for (const auto& entry : fs::directory_iterator(pack_folder(store))) {
      const std::string name = entry.path().filename();
      const bool temporary = name.starts_with(".") && name.ends_with(".tmp");
      if (!temporary && !name.starts_with("split-")) files[name] = text_of(entry.path());
    }
    return files;
  }
  static void expect_the_same_pack(const fs::path& store) {
    const auto files = pack_files(store);
    std::vector<std::string> names, wanted;
    for (const auto& [name, bytes] : files) names.push_back(name);
    for (const auto& [name, bytes] : expected()) wanted.push_back(name);
    ASSERT_EQ(names, wanted);
    for (const auto& [name, bytes] : expected()) EXPECT_TRUE(files.at(name) == bytes) << name;
    succeeded(resolute({"data", "verify", pack_folder(store)}));
  }
};

// A program in a process group of its own.
class Running {
 public:
  explicit Running(std::vector<std::string> arguments) { pid_ = core::spawn_process(program(std::move(arguments))); }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;
  ~Running() {
    if (pid_ > 0) {
      kill();
      wait();
    }
  }
  // \return whether it had not ended yet
  bool alive() const {
    siginfo_t info{};
    ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT);
    return info.si_pid == 0;
  }
  void kill() const { ::kill(-pid_, SIGKILL); }
  std::string wait() { return ended(std::exchange(pid_, -1)); }

 private:
  pid_t pid_ = -1;
};

using Duration = std::chrono::steady_clock::duration;

Duration time_of(const std::function<void()>& work) {
  const auto begun = std::chrono::steady_clock::now();
  work();
  return std::chrono::steady_clock::now() - begun;
}

// A moment of a span, drawn.
Duration moment(Duration span, core::RandomStream& random) {
  return span * static_cast<Duration::rep>(random.below(1000)) / 1000;
}

TEST_F(PacksTest, one_thread_two_threads_and_three_agents_make_the_same_bytes) {
  ASSERT_EQ(expected().size(), 13U);  // nine shards, images.json, manifest.json, pack.json, synthetic.json
  ScratchFolder scratch;
  succeeded(run_program(ingest(scratch / "threads", 2)));
  expect_the_same_pack(scratch / "threads");
  succeeded(run_program(suite_run(scratch / "agents")));
  expect_the_same_pack(scratch / "agents");
  // Each finds the other's folder and has nothing to do there.
  EXPECT_EQ(pack_folder(scratch / "threads").filename(), pack_folder(scratch / "agents").filename());
}

TEST_F(PacksTest, an_ingest_killed_anywhere_goes_on_and_makes_the_same_bytes) {
  expected();
  core::RandomStream random("kill an ingest" + tests::slice_commit(), {1});
  Duration whole{};
  {
    ScratchFolder scratch;
    whole = time_of([&] { run_program(ingest(scratch / "store", 2)); });
  }
  int half_made = 0;
  for (int kills = 0; !kills_suffice(kills, half_made > 0);) {
    ScratchFolder scratch;
    const fs::path store = scratch / "store";
    Running run(ingest(store, 2));
    std::this_thread::sleep_for(moment(whole, random));
    if (!run.alive()) continue;  // drawn too late: another one
    run.kill();
    run.wait();
    ++kills;
    if (fs::exists(store / "packs")) {
      // Sealed is whole.
      const fs::path pack = pack_folder(store);
      if (fs::exists(pack / "pack.json")) {
        expect_the_same_pack(store);
      } else {
        const auto refused = resolute({"data", "verify", pack});
        expect_refusal(refused, 2, "is not sealed");
        for (const auto& entry : fs::directory_iterator(pack)) half_made += entry.path().extension() == ".h5";
      }
    }
    succeeded(run_program(ingest(store, 2)));
    expect_the_same_pack(store);
  }
  EXPECT_GT(half_made, 0);  // some kills met a pack in the making
}

TEST_F(PacksTest, agents_and_workers_killed_anywhere_make_the_same_bytes) {
  expected();
  core::RandomStream random("kill a suite" + tests::slice_commit(), {1});
  Duration whole{};
  {
    ScratchFolder scratch;
    whole = time_of([&] { run_program(suite_run(scratch / "store")); });
  }
  int workers_killed = 0, runs_killed = 0;
  while (!kills_suffice(workers_killed + runs_killed, workers_killed > 0 && runs_killed > 0)) {
    ScratchFolder scratch;
    const fs::path store = scratch / "store";
    const auto kill_a_worker = [&](const Running& run) {
      std::this_thread::sleep_for(moment(whole / 2, random));
      const std::vector<pid_t> workers = processes_with({"resolute-worker", store});
      if (run.alive() && !workers.empty() && ::kill(workers[random.below(workers.size())], SIGKILL) == 0)
        ++workers_killed;
    };
    {
      Running run(suite_run(store));
      for (int i = 0; i < 2; ++i) kill_a_worker(run);
      std::this_thread::sleep_for(moment(whole / 2, random));
      if (run.alive()) {
        // Workers as well: one that stayed would go on packing beside the next run, and nothing would be killed.
        for (const pid_t process : processes_with({store})) ::kill(process, SIGKILL);
        run.wait();
        EXPECT_TRUE(wait_until([&] { return processes_with({store}).empty(); }));
        ++runs_killed;
      }
    }
    Running run(suite_run(store));
    for (int i = 0; i < 2; ++i) kill_a_worker(run);
    EXPECT_EQ(run.wait(), "exit code 0");
    expect_the_same_pack(store);
  }
  EXPECT_GT(workers_killed, 0);
  EXPECT_GT(runs_killed, 0);
}

TEST_F(PacksTest, readers_beside_writers_never_fail_and_read_the_same) {
  ScratchFolder scratch;
  const fs::path store = scratch / "store";
  succeeded(run_program(ingest(store, 2)));
  const fs::path pack = pack_folder(store);
  const auto shown = succeeded(resolute({"data", "show", pack, "--json"}));
  std::atomic<bool> writing{true};
  std::atomic<int> reads{0};
  const auto read = [&](bool verify) {
    for (int n = 0; writing || n < 3; ++n, ++reads) {
      const auto output = verify ? resolute({"data", "verify", pack}) : resolute({"data", "show", pack, "--json"});
      EXPECT_EQ(code_of(output), 0) << output.err;
      if (!verify) {
        EXPECT_EQ(output.out, shown.out);
      }
    }
  };
  std::thread showing(read, false), verifying(read, true);
  auto other = ingest(store, 1);
  other.insert(other.end(), {"--height", "128", "--width", "64"});
  for (int round = 0; round < 2; ++round) {
    for (const auto& arguments : {other, ingest(store, 1)}) {
      succeeded(run_program(arguments));
    }
  }
  writing = false;
  showing.join();
  verifying.join();
  EXPECT_GE(reads, 6);
  std::size_t packs = 0;
  for (const auto& entry : fs::directory_iterator(store / "packs")) {
    succeeded(resolute({"data", "verify", entry.path()}));
    ++packs;
  }
  EXPECT_EQ(packs, 2U);
}

// Runs `script` where `folder` is mounted read-only, in a mount namespace of its own: there not even root can write.
CommandOutput run_read_only(const fs::path& folder, const std::string& script) {
  const std::string mount = "mount --bind \"$0\" \"$0\" && mount -o remount,bind,ro \"$0\" || exit 77\n";
  std::vector<std::string> arguments = {"unshare", "--mount"};
  if (::geteuid() != 0) arguments.push_back("--map-root-user");
  arguments.insert(arguments.end(), {"sh", "-c", mount + script, folder});
  return run_program(std::move(arguments));
}

std::set<std::string> names_below(const fs::path& folder) {
  std::set<std::string> names;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) names.insert(entry.path().string());
  return names;
}

TEST(ReadOnlyPack, is_verified_shown_and_trained_from) {
  ScratchFolder scratch;
  const auto permitted = run_read_only(scratch.path(), "! touch \"$0/x\" 2>/dev/null");
  if (code_of(permitted) != 0)
    GTEST_SKIP() << "this machine lets nobody mount a folder read-only in a namespace: " << permitted.err;

  // A store whose packs are sealed and nothing more; another one that has them by a link.
  const fs::path sealed = scratch / "sealed", store = scratch / "store";
  const auto packed = resolute({"suite", "run", kTinySuite, "--store", sealed, "--max-jobs", "3"});
  ASSERT_EQ(code_of(packed), 3) << packed.err;
  fs::create_directories(store);
  fs::copy(sealed / "jobs", store / "jobs", fs::copy_options::recursive);
  fs::create_directory_symlink(sealed / "packs", store / "packs");
  const auto before = names_below(sealed / "packs");
  const std::string resolute_program = "'" + (kBin / "resolute").string() + "' ";
  succeeded(run_read_only(
      sealed / "packs",
      "set -e\n"
      "for pack in \"$0\"/*; do\n"
      "  if touch \"$pack/x\" 2>/dev/null; then exit 78; fi\n  " +
          resolute_program + "data verify \"$pack\"\n  " + resolute_program + "data show \"$pack\" --json\n  " +
          resolute_program + "data show \"$pack\" --sample 4 --html '" + (scratch / "sample.html").string() +
          "'\n"
          "done\n" +
          resolute_program + "suite run '" + kTinySuite.string() + "' --store '" + store.string() + "' --slots 2\n"));
  EXPECT_EQ(names_below(sealed / "packs"), before);
  EXPECT_TRUE(fs::exists(scratch / "sample.html"));
  EXPECT_EQ(tables_of(store), undisturbed_tables());
}

}  // namespace
}  // namespace resolute::system_test::packs_test
