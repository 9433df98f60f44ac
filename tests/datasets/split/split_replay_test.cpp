// Split manifests as files of others: schema 3, what is refused, and what a replay says of one that differs.

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/datasets/pack/raw_images.h"
#include "tests/datasets/split/split_rows.h"

namespace resolute::datasets::split_replay_test {
namespace {

using namespace tests;

void expect_refused(const core::Json& json, const std::vector<std::string>& parts) {
  expect_error(core::ErrorKind::kInput, parts, [&] { split_from_json(json, "split"); });
}

TEST(SplitJson, what_schemas_1_and_2_cannot_say_has_schema_3) {
  auto rows = regular_rows(10);
  SplitSettings options;
  EXPECT_FALSE(to_json(split_of(rows, options)).at("options").contains("lr_side"));
  EXPECT_FALSE(to_json(split_of(rows, options)).at("train").at(0).contains("came_low"));
  options.lr_side = LrSide::kPair;
  EXPECT_EQ(3, to_json(split_of(rows, options)).at("schema"));
  options = {};
  options.test_identities = 4;
  EXPECT_EQ(3, to_json(split_of(rows, options)).at("schema"));
  for (PackRow& row : rows) row.sample.test_sets = static_cast<std::uint64_t>(row.sample.identity % 2);
  options = {};
  EXPECT_EQ(1, to_json(split_of(rows, options)).at("schema"));  // that it has test sets is not told
  options.partition = Partition::kPublished;
  EXPECT_EQ(3, to_json(split_of(rows, options)).at("schema"));
  const core::Json low = to_json(split_of(genuine_rows(10, 3), {}));
  EXPECT_EQ(3, low.at("schema"));
  EXPECT_EQ(true, low.at("query").at(0).at("came_low"));
}

// The items are those of mlr: a file says in its options alone that originals may be aimed at.
TEST(SplitJson, a_pool_with_originals_has_schema_5_and_the_items_of_mlr) {
  const auto rows = regular_rows(10);
  const Split mlr = split_of(rows, {}), with = split_of(rows, {.train_pool = TrainPool::kMlrWithOriginals});
  EXPECT_EQ(mlr.train, with.train);
  EXPECT_EQ(mlr.query, with.query);
  EXPECT_EQ(mlr.gallery, with.gallery);
  core::Json json = to_json(with);
  EXPECT_EQ(5, json.at("schema"));
  EXPECT_EQ(with, split_from_json(json, "split"));
  for (const TrainItem& item : with.train) EXPECT_TRUE(has_original(with, item));
  EXPECT_FALSE(std::ranges::all_of(mlr.train, [&](const auto& item) { return has_original(mlr, item); }));
  json["schema"] = 4;
  expect_refused(json, {"such a split has schema 5"});
}

// Golden values, as those of split_test.cpp.
TEST(SplitJson, the_hash_of_schema_3_is_stable) {
  auto rows = regular_rows(10);
  const auto expect_hash = [&](const std::string& hash, const SplitSettings& options) {
    EXPECT_EQ(hash, split_sha256(split_of(rows, options))) << to_json(split_of(rows, options)).at("options");
  };
  SplitSettings options{.lr_side = LrSide::kDrawn};
  expect_hash("b2881a63b3b138f60cbd38a455d00e7d3d270495ca165614b97a21ee577a9819", options);
  options.lr_side = LrSide::kPair;
  expect_hash("f69642769e5e362bd873807efa7233868b0ce23bd89472ee395d1e9cb83fa533", options);
  options.lr_side = LrSide::kIdentity;
  expect_hash("0855c99b148cbf8d8d024de3a024b38e866e7e73d4e6c6cd093f86917bcb9afb", options);
  options = {};
  options.test_identities = 3;
  expect_hash("4efe128c1b0b00ed2575e480cefa20571ed0e86ec757016803b0131264480507", options);
  for (PackRow& row : rows) row.sample.test_sets = static_cast<std::uint64_t>(row.sample.identity % 4);
  options = {};
  options.partition = Partition::kPublished;
  options.seed = 1;
  expect_hash("72426c7921bb089d6913cd685d91ea747df661d74f43bfcb37438352f8e5ee93", options);
  rows = genuine_rows(10, 3);
  expect_hash("a5f84a70a0e98b89b949f6357256af42a1b400cd7903e16a38de8171c867ba70", {});
}

TEST(SplitJson, a_schema_higher_than_needed_is_refused) {
  core::Json json = to_json(split_of(regular_rows(10), {}));
  json["schema"] = 3;
  json["options"]["lr_side"] = "camera";
  json["options"]["test_identities"] = 0;
  json["options"]["train_identities"] = 0;
  for (const char* list : {"train", "query"})
    for (core::Json& item : json[list]) item["came_low"] = false;
  expect_refused(json, {"split: schema 3", "such a split has schema 1"});
}

TEST(SplitJson, paths_that_lead_elsewhere_are_refused_with_their_item) {
  for (const std::string path : {"", "/etc/passwd", "../a.jpg", "a/../../b.jpg", "a//b.jpg", "./a.jpg", "a/",
                                 "a\\b.jpg", "a\nb.jpg", "a\tb.jpg"}) {
    core::Json json = to_json(split_of(regular_rows(10), {}));
    json["gallery"][2]["path"] = path;
    expect_refused(json, {"split: gallery[2]: path '"});
  }
}

TEST(SplitJson, items_contradict_nothing) {
  const core::Json good = to_json(split_of(genuine_rows(10, 3), {}));
  const auto refused = [&](auto change, const std::string& part) {
    core::Json json = good;
    change(json);
    expect_refused(json, {part});
  };
  refused([](core::Json& j) { j["query"][1]["row"] = j["query"][0]["row"]; }, "rows ascend");
  refused([](core::Json& j) { j["query"][1]["rate"] = 17; }, "query[1]: rate 17");
  refused([](core::Json& j) { j["train"][2]["rate"] = 0; }, "train[2]: rate 0");
  refused([](core::Json& j) { j["train"][0]["came_low"] = true; }, "has_hr true at rate 1");
  refused([](core::Json& j) { j["train"][0]["has_hr"] = false; }, "has_hr false at rate 1");
  refused([](core::Json& j) { j["train"][0]["label"] = 5; }, "train[0]: label 5");
  refused([](core::Json& j) { j["train"][0]["row"] = -1; }, "row");
  refused([](core::Json& j) { j["options"]["lr_side"] = "up"; }, "split: options: key 'lr_side' has the value 'up'");
  refused([](core::Json& j) { j["options"]["partition"] = "a\nb"; }, "key 'partition' has the value 'a\\nb'");
  refused([](core::Json& j) { j["options"]["more"] = 1; }, "more");
}

// For a trial whose options say which camera is the LR one. Whoever writes such a file writes its hash too.
TEST(SplitJson, lists_contradict_neither_one_another_nor_the_options) {
  SplitSettings options{.partition = Partition::kOfficial};
  auto rows = regular_rows(10);
  rows.push_back(rows.front());
  rows.back().sample = {"nobody.jpg", 0, 1, "gallery"};
  const core::Json good = to_json(split_of(rows, options));
  EXPECT_EQ(split_of(rows, options), split_from_json(good, "split"));
  const auto refused = [&](auto change, const std::vector<std::string>& parts) {
    core::Json json = good;
    change(json);
    expect_refused(json, parts);
  };
  const auto trains = [](core::Json& j) { return j["train"][0]["identity"]; };
  refused([&](core::Json& j) { j["query"][0]["identity"] = trains(j); },
          {"query[0]: identity 1 trains", "either trains or is tested"});
  refused([&](core::Json& j) { j["gallery"][0]["identity"] = trains(j); }, {"gallery[0]: identity 1 trains"});
  refused([](core::Json& j) { j["query"][0]["identity"] = 77; }, {"query[0]: identity 77", "no gallery image"});
  refused([](core::Json& j) { j["query"][0]["identity"] = 0; }, {"query[0]: identity 0"});
  refused([](core::Json& j) { j["query"][0]["row"] = j["gallery"][0]["row"]; }, {"gallery[0]: row 4 stands twice"});
  refused([](core::Json& j) { j["gallery"][0]["path"] = j["train"][0]["path"]; },
          {"gallery[0]: path '0001_c1_0.jpg' stands twice"});
  refused([](core::Json& j) { std::swap(j["train"][0]["label"], j["train"][4]["label"]); },
          {"train[0]: label 1", "identity 1 is training identity number 0"});
  refused([](core::Json& j) { j["train"][0]["label"] = -1; }, {"train[0]: label -1"});
  for (const int number : {-1, 1, 4, 6})
    refused([&](core::Json& j) { j["train_identities"] = number; }, {fmt::format("train_identities is {}", number)});
  refused([](core::Json& j) { j["left_out"] = -1; }, {"left_out is -1"});
  refused([](core::Json& j) { j["query"] = core::Json::array(); }, {"it has no query"});
  refused([](core::Json& j) { j["query"][0]["camera"] = 1; }, {"query[0]: camera 1", "lr_camera, 2"});
  refused([](core::Json& j) { j["gallery"][0]["camera"] = 2; }, {"gallery[0]: camera 2"});
  refused([](core::Json& j) { j["gallery"][0]["camera"] = 0; }, {"gallery[0]: camera 0", "count from 1"});
  refused([](core::Json& j) { j["query"][0]["rate"] = 5; }, {"query[0]: rate 5", "query_rates are 2, 3, 4"});
  refused([](core::Json& j) { j["train"][2]["rate"] = 5; }, {"train[2]: rate 5"});
  refused([](core::Json& j) { j["train"][2]["camera"] = 1; }, {"train[2]: has_hr false from camera 1"});
  refused([](core::Json& j) { j["train"][0]["camera"] = 2; }, {"train[0]: rate 1", "query_rates are 2, 3, 4"});
  refused([](core::Json& j) { j["options"]["train_pool"] = "hr-both-views"; }, {"train[2]: has_hr false"});
  refused([](core::Json& j) { j["options"]["partition"] = "random-halves"; }, {"gallery[10]: identity 0"});
  options.train_pool = TrainPool::kHrViewOnly;
  core::Json json = to_json(split_of(rows, options));
  json["train"][0]["camera"] = 2;
  expect_refused(json, {"train[0]: camera 2", "hr-view-only leaves out"});
  options = {};
  options.test_identities = 3;
  json = to_json(split_of(regular_rows(10), options));
  json["options"]["test_identities"] = 4;
  expect_refused(json, {"its gallery shows 3 identities", "4 tested"});
  options = {};
  options.lr_camera = 0;
  json = to_json(split_of(regular_rows(10), options));
  json["gallery"].push_back(json["gallery"].back());
  json["gallery"].back()["row"] = 1000;
  json["gallery"].back()["path"] = "more.jpg";
  expect_refused(json, {"gallery[5]: identity", "again"});
}

TEST(SplitJson, images_came_in_low_resolution_all_or_none) {
  core::Json json = to_json(split_of(genuine_rows(10, 3), {}));
  json["query"][1]["came_low"] = false;
  expect_refused(json, {"query[1]: came_low false", "all queries"});
  json = to_json(split_of(genuine_rows(10, 3), {}));
  json["train"][2]["came_low"] = false;
  expect_refused(json, {"train[2]: came_low false"});
  SplitSettings options{.lr_side = LrSide::kPair};
  json = to_json(split_of(regular_rows(10), options));
  for (core::Json& item : json["train"])
    if (item["has_hr"] == false) item["came_low"] = true;
  expect_refused(json, {"came_low true", "no query came"});
}

// A pack of our own and the split somebody published of it.
class Replay : public testing::Test {
 protected:
  static SplitSettings options() { return {.query_rates = {2, 3}}; }
  SplitFile published() const { return {split_, {gallery_draw_paths(split_, 0), gallery_draw_paths(split_, 1)}}; }
  void expect_difference(const SplitFile& file, const std::vector<std::string>& parts) const {
    const std::string difference = replay_difference(pack_, file);
    for (const std::string& part : parts) EXPECT_NE(std::string::npos, difference.find(part)) << difference;
    EXPECT_FALSE(difference.empty());
  }

