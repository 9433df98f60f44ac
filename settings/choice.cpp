#include "settings/choice.h"

#include "settings/names.h"

namespace resolute::settings {

void refuse_word(std::string_view place, std::string_view text, const std::vector<std::string>& words) {
  throw core::input_error(fmt::format("{} has the value {}", place, quoted_text(text)),
                          fmt::format("it must be one of {}", fmt::join(words, ", ")), did_you_mean(text, words));
}

}  // namespace resolute::settings
