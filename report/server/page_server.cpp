#include "report/server/page_server.h"

#include <fmt/ranges.h>
#include <httplib.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>
#include <utility>

#include "core/error.h"
#include "core/hash/sha256.h"
#include "core/numbers.h"
#include "core/process/process.h"
#include "core/process/processors.h"

namespace resolute::report {
namespace {

// Each viewer's stream holds one thread; pages and documents need some besides.
constexpr std::size_t kThreads = kMostViewers + 16;
constexpr std::chrono::seconds kHeartbeat{5};  // after which a viewer that has gone is found
constexpr std::chrono::seconds kLookPatience{5};
constexpr int kSecondsToSend = 10;     // a piece, to a viewer who does not take it
constexpr int kSecondsToAskAgain = 1;  // by the same connection: at the end such a one is waited for

// Only this process has the port: httplib's own options share it with whoever wants it too.
void own_the_port(socket_t socket) {
  const int on = 1;
  ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
}

// A text handed out without a copy, and as it is: httplib would press it for each viewer anew.
void hand_out(httplib::Response& response, std::shared_ptr<const std::string> text, const char* type) {
  const std::size_t size = text->size();
  response.set_content_provider(size, type,
                                [text = std::move(text)](std::size_t at, std::size_t length, httplib::DataSink& sink) {
                                  // A range that a viewer asks for may reach past the end: httplib does not look.
                                  if (at >= text->size()) return false;
                                  return sink.write(text->data() + at, std::min(length, text->size() - at));
                                });
}

// A message of several lines would be several fields.
std::string one_line(std::string text) {
  for (char& c : text)
    if (c == '\n' || c == '\r') c = ' ';
  return text;
}

std::string event(std::string_view name, std::string_view data, std::string_view id = {}) {
  return fmt::format("{}event: {}\ndata: {}\n\n", id.empty() ? std::string() : fmt::format("id: {}\n", id), name, data);
}

}  // namespace

ServedAddress parse_served_address(const std::string& text) {
  const auto colon = text.rfind(':');
  ServedAddress address{text.substr(0, colon)};
  const bool bracketed = address.host.size() > 2 && address.host.front() == '[' && address.host.back() == ']';
  if (bracketed) address.host = address.host.substr(1, address.host.size() - 2);
  const auto port = colon == text.npos ? std::nullopt : core::number_of<std::uint16_t>(text.substr(colon + 1));
  const bool plain = !address.host.empty() && (bracketed || address.host.find(':') == address.host.npos) &&
                     address.host.find_first_of("/@[] \t") == address.host.npos;
  if (!port || !plain)
    throw core::input_error(fmt::format("--http '{}' is not ADDRESS:PORT", text), {},
                            "write 127.0.0.1:0 for a free port that this machine alone reaches");
  address.port = *port;
  return address;
}

// RFC 6454, section 6.2. Content-Security-Policy takes more ("*", "data:", a path, a second directive behind ";"),
// which would open the page to more than one site.
std::string parse_origin(const std::string& text) {
  const std::size_t scheme = text.starts_with("https://") ? 8 : text.starts_with("http://") ? 7 : 0;
  const std::size_t colon = text.find(':', scheme);
  const std::string host = text.substr(scheme, colon == text.npos ? text.npos : colon - scheme);
  constexpr std::string_view kSigns = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-";
  const bool plain = !host.empty() && host.find_first_not_of(kSigns) == host.npos;
  if (scheme == 0 || !plain || (colon != text.npos && !core::number_of<std::uint16_t>(text.substr(colon + 1))))
    throw core::input_error(fmt::format("--frame-ancestors '{}' is no origin", text),
                            "it has a scheme and a host alone",
                            "write it as https://hub.example.org or https://hub.example.org:8443");
  return text;
}

bool is_loopback(const ServedAddress& address) {
  return address.host == "localhost" || address.host == "::1" || address.host.starts_with("127.");
}

ReportFeed feed_with(const std::string& token, std::uint64_t edition) {
  return {fmt::format("events?token={}&edition={}", token, edition), fmt::format("document?token={}", token)};
}

// The stream to one viewer, with the news that it has sent.
class PageServer::Stream {
 public:
  Stream(Editions& editions, std::uint64_t edition, std::shared_ptr<void> place)
      : editions_(editions), viewer_(editions), place_(std::move(place)) {
    seen_.edition = edition;
  }

  // One step of the stream. \return false at its end
  bool tell(httplib::DataSink& sink) {
    const News news = first_ ? editions_.wait(seen_, std::chrono::milliseconds(0)) : editions_.wait(seen_, kHeartbeat);
    std::string text = first_ ? "retry: 2000\n\n" : "";
    first_ = false;
    if (news.edition != seen_.edition) {
      const std::string number = std::to_string(news.edition);
      text += event("changed", number, number);
    }
    if (news.words != seen_.words || news.trouble != seen_.trouble) text += event("trouble", one_line(news.words));
    if (news.ended) text += event("ended", "ended");
    seen_ = news;
    if (text.empty()) text = ":\n\n";
    if (!sink.write(text.data(), text.size())) return false;
    if (news.ended) sink.done();
    return true;
  }

