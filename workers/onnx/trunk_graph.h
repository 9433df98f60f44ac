#pragma once
//! \file
//! The graph of what evaluation makes of an image with one trunk: what FoldedBackbone::embed() computes, in ONNX's
//! operators (Conv, Relu, Clip, MaxPool, Add, Mul, ReduceMean).

#include <cstdint>
#include <map>
#include <string>

#include "core/bytes.h"
#include "workers/nn/backbone.h"

namespace resolute::workers::onnx {

//! Input "images", N×3×height×width float32 as the loader normalises them (datasets/loader/normalisation.h); output
//! "features", N×C, the mean over f5. N is any number. Batch norms are folded as FoldedBackbone folds them.
//! \param trunk read only, on any device; its mode does not matter \param metadata of the file
//! \return an ONNX file; the same bytes for the same trunk
core::Bytes encode_trunk_graph(const Backbone& trunk, std::int64_t height, std::int64_t width,
                               const std::map<std::string, std::string>& metadata);

}  // namespace resolute::workers::onnx
