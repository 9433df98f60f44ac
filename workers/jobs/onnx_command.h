#pragma once
//! \file
//! `resolute-worker onnx …`: what `resolute export onnx` leaves to the program that has libtorch.

#include <filesystem>
#include <string>
#include <vector>

#include "core/files/file_system.h"
#include "core/files/json.h"
#include "experiments/store/store_layout.h"
#include "methods/networks/method.h"

namespace resolute::workers {

//! Writes the network by which a finished training's evaluations embed images (docs/weights.md, "As ONNX"), whole or
//! not at all. \param out ends in .onnx \param side, level as EmbedderOptions \return `job`, `method`, `backbone`,
//! `file`, `sha256`, `height`, `width`, `dimension`, `columns` (Method::row_size()) \throws RuntimeError: kInput if
//! there is no such training, it has no result yet, it is of a method or a precision that has no graph, has not so many
//! levels or tells no sides apart, or the ending is another; kCorrupt if its weights are damaged
core::Json export_onnx(core::FileSystem& files, const experiments::StoreLayout& store, const std::string& job,
                       const std::filesystem::path& out, methods::Side side, int level);

//! `JOB STORE OUT SIDE LEVEL`; SIDE is "high" or "low". The report is one line of JSON on standard output. \throws
//! RuntimeError
void run_onnx_command(core::FileSystem& files, const std::vector<std::string>& arguments);

}  // namespace resolute::workers
