#include "settings/choice.h"

#include "settings/names.h"

namespace resolute::settings::choice_detail {

void refuse_word(std::string_view where, std::string_view key, std::string_view text,
                 const std::vector<std::string>& words) {
  throw core::input_error(fmt::format("{}: key '{}' has the value '{}'", where, key, text),
                          fmt::format("it must be one of {}", fmt::join(words, ", ")), did_you_mean(text, words));
}

}  // namespace resolute::settings::choice_detail
