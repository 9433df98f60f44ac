#pragma once
//! \file
//! The word of a choice (settings/choice.h) where a test has it as text: in a golden file, in a loop over words.

#include <string>

#include "core/files/json.h"
#include "settings/choice.h"

namespace resolute::tests {

//! Becomes the value of any set that has the word.
struct AnyWord {
  std::string text;
  AnyWord(std::string word) : text(std::move(word)) {}
  AnyWord(const char* word) : text(word) {}
  AnyWord(const core::Json& word) : text(word.get<std::string>()) {}

  template <settings::Choice E>
  operator E() const {
    return settings::from_word<E>(text).value();
  }
};

}  // namespace resolute::tests
