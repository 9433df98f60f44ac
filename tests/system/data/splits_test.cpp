// Splits and exports as a user makes them: published, replayed, handed to other programs, ingested again.

#include <gmock/gmock.h>

#include <algorithm>
#include <functional>
#include <map>
#include <set>

#include "core/files/json.h"
#include "core/hash/sha256.h"
#include "tests/support/folders.h"
#include "tests/system/program.h"

namespace resolute::system_test::splits_test {
namespace {

// The only folder in STORE/packs.
fs::path pack_in(const fs::path& store) {
  const fs::directory_iterator packs(store / "packs");
  return packs->path();
}

class SplitsTest : public SharedFolder {
 protected:
  static void SetUpTestSuite() {
    SharedFolder::SetUpTestSuite();
    succeeded(resolute({"data", "synth", "--out", people(), "--identities", "12", "--cameras", "2",
                        "--images-per-camera", "2", "--height", "32", "--width", "16"}));
    succeeded(ingest(people(), "store"));
    pack_ = pack_in(*scratch_ / "store");
    succeeded(resolute({"data", "split", pack_, "--seeds", "0-2", "--lr-side", "identity", "--out", splits()}));
  }

  static CommandOutput ingest(const fs::path& root, const std::string& store, std::vector<std::string> more = {}) {
    return resolute(joined(
        {"data", "ingest", "synthetic", "--root", root, "--store", *scratch_ / store, "--height", "16", "--width", "8"},
        more));
  }
  static fs::path people() { return *scratch_ / "people"; }
  static fs::path splits() { return *scratch_ / "splits"; }

