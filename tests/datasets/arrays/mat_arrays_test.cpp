#include <gtest/gtest.h>
#include <hdf5.h>
#include <matio.h>

#include <array>
#include <numeric>

#include "core/files/file_system.h"
#include "datasets/arrays/stored_array.h"
#include "tests/datasets/pack/raw_images.h"
#include "tests/support/folders.h"

namespace resolute::datasets::mat_arrays_test {
namespace {

using tests::expect_error;

const std::filesystem::path kGolden = tests::source_folder() / "tests/golden/array_file";  // make_dumps.py

// Writes arrays with the library that reads them; what SciPy writes is in the golden files.
class WrittenMatFile : public testing::Test {
 protected:
  template <class T>
  void add(const std::string& name, matio_classes kind, matio_types type, std::vector<std::size_t> shape, T first,
           int flags = 0) {
    std::vector<T> values(std::accumulate(shape.begin(), shape.end(), std::size_t{1}, std::multiplies<>()));
    std::iota(values.begin(), values.end(), first);
    mat_complex_split_t complex{values.data(), values.data()};
    matvar_t* array = Mat_VarCreate(name.c_str(), kind, type, static_cast<int>(shape.size()), shape.data(),
                                    (flags & MAT_F_COMPLEX) != 0 ? static_cast<void*>(&complex) : values.data(), flags);
    ASSERT_NE(array, nullptr);
    ASSERT_EQ(Mat_VarWrite(file_, array, MAT_COMPRESSION_NONE), 0) << name;
    Mat_VarFree(array);
  }
  void create(mat_ft version) {
    file_ = Mat_CreateVer(path_.c_str(), nullptr, version);
    ASSERT_NE(file_, nullptr);
  }
  std::unique_ptr<NamedArrays> close() {
    Mat_Close(file_);
    return open_named_arrays(path_);
  }
  tests::TemporaryFolder folder_;
  std::filesystem::path path_ = folder_ / "dump.mat";
  mat_t* file_ = nullptr;
};

class MatFile : public WrittenMatFile, public testing::WithParamInterface<mat_ft> {
 protected:
  void open() { create(GetParam()); }
};

TEST_P(MatFile, numbers_come_by_rows_and_whole_ones_as_integers) {
  open();
  add("by_columns", MAT_C_DOUBLE, MAT_T_DOUBLE, {3, 100}, 0.0);
  add("column", MAT_C_DOUBLE, MAT_T_DOUBLE, {4, 1}, -1.0);
  const auto arrays = close();
  const auto matrix = arrays->read_float32("by_columns", 2);
  EXPECT_EQ(matrix.shape, (std::vector<std::uint64_t>{3, 100}));
  for (std::size_t row = 0; row < 3; ++row)
    for (std::size_t column = 0; column < 100; ++column)
      ASSERT_EQ(matrix.values[row * 100 + column], static_cast<float>(column * 3 + row));
  EXPECT_TRUE(arrays->is_float64("by_columns"));
  EXPECT_EQ(arrays->read_int64("column", 1).values, (std::vector<std::int64_t>{-1, 0, 1, 2}));
  EXPECT_TRUE(arrays->has("column"));
  EXPECT_FALSE(arrays->has("row"));
  expect_error(core::ErrorKind::kInput, {"dump.mat", "'row' is missing"}, [&] { arrays->read_int64("row", 1); });
  expect_error(core::ErrorKind::kInput, {"'by_columns' has 2 dimensions"},
               [&] { arrays->read_int64("by_columns", 1); });
}
// The library refuses to write them; the newest version is a HDF5 file, which can't hold them.
TEST_P(MatFile, two_arrays_of_one_name_are_refused) {
  if (GetParam() == MAT_FT_MAT73) return;
  open();
  add<double>("gf", MAT_C_DOUBLE, MAT_T_DOUBLE, {2, 1}, 1);
  add<double>("qf", MAT_C_DOUBLE, MAT_T_DOUBLE, {2, 1}, 2);
  EXPECT_TRUE(close()->has("qf"));
  core::Bytes bytes = core::real_file_system().read(path_);
  const std::size_t at = core::as_text(bytes).find("qf");
  ASSERT_NE(at, std::string_view::npos);
  bytes[at] = std::byte{'g'};
  tests::overwrite(path_, bytes);
  expect_error(core::ErrorKind::kInput, {"dump.mat", "'gf' is in it twice"}, [&] { open_named_arrays(path_); });
}

INSTANTIATE_TEST_SUITE_P(versions, MatFile, testing::Values(MAT_FT_MAT4, MAT_FT_MAT5, MAT_FT_MAT73),
                         [](const auto& version) { return "mat" + std::to_string(version.param >> 4); });

using LaterMatFile = MatFile;

TEST_P(LaterMatFile, every_width_is_read_and_what_are_no_numbers_is_refused) {
  open();
  add("single", MAT_C_SINGLE, MAT_T_SINGLE, {1, 3}, 1.0F);
  add("int8", MAT_C_INT8, MAT_T_INT8, {1, 3}, std::int8_t{-1});
  add("int16", MAT_C_INT16, MAT_T_INT16, {1, 3}, std::int16_t{-1});
  add("int32", MAT_C_INT32, MAT_T_INT32, {1, 3}, std::int32_t{-1});
  add("int64", MAT_C_INT64, MAT_T_INT64, {1, 3}, std::int64_t{-1});
  add("uint8", MAT_C_UINT8, MAT_T_UINT8, {1, 3}, std::uint8_t{1});
  add("uint16", MAT_C_UINT16, MAT_T_UINT16, {1, 3}, std::uint16_t{1});
  add("uint32", MAT_C_UINT32, MAT_T_UINT32, {1, 3}, std::uint32_t{1});
  add("uint64", MAT_C_UINT64, MAT_T_UINT64, {1, 3}, std::uint64_t{1});
  add("text", MAT_C_CHAR, MAT_T_UINT8, {1, 3}, std::uint8_t{65});
  add("complex", MAT_C_DOUBLE, MAT_T_DOUBLE, {1, 3}, 1.0, MAT_F_COMPLEX);
  const auto arrays = close();
  for (const char* name : {"int8", "int16", "int32", "int64"})
    EXPECT_EQ(arrays->read_int64(name, 1).values, (std::vector<std::int64_t>{-1, 0, 1})) << name;
  for (const char* name : {"single", "uint8", "uint16", "uint32"})
    EXPECT_EQ(arrays->read_int64(name, 1).values, (std::vector<std::int64_t>{1, 2, 3})) << name;
  EXPECT_EQ(arrays->read_float32("single", 1).values, (std::vector<float>{1, 2, 3}));
  EXPECT_FALSE(arrays->is_float64("single"));
  const auto refused = [&](const std::string& name, const std::string& why) {
    expect_error(core::ErrorKind::kInput, {"dump.mat", "'" + name + "' " + why}, [&] { arrays->read_int64(name, 1); });
  };
  refused("uint64", "is uint64");
  refused("text", "holds no numbers");
  refused("complex", "is complex");
}
INSTANTIATE_TEST_SUITE_P(versions, LaterMatFile, testing::Values(MAT_FT_MAT5, MAT_FT_MAT73),
                         [](const auto& version) { return "mat" + std::to_string(version.param >> 4); });

TEST_F(WrittenMatFile, of_version_7_3_is_read_by_columns_whatever_its_ending) {
  create(MAT_FT_MAT73);
  add("x", MAT_C_DOUBLE, MAT_T_DOUBLE, {2, 3}, 0.0);
  EXPECT_EQ(close()->read_float64("x", 2).values, (std::vector<double>{0, 2, 4, 1, 3, 5}));
  for (const char* name : {"dump.h5", "dump.npz", "dump"}) {
    std::filesystem::copy_file(path_, folder_ / name);
    const auto array = open_named_arrays(folder_ / name)->read_float64("x", 2);
    EXPECT_EQ(array.shape, (std::vector<std::uint64_t>{2, 3})) << name;
    EXPECT_EQ(array.values, (std::vector<double>{0, 2, 4, 1, 3, 5})) << name;
  }
}

// h5py writes such arrays; matio loses them and those behind them.
TEST_F(WrittenMatFile, one_that_hides_arrays_is_refused) {
  create(MAT_FT_MAT73);
  add("query_prefix", MAT_C_DOUBLE, MAT_T_DOUBLE, {1, 3}, 1.0);
  EXPECT_TRUE(close()->has("query_prefix"));
  const hid_t file = H5Fopen(path_.c_str(), H5F_ACC_RDWR, H5P_DEFAULT), text = H5Tcopy(H5T_C_S1);
  ASSERT_GE(H5Tset_size(text, H5T_VARIABLE), 0);
  const hid_t one = H5Screate(H5S_SCALAR);
  const hid_t notes = H5Dcreate2(file, "query_notes", text, one, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  const hid_t kind = H5Acreate2(notes, "MATLAB_class", text, one, H5P_DEFAULT, H5P_DEFAULT);
  const char* words = "char";
  ASSERT_GE(H5Awrite(kind, text, &words), 0);
  H5Aclose(kind);
  H5Dclose(notes);
  H5Sclose(one);
  H5Tclose(text);
  ASSERT_GE(H5Fclose(file), 0);
  expect_error(core::ErrorKind::kInput, {"dump.mat", "'query_notes' is not written as MATLAB writes it"},
               [&] { open_named_arrays(path_); });
}

TEST_F(WrittenMatFile, floats_are_whole_numbers_where_each_stands_for_one_alone) {
  create(MAT_FT_MAT5);
  add("single", MAT_C_SINGLE, MAT_T_SINGLE, {1, 2}, 0x1p24F - 2);
  add("rounded", MAT_C_SINGLE, MAT_T_SINGLE, {1, 2}, 0x1p24F - 1);
  add("double", MAT_C_DOUBLE, MAT_T_DOUBLE, {1, 2}, 0x1p24);
  const auto arrays = close();
  EXPECT_EQ(arrays->read_int64("single", 1).values, (std::vector<std::int64_t>{16777214, 16777215}));
  EXPECT_EQ(arrays->read_int64("double", 1).values, (std::vector<std::int64_t>{16777216, 16777217}));
  expect_error(core::ErrorKind::kInput, {"'rounded' has 16777216 at 1", "float32 those below 16777216"},
               [&] { arrays->read_int64("rounded", 1); });
}

TEST_F(WrittenMatFile, float64_that_is_0_or_infinite_as_float32_is_refused) {
  create(MAT_FT_MAT5);
  add("tiny", MAT_C_DOUBLE, MAT_T_DOUBLE, {1, 2}, 1e-50);
  add("huge", MAT_C_DOUBLE, MAT_T_DOUBLE, {2, 1}, -1e39);
  const auto arrays = close();
  expect_error(core::ErrorKind::kInput, {"'tiny' has 1e-50 in row 0, column 0"},
               [&] { arrays->read_float32("tiny", 2); });
  expect_error(core::ErrorKind::kInput, {"'huge' has -1e+39 in row 0, column 0"},
               [&] { arrays->float32_rows("huge"); });
  EXPECT_EQ(arrays->read_float64("tiny", 2).values, (std::vector<double>{1e-50, 1}));
}

TEST(MatTest, what_is_no_such_file_is_refused) {
  const tests::TemporaryFolder folder;
  const auto path = folder / "a.mat";
  expect_error(core::ErrorKind::kInput, {"a.mat", "No such file"}, [&] { open_named_arrays(path); });
  tests::overwrite(path, core::as_byte_span("not such a file"));
  expect_error(core::ErrorKind::kInput, {"a.mat"}, [&] { open_named_arrays(path)->read_int64("x", 1); });
}

TEST(MatTest, one_that_ends_early_is_refused) {
  const tests::TemporaryFolder folder;
  const auto path = folder / "dump.mat";
  std::filesystem::copy_file(kGolden / "dump.mat", path);
  // The last bytes are the checksum of the last array, which matio does not compare.
  for (auto size = std::filesystem::file_size(path) - 16; size > 0; size -= std::min<std::uintmax_t>(size, 23)) {
    std::filesystem::resize_file(path, size);
    expect_error(core::ErrorKind::kInput, {"dump.mat"}, [&] {
      const auto arrays = open_named_arrays(path);
      for (const char* name : {"query_label", "gallery_label", "query_cam", "gallery_cam"}) arrays->read_int64(name, 1);
      for (const char* name : {"query_f", "gallery_f"}) arrays->read_float32(name, 2);
    });
  }
}

// The library takes memory for a name of any length before it looks for it.
TEST(MatFiles, of_version_4_claim_no_more_than_they_have) {
  const tests::TemporaryFolder folder;
  const auto expect_refused = [&](std::array<std::uint32_t, 5> header, const std::string& part) {
    std::string text(reinterpret_cast<const char*>(header.data()), sizeof header);
    core::write_atomic(core::real_file_system(), folder / "dump.mat",
                       text + std::string("a\0", 2) + std::string(48, 'x'));
    expect_error(core::ErrorKind::kInput, {"dump.mat", part}, [&] { open_named_arrays(folder / "dump.mat"); });
  };
  expect_refused({0, 3, 2, 0, 0x665f7972}, "3×2 and a name of 1717533042 bytes do not fit into the 50 bytes left");
  expect_refused({0, 3, 3, 0, 2}, "3×3");
  expect_refused({0, 0xffffffff, 0xffffffff, 0, 2}, "4294967295×4294967295");
  expect_refused({0, 3, 2, 1, 2}, "3×2");
  std::array<std::uint32_t, 5> big_endian{1000, 3, 2, 0, 0x665f7972};
  for (std::uint32_t& number : big_endian) number = __builtin_bswap32(number);
  expect_refused(big_endian, "a name of 1717533042 bytes");
}

}  // namespace
}  // namespace resolute::datasets::mat_arrays_test
