#include "datasets/hdf5/mat_cells.h"

#include <algorithm>

#include "datasets/hdf5/inspect.h"

namespace resolute::datasets::hdf5 {
namespace {

// Of zlib's deflate: 258 bytes from two bits.
constexpr std::uint64_t kMaxCompression = 1032;
constexpr std::uint64_t kMaxChunkElements = static_cast<std::uint64_t>(kMaxImagePixels) * 3;  // of 1 or 8 bytes

const Context kContext{core::ErrorKind::kInput, "the HDF5 library refuses it"};

core::RuntimeError refused(const std::string& problem) { return core::input_error(problem); }

// Elements of an array; limit + 1 for more than `limit`.
template <class Extents>
std::uint64_t product(const Extents& extents, std::uint64_t limit) {
  if (std::ranges::count(extents, 0U) > 0) return 0;
  std::uint64_t total = 1;
  for (const auto extent : extents) {
    if (extent > limit / total) return limit + 1;
    total *= extent;
  }
  return total;
}

std::string extents_text(const std::vector<std::uint64_t>& extents) {
  return extents.empty() ? "a scalar" : fmt::format("{}", fmt::join(extents, " x "));
}

// Chunks: how large one may be, and filters that are not the library's own (it would look for plug-ins).
void check_chunks(hid_t data, std::size_t rank, const std::string& what) {
  const Handle creation(H5Dget_create_plist(data), H5Pclose, kContext);
  std::vector<hsize_t> chunk(rank);
  const int chunk_rank = check(H5Pget_chunk(creation.get(), static_cast<int>(rank), chunk.data()), kContext);
  if (static_cast<std::size_t>(chunk_rank) != rank) throw refused(what + " has chunks of another rank");
  if (product(chunk, kMaxChunkElements) > kMaxChunkElements) throw refused(what + " has chunks that are too large");
  const int filters = check(H5Pget_nfilters(creation.get()), kContext);
  for (int i = 0; i < filters; ++i) {
    unsigned flags = 0;
    std::size_t values = 0;
    const H5Z_filter_t filter =
        H5Pget_filter2(creation.get(), static_cast<unsigned>(i), &flags, &values, nullptr, 0, nullptr, nullptr);
    if (filter != H5Z_FILTER_DEFLATE && filter != H5Z_FILTER_SHUFFLE && filter != H5Z_FILTER_FLETCHER32)
      throw refused(fmt::format("{} is compressed by filter {}", what, static_cast<int>(filter)));
  }
}

// That an array's `bytes` bytes can be there, as its place in the file tells: before memory is taken for them.
void require_stored(hid_t data, const ArrayFacts& facts, std::uint64_t bytes, std::uint64_t file_size,
                    const std::string& what) {
  if (facts.external || (facts.layout != H5D_CHUNKED && facts.layout != H5D_CONTIGUOUS && facts.layout != H5D_COMPACT))
    throw refused(what + " lies in other files");
  if (facts.layout == H5D_CHUNKED) check_chunks(data, facts.shape.size(), what);
  const std::uint64_t stored = std::min(facts.stored, file_size);
  if (bytes > (facts.layout == H5D_CHUNKED ? stored * kMaxCompression : stored))
    throw refused(fmt::format("{} claims {} bytes where the file holds {} for it", what, bytes, stored));
}

void read_all(hid_t data, hid_t memory_type, void* to, const std::string& what) {
  check(H5Dread(data, memory_type, H5S_ALL, H5S_ALL, H5P_DEFAULT, to),
        {core::ErrorKind::kInput, what + " does not read"});
}

bool has_type(hid_t data, hid_t type) {
  const Handle own(H5Dget_type(data), H5Tclose, kContext);
  return check(H5Tequal(own.get(), type), kContext) > 0;
}

Handle dereference(hid_t file, const hobj_ref_t& reference, const std::string& what) {
  const Context context{core::ErrorKind::kInput, what + " refers to nothing"};
  Handle object(H5Rdereference2(file, H5P_DEFAULT, H5R_OBJECT, &reference), H5Oclose, context);
  if (H5Iget_type(object.get()) != H5I_DATASET) throw refused(what + " refers to something else than a data set");
  return object;
}

// MATLAB writes an empty array as its extents, of which one is 0, and says so beside them.
bool is_empty(hid_t data, const ArrayFacts& facts, std::uint64_t file_size, const std::string& what) {
  if (check(H5Aexists(data, "MATLAB_empty"), kContext) > 0) return true;
  const Handle space(H5Dget_space(data), H5Sclose, kContext);
  if (check(H5Sget_simple_extent_type(space.get()), kContext) == H5S_NULL || product(facts.shape, 1) == 0) return true;
  if (facts.type != ElementType::kUint64 || facts.shape != std::vector<std::uint64_t>{2}) return false;
  std::array<std::uint64_t, 2> extents{};
  require_stored(data, facts, sizeof extents, file_size, what);
  read_all(data, H5T_NATIVE_UINT64, extents.data(), what);
  return extents == std::array<std::uint64_t, 2>{0, 0};
}

CellSize size_of_image(const ArrayFacts& facts, const std::string& what) {
  if (facts.type != ElementType::kUint8)
    throw refused(fmt::format("{} is of type {}, not uint8", what, facts.type_words));
  if (facts.shape.size() != 3 || facts.shape[0] != 3)
    throw refused(fmt::format("{} is {}, not 3 x WIDTH x HEIGHT", what, extents_text(facts.shape)));
  if (!possible_image(facts.shape[2], facts.shape[1]))
    throw refused(
        fmt::format("{} is {} pixels high and {} wide, over the limits", what, facts.shape[2], facts.shape[1]));
  return {static_cast<std::uint32_t>(facts.shape[2]), static_cast<std::uint32_t>(facts.shape[1])};
}

std::vector<hobj_ref_t> read_references(hid_t data, const ArrayFacts& facts, std::uint64_t limit,
                                        std::uint64_t file_size, const std::string& what) {
  if (!has_type(data, H5T_STD_REF_OBJ)) throw refused(what + " is no cell array (it has no references to objects)");
  if (facts.shape.size() != 2)
    throw refused(fmt::format("{} is {}, not of two dimensions", what, extents_text(facts.shape)));
  const std::uint64_t count = product(facts.shape, limit);
  if (count == 0 || count > limit)
    throw refused(fmt::format("{} has {} cells, not 1 to {}", what, extents_text(facts.shape), limit));
  require_stored(data, facts, count * sizeof(hobj_ref_t), file_size, what);
  std::vector<hobj_ref_t> references(static_cast<std::size_t>(count));
  read_all(data, H5T_STD_REF_OBJ, references.data(), what);
  return references;
}

// The cells of a variable: a row or a column.
std::vector<hobj_ref_t> read_variable(hid_t file, const std::string& variable, std::uint64_t file_size) {
  if (check(H5Lexists(file, variable.c_str(), H5P_DEFAULT), kContext) == 0)
    throw refused(fmt::format("'{}' is missing", variable));
  const Handle data = open_child(file, variable, variable, {core::ErrorKind::kInput, "it holds no plain variable"});
  const std::string what = fmt::format("'{}'", variable);
  if (H5Iget_type(data.get()) != H5I_DATASET) throw refused(what + " is not a variable");
  const ArrayFacts facts = inspect_array(data.get(), kContext);
  auto references = read_references(data.get(), facts, kMaxCellTables, file_size, what);
  if (facts.shape[0] != 1 && facts.shape[1] != 1)
    throw refused(fmt::format("{} is {}, not one row of cells", what, extents_text(facts.shape)));
  return references;
}

}  // namespace

MatCells::MatCells(const std::filesystem::path& path) {
  LibraryLock lock;
  file_ = open_for_reading(path, {core::ErrorKind::kInput, "it is not a .mat file of version 7.3"});
  hsize_t size = 0;
  check(H5Fget_filesize(file_.get(), &size), kContext);
  file_size_ = size;
}

const std::vector<MatCells::Table>& MatCells::load(const std::string& variable) {
  if (const auto found = loaded_.find(variable); found != loaded_.end()) return found->second;
  std::vector<Table> tables;
  std::uint64_t left = kMaxCells;
  for (const hobj_ref_t& reference : read_variable(file_.get(), variable, file_size_)) {
    const std::string what = fmt::format("cell {} of '{}'", tables.size() + 1, variable);
    const Handle data = dereference(file_.get(), reference, what);
    const ArrayFacts facts = inspect_array(data.get(), kContext);
    Table table;
    table.cells = read_references(data.get(), facts, left, file_size_, what);
    table.extents = {static_cast<std::uint32_t>(facts.shape[0]), static_cast<std::uint32_t>(facts.shape[1])};
    left -= table.cells.size();
    tables.push_back(std::move(table));
  }
  return loaded_.emplace(variable, std::move(tables)).first->second;
}

const hobj_ref_t& MatCells::cell(const std::string& variable, std::uint32_t table, std::uint32_t cell) {
  const auto& tables = load(variable);
  if (table >= tables.size() || cell >= tables[table].cells.size())
    throw refused(fmt::format("'{}' has no cell {} in its cell {}", variable, cell + 1, table + 1));
  return tables[table].cells[cell];
}

std::vector<CellTable> MatCells::tables(const std::string& variable) {
  LibraryLock lock;
  std::vector<CellTable> extents;
  for (const Table& table : load(variable)) extents.push_back(table.extents);
  return extents;
}

std::vector<CellSize> MatCells::sizes(const std::string& variable, std::uint32_t table, std::uint32_t first,
                                      std::uint32_t count) {
  LibraryLock lock;
  std::vector<CellSize> sizes;
  for (std::uint32_t i = 0; i < std::min(count, kMaxCellsAtOnce); ++i) {
    const std::string what = fmt::format("cell {} of cell {} of '{}'", first + i + 1, table + 1, variable);
    const Handle data = dereference(file_.get(), cell(variable, table, first + i), what);
    const ArrayFacts facts = inspect_array(data.get(), kContext);
    sizes.push_back(is_empty(data.get(), facts, file_size_, what) ? CellSize{} : size_of_image(facts, what));
  }
  return sizes;
}

CellImage MatCells::image(const std::string& variable, std::uint32_t table, std::uint32_t which) {
  LibraryLock lock;
  const std::string what = fmt::format("cell {} of cell {} of '{}'", which + 1, table + 1, variable);
  const Handle data = dereference(file_.get(), cell(variable, table, which), what);
  const ArrayFacts facts = inspect_array(data.get(), kContext);
  if (is_empty(data.get(), facts, file_size_, what)) throw refused(what + " is empty");
  CellImage image;
  image.size = size_of_image(facts, what);
  const std::size_t bytes = std::size_t{3} * image.size.height * image.size.width;
  require_stored(data.get(), facts, bytes, file_size_, what);
  image.planes.resize(bytes);
  read_all(data.get(), H5T_NATIVE_UINT8, image.planes.data(), what);
  return image;
}

std::vector<CellMatrix> MatCells::matrices(const std::string& variable) {
  LibraryLock lock;
  std::vector<CellMatrix> matrices;
  std::uint64_t left = kMaxCellDoubles;
  for (const hobj_ref_t& reference : read_variable(file_.get(), variable, file_size_)) {
    const std::string what = fmt::format("cell {} of '{}'", matrices.size() + 1, variable);
    const Handle data = dereference(file_.get(), reference, what);
    const ArrayFacts facts = inspect_array(data.get(), kContext);
    CellMatrix matrix;
    if (is_empty(data.get(), facts, file_size_, what)) {
      matrices.push_back(std::move(matrix));
      continue;
    }
    if (!has_type(data.get(), H5T_IEEE_F64LE))
      throw refused(fmt::format("{} is of type {}, not float64", what, facts.type_words));
    if (facts.shape.size() != 2)
      throw refused(fmt::format("{} is {}, not of two dimensions", what, extents_text(facts.shape)));
    const std::uint64_t count = product(facts.shape, left);
    if (count > left) throw refused(fmt::format("{} is {}, over the limit", what, extents_text(facts.shape)));
    left -= count;
    matrix.rows = static_cast<std::uint32_t>(facts.shape[0]);
    matrix.columns = static_cast<std::uint32_t>(facts.shape[1]);
    require_stored(data.get(), facts, count * sizeof(double), file_size_, what);
    matrix.values.resize(static_cast<std::size_t>(count));
    read_all(data.get(), H5T_NATIVE_DOUBLE, matrix.values.data(), what);
    matrices.push_back(std::move(matrix));
  }
  return matrices;
}

}  // namespace resolute::datasets::hdf5
