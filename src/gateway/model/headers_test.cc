#include "gateway/model/headers.h"

#include <gtest/gtest.h>

#include "base/strings.h"

namespace reeve::gateway::model {
namespace {

std::string text_of(const std::vector<net::Header>& headers) {
  std::string text;
  for (const net::Header& header : headers) {
    text += concat(text.empty() ? "" : "|", header.name, "=", header.value);
  }
  return text;
}

net::Headers made(std::initializer_list<net::Header> list) {
  net::Headers headers;
  for (const net::Header& header : list) {
    headers.add(header.name, header.value);
  }
  return headers;
}

TEST(ModelHeaders, WhatIsNotKnownGoesOnInItsOrder) {
  EXPECT_EQ(
      text_of(headers_to_provider(
          made({{"anthropic-beta", "a"}, {"X-Stainless-Lang", "js"}, {"anthropic-beta", "b"}})
      )),
      "anthropic-beta=a|X-Stainless-Lang=js|anthropic-beta=b|Accept-Encoding=identity"
  );
}

TEST(ModelHeaders, NobodyLearnsWhoHasAsked) {
  const auto sent = headers_to_provider(made(
      {{"Authorization", "Bearer t"},
       {"X-API-Key", "t"},
       {"api-key", "t"},
       {"Cookie", "c"},
       {"OpenAI-Organization", "o"},
       {"X-Forwarded-For", "10.0.0.1"},
       {"Reeve-Call-Id", "q"},
       {"Reeve-Namespace", "n"},
       {"Accept-Encoding", "gzip"}}
  ));
  EXPECT_EQ(text_of(sent), "Accept-Encoding=identity");
}

TEST(ModelHeaders, FieldsOfTheConnectionStayThere) {
  EXPECT_EQ(
      text_of(headers_to_provider(made(
          {{"Connection", "close, X-Hop"},
           {"x-hop", "1"},
           {"Keep-Alive", "5"},
           {"Transfer-Encoding", "chunked"},
           {"Content-Length", "7"},
           {"Host", "h"},
           {"Expect", "100-continue"},
           {"x-end", "2"}}
      ))),
      "x-end=2|Accept-Encoding=identity"
  );
}

TEST(ModelHeaders, ClientsAreNotToldWhoseAccountItIs) {
  EXPECT_EQ(
      text_of(headers_to_client(made(
          {{"request-id", "r"},
           {"Set-Cookie", "c"},
           {"openai-organization", "o"},
           {"anthropic-ratelimit-tokens-remaining", "5"},
           {"Reeve-Call-Id", "theirs"},
           {"Content-Type", "text/event-stream"}}
      ))),
      "request-id=r|anthropic-ratelimit-tokens-remaining=5|Content-Type=text/event-stream"
  );
}

}  // namespace
}  // namespace reeve::gateway::model
