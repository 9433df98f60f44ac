// Text as LaTeX: each letter becomes what it becomes alone, ASCII but for the letters that are named. Nothing in it is
// markup of its own: groups and mathematics close, each command is one that some letter becomes and swallows nothing
// behind it, and no two letters make a third.
#include "core/latex_text.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <set>
#include <utility>

#include "core/files/json.h"
#include "tests/fuzz/targets.h"

namespace resolute::tests::latex_text_fuzzer {
namespace {

bool is_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80U; });
}

// \param text UTF-8
std::vector<std::string> letters_of(std::string_view text) {
  std::vector<std::string> letters;
  for (const char c : text) {
    if ((static_cast<unsigned char>(c) & 0xC0U) != 0x80U) letters.emplace_back();
    letters.back() += c;
  }
  return letters;
}

// The name of the command that begins there with a backslash: letters, or one other character.
std::string_view command_at(std::string_view latex, std::size_t at) {
  std::size_t end = at + 1;
  while (end < latex.size() && std::isalpha(static_cast<unsigned char>(latex[end])) != 0) ++end;
  return latex.substr(at + 1, std::max<std::size_t>(end - at - 1, 1));
}

std::string alone(const std::string& letter) { return core::latex_text("x" + letter).substr(1); }

// Of all letters below U+3000, each looked at alone.
const std::set<std::string, std::less<>>& commands() {
  static const auto kCommands = [] {
    std::set<std::string, std::less<>> found{"\""};
    for (std::uint32_t point = 1; point < 0x3000; ++point) {
      const auto byte = [&](std::uint32_t first, unsigned shift) {
        return static_cast<char>(first | (point >> shift));
      };
      const auto inner = [&](unsigned shift) { return static_cast<char>(0x80U | ((point >> shift) & 0x3FU)); };
      const std::string latex = alone(point < 0x80    ? std::string{byte(0, 0)}
                                      : point < 0x800 ? std::string{byte(0xC0, 6), inner(0)}
                                                      : std::string{byte(0xE0, 12), inner(6), inner(0)});
      for (std::size_t at = latex.find('\\'); at != std::string::npos; at = latex.find('\\', at + 2))
        found.emplace(command_at(latex, at));
    }
    return found;
  }();
  return kCommands;
}

// As TeX reads it, character by character.
void require_no_markup(std::string_view latex) {
  int depth = 0;
  bool mathematics = false;
  for (std::size_t at = 0; at < latex.size(); ++at) {
    const char c = latex[at];
    require(c != '\0' && std::string_view("#$%&_^").find(c) == std::string_view::npos,
            "a special character stands bare");
    require(static_cast<unsigned char>(c) >= ' ' && c != '\x7f', "TeX stops at a control character");
    depth += c == '{' ? 1 : c == '}' ? -1 : 0;
    require(depth >= 0, "a group closes that was not opened");
    if (c != '\\') continue;
    const std::string_view command = command_at(latex, at);
    require(commands().contains(command) && command != "\\", "a command of nobody's");
    at += command.size();
    const std::string_view rest = latex.substr(at + 1);
    if (std::isalpha(static_cast<unsigned char>(command.front())) != 0)
      require(rest.starts_with('{') || rest.starts_with('}') || rest.starts_with('\\'), "a command goes on");
    if (command == "(" || command == ")")
      require(std::exchange(mathematics, command == "(") != mathematics, "mathematics");
  }
  require(depth == 0 && !mathematics, "a group does not close");
}

// Each letter is there as it is alone, in its order, with nothing but an empty group between two.
void require_letters(const std::vector<std::string>& letters, std::string_view latex) {
  constexpr std::array<std::string_view, 6> kLigatures{"--", "''", "``", ",,", "!`", "?`"};
  std::string before;
  for (const std::string& letter : letters) {
    std::string piece = alone(letter);
    if (latex.starts_with("{}")) {
      latex.remove_prefix(2);
      before.clear();
    }
    if (letter == "\"") piece = latex.substr(0, 2) == "``" ? "``" : "''";
    require(letter != "~" || piece != "~", "a tilde is a space to TeX");
    require(latex.starts_with(piece), "a letter is written otherwise beside others");
    latex.remove_prefix(piece.size());
    if (piece.empty()) continue;
    if (!before.empty())
      require(std::ranges::find(kLigatures, std::string{before.back(), piece.front()}) == kLigatures.end(),
              "two letters make a third");
    before = piece;
  }
  require(latex.empty(), "more is written than letters");
}

std::vector<std::string> examples() {
  return {"Baseline | HR < RAIN, \"multi\" 50 % #1 $x_1^2$ {a} \\input{b} ~ & [c] *",
          "naïve “Łódź” – Δ = 0.3, η ≈ π",
          "方法 😀 x₁², ℒ",
          " [a]",
          "--flag 'a' !`?`,,",
          "\u200B*"};
}

// Text that stays UTF-8 more often than not.
void mutate_text(core::Bytes& bytes, const core::Bytes& other, core::RandomStream& random) {
  constexpr std::array<std::string_view, 24> kPieces{"\\", "{", "}",  "%", "&",  "$",    "#",      "_",
                                                     "^",  "~", "\"", " ", "[",  "*",    "-",      "'",
                                                     "`",  ",", "!",  "?", "\n", "\x01", "\u200B", "\u00A0"};
  std::string text(core::as_text(bytes));
  const auto letters = core::is_utf8(text) ? letters_of(text) : std::vector<std::string>{};
  const auto others =
      core::is_utf8(core::as_text(other)) ? letters_of(core::as_text(other)) : std::vector<std::string>{};
  if (letters.empty() || others.empty() || random.below(8) == 0) return mutate_bytes(bytes, other, random);
  const std::size_t place = random.below(letters.size());
  text.clear();
  for (std::size_t i = 0; i < letters.size(); ++i) {
    if (i == place)
      text += random.below(3) == 0 ? others[random.below(others.size())]
                                   : std::string(kPieces.at(random.below(kPieces.size())));
    if (i != place || random.below(2) == 0) text += letters[i];
  }
  set_text(bytes, text);
}

}  // namespace

RESOLUTE_FUZZER(latex_text, .rounds = 20'000, .examples = examples, .mutate = mutate_text)(std::string_view bytes) {
  const std::string latex = core::latex_text(bytes);
  const std::vector<std::string> named = core::letters_without_latex(latex);
  if (!core::is_utf8(bytes)) return false;
  std::set<std::string> left;
  for (const std::string& letter : letters_of(bytes))
    if (!is_ascii(letter) && !is_ascii(alone(letter))) left.insert(letter);
  require(std::vector<std::string>(left.begin(), left.end()) == named, "a letter without a command is not named");
  require_no_markup(latex);
  require_letters(letters_of(bytes), latex);
  const std::size_t first = latex.find_first_not_of(' ');
  require(first == std::string::npos || (latex[first] != '[' && latex[first] != '*'),
          "a text is taken for an argument");
  return true;
}

}  // namespace resolute::tests::latex_text_fuzzer
