#pragma once
//! \file
//! The nearest images of one, ties and all.

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace resolute::results::kernel {

//! Indices, ascending, of those at most as far as the `count`-th nearest: all that tie with it, so that no order of the
//! images decides which of them count. All where there are no more than `count`. \param distances finite \param count
//! at least 1 \param of whose neighbours they are, for the message: "query 3" \param neighbour what the message calls
//! the last \throws core::RuntimeError (kInput) where more than a thousand tie
std::vector<std::size_t> nearest(std::span<const double> distances, std::size_t count,
                                 const std::function<std::string()>& of, int neighbour);

}  // namespace resolute::results::kernel
