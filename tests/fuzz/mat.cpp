// CUHK03's .mat files: what is accepted lists images within the limits, of identities and cameras that can be, and each
// of them is read with the size it has, or refused; HDF5 crashes and hangs over some of these files, in other
// processes.
#include <unistd.h>

#include <filesystem>
#include <set>

#include "core/file_system.h"
#include "datasets/sources/cuhk03.h"
#include "tests/fuzz/targets.h"

namespace {

using namespace resolute;

// Processes stay from one input to the next: they are replaced when they fall over. Time enough for a sound file.
std::shared_ptr<datasets::hdf5::MatHelpers> helpers() {
  constexpr std::chrono::milliseconds kLimit(2000);
  static const auto kHelpers =
      std::make_shared<datasets::hdf5::MatHelpers>(datasets::hdf5::MatHelperSettings{{}, kLimit, kLimit});
  return kHelpers;
}

// In memory, under another name each time: a helper keeps a file open until it is asked about another one.
class Written {
 public:
  Written(const std::uint8_t* data, std::size_t size) {
    static int count = 0;
    const std::filesystem::path memory = "/dev/shm";
    const auto folder = std::filesystem::exists(memory) ? memory : std::filesystem::temp_directory_path();
    path_ = folder / fmt::format("resolute-fuzz-{}-{}.mat", ::getpid(), count++);
    core::replace_unsynced(core::real_file_system(), path_, {reinterpret_cast<const char*>(data), size});
  }
  ~Written() {
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
  }
  Written(const Written&) = delete;
  Written& operator=(const Written&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

void read_boxes(const datasets::hdf5::MatFile& file, const datasets::RawReader& reader, std::string_view boxes) {
  const auto samples = datasets::sources::list_cuhk03(file, boxes);
  std::set<std::string> paths;
  std::map<std::int64_t, std::set<std::string>> roles;
  for (const datasets::Sample& sample : samples) {
    tests::require(paths.insert(sample.path).second, "a path twice");
    tests::require(sample.identity >= 1 && sample.camera >= 1 && sample.camera <= 10 && sample.rate == 1,
                   "an identity, a camera or a rate that cannot be");
    tests::require(sample.subset == ((sample.test_sets & 1) != 0 ? "gallery" : "train"), "a subset of another set");
    roles[sample.identity].insert(sample.subset);
  }
  for (const auto& [identity, subsets] : roles) tests::require(subsets.size() == 1, "an identity in two subsets");
  for (const datasets::Sample& sample : samples) {
    const core::Bytes bytes = reader.read(sample.path);
    tests::require(bytes.size() <= datasets::kMaxImageBytes, "an image beyond the limits");
    try {
      datasets::decode_image(bytes, sample.path);
    } catch (const core::RuntimeError&) {
      throw std::logic_error("an image that cannot be decoded");
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return tests::understood([&] {
    const Written written(data, size);
    const datasets::hdf5::MatFile file(written.path(), helpers());
    const auto reader = datasets::sources::open_cuhk03(file);
    for (const char* boxes : {"labeled", "detected"}) read_boxes(file, *reader, boxes);
  });
}
