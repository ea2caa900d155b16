#include "net/http_parser.h"

#include <algorithm>
#include <utility>

#include "base/strings.h"
#include "net/target.h"
#include "net/text.h"

namespace reeve::net {

namespace {

constexpr std::size_t kLineEndBytes = 2;
/// Hexadecimal digits of a chunk's size.
constexpr std::size_t kChunkDigitsMax = 16;
/// Decimal digits of a length that surely fits 64 bits.
constexpr std::size_t kLengthDigitsMax = 18;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// The minor version of "HTTP/1.x"; -1: no version at all, -2: another major version.
int read_version(std::string_view text) {
  if (text.size() != 8 || !text.starts_with("HTTP/") || !is_digit(text[5]) || text[6] != '.' ||
      !is_digit(text[7])) {
    return -1;
  }
  return text[5] == '1' ? text[7] - '0' : -2;
}

}  // namespace

Parser::Parser(ParserLimits limits) : limits_(limits) {}

std::size_t Parser::feed(std::string_view bytes) {
  std::size_t taken = 0;
  while (taken < bytes.size() && state_ != State::Complete && state_ != State::Failed) {
    const std::string_view rest = bytes.substr(taken);
    const bool in_body = state_ == State::Body || state_ == State::ChunkData;
    if (state_ >= State::Body) {
      expects_continue_ = false;
    }
    const std::size_t step = in_body ? feed_body(rest) : feed_line(rest);
    if (state_ >= State::Body) {
      body_bytes_seen_ += step;
    }
    taken += step;
  }
  return taken;
}

std::size_t Parser::line_bytes_max() const {
  switch (state_) {
    case State::RequestLine:
      return limits_.request_line_bytes_max + kLineEndBytes;
    case State::Fields:
      return limits_.header_bytes_max - field_bytes_ + kLineEndBytes;
    case State::Trailers:
      return limits_.trailer_bytes_max - field_bytes_ + kLineEndBytes;
    case State::ChunkSize:
      return limits_.chunk_line_bytes_max + kLineEndBytes;
    case State::ChunkEnd:
    case State::Body:
    case State::ChunkData:
    case State::Complete:
    case State::Failed:
      break;
  }
  return kLineEndBytes;
}

std::size_t Parser::feed_line(std::string_view bytes) {
  if (state_ == State::RequestLine && line_.empty() && bytes[0] != '\r' &&
      !is_token(bytes.substr(0, 1))) {
    fail(400, "this is not an HTTP request");
    return 0;
  }
  if (state_ == State::ChunkEnd && line_.empty() && bytes[0] != '\r') {
    // Said at once: who sends too much may wait for an answer, and no line end comes.
    fail(400, "a chunk is not framed properly");
    return 0;
  }
  const std::size_t end = bytes.find('\n');
  const std::size_t length = end == std::string_view::npos ? bytes.size() : end + 1;
  if (line_.size() + length > line_bytes_max()) {
    fail_line_length();
    return length;
  }
  if (end == std::string_view::npos) {
    line_.append(bytes);
    return length;
  }
  std::string kept = std::move(line_);
  line_.clear();
  std::string_view line = bytes.substr(0, length);
  if (!kept.empty()) {
    kept.append(line);
    line = kept;
  }
  if (!line.ends_with("\r\n") || line.find('\r') != line.size() - kLineEndBytes) {
    fail(400, "a line does not end with CR LF, or has a CR inside");
    return length;
  }
  line.remove_suffix(kLineEndBytes);
  on_line(line);
  return length;
}

void Parser::on_line(std::string_view line) {
  switch (state_) {
    case State::RequestLine:
      return on_request_line(line);
    case State::Fields:
      return line.empty() ? on_head_end() : on_field(line);
    case State::ChunkSize:
      return on_chunk_size(line);
    case State::ChunkEnd:
      state_ = State::ChunkSize;
      return;
    case State::Trailers:
      return on_trailer(line);
    case State::Body:
    case State::ChunkData:
    case State::Complete:
    case State::Failed:
      break;
  }
}

std::size_t Parser::feed_body(std::string_view bytes) {
  const std::size_t taken =
      static_cast<std::size_t>(std::min<std::uint64_t>(remaining_, bytes.size()));
  request_.body.append(bytes.substr(0, taken));
  remaining_ -= taken;
  if (remaining_ == 0) {
    state_ = state_ == State::Body ? State::Complete : State::ChunkEnd;
  }
  return taken;
}

void Parser::on_request_line(std::string_view line) {
  if (line.empty()) {
    // RFC 9112, 2.2: one empty line before the request is tolerated.
    return skipped_empty_line_ ? fail(400, "there are empty lines before the request")
                               : void(skipped_empty_line_ = true);
  }
  const std::size_t first = line.find(' ');
  const std::size_t second = first == std::string_view::npos ? first : line.find(' ', first + 1);
  if (second == std::string_view::npos || line.find(' ', second + 1) != std::string_view::npos) {
    return fail(400, "the request line is not a method, a target and a version");
  }
  const std::string_view method = line.substr(0, first);
  const int minor = read_version(line.substr(second + 1));
  if (minor == -1 || !is_token(method)) {
    return fail(400, "the request line is not a method, a target and a version");
  }
  request_.method = method.substr(0, limits_.method_bytes_max);
  if (minor == -2) {
    return fail(505, "only HTTP/1.1 and HTTP/1.0 are spoken here");
  }
  if (method.size() > limits_.method_bytes_max || method == "CONNECT") {
    return fail(501, "this method is not offered");
  }
  request_.version_minor = std::min(minor, 1);
  request_.raw_target = line.substr(first + 1, second - first - 1);
  Result<Target> target = parse_target(request_.raw_target, limits_.query_parameters_max);
  if (!target.ok()) {
    return fail(400, target.error().message);
  }
  if (target->path == "*" && method != "OPTIONS") {
    return fail(400, "the target * is for OPTIONS only");
  }
  request_.target = std::move(*target);
  state_ = State::Fields;
}

void Parser::on_field(std::string_view line) {
  if (line[0] == ' ' || line[0] == '\t') {
    return fail(400, "a header is continued on the next line, which is obsolete");
  }
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos || !is_token(line.substr(0, colon))) {
    return fail(400, "a header's name is not valid, or not followed by a colon");
  }
  const std::string_view value = trim_field(line.substr(colon + 1));
  if (!is_field_value(value)) {
    return fail(400, "a header's value has a control character");
  }
  if (request_.headers.size() == limits_.headers_max) {
    return fail(431, concat("the request has more than ", limits_.headers_max, " headers"));
  }
  field_bytes_ += line.size();
  request_.headers.add(std::string(line.substr(0, colon)), std::string(value));
}

