#pragma once
//! \file
//! Serves editions of a page to browsers that have its token, by HTTP and server-sent events (WHATWG HTML, §9.2).

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "report/page/page.h"
#include "report/server/editions.h"

namespace resolute::report {

//! An address to listen at.
struct ServedAddress {
  std::string host;        //!< a name or a number, of IPv6 without brackets
  std::uint16_t port = 0;  //!< 0: one that is free
  //! Origins whose pages may show this one in a frame, parse_origin(); empty: none may.
  std::vector<std::string> frame_ancestors{};
};

//! "127.0.0.1:0", "[::1]:8080", "login1:8080". \throws RuntimeError (kInput) for anything else
ServedAddress parse_served_address(const std::string& text);
//! "https://hub.example.org", with a port or without. \throws RuntimeError (kInput) for anything else
std::string parse_origin(const std::string& text);
//! Nobody on another machine reaches it.
bool is_loopback(const ServedAddress& address);

//! The page's own addresses of its events and its document, with the token.
ReportFeed feed_with(const std::string& token, std::uint64_t edition);

//! Viewers that may follow at once; more are turned away.
inline constexpr int kMostViewers = 48;

//! Serves until its end, by threads of its own. It answers 403, and nothing else, to every request without the token.
//! With the token it takes GET and HEAD of three paths: "/", the page; "/document", its document; "/events", a stream
//! of `changed` (data and id: the edition's number), `trouble` (data: the trouble with the store; empty: it is over)
//! and, at last, `ended`.
class PageServer {
 public:
  //! \throws RuntimeError (kEnvironment) where nobody can listen there
  PageServer(const ServedAddress& address, std::string token, Editions& editions);
  PageServer(const PageServer&) = delete;
  PageServer& operator=(const PageServer&) = delete;
  //! Says farewell to the viewers.
  ~PageServer();

  //! The page's address, with the token in it: everybody who has it sees the page.
  std::string url() const;
  std::uint16_t port() const;

 private:
  class Server;
  class Stream;
  std::unique_ptr<Server> server_;
};

}  // namespace resolute::report
