// The sample of an evaluation: the test images that are shown at several rates, and what decoders make of them.

#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/files/file_system.h"
#include "python/native/call.h"
#include "results/pictures/sample_recovery.h"
#include "results/records/output_file.h"
#include "settings/evaluation.h"

namespace resolute::python {

struct Sample {
  std::shared_ptr<const datasets::PackReader> pack;
  settings::CopiesFrom copies_from;
  std::vector<results::SampleImage> images;
  std::size_t passed = 0;  // through decoders
  std::vector<results::ImageRecoveryQuality> lines{};
};

namespace {

std::unique_ptr<Sample> open_sample(const Pack& pack, const Split& split, const char* protocol, bool from_network) {
  const auto asked = with_defaults<settings::EvaluationProtocol>(protocol, "options of a sample");
  return std::make_unique<Sample>(
      Sample{pack.reader, from_network ? settings::CopiesFrom::kNetwork : settings::CopiesFrom::kNative,
             results::choose_sample(*split.split, asked.sample_rates, asked.sample_identities)});
}

core::Json sample_images(const Sample& sample) {
  core::Json images = core::Json::array();
  for (const results::SampleImage& image : sample.images)
    images.push_back({{"row", image.row}, {"rate", image.rate}, {"camera", image.camera}});
  return images;
}

void measure_next(Sample& sample, std::size_t images, const Recovered& recovered, int threads) {
  RESOLUTE_EXPECT(images <= sample.images.size() - sample.passed, "no more images than a sample has are recovered");
  results::check_scales({recovered.scales, recovered.decoders}, *sample.pack);
  const auto block = std::span(sample.images).subspan(sample.passed, images);
  const std::vector<datasets::Image> inputs = results::recovery_inputs(*sample.pack, block, threads);
  std::vector<results::RecoveredPictures> decoded;
  for (std::size_t i = 0; i < recovered.decoders; ++i) {
    const std::size_t numbers = images * inputs.front().pixels.size();
    decoded.push_back(
        {recovered.scales[i], results::pictures_of(recovered.images + i * numbers, images, inputs.front())});
  }
  const auto lines = results::recovery_quality(*sample.pack, block, inputs, decoded, sample.copies_from, threads);
  sample.lines.insert(sample.lines.end(), lines.begin(), lines.end());
  sample.passed += images;
}

core::Json write_sample(const Sample& sample, const float* features, std::size_t dimension,
                        const std::filesystem::path& folder) {
  core::FileSystem& files = core::real_file_system();
  results::OutputFiles outputs;
  if (!sample.lines.empty()) outputs = results::recovery_file(sample.lines);
  std::map<std::string, std::string> hashes = results::write_outputs(files, folder, outputs);
  hashes.insert(
      results::write_samples(files, folder, sample.images, std::span(features, sample.images.size() * dimension)));
  return {{"metrics", results::recovery_metrics(sample.lines)}, {"outputs", hashes}};
}

}  // namespace
}  // namespace resolute::python

using namespace resolute;  // NOLINT(google-build-using-namespace): what follows has C's names

int resolute_sample_open(const python::Pack* pack, const python::Split* split, const char* protocol, int from_network,
                         python::Sample** sample) {
  return python::finished([&] { *sample = python::open_sample(*pack, *split, protocol, from_network != 0).release(); });
}

int resolute_sample_images(const python::Sample* sample) {
  return python::finished([&] { return python::sample_images(*sample).dump(); });
}

int resolute_sample_recovered(python::Sample* sample, std::size_t images, const python::Recovered* recovered,
                              int threads) {
  return python::finished([&] { python::measure_next(*sample, images, *recovered, threads); });
}

int resolute_sample_write(const python::Sample* sample, const float* features, std::size_t dimension,
                          const char* folder) {
  return python::finished([&] { return python::write_sample(*sample, features, dimension, folder).dump(); });
}

void resolute_sample_close(python::Sample* sample) { const std::unique_ptr<python::Sample> owned(sample); }
