#include "executor/agent/history.h"

#include <set>

#include <gtest/gtest.h>

#include "base/strings.h"

namespace reeve::executor::agent {
namespace {

constexpr std::size_t kBytes = 1'000'000;

Message message(Message::Role role, std::string text, std::string call = {}) {
  Message made;
  made.role = role;
  made.text = std::move(text);
  if (role == Message::Role::Tool) {
    made.call_id = std::move(call);
  } else if (!call.empty()) {
    made.calls.push_back({.id = std::move(call), .name = "t", .arguments = Json::object()});
  }
  return made;
}

/// The task, then so many replies with `results` calls and results each.
std::vector<Message> history(std::size_t replies, std::size_t results = 1) {
  std::vector<Message> made = {message(Message::Role::User, "the task")};
  for (std::size_t i = 0; i < replies; ++i) {
    Message reply = message(Message::Role::Assistant, concat("reply ", i));
    for (std::size_t j = 0; j < results; ++j) {
      reply.calls.push_back({.id = concat(i, "-", j), .name = "t", .arguments = Json::object()});
    }
    made.push_back(reply);
    for (std::size_t j = 0; j < results; ++j) {
      made.push_back(message(Message::Role::Tool, "result", concat(i, "-", j)));
    }
  }
  return made;
}

/// Whether every result follows its call and every call has its result.
bool is_whole(const std::vector<Message>& messages) {
  std::set<std::string> open;
  for (const Message& one : messages) {
    if (one.role == Message::Role::Tool) {
      if (open.erase(one.call_id) != 1) {
        return false;
      }
      continue;
    }
    if (!open.empty()) {
      return false;
    }
    for (const Call& call : one.calls) {
      open.insert(call.id);
    }
  }
  return open.empty();
}

TEST(AgentHistory, AShortOneStaysAsItIs) {
  EXPECT_EQ(compacted(history(10), 50, kBytes).size(), 21U);
  EXPECT_EQ(compacted(history(0), 10, 1).size(), 1U) << "the task is never left out";
}

TEST(AgentHistory, ALongOneKeepsTheTaskAndTheNewestAndNeverCutsACallFromItsResult) {
  for (std::size_t replies = 1; replies < 120; ++replies) {
    for (const std::size_t results : {1U, 2U, 5U}) {
      const std::vector<Message> all = history(replies, results);
      const std::vector<Message> kept = compacted(all, 50, kBytes);
      ASSERT_TRUE(is_whole(kept)) << replies << " " << results;
      ASSERT_LE(kept.size(), 50U);
      EXPECT_TRUE(kept.front().text.starts_with("the task"));
      EXPECT_EQ(kept.back().call_id, all.back().call_id);
      if (all.size() > 50) {
        const std::size_t left_out = all.size() - kept.size();
        EXPECT_NE(kept.front().text.find(concat("[", left_out, " messages")), std::string::npos)
            << kept.front().text;
      }
    }
  }
}

TEST(AgentHistory, WhatIsSentBeginsAlikeForAWhile) {
  std::set<std::string> beginnings;
  for (std::size_t replies = 25; replies < 75; ++replies) {
    beginnings.insert(compacted(history(replies), 50, kBytes)[1].text);
  }
  EXPECT_LE(beginnings.size(), 6U) << "providers keep the beginning of a prompt";
}

TEST(AgentHistory, HugeResultsAreLeftOutButTheLastReplyIsNot) {
  std::vector<Message> all = history(5);
  for (Message& one : all) {
    one.text += std::string(1000, 'x');
  }
  const std::vector<Message> kept = compacted(all, 50, 3500);
  EXPECT_TRUE(is_whole(kept));
  EXPECT_EQ(kept.size(), 3U);
  EXPECT_EQ(compacted(all, 50, 10).size(), 3U);
}

}  // namespace
}  // namespace reeve::executor::agent
