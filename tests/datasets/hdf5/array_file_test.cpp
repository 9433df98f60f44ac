#include "datasets/hdf5/array_file.h"

#include <gtest/gtest.h>
#include <hdf5.h>

#include <limits>
#include <numeric>
#include <thread>

#include "core/hash/sha256.h"
#include "datasets/hdf5/layout.h"
#include "tests/datasets/pack/raw_images.h"
#include "tests/support/faulty_file_system.h"
#include "tests/support/folders.h"
#include "tests/support/refusal.h"

namespace resolute::datasets::array_file_test {
namespace {

using namespace tests;

struct Example {
  std::vector<float> features;
  std::vector<std::int64_t> identities{3, 1, -2, 4};
  Example() : features(4 * 700) { std::iota(features.begin(), features.end(), -5.5F); }
  std::string write(core::FileSystem& files, const std::filesystem::path& path) const {
    ArrayFileWriter writer;
    writer.add("query/features", {4, 700}, features);
    writer.add("query/identities", {4}, identities);
    writer.add("gallery/features", {0, 700}, std::span<const float>());
    return writer.write(files, path);
  }
};

class ArrayFile : public testing::Test {
 protected:
  TemporaryFolder folder_;
  std::filesystem::path path_ = folder_ / "features.h5";
  core::FileSystem& files_ = core::real_file_system();
};

TEST_F(ArrayFile, what_was_written_comes_back) {
  Example example;
  std::string sha256 = example.write(files_, path_);
  EXPECT_EQ(core::sha256_hex(file_bytes(path_)), sha256);
  EXPECT_EQ(sha256, example.write(files_, folder_ / "again" / "features.h5"));
  ArrayFileReader reader(path_);
  EXPECT_TRUE(reader.has("query/features"));
  EXPECT_FALSE(reader.has("query/prefix"));
  EXPECT_FALSE(reader.has("nothing/at/all"));
  EXPECT_FALSE(reader.has("query"));
  EXPECT_EQ((std::vector<std::uint64_t>{4, 700}), reader.shape_of_floats("query/features"));
  EXPECT_EQ(example.features, reader.read_float32("query/features", 2).values);
  EXPECT_EQ(example.identities, reader.read_int64("query/identities", 1).values);
  EXPECT_TRUE(reader.read_float32("gallery/features", 2).values.empty());
}

TEST_F(ArrayFile, rows_come_a_few_at_a_time) {
  const auto expect_rows = [](const std::filesystem::path& path, const std::string& name) {
    const ArrayFileReader reader(path);
    const NamedArray<float> all = reader.read_float32(name, 2);
    const std::uint64_t width = all.shape[1];
    EXPECT_EQ(all.shape, reader.shape_of_floats(name));
    for (std::uint64_t first = 0; first < all.shape[0]; ++first)
      for (std::uint64_t count = 0; first + count <= all.shape[0]; ++count) {
        std::vector<float> rows(count * width);
        reader.read_float32_rows(name, first, rows);
        EXPECT_TRUE(
            std::equal(rows.begin(), rows.end(), all.values.begin() + static_cast<std::ptrdiff_t>(width * first)));
      }
  };
  Example().write(files_, path_);
  for (const char* name : {"query/features", "gallery/features"}) expect_rows(path_, name);
  for (const char* name : {"query/contiguous", "query/compressed", "query/big_endian", "query/float64"})
    expect_rows(tests::source_folder() / "tests/golden/array_file/foreign.h5", name);
  expect_error(core::ErrorKind::kInput, {"features.h5", "'query/identities' is int64"},
               [&] { ArrayFileReader(path_).shape_of_floats("query/identities"); });
}

TEST_F(ArrayFile, wrong_type_rank_or_name_is_refused) {
  Example().write(files_, path_);
  ArrayFileReader reader(path_);
  expect_error(core::ErrorKind::kInput, {"features.h5", "'query/cameras' is missing"},
               [&] { reader.read_int64("query/cameras", 1); });
  expect_error(core::ErrorKind::kInput, {"'query/identities' is int64", "float32, float64 or float16 is needed"},
               [&] { reader.read_float32("query/identities", 1); });
  expect_error(core::ErrorKind::kInput, {"'query/features' has 2 dimensions", "1 are needed"},
               [&] { reader.read_float32("query/features", 1); });
  expect_error(core::ErrorKind::kInput, {"'query' is not a data set"}, [&] { reader.read_float32("query", 1); });
}

TEST_F(ArrayFile, floats_are_integers_where_each_stands_for_one_alone) {
  const std::vector<float> whole{-1, 0, 0x1p24F - 1}, rounded{0, 1, 0x1p24F}, halves{0, 1, 2.5F},
      endless{0, std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()};
  ArrayFileWriter writer;
  writer.add("whole", {3}, whole);
  writer.add("rounded", {3}, rounded);
  writer.add("halves", {3}, halves);
  writer.add("endless", {3}, endless);
  writer.write(files_, path_);
  const ArrayFileReader reader(path_);
  EXPECT_EQ(reader.read_int64("whole", 1).values, (std::vector<std::int64_t>{-1, 0, 16777215}));
  const auto refused = [&](const std::string& name, const std::string& part) {
    expect_error(core::ErrorKind::kInput, {"features.h5", "'" + name + "' has " + part, "float32 those below 16777216"},
                 [&] { reader.read_int64(name, 1); });
  };
  refused("rounded", "16777216 at 2");
  refused("halves", "2.5 at 2");
  refused("endless", "inf at 1");
}

TEST_F(ArrayFile, float64_that_is_0_or_infinite_as_float32_is_refused) {
  const std::vector<double> fine{-0.0, 0x1p-149, 3.4e38, 0.5}, tiny{1, 0, 2, 1e-50}, huge{1, 2, -1e39, 3};
  const hsize_t shape[] = {2, 2};
  const hid_t file = H5Fcreate(path_.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  const hid_t space = H5Screate_simple(2, shape, nullptr);
  for (const auto& [name, values] : {std::pair("fine", &fine), std::pair("tiny", &tiny), std::pair("huge", &huge)}) {
    const hid_t data = H5Dcreate2(file, name, H5T_IEEE_F64LE, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    ASSERT_GE(H5Dwrite(data, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values->data()), 0);
    H5Dclose(data);
  }
  H5Sclose(space);
  ASSERT_GE(H5Fclose(file), 0);
  const ArrayFileReader reader(path_);
  std::vector<float> row(2);
  EXPECT_EQ(reader.read_float32("fine", 2).values,
            (std::vector<float>{0, std::numeric_limits<float>::denorm_min(), 3.4e38F, 0.5F}));
  const auto refused = [&](const std::string& name, const std::string& words) {
    expect_error(core::ErrorKind::kInput, {"features.h5", "'" + name + "' has " + words},
                 [&] { reader.read_float32(name, 2); });
    expect_error(core::ErrorKind::kInput, {"features.h5", "'" + name + "' has " + words},
                 [&] { reader.read_float32_rows(name, 1, row); });
    reader.read_float32_rows(name, 0, row);
  };
  refused("tiny", "1e-50 in row 1, column 1 (as float32 it is 0)");
  refused("huge", "-1e+39 in row 1, column 0 (as float32 it is -inf)");
}

TEST_F(ArrayFile, one_row_and_one_column_are_a_list_where_one_is_asked_for) {
  const std::vector<std::int64_t> list{3, 1, -2};
  ArrayFileWriter writer;
  writer.add("row", {1, 3}, list);
  writer.add("column", {3, 1}, list);
  writer.add("cube", {3, 1, 1}, list);
  writer.add("no_row", {0, 1}, std::span<const std::int64_t>());
  writer.write(files_, path_);
  const ArrayFileReader reader(path_);
  for (const char* name : {"row", "column"}) {
    const auto array = reader.read_int64(name, 1);
    EXPECT_EQ(array.shape, (std::vector<std::uint64_t>{3})) << name;
    EXPECT_EQ(array.values, list) << name;
  }
  EXPECT_EQ(reader.read_int64("no_row", 1).shape, (std::vector<std::uint64_t>{0}));
  EXPECT_EQ(reader.read_int64("column", 2).shape, (std::vector<std::uint64_t>{3, 1}));
  expect_error(core::ErrorKind::kInput, {"'cube' has 3 dimensions"}, [&] { reader.read_int64("cube", 1); });
}

TEST_F(ArrayFile, files_that_are_not_hdf5_are_refused) {
  expect_error(core::ErrorKind::kInput, {"features.h5", "No such file"}, [&] { ArrayFileReader reader(path_); });
  expect_error(core::ErrorKind::kInput, {"regular file"}, [&] { ArrayFileReader reader(folder_.path()); });
  for (const char* text : {"", "not an HDF5 file at all\n", "\x89HDF\r\n\x1a\n"}) {
    tests::overwrite(path_, core::as_byte_span(text));
    expect_error(core::ErrorKind::kInput, {"features.h5"}, [&] { ArrayFileReader reader(path_); });
  }
}

TEST_F(ArrayFile, flipped_bytes_of_the_metadata_never_crash) {
  Example example;
  example.write(files_, path_);
  for (std::uint64_t at = 0; at < 4096; ++at) {
    tests::flip_byte(path_, at, 0xff);
    tests::refusal([&] {
      ArrayFileReader reader(path_);
      EXPECT_EQ(example.features, reader.read_float32("query/features", 2).values) << at;
    });
    tests::flip_byte(path_, at, 0xff);
  }
}

TEST_F(ArrayFile, an_absurd_size_is_refused_before_memory_is_asked_for) {
  // The layout of a petabyte costs nothing; the file that claims it is cut short.
  hdf5::ArrayLayout layout{"query/features", hdf5::ElementType::kFloat32, {std::uint64_t{1} << 30, 250000}};
  hdf5::FileImage image = hdf5::lay_out(std::span(&layout, 1));
  auto file = files_.open_for_write(path_, core::OpenMode::kTruncate);
  for (const auto& piece : image.metadata) file->write_at(piece.offset, piece.bytes);
  file->close();
  expect_error(core::ErrorKind::kInput, {"features.h5"}, [&] {
    ArrayFileReader reader(path_);
    reader.read_float32("query/features", 2);
  });
  EXPECT_THROW((hdf5::ArrayLayout{"x", hdf5::ElementType::kInt64, {1ULL << 40, 1ULL << 40}}.bytes()),
               core::RuntimeError);
}

TEST_F(ArrayFile, a_failed_write_leaves_nothing) {
  for (auto operation : {FaultyFileSystem::kOpen, FaultyFileSystem::kWrite, FaultyFileSystem::kSync,
                         FaultyFileSystem::kClose, FaultyFileSystem::kRename}) {
    int nth = 0;
    for (;; ++nth) {
      FaultyFileSystem files;
      files.fail(operation, nth);
      const std::string refused = tests::refusal([&] { Example().write(files, path_); }, core::ErrorKind::kEnvironment);
      EXPECT_EQ(files.fired(), !refused.empty()) << operation << " " << nth;
      if (!files.fired()) break;
      EXPECT_TRUE(files_.list(folder_.path()).empty());
    }
    EXPECT_GT(nth, 0) << operation;
    std::filesystem::remove(path_);
  }
}

// tests/golden/array_file/make_foreign.py says what is in the file.
TEST_F(ArrayFile, files_of_other_programs_are_read_and_their_traps_refused) {
  ArrayFileReader reader(tests::source_folder() / "tests/golden/array_file/foreign.h5");
  std::vector<float> expected(12);
  std::iota(expected.begin(), expected.end(), 0.0F);
  for (const char* name : {"query/contiguous", "query/compressed", "query/big_endian"})
    EXPECT_EQ(expected, reader.read_float32(name, 2).values) << name;
  EXPECT_EQ((std::vector<std::int64_t>{5, -1, 7, 9}), reader.read_int64("query/identities", 1).values);
  EXPECT_EQ(expected, reader.read_float32("query/float64", 2).values);
  EXPECT_TRUE(reader.is_float64("query/float64"));
  EXPECT_FALSE(reader.is_float64("query/contiguous"));
  EXPECT_EQ(std::vector<double>(expected.begin(), expected.end()), reader.read_float64("query/float64", 2).values);
  for (const char* name : {"float16", "float16_big_endian", "float64_big_endian"})
    EXPECT_EQ((std::vector<float>{0, 1, 2, 3}), reader.read_float32(std::string("query/of_") + name, 1).values) << name;
  for (const char* name : {"int8", "int16", "int32_big_endian", "uint8", "uint16", "uint32"})
    EXPECT_EQ((std::vector<std::int64_t>{0, 1, 2, 3}), reader.read_int64(std::string("query/of_") + name, 1).values)
        << name;
  expect_error(core::ErrorKind::kInput, {"'query/of_uint64' is uint64", "of 32 without a sign, is needed"},
               [&] { reader.read_int64("query/of_uint64", 1); });
  for (const char* name : {"float16", "float16_big_endian", "float64_big_endian"})
    EXPECT_EQ((std::vector<std::int64_t>{0, 1, 2, 3}), reader.read_int64(std::string("query/of_") + name, 1).values)
        << name;
  auto refused = [&](const std::string& name, std::size_t rank, const std::string& part) {
    expect_error(core::ErrorKind::kInput, {"foreign.h5", name, part}, [&] { reader.read_float32(name, rank); });
  };
  refused("query/int32", 1, "is int32");
  refused("query/odd_float64", 1, "is float64");
  refused("query/text", 1, "string");
  refused("query/scalar", 1, "0 dimensions");
  refused("query/huge", 2, "claims 18014398509481984 bytes");
  refused("query/huge_contiguous", 2, "claims 18014398509481984 bytes");
  refused("query/outside", 2, "other files");
  refused("query/virtual", 2, "other files");
  refused("query/soft", 2, "is a link");
  refused("query/linked_file", 2, "is a link");
}

TEST_F(ArrayFile, threads_read_side_by_side) {
  Example example;
  example.write(files_, path_);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      for (int repeat = 0; repeat < 20; ++repeat) {
        ArrayFileReader reader(path_);
        EXPECT_EQ(example.features, reader.read_float32("query/features", 2).values);
        EXPECT_THROW(reader.read_float32("query/none", 2), core::RuntimeError);
      }
    });
  for (auto& thread : threads) thread.join();
}

// lzf, blosc and zstd are such to a library without their plug-ins.
TEST_F(ArrayFile, a_filter_that_is_not_there_is_named_and_no_plug_in_is_looked_for) {
  ArrayFileReader(tests::source_folder() / "tests/golden/array_file/foreign.h5");  // the library has begun
  unsigned loads = ~0U;
  ASSERT_GE(H5PLget_loading_state(&loads), 0);
  EXPECT_EQ(0U, loads);
  const H5Z_class2_t filter{
      H5Z_CLASS_T_VERS,
      32'999,
      1,
      1,
      "squeeze",
      nullptr,
      nullptr,
      [](unsigned, std::size_t, const unsigned*, std::size_t bytes, std::size_t*, void**) { return bytes; }};
  const hsize_t shape[] = {4, 8};
  const std::vector<float> values(32, 1.5F);
  ASSERT_GE(H5Zregister(&filter), 0);
  const hid_t file = H5Fcreate(path_.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  const hid_t space = H5Screate_simple(2, shape, nullptr);
  for (const auto& [name, asked, optional] :
       {std::tuple("own", 32'999, H5Z_FLAG_OPTIONAL), std::tuple("needed", 32'999, H5Z_FLAG_MANDATORY),
        std::tuple("gzip", H5Z_FILTER_DEFLATE, H5Z_FLAG_MANDATORY)}) {
    const hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_chunk(creation, 2, shape);
    const unsigned level = 6;
    H5Pset_filter(creation, asked, static_cast<unsigned>(optional), 1, &level);
    const hid_t data = H5Dcreate2(file, name, H5T_IEEE_F32LE, space, H5P_DEFAULT, creation, H5P_DEFAULT);
    EXPECT_GE(H5Dwrite(data, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()), 0);
    H5Dclose(data);
    H5Pclose(creation);
  }
  H5Sclose(space);
  H5Fclose(file);
  H5Zunregister(32'999);
  const ArrayFileReader reader(path_);
  for (const char* name : {"own", "needed"}) {
    const std::string refused = tests::refusal([&] { reader.read_float32(name, 2); });
    EXPECT_NE(std::string::npos, refused.find("is packed by 'squeeze' (HDF5 itself has no such filter")) << refused;
    EXPECT_NE(std::string::npos, refused.find("gzip")) << refused;
  }
  EXPECT_EQ(values, reader.read_float32("gzip", 2).values);
}

// A program that was stopped leaves a file that is sound but for chunks that nobody wrote.
TEST_F(ArrayFile, chunks_that_were_never_written_are_refused) {
  const hid_t file = H5Fcreate(path_.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  const auto write = [&](const char* name, hid_t type, const std::vector<hsize_t>& shape,
                         const std::vector<hsize_t>& chunk, hsize_t from, hsize_t to, bool packed) {
    const int rank = static_cast<int>(shape.size());
    const hid_t creation = H5Pcreate(H5P_DATASET_CREATE), space = H5Screate_simple(rank, shape.data(), nullptr);
    H5Pset_chunk(creation, rank, chunk.data());
    if (packed) H5Pset_deflate(creation, 6);
    const hid_t data = H5Dcreate2(file, name, type, space, H5P_DEFAULT, creation, H5P_DEFAULT);
    std::vector<hsize_t> first(shape.size()), count = shape;
    first[0] = from;
    count[0] = to - from;
    H5Sselect_hyperslab(space, H5S_SELECT_SET, first.data(), nullptr, count.data(), nullptr);
    const std::vector<std::int64_t> ones(200, 1);
    const hid_t memory = H5Screate_simple(rank, count.data(), nullptr);
    EXPECT_GE(H5Dwrite(data, H5T_NATIVE_INT64, memory, space, H5P_DEFAULT, ones.data()), 0);
    for (const hid_t one : {memory, space}) H5Sclose(one);
    H5Pclose(creation);
    H5Dclose(data);
  };
  write("end", H5T_IEEE_F32LE, {10, 10}, {4, 4}, 0, 8, false);  // the last chunks are larger than what is left
  write("begin", H5T_IEEE_F64LE, {10, 10}, {2, 10}, 2, 10, true);
  write("list", H5T_STD_I64LE, {100}, {64}, 0, 50, false);
  write("whole", H5T_IEEE_F32LE, {10, 10}, {4, 4}, 0, 10, true);
  H5Fclose(file);
  const ArrayFileReader reader(path_);
  const std::string why = "has parts that were never written";
  expect_error(core::ErrorKind::kInput, {"'end'", why}, [&] { reader.shape_of_floats("end"); });
  expect_error(core::ErrorKind::kInput, {"'begin'", why}, [&] { reader.read_float32("begin", 2); });
  expect_error(core::ErrorKind::kInput, {"'list'", why}, [&] { reader.read_int64("list", 1); });
  EXPECT_EQ(std::vector<float>(100, 1.0F), reader.read_float32("whole", 2).values);
}

}  // namespace
}  // namespace resolute::datasets::array_file_test
