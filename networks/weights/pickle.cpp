#include "networks/weights/pickle.h"

#include <bit>
#include <map>
#include <string>

#include "core/error.h"

namespace resolute::networks {
namespace {

constexpr std::size_t kMostValues = 1'000'000;

}  // namespace

// The pickle machine: a stack with marks, and a memo of values to be used again. Opcodes are those of Python's
// Lib/pickletools.py, by their bytes.
class PickleMachine {
 public:
  PickleMachine(Pickle& pickle, std::span<const std::byte> bytes, std::string_view name)
      : pickle_(pickle), name_(name), what_(fmt::format("the pickle of {}", name)), reader_(bytes, what_) {}

  void run() {
    while (true) {
      const auto opcode = reader_.take<unsigned char>();
      if (opcode == '.') break;
      if (!literal(opcode) && !container(opcode) && !stack_or_memo(opcode) && !object(opcode))
        throw core::input_error(fmt::format("{} has the opcode {:#04x} at {}", what_, opcode, reader_.position() - 1),
                                "torch.save does not write it", "load it with Python and torch.save its state_dict()");
    }
    pickle_.root_ = pop();
    pickle_.size_ = reader_.position();
  }

 private:
  using Kind = PickleValue::Kind;

  core::RuntimeError damaged(std::string_view why) const {
    return core::corrupt_error(fmt::format("{} is damaged", name_),
                               fmt::format("{} at byte {} of its pickle", why, reader_.position()));
  }

  void expect_fewer(std::size_t count) const {
    if (count >= kMostValues)
      throw core::input_error(fmt::format("{} has too many values", what_),
                              fmt::format("at most {} are read", kMostValues), "save the state_dict() alone");
  }
  PickleValue& make(Kind kind) {
    expect_fewer(pickle_.values_.size());
    pickle_.values_.emplace_back();
    pickle_.values_.back().kind = kind;
    return pickle_.values_.back();
  }
  PickleValue& push(Kind kind) {
    PickleValue& made = make(kind);
    stack_.push_back(&made);
    return made;
  }
  bool push_integer(Kind kind, std::int64_t value) {
    push(kind).integer = value;
    return true;
  }
  template <std::unsigned_integral Length>
  bool push_text(Kind kind) {
    const auto length = reader_.take<Length>();
    if (length > reader_.remaining()) throw damaged("a text goes on past the end");
    const std::string_view text = core::as_text(reader_.take_bytes(static_cast<std::size_t>(length)));
    push(kind).text = text;
    return true;
  }

  std::size_t floor() const { return marks_.empty() ? 0 : marks_.back(); }
  PickleValue* pop() {
    if (stack_.size() <= floor()) throw damaged("a value is missing");
    PickleValue* value = stack_.back();
    stack_.pop_back();
    return value;
  }
  PickleValue& top() const {
    if (stack_.size() <= floor()) throw damaged("a value is missing");
    return *stack_.back();
  }
  // The values since the last mark, both taken away.
  std::vector<const PickleValue*> pop_to_mark() {
    if (marks_.empty()) throw damaged("a mark is missing");
    std::vector<const PickleValue*> values(stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back()), stack_.end());
    stack_.resize(marks_.back());
    marks_.pop_back();
    return values;
  }

