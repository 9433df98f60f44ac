#include <png.h>

#include <csetjmp>
#include <cstring>
#include <vector>

#include "datasets/image/codecs.h"

// libpng's error callback must not return, and exceptions must not cross its C frames: it jumps back to guarded(),
// whose body owns nothing that needs a destructor. Memory that grows (the encoder's output) grows inside a callback
// that catches what it throws.

namespace resolute::datasets::codecs {
namespace {

struct PngErrorState {
  std::jmp_buf jump;
  char message[200];
};

[[noreturn]] void leave(png_structp png, png_const_charp message) {
  auto* state = static_cast<PngErrorState*>(png_get_error_ptr(png));
  std::strncpy(state->message, message, sizeof state->message - 1);
  std::longjmp(state->jump, 1);
}

void ignore_warning(png_structp, png_const_charp) {}

template <class Body>
bool guarded(PngErrorState& state, const Body& body) {
  if (setjmp(state.jump) != 0) return false;
  body();
  return true;
}

core::RuntimeError no_memory() { return {core::ErrorKind::kEnvironment, "libpng cannot start", "no memory is left"}; }

struct Source {
  const std::byte* at;
  std::size_t left;
};

void read_from_source(png_structp png, png_bytep to, std::size_t count) {
  auto* source = static_cast<Source*>(png_get_io_ptr(png));
  if (count > source->left) png_error(png, "the file ends too early");
  std::memcpy(to, source->at, count);
  source->at += count;
  source->left -= count;
}

class PngDecoder {
 public:
  explicit PngDecoder(std::span<const std::byte> bytes) : source_{bytes.data(), bytes.size()} {
    png_ = png_create_read_struct(PNG_LIBPNG_VER_STRING, &errors_, leave, ignore_warning);
    if (png_ == nullptr) throw no_memory();
    info_ = png_create_info_struct(png_);
    if (info_ == nullptr) {
      png_destroy_read_struct(&png_, nullptr, nullptr);
      throw no_memory();
    }
  }
  PngDecoder(const PngDecoder&) = delete;
  PngDecoder& operator=(const PngDecoder&) = delete;
  ~PngDecoder() { png_destroy_read_struct(&png_, &info_, nullptr); }

  ImageSize read_header(std::string_view name) {
    bool begun = guarded(errors_, [&] {
      // Wider limits than ours: the message about the size is to be ours. Ancillary chunks may not grow without bound.
      png_set_user_limits(png_, 0x7fffffff, 0x7fffffff);
      png_set_chunk_malloc_max(png_, 8u << 20);
      png_set_read_fn(png_, &source_, read_from_source);
      png_read_info(png_, info_);
    });
    if (!begun) throw undecodable(name, errors_.message);
    return checked_size(png_get_image_height(png_, info_), png_get_image_width(png_, info_), name);
  }

  Image decode(std::string_view name) {
    const ImageSize size = read_header(name);
    Image image = make_image(size.height, size.width);
    std::vector<png_bytep> rows(static_cast<std::size_t>(image.height));
    const std::size_t stride = static_cast<std::size_t>(image.width) * 3;
    for (std::size_t y = 0; y < rows.size(); ++y) rows[y] = image.pixels.data() + y * stride;
    bool done = guarded(errors_, [&] {
      const int colour = png_get_color_type(png_, info_);
      if (colour == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(png_);
      if (colour == PNG_COLOR_TYPE_GRAY) png_set_expand_gray_1_2_4_to_8(png_);
      if (png_get_bit_depth(png_, info_) == 16) png_set_strip_16(png_);
      // A palette's transparency is expanded with it.
      if ((colour & PNG_COLOR_MASK_ALPHA) != 0 || colour == PNG_COLOR_TYPE_PALETTE) png_set_strip_alpha(png_);
      if ((colour & PNG_COLOR_MASK_COLOR) == 0) png_set_gray_to_rgb(png_);
      png_set_interlace_handling(png_);
      png_read_update_info(png_, info_);
      if (png_get_rowbytes(png_, info_) != stride) png_error(png_, "the pixels are of an unknown kind");
      png_read_image(png_, rows.data());
      png_read_end(png_, nullptr);
    });
    if (!done) throw undecodable(name, errors_.message);
    return image;
  }

 private:
  PngErrorState errors_{};
  Source source_;
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
};

void append_to_sink(png_structp png, png_bytep from, std::size_t count) {
  auto* sink = static_cast<core::Bytes*>(png_get_io_ptr(png));
  bool grown = true;
  try {
    core::append_bytes(*sink, std::as_bytes(std::span(from, count)));
  } catch (const std::exception&) {
    grown = false;
  }
  if (!grown) png_error(png, "no memory is left");
}

void flush_nothing(png_structp) {}

class PngEncoder {
 public:
  PngEncoder() {
    png_ = png_create_write_struct(PNG_LIBPNG_VER_STRING, &errors_, leave, ignore_warning);
    if (png_ == nullptr) throw no_memory();
    info_ = png_create_info_struct(png_);
    if (info_ == nullptr) {
      png_destroy_write_struct(&png_, nullptr);
      throw no_memory();
    }
  }
  PngEncoder(const PngEncoder&) = delete;
  PngEncoder& operator=(const PngEncoder&) = delete;
  ~PngEncoder() { png_destroy_write_struct(&png_, &info_); }

  core::Bytes encode(const Image& image) {
    const std::size_t stride = static_cast<std::size_t>(image.width) * 3;
    bool done = guarded(errors_, [&] {
      png_set_write_fn(png_, &sink_, append_to_sink, flush_nothing);
      png_set_IHDR(png_, info_, static_cast<png_uint_32>(image.width), static_cast<png_uint_32>(image.height), 8,
                   PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
      png_write_info(png_, info_);
      for (int y = 0; y < image.height; ++y)
        png_write_row(png_, image.pixels.data() + static_cast<std::size_t>(y) * stride);
      png_write_end(png_, nullptr);
    });
    if (!done)
      throw core::RuntimeError(core::ErrorKind::kEnvironment, "an image cannot be written as PNG", errors_.message);
    return std::move(sink_);
  }

 private:
  PngErrorState errors_{};
  core::Bytes sink_;
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
};

}  // namespace

Image decode_png(std::span<const std::byte> bytes, std::string_view name) { return PngDecoder(bytes).decode(name); }

ImageSize png_size(std::span<const std::byte> bytes, std::string_view name) {
  return PngDecoder(bytes).read_header(name);
}

std::string png_version() { return fmt::format("libpng {}", png_get_libpng_ver(nullptr)); }

}  // namespace resolute::datasets::codecs

namespace resolute::datasets {

core::Bytes encode_png(const Image& image) {
  RESOLUTE_EXPECT(image.height >= 1 && image.width >= 1, "an empty image cannot be written as PNG");
  return codecs::PngEncoder().encode(image);
}

}  // namespace resolute::datasets
