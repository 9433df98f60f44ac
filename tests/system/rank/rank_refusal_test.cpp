// 60 files and more that are not what they should be: `resolute rank` says so in one line that names the file.

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <functional>
#include <limits>

#include "tests/support/folders.h"
#include "tests/system/rank/feature_file.h"

namespace resolute::system_test::rank_refusal_test {
namespace {

//! A good file of 3 queries and 4 images, and what a test does to it.
class HostileFeatures : public RankCommand {
 protected:
  // Holds where all tests ran, and not some that were picked.
  static void TearDownTestSuite() {
    const testing::TestSuite& all = *testing::UnitTest::GetInstance()->current_test_suite();
    if (all.test_to_run_count() == all.total_test_count()) {
      EXPECT_GE(bad_files_, 60);
    }
  }
  struct Hostile {
    std::string part;  // what the message must say
    std::function<void(FeatureFile&)> bend;
  };
  static Problem good() {
    return {2,
            {{0, 0, 1, 1, 2, 0}, {5, 6, 5}, {1, 1, 2}},
            {{3, 0, 1, 0, 2, 0, 1, 2}, {5, 5, 6, -1}, {2, 1, 2, 1}},
            {1, 2, 2}};
  }
  void expect_refused(const FeatureFile& from, const std::vector<Hostile>& all) {
    succeeded(rank(from));
    for (const Hostile& hostile : all) {
      SCOPED_TRACE(hostile.part);
      FeatureFile file = from;
      hostile.bend(file);
      file.write(path_);
      expect_refused(hostile.part);
    }
  }
  //! What lies at `path_`: one line that names the file and says `part`, exit code 2, nothing on stdout.
  void expect_refused(const std::string& part) {
    ++bad_files_;
    auto output = rank_path();
    expect_refusal(output, 2, path_);
    EXPECT_THAT(output.err, HasSubstr(part));
  }
  static inline int bad_files_ = 0;
  void write_text(std::string_view text) { write(path_, text); }
};

TEST_F(HostileFeatures, what_is_no_file_or_not_hdf5_is_refused) {
  expect_refused("No such file");
  for (const std::string& text :
       {std::string("query,gallery\n1,2\n"), std::string("\x89HDF\r\n\x1a\n"),
        std::string("\x89HDF\r\n\x1a\n") + std::string(4000, '\xff'), std::string(100'000, '\0')}) {
    SCOPED_TRACE(text.substr(0, 20));
    write_text(text);
    expect_refused("HDF5");
  }
  write_text("");
  expect_refused("is empty; fetch the file again");
  write_text("<!DOCTYPE html><title>Sign in</title>");
  expect_refused("is a web page");
  fs::remove(path_);
  fs::create_directory(path_);
  expect_refused("data set 'query/identities' is missing");
  fs::remove(path_);
  // A pipe that nobody writes to: to open it would wait for ever.
  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  expect_refused("not a regular file");
}

TEST_F(HostileFeatures, file_cut_short_anywhere_is_refused) {
  good().as_features().write(path_);
  const std::string whole = text_of(path_);
  for (std::size_t part = 1; part < 16; ++part) {
    SCOPED_TRACE(part);
    write_text(std::string_view(whole).substr(0, whole.size() * part / 16));
    expect_refused("HDF5");
  }
  write_text(std::string_view(whole).substr(0, whole.size() - 1));
  expect_refused("HDF5");
}

TEST_F(HostileFeatures, file_that_brings_the_hdf5_library_down_is_refused) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitizer reports the library's crash and exits";
#endif
  fs::copy_file(tests::source_folder() / "tests/golden/array_file/damaged.h5", path_);
  expect_refused("fell over it");
}

TEST_F(HostileFeatures, missing_data_set_is_named) {
  std::vector<Hostile> all;
  for (const char* name : {"query/features", "query/identities", "gallery/features", "gallery/identities"})
    all.push_back({std::string("'") + name + "' is missing", [name](FeatureFile& file) { file.remove(name); }});
  all.push_back({"'query/identities' is missing", [](FeatureFile& file) { file = {}; }});
  all.push_back({"'query/identities' is missing", [](FeatureFile& file) {
                   for (const char* name : {"features", "identities", "cameras", "prefix"})
                     file.remove(std::string("query/") + name);
                   file.set("query", {1, 2, 3});
                 }});
  expect_refused(good().as_features(), all);
}

TEST_F(HostileFeatures, nan_and_infinity_are_refused_with_their_place) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  auto put = [](std::string name, std::size_t at, float value) {
    return [=](FeatureFile& file) { file.floats.at(name).values.at(at) = value; };
  };
  expect_refused(good().as_features(),
                 {{"value 1 of query feature 2 is nan", put("query/features", 5, kNan)},
                  {"value 0 of query feature 1 is inf", put("query/features", 2, kInfinity)},
                  {"value 0 of gallery feature 2 is nan", put("gallery/features", 4, kNan)},
                  {"value 1 of gallery feature 1 is -inf", put("gallery/features", 3, -kInfinity)},
                  // Beyond the prefix of query 0, and on a junk image: refused all the same.
                  {"value 1 of query feature 0 is nan", put("query/features", 1, kNan)},
                  {"value 1 of gallery feature 3 is nan", put("gallery/features", 7, kNan)}});
  expect_refused(good().as_distances(), {{"query 1 to gallery image 2 is nan", put("distance", 6, kNan)},
                                         {"query 2 to gallery image 3 is inf", put("distance", 11, kInfinity)},
                                         {"query 0 to gallery image 0 is -inf", put("distance", 0, -kInfinity)}});
}

TEST_F(HostileFeatures, sizes_that_disagree_are_refused) {
  auto set = [](std::string name, Integers values) { return [=](FeatureFile& file) { file.set(name, values); }; };
  auto resize = [](std::string name, std::uint64_t rows, std::uint64_t columns) {
    return [=](FeatureFile& file) { file.floats[name] = {{rows, columns}, std::vector<float>(rows * columns, 0.5F)}; };
  };
  expect_refused(good().as_features(), {{"3 identities and 2 cameras", set("query/cameras", {1, 1})},
                                        {"4 identities and 5 cameras", set("gallery/cameras", {1, 1, 1, 1, 1})},
                                        {"2 identities and 3 cameras", set("query/identities", {5, 6})},
                                        {"0 identities and 4 cameras", set("gallery/identities", {})},
                                        {"2 features and 3 identities", resize("query/features", 2, 2)},
                                        {"5 features and 4 identities", resize("gallery/features", 5, 2)},
                                        {"0 features and 4 identities", resize("gallery/features", 0, 2)},
                                        {"2 dimensions and gallery features 3", resize("gallery/features", 4, 3)},
                                        {"3 identities and 0 cameras", set("query/cameras", {})},
                                        {"2 prefix lengths and 3 queries", set("query/prefix", {1, 1})},
                                        {"0 prefix lengths and 3 queries", set("query/prefix", {})},
                                        {"prefix 0 of query 1", set("query/prefix", {1, 0, 2})},
                                        {"prefix 3 of query 2", set("query/prefix", {1, 2, 3})},
                                        {"prefix -1 of query 0", set("query/prefix", {-1, 2, 2})},
                                        {"no dimension", [&](FeatureFile& file) {
                                           resize("query/features", 3, 0)(file);
                                           resize("gallery/features", 4, 0)(file);
                                           file.remove("query/prefix");
                                         }}});
  expect_refused(good().as_distances(), {{"'distance' is 4×3", resize("distance", 4, 3)},
                                         {"'distance' is 3×3", resize("distance", 3, 3)},
                                         {"'distance' is 0×0", resize("distance", 0, 0)}});
}

TEST_F(HostileFeatures, cameras_of_one_side_alone_are_refused) {
  const auto without = [](std::string name) { return [=](FeatureFile& file) { file.remove(name); }; };
  for (const FeatureFile& file : {good().as_features(), good().as_distances()})
    expect_refused(file, {{"'query/cameras' is missing and 'gallery/cameras' is there", without("query/cameras")},
                          {"'gallery/cameras' is missing and 'query/cameras' is there", without("gallery/cameras")}});
}

// There is nothing to be left out of nothing.
TEST_F(HostileFeatures, a_side_without_rows_needs_no_cameras) {
  FeatureFile file = good().as_features();
  file.set("gallery/identities", {});
  file.remove("gallery/cameras");
  file.floats["gallery/features"] = {{0, 2}, {}};
  const auto output = rank(file);
  EXPECT_EQ(code_of(output), 1) << output.err;
  EXPECT_THAT(output.out, HasSubstr("\"queries_without_match\":3"));
}

TEST_F(HostileFeatures, without_a_query_there_is_nothing_to_rank) {
  FeatureFile file = good().as_features();
  file.set("query/identities", {});
  for (const char* name : {"query/cameras", "query/prefix"}) file.remove(name);
  file.floats["query/features"] = {{0, 2}, {}};
  file.write(path_);
  expect_refused("there is nothing to rank (no image in it is a query)");
}

TEST_F(HostileFeatures, wrong_type_and_number_of_dimensions_are_refused) {
  auto as_integers = [](std::string name) {
    return [=](FeatureFile& file) {
      const auto array = file.floats.at(name);
      file.floats.erase(name);
      file.integers[name] = {array.shape, Integers(array.values.begin(), array.values.end())};
    };
  };
  auto as_halves = [](std::string name) {
    return [=](FeatureFile& file) {
      const auto array = file.integers.at(name);
      file.integers.erase(name);
      file.floats[name] = {array.shape, std::vector<float>(array.values.size(), 1.5F)};
    };
  };
  auto reshape = [](std::string name, Shape shape) {
    return [=](FeatureFile& file) {
      if (file.floats.contains(name))
        file.floats[name].shape = shape;
      else
        file.integers.at(name).shape = shape;
    };
  };
  expect_refused(good().as_features(), {{"'query/features' is int64", as_integers("query/features")},
                                        {"'gallery/features' is int64", as_integers("gallery/features")},
                                        {"'query/identities' has 1.5 at 0", as_halves("query/identities")},
                                        {"'gallery/identities' has 1.5 at 0", as_halves("gallery/identities")},
                                        {"'query/cameras' has 1.5 at 0", as_halves("query/cameras")},
                                        {"'gallery/cameras' has 1.5 at 0", as_halves("gallery/cameras")},
                                        {"'query/prefix' has 1.5 at 0", as_halves("query/prefix")},
                                        {"'query/features' has 1 dimensions", reshape("query/features", {6})},
                                        {"'gallery/features' has 3 dimensions", reshape("gallery/features", {4, 2, 1})},
                                        {"'query/identities' has 3 dimensions", reshape("query/identities", {3, 1, 1})},
                                        {"'gallery/cameras' has 2 dimensions", reshape("gallery/cameras", {2, 2})},
                                        {"'query/prefix' has 3 dimensions", reshape("query/prefix", {1, 3, 1})}});
  expect_refused(good().as_distances(), {{"'distance' is int64", as_integers("distance")},
                                         {"'distance' has 1 dimensions", reshape("distance", {12})}});
}

}  // namespace
}  // namespace resolute::system_test::rank_refusal_test
