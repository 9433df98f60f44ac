// The page over HTTP: who gets it, who does not, and what a stream of events says.

#include "report/server/page_server.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <httplib.h>

#include <atomic>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <thread>

#include "core/error.h"
#include "tests/support/wait.h"

namespace resolute::report::page_server_test {
namespace {

using testing::HasSubstr;

const std::string kToken = "00112233445566778899aabbccddeeff";

bool eventually(const std::function<bool()>& holds) {
  return tests::wait_until(holds, tests::kPatience, std::chrono::milliseconds(5));
}

std::string with_token(const std::string& path) { return path + "?token=" + kToken; }

class PageServerTest : public testing::Test {
 protected:
  PageServerTest() { publish("{\"one\":1}"); }
  void publish(const std::string& document) {
    editions_.publish(document, [&](std::uint64_t number) { return "page " + std::to_string(number); });
  }
  httplib::Client client() const { return httplib::Client("127.0.0.1", server_->port()); }
  // The text of a stream up to `last`, or its end.
  std::string stream(const std::string& query, const std::string& last, const httplib::Headers& headers = {}) const {
    auto viewer = client();
    std::string text;
    viewer.set_read_timeout(30);
    viewer.Get(with_token("/events") + query, headers, [&](const char* data, std::size_t size) {
      if (text.empty()) ++following_;
      text.append(data, size);
      return text.find(last) == text.npos;
    });
    return text;
  }

