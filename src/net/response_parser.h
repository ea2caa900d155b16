#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "net/request.h"

namespace reeve::net {

/// What a parser of answers accepts.
struct ResponseLimits {
  /// Status line and fields of one head, line ends not counted; the trailers have as much.
  std::size_t head_bytes_max = std::size_t{64} << 10;
  std::size_t headers_max = 256;
  /// Size and extensions of one chunk.
  std::size_t chunk_line_bytes_max = 1024;
  /// Informational answers (1xx) before the one that was asked for.
  int informational_max = 16;
};

/// Reads answers of HTTP/1.x (RFC 9112) strictly and piece by piece: whatever two implementations
/// could read differently is refused. A body is handed out as it comes and never kept.
///
/// A value without access to the machine. Threading: one thread at a time.
class ResponseParser {
 public:
  enum class Event {
    /// Everything was taken, more bytes are needed.
    More,
    /// `status` and `take_headers` are there. Once for each answer; 1xx are passed over.
    Head,
    /// `Step::data` is a piece of the body.
    Data,
    /// The answer is complete. Nothing more is taken until `begin`.
    End,
    /// This is no proper answer, see `failure`. Nothing more is taken.
    Failed,
  };

  struct Step {
    Event event = Event::More;
    std::size_t taken = 0;
    /// Points into the bytes that were fed.
    std::string_view data = {};
  };

  explicit ResponseParser(ResponseLimits limits = {});

  /// Gets ready for the next answer. `head_request`: the request was a HEAD, its answer has no
  /// body.
  void begin(bool head_request);

  /// Reads from `bytes` up to the next event; to be called again (also with nothing) until `More`
  /// or an end.
  Step feed(std::string_view bytes);

  /// The other side sends no more. Whether that completes the answer, whose body ends with the
  /// connection.
  bool finish();

  /// From `Head` on.
  int status() const { return status_; }

  Headers take_headers() { return std::move(headers_); }

  /// From `Head` on: another answer can follow on this connection.
  bool keep_alive() const { return keep_alive_; }

  /// What is wrong, for people; never a piece of what was read. Only if `Failed`.
  const std::string& failure() const { return failure_; }

 private:
  enum class State {
    StatusLine,
    Fields,
    Body,
    ChunkSize,
    ChunkData,
    ChunkEnd,
    Trailers,
    UntilClose,
    /// The head is there and was not told yet; `after_head_` follows.
    HeadReady,
    Complete,
    Failed,
  };

  std::size_t feed_line(std::string_view bytes);
  Step feed_body(std::string_view bytes);
  std::size_t line_bytes_max() const;
  void on_line(std::string_view line);
  void on_status_line(std::string_view line);
  void on_field(std::string_view line);
  void on_trailer(std::string_view line);
  void on_chunk_size(std::string_view line);
  void on_head_end();
  bool read_framing();
  bool read_length(const std::vector<std::string_view>& values);
  void read_connection();
  bool fail(std::string message);

  ResponseLimits limits_;
  State state_ = State::Complete;
  State after_head_ = State::Complete;
  /// The beginning of a line whose end has not come.
  std::string line_;
  std::size_t head_bytes_ = 0;
  std::size_t trailer_count_ = 0;
  /// Of the body or the chunk.
  std::uint64_t remaining_ = 0;
  int status_ = 0;
  int version_minor_ = 1;
  int informational_ = 0;
  bool head_request_ = false;
  bool keep_alive_ = false;
  Headers headers_;
  std::string failure_;
};

}  // namespace reeve::net
