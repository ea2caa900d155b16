#include "gateway/model/format/event_reader.h"

#include <algorithm>

namespace reeve::gateway::model {

namespace {

/// Longer than any name that counts, with a byte order mark before it.
constexpr std::size_t kNameBytesMax = 16;
constexpr std::string_view kMark = "\xEF\xBB\xBF";

}  // namespace

EventReader::Step EventReader::read(std::string_view piece, Sink& sink) {
  std::size_t at = 0;
  while (at < piece.size()) {
    const char c = piece[at];
    if (after_return_) {
      after_return_ = false;
      if (c == '\n') {
        ++at;
        continue;
      }
    }
    const bool line_over = c == '\n' || c == '\r';
    if (part_ == Part::Blank) {
      part_ = Part::Value;
      at += c == ' ' ? 1U : 0U;
      continue;
    }
    if (part_ == Part::Value && !line_over) {
      const std::size_t end = std::min(piece.find_first_of("\r\n", at), piece.size());
      if (is_data_) {
        sink.on_data(piece.substr(at, end - at));
      }
      at = end;
      continue;
    }
    ++at;
    if (!line_over) {
      if (c == ':') {
        end_of_name(true, sink);
      } else if (name_.size() < kNameBytesMax) {
        name_.push_back(c);
      }
      continue;
    }
    after_return_ = c == '\r';
    const bool empty = part_ == Part::Name && name_.empty();
    if (part_ == Part::Name && !empty) {
      end_of_name(false, sink);
    }
    part_ = Part::Name;
    name_.clear();
    if (empty) {
      const bool data = has_data_;
      has_data_ = false;
      in_event_ = false;
      return {.read = at, .over = true, .data = data};
    }
  }
  return {.read = at, .over = false, .data = false};
}

void EventReader::end_of_name(bool colon, Sink& sink) {
  std::string_view name = name_;
  if (!begun_ && name.starts_with(kMark)) {
    name.remove_prefix(kMark.size());
  }
  begun_ = true;
  is_data_ = name == "data";
  in_event_ = in_event_ || !name.empty();
  if (is_data_) {
    if (has_data_) {
      sink.on_data("\n");
    }
    has_data_ = true;
  }
  part_ = colon ? Part::Blank : Part::Name;
}

}  // namespace reeve::gateway::model
