#pragma once
//! \file
//! The progress of an evaluation that nobody stops.

#include <cstdint>

#include "workers/evaluation/image_embedding.h"

namespace resolute::workers {

inline const EmbeddingProgress kGoOn = [](std::uint64_t, std::uint64_t) { return true; };

}  // namespace resolute::workers
