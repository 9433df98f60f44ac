// Lists of images: refused whole, or exactly what a second reader of RFC 4180 makes of them, with paths that lead to
// nothing outside of the list's folder; and what is written of them is read back.
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

// One character after the other, whatever the values mean.
Records records_of(std::string_view text) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  Records records;
  std::vector<std::string> record{""};
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted && c == '"' && i + 1 < text.size() && text[i + 1] == '"') {
      record.back() += text[++i];
    } else if (c == '"') {
      quoted = !quoted;
    } else if (!quoted && c == ',') {
      record.emplace_back();
    } else if (!quoted && (c == '\n' || (c == '\r' && (i + 1 == text.size() || text[i + 1] == '\n')))) {
      if (c == '\r') ++i;
      records.push_back(std::exchange(record, {""}));
    } else {
      record.back() += c;
    }
  }
  if (record != std::vector<std::string>{""}) records.push_back(record);
  return records;
}

void check_against_records(const std::vector<datasets::sources::ListedImage>& images, const Records& records) {
  tests::require(records.size() == images.size() + 1, "as many images as lines after the header");
  tests::require(std::set(records[0].begin(), records[0].end()).size() == records[0].size(), "each column once");
  for (std::size_t i = 0; i < images.size(); ++i) {
    const datasets::Sample& sample = images[i].sample;
    std::map<std::string, std::string> values{{"subset", "gallery"}, {"rate", "1"}};
    tests::require(records[i + 1].size() == records[0].size(), "as many values as columns");
    for (std::size_t column = 0; column < records[0].size(); ++column)
      values[records[0][column]] = records[i + 1][column];
    tests::require(values.size() == 5, "no column is unknown");
    tests::require(sample.path == values["path"] && sample.subset == values["subset"], "the words that were written");
    tests::require(sample.identity == std::stoll(values["identity"]) && sample.camera == std::stoll(values["camera"]) &&
                       sample.rate == std::stoll(values["rate"]),
                   "the numbers that were written");
    tests::require(images[i].line == i + 2, "a line is an image");
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

}  // namespace

RESOLUTE_FUZZER(image_list, .rounds = 100'000, .mutate = mutate_list)(std::string_view bytes) {
  const std::string text(bytes);
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
