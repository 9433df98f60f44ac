#pragma once
//! \file
//! Words that people bring from PyTorch, torchreid and fast-reid, and the keys of a suite that say the same: `lr` is
//! train.learning_rate. Messages about unknown keys and `resolute suite keys` answer by them.

#include <string>
#include <string_view>
#include <vector>

namespace resolute::experiments {

//! A meaning for a word that is no key.
struct Synonym {
  std::vector<std::string_view> words;  //!< lower case, with underscores
  std::vector<std::string_view> keys;   //!< that say the same together; none where no key does
  std::string_view remark;              //!< instead of the keys alone; may be empty
};

//! All of them. No word is a key, or the last part of one.
const std::vector<Synonym>& synonyms();

//! In lower case, without underscores and dashes: learningRate, learning_rate and learning-rate are the same.
std::string squeezed(std::string_view word);

//! The one that has the last dotted part of `key`, squeezed; null where none does.
const Synonym* synonym_of(std::string_view key);

//! "did you mean 'train.learning_rate'", or the remark.
std::string hint_of(const Synonym& synonym);

//! For a table that has no settings, as a suite's top: the hint, and where settings stand. Empty for any other word.
std::string hint_to_settings(std::string_view key);

}  // namespace resolute::experiments
