#include "datasets/hdf5/layout.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <memory>
#include <set>

#include "datasets/hdf5/library.h"

namespace resolute::datasets::hdf5 {
namespace {

constexpr std::uint64_t kMaxBytes = std::uint64_t{1} << 62;

// A file driver keeps what HDF5 writes in memory, page by page, however large the file says it is. HDF5 lays a file out
// here and writes only its own metadata; rows then go to disk through core::FileSystem, so every byte that reaches the
// disk passes one injectable interface, and a full disk never meets a half-closed HDF5 file.

// Sparse contents of one file: pages that were written, the others read as zeros.
struct MemoryFile {
  static constexpr std::uint64_t kPage = 4096;
  std::map<std::uint64_t, std::array<std::byte, kPage>> pages;  // by page number
  std::uint64_t size = 0;                                       // end of the allocated address space
};

constexpr haddr_t kMaxAddress = (haddr_t{1} << 62) - 1;

struct DriverSettings {
  MemoryFile* file;
};

// The library sees the H5FD_t at the front and hands it back to every callback.
struct OpenFile {
  H5FD_t base;
  MemoryFile* file;
};

OpenFile& self(H5FD_t* base) { return *reinterpret_cast<OpenFile*>(base); }
const OpenFile& self(const H5FD_t* base) { return *reinterpret_cast<const OpenFile*>(base); }

H5FD_t* open_file(const char*, unsigned, hid_t access, haddr_t) {
  const auto* settings = static_cast<const DriverSettings*>(H5Pget_driver_info(access));
  if (settings == nullptr) return nullptr;
  auto opened = std::unique_ptr<OpenFile>(new (std::nothrow) OpenFile{});
  if (opened == nullptr) return nullptr;
  opened->file = settings->file;
  return &opened.release()->base;
}

herr_t close_file(H5FD_t* base) {
  std::unique_ptr<OpenFile> owner(&self(base));
  return 0;
}

herr_t query(const H5FD_t*, unsigned long* flags) {
  // Metadata side by side in blocks; nothing else gathered, so that the layout follows the order of creation.
  *flags = H5FD_FEAT_AGGREGATE_METADATA;
  return 0;
}

haddr_t get_end(const H5FD_t* base, H5FD_mem_t) { return self(base).file->size; }

herr_t set_end(H5FD_t* base, H5FD_mem_t, haddr_t end) {
  self(base).file->size = end;
  return 0;
}

// Calls `each(page, first byte in page, byte in the range, count)` for every page that the range touches.
template <class Each>
void each_page(haddr_t address, std::size_t size, Each each) {
  std::size_t done = 0;
  while (done < size) {
    std::uint64_t at = address + done;
    auto start = static_cast<std::size_t>(at % MemoryFile::kPage);
    std::size_t count = std::min<std::size_t>(size - done, MemoryFile::kPage - start);
    each(at / MemoryFile::kPage, start, done, count);
    done += count;
  }
}

herr_t read_bytes(H5FD_t* base, H5FD_mem_t, hid_t, haddr_t address, std::size_t size, void* to) {
  auto* out = static_cast<std::byte*>(to);
  const auto& pages = self(base).file->pages;
  each_page(address, size, [&](std::uint64_t page, std::size_t start, std::size_t done, std::size_t count) {
    auto found = pages.find(page);
    if (found == pages.end())
      std::memset(out + done, 0, count);
    else
      std::memcpy(out + done, found->second.data() + start, count);
  });
  return 0;
}

herr_t write_bytes(H5FD_t* base, H5FD_mem_t, hid_t, haddr_t address, std::size_t size, const void* from) {
  const auto* in = static_cast<const std::byte*>(from);
  auto& pages = self(base).file->pages;
  try {
    each_page(address, size, [&](std::uint64_t page, std::size_t start, std::size_t done, std::size_t count) {
      auto [place, added] = pages.try_emplace(page);
      if (added) place->second.fill(std::byte{0});
      std::memcpy(place->second.data() + start, in + done, count);
    });
  } catch (...) {
    return -1;
  }
  return 0;
}

hid_t driver() {
  static const H5FD_class_t kClass = [] {
    H5FD_class_t made{};
    made.name = "resolute_memory";
    made.maxaddr = kMaxAddress;
    made.fc_degree = H5F_CLOSE_STRONG;
    made.fapl_size = sizeof(DriverSettings);
    made.open = open_file;
    made.close = close_file;
    made.query = query;
    made.get_eoa = get_end;
    made.set_eoa = set_end;
    made.get_eof = get_end;
    made.read = read_bytes;
    made.write = write_bytes;
    for (auto& type : made.fl_map) type = H5FD_MEM_DEFAULT;
    return made;
  }();
  static const hid_t kId = H5FDregister(&kClass);
  return kId;
}

hid_t file_type(ElementType type) {
  switch (type) {
    case ElementType::kUint8:
      return H5T_STD_U8LE;
    case ElementType::kUint32:
      return H5T_STD_U32LE;
    case ElementType::kUint64:
      return H5T_STD_U64LE;
    case ElementType::kInt32:
      return H5T_STD_I32LE;
    case ElementType::kInt64:
      return H5T_STD_I64LE;
    case ElementType::kFloat32:
      return H5T_IEEE_F32LE;
  }
  throw core::ContractError("unknown element type");
}

void make_links_compact(hid_t list, const Context& context) {
  // Links inside the object header: one block of checksummed metadata instead of a heap and a tree.
  check(H5Pset_link_phase_change(list, 256, 128), context);
}

Handle creation_list(hid_t list_class, const Context& context) {
  Handle list(H5Pcreate(list_class), H5Pclose, context);
  check(H5Pset_obj_track_times(list.get(), 0), context);
  return list;
}

// Creates the array and returns its offset.
std::uint64_t create_array(hid_t file, hid_t creation, const ArrayLayout& array, const Context& context) {
  std::vector<hsize_t> shape(array.shape.begin(), array.shape.end());
  Handle space(H5Screate_simple(static_cast<int>(shape.size()), shape.data(), nullptr), H5Sclose, context);
  Handle data(
      H5Dcreate2(file, array.name.c_str(), file_type(array.type), space.get(), H5P_DEFAULT, creation, H5P_DEFAULT),
      H5Dclose, context);
  std::uint64_t offset = 0;
  if (array.bytes() > 0) {
    haddr_t address = H5Dget_offset(data.get());
    if (address == HADDR_UNDEF) throw_error(context);
    offset = address;
  }
  data.close(context);
  return offset;
}

}  // namespace

std::size_t element_size(ElementType type) {
  switch (type) {
    case ElementType::kUint8:
      return 1;
    case ElementType::kUint32:
    case ElementType::kInt32:
    case ElementType::kFloat32:
      return 4;
    case ElementType::kUint64:
    case ElementType::kInt64:
      return 8;
  }
  throw core::ContractError("unknown element type");
}

std::uint64_t ArrayLayout::bytes() const {
  if (std::ranges::find(shape, std::uint64_t{0}) != shape.end()) return 0;
  std::uint64_t total = element_size(type);
  for (std::uint64_t extent : shape) {
    if (extent > kMaxBytes / total)
      throw core::input_error(fmt::format("data set '{}' claims an absurd size", name), "2^62 bytes or more");
    total *= extent;
  }
  return total;
}

FileImage lay_out(std::span<const ArrayLayout> arrays) {
  const Context context{core::ErrorKind::kEnvironment, "cannot lay out an HDF5 file"};
  LibraryLock lock;
  MemoryFile memory;
  FileImage image;
  {
    Handle access = file_access(context);
    DriverSettings settings{&memory};
    check(H5Pset_driver(access.get(), check(driver(), context), &settings), context);
    check(H5Pset_libver_bounds(access.get(), H5F_LIBVER_V18, H5F_LIBVER_V18), context);
    check(H5Pset_alignment(access.get(), 4096, 4096), context);
    Handle creation = creation_list(H5P_FILE_CREATE, context);
    make_links_compact(creation.get(), context);
    Handle file(H5Fcreate("memory", H5F_ACC_TRUNC, creation.get(), access.get()), H5Fclose, context);
    Handle group_creation = creation_list(H5P_GROUP_CREATE, context);
    make_links_compact(group_creation.get(), context);
    Handle data_creation = creation_list(H5P_DATASET_CREATE, context);
    check(H5Pset_layout(data_creation.get(), H5D_CONTIGUOUS), context);
    check(H5Pset_alloc_time(data_creation.get(), H5D_ALLOC_TIME_EARLY), context);
    check(H5Pset_fill_time(data_creation.get(), H5D_FILL_TIME_NEVER), context);
    std::set<std::string> groups;
    for (const auto& array : arrays) {
      for (auto slash = array.name.find('/'); slash != std::string::npos; slash = array.name.find('/', slash + 1)) {
        std::string group = array.name.substr(0, slash);
        if (!groups.insert(group).second) continue;
        Handle made(H5Gcreate2(file.get(), group.c_str(), H5P_DEFAULT, group_creation.get(), H5P_DEFAULT), H5Gclose,
                    context);
        made.close(context);
      }
      image.arrays.push_back({array, create_array(file.get(), data_creation.get(), array, context)});
    }
    file.close(context);
  }
  image.size = memory.size;
  for (const auto& [page, bytes] : memory.pages) {
    std::uint64_t offset = page * MemoryFile::kPage;
    auto count = static_cast<std::size_t>(std::min<std::uint64_t>(MemoryFile::kPage, memory.size - offset));
    image.metadata.push_back({offset, core::Bytes(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(count))});
  }
  return image;
}

std::string library_version() {
  LibraryLock lock;
  unsigned major = 0;
  unsigned minor = 0;
  unsigned release = 0;
  check(H5get_libversion(&major, &minor, &release), {core::ErrorKind::kEnvironment, "HDF5 has no version"});
  return fmt::format("{}.{}.{}", major, minor, release);
}

}  // namespace resolute::datasets::hdf5
