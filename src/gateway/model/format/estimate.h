#pragma once

#include <cstdint>
#include <optional>

#include "base/result.h"
#include "gateway/model/format/operation.h"
#include "gateway/model/format/request_scan.h"

namespace reeve::gateway::model {

/// Tokens that providers add to what they are sent: around messages, and for tools.
inline constexpr std::uint64_t kAddedTokens = 16;
inline constexpr std::uint64_t kAddedToolTokens = 1'024;
/// Of a picture where a model has no setting.
inline constexpr std::uint64_t kImageTokens = 10'000;
/// Text with more bytes for each token does not occur, but for long runs of blanks.
inline constexpr std::uint64_t kTokenBytesMax = 8;

/// What is known of the model that is asked. 0: unknown.
struct ModelBounds {
  std::uint64_t context_window = 0;
  std::uint64_t max_output_tokens = 0;
  std::uint64_t image_tokens = kImageTokens;
  /// Of a document or a sound. Unknown: they count as the whole context.
  std::uint64_t file_tokens = 0;
  /// Whether what cannot be bounded may be sent: tools that the provider runs, dearer tiers. The
  /// whole context is reserved for it then, and it may still cost more.
  bool allow_unbounded = false;
};

/// The most that a call can use.
struct WorstCase {
  std::uint64_t input_tokens = 0;
  std::uint64_t output_tokens = 0;

  friend bool operator==(const WorstCase&, const WorstCase&) = default;
};

/// Input: a token for each byte that is text, settings for the rest, and what providers add; never
/// more than the context. Output: the client's limit, or that which is inserted (`inserted_limit`),
/// or the model's, for each of `n` answers. Nothing of what is not metered.
///
/// Unsupported: it cannot be bounded; message and hint say by what, and what to set.
Result<WorstCase> worst_case(
    Operation operation,
    const RequestScan& scan,
    const ModelBounds& bounds,
    std::optional<std::uint64_t> inserted_limit = {}
);

/// Whether the input may fit: false only if it surely does not.
bool may_fit(const RequestScan& scan, std::uint64_t context_window);

}  // namespace reeve::gateway::model
