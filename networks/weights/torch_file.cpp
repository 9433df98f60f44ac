#include "networks/weights/torch_file.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "core/error.h"
#include "core/files/zip_archive.h"
#include "networks/weights/pickle.h"

namespace resolute::networks {
namespace {

using Kind = PickleValue::Kind;

// torch.save's magic number 0x1950a86a20f9469cfc6c as a pickle of protocol 2.
constexpr std::string_view kLegacyMagic("\x80\x02\x8A\x0A\x6C\xFC\x9C\x46\xF9\x20\x6A\xA8\x50\x19.", 15);
constexpr std::int64_t kLegacyProtocol = 1001;
constexpr int kDeepest = 16;  // dictionaries in one another
// Shared dictionaries can make an endless tree of few bytes: entries that are looked at, and tensors that are listed.
constexpr std::size_t kMostVisits = 1'000'000, kMostTensors = 100'000;
constexpr std::int64_t kMostRepeated = std::int64_t{1} << 24;  // elements of a tensor that has more than its storage
constexpr std::size_t kLongestName = 1000;
constexpr std::size_t kMostDimensions = 16;
constexpr std::string_view kZipStart("PK\x03\x04", 4);
constexpr std::size_t kZipAlignment = 64;  // as torch.save aligns them

// A block of memory that tensors are views of: ("storage", torch.FloatStorage, key, device, elements[, view]).
struct Storage {
  at::ScalarType type = at::ScalarType::Undefined;
  std::string key;
};

std::optional<Storage> storage_of(const PickleValue& value) {
  if (value.kind != Kind::kPersistent) return std::nullopt;
  const PickleValue& identity = *value.items.front();
  if (identity.kind != Kind::kTuple || identity.items.size() < 5) return std::nullopt;
  const PickleValue &word = *identity.items[0], &type = *identity.items[1], &key = *identity.items[2];
  if (word.text != "storage" || type.kind != Kind::kGlobal || !type.text.starts_with("torch") ||
      key.kind != Kind::kText)
    return std::nullopt;
  // A view of a view, as very old files have it, would need its offset.
  if (identity.items.size() > 5 && identity.items[5]->kind != Kind::kNone) return std::nullopt;
  const auto* known = std::ranges::find(kElementNames, type.text2, &ElementNames::storage);
  if (known == kElementNames.end()) return std::nullopt;
  return Storage{known->type, std::string(key.text)};
}

std::optional<std::vector<std::int64_t>> integers(const PickleValue& value) {
  if ((value.kind != Kind::kTuple && value.kind != Kind::kList) || value.items.size() > kMostDimensions)
    return std::nullopt;
  std::vector<std::int64_t> list;
  for (const PickleValue* item : value.items) {
    if (item->kind != Kind::kInteger || item->integer < 0) return std::nullopt;
    list.push_back(item->integer);
  }
  return list;
}

// Elements of a storage from the view's first to one past its last, or nothing for more than 2^62.
std::optional<std::int64_t> extent_of(const std::vector<std::int64_t>& shape,
                                      const std::vector<std::int64_t>& strides) {
  std::int64_t extent = 1;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == 0) return 0;
    std::int64_t reach = 0;
    if (__builtin_mul_overflow(shape[i] - 1, strides[i], &reach) || __builtin_add_overflow(extent, reach, &extent))
      return std::nullopt;
  }
  return extent < (std::int64_t{1} << 62) ? std::optional(extent) : std::nullopt;
}

// Elements of a tensor of this shape, its zeros left out: strides are products of the extents that are left. Nothing
// for more than 2^48.
std::optional<std::int64_t> elements_of(const std::vector<std::int64_t>& shape) {
  std::int64_t count = 1;
  for (std::int64_t extent : shape)
    if (extent != 0 && (__builtin_mul_overflow(count, extent, &count) || count > std::int64_t{1} << 48))
      return std::nullopt;
  return count;
}

//! The bytes of a storage, until the next one is asked for. \throws RuntimeError (kCorrupt)
using FindStorage = std::function<std::span<const std::byte>(const Storage&)>;

class TensorLister {
 public:
  TensorLister(std::string_view name, FindStorage find) : name_(name), find_(std::move(find)) {}

  FileTensors list(const PickleValue& root) {
    visit(root, "", 0);
    return std::move(tensors_);
  }

 private:
  void expect_fewer(std::size_t count, std::size_t most, std::string_view what) const {
    if (count > most)
      throw core::input_error(fmt::format("{} has too many {}", name_, what), fmt::format("at most {} are read", most),
                              "save the state_dict() alone");
  }

