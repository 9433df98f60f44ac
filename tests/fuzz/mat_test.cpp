// Drives the fuzzer of CUHK03's .mat files. Those that HDF5 falls over are not kept beside the good example, since each
// takes its limit of time: tests/golden/mat has two, for mat_file_test.cpp.
#include "datasets/sources/cuhk03.h"
#include "tests/fuzz/drive.h"

// The entry point, renamed where it is compiled for this program (CMakeLists.txt).
extern "C" int fuzz_mat(const std::uint8_t* data, std::size_t size);

namespace resolute::tests::mat_test {
namespace {

using core::Bytes;
using datasets::sources::Cuhk03Contents;

// HDF5's structures are made of words at multiples of eight: a word becomes a number at its limits, or another word,
// which may be an address; else any change.
void mutate_words(Bytes& bytes, const Bytes& other, core::RandomStream& random) {
  constexpr std::array<std::uint64_t, 8> kLimits{
      0, 1, 0x7fff, 0xffffffff, 0x100000000, 0x7fffffffffffffff, 0x8000000000000000, 0xffffffffffffffff};
  constexpr std::size_t kWord = 8;
  if (random.below(2) == 0 || bytes.size() < kWord) return mutate(bytes, other, random);
  const auto word = [&] { return random.below(bytes.size() / kWord) * kWord; };
  std::uint64_t value = kLimits.at(random.below(kLimits.size()));
  if (random.below(2) == 0) std::memcpy(&value, bytes.data() + word(), kWord);
  const std::size_t part = std::size_t{1} << random.below(4);  // 1, 2, 4 or 8 bytes of it
  std::memcpy(bytes.data() + word() + random.below(kWord / part) * part, &value, part);
}

datasets::Image pixels(int height, int width) {
  datasets::Image image = datasets::make_image(height, width);
  for (std::size_t i = 0; i < image.pixels.size(); ++i) image.pixels[i] = static_cast<std::uint8_t>(i * 37);
  return image;
}

// As small as the layout can be, so that most changes meet what HDF5 reads: two images of each identity, one of them in
// compressed chunks, one empty cell for all the others.
Cuhk03Contents tiny_contents() {
  Cuhk03Contents contents;
  for (auto* boxes : {&contents.labeled, &contents.detected})
    for (auto& identities : *boxes) {
      Cuhk03Contents::Identity cells(datasets::sources::kCuhk03Slots);
      cells[0] = pixels(2, 3);
      cells[7] = pixels(3, 1);
      identities.push_back(std::move(cells));
    }
  contents.labeled[1][0][0] = datasets::make_image(64, 32);
  contents.test_sets = {{{1, 1}, {3, 1}}, {{2, 1}, {5, 1}}};
  return contents;
}

// RESOLUTE_WRITE_GOLDEN writes the good example anew.
TEST(FuzzMat, corpus_has_a_good_example) {
  if (std::getenv("RESOLUTE_WRITE_GOLDEN") != nullptr)
    write_good("mat", "tiny", core::as_text(datasets::sources::encode_cuhk03(tiny_contents())));
  EXPECT_FALSE(core::real_file_system().list(kCorpus / "mat").empty());
}

TEST(FuzzMat, mat_files_are_refused_or_list_what_can_be_read) { drive("mat", fuzz_mat, rounds(10'000), mutate_words); }

}  // namespace
}  // namespace resolute::tests::mat_test
