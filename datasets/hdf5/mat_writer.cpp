#include "datasets/hdf5/mat_writer.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <type_traits>

#include "datasets/hdf5/library.h"
#include "datasets/hdf5/memory_driver.h"

namespace resolute::datasets::hdf5 {
namespace {

static_assert(sizeof(MatWriter::Cell) == sizeof(hobj_ref_t) && std::is_unsigned_v<hobj_ref_t>);

constexpr std::uint64_t kUserBlock = 512;
constexpr std::size_t kContiguousBytes = 4096;  // below that MATLAB does not compress
constexpr unsigned kDeflateLevel = 3;           // MATLAB's
constexpr std::string_view kReferences = "#refs#";
constexpr std::string_view kMatlabText =
    "MATLAB 7.3 MAT-file, Platform: GLNXA64, Created on: Thu Jan  1 00:00:00 1970 HDF5 schema 1.00 .";

const Context kContext{core::ErrorKind::kEnvironment, "cannot lay out a .mat file"};

Handle untimed(hid_t list_class) {
  Handle list(H5Pcreate(list_class), H5Pclose, kContext);
  check(H5Pset_obj_track_times(list.get(), 0), kContext);
  return list;
}

}  // namespace

// What cells hold is in the group "#refs#"; variables are beside it.
struct MatWriter::File {
  File() {
    const Handle access = file_access(kContext);
    use_memory_file(access, memory, kContext);
    const Handle creation = untimed(H5P_FILE_CREATE);
    check(H5Pset_userblock(creation.get(), kUserBlock), kContext);
    file = Handle(H5Fcreate("memory", H5F_ACC_TRUNC, creation.get(), access.get()), H5Fclose, kContext);
    const Handle group = untimed(H5P_GROUP_CREATE);
    references = Handle(H5Gcreate2(file.get(), std::string(kReferences).c_str(), H5P_DEFAULT, group.get(), H5P_DEFAULT),
                        H5Gclose, kContext);
  }

  // a, b, …, z, aa, …
  std::string next_name() {
    std::string name;
    for (std::size_t left = ++cells; left > 0; left = (left - 1) / 26)
      name.insert(name.begin(), static_cast<char>('a' + (left - 1) % 26));
    return name;
  }
  Cell add_cell(const std::vector<hsize_t>& extents, hid_t type, hid_t memory_type, const void* values,
                std::size_t bytes, std::string_view matlab_class, bool empty = false) {
    const std::string name = next_name();
    add(references.get(), name, extents, type, memory_type, values, bytes, matlab_class, empty);
    hobj_ref_t reference = 0;
    check(H5Rcreate(&reference, references.get(), name.c_str(), H5R_OBJECT, -1), kContext);
    return reference;
  }
  // `bytes`: how many decide on compression.
  void add(hid_t group, const std::string& name, const std::vector<hsize_t>& extents, hid_t type, hid_t memory_type,
           const void* values, std::size_t bytes, std::string_view matlab_class, bool empty) {
    const Handle space(H5Screate_simple(static_cast<int>(extents.size()), extents.data(), nullptr), H5Sclose, kContext);
    const Handle creation = untimed(H5P_DATASET_CREATE);
    if (bytes >= kContiguousBytes) {
      check(H5Pset_chunk(creation.get(), static_cast<int>(extents.size()), extents.data()), kContext);
      check(H5Pset_deflate(creation.get(), kDeflateLevel), kContext);
    }
    const Handle data(H5Dcreate2(group, name.c_str(), type, space.get(), H5P_DEFAULT, creation.get(), H5P_DEFAULT),
                      H5Dclose, kContext);
    check(H5Dwrite(data.get(), memory_type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values), kContext);
    const Handle text(H5Tcopy(H5T_C_S1), H5Tclose, kContext);
    check(H5Tset_size(text.get(), matlab_class.size()), kContext);
    check(H5Tset_strpad(text.get(), H5T_STR_NULLTERM), kContext);
    add_attribute(data.get(), "MATLAB_class", text.get(), matlab_class.data());
    const std::uint8_t yes = 1;
    if (empty) add_attribute(data.get(), "MATLAB_empty", H5T_STD_U8LE, &yes);
  }
  void add_attribute(hid_t data, const char* name, hid_t type, const void* value) {
    const Handle scalar(H5Screate(H5S_SCALAR), H5Sclose, kContext);
    const Handle attribute(H5Acreate2(data, name, type, scalar.get(), H5P_DEFAULT, H5P_DEFAULT), H5Aclose, kContext);
    check(H5Awrite(attribute.get(), type, value), kContext);
  }