  void visit(const PickleValue& value, const std::string& path, int depth) {
    if (auto tensor = tensor_of(value, 0)) {
      if (!path.empty()) tensors_.insert_or_assign(path, std::move(*tensor));
      expect_fewer(tensors_.size(), kMostTensors, "tensors");
      return;
    }
    if (depth == kDeepest) return;
    for (const auto& [key, entry] : value.entries) visit_entry(*key, *entry, path, depth);
    for (const PickleValue* pair : pairs_of(value)) visit_entry(*pair->items[0], *pair->items[1], path, depth);
  }

  void visit_entry(const PickleValue& key, const PickleValue& entry, const std::string& path, int depth) {
    expect_fewer(++visits_, kMostVisits, "entries");
    std::string part;
    if (key.kind == Kind::kText) part = printable(key.text);
    if (key.kind == Kind::kInteger) part = std::to_string(key.integer);
    if (!part.empty() && path.size() + part.size() < kLongestName)
      visit(entry, path.empty() ? part : path + "." + part, depth + 1);
  }

  // An OrderedDict as Python 2 pickles it: OrderedDict([[key, entry], …]).
  static std::vector<const PickleValue*> pairs_of(const PickleValue& value) {
    std::vector<const PickleValue*> pairs;
    if (value.kind != Kind::kCall || !value.items[0]->is_global("collections", "OrderedDict")) return pairs;
    const PickleValue& arguments = *value.items[1];
    if (arguments.kind != Kind::kTuple || arguments.items.size() != 1 || arguments.items[0]->kind != Kind::kList)
      return pairs;
    for (const PickleValue* pair : arguments.items[0]->items)
      if ((pair->kind == Kind::kList || pair->kind == Kind::kTuple) && pair->items.size() == 2) pairs.push_back(pair);
    return pairs;
  }

  std::optional<FileTensor> tensor_of(const PickleValue& value, int depth) {
    if (value.kind != Kind::kCall || depth == kDeepest) return std::nullopt;
    return called(*value.items[0], *value.items[1], depth);
  }

  // The value that a call would make: the tensor, if the function rebuilds one.
  std::optional<FileTensor> called(const PickleValue& callable, const PickleValue& arguments, int depth) {
    if (callable.kind != Kind::kGlobal || arguments.kind != Kind::kTuple) return std::nullopt;
    const auto& given = arguments.items;
    if ((callable.is_global("torch._utils", "_rebuild_tensor_v2") ||
         callable.is_global("torch._utils", "_rebuild_tensor")) &&
        given.size() >= 4)
      return rebuilt(*given[0], *given[1], *given[2], *given[3]);
    if ((callable.is_global("torch._utils", "_rebuild_parameter") ||
         callable.is_global("torch._utils", "_rebuild_parameter_with_state")) &&
        !given.empty())
      return tensor_of(*given[0], depth + 1);
    if (callable.is_global("torch._tensor", "_rebuild_from_type_v2") && given.size() >= 3 && depth < kDeepest)
      return called(*given[0], *given[2], depth + 1);
    return std::nullopt;
  }

  std::optional<FileTensor> rebuilt(const PickleValue& storage_value, const PickleValue& offset_value,
                                    const PickleValue& shape_value, const PickleValue& strides_value) const {
    const auto storage = storage_of(storage_value);
    const auto shape = integers(shape_value);
    const auto strides = integers(strides_value);
    if (!storage || !shape || !strides || shape->size() != strides->size() || offset_value.kind != Kind::kInteger ||
        offset_value.integer < 0)
      return std::nullopt;
    FileTensor tensor{storage->type, *shape, {}};
    tensor.read = [find = find_, storage = *storage, offset = offset_value.integer, shape = *shape, strides = *strides,
                   name = std::string(name_)] {
      return read_view(find(storage), storage.type, offset, shape, strides, name);
    };
    return tensor;
  }

