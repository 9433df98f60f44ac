#include "datasets/hdf5/memory_driver.h"

#include <algorithm>
#include <cstring>
#include <memory>

namespace resolute::datasets::hdf5 {
namespace {

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

}  // namespace

void use_memory_file(const Handle& access, MemoryFile& file, const Context& context) {
  LibraryLock lock;
  DriverSettings settings{&file};
  check(H5Pset_driver(access.get(), check(driver(), context), &settings), context);
}

}  // namespace resolute::datasets::hdf5