void Parser::on_trailer(std::string_view line) {
  if (line.empty()) {
    state_ = State::Complete;
    return;
  }
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos || !is_token(line.substr(0, colon)) ||
      !is_field_value(line.substr(colon + 1))) {
    return fail(400, "a trailer is not valid");
  }
  if (++trailer_count_ > limits_.headers_max) {
    return fail(431, concat("the request has more than ", limits_.headers_max, " trailers"));
  }
  // Checked and dropped: merging trailers into the headers is how requests get smuggled.
  field_bytes_ += line.size();
}

void Parser::on_chunk_size(std::string_view line) {
  const std::size_t end = std::min(line.find_first_not_of("0123456789abcdefABCDEF"), line.size());
  if (end == 0 || end > kChunkDigitsMax) {
    return fail(400, "a chunk's size is not valid");
  }
  const std::string_view rest = trim_field(line.substr(end));
  if ((!rest.empty() && rest[0] != ';') || (rest.empty() && end != line.size()) ||
      !is_field_value(rest)) {
    return fail(400, "a chunk's size is followed by something else");
  }
  std::uint64_t size = 0;
  for (const char digit : line.substr(0, end)) {
    const int value = is_digit(digit) ? digit - '0' : (digit | 0x20) - 'a' + 10;
    size = size * 16 + static_cast<std::uint64_t>(value);
  }
  if (size == 0) {
    field_bytes_ = 0;
    state_ = State::Trailers;
    return;
  }
  if (size > limits_.body_bytes_max - request_.body.size()) {
    return fail(413, concat("the body is longer than ", limits_.body_bytes_max, " bytes"));
  }
  remaining_ = size;
  state_ = State::ChunkData;
}

