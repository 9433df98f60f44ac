#pragma once
//! \file
//! The outputs that an evaluation of a training's method can give besides the ranking; its metrics follow from them.
//! They are a part of the method's row (methods/row.h), and depend on the training's options alone.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "methods/options.h"

namespace resolute::methods {

//! One of the branches of a method that compares images in several spaces (results/scores/branched_distance.h).
struct Branch {
  std::string name;
  bool gallery_copy = false;  //!< the gallery image stands in it as its LR copy, embedded on the low side
  bool operator==(const Branch&) const = default;
};

//! A distance that a method with branches has.
struct Distance {
  std::string name;                     //!< as EvaluationProtocol::distance spells it
  std::vector<std::size_t> branches{};  //!< that it looks at: indices into Tells::branches, ascending, at least one
  bool weighted = false;                //!< by the learned weights
  bool operator==(const Distance&) const = default;
};

struct Tells {
  //! The rates of the levels of resolution that it tells apart, descending to 1, level k at index k - 1; empty: every
  //! image is treated alike.
  std::vector<int> level_rates{};
  //! How many leading dimensions of an embedding a query of each level is compared by, ascending with the level; empty:
  //! by all of them.
  std::vector<int> prefixes{};
  bool masks = false;  //!< scales its maps by masks of the image's level
  bool sides = false;  //!< images of the HR and of the LR side pass through different networks
  //! Empty: it compares by the Euclidean distance of one embedding.
  std::vector<Branch> branches{};
  //! The first is what "default" means; empty where there are no branches.
  std::vector<Distance> distances{};
  bool branch_weights = false;   //!< its branches carry learned weights; else every weight is 1
  std::vector<int> recovered{};  //!< the rate whose look each of its decoders aims at, descending; 1: the HR image
  bool operator==(const Tells&) const = default;
};

Tells tells(const MethodOptions& options);

//! The distance of that name; null if the method has none of it. It lives as long as `tells`.
const Distance* find_distance(const Tells& tells, std::string_view name);

//! The images of the gallery that a distance looks at.
struct GalleryLooks {
  bool originals = false;  //!< the images themselves
  bool copies = false;     //!< their LR copies
};
GalleryLooks gallery_looks(const Tells& tells, const Distance& distance);

}  // namespace resolute::methods
