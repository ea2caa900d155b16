#include "gateway/tool/line_reader.h"

#include <utility>

namespace reeve::gateway {

Result<void> LineReader::feed(std::string_view piece, const OnLine& on_line) {
  while (!piece.empty()) {
    const std::size_t end = piece.find('\n');
    const std::string_view part = piece.substr(0, end);
    if (line_.size() + part.size() > line_bytes_max_) {
      return make_error(ErrorCode::LimitExceeded, "the line is longer than is taken", "line");
    }
    line_ += part;
    if (end == std::string_view::npos) {
      return {};
    }
    piece.remove_prefix(end + 1);
    const std::string line = std::exchange(line_, {});
    const bool returned = line.ends_with('\r');
    const std::string_view text =
        std::string_view(line).substr(0, line.size() - (returned ? 1 : 0));
    if (!text.empty() && !on_line(text)) {
      return {};
    }
  }
  return {};
}

}  // namespace reeve::gateway
