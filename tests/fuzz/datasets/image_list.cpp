// Lists of images: refused whole, by a line where one is wrong, or exactly what a second reader of the same spellings
// makes of them, with paths that lead to nothing outside of the list's folder; and what is written of them is read
// back. A byte order mark, the lines' ends and the delimiter change nothing of that.
#include <algorithm>
#include <cctype>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "datasets/sources/csv.h"
#include "tests/fuzz/plain_path.h"
#include "tests/fuzz/targets.h"

namespace resolute::tests::image_list_fuzzer {
namespace {

using Records = std::vector<std::vector<std::string>>;

struct Text {
  std::size_t first_line = 1;  // of the header
  Records records;
};

// The first delimiter outside of quotes, in the first line.
char delimiter_of(std::string_view text) {
  bool quoted = false;
  for (const char c : text.substr(0, text.find('\n'))) {
    if (c == '"') quoted = !quoted;
    if (!quoted && (c == ',' || c == ';' || c == '\t')) return c;
  }
  return ',';
}

// One character after the other, whatever the values mean.
Text records_of(std::string_view text) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  Text read;
  char delimiter = delimiter_of(text);
  for (const std::string begin : {"sep=,", "sep=;", "sep=\t"})
    for (const std::string end : {"\n", "\r\n"})
      if (read.first_line == 1 && text.starts_with(begin + end)) {
        delimiter = begin.back();
        text.remove_prefix(begin.size() + end.size());
        read.first_line = 2;
      }
  Records& records = read.records;
  std::vector<std::string> record{""};
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted && c == '"' && i + 1 < text.size() && text[i + 1] == '"') {
      record.back() += text[++i];
    } else if (c == '"') {
      quoted = !quoted;
    } else if (!quoted && c == delimiter) {
      record.emplace_back();
    } else if (!quoted && (c == '\n' || (c == '\r' && (i + 1 == text.size() || text[i + 1] == '\n')))) {
      if (c == '\r') ++i;
      records.push_back(std::exchange(record, {""}));
    } else {
      record.back() += c;
    }
  }
  records.push_back(record);
  const auto is_blank = [](const std::vector<std::string>& values) {
    return std::ranges::all_of(
        values, [](const std::string& value) { return value.find_first_not_of('\r') == std::string::npos; });
  };
  while (records.size() > 1 && is_blank(records.back())) records.pop_back();
  return read;
}

