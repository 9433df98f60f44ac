#pragma once
//! \file
//! The two passes of an antialiased resize over rows of 8-bit RGB, for each set of instructions that is worth one. All
//! give the same bytes: sums of integers do not depend on their order. Only resample.cpp and tests include this.

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace resolute::datasets::passes {

//! Bits of a coefficient's fraction: an int less 8 bits of pixel and 2 of headroom for negative lobes.
inline constexpr int kPrecisionBits = 32 - 8 - 2;

//! Which inputs each output sums, and with what weights. Outputs are filled up to a multiple of kOutputs with weights
//! of zero, taps to a multiple of kTaps.
struct Taps {
  static constexpr std::size_t kOutputs = 4;
  static constexpr std::size_t kTaps = 4;
  int in_size = 0;
  int out_size = 0;
  std::size_t stride = 0;             //!< taps an output, a multiple of kTaps
  std::vector<std::int32_t> first;    //!< of each output
  std::vector<std::int32_t> count;    //!< of each output, not filled up
  std::vector<std::int32_t> weights;  //!< outputs × stride
  //! The same weights for AVX2: low = w mod 2^12 and high = floor(w / 2^12), both 16 bits; pairs of taps as
  //! (low, low, high, high). Outputs × stride × 2.
  std::vector<std::int16_t> halves;
  //! The same for AVX-512: three signed digits of 8 bits, w = (d2·256 + d1)·256 + d0; four taps as (d0 ×4, d1 ×4,
  //! d2 ×4). Outputs × stride × 3.
  std::vector<std::int8_t> digits;
  //! Five outputs at a time, for AVX-512 along rows: the inputs of four of their taps lie in a window of 64 bytes.
  struct Block {
    std::int32_t first = 0;               //!< input where the window of the first four taps begins
    std::int32_t fours = 0;               //!< how many times four taps; the window moves by four inputs each time
    std::size_t digits = 0;               //!< in block_digits, of the first four
    std::array<std::uint8_t, 64> from{};  //!< for output, channel and tap: where in the window
  };
  static constexpr std::size_t kBlockOutputs = 5;
  std::vector<Block> blocks;              //!< none where the outputs lie too far apart for such a window
  std::vector<std::int8_t> block_digits;  //!< for each block and four taps: d0 of 64 products, d1, d2

  //! Derives all of these from first, count and weights.
  void derive();

 private:
  // Appends the block of outputs from `from` on; false where its inputs do not fit a window.
  bool add_block(std::size_t from);
};

enum class Instructions { kPlain, kAvx2, kAvx512 };

//! The fastest that this machine has.
Instructions best_instructions();

//! Bytes past the end of the last input row that filter_rows() may read, whatever they hold.
inline constexpr std::size_t kReadSlack = 64;
//! Bytes past the end of each output row that it may write.
inline constexpr std::size_t kWriteSlack = 16;

//! Filters along rows: `rows` rows of taps.in_size pixels become as many of taps.out_size pixels.
//! \param in_stride,out_stride bytes from row to row; out_stride at least 3·out_size + kWriteSlack
void filter_rows(Instructions with, const std::uint8_t* in, std::size_t in_stride, std::size_t rows, const Taps& taps,
                 std::uint8_t* out, std::size_t out_stride);

//! Filters down columns: taps.in_size rows become taps.out_size rows of as many bytes. Reads and writes no other bytes.
//! \param row_bytes of a row, at least 1
void filter_columns(Instructions with, const std::uint8_t* in, std::size_t in_stride, std::size_t row_bytes,
                    const Taps& taps, std::uint8_t* out, std::size_t out_stride);

}  // namespace resolute::datasets::passes
