#include "core/latex_text.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <cstdint>

#include "tests/support/matches.h"

namespace resolute::core::latex_text_test {
namespace {

using testing::ElementsAre;
using testing::EndsWith;
using testing::IsEmpty;
using testing::StartsWith;

// \param point below U+10000
std::string letter_of(std::uint32_t point) {
  const auto inner = [&](unsigned shift) { return static_cast<char>(0x80U | (point >> shift & 0x3FU)); };
  if (point < 0x80U) return {static_cast<char>(point)};
  if (point < 0x800U) return {static_cast<char>(0xC0U | point >> 6U), inner(0)};
  return {static_cast<char>(0xE0U | point >> 12U), inner(6), inner(0)};
}

bool is_ascii(const std::string& text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80U; });
}

struct Block {
  std::string name;
  std::uint32_t first, last;
  std::size_t named;  //!< letters without a command, those that are not assigned among them
};

TEST(LatexText, every_letter_becomes_ascii_or_is_named) {
  for (const Block& block : {Block{"Latin-1", 0xA0, 0xFF, 0},
                             {"Latin Extended-A", 0x100, 0x17F, 6},
                             {"Greek alphabet", 0x391, 0x3A9, 1},  // U+03A2 is no letter
                             {"Greek alphabet, small", 0x3B1, 0x3C9, 0},
                             {"Greek and Coptic", 0x370, 0x3FF, 86},
                             {"General Punctuation", 0x2000, 0x206F, 47},
                             {"Superscripts and Subscripts", 0x2070, 0x209F, 7},
                             {"Arrows", 0x2190, 0x21FF, 88},
                             {"Mathematical Operators", 0x2200, 0x22FF, 172}}) {
    std::size_t named = 0;
    for (std::uint32_t point = block.first; point <= block.last; ++point) {
      const std::string letter = letter_of(point), latex = latex_text(letter);
      const std::vector<std::string> left = letters_without_latex(latex);
      if (is_ascii(latex)) {
        EXPECT_THAT(left, IsEmpty());
        EXPECT_EQ(tests::count_of(latex, "{"), tests::count_of(latex, "}")) << latex;
        EXPECT_EQ(tests::count_of(latex, "\\("), tests::count_of(latex, "\\)")) << latex;
        continue;
      }
      ++named;
      EXPECT_THAT(left, ElementsAre(letter));
      EXPECT_THAT(named_letter(letter), EndsWith(fmt::format(" (U+{:04X})", point)));
    }
    EXPECT_EQ(named, block.named) << block.name;
  }
}

TEST(LatexText, letters_become_commands) {
  EXPECT_EQ(latex_text("Δ = 0.3, η ≈ π"), "\\(\\Delta\\) = 0.3, \\(\\eta\\) \\(\\approx\\) \\(\\pi\\)");
  EXPECT_EQ(latex_text("x₁², ℒ"), "x\\textsubscript{1}\\textsuperscript{2}, \\(\\mathcal{L}\\)");
  EXPECT_EQ(latex_text("naïve “Łódź” – Å"), "na\\\"{\\i}ve ``\\L{}\\'{o}d\\'{z}'' -- \\r{A}");
  EXPECT_EQ(latex_text("Ionuț Lǐ"), "Ionu\\textcommabelow{t} L\\v{\\i}");
  EXPECT_EQ(latex_text("[a_b] \"c\" 50%\n~"), "{}[a\\_b] ``c'' 50\\% \\textasciitilde{}");
}

TEST(LatexText, two_letters_make_no_third) {
  EXPECT_EQ(latex_text("--flag"), "-{}-flag");
  EXPECT_EQ(latex_text("\"'a'\" !‘?`,,"), "``'a'{}'' !{}`?{}`,{},");
  EXPECT_EQ(latex_text("–-"), "--{}-");
}

TEST(LatexText, the_first_letter_is_no_argument) {
  for (const char* text : {" [a]", "\u200B*", "\t[", "\x01["}) EXPECT_THAT(latex_text(text), StartsWith("{}")) << text;
  EXPECT_EQ(latex_text("a\x1B[0m\x7F"), "a[0m");
  EXPECT_EQ(latex_text("\u00A0\"a\""), "~``a''");
}

TEST(LatexText, other_letters_stay_and_are_named_once) {
  const std::string text = latex_text("方法 😀 方");
  EXPECT_EQ(text, "方法 😀 方");
  EXPECT_THAT(letters_without_latex(text), ElementsAre("方", "法", "😀"));
  EXPECT_EQ(named_letter("😀"), "😀 (U+1F600)");
  EXPECT_THAT(letters_without_latex("é, → and ą stand in a row's own LaTeX"), IsEmpty());
  EXPECT_THAT(letters_without_latex("\\(λ₁ ≤ ŀ\\)"), ElementsAre("ŀ", "λ", "₁", "≤"));  // not as they are
  EXPECT_THAT(letters_without_latex(latex_text("\xE6\xC3")), ElementsAre());            // cut off
}

TEST(LatexText, tells_what_needs_t1) {
  for (const std::string text : {"ą", "đ", "« »", "„"})
    EXPECT_TRUE(needs_t1(latex_text(text)) && needs_t1(text)) << text;
  EXPECT_FALSE(needs_t1(latex_text("é ł ß \\k \\DH{}")));
}

}  // namespace
}  // namespace resolute::core::latex_text_test
