#include "telemetry/gzip.h"

#include <array>
#include <zlib.h>

#include "base/strings.h"

namespace reeve::telemetry {

namespace {

constexpr std::size_t kPieceBytes = std::size_t{64} << 10U;
/// Of the window of deflate, and "gzip only" besides.
constexpr int kGzipWindowBits = 15 + 16;

/// A stream that is always given back.
class Inflation {
 public:
  explicit Inflation(std::string_view bytes) {
    // zlib does not write there.
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream_.avail_in = static_cast<uInt>(bytes.size());
    ready_ = ::inflateInit2(&stream_, kGzipWindowBits) == Z_OK;
  }

  ~Inflation() {
    if (ready_) {
      ::inflateEnd(&stream_);
    }
  }

  Inflation(const Inflation&) = delete;
  Inflation& operator=(const Inflation&) = delete;

  bool ready() const { return ready_; }

  bool all_read() const { return stream_.avail_in == 0; }

  /// Appends the next piece; Z_OK: there is more.
  int next(std::string& out) {
    stream_.next_out = piece_.data();
    stream_.avail_out = static_cast<uInt>(piece_.size());
    const int code = ::inflate(&stream_, Z_NO_FLUSH);
    out.append(reinterpret_cast<const char*>(piece_.data()), piece_.size() - stream_.avail_out);
    return code;
  }

 private:
  z_stream stream_{};
  std::array<Bytef, kPieceBytes> piece_{};
  bool ready_ = false;
};

}  // namespace

Result<std::string> gunzip(std::string_view bytes, std::size_t bytes_max) {
  constexpr std::size_t kInputMax = std::size_t{1} << 30U;
  Inflation inflation(bytes.substr(0, kInputMax));
  if (!inflation.ready()) {
    return make_error(ErrorCode::Unavailable, "zlib could not be set up");
  }
  std::string out;
  while (true) {
    const int code = inflation.next(out);
    if (out.size() > bytes_max) {
      return make_error(
          ErrorCode::LimitExceeded, concat("unpacked, it is longer than ", bytes_max, " bytes")
      );
    }
    if (code == Z_STREAM_END && inflation.all_read()) {
      return out;
    }
    if (code != Z_OK) {
      return make_error(ErrorCode::Invalid, "it is no gzip, or is damaged");
    }
  }
}

}  // namespace reeve::telemetry
