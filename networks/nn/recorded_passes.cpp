#include "networks/nn/recorded_passes.h"

#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/functions/utils.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <variant>

#include "core/error.h"
#include "core/log.h"
#include "networks/nn/batch_norm.h"

namespace resolute::networks {

// Not unnamed: RecordedPasses::Store, which other files name, is made of these.
namespace of_recorded_passes {

using torch::autograd::Node;
using torch::autograd::variable_list;

//! The properties that kernels are chosen by.
struct Layout {
  std::vector<std::int64_t> sizes, strides;
  at::ScalarType type = at::kFloat;
  bool learns = false;
  auto operator<=>(const Layout&) const = default;
};

std::vector<Layout> layouts_of(const std::vector<at::Tensor>& tensors) {
  std::vector<Layout> layouts;
  for (const at::Tensor& tensor : tensors)
    if (tensor.defined())
      layouts.push_back({tensor.sizes().vec(), tensor.strides().vec(), tensor.scalar_type(), tensor.requires_grad()});
    else
      layouts.emplace_back();
  return layouts;
}

//! Memory with a place of its own for tensors of one layout, expanded ones too.
class Inlet {
 public:
  explicit Inlet(const at::Tensor& like) : strides_(like.strides().vec()) {
    for (std::int64_t dimension = 0; dimension < like.dim(); ++dimension)
      sizes_.push_back(like.stride(dimension) == 0 ? 1 : like.size(dimension));
    memory_ = at::empty_strided(sizes_, strides_, like.options());
    tensor_ = memory_.as_strided(like.sizes(), strides_);
  }
  void fill(const at::Tensor& from) { memory_.copy_(from.as_strided(sizes_, strides_)); }
  const at::Tensor& tensor() const { return tensor_; }

 private:
  std::vector<std::int64_t> sizes_, strides_;
  at::Tensor memory_, tensor_;
};

//! Marks that autograd keeps with a tensor of the network. A recording has its own. The end of a leaf's gradient
//! belongs to the stream on which it was made, and would draw this stream into the recording. The count of the tensor's
//! changes would tie the recorded graph to one step, but all steps play it.
class Marks {
 public:
  Marks(const std::vector<at::Tensor>& leaves, const std::vector<at::Tensor>& buffers)
      : leaves_(leaves), tensors_(leaves), accumulators_(leaves.size()) {
    tensors_.insert(tensors_.end(), buffers.begin(), buffers.end());
    for (std::size_t i = 0; i < tensors_.size(); ++i) versions_.emplace_back(/*version=*/0);
  }
  //! The recording's stand in their place while one is alive.
  class Exchanged {
   public:
    explicit Exchanged(Marks& marks) : marks_(marks) { marks_.exchange(); }
    ~Exchanged() { marks_.exchange(); }
    Exchanged(const Exchanged&) = delete;
    Exchanged& operator=(const Exchanged&) = delete;

   private:
    Marks& marks_;
  };

 private:
  void exchange() {
    namespace impl = torch::autograd::impl;
    for (std::size_t i = 0; i < leaves_.size(); ++i) {
      std::shared_ptr<Node> standing = impl::try_get_grad_accumulator(leaves_[i]);
      impl::set_grad_accumulator(leaves_[i], accumulators_[i]);
      accumulators_[i] = std::move(standing);
    }
    for (std::size_t i = 0; i < tensors_.size(); ++i) {
      c10::VariableVersion standing = impl::version_counter(tensors_[i]);
      impl::set_version_counter(tensors_[i], versions_[i]);
      versions_[i] = std::move(standing);
    }
  }

  std::vector<at::Tensor> leaves_, tensors_;
  std::vector<std::shared_ptr<Node>> accumulators_;
  std::vector<c10::VariableVersion> versions_;
};

//! A pass that has been recorded, and its backward passes: one for each choice of outputs that have a gradient.
class RecordedPass : public std::enable_shared_from_this<RecordedPass> {
 public:
  //! \param no_memory called where there is too little to record a backward pass
  //! \param beside null, or a pass that is never in the graph of a step with this one: they share memory
  RecordedPass(Recorder& recorder, bool gradients_outlive, std::function<void()> no_memory, const RecordedPass* beside,
               const torch::nn::Module& network, const std::vector<at::Tensor>& inputs, const Pass& pass)
      : recorder_(recorder),
        gradients_outlive_(gradients_outlive),
        no_memory_(std::move(no_memory)),
        inlets_(inlets_like(inputs)),
        inputs_(leaves_in(inlets_, inputs)),
        parameters_(learning(network.parameters())),
        marks_(leaves(), network.buffers()) {
    const Marks::Exchanged own(marks_);
    recording_ =
        recorder_.record([&] { outputs_ = pass(inputs_); }, beside == nullptr ? nullptr : beside->recording_.get());
    // Those of the network's other passes wait for the backward passes of these alone.
    std::erase_if(parameters_,
                  [](const at::Tensor& leaf) { return !torch::autograd::impl::try_get_grad_accumulator(leaf); });
  }

