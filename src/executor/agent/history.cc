#include "executor/agent/history.h"

#include <algorithm>

#include "base/strings.h"

namespace reeve::executor::agent {

namespace {

std::size_t bytes_of(const Message& message) {
  std::size_t bytes = message.text.size();
  for (const Call& call : message.calls) {
    bytes += call.name.size() + call.arguments.dump().size();
  }
  return bytes;
}

/// The first message from `from` on that may follow a gap: a reply of the model, whose calls and
/// their results all come after it.
std::size_t next_reply(const std::vector<Message>& history, std::size_t from) {
  while (from < history.size() && history[from].role != Message::Role::Assistant) {
    ++from;
  }
  return from;
}

/// The last reply in the history, which is never left out.
std::size_t last_reply(const std::vector<Message>& history) {
  std::size_t at = history.size();
  while (at > 1 && history[at - 1].role != Message::Role::Assistant) {
    --at;
  }
  return at > 1 ? at - 1 : 1;
}

}  // namespace

std::vector<Message> compacted(
    const std::vector<Message>& history, std::size_t messages_max, std::size_t bytes_max
) {
  std::size_t bytes = 0;
  for (const Message& message : history) {
    bytes += bytes_of(message);
  }
  std::size_t start = 1;
  if (history.size() > messages_max) {
    const std::size_t step = std::max<std::size_t>(messages_max / 2, 1);
    const std::size_t beyond = history.size() - messages_max;
    start = 1 + (beyond + step - 1) / step * step;
  }
  for (std::size_t i = 1; i < std::min(start, history.size()); ++i) {
    bytes -= bytes_of(history[i]);
  }
  const std::size_t last = last_reply(history);
  while (start < last && bytes > bytes_max) {
    bytes -= bytes_of(history[start]);
    ++start;
  }
  if (start <= 1 || history.size() <= 1) {
    return history;
  }
  start = std::min(next_reply(history, start), last);
  std::vector<Message> kept;
  kept.push_back(history.front());
  kept.front().text +=
      concat("\n\n[", start - 1, " messages that came after this are left out here]");
  kept.insert(kept.end(), history.begin() + static_cast<std::ptrdiff_t>(start), history.end());
  return kept;
}

}  // namespace reeve::executor::agent
