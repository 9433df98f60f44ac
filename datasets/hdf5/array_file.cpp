#include "datasets/hdf5/array_file.h"

#include <algorithm>
#include <type_traits>
#include <utility>

#include "datasets/hdf5/inspect.h"
#include "datasets/hdf5/library.h"
#include "datasets/hdf5/placed_file.h"

namespace resolute::datasets {

using hdf5::ArrayFacts;
using hdf5::check;
using hdf5::Context;
using hdf5::ElementType;
using hdf5::Handle;
using hdf5::LibraryLock;
using hdf5::NumberKind;

void ArrayFileWriter::add(const std::string& name, std::vector<std::uint64_t> shape, std::span<const float> values) {
  add(name, ElementType::kFloat32, std::move(shape), std::as_bytes(values));
}

void ArrayFileWriter::add(const std::string& name, std::vector<std::uint64_t> shape,
                          std::span<const std::int64_t> values) {
  add(name, ElementType::kInt64, std::move(shape), std::as_bytes(values));
}

void ArrayFileWriter::add(const std::string& name, std::vector<std::uint64_t> shape,
                          std::span<const std::uint8_t> values) {
  add(name, ElementType::kUint8, std::move(shape), std::as_bytes(values));
}

void ArrayFileWriter::add(const std::string& name, ElementType type, std::vector<std::uint64_t> shape,
                          std::span<const std::byte> bytes) {
  hdf5::ArrayLayout layout{name, type, std::move(shape)};
  RESOLUTE_EXPECT(!layout.shape.empty() && layout.bytes() == bytes.size(),
                  "shape and values of '" + name + "' disagree");
  for (const auto& other : layouts_) RESOLUTE_EXPECT(other.name != name, "array '" + name + "' was added twice");
  layouts_.push_back(std::move(layout));
  bytes_.push_back(bytes);
}

std::string ArrayFileWriter::write(core::FileSystem& files, const std::filesystem::path& path) const {
  hdf5::FileImage image = hdf5::lay_out(layouts_);
  hdf5::PlacedFile file(files, path, image);
  for (std::size_t i = 0; i < bytes_.size(); ++i) file.write(i, 0, bytes_[i]);
  file.publish();
  return core::sha256_of(*core::real_file_system().open_for_read(path));
}

namespace {

struct Found {
  Handle data;
  ArrayFacts facts;
};

// Walks `name` link by link, hard links only. \return an empty handle where nothing stands and `required` is false
Found find_array(hid_t file, const std::string& name, bool required, const Context& context) {
  Handle at(H5Gopen2(file, "/", H5P_DEFAULT), H5Gclose, context);
  std::size_t begin = 0;
  while (true) {
    std::size_t slash = std::min(name.find('/', begin), name.size());
    std::string part = name.substr(begin, slash - begin);
    bool is_group = H5Iget_type(at.get()) == H5I_GROUP;
    if (!is_group || check(H5Lexists(at.get(), part.c_str(), H5P_DEFAULT), context) == 0) {
      if (required) throw core::input_error(fmt::format("{}: data set '{}' is missing", context.problem, name));
      return {};
    }
    at = hdf5::open_child(at.get(), part, name.substr(0, slash), context);
    if (slash == name.size()) break;
    begin = slash + 1;
  }
  if (H5Iget_type(at.get()) != H5I_DATASET) {
    if (required) throw core::input_error(fmt::format("{}: '{}' is not a data set", context.problem, name));
    return {};
  }
  ArrayFacts facts = hdf5::inspect_array(at.get(), context);
  return {std::move(at), std::move(facts)};
}

template <class T>
struct Wanted;
template <>
struct Wanted<double> {
  static constexpr const char* kWords = kFloatsRead;
  static bool holds(const ArrayFacts& facts) { return facts.number == NumberKind::kFloat; }
  static hid_t memory_type() { return H5T_NATIVE_DOUBLE; }
};
template <>
struct Wanted<float> : Wanted<double> {
  static hid_t memory_type() { return H5T_NATIVE_FLOAT; }
  static bool through_doubles(const ArrayFacts& facts) { return facts.element_bytes == sizeof(double); }
  template <class Refusal>
  static float of(double value, const ArrayFacts& facts, std::uint64_t place, const Refusal& refusal) {
    return to_float32(value, place, facts.shape, refusal);
  }
};
template <>
struct Wanted<std::int64_t> {
  static constexpr const char* kWords = kIntegersRead;
  static bool holds(const ArrayFacts& facts) {
    return facts.number == NumberKind::kSigned || facts.number == NumberKind::kFloat ||
           (facts.number == NumberKind::kUnsigned && facts.element_bytes <= 4);
  }
  static hid_t memory_type() { return H5T_NATIVE_INT64; }
  static bool through_doubles(const ArrayFacts& facts) { return facts.number == NumberKind::kFloat; }
  template <class Refusal>
  static std::int64_t of(double value, const ArrayFacts& facts, std::uint64_t place, const Refusal& refusal) {
    return to_integer(value, facts.element_bytes, place, refusal);
  }
};

core::RuntimeError refusal(const Context& context, const std::string& name, const std::string& problem,
                           const std::string& why) {
  return core::input_error(fmt::format("{}: data set '{}' {}", context.problem, name, problem), why);
}

auto refusing(const Context& context, const std::string& name) {
  return [&](const std::string& problem, const std::string& why) { return refusal(context, name, problem, why); };
}

// An array that can be read as T. \return its elements too
template <class T>
std::pair<Found, std::uint64_t> find_readable(hid_t file, const std::string& name, std::size_t rank,
                                              const Context& context) {
  Found found = find_array(file, name, true, context);
  ArrayFacts& facts = found.facts;
  flatten_list(facts.shape, rank);
  if (!Wanted<T>::holds(facts))
    throw refusal(context, name, "is " + facts.type_words, fmt::format("{} is needed", Wanted<T>::kWords));
  if (facts.shape.size() != rank)
    throw refusal(context, name, fmt::format("has {} dimensions", facts.shape.size()),
                  fmt::format("{} are needed", rank));
  if (facts.external || facts.layout == H5D_VIRTUAL)
    throw refusal(context, name, "lies in other files", "they are not followed");
  if (!facts.missing_filter.empty())
    throw core::input_error(
        fmt::format("{}: data set '{}' is packed by '{}'", context.problem, name, facts.missing_filter),
        "HDF5 itself has no such filter, and plug-ins are not loaded",
        "write it with gzip (h5py: compression=\"gzip\")");
  // In the widest type, so that no product below leaves 64 bits.
  const std::uint64_t elements = hdf5::ArrayLayout{name, ElementType::kInt64, facts.shape}.bytes() / 8;
  const std::uint64_t bytes = elements * facts.element_bytes;
  hsize_t file_size = 0;
  check(H5Fget_filesize(file, &file_size), context);
  std::uint64_t stored = std::min<std::uint64_t>(facts.stored, file_size);
  std::uint64_t most = facts.layout == H5D_CHUNKED ? stored * kMaxCompression : stored;
  if (bytes > most)
    throw refusal(context, name, fmt::format("claims {} bytes", bytes),
                  fmt::format("the file holds {} for it", stored));
  if (facts.lacks_chunks)
    throw refusal(context, name, "has parts that were never written", "the program that wrote it may not have ended");
  return {std::move(found), elements};
}

Context does_not_read(const Context& context, const std::string& name) {
  return {context.kind, fmt::format("{}: data set '{}' does not read", context.problem, name)};
}

template <class T>
NamedArray<T> read_array(hid_t file, const std::string& name, std::size_t rank, const Context& context) {
  const auto [found, elements] = find_readable<T>(file, name, rank, context);
  NamedArray<T> array;
  array.shape = found.facts.shape;
  try {
    array.values.resize(static_cast<std::size_t>(elements));
  } catch (const std::bad_alloc&) {
    throw core::RuntimeError(core::ErrorKind::kEnvironment,
                             fmt::format("{}: no memory for '{}'", context.problem, name),
                             fmt::format("{} bytes", elements * sizeof(T)));
  }
  // HDF5 itself would cut fractions off, and make 0 or infinity of what no float32 is.
  if constexpr (!std::is_same_v<T, double>)
    if (Wanted<T>::through_doubles(found.facts)) {
      const std::vector<double> doubles = read_array<double>(file, name, rank, context).values;
      for (std::size_t i = 0; i < doubles.size(); ++i)
        array.values[i] = Wanted<T>::of(doubles[i], found.facts, i, refusing(context, name));
      return array;
    }
  if (elements > 0)
    check(H5Dread(found.data.get(), Wanted<T>::memory_type(), H5S_ALL, H5S_ALL, H5P_DEFAULT, array.values.data()),
          does_not_read(context, name));
  return array;
}

Context reading(const std::filesystem::path& path) {
  return {core::ErrorKind::kInput, fmt::format("cannot read '{}'", path.string())};
}

}  // namespace

struct ArrayFileReader::Open {
  Handle file;
};

ArrayFileReader::ArrayFileReader(std::filesystem::path path) : path_(std::move(path)), open_(std::make_unique<Open>()) {
  LibraryLock lock;
  open_->file = hdf5::open_for_reading(path_, reading(path_));
}

ArrayFileReader::~ArrayFileReader() = default;
ArrayFileReader::ArrayFileReader(ArrayFileReader&&) noexcept = default;
ArrayFileReader& ArrayFileReader::operator=(ArrayFileReader&&) noexcept = default;

std::vector<std::string> ArrayFileReader::names() const {
  LibraryLock lock;
  std::vector<std::string> names;
  const auto add = [](hid_t, const char* name, const H5L_info_t*, void* to) -> herr_t {
    static_cast<std::vector<std::string>*>(to)->emplace_back(name);
    return 0;
  };
  check(H5Literate(open_->file.get(), H5_INDEX_NAME, H5_ITER_INC, nullptr, add, &names), reading(path_));
  return names;
}

bool ArrayFileReader::has(const std::string& name) const {
  LibraryLock lock;
  Found found = find_array(open_->file.get(), name, false, reading(path_));
  return found.data.is_open();
}

std::vector<std::uint64_t> ArrayFileReader::shape_of_floats(const std::string& name) const {
  LibraryLock lock;
  return find_readable<float>(open_->file.get(), name, 2, reading(path_)).first.facts.shape;
}

NamedArray<float> ArrayFileReader::read_float32(const std::string& name, std::size_t rank) const {
  LibraryLock lock;
  return read_array<float>(open_->file.get(), name, rank, reading(path_));
}

void ArrayFileReader::read_float32_rows(const std::string& name, std::uint64_t first, std::span<float> to) const {
  LibraryLock lock;
  const Context context = reading(path_);
  const Found found = find_readable<float>(open_->file.get(), name, 2, context).first;
  const hsize_t width = found.facts.shape[1], rows = width == 0 ? 0 : to.size() / width;
  RESOLUTE_EXPECT(width == 0 || (to.size() % width == 0 && first + rows <= found.facts.shape[0]), "the rows are there");
  if (rows == 0) return;
  const hsize_t begin[] = {first, 0}, count[] = {rows, width};
  const hdf5::Handle memory(H5Screate_simple(2, count, nullptr), H5Sclose, context);
  const hdf5::Handle file(H5Dget_space(found.data.get()), H5Sclose, context);
  check(H5Sselect_hyperslab(file.get(), H5S_SELECT_SET, begin, nullptr, count, nullptr), context);
  const bool is_wide = Wanted<float>::through_doubles(found.facts);
  std::vector<double> doubles(is_wide ? to.size() : 0);
  check(H5Dread(found.data.get(), is_wide ? H5T_NATIVE_DOUBLE : H5T_NATIVE_FLOAT, memory.get(), file.get(), H5P_DEFAULT,
                is_wide ? static_cast<void*>(doubles.data()) : to.data()),
        does_not_read(context, name));
  for (std::size_t i = 0; i < doubles.size(); ++i)
    to[i] = to_float32(doubles[i], first * width + i, found.facts.shape, refusing(context, name));
}

NamedArray<double> ArrayFileReader::read_float64(const std::string& name, std::size_t rank) const {
  LibraryLock lock;
  return read_array<double>(open_->file.get(), name, rank, reading(path_));
}

bool ArrayFileReader::is_float64(const std::string& name) const {
  LibraryLock lock;
  const Found found = find_array(open_->file.get(), name, true, reading(path_));
  return found.facts.number == NumberKind::kFloat && found.facts.element_bytes == sizeof(double);
}

NamedArray<std::int64_t> ArrayFileReader::read_int64(const std::string& name, std::size_t rank) const {
  LibraryLock lock;
  return read_array<std::int64_t>(open_->file.get(), name, rank, reading(path_));
}

}  // namespace resolute::datasets
