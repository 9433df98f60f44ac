//! The formats of files, and rows that are read some at a time: how long what was read stays.

#include "datasets/arrays/named_arrays.h"

#include <gtest/gtest.h>
#include <hdf5.h>

#include <numeric>
#include <vector>

#include "core/bytes.h"
#include "core/files/zip_archive.h"
#include "datasets/hdf5/array_file.h"
#include "tests/support/folders.h"
#include "tests/support/refusal.h"
#include "tests/support/temporary_folder.h"

namespace resolute::datasets::named_arrays_test {
namespace {

// Whatever was read again on the way, and however often.
TEST(FloatRows, what_was_read_stays_until_the_next_call_but_one) {
  constexpr std::size_t kRows = 6, kWidth = 3;
  tests::TemporaryFolder folder;
  std::vector<float> values(kRows * kWidth);
  std::iota(values.begin(), values.end(), 0.5F);
  ArrayFileWriter writer;
  writer.add("rows", {kRows, kWidth}, values);
  writer.write(core::real_file_system(), folder / "rows.h5");
  const auto arrays = open_named_arrays(folder / "rows.h5");
  for (std::size_t ways = 0; ways < 81; ++ways) {  // every four of three pieces
    const auto rows = arrays->float32_rows("rows");
    std::vector<float> before_that;
    std::span<const float> before;
    for (std::size_t call = 0, way = ways; call < 4; ++call, way /= 3) {
      const std::size_t first = way % 3 * 2;
      const auto whole = std::span(values).subspan(first * kWidth, 2 * kWidth);
      const std::span<const float> read = rows->read(first, 2);
      ASSERT_EQ(std::vector(read.begin(), read.end()), std::vector(whole.begin(), whole.end())) << ways;
      ASSERT_EQ(std::vector(before.begin(), before.end()), before_that) << ways << ", " << call;
      before = read;
      before_that.assign(whole.begin(), whole.end());
    }
  }
}

const char* const kEndings[] = {"", ".h5", ".npz", ".mat", ".npy", ".pth"};

TEST(NamedArrays, the_first_bytes_tell_the_format_and_not_the_ending) {
  const std::filesystem::path golden = tests::source_folder() / "tests/golden/array_file";  // make_dumps.py
  const std::vector<float> features{0, 0.5F, 2, -1, 4, 4};
  tests::TemporaryFolder folder;
  for (const std::string ending : kEndings) {
    const std::filesystem::path path = folder / ("dump" + ending);
    const auto copy = [&](const char* file) {
      std::filesystem::copy_file(golden / file, path, std::filesystem::copy_options::overwrite_existing);
    };
    copy("dump.npz");
    EXPECT_EQ(open_named_arrays(path)->read_float32("qf", 2).values, features) << path;
    copy("dump.mat");
    EXPECT_EQ(open_named_arrays(path)->read_float32("query_f", 2).values, features) << path;
    copy("dump.h5");
    EXPECT_EQ(open_named_arrays(path)->read_float32("query/features", 2).values, features) << path;
    copy("dump_folder/query_features.npy");
    EXPECT_NE(std::string::npos, tests::refusal([&] { open_named_arrays(path); }).find("holds one array")) << path;
  }
}

TEST(NamedArrays, hdf5_is_found_behind_a_block_of_another_program) {
  tests::TemporaryFolder folder;
  const hsize_t shape[] = {1, 2};
  const std::vector<float> values{1.5F, -2};
  for (const hsize_t block : {512U, 1024U, 8192U})
    for (const std::string ending : kEndings) {
      const std::filesystem::path path = folder / (std::to_string(block) + ending);
      const hid_t creation = H5Pcreate(H5P_FILE_CREATE);
      ASSERT_GE(H5Pset_userblock(creation, block), 0);
      const hid_t file = H5Fcreate(path.c_str(), H5F_ACC_TRUNC, creation, H5P_DEFAULT);
      const hid_t space = H5Screate_simple(2, shape, nullptr);
      const hid_t data = H5Dcreate2(file, "rows", H5T_IEEE_F32LE, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
      ASSERT_GE(H5Dwrite(data, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()), 0);
      H5Dclose(data);
      H5Sclose(space);
      H5Pclose(creation);
      ASSERT_GE(H5Fclose(file), 0);
      EXPECT_EQ(open_named_arrays(path)->read_float32("rows", 2).values, values) << path;
    }
}

TEST(NamedArrays, a_file_of_torch_is_told_as_such) {
  tests::TemporaryFolder folder;
  const auto refused = [&](const std::string& name, std::string_view bytes) {
    core::write_atomic(core::real_file_system(), folder / name, core::as_byte_span(bytes));
    return tests::refusal([&] { open_named_arrays(folder / name); });
  };
  using namespace std::string_view_literals;
  const core::Bytes archive =
      core::encode_zip({core::stored_entry("features/data.pkl", core::as_byte_span("\x80\x02}."sv)),
                        core::stored_entry("features/data/0", core::as_byte_span("1234"sv))});
  for (const std::string_view bytes : {core::as_text(archive), "\x80\x02\x8a\nl\xfc\x9c"sv, "\x80\x04\x95 "sv})
    for (const std::string ending : kEndings) {
      const std::string message = refused("features" + ending, bytes);
      EXPECT_NE(std::string::npos, message.find("is no HDF5 file but one as torch.save writes"))
          << ending << ": " << message;
    }
  for (const std::string_view bytes : {""sv, "PK"sv, "\x80\x01zz"sv, "text"sv})
    EXPECT_EQ(std::string::npos, refused("features.h5", bytes).find("torch")) << bytes;
}

}  // namespace
}  // namespace resolute::datasets::named_arrays_test
