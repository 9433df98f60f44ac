#pragma once
//! \file
//! Suggestions for misspelt words, of settings/names.h.

#include "settings/names.h"

namespace resolute::experiments {

using settings::did_you_mean;

}  // namespace resolute::experiments
