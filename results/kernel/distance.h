#pragma once
//! \file
//! The distance that decides: squared Euclidean, summed in doubles in one fixed order on every processor.

#include <cstddef>

namespace resolute::results::kernel {

//! Σ_k (a_k - b_k)², each difference, square and sum rounded to double. Element k goes to partial sum k mod 16 in
//! ascending k; the 16 sums are added as a binary tree (distance 8, 4, 2, 1). No fused multiply-add. The same bits with
//! AVX-512, AVX2 and neither; the widest that the processor has is chosen once.
double squared_distance(const float* a, const float* b, std::size_t dimension);

//! The form without vector instructions, for comparison in tests.
double squared_distance_portable(const float* a, const float* b, std::size_t dimension);

}  // namespace resolute::results::kernel
