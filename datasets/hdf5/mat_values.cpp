#include "datasets/hdf5/mat_values.h"

#include <cstring>
#include <string_view>

namespace resolute::datasets::hdf5 {
namespace {

constexpr std::string_view kRequest = "a request about a .mat file";
constexpr std::string_view kAnswer = "an answer about a .mat file";

void append_text(core::Bytes& to, std::string_view text) {
  core::append_little_endian(to, static_cast<std::uint32_t>(text.size()));
  core::append_bytes(to, core::as_byte_span(text));
}

std::string take_text(core::ByteReader& reader) {
  const auto size = reader.take<std::uint32_t>();
  return std::string(core::as_text(reader.take_bytes(size)));
}

void require(bool holds, std::string_view what) {
  if (!holds) throw core::corrupt_error(fmt::format("{} makes no sense", what));
}

}  // namespace

bool possible_image(std::uint64_t height, std::uint64_t width) {
  constexpr auto kSide = static_cast<std::uint64_t>(kMaxImageSide);
  return height >= 1 && width >= 1 && height <= kSide && width <= kSide &&
         height * width <= static_cast<std::uint64_t>(kMaxImagePixels);
}

core::Bytes encode(const MatRequest& request) {
  core::Bytes bytes{static_cast<std::byte>(request.what)};
  append_text(bytes, request.file);
  append_text(bytes, request.variable);
  for (const std::uint32_t value : {request.table, request.first, request.count})
    core::append_little_endian(bytes, value);
  return bytes;
}

core::Bytes encode(const std::vector<CellTable>& tables) {
  core::Bytes bytes;
  for (const CellTable& table : tables) {
    core::append_little_endian(bytes, table.rows);
    core::append_little_endian(bytes, table.columns);
  }
  return bytes;
}

core::Bytes encode(const std::vector<CellSize>& sizes) {
  core::Bytes bytes;
  for (const CellSize& size : sizes) {
    core::append_little_endian(bytes, size.height);
    core::append_little_endian(bytes, size.width);
  }
  return bytes;
}

core::Bytes encode(const CellImage& image) {
  core::Bytes bytes;
  bytes.reserve(8 + image.planes.size());
  core::append_little_endian(bytes, image.size.height);
  core::append_little_endian(bytes, image.size.width);
  core::append_bytes(bytes, image.planes);
  return bytes;
}

core::Bytes encode(const std::vector<CellMatrix>& matrices) {
  core::Bytes bytes;
  for (const CellMatrix& matrix : matrices) {
    core::append_little_endian(bytes, matrix.rows);
    core::append_little_endian(bytes, matrix.columns);
    core::append_bytes(bytes, std::as_bytes(std::span(matrix.values)));
  }
  return bytes;
}

MatRequest decode_request(std::span<const std::byte> bytes) {
  core::ByteReader reader(bytes, kRequest);
  MatRequest request;
  const auto what = reader.take<std::uint8_t>();
  require(what <= static_cast<std::uint8_t>(MatRequest::What::kMatrices), kRequest);
  request.what = static_cast<MatRequest::What>(what);
  request.file = take_text(reader);
  request.variable = take_text(reader);
  request.table = reader.take<std::uint32_t>();
  request.first = reader.take<std::uint32_t>();
  request.count = reader.take<std::uint32_t>();
  require(reader.remaining() == 0, kRequest);
  return request;
}

std::vector<CellTable> decode_tables(std::span<const std::byte> bytes) {
  core::ByteReader reader(bytes, kAnswer);
  std::vector<CellTable> tables;
  std::uint64_t cells = 0;
  while (reader.remaining() > 0) {
    CellTable table{reader.take<std::uint32_t>(), reader.take<std::uint32_t>()};
    require(table.rows <= kMaxCells && table.columns <= kMaxCells, kAnswer);
    cells += std::uint64_t{table.rows} * table.columns;
    tables.push_back(table);
    require(tables.size() <= kMaxCellTables && cells <= kMaxCells, kAnswer);
  }
  return tables;
}

std::vector<CellSize> decode_sizes(std::span<const std::byte> bytes, std::uint32_t count) {
  core::ByteReader reader(bytes, kAnswer);
  require(bytes.size() == std::size_t{count} * 8, kAnswer);
  std::vector<CellSize> sizes(count);
  for (CellSize& size : sizes) {
    size = {reader.take<std::uint32_t>(), reader.take<std::uint32_t>()};
    require(size == CellSize{} || possible_image(size.height, size.width), kAnswer);
  }
  return sizes;
}

CellImage decode_cell_image(std::span<const std::byte> bytes) {
  core::ByteReader reader(bytes, kAnswer);
  CellImage image;
  image.size = {reader.take<std::uint32_t>(), reader.take<std::uint32_t>()};
  require(possible_image(image.size.height, image.size.width), kAnswer);
  require(reader.remaining() == std::size_t{3} * image.size.height * image.size.width, kAnswer);
  const auto planes = reader.take_bytes(reader.remaining());
  image.planes.assign(planes.begin(), planes.end());
  return image;
}

std::vector<CellMatrix> decode_matrices(std::span<const std::byte> bytes) {
  core::ByteReader reader(bytes, kAnswer);
  std::vector<CellMatrix> matrices;
  std::uint64_t values = 0;
  while (reader.remaining() > 0) {
    CellMatrix matrix{reader.take<std::uint32_t>(), reader.take<std::uint32_t>(), {}};
    require(matrix.rows <= kMaxCellDoubles && matrix.columns <= kMaxCellDoubles, kAnswer);
    const std::uint64_t count = std::uint64_t{matrix.rows} * matrix.columns;
    values += count;
    require(matrices.size() < kMaxCellTables && values <= kMaxCellDoubles, kAnswer);
    const auto raw = reader.take_bytes(static_cast<std::size_t>(count) * sizeof(double));
    matrix.values.resize(static_cast<std::size_t>(count));
    if (count > 0) std::memcpy(matrix.values.data(), raw.data(), raw.size());
    matrices.push_back(std::move(matrix));
  }
  return matrices;
}

std::uint64_t max_answer_bytes(const MatRequest& request) {
  switch (request.what) {
    case MatRequest::What::kTables:
      return std::uint64_t{kMaxCellTables} * 8;
    case MatRequest::What::kSizes:
      return std::uint64_t{request.count} * 8;
    case MatRequest::What::kImage:
      return 8 + static_cast<std::uint64_t>(kMaxImagePixels) * 3;
    case MatRequest::What::kMatrices:
      return std::uint64_t{kMaxCellTables} * 8 + std::uint64_t{kMaxCellDoubles} * sizeof(double);
  }
  throw core::ContractError("unknown request");
}

}  // namespace resolute::datasets::hdf5
