#pragma once
//! \file
//! The graph of what a method's embedder computes (Method::embedder_graph()), in ONNX's operators, put together from
//! this project's layers: batch norms are folded by the function that evaluation folds with.

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/bytes.h"
#include "networks/nn/backbone.h"
#include "networks/nn/layers.h"
#include "networks/onnx/model.h"

namespace resolute::networks::onnx {

//! Feature maps as a value of the graph: N×channels×height×width.
struct Map {
  std::string value;
  std::int64_t height = 0, width = 0;
};

//! Float32 throughout, parameters as they stand now, whatever their device; modules' modes do not matter.
class Graph {
 public:
  //! Input "images", N×3×height×width as the loader normalises them (datasets/loader/normalisation.h); output
  //! "features", N×columns. N is any number.
  Graph(std::int64_t height, std::int64_t width, std::int64_t columns);

  const Map& images() const { return images_; }
  //! A trunk's f5, N×C×h×w. \param scales of each block's output, as FoldedBackbone takes them
  Map trunk(const Backbone& trunk, const Map& images, const std::vector<at::Tensor>& scales = {}) {
    return this->trunk(trunk, trunk, images, scales);
  }
  //! The same with another shallow part, of the trunk's shape.
  Map trunk(const ShallowTrunk& shallow, const Backbone& trunk, const Map& images,
            const std::vector<at::Tensor>& scales = {}) {
    return levels(shallow, trunk, images, scales).back();
  }
  //! Its f1 to f5.
  std::vector<Map> levels(const Backbone& trunk, const Map& images) { return levels(trunk, trunk, images, {}); }
  Map convolve(const Convolution& layer, const Map& map);
  //! `count` of the layer's output channels, from `first` on.
  Map convolve(const Convolution& layer, const Map& map, std::int64_t first, std::int64_t count);
  Map doubled(const DoublingConvolution& layer, const Map& map);
  //! Each pixel as 2×2.
  Map doubled(const Map& map);
  //! The upper left part of that size.
  Map cropped(const Map& map, std::int64_t height, std::int64_t width);
  //! A convolution as it is with the batch norm behind it, in evaluation mode.
  Map folded(const NormalisedConvolution& layer, const Map& map);
  Map rectified(const Map& map, Rectifier rectifier = Rectifier::kRelu);
  //! \param slope below zero, 0 to 1
  Map leaky_rectified(const Map& map, double slope);
  Map sum(const Map& one, const Map& other);
  //! Channels of all, one map's behind the other's, of maps of one size.
  Map concatenated(const std::vector<Map>& maps);
  //! N×C, as pooled().
  std::string mean(const Map& map);
  //! N×in → N×out. \param weight out×in \param bias out
  std::string linear(const std::string& rows, const at::Tensor& weight, const at::Tensor& bias);

  //! A node; the others are made of it. \return the value's name
  std::string node(std::string_view type, const std::vector<std::string>& inputs,
                   const std::vector<Attribute>& attributes = {}) {
    return model_.add_node(type, inputs, attributes);
  }
  std::string constant(const std::string& name, const at::Tensor& tensor);

  //! The file whose output is `features`; the same bytes for the same graph. \param metadata of the file
  core::Bytes encode(const std::string& features, const std::map<std::string, std::string>& metadata) && {
    return std::move(model_).encode(features, metadata);
  }

 private:
  Map own_pixels(const settings::TrunkShape& shape, const Map& images);
  std::vector<Map> levels(const ShallowTrunk& shallow, const Backbone& trunk, const Map& images,
                          const std::vector<at::Tensor>& scales);
  Map through(const ResidualBlock& block, const Map& input);
  Map convolution(const at::Tensor& weight, const at::Tensor& bias, const ConvolutionSteps& steps, const Map& map);

  Map images_;
  Model model_;
  std::array<std::string, 2> bounds_;  //!< of Rectifier::kRelu6, once it is met
  int constants_ = 0;
};

}  // namespace resolute::networks::onnx