  bool push_long(std::uint64_t length) {
    if (length > reader_.remaining()) throw damaged("a number goes on past the end");
    const auto bytes = reader_.take_bytes(static_cast<std::size_t>(length));
    if (bytes.size() > sizeof(std::int64_t)) {
      push(Kind::kOther);
      return true;
    }
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i) value |= static_cast<std::uint64_t>(bytes[i]) << (8 * i);
    const auto unused = static_cast<int>(64 - 8 * bytes.size());
    if (unused < 64) return push_integer(Kind::kInteger, static_cast<std::int64_t>(value << unused) >> unused);
    return push_integer(Kind::kInteger, 0);
  }
  bool push_real() {
    std::uint64_t bits = 0;
    for (std::byte byte : reader_.take_bytes(sizeof(bits))) bits = (bits << 8) | static_cast<std::uint64_t>(byte);
    push(Kind::kReal).real = std::bit_cast<double>(bits);
    return true;
  }
  std::string_view take_line() {
    std::size_t length = 0;
    core::ByteReader ahead = reader_;
    while (ahead.take<char>() != '\n') ++length;
    const std::string_view line = core::as_text(reader_.take_bytes(length));
    reader_.take_bytes(1);
    return line;
  }

  bool literal(unsigned char opcode) {
    switch (opcode) {
      case 'N':
        push(Kind::kNone);
        return true;
      case 0x88:
        return push_integer(Kind::kBoolean, 1);
      case 0x89:
        return push_integer(Kind::kBoolean, 0);
      case 'J':
        return push_integer(Kind::kInteger, reader_.take<std::int32_t>());
      case 'K':
        return push_integer(Kind::kInteger, reader_.take<std::uint8_t>());
      case 'M':
        return push_integer(Kind::kInteger, reader_.take<std::uint16_t>());
      case 0x8A:
        return push_long(reader_.take<std::uint8_t>());
      case 0x8B:
        return push_long(reader_.take<std::uint32_t>());
      case 'G':
        return push_real();
      case 'X':
        return push_text<std::uint32_t>(Kind::kText);
      case 0x8C:
        return push_text<std::uint8_t>(Kind::kText);
      case 0x8D:
        return push_text<std::uint64_t>(Kind::kText);
      case 'T':  // Python 2's strings
        return push_text<std::uint32_t>(Kind::kText);
      case 'U':
        return push_text<std::uint8_t>(Kind::kText);
      case 'B':
        return push_text<std::uint32_t>(Kind::kBytes);
      case 'C':
        return push_text<std::uint8_t>(Kind::kBytes);
      case 0x8E:
      case 0x96:
        return push_text<std::uint64_t>(Kind::kBytes);
      default:
        return false;
    }
  }

  bool push_items(Kind kind, std::vector<const PickleValue*> items) {
    push(kind).items = std::move(items);
    return true;
  }
  bool push_tuple(std::size_t count) {
    std::vector<const PickleValue*> items(count);
    for (std::size_t i = count; i-- > 0;) items[i] = pop();
    return push_items(Kind::kTuple, std::move(items));
  }
  // The class may make anything of values appended to it: that does not matter here.
  bool append(const std::vector<const PickleValue*>& values) {
    PickleValue& to = top();
    if (to.kind != Kind::kList && to.kind != Kind::kCall && to.kind != Kind::kOther)
      throw damaged("something is appended to what is no list");
    if (to.kind == Kind::kList) to.items.insert(to.items.end(), values.begin(), values.end());
    return true;
  }
  bool store(PickleValue& to, const std::vector<const PickleValue*>& values) {
    if ((to.kind != Kind::kDictionary && to.kind != Kind::kCall) || values.size() % 2 != 0)
      throw damaged("something is stored in what is no dictionary");
    for (std::size_t i = 0; i < values.size(); i += 2) to.entries.emplace_back(values[i], values[i + 1]);
    return true;
  }

  bool container(unsigned char opcode) {
    switch (opcode) {
      case ']':
        return push_items(Kind::kList, {});
      case 'l':
        return push_items(Kind::kList, pop_to_mark());
      case ')':
        return push_items(Kind::kTuple, {});
      case 't':
        return push_items(Kind::kTuple, pop_to_mark());
      case 0x85:
      case 0x86:
      case 0x87:
        return push_tuple(opcode - 0x84U);
      case '}':
        return push_items(Kind::kDictionary, {});
      case 'd': {
        const auto values = pop_to_mark();
        return store(push(Kind::kDictionary), values);
      }
      case 'a': {
        const PickleValue* value = pop();
        return append({value});
      }
      case 'e':
      case 0x90: {
        const auto values = pop_to_mark();
        return append(values);
      }
      case 's': {
        const PickleValue* value = pop();
        const PickleValue* key = pop();
        return store(top(), {key, value});
      }
      case 'u': {
        const auto values = pop_to_mark();
        return store(top(), values);
      }
      case 0x8F:
        return push_items(Kind::kOther, {});
      case 0x91:
        pop_to_mark();
        return push_items(Kind::kOther, {});
      default:
        return false;
    }
  }

  bool remember(std::uint32_t index) {
    expect_fewer(memo_.size());  // one value may be remembered again and again
    memo_[index] = &top();
    return true;
  }
  bool recall(std::uint32_t index) {
    const auto found = memo_.find(index);
    if (found == memo_.end()) throw damaged("a value is used that was never made");
    stack_.push_back(found->second);
    return true;
  }

  bool stack_or_memo(unsigned char opcode) {
    switch (opcode) {
      case 0x80:
        if (const auto protocol = reader_.take<std::uint8_t>(); protocol < 2 || protocol > 5)
          throw damaged(fmt::format("protocol {}", protocol));
        return true;
      case 0x95:  // a frame's length: only of use to a reader that streams
        reader_.take<std::uint64_t>();
        return true;
      case '(':
        marks_.push_back(stack_.size());
        return true;
      case '0':
        pop();
        return true;
      case '1':
        pop_to_mark();
        return true;
      case '2':
        stack_.push_back(&top());
        return true;
      case 'q':
        return remember(reader_.take<std::uint8_t>());
      case 'r':
        return remember(reader_.take<std::uint32_t>());
      case 0x94:
        return remember(static_cast<std::uint32_t>(memo_.size()));
      case 'h':
        return recall(reader_.take<std::uint8_t>());
      case 'j':
        return recall(reader_.take<std::uint32_t>());
      default:
        return false;
    }
  }

  bool push_global(std::string_view module, std::string_view name) {
    PickleValue& made = push(Kind::kGlobal);
    made.text = module;
    made.text2 = name;
    return true;
  }

  bool object(unsigned char opcode) {
    switch (opcode) {
      case 'c': {
        const std::string_view module = take_line();
        return push_global(module, take_line());
      }
      case 0x93: {
        const PickleValue* name = pop();
        const PickleValue* module = pop();
        if (name->kind != Kind::kText || module->kind != Kind::kText) throw damaged("a name is no text");
        return push_global(module->text, name->text);
      }
      case 'R':
      case 0x81: {
        const PickleValue* arguments = pop();
        const PickleValue* callable = pop();
        return push_items(Kind::kCall, {callable, arguments});
      }
      case 0x92: {
        pop();  // arguments by name
        const PickleValue* arguments = pop();
        const PickleValue* made = pop();
        return push_items(Kind::kCall, {made, arguments});
      }
      case 'b':  // an object's state, such as the _metadata of a state_dict
        pop();
        top();
        return true;
      case 'Q': {
        const PickleValue* identity = pop();
        return push_items(Kind::kPersistent, {identity});
      }
      default:
        return false;
    }
  }

  Pickle& pickle_;
  std::string_view name_;
  std::string what_;
  core::ByteReader reader_;
  std::vector<PickleValue*> stack_;
  std::vector<std::size_t> marks_;
  std::map<std::uint32_t, PickleValue*> memo_;
};

Pickle::Pickle(std::span<const std::byte> bytes, std::string_view name) { PickleMachine(*this, bytes, name).run(); }

}  // namespace resolute::networks
