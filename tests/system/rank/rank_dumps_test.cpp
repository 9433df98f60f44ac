// `resolute rank` of what other programs dump: the same images give the same figures in every format.

#include <gmock/gmock.h>

#include "tests/system/rank/feature_file.h"

namespace resolute::system_test::rank_dumps_test {
namespace {

const fs::path kDumps = kGolden / "array_file";  // make_foreign.py and make_dumps.py

TEST(RankDumps, the_same_images_in_every_format_have_the_same_figures) {
  const core::Json figures = json_of(resolute({"rank", kDumps / "dump.h5", "--json"}));
  EXPECT_GT(figures.at("queries"), 0);
  for (const char* name : {"dump.npz", "dump.mat", "dump_4.mat", "dump_folder"})
    EXPECT_EQ(json_of(resolute({"rank", kDumps / name, "--json"})), figures) << name;
}

TEST(RankDumps, formats_stand_beside_one_another) {
  const std::string text = succeeded(resolute({"rank", kDumps / "dump.npz", kDumps / "dump.mat"})).out;
  EXPECT_THAT(text, HasSubstr("+0.00 [+0.00, +0.00]  +0.00 [+0.00, +0.00]\n"));
}

class RankOfADump : public RankCommand {
 protected:
  // A good file of one query and two images, whose arrays stand under `names` in place of their own.
  CommandOutput rank_as(const std::map<std::string, std::string>& names) {
    FeatureFile file;
    file.floats["query/features"] = {{1, 1}, {0}};
    file.floats["gallery/features"] = {{2, 1}, {1, 2}};
    file.set("query/identities", {4});
    file.set("gallery/identities", {3, 4});
    for (const auto& [name, other] : names) {
      if (file.floats.contains(name)) file.floats[other] = file.floats.at(name);
      if (file.integers.contains(name)) file.integers[other] = file.integers.at(name);
      file.remove(name);
    }
    return rank(file);
  }
};

TEST_F(RankOfADump, each_system_has_names_of_its_own) {
  const core::Json figures = json_of(rank_as({}));
  for (const auto& [features, identities] :
       {std::pair("_features", "_identities"), std::pair("_f", "_label"), std::pair("f", "_pids")}) {
    const bool short_name = std::string(features) == "f";
    const std::string query = short_name ? "q" : "query", gallery = short_name ? "g" : "gallery";
    EXPECT_EQ(json_of(rank_as({{"query/features", query + features},
                               {"gallery/features", gallery + features},
                               {"query/identities", query + identities},
                               {"gallery/identities", gallery + identities}})),
              figures)
        << features;
  }
}

TEST_F(RankOfADump, labels_may_be_whole_floats_rows_and_columns) {
  const core::Json figures = json_of(rank_as({}));
  const auto with = [&](const auto& change) {
    FeatureFile file;
    file.floats["query/features"] = {{1, 1}, {0}};
    file.floats["gallery/features"] = {{2, 1}, {1, 2}};
    file.set("query/identities", {4});
    change(file);
    return json_of(rank(file));
  };
  EXPECT_EQ(with([](FeatureFile& file) { file.floats["gallery/identities"] = {{2}, {3, 4}}; }), figures);
  EXPECT_EQ(with([](FeatureFile& file) { file.floats["gallery/identities"] = {{2, 1}, {3, 4}}; }), figures);
  EXPECT_EQ(with([](FeatureFile& file) { file.integers["gallery/identities"] = {{1, 2}, {3, 4}}; }), figures);
}

TEST_F(RankOfADump, one_array_under_two_names_is_refused) {
  FeatureFile file;
  file.set("query/identities", {4});
  file.set("q_pids", {5});
  const auto output = rank(file);
  expect_refusal(output, 2, path_);
  EXPECT_THAT(output.err, HasSubstr("'query/identities' and 'q_pids' are both there"));
}

TEST_F(RankOfADump, what_is_missing_is_named_by_all_its_names) {
  fs::create_directory(scratch_ / "empty");
  for (const fs::path& path : {scratch_ / "empty", path_}) {
    if (path == path_) FeatureFile().write(path_);
    const auto output = resolute({"rank", path});
    expect_refusal(output, 2, path);
    EXPECT_THAT(output.err, HasSubstr("data set 'query/identities' is missing (nor is there 'query_identities' or "
                                      "'query_label' or 'q_pids')"));
  }
}

}  // namespace
}  // namespace resolute::system_test::rank_dumps_test
