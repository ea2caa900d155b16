#include "executor/agent/result.h"

#include "base/strings.h"

namespace reeve::executor::agent {

std::optional<Json> json_in(std::string_view text) {
  constexpr std::string_view kFence = "```";
  text = trim(text);
  if (const Result<Json> whole = parse_json(text)) {
    return *whole;
  }
  const std::size_t begin = text.find(kFence);
  const std::size_t line = begin == std::string_view::npos ? begin : text.find('\n', begin);
  const std::size_t end = line == std::string_view::npos ? line : text.find(kFence, line);
  if (end == std::string_view::npos || text.find(kFence, end + kFence.size()) != text.npos) {
    return std::nullopt;
  }
  const Result<Json> block = parse_json(trim(text.substr(line, end - line)));
  return block ? std::optional<Json>(*block) : std::nullopt;
}

}  // namespace reeve::executor::agent
