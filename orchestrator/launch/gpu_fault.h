#pragma once
//! \file
//! Asks a GPU whether it is broken.

#include <chrono>
#include <optional>
#include <string>

namespace resolute::orchestrator {

//! Says by nvidia-smi what is wrong with a GPU: that it cannot be reached, or uncorrected errors of its memory since
//! the driver was loaded. Empty: nothing is; none: it cannot be asked, as there is no such program. \param gpu its
//! UUID, or its number in the order of the PCI addresses \param limit after which a silent one counts as broken
std::optional<std::string> gpu_fault(const std::string& gpu, std::chrono::milliseconds limit);

}  // namespace resolute::orchestrator
