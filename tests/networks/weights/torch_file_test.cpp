#include "networks/weights/torch_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "networks/weights/pickle.h"
#include "tests/networks/weights/files.h"

namespace resolute::networks::torch_file_test {
namespace {

using network_tests::golden_bytes;
using network_tests::refusal;
using network_tests::values;
using ::testing::HasSubstr;

NamedTensors small_tensors() {
  const at::Tensor shared = values(20, 7);
  return {{"plain", values(6, 1).view({2, 3})},
          {"double", values(4, 2).to(at::kDouble)},
          {"half", values(5, 3).to(at::kHalf)},
          {"brain", values(7, 4).to(at::kBFloat16)},
          {"turned", values(12, 5).view({3, 4}).t()},
          {"channels_last", values(24, 6).view({1, 2, 3, 4})},
          {"window", shared.slice(0, 5, 11)},
          {"row", shared.slice(0, 2, 20, 3)},
          {"parameter", values(3, 8)},
          {"scalar", at::full({}, 7, at::kLong)},
          {"empty", at::empty({0, 4})},
          {"truth", at::tensor(std::vector<std::int64_t>{1, 0, 1}).to(at::kBool)}};
}

void expect_small_tensors(const FileTensors& found) {
  const NamedTensors expected = small_tensors();
  ASSERT_EQ(expected.size(), found.size());
  for (const auto& [name, tensor] : expected) {
    ASSERT_TRUE(found.contains(name)) << name;
    const FileTensor& one = found.at(name);
    EXPECT_EQ(tensor.scalar_type(), one.type) << name;
    EXPECT_EQ(tensor.sizes().vec(), one.shape) << name;
    const at::Tensor read = one.read();
    EXPECT_TRUE(read.is_contiguous()) << name;
    EXPECT_TRUE(at::equal(tensor, read)) << name;
  }
}

class TorchFileOfPython : public ::testing::TestWithParam<const char*> {};

TEST_P(TorchFileOfPython, tensors_of_every_kind_are_read) {
  const core::Bytes bytes = golden_bytes(GetParam());
  ASSERT_TRUE(is_torch_file(bytes));
  expect_small_tensors(read_torch_file(bytes, "file"));
}

TEST_P(TorchFileOfPython, no_damage_is_worse_than_a_refusal) {
  network_tests::survive_damage(
      golden_bytes(GetParam()),
      [](std::span<const std::byte> bytes) {
        if (!is_torch_file(bytes)) return;
        // As the importer does: a shape is compared before anything is read.
        for (const auto& [name, tensor] : read_torch_file(bytes, "file"))
          if (c10::multiply_integers(tensor.shape) < 1000) tensor.read();
      },
      3);
}

INSTANTIATE_TEST_SUITE_P(Formats, TorchFileOfPython,
                         ::testing::Values("tensors.pth", "tensors_protocol_4.pth", "tensors_legacy.pth"));

TEST(TorchFile, a_checkpoint_gives_its_tensors_by_their_path) {
  for (const char* file : {"checkpoint.pth", "checkpoint_legacy.pth"}) {
    const core::Bytes bytes = golden_bytes(file);
    const FileTensors found = read_torch_file(bytes, "file");
    EXPECT_TRUE(found.contains("state_dict.module.layer4.0.conv2.weight")) << file;
    EXPECT_TRUE(found.contains("optimizer.state.0.exp_avg")) << file;
    EXPECT_TRUE(at::equal(network_tests::trunk_tensor("conv1.weight", {16, 3, 3, 3}),
                          found.at("state_dict.module.conv1.weight").read()))
        << file;
  }
}

TEST(TorchFile, writes_what_python_reads) {
  // make_goldens.py has loaded the golden with torch.load(weights_only=True), mapped and not.
  const core::Bytes bytes = encode_torch_file({{"a.weight", values(24, 10).view({2, 3, 2, 2})},
                                               {"b", values(4, 11).to(at::kBFloat16)},
                                               {"c", at::full({}, 5, at::kLong)},
                                               {"d", at::empty({0, 3})}});
  EXPECT_EQ(golden_bytes("written_here.pth"), bytes);
}

TEST(TorchFile, reads_what_it_writes) {
  NamedTensors tensors = small_tensors();
  const core::Bytes bytes = encode_torch_file(tensors);
  expect_small_tensors(read_torch_file(bytes, "file"));
  tensors["plain"] = tensors["plain"].t().contiguous().t();  // other strides, the same values
  EXPECT_EQ(bytes, encode_torch_file(tensors));
}

// A file of torch.save whose pickle is given.
core::Bytes with_pickle(std::string_view opcodes, std::string_view order = "little") {
  return core::encode_zip({core::stored_entry("f/data.pkl", core::as_byte_span(opcodes)),
                           core::stored_entry("f/byteorder", core::as_byte_span(order)),
                           core::stored_entry("f/data/0", core::as_byte_span("01234567"))});
}

// {"w": a view of two float32 at (offset, shape, stride)}
std::string view_pickle(const std::string& offset, const std::string& shape, const std::string& strides) {
  return std::string("}X\x01\x00\x00\x00w", 7) +
         "ctorch._utils\n_rebuild_tensor_v2\n((\x8C\x07storagectorch\nFloatStorage\n\x8C\x01" + "0\x8C\x03" +
         "cpuK\x02tQ" + offset + shape + strides + "\x89NtRs.";
}

TEST(TorchFile, a_view_past_its_storage_is_refused) {
  const auto read = [](const std::string& pickle) {
    const core::Bytes bytes = with_pickle(pickle);
    return refusal([&] { read_torch_file(bytes, "file").at("w").read(); });
  };
  const std::string one = "K\x01\x85", two = "K\x02\x85", zero = std::string("K\0", 2);
  EXPECT_EQ("accepted", read(view_pickle(zero, two, one)));
  EXPECT_THAT(read(view_pickle("K\x01", two, one)), HasSubstr("reaches past the 2 elements"));
  EXPECT_THAT(read(view_pickle(zero, two, two)), HasSubstr("reaches past the 2 elements"));
  EXPECT_THAT(read(view_pickle("K\xFF", one, one)), HasSubstr("reaches past the 2 elements"));
  const std::string huge = "\x8A\x08\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x7F\x85";
  EXPECT_THAT(read(view_pickle(zero, huge, huge)), HasSubstr("reaches past the 2 elements"));
}

TEST(TorchFile, a_shape_that_the_storage_does_not_fill_takes_no_memory) {
  const auto read = [](const std::string& shape, const std::string& strides) {
    const core::Bytes bytes = with_pickle(view_pickle(std::string("K\0", 2), shape, strides));
    return refusal([&] { read_torch_file(bytes, "file").at("w").read(); });
  };
  const std::string zero = std::string("K\0", 2), two = "K\x02", huge = "\x8A\x08" + std::string(7, '\0') + "\x40";
  const std::string large = "J" + std::string("\0\0\0\x40", 4);
  EXPECT_THAT(read(large + "\x85", zero + "\x85"), HasSubstr("1073741824 elements repeats those of its storage"));
  EXPECT_EQ("accepted", read(two + two + "\x86", zero + zero + "\x86")) << "as expand() makes it";
  EXPECT_EQ("accepted", read(two + "\x85", zero + "\x85"));
  EXPECT_EQ("accepted", read(zero + two + "\x86", two + "K\x01\x86"));
  EXPECT_THAT(read(zero + huge + huge + "\x87", zero + zero + zero + "\x87"), HasSubstr("reaches past"));
}

TEST(TorchFile, what_is_no_tensor_is_passed_over) {
  const auto listed = [](const std::string& pickle) {
    const core::Bytes bytes = with_pickle(pickle);
    return read_torch_file(bytes, "file").size();
  };
  const std::string one = "K\x01\x85", negative = "J\xFF\xFF\xFF\xFF", zero = std::string("K\0", 2);
  EXPECT_EQ(1U, listed(view_pickle(zero, one, one)));
  EXPECT_EQ(0U, listed(view_pickle(negative, one, one)));
  EXPECT_EQ(0U, listed(view_pickle(zero, negative + "\x85", one)));
  EXPECT_EQ(0U, listed(view_pickle(zero, one, negative + "\x85")));
  EXPECT_EQ(0U, listed(view_pickle(zero, "K\x01K\x01\x86", one)));
  EXPECT_EQ(0U, listed("}\x8C\x01wcposix\nsystem\n\x8C\x05"
                       "false\x85Rs."));
  EXPECT_EQ(0U, listed("N."));
}

// Python 2 calls OrderedDict with a list of pairs, Python 3 stores entries in an empty one.
TEST(TorchFile, a_state_dict_of_python_2_is_read) {
  const std::string one = "K\x01\x85", zero = std::string("K\0", 2);
  const std::string tensor = view_pickle(zero, one, one).substr(7);  // without the dictionary and its key
  const auto listed = [&](const std::string& pairs) {
    const core::Bytes bytes = with_pickle("ccollections\nOrderedDict\n(" + pairs + "tR.");
    std::vector<std::string> names;
    for (const auto& [name, found] : read_torch_file(bytes, "file")) names.push_back(name);
    return names;
  };
  const std::string made = tensor.substr(0, tensor.size() - 2);  // without "s."
  EXPECT_THAT(listed("(l(lU\x03"
                     "1.wa" +
                     made +
                     "aa(lU\x01"
                     "b"
                     "a" +
                     made + "aa"),
              testing::ElementsAre("1.w", "b"));
  EXPECT_THAT(listed("(l(lU\x01"
                     "b"
                     "aa"),
              testing::IsEmpty())
      << "a pair of one";
  EXPECT_THAT(listed("(l(lU\x01"
                     "b"
                     "a" +
                     made + "aaK\x01"),
              testing::IsEmpty())
      << "of two arguments";
}

TEST(TorchFile, circles_and_shared_dictionaries_end) {
  // d = {}; d["a"] = d
  const core::Bytes circle = with_pickle(
      "}q\x01\x8C\x01"
      "ah\x01s.");
  EXPECT_EQ(0U, read_torch_file(circle, "file").size());
  // Sixteen dictionaries, each of which holds the next one a hundred times.
  std::string pickle = "}q\x01";
  for (char index = 2; index < 16; ++index) {
    pickle += std::string("0}q") + index + "(";
    for (int i = 0; i < 100; ++i)
      pickle += std::string("K") + static_cast<char>(i) + "h" + static_cast<char>(index - 1);
    pickle += "u";
  }
  const core::Bytes bytes = with_pickle(pickle + ".");
  EXPECT_THAT(refusal([&] { read_torch_file(bytes, "file"); }), HasSubstr("too many entries"));
}

// 2,000 times 2,000 entries in 12,000 bytes.
TEST(TorchFile, entries_without_a_name_count_too) {
  const auto twice = [](const std::string& inner) {
    std::string outer = "}q\x01(";
    for (int i = 0; i < 2000; ++i) outer += inner;
    outer += "u0}(";
    for (int i = 0; i < 2000; ++i) outer += "J" + std::string(reinterpret_cast<const char*>(&i), sizeof i) + "h\x01";
    return with_pickle(outer + "u.");
  };
  const core::Bytes bytes = twice("NN");
  EXPECT_THAT(refusal([&] { read_torch_file(bytes, "file"); }), HasSubstr("too many entries"));
}

TEST(TorchFile, of_one_tensor_under_many_names_so_many_are_listed) {
  const std::string one = view_pickle(std::string("K\0", 2), "K\x01\x85", "K\x01\x85");
  std::string pickle = one.substr(0, one.size() - 1) + "q\x01";  // its dictionary, remembered
  for (char index = 2; index < 5; ++index) {
    pickle += std::string("0}q") + index + "(";
    for (int i = 0; i < 60; ++i) pickle += std::string("K") + static_cast<char>(i) + "h" + static_cast<char>(index - 1);
    pickle += "u";
  }
  const core::Bytes bytes = with_pickle(pickle + ".");
  EXPECT_THAT(refusal([&] { read_torch_file(bytes, "file"); }), HasSubstr("too many tensors"));
}

TEST(TorchFile, an_archive_that_torch_save_does_not_write_is_refused) {
  core::ZipEntry compressed = core::stored_entry("f/data.pkl", core::as_byte_span("}.}.}.}.}.}.}.}.}.}.}.}.}.}.}."));
  compressed.deflated = true;
  EXPECT_THAT(refusal([&] { read_torch_file(core::encode_zip({compressed}), "file"); }),
              HasSubstr("file: entry 'f/data.pkl' is compressed"));
  core::Bytes twice = core::encode_zip({core::stored_entry("f/data.pkl", core::as_byte_span("}.")),
                                        core::stored_entry("f/data.two", core::as_byte_span("}."))});
  for (auto at = core::as_text(twice).find("two"); at != std::string_view::npos; at = core::as_text(twice).find("two"))
    std::memcpy(twice.data() + at, "pkl", 3);
  EXPECT_THAT(refusal([&] { read_torch_file(twice, "file"); }), HasSubstr("entry 'f/data.pkl' is in it twice"));
  std::string pickle = view_pickle(std::string("K\0", 2), "K\x02\x85", "K\x01\x85");
  pickle[pickle.find("\x8C\x01"
                     "0") +
         2] = '1';  // another storage
  const core::Bytes lacking = with_pickle(pickle);
  EXPECT_THAT(refusal([&] { read_torch_file(lacking, "file").at("w").read(); }),
              HasSubstr("entry 'f/data/1' is missing"));
}

TEST(TorchFile, other_archives_are_refused_by_what_they_lack) {
  const core::Bytes other = core::encode_zip({core::stored_entry("word/document.xml", {})});
  EXPECT_THAT(refusal([&] { read_torch_file(other, "file"); }), HasSubstr("without data.pkl"));
  const core::Bytes big = with_pickle("}.", "big");
  EXPECT_THAT(refusal([&] { read_torch_file(big, "file"); }), HasSubstr("big-endian"));
}

}  // namespace
}  // namespace resolute::networks::torch_file_test
