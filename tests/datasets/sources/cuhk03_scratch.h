#pragma once
//! \file
//! A small file of CUHK03 in a folder of the test's own.

#include <string>

#include "datasets/sources/cuhk03.h"
#include "tests/datasets/sources/scratch.h"

namespace resolute::datasets {

//! Other pixels for another `seed`.
inline Image pattern(int height, int width, int seed) {
  Image image = make_image(height, width);
  for (std::size_t i = 0; i < image.pixels.size(); ++i)
    image.pixels[i] = static_cast<std::uint8_t>(i * 7 + static_cast<std::size_t>(seed) * 41);
  return image;
}

inline sources::Cuhk03Contents::Identity identity(std::initializer_list<int> slots, int seed) {
  sources::Cuhk03Contents::Identity cells(sources::kCuhk03Slots);
  for (const int slot : slots) cells[static_cast<std::size_t>(slot)] = pattern(4 + slot, 3 + seed, seed * 10 + slot);
  return cells;
}

//! Pair 1: seen by both cameras twice, by the second one alone, once. Pair 4: nobody. A large one that is compressed.
inline sources::Cuhk03Contents small_contents() {
  sources::Cuhk03Contents contents;
  contents.labeled = {{{identity({0, 1, 5, 9}, 1), identity({6, 7}, 2), identity({3}, 3)},
                       {identity({2, 5}, 4)},
                       {identity({0, 5}, 5), identity({1, 8}, 6)},
                       {identity({}, 7)},
                       {identity({4, 9}, 8)}}};
  contents.labeled[4][0][9] = pattern(70, 40, 9);
  contents.detected = contents.labeled;
  contents.detected[0][0][1] = std::nullopt;
  contents.detected[0][2][5] = pattern(5, 5, 11);
  contents.detected[1][0][2] = std::nullopt;  // one image is left
  contents.test_sets = {{{1, 1}, {5, 1}}, {{2, 1}, {1, 3}}, {{1, 1}, {4, 1}}};
  return contents;
}

class Cuhk03 : public Scratch {
 protected:
  void SetUp() override {
    Scratch::SetUp();
    write(small_contents());
  }
  std::filesystem::path file() const { return root_ / "cuhk-03.mat"; }
  void write(const sources::Cuhk03Contents& contents) {
    core::replace_unsynced(files_, file(), core::as_text(sources::encode_cuhk03(contents)));
  }
  //! Reads every image that is listed: what refuses one says why.
  std::string reading_refusal() {
    try {
      const auto reader = open_raw(files_, Source::kCuhk03, root_);
      for (const Sample& sample : list_samples(files_, Source::kCuhk03, root_)) reader->read(sample.path);
    } catch (const core::RuntimeError& error) {
      EXPECT_EQ(error.kind(), core::ErrorKind::kInput) << error.what();
      return without_root(error.what());
    }
    ADD_FAILURE() << "nothing was refused";
    return {};
  }
  std::string without_root(std::string text) const {
    if (const auto at = text.find(root_.string()); at != std::string::npos)
      text.replace(at, root_.string().size(), "ROOT");
    return text;
  }
};

}  // namespace resolute::datasets
