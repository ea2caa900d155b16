#include "net/response_parser.h"

#include <string>
#include <string_view>
#include <vector>

#include "base/strings.h"

namespace reeve::net {
namespace {

constexpr ResponseLimits kSmall{
    .head_bytes_max = 120, .headers_max = 5, .chunk_line_bytes_max = 16, .informational_max = 2};

/// What became of the bytes of one connection: each answer as "status [body];", "close" behind one
/// that is the last; "…" for one that is not complete, "!" for one that is refused.
std::string read_all(
    std::string_view bytes, std::size_t step, bool head_request = false, bool ends = false
) {
  ResponseParser parser(kSmall);
  std::string out;
  parser.begin(head_request);
  std::size_t at = 0;
  while (true) {
    const std::string_view piece = bytes.substr(at, step);
    const ResponseParser::Step read = parser.feed(piece);
    at += read.taken;
    switch (read.event) {
      case ResponseParser::Event::More:
        EXPECT_EQ(read.taken, piece.size());
        if (at == bytes.size()) {
          const bool complete = ends && parser.finish();
          return out.empty() || out.ends_with(';') ? out : out + (complete ? "] close;" : "…");
        }
        break;
      case ResponseParser::Event::Head:
        out += concat(parser.status(), " ", parser.take_headers().size(), " [");
        break;
      case ResponseParser::Event::Data:
        EXPECT_FALSE(read.data.empty());
        out.append(read.data);
        break;
      case ResponseParser::Event::End:
        out += parser.keep_alive() ? "];" : "] close;";
        if (at == bytes.size()) {
          return out;
        }
        parser.begin(head_request);
        break;
      case ResponseParser::Event::Failed:
        EXPECT_FALSE(parser.failure().empty());
        EXPECT_FALSE(parser.keep_alive());
        return out + "!";
    }
  }
}

struct Vector {
  const char* name;
  std::string bytes;
  const char* outcome;
};

void expect_outcomes(
    const std::vector<Vector>& vectors, bool head_request = false, bool ends = false
) {
  for (const Vector& vector : vectors) {
    EXPECT_EQ(read_all(vector.bytes, 1'000'000, head_request, ends), vector.outcome) << vector.name;
    // However the bytes arrive, they mean the same.
    for (const std::size_t step : {1U, 2U, 3U, 7U}) {
      EXPECT_EQ(read_all(vector.bytes, step, head_request, ends), vector.outcome)
          << vector.name << " by " << step;
    }
  }
}

TEST(ResponseParser, ReadsAnswersThatAreWellFormed) {
  expect_outcomes({
      {"length", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "200 1 [hello];"},
      {"no words", "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", "200 1 [];"},
      {"empty words", "HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", "200 1 [];"},
      {"odd words", "HTTP/1.1 404 a \xc3\xa9 b\r\nContent-Length: 0\r\n\r\n", "404 1 [];"},
      {"nothing", "", ""},
      {"two",
       "HTTP/1.1 201 A\r\nContent-Length: 2\r\n\r\nabHTTP/1.1 500 B\r\nContent-Length: 1\r\n\r\nc",
       "201 1 [ab];500 1 [c];"},
      {"the same length twice",
       "HTTP/1.1 200 OK\r\nContent-Length: 2\r\ncontent-length: 2\r\n\r\nab",
       "200 2 [ab];"},
      {"close",
       "HTTP/1.1 200 OK\r\nConnection: x, Close\r\nContent-Length: 1\r\n\r\na",
       "200 2 [a] close;"},
      {"old", "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na", "200 1 [a] close;"},
      {"newer minor", "HTTP/1.2 200 OK\r\nContent-Length: 1\r\n\r\na", "200 1 [a];"},
      {"chunks",
       "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n"
       "3\r\nabc\r\n0A;x=\"y\"\r\n0123456789\r\n0\r\n\r\n",
       "200 1 [abc0123456789];"},
      {"trailers",
       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nSum: 1\r\n"
       "Content-Length: 9\r\n\r\nHTTP/1.1 204 No\r\n\r\n",
       "200 1 [a];204 0 [];"},
      {"no body", "HTTP/1.1 204 No\r\nContent-Length: 0\r\n\r\n", "204 1 [];"},
      {"not modified", "HTTP/1.1 304 No\r\nContent-Length: 77\r\n\r\n", "304 1 [];"},
      {"informational",
       "HTTP/1.1 100 Continue\r\nX: y\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n"
       "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na",
       "200 1 [a];"},
      {"odd value", "HTTP/1.1 204 No\r\nX: \t a\tb\xc3\xa9 \t\r\nY:\r\n\r\n", "204 2 [];"},
      {"cut body", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", "200 1 [hel…"},
      {"cut chunks",
       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
       "200 1 [abc…"},
      {"until the end", "HTTP/1.1 200 OK\r\n\r\nhello", "200 0 [hello…"},
  });
}

TEST(ResponseParser, TheEndOfTheConnectionEndsOnlyWhatItMay) {
  expect_outcomes(
      {
          {"until the end", "HTTP/1.1 200 OK\r\n\r\nhello", "200 0 [hello] close;"},
          {"nothing until the end", "HTTP/1.1 200 OK\r\n\r\n", "200 0 [] close;"},
          {"cut body", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", "200 1 [hel…"},
          {"cut chunks",
           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n",
           "200 1 [abc…"},
      },
      false,
      true
  );
  ResponseParser head;
  head.begin(false);
  head.feed("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n");
  EXPECT_FALSE(head.finish());
}

TEST(ResponseParser, AnAnswerToHeadHasNoBody) {
  expect_outcomes(
      {
          {"length", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "200 1 [];"},
          {"chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "200 1 [];"},
          {"neither", "HTTP/1.1 200 OK\r\n\r\n", "200 0 [];"},
      },
      true
  );
}

TEST(ResponseParser, RefusesWhatCouldBeReadDifferently) {
  const std::string ok = "HTTP/1.1 200 OK\r\n";
  const std::string chunked = ok + "Transfer-Encoding: chunked\r\n\r\n";
  expect_outcomes({
      {"TLS", std::string("\x16\x03\x01", 3), "!"},
      {"SSH", "SSH-2.0-x\r\n", "!"},
      {"empty line first", "\r\n" + ok + "\r\n", "!"},
      {"HTTP/2", "HTTP/2 200\r\n\r\n", "!"},
      {"major", "HTTP/2.0 200 OK\r\n\r\n", "!"},
      {"two digits", "HTTP/1.1 20 OK\r\n\r\n", "!"},
      {"four digits", "HTTP/1.1 2000 OK\r\n\r\n", "!"},
      {"letters", "HTTP/1.1 2x0 OK\r\n\r\n", "!"},
      {"small status", "HTTP/1.1 099 OK\r\n\r\n", "!"},
      {"large status", "HTTP/1.1 600 OK\r\n\r\n", "!"},
      {"two spaces", "HTTP/1.1  200 OK\r\n\r\n", "!"},
      {"bare LF", "HTTP/1.1 200 OK\n\n", "!"},
      {"CR inside", "HTTP/1.1 200 O\rK\r\n\r\n", "!"},
      {"control character", "HTTP/1.1 200 O\x01K\r\n\r\n", "!"},
      {"switches", "HTTP/1.1 101 Switching\r\n\r\n", "!"},
      {"too many 1xx", "HTTP/1.1 100 C\r\n\r\nHTTP/1.1 100 C\r\n\r\nHTTP/1.1 100 C\r\n\r\n", "!"},
      {"continued", ok + "A: b\r\n c\r\n\r\n", "!"},
      {"no colon", ok + "A b\r\n\r\n", "!"},
      {"space before the colon", ok + "Content-Length : 1\r\n\r\na", "!"},
      {"no name", ok + ": b\r\n\r\n", "!"},
      {"NUL", ok + std::string("A: b\0c\r\n\r\n", 10), "!"},
      {"length is a list", ok + "Content-Length: 1, 1\r\n\r\na", "!"},
      {"lengths differ", ok + "Content-Length: 1\r\nContent-Length: 2\r\n\r\na", "!"},
      {"negative length", ok + "Content-Length: -1\r\n\r\na", "!"},
      {"signed length", ok + "Content-Length: +1\r\n\r\na", "!"},
      {"no length", ok + "Content-Length:\r\n\r\na", "!"},
      {"huge length", ok + "Content-Length: 18446744073709551617\r\n\r\na", "!"},
      {"length and chunks",
       ok + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
       "!"},
      {"coding", ok + "Transfer-Encoding: gzip, chunked\r\n\r\n", "!"},
      {"coding twice",
       ok + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
       "!"},
      {"identity", ok + "Transfer-Encoding: identity\r\n\r\n", "!"},
      {"old chunks", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "!"},
      {"no size", chunked + "\r\n", "200 1 [!"},
      {"hex prefix", chunked + "0x3\r\nabc\r\n", "200 1 [!"},
      {"signed size", chunked + "-3\r\nabc\r\n", "200 1 [!"},
      {"size and space", chunked + "3 \r\nabc\r\n", "200 1 [!"},
      {"size and more", chunked + "3 x\r\nabc\r\n", "200 1 [!"},
      {"huge size", chunked + "1000000000000000\r\n", "200 1 [!"},
      {"long chunk", chunked + "3\r\nabcd\r\n", "200 1 [abc!"},
      {"LF after a chunk", chunked + "3\r\nabc\n0\r\n\r\n", "200 1 [abc!"},
      {"long extension", chunked + "3;aaaaaaaaaaaaaaaaaaaaaaaa\r\nabc\r\n", "200 1 [!"},
      {"bad trailer", chunked + "0\r\nA b\r\n\r\n", "200 1 [!"},
  });
}

TEST(ResponseParser, HeadsHaveLimits) {
  const std::string ok = "HTTP/1.1 200 OK\r\n";
  std::string many = ok;
  for (int at = 0; at < 6; ++at) {
    many += "A: b\r\n";
  }
  expect_outcomes({
      {"one field less than too much", ok + "A: " + std::string(102, 'x') + "\r\n\r\n", "200 1 […"},
      {"one byte too long", ok + "A: " + std::string(103, 'x') + "\r\n\r\n", "!"},
      {"no end of a field", ok + "A: " + std::string(500, 'x'), "!"},
      {"status line", "HTTP/1.1 200 " + std::string(500, 'x'), "!"},
      {"too many", many + "\r\n", "!"},
      {"trailers",
       ok + "Transfer-Encoding: chunked\r\n\r\n0\r\nA: " + std::string(500, 'x'),
       "200 1 [!"},
  });
}

TEST(ResponseParser, NothingOfWhatWasReadIsInAFailure) {
  ResponseParser parser;
  parser.begin(false);
  parser.feed("HTTP/1.1 200 OK\r\nSecret-Thing value\r\n\r\n");
  EXPECT_EQ(parser.feed("").event, ResponseParser::Event::Failed);
  EXPECT_EQ(parser.failure(), "a header of the answer is not valid");
}

TEST(ResponseParser, TakesNothingBetweenAnswers) {
  ResponseParser parser;
  EXPECT_EQ(parser.feed("HTTP/1.1 204 No\r\n\r\n").taken, 0U);
  parser.begin(false);
  const std::string_view bytes = "HTTP/1.1 204 No\r\n\r\nrest";
  const ResponseParser::Step head = parser.feed(bytes);
  EXPECT_EQ(head.event, ResponseParser::Event::Head);
  EXPECT_EQ(head.taken, bytes.size() - 4);
  const ResponseParser::Step end = parser.feed("rest");
  EXPECT_EQ(end.event, ResponseParser::Event::End);
  EXPECT_EQ(end.taken, 0U);
}

}  // namespace
}  // namespace reeve::net
