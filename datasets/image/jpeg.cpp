#include <cstdio>
// jpeglib.h needs FILE and size_t declared before it.
#include <jerror.h>
#include <jpeglib.h>

#include <algorithm>
#include <csetjmp>
#include <cstdlib>

#include "datasets/image/codecs.h"

// libjpeg reports errors by a callback that must not return. Exceptions must not cross its C frames, so the callback
// jumps back to guarded(), whose body owns nothing that needs a destructor.

namespace resolute::datasets::codecs {
namespace {

constexpr JDIMENSION kRowsAtOnce = 16;  // as many as a block row of chroma makes: the library has them together
constexpr int kMaxScans = 200;  // a progressive file of a few KiB can ask for thousands of passes over a large image

struct JpegErrorState {
  jpeg_error_mgr manager;  // first: libjpeg hands back a pointer to it
  std::jmp_buf jump;
  char message[JMSG_LENGTH_MAX];
  bool fill;   // data that end early are filled; false while the header is read
  bool ended;  // they did
};

[[noreturn]] void leave(j_common_ptr common) {
  auto* state = reinterpret_cast<JpegErrorState*>(common->err);
  state->manager.format_message(common, state->message);
  std::longjmp(state->jump, 1);
}

// Warnings about anything that changes pixels end the decoding: libjpeg would fill the rest with grey. Where that is
// asked for, all that follows the end of the data follows from it; what is damaged before is refused still.
void on_message(j_common_ptr common, int level) {
  if (level >= 0) return;
  auto* state = reinterpret_cast<JpegErrorState*>(common->err);
  state->ended = state->ended || common->err->msg_code == JWRN_JPEG_EOF;
  if (state->ended && state->fill) return;
  switch (common->err->msg_code) {
    case JWRN_ADOBE_XFORM:
    case JWRN_JFIF_MAJOR:
    case JWRN_EXTRANEOUS_DATA:
    case JWRN_TOO_MUCH_DATA:
    case JWRN_BOGUS_ICC:
    case JWRN_NOT_SEQUENTIAL:
      return;
    default:
      leave(common);
  }
}

void on_progress(j_common_ptr common) {
  auto* decoder = reinterpret_cast<j_decompress_ptr>(common);
  if (common->is_decompressor && decoder->input_scan_number > kMaxScans) {
    common->err->msg_code = JERR_BAD_PROGRESSION;
    leave(common);
  }
}

void silent(j_common_ptr) {}

jpeg_error_mgr* install(JpegErrorState& state) {
  jpeg_error_mgr* manager = jpeg_std_error(&state.manager);
  manager->error_exit = leave;
  manager->emit_message = on_message;
  manager->output_message = silent;
  return manager;
}

// Runs `body`; false if libjpeg jumped out of it. The body may own nothing with a destructor.
template <class Body>
bool guarded(JpegErrorState& state, const Body& body) {
  if (setjmp(state.jump) != 0) return false;
  body();
  return true;
}

// A new one for each image: one that is used again would keep the tables of the image before for a file that lacks its
// own.
class JpegDecoder {
 public:
  JpegDecoder() {
    decoder_.err = install(errors_);
    progress_.progress_monitor = on_progress;
  }
  JpegDecoder(const JpegDecoder&) = delete;
  JpegDecoder& operator=(const JpegDecoder&) = delete;
  ~JpegDecoder() { jpeg_destroy_decompress(&decoder_); }

  ImageSize read_header(std::span<const std::byte> bytes, std::string_view name) {
    bool begun = guarded(errors_, [&] {
      jpeg_create_decompress(&decoder_);
      decoder_.progress = &progress_;
      jpeg_mem_src(&decoder_, reinterpret_cast<const unsigned char*>(bytes.data()),
                   static_cast<unsigned long>(bytes.size()));
      jpeg_read_header(&decoder_, TRUE);
    });
    if (!begun) throw undecodable(name, errors_.message);
    if (decoder_.jpeg_color_space == JCS_CMYK || decoder_.jpeg_color_space == JCS_YCCK)
      throw core::input_error(fmt::format("image '{}' is a CMYK JPEG", name), "only grey and colour images are read",
                              "convert it to RGB");
    return checked_size(decoder_.image_height, decoder_.image_width, name);
  }