  std::vector<at::Tensor> play(const std::vector<at::Tensor>& inputs);
  //! Gradients of the parameters, and of the inputs that want one.
  variable_list play_backward(const variable_list& gradients);

 private:
  struct Backward {
    std::vector<std::optional<Inlet>> inlets;
    variable_list results;
    std::unique_ptr<Recording> recording;
  };
  struct TooLarge {};  // runs as it is
  static std::vector<Inlet> inlets_like(const std::vector<at::Tensor>& inputs) {
    std::vector<Inlet> inlets;
    for (const at::Tensor& input : inputs) inlets.emplace_back(input.detach());
    return inlets;
  }
  static std::vector<at::Tensor> leaves_in(const std::vector<Inlet>& inlets, const std::vector<at::Tensor>& inputs) {
    std::vector<at::Tensor> leaves;
    for (std::size_t i = 0; i < inputs.size(); ++i)
      leaves.push_back(inlets[i].tensor().variable_data().set_requires_grad(inputs[i].requires_grad()));
    return leaves;
  }
  static std::vector<at::Tensor> learning(std::vector<at::Tensor> tensors) {
    std::erase_if(tensors, [](const at::Tensor& tensor) { return !tensor.requires_grad(); });
    return tensors;
  }
  std::vector<at::Tensor> leaves() const {
    std::vector<at::Tensor> leaves = parameters_, inputs = learning(inputs_);
    leaves.insert(leaves.end(), inputs.begin(), inputs.end());
    return leaves;
  }
  std::variant<Backward, TooLarge> record_backward(const variable_list& gradients);
  //! Does the same as play_backward(), from the graph of the recorded pass. \param gradients one per output, or
  //! undefined \param keep_graph false: its memory is given back on the way, and no pass comes after it
  variable_list differentiate(const variable_list& gradients, bool keep_graph) const;

