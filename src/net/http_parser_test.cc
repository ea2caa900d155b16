#include "net/http_parser.h"

#include <string>
#include <string_view>
#include <vector>

#include "base/strings.h"

namespace reeve::net {
namespace {

constexpr ParserLimits kSmall{
    .request_line_bytes_max = 60,
    .header_bytes_max = 120,
    .headers_max = 5,
    .body_bytes_max = 20,
    .method_bytes_max = 10,
    .chunk_line_bytes_max = 16,
    .trailer_bytes_max = 40,
    .query_parameters_max = 4};

/// What became of the bytes of one connection: the requests, then "…" for an unfinished one, or the
/// status of the refusal.
std::string read_all(
    std::string_view bytes, std::size_t step, const ParserLimits& limits = kSmall
) {
  Parser parser(limits);
  std::string out;
  std::size_t at = 0;
  while (at < bytes.size() && !parser.failed()) {
    const std::string_view piece = bytes.substr(at, step);
    at += parser.feed(piece);
    if (parser.complete()) {
      const ParsedRequest request = parser.take();
      out += concat(request.method, " ", request.target.path, " [", request.body, "]");
      out += request.keep_alive ? "; " : " close; ";
    }
  }
  if (parser.failed()) {
    out += std::to_string(parser.failure().status);
    EXPECT_FALSE(parser.failure().message.empty());
  } else if (!parser.idle()) {
    out += "…";
  }
  return out;
}

struct Vector {
  const char* name;
  std::string bytes;
  const char* outcome;
};

void expect_outcomes(const std::vector<Vector>& vectors) {
  for (const Vector& vector : vectors) {
    EXPECT_EQ(read_all(vector.bytes, 1'000'000), vector.outcome) << vector.name;
    // However the bytes arrive, they mean the same.
    for (const std::size_t step : {1U, 2U, 3U, 7U}) {
      EXPECT_EQ(read_all(vector.bytes, step), vector.outcome) << vector.name << " by " << step;
    }
  }
}

TEST(Parser, ReadsRequestsThatAreWellFormed) {
  expect_outcomes({
      {"simple", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET / []; "},
      {"two",
       "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n",
       "GET /1 []; GET /2 []; "},
      {"unfinished", "GET / HTTP/1.1\r\nHost: a\r\n", "…"},
      {"nothing", "", ""},
      {"empty line first", "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET / []; "},
      {"close", "GET / HTTP/1.1\r\nHost: a\r\nConnection: x , Close\r\n\r\n", "GET / [] close; "},
      {"old", "GET / HTTP/1.0\r\n\r\n", "GET / [] close; "},
      {"newer minor", "GET / HTTP/1.2\r\nHost: a\r\n\r\n", "GET / []; "},
      {"body", "PUT /b HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", "PUT /b [hello]; "},
      {"no body", "PUT /b HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", "PUT /b []; "},
      {"same length twice",
       "PUT /b HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-length: 2\r\n\r\nab",
       "PUT /b [ab]; "},
      {"body and next",
       "PUT /b HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nabGET / HTTP/1.1\r\nHost: a\r\n\r\n",
       "PUT /b [ab]; GET / []; "},
      {"chunks",
       "PUT /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n"
       "3\r\nabc\r\n0A;x=\"y\"\r\n0123456789\r\n0\r\n\r\n",
       "PUT /c [abc0123456789]; "},
      {"trailers",
       "PUT /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n"
       "Sum: 1\r\nContent-Length: 9\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
       "PUT /c [a]; GET / []; "},
      {"absolute", "GET http://h:80/p?q HTTP/1.1\r\nHost: h:80\r\n\r\n", "GET /p []; "},
      {"server", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "OPTIONS * []; "},
      {"empty host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", "GET / []; "},
      {"odd value", "GET / HTTP/1.1\r\nHost: a\r\nX: \t a\tb\xc3\xa9 \t\r\n\r\n", "GET / []; "},
  });
}

TEST(Parser, RefusesRequestLinesThatAreNotOne) {
  expect_outcomes({
      {"TLS", std::string("\x16\x03\x01", 3), "400"},
      {"empty lines", "\r\n\r\nGET / HTTP/1.1\r\n", "400"},
      {"bare LF", "GET / HTTP/1.1\nHost: a\r\n\r\n", "400"},
      {"bare CR", "GET / HTTP/1.1\rX: y\r\nHost: a\r\n\r\n", "400"},
      {"CR CR LF", "GET / HTTP/1.1\r\r\nHost: a\r\n\r\n", "400"},
      {"no version", "GET /\r\n\r\n", "400"},
      {"only method", "GET\r\n\r\n", "400"},
      {"two spaces", "GET  / HTTP/1.1\r\n\r\n", "400"},
      {"tab", "GET\t/ HTTP/1.1\r\n\r\n", "400"},
      {"space in the target", "GET /a b HTTP/1.1\r\n\r\n", "400"},
      {"space at the end", "GET / HTTP/1.1 \r\n\r\n", "400"},
      {"small letters", "GET / http/1.1\r\n\r\n", "400"},
      {"method", "G(T / HTTP/1.1\r\n\r\n", "400"},
      {"odd version", "GET / HTTP/1.10\r\n\r\n", "400"},
      {"HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "505"},
      {"HTTP/0.9", "GET / HTTP/0.9\r\n\r\n", "505"},
      {"CONNECT", "CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", "501"},
      {"long method", "ABCDEFGHIJK / HTTP/1.1\r\n\r\n", "501"},
      {"star", "GET * HTTP/1.1\r\nHost: a\r\n\r\n", "400"},
      {"target", "GET a HTTP/1.1\r\nHost: a\r\n\r\n", "400"},
      {"dots", "GET /a/../b HTTP/1.1\r\nHost: a\r\n\r\n", "400"},
      {"parameters", "GET /?a&b&c&d&e HTTP/1.1\r\nHost: a\r\n\r\n", "400"},
      {"long", concat("GET /", std::string(60, 'a'), " HTTP/1.1\r\n\r\n"), "414"},
      {"endless", std::string(100, 'A'), "414"},
  });
}

TEST(Parser, RefusesFieldsThatCouldBeReadInTwoWays) {
  const std::string start = "GET / HTTP/1.1\r\n";
  expect_outcomes({
      {"no host", concat(start, "X: y\r\n\r\n"), "400"},
      {"two hosts", concat(start, "Host: a\r\nhost: a\r\n\r\n"), "400"},
      {"two hosts in 1.0", "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", "400"},
      {"bad host", concat(start, "Host: a@b\r\n\r\n"), "400"},
      {"space before colon", concat(start, "Host : a\r\n\r\n"), "400"},
      {"no colon", concat(start, "Host: a\r\nfoo\r\n\r\n"), "400"},
      {"no name", concat(start, "Host: a\r\n: foo\r\n\r\n"), "400"},
      {"folded", concat(start, "Host: a\r\nX: y\r\n z\r\n\r\n"), "400"},
      {"folded first", concat(start, " Host: a\r\n\r\n"), "400"},
      {"bare LF", concat(start, "Host: a\nX: y\r\n\r\n"), "400"},
      {"bare CR", concat(start, "Host: a\rX: y\r\n\r\n"), "400"},
      {"NUL", concat(start, "Host: a\r\nX: ", std::string(1, '\0'), "\r\n\r\n"), "400"},
      {"DEL", concat(start, "Host: a\r\nX: \x7f\r\n\r\n"), "400"},
      {"six", concat(start, "Host: a\r\nA: 1\r\nB: 1\r\nC: 1\r\nD: 1\r\nE: 1\r\n\r\n"), "431"},
      {"long", concat(start, "Host: a\r\nX: ", std::string(120, 'x'), "\r\n\r\n"), "431"},
      {"long in pieces",
       concat(start, "A: ", std::string(60, 'x'), "\r\nB: ", std::string(60, 'x'), "\r\n\r\n"),
       "431"},
      {"endless", concat(start, "Host: a\r\nX: ", std::string(300, 'x')), "431"},
      {"expectation", concat(start, "Host: a\r\nExpect: tea\r\n\r\n"), "417"},
  });
}

TEST(Parser, RefusesBodiesWhoseLengthIsInDoubt) {
  const std::string start = "PUT / HTTP/1.1\r\nHost: a\r\n";
  const std::string chunked = concat(start, "Transfer-Encoding: chunked\r\n\r\n");
  expect_outcomes({
      {"two lengths", concat(start, "Content-Length: 1\r\nContent-Length: 2\r\n\r\na"), "400"},
      {"list", concat(start, "Content-Length: 1, 1\r\n\r\na"), "400"},
      {"sign", concat(start, "Content-Length: +1\r\n\r\na"), "400"},
      {"hex", concat(start, "Content-Length: 0x1\r\n\r\na"), "400"},
      {"empty", concat(start, "Content-Length:\r\n\r\na"), "400"},
      {"too long", concat(start, "Content-Length: 21\r\n\r\n"), "413"},
      {"far too long", concat(start, "Content-Length: 18446744073709551617\r\n\r\n"), "413"},
      {"both", concat(start, "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"), "400"},
      {"old", "PUT / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", "400"},
      {"gzip", concat(start, "Transfer-Encoding: gzip, chunked\r\n\r\n"), "501"},
      {"identity", concat(start, "Transfer-Encoding: identity\r\n\r\n"), "501"},
      {"twice", concat(start, "Transfer-Encoding: chunked, chunked\r\n\r\n"), "400"},
      {"two lines",
       concat(start, "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"),
       "400"},
      {"vertical tab", concat(start, "Transfer-Encoding: \vchunked\r\n\r\n"), "400"},
      {"nothing", concat(start, "Transfer-Encoding:\r\n\r\n"), "400"},
      {"no size", concat(chunked, "\r\n"), "400"},
      {"no hex", concat(chunked, "g\r\n"), "400"},
      {"0x", concat(chunked, "0x1\r\na\r\n"), "400"},
      {"negative", concat(chunked, "-1\r\n"), "400"},
      {"space after size", concat(chunked, "1 \r\na\r\n"), "400"},
      {"bare LF after size", concat(chunked, "1\na\r\n"), "400"},
      {"more than its size", concat(chunked, "1\r\nab\r\n"), "400"},
      {"more than its size, and then nothing", concat(chunked, "1\r\nab"), "400"},
      {"bare LF after data", concat(chunked, "1\r\na\n0\r\n\r\n"), "400"},
      {"overflow", concat(chunked, "10000000000000001\r\n"), "400"},
      {"huge", concat(chunked, "ffffffffffffffff\r\n"), "413"},
      {"too much", concat(chunked, "14\r\n01234567890123456789\r\n1\r\na\r\n"), "413"},
      {"long extension", concat(chunked, "1;", std::string(20, 'x'), "\r\na\r\n"), "400"},
      {"control in extension", concat(chunked, "1;\x01\r\na\r\n"), "400"},
      {"bad trailer", concat(chunked, "0\r\nfoo\r\n\r\n"), "400"},
      {"folded trailer", concat(chunked, "0\r\nA: b\r\n c\r\n\r\n"), "400"},
      {"long trailers", concat(chunked, "0\r\nA: ", std::string(50, 'x'), "\r\n\r\n"), "431"},
      {"many trailers",
       concat(chunked, "0\r\nA:1\r\nA:1\r\nA:1\r\nA:1\r\nA:1\r\nA:1\r\n\r\n"),
       "431"},
  });
}

TEST(Parser, TakesNothingBeyondTheEndOfARequest) {
  Parser parser;
  const std::string request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  EXPECT_EQ(parser.feed(concat(request, "GET")), request.size());
  ASSERT_TRUE(parser.complete());
  EXPECT_EQ(parser.feed("GET"), 0U);
  EXPECT_EQ(parser.take().method, "GET");
  EXPECT_TRUE(parser.idle());
  EXPECT_EQ(parser.feed("GET"), 3U);
  EXPECT_FALSE(parser.idle());
}

TEST(Parser, TakesNothingAfterARefusal) {
  Parser parser;
  parser.feed("GET\r\n");
  ASSERT_TRUE(parser.failed());
  EXPECT_FALSE(parser.head_complete());
  EXPECT_EQ(parser.feed("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), 0U);
  EXPECT_FALSE(parser.complete());
}

TEST(Parser, KeepsHeadersInOrderAndFindsThemInAnyCase) {
  Parser parser;
  parser.feed("GET /?b=1 HTTP/1.1\r\nHost: h\r\nAccept: a\r\naccept:  b \r\n\r\n");
  ASSERT_TRUE(parser.complete());
  const ParsedRequest request = parser.take();
  EXPECT_EQ(request.raw_target, "/?b=1");
  EXPECT_EQ(request.host, "h");
  EXPECT_EQ(request.headers.size(), 3U);
  EXPECT_EQ(request.headers.get("ACCEPT"), "a");
  EXPECT_EQ(request.headers.get("missing"), "");
  EXPECT_EQ(request.headers.find("missing"), nullptr);
  EXPECT_EQ(request.headers.find_all("accept"), (std::vector<std::string_view>{"a", "b"}));
}

TEST(Parser, PrefersTheHostOfTheTarget) {
  Parser parser;
  parser.feed("GET HTTPS://[::1]:8?x HTTP/1.1\r\nHost: other\r\n\r\n");
  ASSERT_TRUE(parser.complete());
  const ParsedRequest request = parser.take();
  EXPECT_EQ(request.host, "[::1]:8");
  EXPECT_EQ(request.target.path, "/");
  ASSERT_NE(request.target.find_query("x"), nullptr);
}

TEST(Parser, TellsThatAClientWaitsForPermissionToSend) {
  Parser parser;
  const std::string head = "PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\n";
  parser.feed(concat(head, "Content-Length: 2\r\n\r\n"));
  EXPECT_TRUE(parser.head_complete());
  EXPECT_TRUE(parser.expects_continue());
  parser.feed("a");
  EXPECT_FALSE(parser.expects_continue());
  parser.feed("b");
  EXPECT_EQ(parser.take().body, "ab");

  parser.feed(concat(head, "\r\n"));
  EXPECT_TRUE(parser.complete());
  EXPECT_FALSE(parser.expects_continue());
}

TEST(Parser, AcceptsExactlyWhatTheLimitsSay) {
  const std::string line = concat("GET /", std::string(46, 'a'), " HTTP/1.1");
  ASSERT_EQ(line.size(), 60U);
  EXPECT_EQ(
      read_all(concat(line, "\r\nHost: a\r\n\r\n"), 1),
      concat("GET /", std::string(46, 'a'), " []; ")
  );
  const std::string fields = concat("Host: a\r\nX: ", std::string(110, 'x'), "\r\n\r\n");
  EXPECT_EQ(read_all(concat("GET / HTTP/1.1\r\n", fields), 1), "GET / []; ");
  EXPECT_EQ(
      read_all(
          concat("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 20\r\n\r\n", std::string(20, 'b')), 1
      ),
      concat("PUT / [", std::string(20, 'b'), "]; ")
  );
}

}  // namespace
}  // namespace reeve::net
