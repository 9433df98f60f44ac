#pragma once
//! \file
//! Initial weights as a pure function of (seed, parameter name): they depend neither on the order in which layers are
//! built nor on libtorch's generators, which never advance.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "networks/torch.h"

namespace resolute::networks {

//! How a layer's weight is drawn: normal, mean 0, with this deviation.
enum class Initialisation {
  kHeFanOut,     //!< √(2 / fan out), as torchvision draws ResNet's convolutions (He et al., ICCV 2015)
  kHeFanIn,      //!< √(2 / fan in), for layers that narrow to few channels and a rectifier follows
  kLecunFanIn,   //!< √(1 / fan in), for layers whose output is used as it is
  kZero,         //!< 0, for the last layer of a branch that is added to something: it begins by adding nothing
  kTorchLinear,  //!< √(1 / (3 fan in)), the deviation of torch.nn.Linear's default
};

//! A layer that knows how its own parameters and buffers begin.
class InitialisedLayer {
 public:
  virtual ~InitialisedLayer() = default;
  //! \param name the layer's full name in the network, e.g. "trunk.layer1.0.conv1"
  virtual void initialise(std::uint64_t seed, const std::string& name) = 0;
};

//! A norm's weight, which starts at 1, and its bias, which starts at 0: one of each a channel.
class NormLayer : public torch::nn::Module, public InitialisedLayer {
 public:
  explicit NormLayer(std::int64_t channels);
  void initialise(std::uint64_t seed, const std::string& name) override;
  std::int64_t channels() const { return weight.size(0); }

  at::Tensor weight, bias;
};

//! Overwrites a floating-point tensor with normal draws of the stream ("weights NAME", {seed}), element by element in
//! logical (row-major) order whatever its memory format. Box-Muller in double, both values of a pair used.
void fill_normal(const at::Tensor& tensor, double deviation, std::uint64_t seed, std::string_view name);

//! The deviation of a weight of shape out×in[×kh×kw].
double deviation_of(Initialisation rule, at::IntArrayRef shape);

//! Initialises every InitialisedLayer below `root`.
//! \throws ContractError if a parameter or buffer belongs to a module that is no InitialisedLayer (it would be left
//! undefined)
void initialise(torch::nn::Module& root, std::uint64_t seed);

//! Overwrites the parameters and buffers of `to` by those of the same name in `from`, which may have more of them.
void copy_weights(const torch::nn::Module& from, torch::nn::Module& to);

//! `fresh` with the weights of `network` as they stand now, on its device.
//! \param fresh of the same layers, on the CPU \param precision of the copied weights
template <class Network>
std::shared_ptr<Network> copied(const Network& network, std::shared_ptr<Network> fresh, at::ScalarType precision) {
  copy_weights(network, *fresh);
  fresh->to(network.parameters().front().device(), precision);
  return fresh;
}

}  // namespace resolute::networks
