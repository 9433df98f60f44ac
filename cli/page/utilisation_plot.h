#pragma once
//! \file
//! The picture of `resolute suite simulate --svg`: how much of the machine was there, and how much of it jobs had.

#include <string>

#include "orchestrator/simulation/simulate.h"

namespace resolute::cli {

//! A whole SVG document: the share of the pool on nodes that were up (a line) and in use (an area) over the hours.
std::string utilisation_svg(const orchestrator::SimulationReport& report);

}  // namespace resolute::cli
