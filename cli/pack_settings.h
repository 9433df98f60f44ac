#pragma once
//! \file
//! From a specification's pack settings to the options that `datasets` takes, and the raw images of a synthetic set.

#include "datasets/pack/options.h"
#include "datasets/sources/synthetic.h"
#include "experiments/specification.h"

namespace resolute::cli {

datasets::PackOptions to_pack_options(const experiments::PackSettings& settings);
datasets::SyntheticOptions to_synthetic_options(const experiments::SyntheticSettings& settings);

}  // namespace resolute::cli
