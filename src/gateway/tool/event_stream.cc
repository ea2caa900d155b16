#include "gateway/tool/event_stream.h"

namespace reeve::gateway {

Result<void> EventStream::feed(std::string_view piece, const OnEvent& on_event) {
  bytes_ += piece.size();
  if (bytes_ > bytes_max_) {
    return make_error(ErrorCode::LimitExceeded, "the server sends more than is taken", "answer");
  }
  for (const char c : piece) {
    if (c == '\n' && after_return_) {
      after_return_ = false;
      continue;
    }
    after_return_ = c == '\r';
    if (c == '\n' || c == '\r') {
      line(on_event);
      line_.clear();
    } else {
      line_.push_back(c);
    }
  }
  return {};
}

void EventStream::line(const OnEvent& on_event) {
  if (line_.empty()) {
    if (has_data_) {
      const std::string data = std::move(data_);
      data_.clear();
      has_data_ = false;
      on_event(data);
    }
    return;
  }
  std::string_view text = line_;
  if (!text.starts_with("data:")) {
    return;
  }
  text.remove_prefix(5);
  if (text.starts_with(' ')) {
    text.remove_prefix(1);
  }
  if (has_data_) {
    data_.push_back('\n');
  }
  data_ += text;
  has_data_ = true;
}

}  // namespace reeve::gateway
