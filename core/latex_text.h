#pragma once
//! \file
//! Text of people as LaTeX that pdflatex takes: ASCII alone, without a package but fontenc.

#include <string>
#include <string_view>
#include <vector>

namespace resolute::core {

//! No character is markup, and no two make a third as `--` does. Letters of Latin-1, Latin Extended-A, Greek,
//! punctuation, raised and lowered figures, arrows and operators become commands. Letters without one stay as they are:
//! see letters_without_latex(). Lines are joined, control characters left out. A text that opens with "[" or "*",
//! behind spaces or not, gets "{}" before it, since `\\`, a rule and `\item` would take these for their own.
//! \param text UTF-8
std::string latex_text(std::string_view text);

//! The letters of a LaTeX text that pdflatex refuses, each once, in their order: those without a command, and in LaTeX
//! of others also those that it has by a command alone, as λ. \param latex UTF-8
std::vector<std::string> letters_without_latex(std::string_view latex);

//! "方 (U+65B9)". \param letter one character of UTF-8
std::string named_letter(std::string_view letter);

//! True where commands or letters stand in it that a page has with `\usepackage[T1]{fontenc}` alone.
bool needs_t1(std::string_view latex);

}  // namespace resolute::core
