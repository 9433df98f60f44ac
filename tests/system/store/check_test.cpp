// `resolute store check` and `resolute store compact`.

#include <cerrno>
#include <csignal>
#include <cstring>
#include <fstream>
#include <set>

#include "core/hash/sha256.h"
#include "tests/system/tiny_suite.h"

namespace resolute::system_test::check_test {
namespace {

// A store with every kind of file that has a hash.
class Check : public SharedFolder {
 protected:
  static void SetUpTestSuite() {
    SharedFolder::SetUpTestSuite();
    const Words small{"suite", "run", kTinySuite, "--store", store(), "--slots", "2", "--set", "trials=1", "--set"};
    succeeded(resolute(joined(small, {"train.steps=4"})));
    succeeded(resolute({"store", "compact", store()}));
    {
      // Killed once it has a checkpoint; it has begun another epoch.
      const Background run(joined(small, {"train.steps=100000", "--checkpoint-every", "1"}), *scratch_ / "log");
      EXPECT_TRUE(wait_until([] { return !found("step-", ".safetensors").empty(); }));
    }
    write(store() / "weights" / (core::sha256_hex("trunk") + ".safetensors"), "trunk");
  }
  // The first file whose name begins and ends so.
  static fs::path found(const std::string& start, const std::string& end) {
    std::error_code gone;
    for (fs::recursive_directory_iterator at(store(), gone), last; !gone && at != last; at.increment(gone)) {
      const std::string name = at->path().filename();
      if (name.starts_with(start) && name.ends_with(end)) return at->path();
    }
    return {};
  }
  static void flip(const fs::path& path) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    // The middle of a ZIP archive may be the time of an entry, which nobody reads: near its start is the list.
    const bool archive = path.filename() == "tiny-000001";
    const auto place = static_cast<std::streamoff>(archive ? 100 : fs::file_size(path) / 2);
    char byte = 0;
    file.seekg(place).get(byte);
    file.seekp(place).put(static_cast<char>(byte ^ 1));
  }
};

// Other programs leave files beside ours; a disk may not give out a folder.
TEST_F(Check, passes_over_foreign_files_and_names_folders_that_cannot_be_listed) {
  const std::vector<fs::path> foreign{store() / "jobs/.DS_Store",
                                      store() / "suites/notes.txt",
                                      store() / "packs/x",
                                      store() / "packs/mine/pack.json",
                                      store() / "weights/resnet50.safetensors",
                                      store() / "weights/0123abc.safetensors"};
  for (const fs::path& path : foreign) write(path, "");
  EXPECT_THAT(succeeded(resolute({"store", "check", store()})).out, HasSubstr(": intact, "));
  for (const Words& words : {Words{"suite", "list"}, Words{"logs", "training b 0"}, Words{"explain", "0123"}})
    EXPECT_THAT(resolute(joined(words, {"--store", store()})).err, Not(HasSubstr("cannot list"))) << words[0];
  const fs::path damaged = found("spec", ".json");
  flip(damaged);
  const fs::path loop = store() / "jobs/ab";
  const bool was = fs::exists(loop);
  if (!was) fs::create_symlink("ab", loop);
  const auto output = resolute({"store", "check", store()});
  EXPECT_EQ(code_of(output), 2);
  EXPECT_THAT(output.out, HasSubstr(damaged.lexically_relative(store()).string() + ": "));
  if (!was) fs::remove(loop);
  flip(damaged);
  for (const fs::path& path : foreign) fs::remove(path);
}

// A server that is away for a moment, or another user's file: what cannot be read may be whole.
TEST_F(Check, advises_to_remove_nothing_that_cannot_be_read) {
  auto environment = program_environment();
  environment["LD_PRELOAD"] = kBin / "store_shim.so";
  environment["RESOLUTE_SHIM_FOLDER"] = store();
  environment["RESOLUTE_SHIM_CONTROL"] = *scratch_ / "control";
  for (const std::string where : {"open result.json", "open plan-", "open features.h5", "stat packs/", "stat suites/"})
    for (const int error : {EIO, ESTALE, EACCES}) {
      write(*scratch_ / "control", fmt::format("{} {} 0\n", where, error));
      const auto output = run_program({kBin / "resolute", "store", "check", store()}, environment);
      EXPECT_EQ(code_of(output), 2) << where << error;
      EXPECT_THAT(output.out, AllOf(HasSubstr(std::strerror(error)), HasSubstr("; see to it that it can be read")));
      EXPECT_THAT(output.out, Not(HasSubstr("remove"))) << where << error;
    }
  fs::remove(*scratch_ / "control");
}

TEST_F(Check, finds_a_flipped_bit_in_each_kind_of_file_and_names_all_at_once) {
  EXPECT_THAT(succeeded(resolute({"store", "check", store()})).out, HasSubstr(": intact, "));
  const std::vector<fs::path> kinds{found("shard-00000", ".h5"),
                                    found("manifest", ".json"),
                                    found("pack", ".json"),
                                    found("spec", ".json"),
                                    found("weights-", ".safetensors"),
                                    found("features", ".h5"),
                                    found("queries", ".csv"),
                                    found("step-", ".safetensors"),
                                    found("plan-", ".json"),
                                    found("journal-000001", ""),
                                    found("snapshot-000001", ""),
                                    found("tiny-000001", ""),
                                    found(core::sha256_hex("trunk"), "")};
  for (const fs::path& path : kinds) {
    ASSERT_NE(path, fs::path());
    flip(path);
    const auto output = resolute({"store", "check", store()});
    EXPECT_EQ(code_of(output), 2) << path;
    EXPECT_THAT(output.out, HasSubstr(path.lexically_relative(store()).string() + ": ")) << path;
    EXPECT_THAT(output.out, HasSubstr("; ")) << path;
    flip(path);
  }
  for (const fs::path& path : kinds) flip(path);
  const auto output = resolute({"store", "check", "--store", store(), "--json"});
  EXPECT_EQ(code_of(output), 2);
  std::set<std::string> named;
  const core::Json report = core::parse_json(output.out, "report");
  for (const core::Json& damage : report["damaged"]) named.insert(damage["path"]);
  for (const fs::path& path : kinds) {
    EXPECT_TRUE(named.contains(path.lexically_relative(store()).string())) << path;
    flip(path);
  }
  const fs::path lost = found("weights-", ".safetensors");
  fs::rename(lost, *scratch_ / "aside");
  EXPECT_THAT(resolute({"store", "check", store()}).out, HasSubstr("it is missing (result.json names it)"));
  fs::rename(*scratch_ / "aside", lost);
  succeeded(resolute({"store", "check", store()}));
}

TEST_F(Check, compact_undone_puts_every_suites_files_back) {
  const core::Json undone = json_of(resolute({"store", "compact", store(), "--undo", "--json"}));
  EXPECT_EQ(undone["bundles"], core::Json::array({"tiny-000001"}));
  EXPECT_GT(undone["files"], 0);
  EXPECT_FALSE(fs::exists(store() / "bundles/tiny-000001"));
  const core::Json packed = json_of(resolute({"store", "compact", store(), "--json"}));
  EXPECT_EQ(packed["files"], undone["files"]);
}

}  // namespace
}  // namespace resolute::system_test::check_test
