#include "net/response_parser.h"

#include <algorithm>
#include <utility>

#include "base/strings.h"
#include "net/response.h"
#include "net/text.h"

namespace reeve::net {

namespace {

constexpr std::size_t kLineEndBytes = 2;
/// Hexadecimal digits of a chunk's size that surely fits 64 bits.
constexpr std::size_t kChunkDigitsMax = 15;
/// Decimal digits of a length that surely fits 64 bits.
constexpr std::size_t kLengthDigitsMax = 18;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// Whether `line` is "name: value" with characters that may be there.
bool is_field(std::string_view line, std::size_t colon) {
  return colon != std::string_view::npos && is_token(line.substr(0, colon)) &&
         is_field_value(line.substr(colon + 1));
}

}  // namespace

ResponseParser::ResponseParser(ResponseLimits limits) : limits_(limits) {}

void ResponseParser::begin(bool head_request) {
  const ResponseLimits limits = limits_;
  *this = ResponseParser(limits);
  state_ = State::StatusLine;
  head_request_ = head_request;
}

ResponseParser::Step ResponseParser::feed(std::string_view bytes) {
  std::size_t taken = 0;
  while (true) {
    if (state_ == State::HeadReady) {
      state_ = after_head_;
      return Step{.event = Event::Head, .taken = taken};
    }
    if (state_ == State::Complete || state_ == State::Failed) {
      return Step{.event = state_ == State::Failed ? Event::Failed : Event::End, .taken = taken};
    }
    const std::string_view rest = bytes.substr(taken);
    if (rest.empty()) {
      return Step{.event = Event::More, .taken = taken};
    }
    if (state_ == State::Body || state_ == State::ChunkData || state_ == State::UntilClose) {
      Step step = feed_body(rest);
      step.taken += taken;
      return step;
    }
    taken += feed_line(rest);
  }
}

ResponseParser::Step ResponseParser::feed_body(std::string_view bytes) {
  if (state_ == State::UntilClose) {
    return Step{.event = Event::Data, .taken = bytes.size(), .data = bytes};
  }
  const auto taken = static_cast<std::size_t>(std::min<std::uint64_t>(remaining_, bytes.size()));
  remaining_ -= taken;
  if (remaining_ == 0) {
    state_ = state_ == State::Body ? State::Complete : State::ChunkEnd;
  }
  return Step{.event = Event::Data, .taken = taken, .data = bytes.substr(0, taken)};
}

bool ResponseParser::finish() {
  if (state_ == State::UntilClose) {
    state_ = State::Complete;
  }
  return state_ == State::Complete;
}

std::size_t ResponseParser::line_bytes_max() const {
  switch (state_) {
    case State::StatusLine:
    case State::Fields:
    case State::Trailers:
      return limits_.head_bytes_max - head_bytes_ + kLineEndBytes;
    case State::ChunkSize:
      return limits_.chunk_line_bytes_max + kLineEndBytes;
    case State::ChunkEnd:
    case State::Body:
    case State::ChunkData:
    case State::UntilClose:
    case State::HeadReady:
    case State::Complete:
    case State::Failed:
      break;
  }
  return kLineEndBytes;
}

/// Takes a line, or what is there of it.
std::size_t ResponseParser::feed_line(std::string_view bytes) {
  if (state_ == State::StatusLine && line_.empty() && bytes[0] != 'H') {
    // Said at once: something that is no HTTP may never send a line end.
    fail("the answer is not one of HTTP/1.1");
    return 0;
  }
  const std::size_t end = bytes.find('\n');
  const std::size_t length = end == std::string_view::npos ? bytes.size() : end + 1;
  if (line_.size() + length > line_bytes_max()) {
    fail(
        state_ == State::ChunkSize || state_ == State::ChunkEnd
            ? std::string("a chunk of the answer is not framed properly")
            : concat("the head of the answer is longer than ", limits_.head_bytes_max, " bytes")
    );
    return 0;
  }
  if (end == std::string_view::npos) {
    line_.append(bytes);
    return length;
  }
  std::string kept = std::exchange(line_, {});
  std::string_view line = bytes.substr(0, length);
  if (!kept.empty()) {
    kept.append(line);
    line = kept;
  }
  if (!line.ends_with("\r\n") || line.find('\r') != line.size() - kLineEndBytes) {
    fail("a line of the answer does not end with CR LF, or has a CR inside");
    return length;
  }
  line.remove_suffix(kLineEndBytes);
  on_line(line);
  return length;
}

void ResponseParser::on_line(std::string_view line) {
  switch (state_) {
    case State::StatusLine:
      return on_status_line(line);
    case State::Fields:
      return line.empty() ? on_head_end() : on_field(line);
    case State::ChunkSize:
      return on_chunk_size(line);
    case State::ChunkEnd:
      if (!line.empty()) {
        fail("a chunk of the answer is not framed properly");
        return;
      }
      state_ = State::ChunkSize;
      return;
    case State::Trailers:
      return on_trailer(line);
    case State::Body:
    case State::ChunkData:
    case State::UntilClose:
    case State::HeadReady:
    case State::Complete:
    case State::Failed:
      break;
  }
}

void ResponseParser::on_status_line(std::string_view line) {
  // "HTTP/1.1 200 OK"; the words may be missing, with the space before them.
  const bool shaped = line.size() >= 12 && line.starts_with("HTTP/") && is_digit(line[5]) &&
                      line[6] == '.' && is_digit(line[7]) && line[8] == ' ' &&
                      std::all_of(line.begin() + 9, line.begin() + 12, is_digit) &&
                      (line.size() == 12 || line[12] == ' ') && is_field_value(line);
  if (!shaped) {
    fail("the answer does not begin with a status line");
    return;
  }
  if (line[5] != '1') {
    fail("the answer is not one of HTTP/1.1");
    return;
  }
  version_minor_ = line[7] == '0' ? 0 : 1;
  status_ = (line[9] - '0') * 100 + (line[10] - '0') * 10 + (line[11] - '0');
  if (status_ < 100 || status_ > 599) {
    fail("the status of the answer is not between 100 and 599");
    return;
  }
  head_bytes_ = line.size();
  state_ = State::Fields;
}

void ResponseParser::on_field(std::string_view line) {
  const std::size_t colon = line.find(':');
  if (!is_field(line, colon)) {
    fail("a header of the answer is not valid");
    return;
  }
  if (headers_.size() == limits_.headers_max) {
    fail(concat("the answer has more than ", limits_.headers_max, " headers"));
    return;
  }
  head_bytes_ += line.size();
  headers_.add(std::string(line.substr(0, colon)), std::string(trim_field(line.substr(colon + 1))));
}

void ResponseParser::on_head_end() {
  if (status_ == 101) {
    fail("the answer switches to another protocol, which was not asked for");
    return;
  }
  if (status_ < 200) {
    if (++informational_ > limits_.informational_max) {
      fail(concat("there are more than ", limits_.informational_max, " answers with a status 1xx"));
      return;
    }
    headers_ = Headers();
    head_bytes_ = 0;
    state_ = State::StatusLine;
    return;
  }
  head_bytes_ = 0;
  read_connection();
  if (read_framing()) {
    state_ = State::HeadReady;
  }
}

void ResponseParser::read_connection() {
  keep_alive_ = version_minor_ > 0;
  for (const std::string_view value : headers_.find_all("connection")) {
    keep_alive_ = keep_alive_ && !list_has(value, "close");
  }
}

/// How the body ends (RFC 9112, 6.3), to `after_head_`.
bool ResponseParser::read_framing() {
  const std::vector<std::string_view> codings = headers_.find_all("transfer-encoding");
  const std::vector<std::string_view> lengths = headers_.find_all("content-length");
  if (!codings.empty() && (!lengths.empty() || version_minor_ == 0)) {
    return fail("the answer has Transfer-Encoding with Content-Length, or in HTTP/1.0");
  }
  if (!codings.empty() && (codings.size() > 1 || !same_text(codings[0], "chunked"))) {
    return fail("the only transfer coding of an answer that is understood is chunked");
  }
  if (!read_length(lengths)) {
    return false;
  }
  if (head_request_ || is_bodiless(status_)) {
    after_head_ = State::Complete;
  } else if (!codings.empty()) {
    after_head_ = State::ChunkSize;
  } else if (!lengths.empty()) {
    after_head_ = remaining_ > 0 ? State::Body : State::Complete;
  } else {
    after_head_ = State::UntilClose;
    keep_alive_ = false;
  }
  return true;
}

bool ResponseParser::read_length(const std::vector<std::string_view>& values) {
  if (values.empty()) {
    return true;
  }
  const std::string_view text = values[0];
  for (const std::string_view value : values) {
    if (value != text) {
      return fail("the Content-Length headers of the answer contradict each other");
    }
  }
  if (text.empty() || text.size() > kLengthDigitsMax ||
      !std::all_of(text.begin(), text.end(), is_digit)) {
    return fail("the Content-Length header of the answer is not a number of bytes");
  }
  for (const char digit : text) {
    remaining_ = remaining_ * 10 + static_cast<std::uint64_t>(digit - '0');
  }
  return true;
}

void ResponseParser::on_chunk_size(std::string_view line) {
  const std::size_t end = std::min(line.find_first_not_of("0123456789abcdefABCDEF"), line.size());
  const std::string_view rest = trim_field(line.substr(end));
  if (end == 0 || end > kChunkDigitsMax || (!rest.empty() && rest[0] != ';') ||
      (rest.empty() && end != line.size()) || !is_field_value(rest)) {
    fail("the size of a chunk of the answer is not valid");
    return;
  }
  remaining_ = 0;
  for (const char digit : line.substr(0, end)) {
    const int value = is_digit(digit) ? digit - '0' : (digit | 0x20) - 'a' + 10;
    remaining_ = remaining_ * 16 + static_cast<std::uint64_t>(value);
  }
  state_ = remaining_ == 0 ? State::Trailers : State::ChunkData;
}

void ResponseParser::on_trailer(std::string_view line) {
  if (line.empty()) {
    state_ = State::Complete;
    return;
  }
  // Checked and dropped: nobody here wants what comes after a body.
  if (!is_field(line, line.find(':')) || ++trailer_count_ > limits_.headers_max) {
    fail("a trailer of the answer is not valid, or one too many");
    return;
  }
  head_bytes_ += line.size();
}

bool ResponseParser::fail(std::string message) {
  state_ = State::Failed;
  keep_alive_ = false;
  failure_ = std::move(message);
  return false;
}

}  // namespace reeve::net
