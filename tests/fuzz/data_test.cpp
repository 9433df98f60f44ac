// Drives the fuzzers of what the data side reads: packs, their manifests and splits, images and lists of them.
#include <gtest/gtest.h>

#include <cctype>
#include <cstdlib>

#include "datasets/split/split.h"
#include "tests/datasets/pack/raw_images.h"
#include "tests/fuzz/drive.h"

// The entry points (targets.h).
extern "C" {
int fuzz_shard(const std::uint8_t* data, std::size_t size);
int fuzz_pack(const std::uint8_t* data, std::size_t size);
int fuzz_manifest(const std::uint8_t* data, std::size_t size);
int fuzz_split(const std::uint8_t* data, std::size_t size);
int fuzz_image(const std::uint8_t* data, std::size_t size);
int fuzz_image_list(const std::uint8_t* data, std::size_t size);
}

namespace resolute::tests::data_test {
namespace {

namespace fs = std::filesystem;
using core::Bytes;

// JSON that stays JSON: a number at its limits, a text that means something elsewhere; else any change.
void mutate_json(Bytes& bytes, const Bytes& other, core::RandomStream& random) {
  constexpr std::array<std::string_view, 12> kNumbers{
      "0", "1", "2", "-1", "63", "4096", "100000", "2147483648", "18446744073709551615", "1e400", "1.0", "null"};
  constexpr std::array<std::string_view, 9> kTexts{"..",   "../../etc/passwd", "/etc/passwd", "a\\\\..\\\\b", "\\u0000",
                                                   "a//b", "\xc3\x28",         "official",    "\\n"};
  std::string text(core::as_text(bytes));
  const std::size_t at = text.empty() ? 0 : random.below(text.size());
  const auto is_digit = [&](std::size_t i) { return std::isdigit(static_cast<unsigned char>(text[i])) != 0; };
  if (const std::size_t digit = text.find_first_of("0123456789", at); random.below(3) == 0 && digit < text.size()) {
    std::size_t end = digit;
    while (end < text.size() && is_digit(end)) ++end;
    text.replace(digit, end - digit, kNumbers.at(random.below(kNumbers.size())));
  } else if (const std::size_t quote = text.find(":\"", at); random.below(2) == 0 && quote != std::string::npos) {
    const std::size_t begin = quote + 2, end = std::min(text.find('"', begin), text.size());
    text.replace(begin, end - begin, kTexts.at(random.below(kTexts.size())));
  } else {
    return mutate(bytes, other, random);
  }
  const auto changed = core::as_byte_span(text);
  bytes.assign(changed.begin(), changed.end());
}

// A list that stays one: something that matters to CSV, to paths or to a column's range; else any change.
void mutate_list(Bytes& bytes, const Bytes& other, core::RandomStream& random) {
  constexpr std::array<std::string_view, 18> kPieces{
      ",",  "\"",           "\"\"",     "\n",   "\r\n", "\r",        "/",         "..",      "../",
      "\\", "\xef\xbb\xbf", "\xc2\x80", "\xff", "0",    "1,1,train", "999999999", "gallery", "path,identity,camera\n"};
  if (random.below(3) == 0) return mutate(bytes, other, random);
  std::string text(core::as_text(bytes));
  const std::size_t at = random.below(text.size() + 1);
  const std::size_t replaced = random.below(2) == 0 ? 0 : random.below(4);
  text.replace(at, replaced, kPieces.at(random.below(kPieces.size())));
  const auto changed = core::as_byte_span(text);
  bytes.assign(changed.begin(), changed.end());
}

datasets::PackSettings tiny_options(const std::string& name) {
  datasets::PackSettings options = small_options();
  options.name = name;
  options.height = 4;
  options.width = 2;
  return options;
}

// Writes the good examples of one pack of four images: its files and a split.
void write_pack(const datasets::PackSettings& options, bool tell_origin, const datasets::SplitSettings& trial) {
  const RawImages raw(4, 1, 5, 3);
  std::vector<datasets::Sample> samples = raw.samples();
  if (tell_origin)
    for (datasets::Sample& sample : samples) {
      sample.rate = sample.camera == 2 ? 2 * static_cast<int>(sample.identity % 2) : 1;
      sample.test_sets = static_cast<std::uint64_t>(sample.identity);
    }
  auto& files = core::real_file_system();
  const fs::path folder = raw.pack();
  datasets::write_shard(files, raw.reader(), samples, options, 0, folder);
  datasets::seal_pack(files, folder, options);
  write_good("shard", options.name, core::as_text(file_bytes(folder / "shard-00000.h5")));
  write_good("pack", options.name, core::as_text(file_bytes(folder / "pack.json")));
  write_good("manifest", options.name, core::as_text(file_bytes(folder / "manifest.json")));
  const auto pack = datasets::PackReader::open(folder);
  const fs::path split = datasets::export_split(files, raw.folder() / "splits", datasets::make_split(pack, trial), 2);
  write_good("split", options.name, core::as_text(file_bytes(split)));
}

// RESOLUTE_WRITE_GOLDEN writes the good examples anew, for a new version of a format; the images are Pillow's.
TEST(FuzzData, corpus_has_a_good_example_of_each_format) {
  if (std::getenv("RESOLUTE_WRITE_GOLDEN") != nullptr) {
    datasets::SplitSettings trial{.query_rates = {2, 3}};
    write_pack(tiny_options("plain"), false, trial);
    datasets::PackSettings options = tiny_options("as-it-came");
    options.view_from = settings::ViewFrom::kNetwork;
    options.height = 7;
    trial.train_identities = 2;
    write_pack(options, true, trial);
    options = tiny_options("one-rate");
    options.rates = {1};
    options.width = 5;
    trial = {};
    trial.query_rates = {1};
    trial.lr_camera = 0;
    write_pack(options, false, trial);
  }
  for (const char* format : {"shard", "pack", "manifest", "split", "image", "image_list"})
    EXPECT_FALSE(core::real_file_system().list(kCorpus / format).empty()) << format;
}

TEST(FuzzData, shards_are_refused_or_read_as_they_were_made) { drive("shard", fuzz_shard, rounds(10'000)); }
TEST(FuzzData, seals_are_refused_or_written_as_they_came) { drive("pack", fuzz_pack, rounds(20'000), mutate_json); }
TEST(FuzzData, manifests_are_refused_or_written_as_they_came) {
  drive("manifest", fuzz_manifest, rounds(20'000), mutate_json);
}
TEST(FuzzData, splits_are_refused_or_written_as_they_came) { drive("split", fuzz_split, rounds(10'000), mutate_json); }
TEST(FuzzData, images_are_refused_or_have_the_pixels_that_they_say) { drive("image", fuzz_image, rounds(40'000)); }
TEST(FuzzData, lists_of_images_are_refused_or_what_a_second_reader_makes_of_them) {
  drive("image_list", fuzz_image_list, rounds(100'000), mutate_list);
}

}  // namespace
}  // namespace resolute::tests::data_test
