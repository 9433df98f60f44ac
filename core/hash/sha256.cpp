#include "core/hash/sha256.h"

#define OPENSSL_SUPPRESS_DEPRECATED  // of sha256() alone
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

#include "core/error.h"

namespace resolute::core {

Sha256::Sha256() : context_(EVP_MD_CTX_new(), EVP_MD_CTX_free) {
  RESOLUTE_EXPECT(context_ != nullptr && EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) == 1,
                  "OpenSSL cannot start SHA-256");
}

void Sha256::update(std::span<const std::byte> bytes) {
  RESOLUTE_EXPECT(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1, "OpenSSL SHA-256 update failed");
}

void Sha256::update(std::string_view text) { update(std::as_bytes(std::span(text.data(), text.size()))); }

Sha256Digest Sha256::finish() {
  Sha256Digest digest{};
  unsigned int length = 0;
  RESOLUTE_EXPECT(
      EVP_DigestFinal_ex(context_.get(), reinterpret_cast<unsigned char*>(digest.data()), &length) == 1 && length == 32,
      "OpenSSL SHA-256 finish failed");
  return digest;
}

std::string Sha256::finish_hex() { return to_hex(finish()); }

std::string to_hex(std::span<const std::byte> bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (std::byte b : bytes) {
    text += kDigits[std::to_integer<unsigned>(b) >> 4];
    text += kDigits[std::to_integer<unsigned>(b) & 15];
  }
  return text;
}

// By the interface below EVP, which takes memory for every hash and five times as long for a short one: the key of a
// random stream is a hash, and loading makes a stream for every image.
Sha256Digest sha256(std::span<const std::byte> bytes) {
  SHA256_CTX context;
  Sha256Digest digest{};
  RESOLUTE_EXPECT(SHA256_Init(&context) == 1 && SHA256_Update(&context, bytes.data(), bytes.size()) == 1 &&
                      SHA256_Final(reinterpret_cast<unsigned char*>(digest.data()), &context) == 1,
                  "OpenSSL SHA-256 failed");
  return digest;
}

Sha256Digest hmac_sha256(std::string_view key, std::string_view message) {
  Sha256Digest digest{};
  unsigned int length = 0;
  const auto* made = ::HMAC(::EVP_sha256(), key.data(), static_cast<int>(key.size()),
                            reinterpret_cast<const unsigned char*>(message.data()), message.size(),
                            reinterpret_cast<unsigned char*>(digest.data()), &length);
  RESOLUTE_EXPECT(made != nullptr && length == digest.size(), "OpenSSL HMAC failed");
  return digest;
}

bool same_secret(std::string_view one, std::string_view other) {
  return one.size() == other.size() && ::CRYPTO_memcmp(one.data(), other.data(), one.size()) == 0;
}

std::string sha256_hex(std::span<const std::byte> bytes) { return to_hex(sha256(bytes)); }

std::string sha256_hex(std::string_view text) { return sha256_hex(std::as_bytes(std::span(text.data(), text.size()))); }

bool is_hexadecimal(std::string_view text) { return text.find_first_not_of("0123456789abcdef") == text.npos; }

bool is_sha256_hex(std::string_view text) { return text.size() == 64 && is_hexadecimal(text); }

}  // namespace resolute::core
