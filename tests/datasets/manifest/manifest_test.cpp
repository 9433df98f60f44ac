// Manifests as files of others: what is refused, and what a comparison with the images at hand says.

#include <gtest/gtest.h>

#include "datasets/pack/manifest_replay.h"
#include "tests/datasets/pack/raw_images.h"
#include "tests/datasets/split/split_rows.h"

namespace resolute::datasets::manifest_test {
namespace {

using namespace tests;

core::Json as_json(const std::vector<PackRow>& rows) { return core::parse_json(manifest_text(rows), "m.json"); }

void expect_refused(const core::Json& json, const std::vector<std::string>& parts) {
  expect_error(core::ErrorKind::kInput, parts, [&] { manifest_from_json(json, "m.json"); });
}

TEST(Manifest, comes_back_with_what_a_source_tells_of_its_images) {
  auto rows = regular_rows(3);
  EXPECT_EQ(1, as_json(rows).at("schema"));
  EXPECT_EQ(rows, manifest_from_json(as_json(rows), "m.json"));
  rows[1].sample.rate = 0;
  rows[2].sample.test_sets = std::uint64_t{1} << 63U;
  EXPECT_EQ(2, as_json(rows).at("schema"));
  EXPECT_EQ(rows, manifest_from_json(as_json(rows), "m.json"));
}

TEST(Manifest, images_that_end_early_are_named_in_the_order_of_the_rows) {
  auto rows = regular_rows(3);
  rows[1].truncated = rows[4].truncated = true;
  const core::Json good = as_json(rows);
  EXPECT_EQ(3, good.at("schema"));
  EXPECT_EQ(rows, manifest_from_json(good, "m.json"));
  const auto refused = [&](const core::Json& truncated, const std::string& part) {
    core::Json json = good;
    json["truncated"] = truncated;
    expect_refused(json, {"m.json: 'truncated' names " + part});
  };
  const std::string &first = rows[1].sample.path, &second = rows[4].sample.path;
  refused(core::Json::array(), "no row");
  refused(core::Json::array({"nobody.png"}), "'nobody.png'");
  refused(core::Json::array({second, first}), "'" + first + "'");
  refused(core::Json::array({first, first}), "'" + first + "'");
  core::Json early = good;
  early["schema"] = 2;
  expect_refused(early, {"truncated"});
}

TEST(Manifest, paths_that_lead_elsewhere_are_refused_with_their_row) {
  for (const std::string path : {"", "/etc/passwd", "..", "../a.jpg", "a/../../b.jpg", "a/..", "a//b.jpg", "./a.jpg",
                                 "a/", "a\\b.jpg", "a\nb.jpg", "a\x7f.jpg"}) {
    core::Json json = as_json(regular_rows(2));
    json["rows"][0]["path"] = path;
    expect_refused(json, {"m.json: rows[0]: path '"});
  }
  core::Json json = as_json(regular_rows(2));
  json["rows"][0]["path"] = std::string("a\0b.jpg", 7);
  expect_refused(json, {"rows[0]: path 'a?b.jpg'", "control characters"});
  json["rows"][0]["path"] = std::string(5000, 'a');
  expect_refused(json, {"at most 4096 bytes"});
  for (const std::string path : {"..a/b..jpg", "...", "a b/c,d.jpg", "\u00e4.jpg"}) {
    json["rows"] = core::Json::array({as_json(regular_rows(1)).at("rows").at(0)});
    json["rows"][0]["path"] = path;
    EXPECT_EQ(path, manifest_from_json(json, "m.json").front().sample.path);
  }
}

TEST(Manifest, rows_stand_once_in_the_order_of_their_paths) {
  core::Json json = as_json(regular_rows(2));
  json["rows"][3]["path"] = json["rows"][2]["path"];
  expect_refused(json, {"rows[3]", "stands twice"});
  json["rows"][3]["path"] = "0000.jpg";
  expect_refused(json, {"rows[3]: path '0000.jpg' stands behind", "sorted by path"});
}

TEST(Manifest, values_out_of_range_are_refused) {
  using Wrong = std::pair<std::string, core::Json>;
  for (const auto& [key, value] : {Wrong{"identity", -1}, {"camera", 0}, {"native_width", 0}, {"subset", "test"}}) {
    core::Json json = as_json(regular_rows(2));
    json["rows"][1][key] = value;
    expect_refused(json, {value.is_string() ? "test" : "rows[1]"});
  }
}

class ManifestReplay : public testing::Test {
 protected:
  static std::vector<PackRow> rows_of_pack(const RawImages& raw) {
    make_pack(raw, small_options(), raw.pack());
    return read_manifest(core::real_file_system(), raw.pack() / "manifest.json");
  }
  RawImages raw_;
  const std::vector<PackRow> published_ = rows_of_pack(raw_);
};

TEST_F(ManifestReplay, of_the_same_images_differs_in_nothing) {
  EXPECT_EQ("", listing_difference(published_, raw_.samples()));
  for (const PackRow& row : published_) EXPECT_EQ("", image_difference(row, raw_.reader()));
  EXPECT_EQ("", manifest_difference(published_, published_));
}

TEST_F(ManifestReplay, of_another_listing_says_what_differs) {
  const auto difference = [&](auto change) {
    std::vector<Sample> samples = raw_.samples();
    change(samples);
    return listing_difference(published_, samples);
  };
  EXPECT_EQ("'0001_c1_1.png' has identity 1 there and 5 here", difference([](auto& s) { s[1].identity = 5; }));
  EXPECT_EQ("'0001_c1_1.png' has camera 1 there and 5 here", difference([](auto& s) { s[1].camera = 5; }));
  EXPECT_EQ("'0001_c1_1.png' has subset train there and query here",
            difference([](auto& s) { s[1].subset = "query"; }));
  EXPECT_EQ("'0001_c1_1.png' has rate 1 there and 0 here", difference([](auto& s) { s[1].rate = 0; }));
  EXPECT_EQ("'0001_c1_1.png' has test sets 0 there and 8 here", difference([](auto& s) { s[1].test_sets = 8; }));
  EXPECT_EQ("row 0 is '0001_c1_0.png' there and '0001_c1_1.png' here", difference([](auto& s) { s.erase(s.begin()); }));
  EXPECT_EQ("12 images there, 11 here", difference([](auto& s) { s.pop_back(); }));
}

TEST_F(ManifestReplay, of_other_bytes_names_the_image) {
  core::write_atomic(core::real_file_system(), raw_.root() / "0002_c1_0.png", "not the same");
  for (const PackRow& row : published_) {
    const std::string difference = image_difference(row, raw_.reader());
    EXPECT_EQ(row.sample.path == "0002_c1_0.png", difference.starts_with("'0002_c1_0.png' has SHA-256 ")) << difference;
  }
  std::vector<PackRow> listed = published_;
  listed[3].native_height = 99;
  EXPECT_EQ(
      fmt::format("'{}' has native height {} there and 99 here", listed[3].sample.path, published_[3].native_height),
      manifest_difference(published_, listed));
}

}  // namespace
}  // namespace resolute::datasets::manifest_test