  Recorder& recorder_;
  bool gradients_outlive_;
  std::function<void()> no_memory_;
  std::vector<Inlet> inlets_;
  std::vector<at::Tensor> inputs_;      // as leaves
  std::vector<at::Tensor> parameters_;  // that learn by this pass
  Marks marks_;
  std::unique_ptr<Recording> recording_;
  std::vector<at::Tensor> outputs_;  // with the graph that the backward passes are recorded of
  std::map<std::vector<Layout>, std::variant<Backward, TooLarge>> backward_;
};

//! In the graph of a step: the backward pass of a recorded pass.
struct RecordedBackward final : Node {
  std::shared_ptr<RecordedPass> pass;
  variable_list apply(variable_list&& gradients) override { return pass->play_backward(gradients); }
  std::string name() const override { return "RecordedBackward"; }
};

std::vector<at::Tensor> RecordedPass::play(const std::vector<at::Tensor>& inputs) {
  std::vector<at::Tensor> outputs;
  {
    const at::NoGradGuard no_grad;
    for (std::size_t i = 0; i < inputs.size(); ++i) inlets_[i].fill(inputs[i]);
    recording_->play();
    for (const at::Tensor& output : outputs_) outputs.push_back(output.variable_data());
  }
  const std::shared_ptr<RecordedBackward> node(new RecordedBackward, torch::autograd::deleteNode);
  node->pass = shared_from_this();
  torch::autograd::edge_list next;
  for (const at::Tensor& leaf : parameters_) next.push_back(torch::autograd::impl::gradient_edge(leaf));
  for (const at::Tensor& input : learning(inputs)) next.push_back(torch::autograd::impl::gradient_edge(input));
  node->set_next_edges(std::move(next));
  for (std::size_t i = 0; i < outputs.size(); ++i)
    if (outputs_[i].requires_grad())
      torch::autograd::set_history(outputs[i], node);
    else
      node->add_input_metadata(Node::undefined_input());
  return outputs;
}

variable_list RecordedPass::play_backward(const variable_list& gradients) {
  const at::NoGradGuard no_grad;
  const std::vector<Layout> layouts = layouts_of(gradients);
  auto found = backward_.find(layouts);
  if (found == backward_.end()) found = backward_.emplace(layouts, record_backward(gradients)).first;
  if (std::holds_alternative<TooLarge>(found->second)) {
    // As much memory as a pass that was not recorded: this one is not played again.
    const bool keep_graph = torch::autograd::get_current_graph_task_keep_graph();
    const Marks::Exchanged own(marks_);
    return differentiate(gradients, keep_graph);
  }
  Backward& backward = std::get<Backward>(found->second);
  for (std::size_t i = 0; i < gradients.size(); ++i)
    if (gradients[i].defined()) backward.inlets[i]->fill(gradients[i]);
  backward.recording->play();
  variable_list results;
  std::vector<at::Tensor> to, from;
  for (const at::Tensor& result : backward.results) {
    if (!result.defined() || !gradients_outlive_) {
      // Another tensor over the same memory: a gradient that nobody else has is not copied.
      results.push_back(result.defined() ? result.variable_data() : result);
      continue;
    }
    results.push_back(at::empty_like(result));
    to.push_back(results.back());
    from.push_back(result);
  }
  if (!to.empty()) at::_foreach_copy_(to, from);
  return results;
}

variable_list RecordedPass::differentiate(const variable_list& gradients, bool keep_graph) const {
  std::vector<at::Tensor> outputs, given;
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    if (!gradients[i].defined()) continue;
    outputs.push_back(outputs_[i]);
    given.push_back(gradients[i]);
  }
  return torch::autograd::grad(outputs, leaves(), given, keep_graph, false, true);
}

std::variant<RecordedPass::Backward, RecordedPass::TooLarge> RecordedPass::record_backward(
    const variable_list& gradients) try {
  if (!recording_) return TooLarge{};
  Backward backward;
  variable_list given;
  for (const at::Tensor& gradient : gradients) {
    auto& inlet = backward.inlets.emplace_back();
    given.push_back(gradient.defined() ? inlet.emplace(gradient).tensor() : at::Tensor());
  }
  const Marks::Exchanged own(marks_);
  backward.recording =
      recorder_.record([&] { backward.results = differentiate(given, /*keep_graph=*/true); }, recording_.get());
  return backward;
} catch (const c10::OutOfMemoryError&) {
  no_memory_();
  // It is not played again. While a recording lives, nobody else gets what its graph gives back.
  backward_.clear();
  recording_.reset();
  return TooLarge{};
}

}  // namespace of_recorded_passes

using of_recorded_passes::Layout;
using of_recorded_passes::layouts_of;
using of_recorded_passes::RecordedPass;

class RecordedPasses::Store {
 public:
  Store(Recorder& recorder, RecordingUse use) : recorder_(recorder), use_(use) {}

  static Store*& active() {
    static thread_local Store* store = nullptr;
    return store;
  }
  bool in_halves() const { return use_.in_halves; }
  void begin(int slot) {
    slot_ = slot;
    passes_.clear();
  }

  std::vector<at::Tensor> run(const torch::nn::Module& network, const char* part, const std::vector<at::Tensor>& inputs,
                              const Pass& pass, int form) {
    const int number = passes_[{&network, part}]++;
    Known& known = known_[{&network, part, number, slot_, RunningStatisticsHold::active()}];
    if (std::exchange(known.form, form) != form) known.shapes.clear();
    const std::shared_ptr<RecordedPass> recorded = recorded_for(known, network, inputs, pass);
    if (recorded) return recorded->play(inputs);
    const Within within;
    return pass(inputs);
  }

 private:
  //! Passes within a pass are its own.
  class Within {
   public:
    Within() : store_(std::exchange(active(), nullptr)) {}
    ~Within() { active() = store_; }
    Within(const Within&) = delete;
    Within& operator=(const Within&) = delete;

