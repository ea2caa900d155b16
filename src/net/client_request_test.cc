#include "net/client_request.h"

#include <string>

#include "base/strings.h"

namespace reeve::net {
namespace {

std::string read(std::string_view url) {
  const Result<EndpointUrl> read = parse_endpoint(url);
  if (!read.ok()) {
    EXPECT_EQ(read.error().code, ErrorCode::Invalid);
    return concat("! ", read.error().message);
  }
  const Endpoint& endpoint = read->endpoint;
  return concat(
      endpoint.tls ? "tls " : "plain ", endpoint.host, " ", endpoint.port, " ", read->path
  );
}

TEST(ParseEndpoint, TakesAddressesApart) {
  EXPECT_EQ(read("https://api.example.com"), "tls api.example.com 443 ");
  EXPECT_EQ(read("https://API.example.com/v1/"), "tls api.example.com 443 /v1");
  EXPECT_EQ(read("HTTP://localhost:8080/a/b"), "plain localhost 8080 /a/b");
  EXPECT_EQ(read("http://127.0.0.1"), "plain 127.0.0.1 80 ");
  EXPECT_EQ(read("http://[::1]:1/x"), "plain ::1 1 /x");
  EXPECT_EQ(read("http://my_host/"), "plain my_host 80 ");
}

TEST(ParseEndpoint, RefusesWhatIsNone) {
  const std::string scheme = "! the address begins neither with https:// nor with http://";
  EXPECT_EQ(read(""), scheme);
  EXPECT_EQ(read("api.example.com"), scheme);
  EXPECT_EQ(read("ftp://a"), scheme);
  EXPECT_EQ(read("https:/a"), scheme);
  const std::string more = "! the address has a user, a query or a fragment";
  EXPECT_EQ(read("https://u:p@a/"), more);
  EXPECT_EQ(read("https://a/?b"), more);
  EXPECT_EQ(read("https://a/#b"), more);
  const std::string host = "! the name of the host is not valid";
  EXPECT_EQ(read("https://"), host);
  EXPECT_EQ(read("https:///a"), host);
  EXPECT_EQ(read("https://a b"), host);
  EXPECT_EQ(read("https://.a"), host);
  EXPECT_EQ(read("https://::1"), host);
  EXPECT_EQ(read("https://a\r\nX: y"), host);
  EXPECT_EQ(read("https://[a]"), "! the address between brackets is not valid");
  EXPECT_EQ(read("https://[::1"), "! the address between brackets is not valid");
  const std::string port = "! the port is not a number from 1 to 65535";
  EXPECT_EQ(read("https://a:"), port);
  EXPECT_EQ(read("https://a:0"), port);
  EXPECT_EQ(read("https://a:65536"), port);
  EXPECT_EQ(read("https://a:1x"), port);
  EXPECT_EQ(read("https://[::1]8"), port);
  EXPECT_EQ(read("https://a/../b").substr(0, 2), "! ");
  EXPECT_EQ(read("https://a/ b").substr(0, 2), "! ");
}

TEST(ParseEndpoint, DoesNotTellThePasswordOfAnAddress) {
  const Result<EndpointUrl> refused = parse_endpoint("https://u:geheim@a/");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().describe().find("geheim"), std::string::npos);
}

TEST(ClientRequest, HeadsAreWhatServersExpect) {
  ClientRequest request;
  request.endpoint = Endpoint{.tls = true, .host = "a.b", .port = 443};
  request.target = "/x?y";
  request.headers = {{"Accept", "*/*"}, {"X", "1"}};
  EXPECT_EQ(
      request_head(request, 0), "GET /x?y HTTP/1.1\r\nHost: a.b\r\nAccept: */*\r\nX: 1\r\n\r\n"
  );
  request.method = "POST";
  request.endpoint = Endpoint{.tls = false, .host = "::1", .port = 8080};
  request.headers.clear();
  EXPECT_EQ(
      request_head(request, 0),
      "POST /x?y HTTP/1.1\r\nHost: [::1]:8080\r\nContent-Length: 0\r\n\r\n"
  );
  EXPECT_EQ(
      request_head(request, 12),
      "POST /x?y HTTP/1.1\r\nHost: [::1]:8080\r\nContent-Length: 12\r\n\r\n"
  );
}

TEST(ClientRequest, WhatCannotBeSentIsFoundBefore) {
  ClientRequest fine;
  fine.endpoint.host = "a";
  EXPECT_TRUE(check(fine).ok());
  const auto problem_of = [&](auto change) {
    ClientRequest request = fine;
    change(request);
    const Result<void> checked = check(request);
    return checked.ok() ? "" : checked.error().subject;
  };
  EXPECT_EQ(problem_of([](ClientRequest& r) { r.method = "G T"; }), "method");
  EXPECT_EQ(problem_of([](ClientRequest& r) { r.method = "CONNECT"; }), "method");
  EXPECT_EQ(problem_of([](ClientRequest& r) { r.target = "x"; }), "target");
  EXPECT_EQ(problem_of([](ClientRequest& r) { r.target = "/ x"; }), "target");
  EXPECT_EQ(problem_of([](ClientRequest& r) { r.target = "/x\r\nA: b"; }), "target");
  EXPECT_EQ(problem_of([](ClientRequest& r) { r.endpoint.host = ""; }), "host");
  EXPECT_EQ(problem_of([](ClientRequest& r) { r.endpoint.host = "a\r\nb"; }), "host");
  EXPECT_EQ(problem_of([](ClientRequest& r) { r.headers = {{"a b", "c"}}; }), "headers");
  EXPECT_EQ(problem_of([](ClientRequest& r) { r.headers = {{"a", "b\r\nc: d"}}; }), "headers");
  EXPECT_EQ(problem_of([](ClientRequest& r) { r.headers = {{"content-Length", "1"}}; }), "headers");
  EXPECT_EQ(problem_of([](ClientRequest& r) { r.headers = {{"Host", "b"}}; }), "headers");
}

}  // namespace
}  // namespace reeve::net
