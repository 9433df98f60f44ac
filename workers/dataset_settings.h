#pragma once
//! \file
//! From the settings of a specification to those of datasets/, which knows no specifications.

#include "datasets/loader.h"
#include "datasets/pack/options.h"
#include "datasets/sources/synthetic.h"
#include "datasets/split.h"
#include "experiments/specification.h"

namespace resolute::workers {

//! The settings' canonical form goes verbatim into the pack. \throws RuntimeError (kInput) for an unknown kernel
datasets::PackOptions pack_options(const experiments::PackSettings& settings);
datasets::SplitOptions split_options(const experiments::SplitSettings& settings);
datasets::SyntheticOptions synthetic_options(const experiments::SyntheticSettings& settings);
//! \param seed of the training
datasets::LoaderOptions loader_options(const experiments::Recipe& recipe, std::uint64_t seed);
datasets::BatchShape batch_shape(const experiments::Recipe& recipe);

}  // namespace resolute::workers
