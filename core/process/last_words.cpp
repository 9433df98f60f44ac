#include "core/process/last_words.h"

#include <algorithm>
#include <cctype>
#include <optional>
#include <vector>

#include "core/split.h"

namespace resolute::core {
namespace {

constexpr std::string_view kBlank(" \r\t\0", 4);

// The part of a line that a terminal shows in the end.
std::string_view shown(std::string_view line) {
  line = line.substr(0, line.find_last_not_of(kBlank) + 1);
  return line.substr(line.rfind('\r') + 1);
}

std::vector<std::string_view> lines_of(std::string_view tail) {
  std::vector<std::string_view> lines;
  for (const std::string_view written : core::split(tail, '\n'))
    if (const std::string_view line = shown(written); !line.empty()) lines.push_back(line);
  return lines;
}

bool is_letter(char one) { return std::isalpha(static_cast<unsigned char>(one)) != 0; }

bool has_word(std::string_view line, std::string_view word) {
  for (std::size_t at = line.find(word); at != std::string_view::npos; at = line.find(word, at + 1)) {
    const std::size_t behind = at + word.size();
    if ((at == 0 || !is_letter(line[at - 1])) && (behind == line.size() || !is_letter(line[behind]))) return true;
  }
  return false;
}

// A warning or less: by Python, by glog ("[W1128 10:00:00", as libtorch writes), by NCCL and by loggers.
bool is_warning(std::string_view line) {
  std::string small(line);
  std::transform(small.begin(), small.end(), small.begin(),
                 [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
  for (const char* word : {"warning", "warnings.warn(", "resource_tracker"})
    if (small.find(word) != std::string::npos) return true;
  if (has_word(line, "INFO") || has_word(line, "DEBUG")) return true;
  for (const char* level : {"[W", "[I"})
    if (const std::size_t glog = line.find(level); glog != std::string_view::npos && glog + 2 < line.size() &&
                                                   std::isdigit(static_cast<unsigned char>(line[glog + 2])) != 0)
      return true;
  return false;
}

constexpr std::string_view kTerminate = "terminate called ";

// C++ says it at this line. libtorch's goes on with the frames that it has come through.
std::optional<std::string_view> exception_that_nobody_caught(const std::vector<std::string_view>& lines,
                                                             std::size_t at) {
  constexpr std::string_view kWords = "  what():  ";
  if (!lines[at].starts_with(kTerminate)) return std::nullopt;
  const bool has_words = at + 1 < lines.size() && lines[at + 1].starts_with(kWords);
  return has_words ? lines[at + 1].substr(kWords.size()) : lines[at];
}

// torchrun and accelerate tell of a child that failed, which has told why before them.
bool is_of_launcher(std::string_view exception) {
  return exception.find("ChildFailedError") != std::string_view::npos ||
         exception.find("CalledProcessError") != std::string_view::npos;
}

// \param header the line of a traceback's header \param prefix before each of its lines
std::optional<std::string_view> exception_behind(const std::vector<std::string_view>& lines, std::size_t header,
                                                 std::string_view prefix) {
  for (std::size_t next = header + 1; next < lines.size(); ++next) {
    std::string_view line = lines[next];
    if (line.starts_with(prefix)) line.remove_prefix(prefix.size());
    if (!line.empty() && line.front() != ' ' && line.front() != '\t') return line;
  }
  return std::nullopt;
}

// A group's header has a word more, and its lines a bar: "  + Exception Group Traceback", "  |   File".
std::string prefix_behind(std::string_view before_header) {
  constexpr std::string_view kGroup = "Exception Group ";
  std::string prefix(before_header);
  if (!before_header.ends_with(kGroup)) return prefix;
  prefix.resize(prefix.size() - kGroup.size());
  if (prefix.ends_with("+ ")) prefix.replace(prefix.size() - 2, 1, "|");
  return prefix;
}

// Frames are indented; the exception that follows is not. Launchers put "[rank0]: " before each line, before
// these too.
std::optional<std::string_view> last_exception(const std::vector<std::string_view>& lines) {
  constexpr std::string_view kHeader = "Traceback (most recent call last):";
  std::optional<std::string_view> of_launcher;
  for (std::size_t at = lines.size(); at-- > 0;) {
    if (const auto uncaught = exception_that_nobody_caught(lines, at)) return uncaught;
    const std::size_t before = lines[at].find(kHeader);
    if (before == std::string_view::npos) continue;
    const auto exception = exception_behind(lines, at, prefix_behind(lines[at].substr(0, before)));
    if (!exception || !is_of_launcher(*exception)) return exception ? exception : of_launcher;
    if (!of_launcher) of_launcher = exception;
  }
  return of_launcher;
}

}  // namespace

std::string last_words(std::string_view tail) {
  const std::vector<std::string_view> lines = lines_of(tail);
  if (lines.empty()) return {};
  // Behind it Python lists what ran, or that nothing did.
  constexpr std::string_view kFatal = "Fatal Python error: ";
  const auto fatal = std::ranges::find_if(lines, [&](std::string_view line) { return line.starts_with(kFatal); });
  // C++ has said why it aborts.
  const bool aborted = fatal != lines.end() && fatal->ends_with(": Aborted") &&
                       std::any_of(lines.begin(), fatal, [](auto line) { return line.starts_with(kTerminate); });
  if (fatal != lines.end() && !aborted) return std::string(*fatal);
  if (const auto exception = last_exception(lines)) return std::string(*exception);
  const auto telling = std::find_if_not(lines.rbegin(), lines.rend(), is_warning);
  return std::string(telling == lines.rend() ? lines.back() : *telling);
}

}  // namespace resolute::core
