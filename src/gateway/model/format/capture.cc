#include "gateway/model/format/capture.h"

#include <algorithm>
#include <utility>

#include "base/strings.h"

namespace reeve::gateway::model {

namespace {

/// Held beyond what is kept, so that a secret at the end is seen whole.
constexpr std::size_t kMarginBytes = 4'096;
constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

int hex_digit(char c) {
  return c >= '0' && c <= '9'   ? c - '0'
         : c >= 'a' && c <= 'f' ? c - 'a' + 10
         : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                : -1;
}

/// The same JSON without escapes that are not needed: what hides behind them is to be found.
std::string without_escapes(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '\\' || at + 1 >= text.size()) {
      out.push_back(text[at]);
      continue;
    }
    const char kind = text[at + 1];
    if (kind == '/') {
      out.push_back('/');
      ++at;
      continue;
    }
    if (kind == 'u' && at + 5 < text.size() && text[at + 2] == '0' && text[at + 3] == '0') {
      const int high = hex_digit(text[at + 4]);
      const int low = hex_digit(text[at + 5]);
      const int c = high < 0 || low < 0 ? -1 : high * 16 + low;
      if (c >= 0x20 && c < 0x7F && c != '"' && c != '\\') {
        out.push_back(static_cast<char>(c));
        at += 5;
        continue;
      }
    }
    out.push_back('\\');
    out.push_back(kind);
    ++at;
  }
  return out;
}

/// At most `bytes_max`, and whole characters only.
std::string as_utf8(std::string_view text, std::size_t bytes_max, bool& cut) {
  std::string out;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t length = utf8_length(text.substr(at));
    const std::string_view piece = length == 0 ? kReplacement : text.substr(at, length);
    if (out.size() + piece.size() > bytes_max) {
      cut = true;
      break;
    }
    out += piece;
    at += std::max<std::size_t>(length, 1);
  }
  return out;
}

}  // namespace

std::string_view to_string(CaptureKind kind) {
  switch (kind) {
    case CaptureKind::None:
      return "none";
    case CaptureKind::Metadata:
      return "metadata";
    case CaptureKind::Body:
      return "body";
  }
  return "";
}

BodyCapture::BodyCapture(
    CaptureKind kind, std::size_t bytes_max, std::shared_ptr<const GuardrailSet> patterns
)
    : kind_(kind), bytes_max_(bytes_max), patterns_(std::move(patterns)) {}

void BodyCapture::feed(std::string_view piece) {
  size_ += piece.size();
  if (kind_ == CaptureKind::None) {
    return;
  }
  hash_.update(piece);
  if (kind_ == CaptureKind::Body) {
    held_ += piece.substr(0, bytes_max_ + kMarginBytes - held_.size());
  }
}

Captured BodyCapture::finish() {
  Captured captured;
  captured.size_bytes = size_;
  if (kind_ == CaptureKind::None) {
    return captured;
  }
  const Sha256Bytes hash = hash_.finish();
  captured.digest = to_hex({reinterpret_cast<const char*>(hash.data()), hash.size()});
  if (kind_ == CaptureKind::Body) {
    captured.cut = held_.size() < size_;
    std::string text = redact(*GuardrailSet::secrets(), without_escapes(held_));
    if (patterns_) {
      text = redact(*patterns_, text);
    }
    if (captured.cut) {
      // A secret that goes on behind what was held may be here.
      text.resize(text.size() - std::min(text.size(), kMarginBytes));
    }
    captured.text = as_utf8(text, bytes_max_, captured.cut);
  }
  held_.clear();
  return captured;
}

}  // namespace reeve::gateway::model
