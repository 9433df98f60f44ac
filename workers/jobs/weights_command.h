#pragma once
//! \file
//! `resolute-worker weights …`: what `resolute weights` leaves to the program that has libtorch.

#include <filesystem>
#include <string>
#include <vector>

#include "core/files/file_system.h"
#include "core/files/json.h"
#include "experiments/store/store_layout.h"

namespace resolute::workers {

//! Writes the trunk of a finished training under torchvision's names.
//! \param job the training's id
//! \param out its ending says how: `.safetensors`, or `.pth` and `.pt` for torch.save
//! \return what docs/inside/weights.md lists
//! \throws RuntimeError: kInput if there is no such training, it has no result yet, or the ending is another;
//!         kCorrupt if its weights are damaged
core::Json export_weights(core::FileSystem& files, const experiments::StoreLayout& store, const std::string& job,
                          const std::filesystem::path& out);

//! `import FILE STORE NAME BACKBONE PREFIX REPLACE` (PREFIX: "auto", or "=" and the prefix; REPLACE: "replace" or
//! "keep") or `export JOB STORE OUT`. The report is one line of JSON on standard output, also of a file that does not
//! fit. \throws RuntimeError
void run_weights_command(core::FileSystem& files, const std::vector<std::string>& arguments);

}  // namespace resolute::workers
