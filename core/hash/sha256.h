#pragma once
//! \file
//! SHA-256 (FIPS 180-4) through OpenSSL: the identity of jobs, packs, images and weights, and what proves a secret.

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

struct evp_md_ctx_st;  // OpenSSL's EVP_MD_CTX

namespace resolute::core {

using Sha256Digest = std::array<std::byte, 32>;

//! A hash that is fed piece by piece. Not shared between threads.
class Sha256 {
 public:
  Sha256();
  void update(std::span<const std::byte> bytes);
  void update(std::string_view text);
  //! The digest of everything fed so far; call it once, last.
  Sha256Digest finish();
  //! finish() as 64 lower-case hexadecimal digits.
  std::string finish_hex();

 private:
  std::unique_ptr<evp_md_ctx_st, void (*)(evp_md_ctx_st*)> context_;
};

std::string to_hex(std::span<const std::byte> bytes);
Sha256Digest sha256(std::span<const std::byte> bytes);
//! HMAC-SHA256 (RFC 2104) through OpenSSL: what only a holder of `key` can say of `message`.
Sha256Digest hmac_sha256(std::string_view key, std::string_view message);
//! True if two texts are the same, in a time that does not tell where they differ.
bool same_secret(std::string_view one, std::string_view other);
//! 64 lower-case hexadecimal digits.
std::string sha256_hex(std::span<const std::byte> bytes);
std::string sha256_hex(std::string_view text);
bool is_hexadecimal(std::string_view text);  //!< lower-case digits and nothing else
//! True for exactly 64 lower-case hexadecimal digits.
bool is_sha256_hex(std::string_view text);

}  // namespace resolute::core
