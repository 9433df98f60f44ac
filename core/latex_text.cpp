#include "core/latex_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>

#include "core/split.h"

namespace resolute::core {
namespace {

// Lists of a letter and what it becomes, between spaces.

// "α alpha" is \(\alpha\). Capitals that look like Latin ones have no command.
constexpr std::string_view kMathematics[] = {
    "Γ Gamma Δ Delta Θ Theta Λ Lambda Ξ Xi Π Pi Σ Sigma Υ Upsilon Φ Phi Ψ Psi Ω Omega α alpha β beta γ gamma δ delta",
    "ε epsilon ζ zeta η eta θ theta ι iota κ kappa λ lambda μ mu ν nu ξ xi π pi ρ rho ς varsigma σ sigma τ tau υ "
    "upsilon",
    "φ phi χ chi ψ psi ω omega ϑ vartheta ϒ Upsilon ϕ phi ϖ varpi ϱ varrho ϵ epsilon ϴ Theta",
    "¬ neg ± pm × times ÷ div µ mu † dagger ‡ ddagger ‖ |",
    "← leftarrow ↑ uparrow → to ↓ downarrow ↔ leftrightarrow ↕ updownarrow ↖ nwarrow ↗ nearrow ↘ searrow ↙ swarrow",
    "↦ mapsto ↩ hookleftarrow ↪ hookrightarrow ↼ leftharpoonup ↽ leftharpoondown ⇀ rightharpoonup ⇁ rightharpoondown",
    "⇌ rightleftharpoons ⇐ Leftarrow ⇑ Uparrow ⇒ Rightarrow ⇓ Downarrow ⇔ Leftrightarrow ⇕ Updownarrow",
    "ℏ hbar ℑ Im ℓ ell ℘ wp ℜ Re ℵ aleph",
    "∀ forall ∂ partial ∃ exists ∅ emptyset ∆ Delta ∇ nabla ∈ in ∉ notin ∋ ni ∏ prod ∐ coprod ∑ sum ∓ mp ∖ setminus",
    "∗ ast ∘ circ ∙ bullet √ surd ∝ propto ∞ infty ∠ angle ∣ mid ∥ parallel ∧ wedge ∨ vee ∩ cap ∪ cup ∫ int ∮ oint",
    "∼ sim ≀ wr ≃ simeq ≅ cong ≈ approx ≍ asymp ≐ doteq ≠ ne ≡ equiv ≤ le ≥ ge ≪ ll ≫ gg ≺ prec ≻ succ ⊂ subset",
    "⊃ supset ⊆ subseteq ⊇ supseteq ⊎ uplus ⊑ sqsubseteq ⊒ sqsupseteq ⊓ sqcap ⊔ sqcup ⊕ oplus ⊖ ominus ⊗ otimes",
    "⊘ oslash ⊙ odot ⊢ vdash ⊣ dashv ⊤ top ⊥ bot ⊨ models ⋀ bigwedge ⋁ bigvee ⋂ bigcap ⋃ bigcup ⋄ diamond ⋅ cdot",
    "⋆ star ⋈ bowtie ⋮ vdots ⋯ cdots ⋱ ddots"};

// "§ S" is \S{}.
constexpr std::string_view kText[] = {
    "¡ textexclamdown ¢ textcent £ pounds ¤ textcurrency ¥ textyen ¦ textbrokenbar § S ¨ textasciidieresis",
    "© textcopyright ª textordfeminine ® textregistered ¯ textasciimacron ° textdegree ´ textasciiacute ¶ P",
    "· textperiodcentered º textordmasculine ¼ textonequarter ½ textonehalf ¾ textthreequarters ¿ textquestiondown",
    "Æ AE Ø O ß ss æ ae ø o Ł L ł l Œ OE œ oe ı i • textbullet … dots ‰ textperthousand ※ textreferencemark",
    "‥ dots € texteuro ™ texttrademark"};

// The same, of T1 alone.
constexpr std::string_view kT1 =
    "« guillemotleft » guillemotright Ð DH Þ TH ð dh þ th Đ DJ đ dj Ŋ NG ŋ ng ‚ quotesinglbase „ quotedblbase "
    "‹ guilsinglleft › guilsinglright";

// The accent "k" is of T1 alone.
constexpr std::string_view kHooked = "Ą A ą a Ę E ę e Į I į i Ų U ų u";

// "é e" of the accent "'" is \'{e}.
struct Accent {
  std::string_view command, letters;
};
constexpr Accent kAccents[] = {
    {"`", "À A È E Ì I Ò O Ù U à a è e ì \\i ò o ù u"},
    {"'", "Á A É E Í I Ó O Ú U Ý Y á a é e í \\i ó o ú u ý y Ć C ć c Ĺ L ĺ l Ń N ń n Ŕ R ŕ r Ś S ś s Ź Z ź z"},
    {"^",
     "Â A Ê E Î I Ô O Û U â a ê e î \\i ô o û u Ĉ C ĉ c Ĝ G ĝ g Ĥ H ĥ h Ĵ J ĵ \\j Ŝ S ŝ s Ŵ W ŵ w Ŷ Y ŷ y Ẑ Z ẑ z"},
    {"~", "Ã A Ñ N Õ O ã a ñ n õ o Ĩ I ĩ \\i Ũ U ũ u"},
    {"\"", "Ä A Ë E Ï I Ö O Ü U ä a ë e ï \\i ö o ü u ÿ y Ÿ Y"},
    {"r", "Å A å a Ů U ů u"},
    {"=", "Ā A ā a Ē E ē e Ī I ī \\i Ō O ō o Ū U ū u"},
    {"u", "Ă A ă a Ĕ E ĕ e Ğ G ğ g Ĭ I ĭ \\i Ŏ O ŏ o Ŭ U ŭ u"},
    {".", "Ċ C ċ c Ė E ė e Ġ G ġ g İ I Ż Z ż z"},
    {"v",
     "Č C č c Ď D ď d Ě E ě e Ľ L ľ l Ň N ň n Ř R ř r Š S š s Ť T ť t Ž Z ž z Ǎ A ǎ a Ǐ I ǐ \\i Ǒ O ǒ o Ǔ U ǔ u Ǧ G ǧ "
     "g Ǩ K ǩ k ǰ \\j"},
    {"H", "Ő O ő o Ű U ű u"},
    {"c", "Ç C ç c Ģ G ģ g Ķ K ķ k Ļ L ļ l Ņ N ņ n Ŗ R ŗ r Ş S ş s Ţ T ţ t"},
    {"k", kHooked},
    {"textcommabelow", "Ș S ș s Ț T ț t"}};

constexpr std::string_view kRaised = "² 2 ³ 3 ¹ 1 ⁰ 0 ⁱ i ⁴ 4 ⁵ 5 ⁶ 6 ⁷ 7 ⁸ 8 ⁹ 9 ⁺ + ⁻ \\(-\\) ⁼ = ⁽ ( ⁾ ) ⁿ n";
constexpr std::string_view kLowered =
    "₀ 0 ₁ 1 ₂ 2 ₃ 3 ₄ 4 ₅ 5 ₆ 6 ₇ 7 ₈ 8 ₉ 9 ₊ + ₋ \\(-\\) ₌ = ₍ ( ₎ ) ₐ a ₑ e ₒ o ₓ x ₕ h ₖ k ₗ l ₘ m ₙ n ₚ p ₛ s ₜ t";

// Markup, punctuation, Greek capitals that look like Latin ones, script letters.
constexpr std::string_view kOthers[] = {
    "\\ \\textbackslash{} { \\{ } \\} % \\% & \\& $ \\$ # \\# _ \\_ ~ \\textasciitilde{} ^ \\textasciicircum{} < "
    "\\(<\\)",
    "> \\(>\\) | \\(|\\) − \\(-\\) ∕ / ⁄ / ¸ \\c{} Ĳ IJ ĳ ij Ŀ L\\textperiodcentered{} ŀ l\\textperiodcentered{} ŉ 'n "
    "K K",
    "‐ - ‑ - ‒ -- – -- — --- ― --- ‘ ` ’ ' “ `` ” '' ․ . ′ \\('\\) ″ \\(''\\) ‴ \\('''\\) ⁗ \\(''''\\) ‼ !! ⁇ ?? ⁈ ?! "
    "⁉ !? ⁎ "
    "\\(\\ast\\)",
    "Α A Β B Ε E Ζ Z Η H Ι I Κ K Μ M Ν N Ο O Ρ P Τ T Χ X ο o ‛ ` ‟ ``",
    "ℬ \\(\\mathcal{B}\\) ℰ \\(\\mathcal{E}\\) ℱ \\(\\mathcal{F}\\) ℋ \\(\\mathcal{H}\\) ℐ \\(\\mathcal{I}\\)",
    "ℒ \\(\\mathcal{L}\\) ℳ \\(\\mathcal{M}\\) ℛ \\(\\mathcal{R}\\) ⊄ \\(\\not\\subset\\) ⊅ \\(\\not\\supset\\)",
    "∌ \\(\\not\\ni\\) ≁ \\(\\not\\sim\\) ≉ \\(\\not\\approx\\) ≢ \\(\\not\\equiv\\) ≰ \\(\\not\\le\\) ≱ "
    "\\(\\not\\ge\\)"};

using Commands = std::map<std::string, std::string, std::less<>>;

// \param form of what a letter becomes
void add(Commands& commands, std::string_view list, std::string_view form = "{}") {
  const std::vector<std::string_view> words = split(list, ' ');
  for (std::size_t i = 0; i + 1 < words.size(); i += 2)
    commands.emplace(words[i], fmt::format(fmt::runtime(form), words[i + 1]));
}

Commands all_commands() {
  Commands commands;
  for (const std::string_view list : kMathematics) add(commands, list, "\\(\\{}\\)");
  for (const std::string_view list : kText) add(commands, list, "\\{}{{}}");
  for (const std::string_view list : kOthers) add(commands, list);
  add(commands, kT1, "\\{}{{}}");
  add(commands, kRaised, "\\textsuperscript{{{}}}");
  add(commands, kLowered, "\\textsubscript{{{}}}");
  for (const auto& [command, letters] : kAccents) add(commands, letters, fmt::format("\\{}{{{{{{}}}}}}", command));
  commands["\u00AD"] = "\\-";
  // Letters of a second code point.
  commands["\u037E"] = ";";
  commands["\u0387"] = commands.at("\u00B7");
  commands["\u2126"] = commands.at("Ω");
  commands["\u212A"] = "K";
  commands["\u212B"] = commands.at("Å");
  commands["\u00A0"] = commands["\u2007"] = commands["\u202F"] = "~";
  for (const char* space : {"\n", "\r", "\t", "\u2000", "\u2001", "\u2002", "\u2003", "\u2004", "\u2005", "\u2006",
                            "\u2008", "\u2009", "\u200A", "\u2028", "\u2029", "\u205F"})
    commands[space] = " ";
  // TeX stops at them.
  for (char control = 0; control < ' '; ++control) commands.try_emplace(std::string(1, control));
  commands["\x7F"] = "";
  // Without width: joiners, marks of direction.
  for (const char* nothing : {"\u200B", "\u200C", "\u200D", "\u200E", "\u200F", "\u202A", "\u202B", "\u202C", "\u202D",
                              "\u202E", "\u2060", "\u2066", "\u2067", "\u2068", "\u2069", "\uFEFF"})
    commands[nothing] = "";
  return commands;
}

const Commands& commands() {
  static const Commands kCommands = all_commands();
  return kCommands;
}

// Letters of which pdflatex needs no command. Since 2018 it has those of Latin, and few others.
bool stands_bare(std::string_view letter) {
  constexpr std::string_view kNot = "Ŀŀŉ",
                             kBeyond = "ẐẑǍǎǏǐǑǒǓǔǦǧǨǩǰȘșȚț‐‑‒–—―‖‘’“”‚„‹›†‡•…‰※⁄⁎€™←↑→↓\u2126\u200C\uFEFF";
  if (!commands().contains(letter)) return false;
  return letter < "ƀ" ? kNot.find(letter) == std::string_view::npos : kBeyond.find(letter) != std::string_view::npos;
}

// The character of UTF-8 that begins there; one byte of what is not UTF-8.
std::string_view letter_at(std::string_view text, std::size_t at) {
  const auto is_inner = [&](std::size_t i) { return (static_cast<unsigned char>(text[i]) & 0xC0U) == 0x80U; };
  std::size_t end = at + 1;
  if (static_cast<unsigned char>(text[at]) >= 0xC0U)
    while (end < text.size() && is_inner(end)) ++end;
  return text.substr(at, end - at);
}

// An empty group keeps two letters apart of which TeX makes a third.
void append(std::string& safe, std::string_view letter) {
  constexpr std::array<std::string_view, 6> kLigatures{"--", "''", "``", ",,", "!`", "?`"};
  if (!safe.empty() && !letter.empty() &&
      std::ranges::find(kLigatures, std::string{safe.back(), letter.front()}) != kLigatures.end())
    safe += "{}";
  safe += letter;
}

}  // namespace

// Quotes open behind a space, since OT1, the encoding of a page that names none, has no straight one.
std::string latex_text(std::string_view text) {
  std::string safe;
  for (std::size_t at = 0; at < text.size();) {
    const std::string_view letter = letter_at(text, at);
    if (letter == "\"")
      append(safe, safe.empty() || std::string_view(" ~([").find(safe.back()) != std::string_view::npos ? "``" : "''");
    else if (const auto found = commands().find(letter); found != commands().end())
      append(safe, found->second);
    else
      append(safe, letter);
    at += letter.size();
  }
  // TeX looks for an argument behind spaces too.
  const std::size_t first = std::min(safe.find_first_not_of(' '), safe.size());
  return safe.substr(first).starts_with('[') || safe.substr(first).starts_with('*') ? "{}" + safe : safe;
}

std::vector<std::string> letters_without_latex(std::string_view latex) {
  std::set<std::string, std::less<>> letters;  // bytes of UTF-8 sort as their characters do
  for (std::size_t at = 0; at < latex.size(); at += letter_at(latex, at).size())
    if (const std::string_view letter = letter_at(latex, at); letter.size() > 1 && !stands_bare(letter))
      letters.emplace(letter);
  return {letters.begin(), letters.end()};
}

std::string named_letter(std::string_view letter) {
  constexpr std::array<unsigned, 5> kFirstBits{0, 0x7F, 0x1F, 0x0F, 0x07};  // of the first byte of so many
  std::uint32_t point =
      static_cast<unsigned char>(letter.front()) & kFirstBits.at(std::min<std::size_t>(letter.size(), 4));
  for (const char byte : letter.substr(1)) point = point << 6U | (static_cast<unsigned char>(byte) & 0x3FU);
  return fmt::format("{} (U+{:04X})", letter, point);
}

bool needs_t1(std::string_view latex) {
  const auto has = [&](std::string_view text) { return latex.find(text) != std::string_view::npos; };
  const std::vector<std::string_view> words = split(kT1, ' '), hooked = split(kHooked, ' ');
  for (std::size_t i = 0; i + 1 < words.size(); i += 2)
    if (has(words[i]) || has(fmt::format("\\{}{{}}", words[i + 1]))) return true;
  for (std::size_t i = 0; i < hooked.size(); i += 2)
    if (has(hooked[i])) return true;
  return has("\\k{");
}

}  // namespace resolute::core
