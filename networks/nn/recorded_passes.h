#pragma once
//! \file
//! Passes of networks that a training repeats step by step, forward and backward, as recordings of a device
//! (recorder.h). The bits are those of the same passes without: the same kernels run in the same order.
//!
//! A pass runs as it is the first time. It is recorded when it comes again with images of the same shape: for each of a
//! few shapes, in one memory. Where there is little memory, images of another shape end that, and it runs as it is from
//! then on. Its backward pass is recorded when it is first wanted.

#include <functional>
#include <memory>
#include <vector>

#include "networks/nn/recorder.h"
#include "networks/torch.h"

namespace resolute::networks {

using Pass = std::function<std::vector<at::Tensor>(const std::vector<at::Tensor>& inputs)>;

//! pass(inputs), by a recording where there is one. If no RecordedPasses::Forward is alive on this thread, without a
//! graph, within another pass and on the CPU: pass(inputs).
//! \param pass computed of its inputs and of the network's parameters and buffers alone, in the same way each time that
//! the form is the same; it waits for nothing, and autocast keeps no casts. Its outputs are not to be changed in place
//! \param part tells several passes of one network apart
//! \param form of the pass: one that changes in the course of a training. A recording of another form is given up, for
//! one of the new
std::vector<at::Tensor> recorded(const torch::nn::Module& network, const char* part,
                                 const std::vector<at::Tensor>& inputs, const Pass& pass, int form = 0);

//! True where recorded() on this thread records, and passes that can be cut in two are to be recorded so.
bool records_in_halves();

//! How a training uses what its passes leave.
struct RecordingUse {
  bool gradients_outlive = false;  //!< a parameter's gradient is still read when a backward pass is played once more
  //! Gradients leave for other process ranks once a played backward pass has ended: those of a trunk's deep half then
  //! travel while its shallow half, which has few parameters and the largest maps, is computed.
  bool in_halves = false;
};

//! A training's. Not for two threads at once.
class RecordedPasses {
 public:
  RecordedPasses(Recorder& recorder, RecordingUse use);
  ~RecordedPasses();
  RecordedPasses(const RecordedPasses&) = delete;
  RecordedPasses& operator=(const RecordedPasses&) = delete;

  //! While one is alive, recorded() on this thread records and plays. It stands for one forward pass of a method.
  class Forward {
   public:
    //! \param slot its graph lives together with those of other slots; a slot's earlier graph is gone
    Forward(RecordedPasses& passes, int slot);
    ~Forward();
    Forward(const Forward&) = delete;
    Forward& operator=(const Forward&) = delete;
  };

 private:
  class Store;
  friend std::vector<at::Tensor> recorded(const torch::nn::Module& network, const char* part,
                                          const std::vector<at::Tensor>& inputs, const Pass& pass, int form);
  friend bool records_in_halves();
  std::unique_ptr<Store> store_;
};

}  // namespace resolute::networks