std::string column_of(std::string name) {
  std::ranges::transform(name, name.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  static const std::map<std::string, std::string> kOthers{
      {"file", "path"},       {"filename", "path"}, {"file_name", "path"},   {"image", "path"},
      {"image_path", "path"}, {"img_path", "path"}, {"pid", "identity"},     {"person_id", "identity"},
      {"cam", "camera"},      {"camid", "camera"},  {"camera_id", "camera"}, {"cam_id", "camera"}};
  const auto other = kOthers.find(name);
  return other == kOthers.end() ? name : other->second;
}

// As Python would: 12, "12.0", "C12".
long long number_of(std::string text) {
  if (text.starts_with('c') || text.starts_with('C')) text.erase(0, 1);
  std::size_t end = 0;
  const long long number = std::stoll(text, &end);
  tests::require(text.substr(end).empty() || text.substr(end) == ".0", "a number and nothing behind it");
  return number;
}

void check_against_records(const std::vector<datasets::sources::ListedImage>& images, const Text& text) {
  const Records& records = text.records;
  tests::require(records.size() == images.size() + 1, "as many images as lines after the header");
  for (std::size_t i = 0; i < images.size(); ++i) {
    const datasets::Sample& sample = images[i].sample;
    std::map<std::string, std::string> values;
    tests::require(records[i + 1].size() == records[0].size(), "as many values as columns");
    for (std::size_t column = 0; column < records[0].size(); ++column)
      if (const std::string name = column_of(records[0][column]); !name.empty())
        tests::require(values.emplace(name, records[i + 1][column]).second, "each column once");
    values.emplace("subset", "gallery");
    values.emplace("rate", "1");
    tests::require(values.size() == 5, "no column is unknown");
    tests::require(sample.path == values["path"] && sample.subset == values["subset"], "the words that were written");
    tests::require(sample.identity == number_of(values["identity"]) && sample.camera == number_of(values["camera"]) &&
                       sample.rate == number_of(values["rate"]),
                   "the numbers that were written");
    tests::require(images[i].line == i + 1 + text.first_line, "a line is an image");
  }
}

void check_values(const std::vector<datasets::sources::ListedImage>& images) {
  std::set<std::string> paths;
  for (const auto& [sample, line] : images) {
    tests::require(paths.insert(sample.path).second, "each path once");
    tests::require_plain_path(sample.path);
    tests::require(sample.identity >= 0 && sample.camera >= 1 && sample.rate >= 0 && sample.rate <= 16, "in range");
    tests::require(sample.subset == "train" || sample.subset == "query" || sample.subset == "gallery", "a subset");
    tests::require(sample.identity > 0 || sample.subset == "gallery", "distractors are in the gallery");
  }
}

// What becomes of a text.
struct Reading {
  std::vector<std::pair<datasets::Sample, std::size_t>> images;  // with their lines
  std::string refusal;
  bool operator==(const Reading&) const = default;
};

Reading read(const std::string& text) {
  Reading reading;
  try {
    for (const auto& image : datasets::sources::parse_image_list(text, "list"))
      reading.images.emplace_back(image.sample, image.line);
  } catch (const core::RuntimeError& error) {
    tests::require(error.kind() == core::ErrorKind::kInput, "a list is refused as what it is not");
    reading.refusal = error.what();
  }
  return reading;
}

std::string written(const Records& records, char delimiter) {
  std::string text;
  for (const auto& record : records) {
    for (const std::string& value : record) {
      if (&value != record.data()) text += delimiter;
      if (value.find_first_of(",;\t\"\r\n") == std::string::npos) {
        text += value;
        continue;
      }
      text += '"';
      for (const char c : value) text += c == '"' ? "\"\"" : std::string(1, c);
      text += '"';
    }
    text += '\n';
  }
  return text;
}

void check_dialects(const std::string& text, const Text& read_otherwise) {
  constexpr std::string_view kMark = "\xef\xbb\xbf";
  const Reading as_it_came = read(text);
  const bool accepted = as_it_came.refusal.empty();
  const bool names_line = as_it_came.refusal.find("'list', line ") != std::string::npos;
  std::string windows;
  for (const char c : text) windows += c == '\n' && !windows.ends_with('\r') ? "\r\n" : std::string(1, c);
  if (accepted || names_line) {
    tests::require(read(windows) == as_it_came, "lines that end otherwise are read otherwise");
    if (!text.starts_with(kMark))
      tests::require(read(std::string(kMark) + text) == as_it_came, "a byte order mark changes what is read");
  } else {
    const std::string_view first = std::string_view(text).substr(0, 2);
    const bool utf16 = first == "\xff\xfe" || first == "\xfe\xff" || first.find('\0') != std::string_view::npos;
    tests::require(utf16 || text.empty() || text == kMark || read_otherwise.records.size() == 1,
                   "a line is wrong and is not named");
  }
  Reading commas = read(written(read_otherwise.records, ','));
  bool several_lines = false;  // in one value: what a message shows of it is cut by delimiters
  for (const auto& record : read_otherwise.records)
    for (const std::string& value : record) several_lines |= value.find('\n') != std::string::npos;
  for (const char delimiter : {';', '\t'}) {
    Reading other = read(written(read_otherwise.records, delimiter));
    if (several_lines && !other.refusal.empty() && !commas.refusal.empty()) other.refusal = commas.refusal;
    tests::require(other == commas, "another delimiter changes what is read");
  }
  if (!accepted) return;
  for (auto& [sample, line] : commas.images) line += read_otherwise.first_line - 1;
  tests::require(commas == as_it_came, "a list that is written with commas is read otherwise");
}

}  // namespace

RESOLUTE_FUZZER(image_list, .rounds = 20'000, .mutate = mutate_list)(std::string_view bytes) {
  const std::string text(bytes);
  check_dialects(text, records_of(text));
  return tests::understood([&] {
    const auto images = datasets::sources::parse_image_list(text, "list");
    check_against_records(images, records_of(text));
    check_values(images);
    std::vector<datasets::Sample> samples;
    samples.reserve(images.size());
    for (const auto& image : images) samples.push_back(image.sample);
    const auto again = datasets::sources::parse_image_list(datasets::sources::image_list_text(samples), "list");
    tests::require(std::equal(again.begin(), again.end(), samples.begin(), samples.end(),
                              [](const auto& image, const auto& sample) { return image.sample == sample; }),
                   "what is written is read back");
  });
}

}  // namespace resolute::tests::image_list_fuzzer