  static inline fs::path pack_;
};

TEST_F(SplitsTest, of_every_seed_are_written_and_replayed) {
  for (const int seed : {0, 1, 2}) {
    const fs::path file = splits() / fmt::format("split-{}.json", seed);
    EXPECT_EQ(json_of(file).at("gallery_draws").size(), 100U);
    const core::Json output = json_of(resolute({"data", "split", pack_, "--check", file, "--json"}));
    EXPECT_EQ(output.at("sha256"), json_of(file).at("sha256"));
  }
  EXPECT_FALSE(fs::exists(splits() / "split-3.json"));
}

TEST_F(SplitsTest, say_what_they_hold_as_json) {
  ScratchFolder scratch;
  const core::Json described = json_of(resolute({"data", "split", pack_, "--test-identities", "4", "--query-rates", "4",
                                                 "--draws", "0", "--seed", "9", "--out", scratch.path(), "--json"}))
                                   .at(0);
  EXPECT_EQ(described.at("seed"), 9);
  EXPECT_EQ(described.at("train_identities"), 8);
  EXPECT_EQ(described.at("train"), 32);
  EXPECT_EQ(described.at("query"), 8);
  EXPECT_EQ(described.at("gallery"), 8);
  EXPECT_EQ(described.at("file"), (scratch / "split-9.json").string());
  const core::Json written = json_of(scratch / "split-9.json");
  for (const core::Json& item : written.at("split").at("query")) EXPECT_EQ(item.at("rate"), 4);
}

TEST_F(SplitsTest, take_those_who_are_tested_from_a_list_of_identities_and_images) {
  ScratchFolder scratch;
  const core::Json rows = json_of(pack_ / "manifest.json").at("rows");
  const core::Json& image = rows.at(0);
  const auto identity = image.at("identity").get<int>();
  const int other = identity == 3 ? 4 : 3;
  write(scratch / "list.txt",
        fmt::format("# published\n{}\nhome/of/somebody/{}\n", other, image.at("path").get<std::string>()));
  const auto described =
      succeeded(resolute({"data", "split", pack_, "--tested-file", scratch / "list.txt", "--out", scratch / "splits"}));
  EXPECT_THAT(described.out, StartsWith(fmt::format("split.tested = [{}, {}]\n", std::min(identity, other),
                                                    std::max(identity, other))));
  const core::Json split = json_of(scratch / "splits/split-0.json").at("split");
  std::set<int> tested;
  for (const core::Json& item : split.at("query")) tested.insert(item.at("identity").get<int>());
  EXPECT_EQ(tested, std::set<int>({identity, other}));
  succeeded(resolute({"data", "split", pack_, "--check", scratch / "splits/split-0.json"}));
  write(scratch / "list.txt", "nobody.jpg\n");
  expect_refusal(resolute({"data", "split", pack_, "--tested-file", scratch / "list.txt", "--out", scratch / "none"}),
                 2, "line 1: 'nobody.jpg' is no identity (each line is an image of the pack or a number");
}

TEST_F(SplitsTest, of_other_draws_or_another_pack_are_refused_with_the_difference) {
  ScratchFolder scratch;
  core::Json changed = json_of(splits() / "split-0.json");
  std::swap(changed["gallery_draws"][7][0], changed["gallery_draws"][7][1]);
  write(scratch / "draws.json", changed.dump());
  expect_refusal(resolute({"data", "split", pack_, "--check", scratch / "draws.json"}), 2, "gallery_draws[7][0] is '");
  changed = json_of(splits() / "split-0.json");
  core::Json& rate = changed["split"]["query"][0]["rate"];
  rate = rate == 2 ? 3 : 2;
  write(scratch / "hash.json", changed.dump());
  expect_refusal(resolute({"data", "split", pack_, "--check", scratch / "hash.json"}), 2, "the split has SHA-256");
  succeeded(resolute({"data", "synth", "--out", scratch / "people", "--identities", "12", "--cameras", "2",
                      "--images-per-camera", "2", "--height", "32", "--width", "16", "--seed", "1"}));
  succeeded(ingest(scratch / "people", "other"));
  expect_refusal(resolute({"data", "split", pack_in(*scratch_ / "other"), "--check", splits() / "split-0.json"}), 2,
                 "it is of another pack");
}

// With its own hash, and an image of the pack in each of its lists: only a replay tells.
TEST_F(SplitsTest, that_the_pack_does_not_give_are_not_exported) {
  ScratchFolder scratch;
  const auto refused = [&](const std::function<void(core::Json&)>& change, const std::string& part) {
    core::Json changed = json_of(splits() / "split-0.json");
    change(changed);
    changed["sha256"] = core::sha256_hex(core::canonical_json(changed["split"]));
    write(scratch / "split.json", changed.dump());
    expect_refusal(resolute({"data", "export", pack_, "--split", scratch / "split.json", "--format", "torchreid",
                             "--out", scratch / "out"}),
                   2, part);
    EXPECT_FALSE(fs::exists(scratch / "out"));
  };
  refused(
      [](core::Json& file) {
        core::Json& rate = file["split"]["query"][0]["rate"];
        rate = rate == 2 ? 3 : 2;
      },
      "query[0], row");
  refused([](core::Json& file) { file["split"]["query"].erase(0); }, "query[0] is row");
  refused([](core::Json& file) { std::swap(file["gallery_draws"][7][0], file["gallery_draws"][7][1]); },
          "does not come out of pack 'synthetic' (gallery_draws[7][0] is '");
}

TEST_F(SplitsTest, that_are_there_are_replaced_by_the_same_alone_and_written_all_or_none) {
  ScratchFolder scratch;
  const std::vector<std::string> split{"data",      "split",    pack_,   "--draws",      "2",
                                       "--lr-side", "identity", "--out", scratch / "out"};
  const auto with = [&](const Words& more) { return resolute(joined(split, more)); };
  succeeded(with({"--seed", "2"}));
  const std::string before = text_of(scratch / "out" / "split-2.json");
  succeeded(with({"--seed", "2"}));
  expect_refusal(with({"--seeds", "0-3", "--test-identities", "4"}), 2,
                 "split-2.json' is there and holds something else");
  EXPECT_EQ(text_of(scratch / "out" / "split-2.json"), before);
  EXPECT_FALSE(fs::exists(scratch / "out" / "split-0.json"));
  succeeded(with({"--seeds", "0-3"}));
  EXPECT_EQ(text_of(scratch / "out" / "split-2.json"), before);
  EXPECT_TRUE(fs::exists(scratch / "out" / "split-3.json"));
}

TEST_F(SplitsTest, that_an_ingest_made_is_not_replaced_by_another_of_a_later_ingest) {
  ScratchFolder scratch;
  succeeded(resolute({"data", "synth", "--out", scratch / "people", "--identities", "8", "--cameras", "2",
                      "--images-per-camera", "2", "--height", "32", "--width", "16"}));
  const auto with = [&](const std::string& camera) {
    return resolute({"data", "ingest", "synthetic", "--root", scratch / "people", "--store", scratch / "store",
                     "--height", "32", "--width", "16", "--lr-camera", camera});
  };
  succeeded(with("2"));
  const fs::path split = fs::path(pack_in(scratch / "store")) / "split-0.json";
  const std::string before = text_of(split);
  succeeded(with("2"));
  expect_refusal(with("1"), 2, "split-0.json' is there and holds something else");
  EXPECT_EQ(text_of(split), before);
}

TEST_F(SplitsTest, bad_options_are_refused) {
  ScratchFolder scratch;
  const auto refused = [&](const Words& more, const std::string& part) {
    expect_refusal(resolute(joined({"data", "split", pack_}, more)), 2, part);
  };
  refused({}, "--out is missing");
  const std::string out = scratch / "out";
  refused({"--out", out, "--seeds", "4-2"}, "'4-2'");
  refused({"--out", out, "--seeds", "3"}, "'3'");
  refused({"--out", out, "--seeds", "0-10000"}, "'0-10000'");
  refused({"--out", out, "--seeds", "0-1", "--seed", "1"}, "exclude each other");
  refused({"--out", out, "--lr-side", "up"},
          "option --lr-side has the value 'up' (it must be one of camera, drawn, pair, identity, query)");
  refused({"--out", out, "--lr-side", "pair", "--lr-camera", "1"},
          "option --lr-camera has the value 1 (with 'lr_side' \"pair\" nothing looks at it)");
  refused({"--out", out, "--partition", "published"}, "its source publishes none");
  refused({"--out", out, "--test-identities", "11"}, "test_identities is 11 (12 identities");
  refused({"--out", out, "--query-rates", "8"}, "needs 8");
  refused({"--out", out, "--draws", "-1"}, "--draws has the value -1");
  refused({"--check", splits() / "split-0.json", "--seed", "1"}, "--check and --seed exclude");
  EXPECT_FALSE(fs::exists(out));
}

TEST_F(SplitsTest, that_cannot_be_are_refused_before_anything_is_packed) {
  for (const std::vector<std::string>& wrong : {std::vector<std::string>{"--lr-camera", "3"},
                                                {"--partition", "published"},
                                                {"--test-identities", "12"},
                                                {"--view-from", "above"},
                                                {"--lr-side", "left"}}) {
    expect_refusal(ingest(people(), "none", wrong), 2, wrong.back());
    EXPECT_FALSE(fs::exists(*scratch_ / "none"));
  }
}

TEST_F(SplitsTest, bad_rates_are_named_by_the_option_that_gave_them) {
  for (const std::string rates : {"0", "17", "2,2", "3,2", "-1"}) {
    expect_refusal(ingest(people(), "none", {"--rates=" + rates}), 2, "option --rates has the value [");
    EXPECT_FALSE(fs::exists(*scratch_ / "none"));
  }
}

TEST_F(SplitsTest, a_manifest_that_leads_elsewhere_is_refused_with_its_row) {
  ScratchFolder scratch;
  core::Json manifest = json_of(pack_ / "manifest.json");
  manifest["rows"][3]["path"] = "../../../etc/passwd";
  write(scratch / "manifest.json", manifest.dump());
  expect_refusal(ingest(people(), "none", {"--manifest", scratch / "manifest.json"}), 2,
                 "rows[3]: path '../../../etc/passwd'");
  manifest = json_of(pack_ / "manifest.json");
  manifest["rows"].erase(5);
  write(scratch / "manifest.json", manifest.dump());
  expect_refusal(ingest(people(), "none", {"--manifest", scratch / "manifest.json"}), 2, "row 5 is '");
  EXPECT_FALSE(fs::exists(*scratch_ / "none"));
}

// The lines that docs/inside/formats/lists.md tells users to write, run beside stand-ins of the two libraries.
TEST_F(SplitsTest, are_read_by_the_lines_of_the_documentation) {
  ScratchFolder scratch;
  for (const std::string format : {"torchreid", "fastreid"}) {
    succeeded(resolute({"data", "export", pack_, "--split", splits() / "split-1.json", "--format", format, "--out",
                        scratch / format}));
  }
  const auto output =
      succeeded(run_program({"/usr/bin/python3", tests::source_folder() / "tests/system/data/read_lists.py",
                             tests::source_folder() / "docs/inside/formats/lists.md", scratch.path()}));
  EXPECT_THAT(output.out, HasSubstr("torchreid: 24 train, 12 query, 12 gallery"));
  EXPECT_THAT(output.out, HasSubstr("fastreid: 24 train, 12 query, 12 gallery"));
}

TEST_F(SplitsTest, exported_as_csv_are_ingested_again) {
  ScratchFolder scratch;
  succeeded(resolute(
      {"data", "export", pack_, "--split", splits() / "split-2.json", "--format", "csv", "--out", scratch / "csv"}));
  succeeded(resolute({"data", "ingest", "csv", "--root", scratch / "csv", "--store", scratch / "store", "--height",
                      "16", "--width", "8", "--partition", "official"}));
  const core::Json before = json_of(splits() / "split-2.json").at("split");
  const core::Json after = json_of(pack_in(scratch / "store") / "split-0.json").at("split");
  for (const char* list : {"train", "query", "gallery"}) {
    // By identity, camera and rate, how many.
    std::map<std::string, int> count;
    for (const core::Json& item : before.at(list))
      ++count[fmt::format("{} {} {}", item.at("identity").dump(), item.at("camera").dump(), item.value("rate", 1))];
    for (const core::Json& item : after.at(list))
      --count[fmt::format("{} {} {}", item.at("identity").dump(), item.at("camera").dump(), item.value("rate", 1))];
    for (const auto& [what, difference] : count) EXPECT_EQ(difference, 0) << list << " " << what;
  }
  expect_refusal(resolute({"data", "export", pack_, "--split", splits() / "split-2.json", "--format", "csv", "--out",
                           scratch / "csv"}),
                 2, "holds something");
  expect_refusal(resolute({"data", "export", pack_in(scratch / "store"), "--split", splits() / "split-2.json",
                           "--format", "csv", "--out", scratch / "more"}),
                 2, "does not come out of pack 'csv' (it is of pack 'synthetic'");
}

}  // namespace
}  // namespace resolute::system_test::splits_test