 private:
  Editions& editions_;
  Editions::Viewer viewer_;
  std::shared_ptr<void> place_;
  News seen_;
  bool first_ = true;
};

class PageServer::Server {
 public:
  Server(const ServedAddress& address, std::string token, Editions& editions)
      : address_(address), token_(std::move(token)), editions_(editions) {
    http_.new_task_queue = [] { return std::make_unique<httplib::ThreadPool>(kThreads).release(); };
    http_.set_socket_options(own_the_port);
    http_.set_tcp_nodelay(true);
    http_.set_write_timeout(kSecondsToSend);
    http_.set_keep_alive_timeout(kSecondsToAskAgain);
    http_.set_payload_max_length(0);
    http_.set_default_headers(
        {{"Cache-Control", "no-store"},
         {"Content-Security-Policy",
          "frame-ancestors " + (address.frame_ancestors.empty()
                                    ? std::string("'none'")
                                    : fmt::format("{}", fmt::join(address.frame_ancestors, " ")))},
         {"Referrer-Policy", "no-referrer"},
         {"X-Accel-Buffering", "no"},  // a proxy passes events on as they come
         {"X-Content-Type-Options", "nosniff"}});
    http_.set_pre_routing_handler([this](const httplib::Request& request, httplib::Response& response) {
      answer(request, response);
      return httplib::Server::HandlerResponse::Handled;
    });
    listen();
    thread_ = std::thread([this] {
      core::give_way();
      http_.listen_after_bind();
    });
    while (!http_.is_running()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }

  ~Server() {
    editions_.end();
    // Viewers hear of the end before their streams are cut.
    for (int waited = 0; viewers_ > 0 && waited < 50; ++waited)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    http_.stop();
    thread_.join();
  }

  std::uint16_t port() const { return address_.port; }
  std::string url() const {
    const bool everywhere = address_.host == "0.0.0.0" || address_.host == "::";
    const std::string host = everywhere                                      ? core::host_name()
                             : address_.host.find(':') != address_.host.npos ? "[" + address_.host + "]"
                                                                             : address_.host;
    return fmt::format("http://{}:{}/?token={}", host, address_.port, token_);
  }

 private:
  void listen() {
    errno = 0;
    int port = address_.port;
    if (port == 0)
      port = http_.bind_to_any_port(address_.host);
    else if (!http_.bind_to_port(address_.host, port))
      port = -1;
    if (port <= 0)
      throw core::RuntimeError(core::ErrorKind::kEnvironment,
                               fmt::format("nobody can listen on '{}:{}'", address_.host, address_.port),
                               errno != 0 ? std::strerror(errno) : "it is no address of this machine",
                               "write --http 127.0.0.1:0 for a free port");
    address_.port = static_cast<std::uint16_t>(port);
  }

  void answer(const httplib::Request& request, httplib::Response& response) {
    const bool reads = request.method == "GET" || request.method == "HEAD";
    // The body of another request is not read.
    if (!reads) response.set_header("Connection", "close");
    if (!core::same_secret(request.get_param_value("token"), token_))
      response.status = 403;
    else if (!reads)
      response.status = 405;
    else if (request.path == "/")
      hand_out(response, editions_.open(kLookPatience).page, "text/html; charset=utf-8");
    else if (request.path == "/document")
      hand_out(response, editions_.open(kLookPatience).document, "application/json");
    else if (request.path == "/events")
      stream(request, response);
    else
      response.status = 404;
  }

  void stream(const httplib::Request& request, httplib::Response& response) {
    const std::shared_ptr<void> place(nullptr, [this](void*) { --viewers_; });
    if (++viewers_ > kMostViewers) {
      response.status = 503;
      return;
    }
    // After a lost connection the browser says which edition it has heard of last.
    const std::string known = request.has_header("Last-Event-ID") ? request.get_header_value("Last-Event-ID")
                                                                  : request.get_param_value("edition");
    const auto edition = core::number_of<std::uint64_t>(known);
    auto viewer = std::make_shared<Stream>(editions_, edition.value_or(0), place);
    response.set_chunked_content_provider(
        "text/event-stream", [viewer](std::size_t, httplib::DataSink& sink) { return viewer->tell(sink); });
  }

  ServedAddress address_;
  const std::string token_;
  Editions& editions_;
  std::atomic<int> viewers_{0};
  httplib::Server http_;
  std::thread thread_;
};

PageServer::PageServer(const ServedAddress& address, std::string token, Editions& editions)
    : server_(std::make_unique<Server>(address, std::move(token), editions)) {}

PageServer::~PageServer() = default;

std::string PageServer::url() const { return server_->url(); }

std::uint16_t PageServer::port() const { return server_->port(); }

}  // namespace resolute::report
