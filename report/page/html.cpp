#include "report/page/html.h"

#include <openssl/evp.h>

namespace resolute::report {

std::string png_address(const core::Bytes& png) {
  std::string base64((png.size() + 2) / 3 * 4 + 1, '\0');  // RFC 4648; it ends the text with a zero
  ::EVP_EncodeBlock(reinterpret_cast<unsigned char*>(base64.data()), reinterpret_cast<const unsigned char*>(png.data()),
                    static_cast<int>(png.size()));
  base64.pop_back();
  return "data:image/png;base64," + base64;
}

std::string escaped(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '"')
      out += "&quot;";
    else
      out += c;
  }
  return out;
}

}  // namespace resolute::report