   private:
    Store* store_;
  };
  struct Shape {
    std::uint64_t last = 0;                  // pass that had it
    std::shared_ptr<RecordedPass> recorded;  // may be null
  };
  using Shapes = std::map<std::vector<Layout>, Shape>;
  // A shape's recordings keep what its backward passes need. Passes that run beside them need about as much once more.
  static constexpr double kFreeForPasses = 0.5, kFreeForAnother = 0.75;
  static constexpr std::ptrdiff_t kMostShapes = 4;
  static constexpr std::uint64_t kRecently = 100;  // passes: to record one takes as long as some that run
  struct Known {
    int form = 0;
    bool ended = false;                 // nothing is recorded any more
    std::uint64_t passes = 0;           // so far
    std::ptrdiff_t most = kMostShapes;  // that are recorded at once
    Shapes shapes;
  };
  using Part = std::pair<const torch::nn::Module*, std::string>;
  //! With the number of the pass in its forward pass, its slot, and whether running statistics are held.
  using Key = std::tuple<const torch::nn::Module*, std::string, int, int, bool>;

  //! Null: this pass runs as it is.
  std::shared_ptr<RecordedPass> recorded_for(Known& known, const torch::nn::Module& network,
                                             const std::vector<at::Tensor>& inputs, const Pass& pass) {
    if (memory_is_short_ || known.ended) return nullptr;
    const auto [found, is_new] = known.shapes.try_emplace(layouts_of(inputs));
    Shape& shape = found->second;
    shape.last = ++known.passes;
    if (shape.recorded) return shape.recorded;
    if (is_new) {
      known.ended = oldest(known.shapes) != known.shapes.end() && recorder_.free_memory() < kFreeForPasses;
      if (known.ended) known.shapes.clear();
      return nullptr;
    }
    if (!make_place(known)) return nullptr;
    const auto beside = oldest(known.shapes);
    const Within within;
    try {
      return shape.recorded = std::make_shared<RecordedPass>(
                 recorder_, use_.gradients_outlive, [this] { give_up(); },
                 beside == known.shapes.end() ? nullptr : beside->second.recorded.get(), network, inputs, pass);
    } catch (const c10::OutOfMemoryError&) {
      give_up();
      return nullptr;
    }
  }
  //! The recorded one that came longest ago, or the end.
  static Shapes::iterator oldest(Shapes& shapes) {
    auto oldest = shapes.end();
    for (auto shape = shapes.begin(); shape != shapes.end(); ++shape)
      if (shape->second.recorded && (oldest == shapes.end() || shape->second.last < oldest->second.last))
        oldest = shape;
    return oldest;
  }
  //! For recordings of one more shape; false if there is none.
  bool make_place(Known& known) {
    const auto kept = std::count_if(known.shapes.begin(), known.shapes.end(),
                                    [](const auto& shape) { return shape.second.recorded != nullptr; });
    if (kept > 0 && kept < known.most && recorder_.free_memory() < kFreeForAnother) known.most = kept;
    if (kept < known.most) return true;
    const auto longest = oldest(known.shapes);
    if (known.passes - longest->second.last <= kRecently) return false;
    known.shapes.erase(longest);
    return true;
  }
  // Each recording keeps memory that passes which run as they are share. Those in the graph of this step end with it.
  void give_up() {
    core::log_info("no network's pass is recorded any more: there is too little memory to keep it");
    memory_is_short_ = true;
    for (auto& [key, known] : known_) known.shapes.clear();
  }

  Recorder& recorder_;
  RecordingUse use_;
  bool memory_is_short_ = false;
  int slot_ = 0;
  std::map<Part, int> passes_;  // of this forward pass so far
  std::map<Key, Known> known_;
};

RecordedPasses::RecordedPasses(Recorder& recorder, RecordingUse use) : store_(std::make_unique<Store>(recorder, use)) {}
RecordedPasses::~RecordedPasses() = default;

RecordedPasses::Forward::Forward(RecordedPasses& passes, int slot) {
  RESOLUTE_EXPECT(Store::active() == nullptr, "one forward pass at a time");
  passes.store_->begin(slot);
  Store::active() = passes.store_.get();
}
RecordedPasses::Forward::~Forward() { Store::active() = nullptr; }

bool records_in_halves() {
  const auto* const store = RecordedPasses::Store::active();
  return store != nullptr && store->in_halves();
}

std::vector<at::Tensor> recorded(const torch::nn::Module& network, const char* part,
                                 const std::vector<at::Tensor>& inputs, const Pass& pass, int form) {
  auto* const store = RecordedPasses::Store::active();
  if (store == nullptr || !at::GradMode::is_enabled() || inputs.front().device().is_cpu()) return pass(inputs);
  return store->run(network, part, inputs, pass, form);
}

}  // namespace resolute::networks
