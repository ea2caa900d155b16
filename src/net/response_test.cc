#include "net/response.h"

#include <string>
#include <vector>

#include "net/exchange.h"

namespace reeve::net {
namespace {

TEST(Response, WritesAHead) {
  std::string out;
  const std::vector<Header> headers{{"X", "y"}};
  append_head(
      out,
      HeadText{
          .status = 404,
          .headers = headers,
          .content_length = 7,
          .close_connection = true,
          .date = "now"}
  );
  EXPECT_EQ(
      out,
      "HTTP/1.1 404 Not Found\r\nX: y\r\nDate: now\r\nContent-Length: 7\r\nConnection: "
      "close\r\n\r\n"
  );
}

TEST(Response, LeavesADateAlone) {
  std::string out;
  const std::vector<Header> headers{{"date", "then"}};
  append_head(
      out,
      HeadText{.status = 299, .headers = headers, .framing = BodyFraming::Chunked, .date = "now"}
  );
  EXPECT_EQ(out, "HTTP/1.1 299 \r\ndate: then\r\nTransfer-Encoding: chunked\r\n\r\n");
}

TEST(Response, NamesWhatCannotBeSent) {
  EXPECT_EQ(problem_of_head(200, {{"A", "b\tc"}}, 3), "");
  EXPECT_EQ(problem_of_head(204, {}, 0), "");
  EXPECT_NE(problem_of_head(204, {}, 1), "");
  EXPECT_NE(problem_of_head(199, {}, 0), "");
  EXPECT_NE(problem_of_head(600, {}, 0), "");
  EXPECT_NE(problem_of_head(200, {{"A", "b\r\nC: d"}}, 0), "");
  EXPECT_NE(problem_of_head(200, {{"A", std::string(1, '\0')}}, 0), "");
  EXPECT_NE(problem_of_head(200, {{"A b", "c"}}, 0), "");
  EXPECT_NE(problem_of_head(200, {{"", "c"}}, 0), "");
  EXPECT_NE(problem_of_head(200, {{"Content-length", "3"}}, 3), "");
  EXPECT_NE(problem_of_head(200, {{"Transfer-Encoding", "chunked"}}, 0), "");
  EXPECT_NE(problem_of_head(200, {{"Connection", "close"}}, 0), "");
}

TEST(Response, WritesDatesAsHttpWantsThem) {
  // The example of RFC 9110, 5.6.7.
  EXPECT_EQ(http_date(Timestamp(Duration(784'111'777'999))), "Sun, 06 Nov 1994 08:49:37 GMT");
}

TEST(Response, WritesChunkSizes) {
  EXPECT_EQ(chunk_line(0), "0\r\n");
  EXPECT_EQ(chunk_line(26), "1a\r\n");
  EXPECT_EQ(chunk_line(0x100000), "100000\r\n");
}

TEST(Response, SharesOrOwnsABody) {
  Body own("text");
  EXPECT_EQ(own.view(), "text");
  EXPECT_EQ(*own.release(), "text");
  const auto text = std::make_shared<const std::string>("shared");
  Body shared(text);
  EXPECT_EQ(shared.view().data(), text->data());
  EXPECT_EQ(shared.release(), text);
}

}  // namespace
}  // namespace reeve::net
