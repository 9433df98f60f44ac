#pragma once
//! \file
//! Internal to python/native: what the handles of packs and splits hold.

#include <memory>

#include "datasets/pack/pack.h"
#include "datasets/split/split.h"
#include "python/native/interface.h"

namespace resolute::python {

struct Pack {
  std::shared_ptr<const datasets::PackReader> reader;
};

struct Split {
  std::shared_ptr<const datasets::Split> split;
};

}  // namespace resolute::python
