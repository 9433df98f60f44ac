#pragma once
//! \file
//! The options of a training's method, whichever it is. Each method's own stand in its folder; nothing here needs
//! libtorch.

#include <variant>

#include "methods/baseline/options.h"
#include "methods/ftwa/options.h"
#include "methods/msifla/options.h"
#include "methods/rain/options.h"
#include "methods/resolution_adaptive/options.h"

namespace resolute::methods {

using MethodOptions = std::variant<BaselineOptions, RainOptions, FtwaOptions, MsiflaOptions, ResolutionAdaptiveOptions>;

}  // namespace resolute::methods
