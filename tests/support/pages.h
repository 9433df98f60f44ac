#pragma once
//! \file
//! Examples of the pages in docs/, for tests that hold the program to them.

#include <string>
#include <vector>

namespace resolute::tests {

//! The text of a page. \param name its path below docs/, as "inside/formats/plan.md"
std::string page_text(const std::string& name);

//! What stands between fences of this language ("```json"; "" for none) in a page or a piece of one, in their order,
//! each with the end of its last line. \return one at least: a page without an example ends the test
std::vector<std::string> fenced_blocks(const std::string& text, const std::string& language);

}  // namespace resolute::tests
