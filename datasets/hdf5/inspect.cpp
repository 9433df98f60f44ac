#include "datasets/hdf5/inspect.h"

#include <fmt/format.h>

#include <array>
#include <cmath>

namespace resolute::datasets::hdf5 {
namespace {

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

}  // namespace

Handle open_for_reading(const std::filesystem::path& path, const Context& context) {
  std::error_code error;
  auto status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status)) throw core::system_error(context.problem, error ? error.value() : ENOENT);
  if (!std::filesystem::is_regular_file(status)) throw core::input_error(context.problem, "it is not a regular file");
  LibraryLock lock;
  Handle access = file_access(context);
  hid_t file = H5Fopen(path.c_str(), H5F_ACC_RDONLY, access.get());
  if (file < 0) throw_error(context);
  return Handle(file, H5Fclose, context);
}

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

}  // namespace resolute::datasets::hdf5