void Parser::on_head_end() {
  if (!read_host() || !read_framing() || !read_connection() || !read_expectation()) {
    return;
  }
  field_bytes_ = 0;
  if (chunked_) {
    state_ = State::ChunkSize;
  } else {
    state_ = remaining_ > 0 ? State::Body : State::Complete;
  }
}

bool Parser::read_host() {
  const std::vector<std::string_view> hosts = request_.headers.find_all("host");
  if (hosts.size() > 1 || (hosts.empty() && request_.version_minor > 0)) {
    return refuse(400, "the request needs exactly one Host header");
  }
  if (!hosts.empty() && !is_authority(hosts[0])) {
    return refuse(400, "the Host header is not valid");
  }
  request_.host = request_.target.authority;
  if (request_.host.empty() && !hosts.empty()) {
    request_.host = hosts[0];
  }
  return true;
}

bool Parser::read_framing() {
  const std::vector<std::string_view> codings = request_.headers.find_all("transfer-encoding");
  const std::vector<std::string_view> lengths = request_.headers.find_all("content-length");
  if (codings.empty()) {
    return read_length(lengths);
  }
  if (!lengths.empty() || request_.version_minor == 0) {
    return refuse(400, "Transfer-Encoding with Content-Length, or in HTTP/1.0");
  }
  if (codings.size() == 1 && same_text(codings[0], "chunked")) {
    chunked_ = true;
    return true;
  }
  std::size_t chunked = 0;
  for (const std::string_view list : codings) {
    for (const std::string_view piece : split(list, ',')) {
      const std::string_view coding = trim_field(piece);
      if (coding.empty() || (same_text(coding, "chunked") && ++chunked > 1)) {
        return refuse(400, "the Transfer-Encoding header is not valid");
      }
    }
  }
  return refuse(501, "the only transfer coding that is understood is chunked");
}

bool Parser::read_length(const std::vector<std::string_view>& values) {
  if (values.empty()) {
    return true;
  }
  const std::string_view text = values[0];
  for (const std::string_view value : values) {
    if (value != text) {
      return refuse(400, "the Content-Length headers contradict each other");
    }
  }
  if (text.empty() || !std::all_of(text.begin(), text.end(), is_digit)) {
    return refuse(400, "the Content-Length header is not a number");
  }
  std::uint64_t length = 0;
  for (const char digit : text.substr(0, kLengthDigitsMax)) {
    length = length * 10 + static_cast<std::uint64_t>(digit - '0');
  }
  if (text.size() > kLengthDigitsMax || length > limits_.body_bytes_max) {
    return refuse(413, concat("the body is longer than ", limits_.body_bytes_max, " bytes"));
  }
  remaining_ = length;
  return true;
}

bool Parser::read_connection() {
  request_.keep_alive = request_.version_minor > 0;
  for (const std::string_view value : request_.headers.find_all("connection")) {
    if (list_has(value, "close")) {
      request_.keep_alive = false;
    }
  }
  return true;
}

bool Parser::read_expectation() {
  const std::string* expectation = request_.headers.find("expect");
  if (expectation == nullptr || request_.version_minor == 0) {
    return true;
  }
  if (!same_text(*expectation, "100-continue")) {
    return refuse(417, "the only expectation that can be met is 100-continue");
  }
  expects_continue_ = chunked_ || remaining_ > 0;
  return true;
}

void Parser::fail(int status, std::string message) {
  state_ = State::Failed;
  request_.keep_alive = false;
  expects_continue_ = false;
  failure_ = ParseFailure{.status = status, .message = std::move(message)};
}

bool Parser::refuse(int status, std::string message) {
  fail(status, std::move(message));
  return false;
}

void Parser::fail_line_length() {
  if (state_ == State::RequestLine) {
    return fail(
        414, concat("the request line is longer than ", limits_.request_line_bytes_max, " bytes")
    );
  }
  if (state_ == State::Fields) {
    return fail(431, concat("the headers are longer than ", limits_.header_bytes_max, " bytes"));
  }
  if (state_ == State::Trailers) {
    return fail(431, concat("the trailers are longer than ", limits_.trailer_bytes_max, " bytes"));
  }
  fail(400, "a chunk is not framed properly");
}

ParsedRequest Parser::take() {
  ParsedRequest taken = std::move(request_);
  *this = Parser(limits_);
  return taken;
}

}  // namespace reeve::net
