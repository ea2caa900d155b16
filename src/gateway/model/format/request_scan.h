#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "gateway/model/format/json_stream.h"
#include "gateway/model/format/operation.h"

namespace reeve::gateway::model {

/// Limits of a request; reaching one is an ordinary error.
struct ScanLimits {
  std::size_t size_bytes_max = std::size_t{32} << 20U;
  int depth_max = 128;
};

/// Largest `n`.
inline constexpr std::uint64_t kAnswersMax = 128;
/// Longest name of a model.
inline constexpr std::size_t kModelNameBytesMax = 200;
/// Things in a request that its size does not bound; more of them are not named.
inline constexpr std::size_t kUnboundedMax = 8;
/// Limits of output that are larger are refused.
inline constexpr std::uint64_t kRequestTokensMax = 1'000'000'000;

/// What a request says, as far as the gateway acts upon it. Ranges are bytes of the body.
struct RequestScan {
  std::size_t size_bytes = 0;
  /// Empty: it names none.
  std::string model;
  /// Of its value, quotes included.
  ByteRange model_at;
  bool stream = false;
  // Absent: the client says nothing of it, or null.
  std::optional<std::uint64_t> max_tokens;
  std::optional<std::uint64_t> max_completion_tokens;
  std::optional<std::uint64_t> max_output_tokens;
  /// Limits that are there as null, by name.
  std::vector<std::pair<std::string, ByteRange>> null_limits;
  /// Answers that it asks for.
  std::uint64_t n = 1;
  /// `stream_options.include_usage` of chat completions: the client wants the last chunk.
  bool include_usage = false;
  /// `stream_options`, an object or null.
  std::optional<ByteRange> stream_options_at;
  bool stream_options_null = false;
  bool stream_options_empty = false;
  /// The value of `include_usage`, if it is there.
  std::optional<ByteRange> include_usage_at;
  std::size_t tools = 0;
  /// The model is asked to think first; what it thinks costs output and may not be shown.
  bool thinking = false;
  /// Pictures, and documents and sounds, wherever a message may have them.
  std::size_t images = 0;
  std::size_t files = 0;
  /// Bytes of those that are in the body; they are no text.
  std::size_t attachment_bytes = 0;
  /// Bytes of `prediction`: what of it is not used costs output beyond the limit.
  std::size_t prediction_bytes = 0;
  /// It goes on from what the provider has stored, so that the body is not all of the input:
  /// `previous_response_id`, `conversation`, `prompt`.
  bool stored_input = false;
  /// What makes its cost unknowable in advance, by name: tools that the provider runs itself
  /// ("web_search"), `service_tier`, `speed` and `inference_geo` that cost more, sounds as output,
  /// answers in the background, contexts that the provider makes shorter by asking the model.
  std::vector<std::string> unbounded;
  /// Where the first member begins: behind the `{`.
  std::size_t members_at = 0;
  bool empty_object = false;

  /// The largest limit that the client gives.
  std::optional<std::uint64_t> output_limit() const;

  /// Bytes that become text for the model: no token is shorter than one of them.
  std::size_t text_bytes() const { return size_bytes - attachment_bytes; }

  /// About how many tokens the input has; for choosing, not for paying.
  std::uint64_t likely_tokens() const { return text_bytes() / 4; }
};

/// Reads a body once, strictly, and remembers where things are; it is passed on as it came. What
/// is not known here is none of its business.
///
/// Invalid: no JSON object; a member that counts occurs twice or has a wrong type (`subject` names
/// it); a model whose name is no text of 1 to kModelNameBytesMax characters. LimitExceeded: too
/// large, too deep, a limit that is absurd.
Result<RequestScan> scan_request(
    Operation operation, std::string_view body, const ScanLimits& limits = {}
);

/// Puts `text` in the place of some bytes.
struct Splice {
  ByteRange at;
  std::string text;
};

/// What becomes different on the way to a provider.
struct RequestEdits {
  /// Another name of the model.
  std::optional<std::string> model = {};
  /// Has a streamed chat completion tell its usage (nothing happens otherwise). If the client did
  /// not ask for that, AnswerWatch withholds what it did not want.
  bool ask_for_usage = false;
  /// Where the client gives no limit.
  std::optional<std::uint64_t> output_limit = {};
  /// The member that says so; empty: as the operation has it (`max_completion_tokens`,
  /// `max_output_tokens`, `max_tokens`).
  std::string output_limit_member = {};
  /// What is redacted; in order, without overlaps. Those that touch what the others change are
  /// left out.
  std::vector<Splice> splices = {};
};

/// The body to send: the same bytes, but for the edits. Nothing: it is sent as it is. `scan` is of
/// this body.
std::optional<std::string> edit_request(
    Operation operation, std::string_view body, const RequestScan& scan, const RequestEdits& edits
);

}  // namespace reeve::gateway::model
