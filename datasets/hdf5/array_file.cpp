#include "datasets/hdf5/array_file.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <type_traits>
#include <utility>

#include "datasets/hdf5/library.h"
#include "datasets/hdf5/placed_file.h"

namespace resolute::datasets {

using hdf5::check;
using hdf5::Context;
using hdf5::ElementType;
using hdf5::Handle;
using hdf5::LibraryLock;

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

// Kinds of elements, whatever their width and byte order.
enum class NumberKind { kNone, kFloat, kSigned, kUnsigned };

struct ArrayFacts {
  NumberKind number = NumberKind::kNone;  // kNone also for widths and layouts that no program writes
  std::size_t element_bytes = 0;
  std::string type_words;            // for messages: "float64", "a string", …
  std::vector<std::uint64_t> shape;  // empty for a scalar
  H5D_layout_t layout = H5D_CONTIGUOUS;
  bool external = false;         // its bytes lie in other files
  std::uint64_t stored = 0;      // bytes allocated in the file
  bool lacks_chunks = false;     // some were never written
  std::string missing_filter{};  // that its chunks may be packed by; empty: all are there
};

// A float with fields of its own would be converted to something else than its bytes say; h5py writes float16 with
// these fields.
bool has_ieee_fields(hid_t type, std::size_t size, const Context& context) {
  struct Fields {
    std::size_t exponent, mantissa;
  };
  const Fields wanted = size == 2 ? Fields{5, 10} : size == 4 ? Fields{8, 23} : Fields{11, 52};
  if (size != 2 && size != 4 && size != 8) return false;
  std::size_t sign = 0, exponent_at = 0, exponent = 0, mantissa_at = 0, mantissa = 0;
  check(H5Tget_fields(type, &sign, &exponent_at, &exponent, &mantissa_at, &mantissa), context);
  const H5T_order_t order = H5Tget_order(type);
  return exponent == wanted.exponent && mantissa == wanted.mantissa && mantissa_at == 0 && exponent_at == mantissa &&
         sign == 8 * size - 1 && H5Tget_precision(type) == 8 * size &&
         H5Tget_ebias(type) == (std::size_t{1} << (exponent - 1)) - 1 && H5Tget_norm(type) == H5T_NORM_IMPLIED &&
         (order == H5T_ORDER_LE || order == H5T_ORDER_BE);
}

void describe_type(hid_t data, ArrayFacts& facts, const Context& context) {
  Handle type(H5Dget_type(data), H5Tclose, context);
  H5T_class_t type_class = H5Tget_class(type.get());
  std::size_t size = H5Tget_size(type.get());
  if (type_class != H5T_INTEGER && type_class != H5T_FLOAT) {
    facts.type_words = type_class == H5T_STRING ? "a string type" : "a type that is neither integer nor float";
    return;
  }
  facts.element_bytes = size;
  if (type_class == H5T_FLOAT) {
    facts.type_words = fmt::format("float{}", size * 8);
    if (has_ieee_fields(type.get(), size, context)) facts.number = NumberKind::kFloat;
    return;
  }
  bool is_signed = H5Tget_sign(type.get()) == H5T_SGN_2;
  facts.type_words = fmt::format("{}{}", is_signed ? "int" : "uint", size * 8);
  if (H5Tget_precision(type.get()) != size * 8) {
    facts.type_words += " with unused bits";
    return;
  }
  if (size <= 8) facts.number = is_signed ? NumberKind::kSigned : NumberKind::kUnsigned;
}

// A chunk tells only when it is read if it needs its filters: many leave them out where they save nothing.
std::string missing_filter(hid_t creation, const Context& context) {
  const int count = check(H5Pget_nfilters(creation), context);
  for (int i = 0; i < count; ++i) {
    unsigned flags = 0;
    std::size_t values = 0;
    std::array<char, 64> name{};
    const H5Z_filter_t filter = check(H5Pget_filter2(creation, static_cast<unsigned>(i), &flags, &values, nullptr,
                                                     name.size() - 1, name.data(), nullptr),
                                      context);
    if (H5Zfilter_avail(filter) > 0) continue;
    H5Eclear2(H5E_DEFAULT);
    return name[0] == 0 ? fmt::format("filter {}", filter) : std::string(name.data());
  }
  return {};
}

// The library gives the fill value, or what lay in memory, for a chunk that no program has written.
bool lacks_chunks(hid_t data, hid_t space, hid_t creation, const std::vector<std::uint64_t>& shape,
                  const Context& context) {
  std::vector<hsize_t> chunk(shape.size());
  check(H5Pget_chunk(creation, static_cast<int>(chunk.size()), chunk.data()), context);
  hsize_t there = 0;
  check(H5Dget_num_chunks(data, space, &there), context);
  double all = 1;
  for (std::size_t i = 0; i < chunk.size(); ++i)
    all *= std::ceil(static_cast<double>(shape[i]) / static_cast<double>(chunk[i]));
  return static_cast<double>(there) < all;
}

// A missing file, a folder, or one that is not HDF5 says so plainly (kInput; kind of `context` otherwise).
Handle open_for_reading(const std::filesystem::path& path, const Context& context) {
  std::error_code error;
  auto status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status)) throw core::system_error(context.problem, error ? error.value() : ENOENT);
  if (!std::filesystem::is_regular_file(status)) throw core::input_error(context.problem, "it is not a regular file");
  LibraryLock lock;
  Handle access = hdf5::file_access(context);
  hid_t file = H5Fopen(path.c_str(), H5F_ACC_RDONLY, access.get());
  if (file < 0) hdf5::throw_error(context);
  return Handle(file, H5Fclose, context);
}

