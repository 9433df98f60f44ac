#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <numeric>

#include "core/files/file_system.h"
#include "datasets/arrays/stored_array.h"
#include "tests/datasets/pack/raw_images.h"
#include "tests/support/folders.h"

namespace resolute::datasets::numpy_arrays_test {
namespace {

using tests::expect_error;

const std::filesystem::path kGolden = tests::source_folder() / "tests/golden/array_file";  // make_dumps.py

const NamedArrays& kinds() {
  static const auto arrays = open_named_arrays(kGolden / "kinds.npz");
  return *arrays;
}

// A `.npy` of version 1.0 with one header's text and so many bytes of elements.
std::string npy(const std::string& header, std::size_t bytes, char version = 1) {
  std::string text("\x93NUMPY", 6);
  text += {version, 0, static_cast<char>(header.size() & 255), static_cast<char>(header.size() >> 8)};
  if (version > 1) text += std::string(2, '\0');
  return text + header + std::string(bytes, '\0');
}
std::string header(const std::string& type, const std::string& shape, const std::string& order = "False") {
  return "{'descr': '" + type + "', 'fortran_order': " + order + ", 'shape': " + shape + ", }";
}

class NpyFile : public testing::Test {
 protected:
  void write(std::string_view text) { tests::overwrite(folder_ / "list.npy", core::as_byte_span(text)); }
  std::vector<std::int64_t> integers() { return open_named_arrays(folder_.path())->read_int64("list", 1).values; }
  void expect_refused(const std::string& text, const std::string& why) {
    SCOPED_TRACE(text);
    write(text);
    expect_error(core::ErrorKind::kInput, {"array 'list'", why}, [&] { integers(); });
  }
  tests::TemporaryFolder folder_;
};

TEST(NpzTest, every_width_and_byte_order_of_numbers_is_read) {
  const std::vector<float> floats{0, 1, 2, 3, 4, 5};
  const std::vector<std::int64_t> integers{0, 1, 2, 3, 4, 5};
  for (const std::string name : {"f2", "f4", "f8", "f2_big_endian", "f4_big_endian", "f8_big_endian"}) {
    EXPECT_EQ(kinds().read_float32(name, 1).values, floats) << name;
    EXPECT_EQ(kinds().read_float64(name, 1).values, std::vector<double>(floats.begin(), floats.end())) << name;
    EXPECT_EQ(kinds().is_float64(name), name.starts_with("f8")) << name;
    EXPECT_EQ(kinds().read_int64(name, 1).values, integers) << name << ": whole numbers";
  }
  for (const std::string name : {"i1", "i2", "i4", "i8", "i2_big_endian", "i4_big_endian", "i8_big_endian", "u1", "u2",
                                 "u4", "u2_big_endian", "u4_big_endian"}) {
    EXPECT_EQ(kinds().read_int64(name, 1).values, integers) << name;
    EXPECT_FALSE(kinds().is_float64(name)) << name;
  }
}

TEST(NpzTest, halves_are_what_numpy_takes_them_for) {
  const auto halves = kinds().read_float64("halves", 1).values;
  const auto doubles = kinds().read_float64("halves_as_doubles", 1).values;
  ASSERT_EQ(halves.size(), doubles.size());
  for (std::size_t i = 0; i < halves.size(); ++i) {
    if (std::isnan(doubles[i])) {
      EXPECT_TRUE(std::isnan(halves[i])) << i;
    } else {
      EXPECT_EQ(halves[i], doubles[i]) << i;
      EXPECT_EQ(std::signbit(halves[i]), std::signbit(doubles[i])) << i;
    }
  }
}

TEST(NpzTest, arrays_by_columns_come_by_rows) {
  std::vector<float> values(6 * 70);
  std::iota(values.begin(), values.end(), 0.0F);
  const auto array = kinds().read_float32("by_columns", 2);
  EXPECT_EQ(array.shape, (std::vector<std::uint64_t>{6, 70}));
  EXPECT_EQ(array.values, values);
  EXPECT_EQ(kinds().read_float32("empty", 2).shape, (std::vector<std::uint64_t>{0, 4}));
  EXPECT_EQ(kinds().read_int64("row", 1).values, (std::vector<std::int64_t>{0, 1, 2, 3, 4, 5}));
}

TEST(NpzTest, what_are_no_numbers_of_the_wanted_kind_is_refused) {
  const auto refused = [](const std::string& name, std::size_t rank, const std::string& why) {
    expect_error(core::ErrorKind::kInput, {"kinds.npz", "'" + name + "'", why},
                 [&] { kinds().read_float32(name, rank); });
  };
  refused("nothing", 1, "it is missing");
  refused("i4", 1, "is int32 (float32, float64 or float16 is needed)");
  refused("f4", 2, "has 1 dimensions");
  refused("cube", 2, "has 3 dimensions");
  refused("scalar", 1, "has 0 dimensions");
  refused("text", 1, "its elements are '<U2'");
  refused("truth", 1, "its elements are '|b1'");
  refused("complex", 1, "its elements are '<c16'");
  refused("records", 1, "it holds records");
  refused("objects", 1, "save plain arrays, not Python objects");
  const auto no_integers = [](const std::string& name, const std::string& why) {
    expect_error(core::ErrorKind::kInput, {"'" + name + "'", why}, [&] { kinds().read_int64(name, 1); });
  };
  no_integers("u8", "is uint64");
  no_integers("halved", "has 2.5 at 1");
  no_integers("huge", "has 1.152921504606847e+18 at 1");
  no_integers("halves", "whole numbers are needed");
  EXPECT_FALSE(kinds().has("nothing"));
  EXPECT_TRUE(kinds().has("objects"));
}

// Python's zipfile writes a second entry of a name with a warning. NumPy takes the last, the library finds the first.
TEST(NpzTest, two_arrays_of_one_name_are_refused) {
  const tests::TemporaryFolder folder;
  const auto path = folder / "dump.npz";
  core::Bytes bytes = core::real_file_system().read(kGolden / "dump.npz");
  for (std::size_t at = 0; (at = core::as_text(bytes).find("q_pids.npy", at)) != std::string_view::npos;)
    bytes[at] = std::byte{'g'};
  tests::overwrite(path, bytes);
  expect_error(core::ErrorKind::kCorrupt, {"dump.npz", "'g_pids.npy' is in it twice", "save the arrays anew"},
               [&] { open_named_arrays(path); });
}

// Each byte once: an error, or the very numbers.
TEST(NpzTest, a_damaged_file_is_an_error_and_never_other_numbers) {
  const tests::TemporaryFolder folder;
  const auto path = folder / "dump.npz";
  std::filesystem::copy_file(kGolden / "dump.npz", path);
  const auto read = [&] {
    const auto arrays = open_named_arrays(path);
    return std::pair(arrays->read_float32("gf", 2).values, arrays->read_int64("g_pids", 1).values);
  };
  const auto whole = read();
  const auto size = std::filesystem::file_size(path);
  int refused = 0;
  for (std::uint64_t at = 0; at < size; ++at) {
    tests::flip_byte(path, at, 0xff);
    refused += tests::error_of([&] { EXPECT_EQ(read(), whole) << at; }) ? 1 : 0;
    tests::flip_byte(path, at, 0xff);
  }
  EXPECT_GT(refused, 100);
  for (std::uint64_t part = 0; part < size; part += 37) {
    std::filesystem::resize_file(path, part);
    EXPECT_THAT(read, tests::fails(testing::HasSubstr("dump.npz")));
    std::filesystem::copy_file(kGolden / "dump.npz", path, std::filesystem::copy_options::overwrite_existing);
  }
}

TEST_F(NpyFile, headers_of_every_version_and_of_old_programs_are_read) {
  const std::vector<std::int64_t> zeros(3, 0);
  for (char version : {'\1', '\2', '\3'}) {
    write(npy(header("<i2", "(3,)"), 6, version));
    EXPECT_EQ(integers(), zeros);
  }
  for (const std::string& text : {header("|i2", "(3L,)"), header("=i2", "( 3 , )"),
                                  std::string("{'shape':(3,),'descr':\"<i2\",'fortran_order':True}"),
                                  header("<i2", "(3, 1)") + "   \n", header("<i2", "(1, 3)", "True")}) {
    SCOPED_TRACE(text);
    write(npy(text, 6));
    EXPECT_EQ(integers(), zeros);
  }
}

TEST_F(NpyFile, float64_that_is_0_or_infinite_as_float32_is_refused) {
  const auto rounded = [&](double value) {
    std::string text = npy(header("<f8", "(2, 3)"), 6 * sizeof value);
    std::memcpy(text.data() + text.size() - 2 * sizeof value, &value, sizeof value);
    write(text);
    return open_named_arrays(folder_.path())->read_float32("list", 2).values.at(4);
  };
  for (const double taken : {0.0, -0.0, 0x1p-149, -1.5, 3.4e38, HUGE_VAL})
    EXPECT_EQ(rounded(taken), static_cast<float>(taken)) << taken;
  EXPECT_TRUE(std::isnan(rounded(std::nan(""))));
  const auto refused = [&](double value, const std::string& words) {
    expect_error(core::ErrorKind::kInput, {"'list' has " + words}, [&] { rounded(value); });
  };
  refused(1e-50, "1e-50 in row 1, column 1 (as float32 it is 0)");
  refused(-1e-46, "-1e-46 in row 1, column 1 (as float32 it is -0)");
  refused(1e39, "1e+39 in row 1, column 1 (as float32 it is inf)");
  refused(-1e300, "-1e+300 in row 1, column 1 (as float32 it is -inf)");
}

TEST_F(NpyFile, what_is_no_array_is_refused) {
  const std::string good = npy(header("<i2", "(3,)"), 6);
  for (std::size_t length = 0; length < good.size(); ++length) expect_refused(good.substr(0, length), "");
  expect_refused(good + "x", "it has 7 bytes of elements");
  expect_refused(npy(header("<i2", "(4,)"), 6), "8 are in an array of its shape");
  expect_refused("\x93NUMPX" + good.substr(6), "it does not begin as one");
  expect_refused(npy(header("<i2", "(3,)"), 6, 4), "its version is 4");
  expect_refused(npy("{'descr': '<i2', 'shape': (3,), }", 6), "its header is not whole");
  expect_refused(npy(header("<i2", "(3,)") + "}", 6), "its header is not whole");
  expect_refused(npy(header("<i2", "(-3,)"), 6), "no shape");
  expect_refused(npy(header("<i2", "3"), 6), "no '('");
  expect_refused(npy(header("<i2", "(3,)", "None"), 6), "neither True nor False");
  expect_refused(npy("{'descr': '<i2', 'fortran_order': False, 'shape': (3,), 'more': 1}", 6), "its header has 'more'");
  expect_refused(npy("{'descr: ", 0), "no quoted word");
  for (const char* type : {"<i3", "<i0", "<f1", "<f16", "i4", "<m8", "|S4", "|O", "", "<i:"})
    expect_refused(npy(header(type, "(3,)"), 6), "its elements are");
  expect_refused(npy(header("<i2", "(4294967296, 4294967296, 2)"), 6), "too many elements");
  expect_refused(npy(header("<i8", "(18446744073709551615,)"), 6), "too many elements");
  expect_refused(npy(header("<i2", "(99999999999999999999,)"), 6), "no shape");
}

TEST_F(NpyFile, alone_it_is_not_enough) {
  write(npy(header("<i2", "(3,)"), 6));
  expect_error(core::ErrorKind::kInput, {"holds one array", "name the folder"},
               [&] { open_named_arrays(folder_ / "list.npy"); });
  EXPECT_FALSE(open_named_arrays(folder_.path())->has("other"));
  std::filesystem::create_symlink("nowhere", folder_ / "linked.npy");  // as data versioning leaves it
  expect_error(core::ErrorKind::kInput, {"linked"},
               [&] { open_named_arrays(folder_.path())->read_int64("linked", 1); });
}

TEST_F(NpyFile, what_is_no_zip_is_refused) {
  expect_error(core::ErrorKind::kInput, {"none.npz", "No such file"}, [&] { open_named_arrays(folder_ / "none.npz"); });
  for (const std::string& text : {std::string("text"), std::string(1000, 'P')}) {
    tests::overwrite(folder_ / "a.npz", core::as_byte_span(text));
    expect_error(core::ErrorKind::kCorrupt, {"a.npz", "as a ZIP archive"},
                 [&] { open_named_arrays(folder_ / "a.npz"); });
  }
  tests::overwrite(folder_ / "a.npz", {});
  expect_error(core::ErrorKind::kInput, {"a.npz", "is empty"}, [&] { open_named_arrays(folder_ / "a.npz"); });
}

}  // namespace
}  // namespace resolute::datasets::numpy_arrays_test