  static at::Tensor read_view(std::span<const std::byte> bytes, at::ScalarType type, std::int64_t offset,
                              const std::vector<std::int64_t>& shape, const std::vector<std::int64_t>& strides,
                              const std::string& name) {
    const auto size = static_cast<std::int64_t>(c10::elementSize(type));
    const std::int64_t elements = static_cast<std::int64_t>(bytes.size()) / size;
    const auto extent = extent_of(shape, strides);
    const auto count = elements_of(shape);
    if (!extent || !count || offset > elements || *extent > elements - offset)
      throw core::corrupt_error(fmt::format("{} is damaged", name),
                                fmt::format("a tensor reaches past the {} elements of its storage", elements));
    if (*extent == 0) return at::empty(shape, at::TensorOptions(type));
    // A stride of zero makes a tensor of any size of one element: expanded tensors are read up to a size.
    if (*count > elements && *count > kMostRepeated)
      throw core::input_error(fmt::format("{}: a tensor of {} elements repeats those of its storage", name, *count),
                              fmt::format("the storage has {}", elements), "save a contiguous() copy of it");
    // A copy of what the view spans: in the file nothing need be aligned.
    at::Tensor flat = at::empty({*extent}, at::TensorOptions(type));
    std::memcpy(flat.mutable_data_ptr(), bytes.subspan(static_cast<std::size_t>(offset * size)).data(),
                static_cast<std::size_t>(*extent * size));
    return flat.as_strided(shape, strides).contiguous();
  }

  std::string_view name_;
  FindStorage find_;
  FileTensors tensors_;
  std::size_t visits_ = 0;
};

core::RuntimeError big_endian(std::string_view name) {
  return core::input_error(fmt::format("{} was written on a big-endian machine", name), {},
                           "load it with Python and torch.save it again on this one");
}

// An archive of torch.save, whose entries have names.
class TorchArchive {
 public:
  TorchArchive(std::span<const std::byte> bytes, std::string_view name)
      : name_(name), zip_(core::open_in_memory(bytes, name_), name_, "get the file again") {
    for (std::size_t i = 0; i < zip_.entries().size(); ++i) places_.emplace(zip_.entries()[i].name, i);
  }
  // "FOLDER/" of the pickle. Empty where there is none.
  std::string folder() const {
    constexpr std::string_view kPickle = "/data.pkl";
    std::string folder;
    for (const auto& [entry, place] : places_)
      if (entry.ends_with(kPickle) && entry.find('/') == entry.size() - kPickle.size())
        folder = entry.substr(0, entry.size() - kPickle.size() + 1);
    return folder;
  }
  bool contains(const std::string& entry) const { return places_.contains(entry); }
  core::Bytes read(const std::string& entry) const {
    const auto found = places_.find(entry);
    if (found == places_.end())
      throw core::corrupt_error(fmt::format("{} is damaged", name_), fmt::format("entry '{}' is missing", entry));
    return zip_.read(found->second, /*zero_is_none=*/true);
  }
  // The same, kept until another one is asked for: many tensors may be views of one storage.
  std::span<const std::byte> storage(const std::string& entry) {
    if (entry != last_) bytes_ = read(entry), last_ = entry;
    return bytes_;
  }

 private:
  std::string name_;
  core::ZipReader zip_;
  std::map<std::string, std::size_t> places_;
  std::string last_;
  core::Bytes bytes_;
};

FileTensors read_zip(std::span<const std::byte> bytes, std::string_view name) {
  const auto archive = std::make_shared<TorchArchive>(bytes, name);
  const std::string folder = archive->folder();
  if (folder.empty())
    throw core::input_error(fmt::format("{} is a ZIP archive without data.pkl", name), "torch.save did not write it");
  if (const std::string order = folder + "byteorder";
      archive->contains(order) && core::as_text(archive->read(order)) != "little")
    throw big_endian(name);
  const core::Bytes text = archive->read(folder + "data.pkl");
  const Pickle pickle(text, name);
  return TensorLister(name, [archive, folder](
                                const Storage& storage) { return archive->storage(folder + "data/" + storage.key); })
      .list(pickle.root());
}

bool says_little_endian(const PickleValue& system) {
  return std::none_of(system.entries.begin(), system.entries.end(), [](const auto& entry) {
    return entry.first->text == "little_endian" && entry.second->integer == 0;
  });
}

