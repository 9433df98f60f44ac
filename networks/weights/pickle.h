#pragma once
//! \file
//! Python's pickle format (protocols 2 to 5) as inert data. Reading runs nothing and looks up nothing: a class or a
//! function is its name, what would call one is a node that says so. A caller that knows a node's meaning takes it from
//! there.

#include <cstdint>
#include <deque>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "core/bytes.h"

namespace resolute::networks {

struct PickleValue {
  enum class Kind {
    kNone,
    kBoolean,     //!< integer
    kInteger,     //!< integer; one of more than 64 bits is kOther
    kReal,        //!< real
    kText,        //!< text
    kBytes,       //!< text
    kTuple,       //!< items
    kList,        //!< items
    kDictionary,  //!< entries
    kGlobal,      //!< text: module, text2: name
    kCall,        //!< items: callable or class, then its arguments as one value; entries: what was stored in it since
    kPersistent,  //!< items: the one value that names an object outside of the pickle
    kOther,       //!< something whose content does not matter here (a set, a long integer)
  };
  Kind kind = Kind::kNone;
  union {
    std::int64_t integer = 0;
    double real;
  };
  std::string_view text, text2;
  std::vector<const PickleValue*> items;
  std::vector<std::pair<const PickleValue*, const PickleValue*>> entries;

  bool is_global(std::string_view module, std::string_view name) const {
    return kind == Kind::kGlobal && text == module && text2 == name;
  }
};

//! One pickle. Its values may refer to one another in any way, in circles too. Texts are views into the bytes, which
//! must outlive it.
class Pickle {
 public:
  //! Reads the pickle at the start of `bytes`. \param name names the file in messages
  //! \throws RuntimeError: kCorrupt for bytes that are none; kInput for one of over 1 million values or with opcodes
  //!         of protocol 0 that torch.save never writes
  Pickle(std::span<const std::byte> bytes, std::string_view name);
  Pickle(Pickle&&) = default;
  Pickle(const Pickle&) = delete;
  Pickle& operator=(const Pickle&) = delete;
  ~Pickle() = default;
  const PickleValue& root() const { return *root_; }
  //! Every value that was made, in order.
  const std::deque<PickleValue>& values() const { return values_; }
  //! Bytes of the pickle; what follows is not its.
  std::size_t size() const { return size_; }

 private:
  friend class PickleMachine;
  std::deque<PickleValue> values_;
  const PickleValue* root_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace resolute::networks