  bool decode(std::span<const std::byte> bytes, std::string_view name, Image& to, TruncatedImages truncated) {
    const ImageSize size = read_header(bytes, name);
    errors_.fill = truncated == TruncatedImages::kFilled;
    set_size(to, size);
    bool done = guarded(errors_, [&] {
      decoder_.out_color_space = JCS_RGB;
      decoder_.dct_method = JDCT_ISLOW;
      jpeg_start_decompress(&decoder_);
      while (decoder_.output_scanline < decoder_.output_height) {
        JSAMPROW rows[kRowsAtOnce];
        for (JDIMENSION i = 0; i < kRowsAtOnce; ++i)
          rows[i] = to.pixels.data() + std::size_t{std::min(decoder_.output_scanline + i, decoder_.output_height - 1)} *
                                           decoder_.output_width * 3;
        jpeg_read_scanlines(&decoder_, rows, kRowsAtOnce);
      }
      jpeg_finish_decompress(&decoder_);
    });
    if (!done && errors_.ended && !errors_.fill)
      throw undecodable(
          name, errors_.message,
          "fetch the file again; if the data set came so, truncated_images = \"filled\", in data ingest and "
          "embed --truncated-images filled");
    if (!done) throw undecodable(name, errors_.message);
    return errors_.ended;
  }

 private:
  JpegErrorState errors_{};
  jpeg_progress_mgr progress_{};
  jpeg_decompress_struct decoder_{};
};

class JpegEncoder {
 public:
  JpegEncoder() { encoder_.err = install(errors_); }
  JpegEncoder(const JpegEncoder&) = delete;
  JpegEncoder& operator=(const JpegEncoder&) = delete;
  ~JpegEncoder() {
    jpeg_destroy_compress(&encoder_);
    std::free(buffer_);
  }

  core::Bytes encode(const Image& image, int quality, Chroma chroma) {
    bool done = guarded(errors_, [&] {
      jpeg_create_compress(&encoder_);
      jpeg_mem_dest(&encoder_, &buffer_, &size_);
      encoder_.image_width = static_cast<JDIMENSION>(image.width);
      encoder_.image_height = static_cast<JDIMENSION>(image.height);
      encoder_.input_components = 3;
      encoder_.in_color_space = JCS_RGB;
      jpeg_set_defaults(&encoder_);
      jpeg_set_quality(&encoder_, quality, TRUE);
      encoder_.dct_method = JDCT_ISLOW;
      // Samples of luma beside one of chroma; libjpeg's own default is 2 by 2.
      encoder_.comp_info[0].h_samp_factor = encoder_.comp_info[0].v_samp_factor = chroma == Chroma::kHalved ? 2 : 1;
      jpeg_start_compress(&encoder_, TRUE);
      while (encoder_.next_scanline < encoder_.image_height) {
        const std::size_t at = std::size_t{encoder_.next_scanline} * encoder_.image_width * 3;
        // libjpeg's rows are not const, and it does not write to them.
        auto row = const_cast<JSAMPROW>(image.pixels.data() + at);
        jpeg_write_scanlines(&encoder_, &row, 1);
      }
      jpeg_finish_compress(&encoder_);
    });
    if (!done)
      throw core::RuntimeError(core::ErrorKind::kEnvironment, "an image cannot be written as JPEG", errors_.message);
    const auto* from = reinterpret_cast<const std::byte*>(buffer_);
    return core::Bytes(from, from + size_);
  }

 private:
  JpegErrorState errors_{};
  jpeg_compress_struct encoder_{};
  unsigned char* buffer_ = nullptr;
  unsigned long size_ = 0;
};

}  // namespace

bool decode_jpeg(std::span<const std::byte> bytes, std::string_view name, Image& to, TruncatedImages truncated) {
  return JpegDecoder().decode(bytes, name, to, truncated);
}

ImageSize jpeg_size(std::span<const std::byte> bytes, std::string_view name) {
  return JpegDecoder().read_header(bytes, name);
}

#define RESOLUTE_TEXT_OF(x) #x
#define RESOLUTE_TEXT(x) RESOLUTE_TEXT_OF(x)
std::string jpeg_version() { return "libjpeg-turbo " RESOLUTE_TEXT(LIBJPEG_TURBO_VERSION) " islow"; }
#undef RESOLUTE_TEXT
#undef RESOLUTE_TEXT_OF

}  // namespace resolute::datasets::codecs

namespace resolute::datasets {

core::Bytes encode_jpeg(const Image& image, int quality, Chroma chroma) {
  RESOLUTE_EXPECT(quality >= 1 && quality <= 100, "a JPEG quality is 1 to 100");
  RESOLUTE_EXPECT(image.height >= 1 && image.width >= 1, "an empty image cannot be written as JPEG");
  return codecs::JpegEncoder().encode(image, quality, chroma);
}

}  // namespace resolute::datasets
