#include "tests/support/matches.h"

// Under the address sanitizer g++ 12 takes the states of its own automaton for uninitialized.
#pragma GCC diagnostic push
#if !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <regex>
#pragma GCC diagnostic pop

namespace resolute::tests {

std::vector<std::vector<std::string>> matches(const std::string& text, const std::string& pattern) {
  const std::regex searched(pattern);
  std::vector<std::vector<std::string>> found;
  for (std::sregex_iterator at(text.begin(), text.end(), searched), end; at != end; ++at)
    found.emplace_back(at->begin(), at->end());
  return found;
}

std::size_t count_of(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++count;
  return count;
}

}  // namespace resolute::tests
