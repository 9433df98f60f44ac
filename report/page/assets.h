#pragma once
//! \file
//! Internal to page.cpp: the files of the page as they were when the program was built (resolute_embed()).

#include <string>
#include <string_view>

namespace resolute::report {

std::string_view page_shell();
std::string_view page_style();
//! In strict mode and a function of its own.
std::string page_script();
//! Plotly's plotly.min.js (MIT), of which the page draws its figures.
std::string_view plotly_script();

}  // namespace resolute::report
