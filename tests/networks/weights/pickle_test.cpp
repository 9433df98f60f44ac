#include "networks/weights/pickle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/networks/weights/files.h"

namespace resolute::networks::pickle_test {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;
using Kind = PickleValue::Kind;

Pickle parse(std::string_view opcodes) { return Pickle(core::as_byte_span(opcodes), "file"); }
std::string refusal_of(std::string_view opcodes) {
  return network_tests::refusal([&] { parse(opcodes); });
}

template <std::size_t N>
std::string_view bytes(const char (&text)[N]) {  // zeros included
  return {text, N - 1};
}

TEST(Pickle, numbers_texts_and_nothing) {
  EXPECT_EQ(Kind::kNone, parse("\x80\x02N.").root().kind);
  EXPECT_EQ(-2, parse("J\xFE\xFF\xFF\xFF.").root().integer);
  EXPECT_EQ(258, parse("M\x02\x01.").root().integer);
  EXPECT_EQ(-128, parse("\x8A\x01\x80.").root().integer);
  EXPECT_EQ(0, parse(bytes("\x8A\x00.")).root().integer);
  EXPECT_EQ(Kind::kOther, parse("\x8A\x09\x01\x01\x01\x01\x01\x01\x01\x01\x01.").root().kind);
  EXPECT_EQ(1.5, parse(bytes("G\x3F\xF8\x00\x00\x00\x00\x00\x00.")).root().real);
  EXPECT_EQ("abc", parse("\x8C\x03"
                         "abc.")
                       .root()
                       .text);
  EXPECT_EQ(1, parse("\x88.").root().integer);
}

TEST(Pickle, a_call_is_a_node_and_runs_nothing) {
  // What os.system("false") looks like.
  const Pickle pickle = parse(
      "cposix\nsystem\n\x8C\x05"
      "false\x85R.");
  ASSERT_EQ(Kind::kCall, pickle.root().kind);
  EXPECT_TRUE(pickle.root().items[0]->is_global("posix", "system"));
  EXPECT_EQ("false", pickle.root().items[1]->items[0]->text);
}

TEST(Pickle, lists_dictionaries_and_memo) {
  const Pickle pickle = parse(
      "}q\x01(\x8C\x01"
      "a](K\x01K\x02"
      "eq\x02\x8C\x01"
      "bh\x02u.");
  ASSERT_EQ(2U, pickle.root().entries.size());
  EXPECT_EQ(2, pickle.root().entries[0].second->items[1]->integer);
  EXPECT_EQ(pickle.root().entries[0].second, pickle.root().entries[1].second);
}

TEST(Pickle, ends_at_its_stop) { EXPECT_EQ(2U, parse("N.N.").size()); }

TEST(Pickle, refuses_what_is_none) {
  EXPECT_THAT(refusal_of(""), HasSubstr("ends after 0 bytes"));
  EXPECT_THAT(refusal_of("N"), HasSubstr("ends after 1 bytes"));
  EXPECT_THAT(refusal_of("."), HasSubstr("a value is missing"));
  EXPECT_THAT(refusal_of("R."), HasSubstr("a value is missing"));
  EXPECT_THAT(refusal_of("N(0."), HasSubstr("a value is missing"));  // what stands before a mark is out of reach
  EXPECT_THAT(refusal_of("t."), HasSubstr("a mark is missing"));
  EXPECT_THAT(refusal_of("h\x05."), HasSubstr("never made"));
  EXPECT_THAT(refusal_of("NNs."), HasSubstr("a value is missing"));
  EXPECT_THAT(refusal_of("NNNs."), HasSubstr("no dictionary"));
  EXPECT_THAT(refusal_of("}(Nu."), HasSubstr("no dictionary"));
  EXPECT_THAT(refusal_of("NNa."), HasSubstr("no list"));
  EXPECT_THAT(refusal_of("X\xFF\xFF\xFF\xFFz."), HasSubstr("past the end"));
  EXPECT_THAT(refusal_of("\x80\x09."), HasSubstr("protocol 9"));
  EXPECT_THAT(refusal_of("I5\n."), HasSubstr("torch.save does not write it"));
  EXPECT_THAT(refusal_of("cposix\nsystem"), HasSubstr("ends after"));
  EXPECT_THAT(refusal_of("NN\x93."), HasSubstr("a name is no text"));
}

TEST(Pickle, refuses_to_fill_the_memory) {
  const std::string many(2'000'000, 'N');
  EXPECT_THAT(refusal_of(many), HasSubstr("too many values"));
  const std::string one_again_and_again = "N" + std::string(2'000'000, '\x94');
  EXPECT_THAT(refusal_of(one_again_and_again), HasSubstr("too many values"));
}

TEST(Pickle, no_damage_is_worse_than_a_refusal) {
  const core::Bytes file = network_tests::golden_bytes("tensors_protocol_4.pth");
  const core::Bytes content = network_tests::first_entry(file);
  std::size_t cut_off = 0;
  for (std::size_t length = 0; length < content.size(); ++length)
    if (network_tests::refusal([&] { Pickle(std::span(content).first(length), "file"); }) != "accepted") ++cut_off;
  EXPECT_EQ(content.size(), cut_off);
  network_tests::survive_damage(content, [](auto bytes) { Pickle(bytes, "file"); });
}

}  // namespace
}  // namespace resolute::networks::pickle_test
