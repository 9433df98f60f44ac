// A file's arrays, read without HDF5, lie where HDF5 put them; hostile metadata is refused, and only that.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "core/random/random.h"
#include "datasets/hdf5/checksum.h"
#include "datasets/hdf5/layout.h"
#include "datasets/hdf5/placed_file.h"
#include "tests/datasets/pack/raw_images.h"

namespace resolute::datasets::hdf5::read_layout_test {
namespace {

using namespace tests;

void write_file(const std::filesystem::path& path, const FileImage& image) {
  PlacedFile(core::real_file_system(), path, image).publish();
}

std::vector<PlacedArray> read(const std::filesystem::path& path) { return read_layout(path); }

// HDF5's checksummed blocks of a file that lay_out() planned, begin and end, found by where a checksum is right.
std::vector<std::pair<std::size_t, std::size_t>> metadata_blocks(const core::Bytes& bytes) {
  std::vector<std::pair<std::size_t, std::size_t>> blocks{{0, 44}};
  const std::string_view text = core::as_text(bytes);
  for (const char* signature : {"OHDR", "OCHK"})
    for (std::size_t at = text.find(signature); at != std::string_view::npos; at = text.find(signature, at + 1))
      for (std::size_t end = at + 8; end + 4 <= bytes.size(); ++end) {
        std::uint32_t stored = 0;
        std::memcpy(&stored, bytes.data() + end, sizeof stored);
        if (metadata_checksum(std::span(bytes).subspan(at, end - at)) != stored) continue;
        blocks.emplace_back(at, end);
        break;
      }
  return blocks;
}

const std::vector<ArrayLayout>& some_arrays() {
  static const std::vector<ArrayLayout> kArrays{{"a", ElementType::kUint8, {5, 3}},
                                                {"group/b", ElementType::kInt64, {7}},
                                                {"group/c", ElementType::kFloat32, {2, 2}},
                                                {"d", ElementType::kUint32, {0, 4}}};
  return kArrays;
}

TEST(ReadLayout, arrays_are_where_hdf5_put_them) {
  constexpr std::array kTypes{ElementType::kUint8, ElementType::kUint32, ElementType::kUint64,
                              ElementType::kInt32, ElementType::kInt64,  ElementType::kFloat32};
  const TemporaryFolder folder;
  core::RandomStream random("read layout", {1});
  for (int file = 0; file < 40; ++file) {
    std::vector<ArrayLayout> arrays;
    for (std::uint64_t i = 0, count = random.below(70); i < count; ++i) {
      const std::string where = random.below(3) == 0 ? "group/" : random.below(5) == 0 ? "one/two/" : "";
      ArrayLayout array{fmt::format("{}{:b}", where, i), kTypes.at(random.below(kTypes.size())), {}};
      for (std::uint64_t rank = 1 + random.below(4); rank > 0; --rank) array.shape.push_back(random.below(40));
      arrays.push_back(std::move(array));
    }
    FileImage image = lay_out(arrays);
    write_file(folder / "file.h5", image);
    // HDF5's own answer: H5Dget_offset() of each as it was made.
    std::ranges::sort(image.arrays,
                      [](const PlacedArray& a, const PlacedArray& b) { return a.layout.name < b.layout.name; });
    const std::vector<PlacedArray> found = read(folder / "file.h5");
    ASSERT_EQ(found.size(), image.arrays.size());
    for (std::size_t i = 0; i < found.size(); ++i) {
      EXPECT_EQ(found[i].layout, image.arrays[i].layout);
      EXPECT_EQ(found[i].offset, image.arrays[i].offset) << found[i].layout.name;
    }
  }
}

TEST(ReadLayout, what_is_no_such_file_is_refused_with_its_name) {
  const TemporaryFolder folder;
  for (const std::string_view text :
       {"", "no HDF5 at all", "\x89HDF\r\n\x1a\n and then something else, longer than a block"}) {
    tests::overwrite(folder / "file.h5", core::as_byte_span(text));
    expect_error(core::ErrorKind::kCorrupt, {"cannot read '", "file.h5'"}, [&] { read(folder / "file.h5"); });
  }
  EXPECT_THROW(read(folder / "missing.h5"), core::RuntimeError);
}

TEST(ReadLayout, a_cut_file_is_refused_at_every_length) {
  const TemporaryFolder folder;
  write_file(folder / "file.h5", lay_out(some_arrays()));
  const core::Bytes bytes = file_bytes(folder / "file.h5");
  for (std::size_t size = 0; size < bytes.size(); size += 7) {
    tests::overwrite(folder / "file.h5", std::span(bytes).first(size));
    EXPECT_THROW(read(folder / "file.h5"), core::RuntimeError) << size;
  }
}

// With the right checksum over the changed bytes, HDF5 1.10.8 crashes on some of these.
TEST(ReadLayout, changed_metadata_is_refused_or_leads_nowhere_beyond_the_file) {
  const TemporaryFolder folder;
  const auto path = folder / "file.h5";
  write_file(path, lay_out(some_arrays()));
  core::Bytes bytes = file_bytes(path);
  const auto blocks = metadata_blocks(bytes);
  ASSERT_GE(blocks.size(), 7U);  // superblock, root, group, four arrays
  std::size_t tried = 0, refused = 0;
  for (const auto& [begin, end] : blocks)
    for (std::size_t at = begin; at < end; ++at)
      for (const unsigned mask : {0x01U, 0x02U, 0x80U, 0xffU}) {
        core::Bytes changed = bytes;
        changed[at] ^= static_cast<std::byte>(mask);
        const std::uint32_t checksum = metadata_checksum(std::span(changed).subspan(begin, end - begin));
        std::memcpy(changed.data() + end, &checksum, sizeof checksum);
        std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
        file.write(reinterpret_cast<const char*>(changed.data()), static_cast<std::streamsize>(changed.size()));
        file.close();
        ++tried;
        try {
          for (const PlacedArray& array : read(path)) {
            EXPECT_LE(array.layout.bytes(), bytes.size());
            EXPECT_LE(array.offset, bytes.size() - array.layout.bytes());
          }
        } catch (const core::RuntimeError& error) {
          EXPECT_EQ(error.kind(), core::ErrorKind::kCorrupt) << error.what();
          ++refused;
        }
      }
  EXPECT_GT(refused, tried / 4);
}

// An object header goes on in a block that goes on in itself: each round would be kept.
TEST(ReadLayout, a_block_that_leads_to_itself_is_refused) {
  core::Bytes bytes;
  const auto append = [&](std::string_view text) { core::append_bytes(bytes, core::as_byte_span(text)); };
  const auto end_block = [&](std::size_t begin) {
    core::append_little_endian(bytes, metadata_checksum(std::span(bytes).subspan(begin)));
  };
  const auto append_continuation = [&](std::uint64_t offset, std::uint64_t length) {
    append(std::string_view("\x10\x10\0\0", 4));
    core::append_little_endian(bytes, offset);
    core::append_little_endian(bytes, length);
  };
  append(std::string_view("\x89HDF\r\n\x1a\n\x02\x08\x08\0", 12));
  for (const std::uint64_t value : {std::uint64_t{0}, ~std::uint64_t{0}, std::uint64_t{48}, std::uint64_t{48}})
    core::append_little_endian(bytes, value);
  end_block(0);
  append(std::string_view("OHDR\x02\0\x14", 7));
  append_continuation(79, 28);
  end_block(48);
  ASSERT_EQ(bytes.size(), 79U);
  append("OCHK");
  append_continuation(79, 28);
  end_block(79);
  const TemporaryFolder folder;
  tests::overwrite(folder / "file.h5", bytes);
  expect_error(core::ErrorKind::kCorrupt, {"file.h5'", "comes twice"}, [&] { read(folder / "file.h5"); });
}

}  // namespace
}  // namespace resolute::datasets::hdf5::read_layout_test