  MemoryFile memory;
  Handle file;
  Handle references;
  std::size_t cells = 0;
  Cell empty = 0;
};

MatWriter::MatWriter() {
  LibraryLock lock;
  file_ = std::make_unique<File>();
}

MatWriter::~MatWriter() = default;

MatWriter::Cell MatWriter::add_image(const Image& image) {
  LibraryLock lock;
  const auto height = static_cast<std::size_t>(image.height);
  const auto width = static_cast<std::size_t>(image.width);
  std::vector<std::uint8_t> planes(image.pixels.size());
  for (std::size_t y = 0; y < height; ++y)
    for (std::size_t x = 0; x < width; ++x)
      for (std::size_t channel = 0; channel < 3; ++channel)
        planes[(channel * width + x) * height + y] = image.pixels[(y * width + x) * 3 + channel];
  return file_->add_cell({3, width, height}, H5T_STD_U8LE, H5T_NATIVE_UINT8, planes.data(), planes.size(), "uint8");
}

MatWriter::Cell MatWriter::add_matrix(std::uint64_t rows, std::uint64_t columns, const std::vector<double>& values) {
  LibraryLock lock;
  return file_->add_cell({rows, columns}, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, values.data(),
                         values.size() * sizeof(double), "double");
}

MatWriter::Cell MatWriter::add_cells(std::uint64_t rows, std::uint64_t columns, const std::vector<Cell>& cells) {
  LibraryLock lock;
  return file_->add_cell({rows, columns}, H5T_STD_REF_OBJ, H5T_STD_REF_OBJ, cells.data(), 0, "cell");
}

MatWriter::Cell MatWriter::empty_cell() {
  LibraryLock lock;
  if (file_->empty == 0) {
    const std::array<std::uint64_t, 2> extents{0, 0};
    file_->empty =
        file_->add_cell({2}, H5T_STD_U64LE, H5T_NATIVE_UINT64, extents.data(), sizeof extents, "double", true);
  }
  return file_->empty;
}

void MatWriter::add_variable(const std::string& name, const std::vector<Cell>& cells) {
  LibraryLock lock;
  file_->add(file_->file.get(), name, {1, cells.size()}, H5T_STD_REF_OBJ, H5T_STD_REF_OBJ, cells.data(), 0, "cell",
             false);
}

core::Bytes MatWriter::finish() {
  LibraryLock lock;
  file_->references.close(kContext);
  file_->file.close(kContext);
  core::Bytes bytes(file_->memory.size);
  for (const auto& [page, content] : file_->memory.pages) {
    const std::uint64_t at = page * MemoryFile::kPage;
    if (at < bytes.size())
      std::memcpy(bytes.data() + at, content.data(), std::min<std::uint64_t>(content.size(), bytes.size() - at));
  }
  // Text, filled up with blanks to 116 bytes; 8 of an offset that is not used; version and byte order.
  std::string head(116, ' ');
  head.replace(0, kMatlabText.size(), kMatlabText);
  head += std::string(8, '\0') + std::string("\x00\x02IM", 4);
  std::ranges::copy(core::as_byte_span(head), bytes.begin());
  return bytes;
}

}  // namespace resolute::datasets::hdf5
