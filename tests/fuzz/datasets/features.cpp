// Arrays of other programs, as `resolute rank` reads them: refused, or as many values as their shapes say.
#include <numeric>

#include "core/files/file_system.h"
#include "datasets/arrays/named_arrays.h"
#include "tests/fuzz/targets.h"
#include "tests/support/folders.h"
#include "tests/support/temporary_folder.h"

namespace resolute::tests::features_fuzzer {
namespace {

std::string dump(const char* name) {
  return std::string(core::as_text(core::real_file_system().read(source_folder() / "tests/golden/array_file" / name)));
}

template <class T>
void check(const datasets::NamedArray<T>& array) {
  require(array.values.size() == std::accumulate(array.shape.begin(), array.shape.end(), std::uint64_t{1},
                                                 [](auto product, auto extent) { return product * extent; }),
          "an array has other values than its shape asks for");
}

// Each array in every way, under the name that `path` gives it and under those of a ranking.
bool read_all(const std::filesystem::path& path) {
  return understood([&] {
    const auto arrays = datasets::open_named_arrays(path);
    for (const char* name : {"query_features", "query_identities", "gallery_features", "query/features", "distance"}) {
      if (!arrays->has(name)) continue;
      understood([&] { check(arrays->read_float32(name, 2)); });
      understood([&] { check(arrays->read_float64(name, 2)); });
      understood([&] { check(arrays->read_int64(name, 1)); });
      understood([&] { arrays->is_float64(name); });
      understood([&] {
        const auto rows = arrays->float32_rows(name);
        if (rows->rows() > 0)
          require(rows->read(rows->rows() - 1, 1).size() == rows->width(), "a row has another width");
      });
    }
  });
}

bool read_file(std::string_view name, std::string_view bytes) {
  const TemporaryFolder folder;
  core::replace_unsynced(core::real_file_system(), folder / name, bytes);
  return read_all(folder / (name.ends_with(".npy") ? "" : name));
}

std::vector<std::string> npy_examples() {
  return {dump("dump_folder/query_features.npy"), dump("dump_folder/query_identities.npy"),
          "\x93NUMPY\x01" + std::string("\0\x39\0", 3) +
              "{'descr': '>f2', 'fortran_order': True, 'shape': (1, 2)}\n"
              "abcd"};
}
std::vector<std::string> npz_examples() { return {dump("dump.npz"), dump("kinds.npz")}; }
std::vector<std::string> mat_examples() { return {dump("dump.mat"), dump("dump_4.mat")}; }
std::vector<std::string> hdf5_examples() { return {dump("dump.h5"), dump("close.h5"), dump("foreign.h5")}; }

}  // namespace

RESOLUTE_FUZZER(npy, .rounds = 10'000, .examples = npy_examples)(std::string_view bytes) {
  return read_file("query_features.npy", bytes);
}
RESOLUTE_FUZZER(npz, .rounds = 10'000, .examples = npz_examples)(std::string_view bytes) {
  return read_file("features.npz", bytes);
}
RESOLUTE_FUZZER(mat, .rounds = 2'000, .examples = mat_examples, .in_child = true)(std::string_view bytes) {
  return read_file("features.mat", bytes);
}
RESOLUTE_FUZZER(hdf5, .rounds = 2'000, .examples = hdf5_examples, .in_child = true)(std::string_view bytes) {
  return read_file("features.h5", bytes);
}

}  // namespace resolute::tests::features_fuzzer
