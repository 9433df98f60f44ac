#pragma once
//! \file
//! What a training step holds in memory, from the sizes of layers alone: a tape of tensors without values, float32,
//! that keeps for the backward pass what libtorch's autograd keeps, frees it when autograd frees it, and remembers the
//! most that was live at a time and of what that consisted. Not counted: the workspace of single operators.

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace resolute::workers {

//! What memory is for.
enum class Use { kParameters, kMoments, kGradients, kImages, kRecovery, kReid, kBackward };
inline constexpr std::array<const char*, 7> kUseNames{
    "parameters",           "moments", "gradients", "images", "activations of IR", "activations of re-ID",
    "gradients of features"};

class MemoryTape {
 public:
  //! Live bytes, as long as something points to it.
  class Held {
   public:
    Held(MemoryTape& tape, Use use, std::int64_t bytes) : tape_(tape), use_(use), bytes_(bytes) {
      tape_.add(use, bytes);
    }
    ~Held() { tape_.add(use_, -bytes_); }
    Held(const Held&) = delete;
    Held& operator=(const Held&) = delete;

   private:
    MemoryTape& tape_;
    Use use_;
    std::int64_t bytes_;
  };
  using Storage = std::shared_ptr<const Held>;
  //! Gradients of parameters, as backward passes leave them: one for each operation that has parameters.
  using Gradients = std::vector<Storage>;
  struct Shape {
    std::int64_t rows = 0, channels = 0, height = 0, width = 0;
    std::int64_t elements() const { return rows * channels * height * width; }
  };
  //! N×C×H×W; `gradient` is where that of the feature gathers, null for a constant.
  struct Map {
    Storage storage;
    Shape shape;
    std::shared_ptr<Storage> gradient;
  };
  //! An operation on one map.
  struct Operation {
    Shape output;
    bool in_place = false;     //!< the output is the input's memory
    bool keeps_input = false;  //!< for the backward pass, as the next two
    bool keeps_output = false;
    std::int64_t keeps = 0;       //!< further elements of 4 bytes
    std::int64_t parameters = 0;  //!< elements, each with a gradient
    std::size_t place = 0;        //!< of that gradient; an operation that takes place twice has one place
  };

  Storage hold(Use use, std::int64_t elements);
  //! Maps made from here on are for this.
  void use_maps_for(Use use) { maps_ = use; }
  //! Shown with the peak.
  void enter(std::string moment) { moment_ = std::move(moment); }

  Map constant(const Storage& storage, const Shape& shape) const { return {storage, shape, nullptr}; }
  //! \param gradients where those of the parameters go; null: there are none
  Map apply(const Map& input, const Operation& operation, Gradients* gradients);
  //! `to` += `other`, in the memory of `to`.
  Map add(const Map& to, const Map& other);
  //! All rows of several maps as one.
  Map concatenate(const std::vector<Map>& maps);
  //! A copy of some of the rows.
  Map rows(const Map& map, std::int64_t count);
  //! The values alone.
  Map detach(const Map& map) const { return {map.storage, map.shape, nullptr}; }

  //! Operations so far.
  std::size_t size() const { return nodes_.size(); }
  //! The backward pass of a loss that needs the gradient of `from`: one gradient of its size each is there at once.
  //! \param keep the graph, for another pass
  void backward(const std::vector<Map>& from, bool keep);
  //! Drops what was recorded from the operation with that index on.
  void forget(std::size_t first) { nodes_.resize(first); }

  std::int64_t live() const { return live_; }
  std::int64_t peak() const { return peak_; }
  const std::array<std::int64_t, 7>& peak_by_use() const { return peak_by_use_; }
  const std::string& peak_moment() const { return peak_moment_; }
  //! Begins to look for the peak anew.
  void reset_peak() { peak_ = 0; }

 private:
  struct Node {
    std::shared_ptr<Storage> gradient;  // of the output
    std::function<void(const Storage&)> backward;
  };
  void add(Use use, std::int64_t bytes);
  void record(const Map& output, std::function<void(const Storage&)> backward);
  void accumulate(const Map& map, Storage gradient);

  std::array<std::int64_t, 7> by_use_{}, peak_by_use_{};
  std::int64_t live_ = 0, peak_ = 0;
  Use maps_ = Use::kImages;
  std::string moment_, peak_moment_;
  std::vector<Node> nodes_;
};

}  // namespace resolute::workers
