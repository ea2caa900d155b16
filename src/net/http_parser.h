#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "net/request.h"

namespace reeve::net {

/// What a parser accepts; see `ServerLimits`.
struct ParserLimits {
  std::size_t request_line_bytes_max = std::size_t{16} << 10;
  std::size_t header_bytes_max = std::size_t{64} << 10;
  std::size_t headers_max = 100;
  std::size_t body_bytes_max = std::size_t{3} << 20;
  std::size_t method_bytes_max = 32;
  /// Size and extensions of one chunk.
  std::size_t chunk_line_bytes_max = 256;
  std::size_t trailer_bytes_max = std::size_t{8} << 10;
  std::size_t query_parameters_max = 1000;
};

/// A request as it was read from the wire, with what follows for its connection.
struct ParsedRequest {
  std::string method;
  std::string raw_target;
  Target target;
  /// Of an absolute target, else of the Host field.
  std::string host;
  int version_minor = 1;
  Headers headers;
  std::string body;
  /// Whether another request may follow on the connection.
  bool keep_alive = true;
};

/// Why a request was refused: the status to answer with, and a sentence for people without a
/// period.
struct ParseFailure {
  int status = 0;
  std::string message;
};

/// Reads HTTP/1.x requests (RFC 9112) strictly and piece by piece: whatever two implementations
/// could read differently is refused. Each byte is looked at once, however it arrives.
///
/// A value without access to the machine. Threading: one thread at a time.
class Parser {
 public:
  explicit Parser(ParserLimits limits = {});

  /// Reads from `bytes` and returns how many it took: all of them, unless the request is complete
  /// or was refused. Takes nothing in these two states.
  std::size_t feed(std::string_view bytes);

  /// Nothing of a request was seen since the last `take`.
  bool idle() const { return state_ == State::RequestLine && line_.empty(); }

  /// Request line and fields are there.
  bool head_complete() const { return state_ >= State::Body && state_ != State::Failed; }

  bool complete() const { return state_ == State::Complete; }

  bool failed() const { return state_ == State::Failed; }

  /// What is wrong; only if `failed`.
  const ParseFailure& failure() const { return failure_; }

  /// The client waits for "100 Continue" before it sends the body, of which nothing came yet.
  bool expects_continue() const { return expects_continue_; }

  /// Body bytes so far, framing included: for deadlines.
  std::uint64_t body_bytes_seen() const { return body_bytes_seen_; }

  /// What it keeps of a body that is not complete.
  std::size_t body_bytes_kept() const { return request_.body.capacity(); }

  /// The method as far as it is known; for refusals of HEAD.
  const std::string& method() const { return request_.method; }

  /// The complete request; the parser is ready for the next one.
  ParsedRequest take();

 private:
  enum class State {
    RequestLine,
    Fields,
    Body,
    ChunkSize,
    ChunkData,
    ChunkEnd,
    Trailers,
    Complete,
    Failed,
  };

  std::size_t feed_line(std::string_view bytes);
  std::size_t feed_body(std::string_view bytes);
  std::size_t line_bytes_max() const;
  void on_line(std::string_view line);
  void on_request_line(std::string_view line);
  void on_method(std::string_view method);
  void on_field(std::string_view line);
  void on_trailer(std::string_view line);
  void on_chunk_size(std::string_view line);
  void on_head_end();
  bool read_host();
  bool read_framing();
  bool read_length(const std::vector<std::string_view>& values);
  bool read_connection();
  bool read_expectation();
  void fail(int status, std::string message);
  bool refuse(int status, std::string message);
  void fail_line_length();

  ParserLimits limits_;
  State state_ = State::RequestLine;
  /// The beginning of a line whose end has not come.
  std::string line_;
  bool skipped_empty_line_ = false;
  std::size_t field_bytes_ = 0;
  std::size_t trailer_count_ = 0;
  /// Of the body or the chunk.
  std::uint64_t remaining_ = 0;
  std::uint64_t body_bytes_seen_ = 0;
  bool chunked_ = false;
  bool expects_continue_ = false;
  ParsedRequest request_;
  ParseFailure failure_;
};

}  // namespace reeve::net