  RawImages raw_{8, 3};
  PackReader pack_ = open_small_pack(raw_);
  Split split_ = make_split(pack_, options());
};

TEST_F(Replay, comes_out_the_same) {
  EXPECT_EQ("", replay_difference(pack_, published()));
  auto& files = core::real_file_system();
  EXPECT_EQ("", replay_difference(pack_, read_split_file(files, export_split(files, raw_.folder().path(), split_, 7))));
}

TEST_F(Replay, says_the_first_difference_in_words) {
  SplitFile other = published();
  other.split.query[1].rate = 5 - other.split.query[1].rate;
  expect_difference(other, {"query[1], row ", "at rate", "there and at rate"});
  other = published();
  other.split.gallery.pop_back();
  expect_difference(other, {fmt::format("gallery has {} images there and {} here", split_.gallery.size() - 1,
                                        split_.gallery.size())});
  other = published();
  other.split.train.erase(other.split.train.begin());
  expect_difference(other, {"train[0] is row", "there and row"});
  other = published();
  other.split.train[0].label = 3;
  expect_difference(other, {"train[0], row", "with label 3"});
  other = published();
  other.split.left_out = 2;
  expect_difference(other, {"left_out is 2 there and 0 here"});
  other = published();
  other.split.gallery[0].camera = 9;
  expect_difference(other, {"gallery[0], row", "from camera 9 there"});
  other = published();
  other.gallery_draws[1][0] = "other.png";
  expect_difference(other, {"gallery_draws[1][0] is 'other.png' there and '"});
  other = published();
  other.gallery_draws[0].pop_back();
  expect_difference(other, {"gallery_draws[0] has 3 images there and 4 here"});
}

TEST_F(Replay, draws_of_images_outside_the_gallery_are_refused_with_the_draw) {
  auto& files = core::real_file_system();
  const auto path = export_split(files, raw_.folder().path(), split_, 3);
  core::Json document = core::parse_json(core::read_text(files, path), "split");
  document["gallery_draws"][2][1] = "../x\n.png";
  core::write_atomic(files, path, document.dump());
  expect_error(core::ErrorKind::kInput, {"split-0.json", "gallery_draws[2] has '../x?.png'"},
               [&] { read_split_file(files, path); });
}

TEST_F(Replay, more_draws_than_anybody_makes_are_refused) {
  auto& files = core::real_file_system();
  const auto path = export_split(files, raw_.folder().path(), split_, 1);
  core::Json document = core::parse_json(core::read_text(files, path), "split");
  document["gallery_draws"] = core::Json(std::vector<std::vector<std::string>>(kMostGalleryDraws));
  core::write_atomic(files, path, document.dump());
  EXPECT_EQ(10000U, read_split_file(files, path).gallery_draws.size());
  document["gallery_draws"].push_back(core::Json::array());
  core::write_atomic(files, path, document.dump());
  expect_error(core::ErrorKind::kInput, {"split-0.json", "10001 gallery draws", "10000 are the most"},
               [&] { read_split_file(files, path); });
}

TEST_F(Replay, of_another_pack_is_named_as_such) {
  SplitFile other = published();
  other.split.manifest_sha256 = std::string(64, 'f');
  other.split.options.lr_camera = 7;  // which this pack does not even have
  expect_difference(other, {"it is of another pack: its manifest has SHA-256 ffff", pack_.manifest_sha256()});
  other.split.pack = "else";
  expect_difference(other, {"it is of pack 'else'", "this one is 'noise'"});
}

}  // namespace
}  // namespace resolute::datasets::split_replay_test
