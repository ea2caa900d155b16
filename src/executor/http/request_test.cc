#include "executor/http/request.h"

#include <gtest/gtest.h>

namespace reeve::executor::http {
namespace {

Json input() {
  Json json = Json::object();
  json.set("verb", "POST");
  json.set("url", "https://a.example/x");
  json.set("headers", Json::array());
  json.set("body", "b");
  json.set("redirectsMax", 5);
  json.set("redirectsCrossHost", true);
  return json;
}

Json headers(const std::string& name, const std::string& value) {
  return Json::array().push(Json(Json::Object{{"name", name}, {"value", value}}));
}

std::string wrong(const Json& json) {
  const auto request = read_request(json);
  return request.ok() ? "nothing" : request.error().subject;
}

std::vector<model::NamedValue> traced(
    std::vector<model::NamedValue> headers, const std::string& parent, const std::string& state
) {
  Common common;
  common.headers = std::move(headers);
  add_trace_headers(common, {{"PATH", "/bin"}, {"TRACEPARENT", parent}, {"TRACESTATE", state}});
  return common.headers;
}

TEST(HttpTrace, RequestsCarryTheTraceOfTheirRun) {
  const std::string parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  using Headers = std::vector<model::NamedValue>;
  EXPECT_EQ(traced({}, parent, ""), (Headers{{"traceparent", parent}}));
  EXPECT_EQ(traced({}, parent, "a=1"), (Headers{{"traceparent", parent}, {"tracestate", "a=1"}}));
  EXPECT_EQ(traced({}, parent, "a=1\r\nX: y"), (Headers{{"traceparent", parent}}));
  EXPECT_EQ(traced({}, "00-x\r\nX: y", "a=1"), Headers());
  const Headers own = {{"Traceparent", "mine"}};
  EXPECT_EQ(traced(own, parent, "a=1"), own);
}

TEST(HttpInput, IsReadStrictly) {
  EXPECT_EQ(wrong(input()), "nothing");
  EXPECT_EQ(wrong(input().set("colour", 1)), "colour");
  EXPECT_EQ(wrong(input().set("verb", "TRACE")), "verb");
  EXPECT_EQ(wrong(input().set("url", 1)), "url");
  EXPECT_EQ(wrong(input().set("url", "http://a/\r\nX: y")), "url");
  EXPECT_EQ(wrong(input().set("redirectsMax", 21)), "redirectsMax");
  EXPECT_EQ(wrong(input().set("headers", headers("A", "b\nC: d"))), "headers");
  EXPECT_EQ(wrong(input().set("headers", headers("Content-Length", "3"))), "headers");
  EXPECT_EQ(wrong(input().set("headers", headers("transfer-encoding", "chunked"))), "headers");
  EXPECT_EQ(wrong(input().set("headers", Json::array().push("A: b"))), "headers");
  EXPECT_EQ(wrong(Json(3)), "input");
}

const Origin kA{"https", "a.example", "443"};
const Origin kB{"https", "b.example", "443"};

Hop post() {
  Hop hop;
  hop.verb = "POST";
  hop.url = "https://a.example/x";
  hop.headers = {
      {"Authorization", "Bearer t"},
      {"Cookie", "s=1"},
      {"X-Api-Key", "k"},
      {"Accept", "text/html"},
      {"Content-Type", "application/json"}};
  hop.has_body = true;
  hop.body = "{}";
  return hop;
}

std::string names(const Hop& hop) {
  std::string names;
  for (const auto& [name, value] : hop.headers) {
    names += name + " ";
  }
  return names;
}

TEST(Redirects, KeepEverythingAtTheSameOrigin) {
  const auto next = redirected(post(), 307, kA, kA, "https://a.example/y", false);
  ASSERT_TRUE(next.ok());
  EXPECT_EQ(next->verb, "POST");
  EXPECT_EQ(next->url, "https://a.example/y");
  EXPECT_EQ(next->body, "{}");
  EXPECT_EQ(next->headers, post().headers);
}

TEST(Redirects, TakeNoCredentialsToAnotherHost) {
  const auto next = redirected(post(), 303, kA, kB, "https://b.example/", true);
  ASSERT_TRUE(next.ok());
  EXPECT_EQ(next->verb, "GET");
  EXPECT_FALSE(next->has_body);
  EXPECT_EQ(names(*next), "Accept ");
}

TEST(Redirects, TakeNoCredentialsToAnotherPortOfTheHost) {
  const Origin port{"https", "a.example", "8443"};
  const auto next = redirected(post(), 302, kA, port, "https://a.example:8443/", false);
  ASSERT_TRUE(next.ok());
  EXPECT_EQ(names(*next), "Accept ");
}

TEST(Redirects, KeepCredentialsWhenTlsIsTakenUp) {
  const Origin plain{"http", "a.example", "80"};
  const auto next = redirected(post(), 308, plain, kA, "https://a.example/", false);
  ASSERT_TRUE(next.ok());
  EXPECT_EQ(next->headers, post().headers);
}

TEST(Redirects, NeverLeaveTls) {
  const Origin plain{"http", "a.example", "80"};
  EXPECT_FALSE(redirected(post(), 303, kA, plain, "http://a.example/", true).ok());
}

TEST(Redirects, NeverTakeABodyToAnotherHost) {
  EXPECT_FALSE(redirected(post(), 307, kA, kB, "https://b.example/", true).ok());
  Hop get = post();
  get.verb = "GET";
  get.has_body = false;
  EXPECT_TRUE(redirected(get, 307, kA, kB, "https://b.example/", true).ok());
}

TEST(Redirects, StayAtTheHostIfThePolicySaysSo) {
  EXPECT_FALSE(redirected(post(), 303, kA, kB, "https://b.example/", false).ok());
}

TEST(Redirects, ChangeTheVerbAsBrowsersDo) {
  const auto verb = [](const char* before, int status) {
    Hop hop = post();
    hop.verb = before;
    return redirected(hop, status, kA, kA, "https://a.example/", true)->verb;
  };
  EXPECT_EQ(verb("POST", 301), "GET");
  EXPECT_EQ(verb("POST", 302), "GET");
  EXPECT_EQ(verb("PUT", 302), "PUT");
  EXPECT_EQ(verb("PUT", 303), "GET");
  EXPECT_EQ(verb("HEAD", 303), "HEAD");
  EXPECT_EQ(verb("DELETE", 308), "DELETE");
  EXPECT_TRUE(is_redirect(301));
  EXPECT_FALSE(is_redirect(304));
  EXPECT_FALSE(is_redirect(300));
}

TEST(Responses, AreLoggedIfPeopleCanReadThem) {
  for (const char* type :
       {"text/html; charset=utf-8",
        "application/json",
        "Application/Problem+JSON",
        "image/svg+xml"}) {
    EXPECT_TRUE(is_text(type)) << type;
  }
  for (const char* type : {"", "application/octet-stream", "image/png", "application/zip"}) {
    EXPECT_FALSE(is_text(type)) << type;
  }
}

TEST(Authorities, ComeFromAFileWithCertificates) {
  Common common;
  EXPECT_EQ(make_policy(common)->authorities, "");
  common.ca_file = "/nonexistent";
  EXPECT_EQ(make_policy(common).error().subject, "caFile");
  common.ca_file = "/etc/passwd";
  EXPECT_EQ(make_policy(common).error().subject, "caFile");
}

}  // namespace
}  // namespace reeve::executor::http
