#include "settings/choice.h"

#include <algorithm>
#include <utility>

#include "settings/names.h"

namespace resolute::settings {

namespace {

using Pair = std::pair<std::string_view, std::string_view>;

// Words of PyTorch and of its users, and ours.
constexpr std::array kOtherWords{
    Pair{"gpu", "cuda"},         Pair{"cuda:0", "cuda"}, Pair{"fp32", "f32"},
    Pair{"float32", "f32"},      Pair{"float", "f32"},   Pair{"full", "f32"},
    Pair{"bfloat16", "bf16"},    Pair{"fp16", "bf16"},   Pair{"float16", "bf16"},
    Pair{"half", "bf16"},        Pair{"amp", "bf16"},    Pair{"multistep", "step"},
    Pair{"multisteplr", "step"}, Pair{"steplr", "step"}, Pair{"cosineannealinglr", "cosine"},
    Pair{"poly", "polynomial"}};

// The first of our words that is meant by the text and is one of `words`; else the nearest of these.
std::string meant(std::string_view text, const std::vector<std::string>& words) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  for (const std::string& word : words)
    if (word == lower) return fmt::format("did you mean '{}'", word);
  for (const auto& [theirs, ours] : kOtherWords)
    if (theirs == lower && is_among(words, ours)) return fmt::format("did you mean '{}'", ours);
  if (std::string near = did_you_mean(text, words); !near.empty()) return near;
  // "market" for "market1501".
  constexpr std::size_t kShortestBeginning = 3;
  std::vector<std::string> longer;
  for (const std::string& word : words)
    if (lower.size() >= kShortestBeginning && word.starts_with(lower)) longer.push_back(word);
  return longer.empty() ? "" : fmt::format("did you mean '{}'", fmt::join(longer, "' or '"));
}

}  // namespace

void refuse_word(std::string_view place, std::string_view text, const std::vector<std::string>& words) {
  throw core::input_error(fmt::format("{} has the value {}", place, quoted_text(text)),
                          fmt::format("it must be one of {}", fmt::join(words, ", ")), meant(text, words));
}

}  // namespace resolute::settings