  mutable std::atomic<int> following_{0};  // streams that have said something
  Editions editions_;
  std::unique_ptr<PageServer> server_ = std::make_unique<PageServer>(ServedAddress{"127.0.0.1", 0}, kToken, editions_);
};

TEST_F(PageServerTest, without_the_token_there_is_403_and_nothing_else) {
  auto anybody = client();
  const std::string half = kToken.substr(1);
  for (const std::string path : {"/", "/document", "/events", "/nothing", "/../../etc/passwd"})
    for (const std::string& query : {std::string(), std::string("?token="), "?token=" + half, "?token=" + half + "0",
                                     "?token=" + kToken + "0", "?Token=" + kToken, "?token=x&token=" + kToken}) {
      for (const auto& answer : {anybody.Get(path + query), anybody.Post(path + query), anybody.Delete(path + query),
                                 anybody.Options(path + query), anybody.Head(path + query)}) {
        ASSERT_TRUE(answer) << path << query;
        EXPECT_EQ(answer->status, 403) << path << query;
        EXPECT_EQ(answer->body, "");
        EXPECT_FALSE(answer->has_header("Content-Type"));
      }
    }
}

TEST_F(PageServerTest, a_range_past_the_end_gives_nothing_that_is_behind_it) {
  const std::string document = std::string(5000, 'd');
  publish(document);
  const Editions::Viewer follows(editions_);
  for (const char* range : {"bytes=0-99999999", "bytes=4990-999999", "bytes=6000-7000", "bytes=-99999"}) {
    auto viewer = client();
    viewer.set_read_timeout(2);
    std::string got;
    viewer.Get(with_token("/document"), {{"Range", range}}, [&](const char* data, std::size_t size) {
      got.append(data, size);
      return true;
    });
    EXPECT_LE(got.size(), document.size()) << range;
    EXPECT_EQ(got.find_first_not_of('d'), got.npos) << range;
  }
}

TEST_F(PageServerTest, with_the_token_the_page_and_its_document_are_there) {
  auto viewer = client();
  EXPECT_EQ(server_->url(), "http://127.0.0.1:" + std::to_string(server_->port()) + with_token("/"));
  {
    const Editions::Viewer follows(editions_);
    const auto page = viewer.Get(with_token("/"));
    ASSERT_TRUE(page);
    EXPECT_EQ(page->body, "page 1");
    EXPECT_EQ(page->get_header_value("Content-Type"), "text/html; charset=utf-8");
    EXPECT_EQ(page->get_header_value("Cache-Control"), "no-store");
    EXPECT_EQ(page->get_header_value("Referrer-Policy"), "no-referrer") << "the token is in the address";
    const auto document = viewer.Get(with_token("/document"), {{"Accept-Encoding", "gzip, br"}});
    ASSERT_TRUE(document);
    EXPECT_EQ(document->body, "{\"one\":1}");
    EXPECT_FALSE(document->has_header("Content-Encoding"));
    const auto head = viewer.Head(with_token("/document"));
    ASSERT_TRUE(head);
    EXPECT_EQ(head->get_header_value("Content-Length"), "9");
  }
  EXPECT_EQ(viewer.Get(with_token("/nothing"))->status, 404);
  EXPECT_EQ(viewer.Post(with_token("/document"), std::string(100'000, 'x'), "text/plain")->status, 405);
}

TEST_F(PageServerTest, a_stream_says_what_the_page_does_not_know) {
  EXPECT_EQ(stream("&edition=0", "data: 1\n\n"), "retry: 2000\n\nid: 1\nevent: changed\ndata: 1\n\n");
  EXPECT_EQ(stream("&edition=x", "data: 1\n\n"), stream("", "data: 1\n\n")) << "who says nothing knows nothing";
  auto heard = std::async(std::launch::async, [&] { return stream("&edition=1", "data: 2\n\n"); });
  EXPECT_TRUE(eventually([&] { return editions_.wanted(); }));
  publish("{}");
  EXPECT_EQ(heard.get(), "retry: 2000\n\nid: 2\nevent: changed\ndata: 2\n\n");
  EXPECT_THAT(stream("&edition=1", "\n\n", {{"Last-Event-ID", "2"}}), testing::Not(HasSubstr("changed")))
      << "after a lost connection";
}

TEST_F(PageServerTest, trouble_is_one_line_and_goes_away_again) {
  auto heard = std::async(std::launch::async, [&] { return stream("&edition=1", "data: \n\n"); });
  EXPECT_TRUE(eventually([&] { return following_ == 1; }));
  editions_.fail("no\nid: 7\rdisk");
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  publish("{\"one\":1}");
  EXPECT_EQ(heard.get(), "retry: 2000\n\nevent: trouble\ndata: no id: 7 disk\n\nevent: trouble\ndata: \n\n");
}

TEST_F(PageServerTest, the_end_is_said_to_every_viewer) {
  std::deque<std::future<std::string>> viewers;
  for (int i = 0; i < 10; ++i)
    viewers.push_back(std::async(std::launch::async, [&] { return stream("&edition=1", "event: ended"); }));
  EXPECT_TRUE(eventually([&] { return following_ == 10; }));
  server_.reset();
  for (auto& viewer : viewers) EXPECT_THAT(viewer.get(), HasSubstr("event: ended\ndata: ended\n\n"));
  EXPECT_FALSE(editions_.wanted());
}

TEST_F(PageServerTest, viewers_over_the_limit_are_turned_away_and_the_page_is_still_there) {
  std::deque<std::future<std::string>> viewers;
  for (int i = 0; i < kMostViewers; ++i)
    viewers.push_back(std::async(std::launch::async, [&] { return stream("&edition=1", "event: ended"); }));
  EXPECT_TRUE(eventually([&] {
    // One that is let in is gone as soon as it has read something.
    int status = 0;
    client().Get(
        with_token("/events"),
        [&](const httplib::Response& answer) {
          status = answer.status;
          return false;
        },
        [](const char*, std::size_t) { return false; });
    return status == 503;
  }));
  EXPECT_EQ(client().Get(with_token("/"))->body, "page 1");
  server_.reset();
  for (auto& viewer : viewers) viewer.get();
}

// Each answer says who may show it in a frame.
std::string frames_of(std::uint16_t port) {
  if (const auto answer = httplib::Client("127.0.0.1", port).Get(with_token("/nothing")))
    for (const auto& header : answer->headers)
      if (header.first == "Content-Security-Policy") return header.second;
  return {};
}

TEST_F(PageServerTest, a_frame_shows_it_only_on_the_pages_that_were_named) {
  EXPECT_EQ(frames_of(server_->port()), "frame-ancestors 'none'");
  const ServedAddress framed{"127.0.0.1", 0, {"https://hub.example.org", "http://10.0.0.1:8000"}};
  Editions editions;
  const PageServer server(framed, kToken, editions);
  EXPECT_EQ(frames_of(server.port()), "frame-ancestors https://hub.example.org http://10.0.0.1:8000");
}

TEST(Origin, is_a_scheme_and_a_host_with_a_port_or_without) {
  for (const char* good : {"https://hub.example.org", "http://localhost:8888", "https://10.0.0.1"})
    EXPECT_EQ(parse_origin(good), good);
  for (const char* bad :
       {"", "*", "hub.example.org", "https://", "https://hub.example.org/", "https://a b", "https://a; script-src *",
        "https://*.example.org", "'self'", "data:", "https://hub:", "https://hub:99999", "https://hub:1:2",
        "https://hub\r\nX: y", "ftp://hub", "https://user@hub"})
    EXPECT_THROW(parse_origin(bad), core::RuntimeError) << bad;
}

TEST_F(PageServerTest, a_port_belongs_to_one) {
  const ServedAddress taken{"127.0.0.1", server_->port()};
  try {
    const PageServer second(taken, kToken, editions_);
    FAIL() << "two listen on one port";
  } catch (const core::RuntimeError& error) {
    EXPECT_THAT(error.what(), HasSubstr("nobody can listen on '127.0.0.1:"));
    EXPECT_THAT(error.what(), HasSubstr("in use"));
  }
}

TEST(ServedAddressText, is_a_host_and_a_port) {
  const auto read = [](const std::string& text) {
    const ServedAddress address = parse_served_address(text);
    return std::pair(address.host, int{address.port});
  };
  EXPECT_EQ(read("127.0.0.1:0"), std::pair(std::string("127.0.0.1"), 0));
  EXPECT_EQ(read("[::1]:65535"), std::pair(std::string("::1"), 65535));
  EXPECT_EQ(read("login-1.cluster:80"), std::pair(std::string("login-1.cluster"), 80));
  for (const char* wrong : {"", ":", "127.0.0.1", "127.0.0.1:", ":80", "::1:80", "127.0.0.1:65536", "127.0.0.1:-1",
                            "127.0.0.1:8 ", "http://127.0.0.1:80", "a b:80", "[]:80", "user@host:80"})
    EXPECT_THROW(parse_served_address(wrong), core::RuntimeError) << wrong;
  EXPECT_TRUE(is_loopback(parse_served_address("127.1.2.3:0")));
  EXPECT_TRUE(is_loopback(parse_served_address("[::1]:0")));
  EXPECT_FALSE(is_loopback(parse_served_address("0.0.0.0:0")));
}

}  // namespace
}  // namespace resolute::report::page_server_test
