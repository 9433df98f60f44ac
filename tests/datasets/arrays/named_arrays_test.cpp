//! Rows that are read some at a time: how long what was read stays.

#include "datasets/arrays/named_arrays.h"

#include <gtest/gtest.h>

#include <numeric>
#include <vector>

#include "core/bytes.h"
#include "datasets/hdf5/array_file.h"
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

TEST(NamedArrays, a_file_of_torch_is_told_as_such) {
  tests::TemporaryFolder folder;
  const auto refused = [&](const std::string& name, std::string_view bytes) {
    core::write_atomic(core::real_file_system(), folder / name, core::as_byte_span(bytes));
    return tests::refusal([&] { open_named_arrays(folder / name); });
  };
  using namespace std::string_view_literals;
  for (const std::string_view bytes : {"PK\x03\x04 and an archive"sv, "\x80\x02\x8a\nl\xfc\x9c"sv, "\x80\x04\x95 "sv})
    for (const char* name : {"features.pt", "features.pth", "features.h5", "features"})
      EXPECT_NE(std::string::npos, refused(name, bytes).find("is no HDF5 file but one as torch.save writes")) << name;
  for (const std::string_view bytes : {""sv, "PK"sv, "\x80\x01zz"sv, "text"sv})
    EXPECT_EQ(std::string::npos, refused("features.h5", bytes).find("torch")) << bytes;
}

}  // namespace
}  // namespace resolute::datasets::named_arrays_test
