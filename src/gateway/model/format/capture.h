#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/hash.h"
#include "base/ids.h"
#include "gateway/model/format/guardrail.h"

namespace reeve::gateway::model {

/// What is kept of requests and answers.
enum class CaptureKind : std::uint8_t { None, Metadata, Body };

std::string_view to_string(CaptureKind kind);  ///< "none", "metadata", "body"

struct CapturePolicy {
  CaptureKind request = CaptureKind::Metadata;
  CaptureKind response = CaptureKind::Metadata;
  /// Of one body.
  std::size_t bytes_max = 65'536;
};

/// What was kept of one body.
struct Captured {
  std::uint64_t size_bytes = 0;
  /// SHA-256 of all of it; empty if nothing is to be kept.
  std::string digest;
  /// Redacted; empty unless bodies are kept.
  std::string text;
  /// The text is not all of it.
  bool cut = false;
};

/// Takes a body as it passes, or of a stream its text (WatchOptions::on_text): what is found over
/// the boundaries of events has to be found here, too. Never holds more than `bytes_max` and what
/// redacting needs. What looks like a secret never gets out of it. One thread.
class BodyCapture {
 public:
  /// `patterns` are replaced beside the known secrets; may be null.
  BodyCapture(
      CaptureKind kind, std::size_t bytes_max, std::shared_ptr<const GuardrailSet> patterns
  );

  void feed(std::string_view piece);

  /// Once. The text is UTF-8 whatever the bytes are.
  Captured finish();

 private:
  CaptureKind kind_;
  std::size_t bytes_max_;
  std::shared_ptr<const GuardrailSet> patterns_;
  Sha256 hash_;
  std::uint64_t size_ = 0;
  std::string held_;
};

}  // namespace reeve::gateway::model