// A group or data set through a hard link: soft and external links may lead into files that nobody named.
// \param full the name from the root, for the message
Handle open_child(hid_t group, const std::string& name, const std::string& full, const Context& context) {
  H5L_info_t link{};
  check(H5Lget_info(group, name.c_str(), &link, H5P_DEFAULT), context);
  if (link.type != H5L_TYPE_HARD)
    throw core::RuntimeError(context.kind, fmt::format("{}: '{}' is a link", context.problem, full),
                             "links to other places are not followed");
  return Handle(H5Oopen(group, name.c_str(), H5P_DEFAULT), H5Oclose, context);
}

ArrayFacts inspect_array(hid_t data, const Context& context) {
  ArrayFacts facts;
  describe_type(data, facts, context);
  Handle space(H5Dget_space(data), H5Sclose, context);
  if (H5Sget_simple_extent_type(space.get()) == H5S_SIMPLE) {
    int rank = check(H5Sget_simple_extent_ndims(space.get()), context);
    std::vector<hsize_t> shape(static_cast<std::size_t>(rank));
    check(H5Sget_simple_extent_dims(space.get(), shape.data(), nullptr), context);
    facts.shape.assign(shape.begin(), shape.end());
  }
  Handle creation(H5Dget_create_plist(data), H5Pclose, context);
  facts.layout = check(H5Pget_layout(creation.get()), context);
  if (facts.layout == H5D_CONTIGUOUS) facts.external = check(H5Pget_external_count(creation.get()), context) > 0;
  facts.stored = H5Dget_storage_size(data);
  if (facts.layout == H5D_CHUNKED)
    facts.lacks_chunks = lacks_chunks(data, space.get(), creation.get(), facts.shape, context);
  facts.missing_filter = missing_filter(creation.get(), context);
  return facts;
}

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
    at = open_child(at.get(), part, name.substr(0, slash), context);
    if (slash == name.size()) break;
    begin = slash + 1;
  }
  if (H5Iget_type(at.get()) != H5I_DATASET) {
    if (required) throw core::input_error(fmt::format("{}: '{}' is not a data set", context.problem, name));
    return {};
  }
  ArrayFacts facts = inspect_array(at.get(), context);
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
  open_->file = open_for_reading(path_, reading(path_));
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