// Magic, protocol, system, object, the storages' keys, then each storage: number of elements and bytes.
FileTensors read_legacy(std::span<const std::byte> bytes, std::string_view name) {
  std::size_t at = kLegacyMagic.size();
  const auto next = [&] {
    Pickle pickle(bytes.subspan(at), name);
    at += pickle.size();
    return pickle;
  };
  if (const Pickle protocol = next();
      protocol.root().kind != Kind::kInteger || protocol.root().integer != kLegacyProtocol)
    throw core::input_error(fmt::format("{} has an unknown version of torch.save's format", name));
  if (const Pickle system = next(); !says_little_endian(system.root())) throw big_endian(name);
  const Pickle object = next();
  std::map<std::string, at::ScalarType> types;
  for (const PickleValue& value : object.values())
    if (const auto storage = storage_of(value)) types.emplace(storage->key, storage->type);
  const Pickle keys = next();

  const auto places = std::make_shared<std::map<std::string, std::pair<at::ScalarType, std::span<const std::byte>>>>();
  core::ByteReader data(bytes.subspan(at), name);
  for (const PickleValue* key : keys.root().items) {
    const auto type = types.find(std::string(key->text));
    if (type == types.end())
      throw core::input_error(fmt::format("{} has a storage of a type that is unknown here", name), {},
                              "load it with Python and torch.save its state_dict()");
    const auto count = data.take<std::uint64_t>();
    const std::uint64_t size = c10::elementSize(type->second);
    if (count > data.remaining() / size)
      throw core::corrupt_error(fmt::format("{} is cut off", name),
                                fmt::format("a storage of {} elements goes on past the end", count),
                                "get the file again");
    (*places)[type->first] = {type->second, data.take_bytes(static_cast<std::size_t>(count * size))};
  }
  return TensorLister(name,
                      [places, name = std::string(name)](const Storage& storage) {
                        const auto found = places->find(storage.key);
                        if (found == places->end() || found->second.first != storage.type)
                          throw core::corrupt_error(fmt::format("{} is damaged", name),
                                                    "a tensor's storage is missing");
                        return found->second.second;
                      })
      .list(object.root());
}

// The pickle that rebuilds a dictionary of tensors, opcode by opcode as Python's pickler writes them.
class DictionaryPickler {
 public:
  DictionaryPickler() { raw("\x80\x02}("); }
  void add(std::string_view name, const at::Tensor& tensor, std::string_view key) {
    text(name);
    raw("ctorch._utils\n_rebuild_tensor_v2\n((");
    text("storage");
    const auto* storage = std::ranges::find(kElementNames, tensor.scalar_type(), &ElementNames::type);
    RESOLUTE_EXPECT(storage != kElementNames.end(), "torch.save has no storage of a tensor's type");
    raw("ctorch\n");
    raw(storage->storage);
    raw("\n");
    text(key);
    text("cpu");
    integer(tensor.numel());
    raw("tQ");
    integer(0);
    tuple(tensor.sizes());
    tuple(tensor.strides());
    raw("\x89"
        "ccollections\nOrderedDict\n)RtR");
  }
  core::Bytes finish() {
    raw("u.");
    return std::move(bytes_);
  }

 private:
  void raw(std::string_view opcodes) { core::append_bytes(bytes_, core::as_byte_span(opcodes)); }
  void text(std::string_view value) {
    raw("X");
    core::append_little_endian(bytes_, static_cast<std::uint32_t>(value.size()));
    raw(value);
  }
  void integer(std::int64_t value) {
    RESOLUTE_EXPECT(std::in_range<std::int32_t>(value), "a tensor of over 2^31 elements");
    raw("J");
    core::append_little_endian(bytes_, static_cast<std::int32_t>(value));
  }
  void tuple(at::IntArrayRef values) {
    raw("(");
    for (std::int64_t value : values) integer(value);
    raw("t");
  }
  core::Bytes bytes_;
};

}  // namespace

std::string printable(std::string_view text) {
  std::string safe(text);
  for (char& letter : safe)
    if (letter < 0x20 || letter > 0x7E) letter = '?';
  return safe;
}

bool is_torch_file(std::span<const std::byte> bytes) {
  return core::as_text(bytes).starts_with(kZipStart) || core::as_text(bytes).starts_with(kLegacyMagic);
}

FileTensors read_torch_file(std::span<const std::byte> bytes, std::string_view name) {
  return core::as_text(bytes).starts_with(kZipStart) ? read_zip(bytes, name) : read_legacy(bytes, name);
}

core::Bytes encode_torch_file(const NamedTensors& tensors) {
  DictionaryPickler pickler;
  std::vector<at::Tensor> contents;
  for (const auto& [name, tensor] : tensors) {
    const std::string key = std::to_string(contents.size());
    contents.push_back(tensor.detach().contiguous());
    pickler.add(name, contents.back(), key);
  }
  const core::Bytes pickle = pickler.finish();
  std::vector<core::ZipEntry> entries{core::stored_entry("archive/data.pkl", pickle),
                                      core::stored_entry("archive/byteorder", core::as_byte_span("little"))};
  for (std::size_t i = 0; i < contents.size(); ++i)
    entries.push_back(
        core::stored_entry("archive/data/" + std::to_string(i),
                           {static_cast<const std::byte*>(contents[i].const_data_ptr()), contents[i].nbytes()}));
  entries.push_back(core::stored_entry("archive/version", core::as_byte_span("3\n")));
  return core::encode_zip(entries, kZipAlignment);
}

}  // namespace resolute::networks
