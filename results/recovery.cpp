#include "results/recovery.h"

#include <limits>
#include <set>
#include <tuple>
#include <utility>

#include "core/error.h"
#include "results/csv_reader.h"
#include "results/image_quality.h"

namespace resolute::results {
namespace {

constexpr std::string_view kRecoveryHeader =
    "path,identity,camera,rate,scale,recovered_psnr,recovered_ssim,enlarged_psnr,enlarged_ssim\n";

std::string line_of(const RecoveryQuality& line) {
  return fmt::format("{},{},{},{},{},{},{},{},{}\n", csv_field(line.path), line.identity, line.camera, line.rate,
                     line.scale, line.recovered.psnr, line.recovered.ssim, line.enlarged.psnr, line.enlarged.ssim);
}

Nearness read_nearness(CsvReader& reader, const std::string& name) {
  const auto psnr = reader.number<float>(name + "_psnr", 0, static_cast<float>(kMostPsnr));
  return {psnr, reader.number<float>(name + "_ssim", -1, 1)};
}

RecoveryQuality read_recovery_quality(CsvReader& reader) {
  constexpr auto kMost = std::numeric_limits<std::int64_t>::max();
  constexpr int kLargest = std::numeric_limits<int>::max();
  RecoveryQuality line;
  line.path = reader.path();
  line.identity = reader.number<std::int64_t>("identity", -1, kMost);
  line.camera = reader.number<std::int64_t>("camera", -1, kMost);
  line.rate = reader.number<int>("rate", 1, kLargest);
  line.scale = reader.number<int>("scale", 1, kLargest);
  line.recovered = read_nearness(reader, "recovered");
  line.enlarged = read_nearness(reader, "enlarged");
  reader.expect_written(line_of(line));
  return line;
}

}  // namespace

std::string recovery_text(const std::vector<RecoveryQuality>& lines) {
  std::string text(kRecoveryHeader);
  for (const RecoveryQuality& line : lines) text += line_of(line);
  return text;
}

std::vector<RecoveryQuality> parse_recovery(std::string_view text, const std::string& where) {
  CsvReader reader(text, where, kRecoveryHeader);
  std::vector<RecoveryQuality> lines;
  std::set<std::tuple<std::string, int, int>> seen;
  for (; !reader.done(); reader.next_record()) {
    lines.push_back(read_recovery_quality(reader));
    const RecoveryQuality& line = lines.back();
    if (!seen.emplace(line.path, line.rate, line.scale).second)
      reader.refuse("the path stands twice at this rate and scale");
  }
  return lines;
}

std::map<std::pair<int, int>, MeanRecovery> mean_recovery(const std::vector<RecoveryQuality>& lines) {
  std::map<std::pair<int, int>, MeanRecovery> means;
  for (const RecoveryQuality& line : lines) {
    MeanRecovery& sum = means[{line.rate, line.scale}];
    ++sum.images;
    sum.recovered_psnr += line.recovered.psnr;
    sum.recovered_ssim += line.recovered.ssim;
    sum.enlarged_psnr += line.enlarged.psnr;
    sum.enlarged_ssim += line.enlarged.ssim;
  }
  for (auto& [place, mean] : means)
    for (double* figure : {&mean.recovered_psnr, &mean.recovered_ssim, &mean.enlarged_psnr, &mean.enlarged_ssim})
      *figure /= static_cast<double>(mean.images);
  return means;
}

std::map<std::string, double> recovery_metrics(const std::vector<RecoveryQuality>& lines) {
  std::map<std::string, double> metrics;
  for (const auto& [place, mean] : mean_recovery(lines)) {
    // clang 14 lets no lambda take a structured binding.
    const auto rate = place.first, scale = place.second;
    if (scale != 1 || rate == 1) continue;
    const auto set = [&](std::string_view name, double value) { metrics[fmt::format("{}_{}", name, rate)] = value; };
    set("recovered_psnr", mean.recovered_psnr);
    set("enlarged_psnr", mean.enlarged_psnr);
    set("psnr_gain", mean.psnr_gain());
    set("recovered_ssim", mean.recovered_ssim);
    set("enlarged_ssim", mean.enlarged_ssim);
  }
  return metrics;
}

}  // namespace resolute::results
