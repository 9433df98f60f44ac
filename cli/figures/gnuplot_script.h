#pragma once
//! \file
//! A figure as a script in gnuplot's language (gnuplot 5.4), in the style of a paper: serif letters of eight points,
//! lines and symbols that stay apart in print without colour.

#include <string>

#include "cli/report/figure.h"

namespace resolute::cli {

//! How wide a page's part is that the figure is to fill.
enum class PaperWidth { kOneColumn, kTwoColumns };
constexpr auto words_of(PaperWidth) { return settings::words("one-column", "two-columns"); }
//! In inches: 3.35 and 6.9, as in papers of two columns.
double inches(PaperWidth width);

//! A text between double quotes of which gnuplot takes nothing for its own: no escape, no command, no variable.
std::string gnuplot_text(const std::string& text);

//! Draws `file`.svg and `file`.pdf. The numbers stand in the script; nothing else is read. Pure. \param figure has
//! points \param file a path as gnuplot sees it
std::string gnuplot_script(const Figure& figure, PaperWidth width, const std::string& file);

}  // namespace resolute::cli
