#include "gateway/model/format/estimate.h"

#include <algorithm>
#include <limits>

#include "base/strings.h"

namespace reeve::gateway::model {

namespace {

constexpr std::uint64_t kMost = std::numeric_limits<std::int64_t>::max();

std::uint64_t sum(std::uint64_t a, std::uint64_t b) {
  return a > kMost - std::min(b, kMost) ? kMost : a + b;
}

std::uint64_t product(std::uint64_t a, std::uint64_t b) {
  return a != 0 && b > kMost / a ? kMost : a * b;
}

Error unsupported(std::string message, std::string hint) {
  Error error = make_error(ErrorCode::Unsupported, std::move(message));
  error.hint = std::move(hint);
  return error;
}

Result<std::uint64_t> worst_input(const RequestScan& scan, const ModelBounds& bounds) {
  const std::string_view unbounded = !scan.unbounded.empty() ? "what the provider adds"
                                     : scan.stored_input     ? "what the provider has stored"
                                     : scan.files > 0 && bounds.file_tokens == 0
                                         ? "documents and sounds"
                                         : std::string_view();
  if (!scan.unbounded.empty() && !bounds.allow_unbounded) {
    return unsupported(
        concat("what it costs cannot be known in advance: ", join(scan.unbounded, ", ")),
        "leave it out, or set `unbounded: allow` of the model"
    );
  }
  if (!unbounded.empty()) {
    if (bounds.context_window == 0) {
      return unsupported(
          concat("how large ", unbounded, " can be is not known"),
          "set `contextWindow` of the model"
      );
    }
    return bounds.context_window;
  }
  std::uint64_t input = sum(scan.text_bytes(), kAddedTokens);
  if (scan.tools > 0) {
    input = sum(input, kAddedToolTokens);
  }
  input = sum(input, product(scan.images, bounds.image_tokens));
  input = sum(input, product(scan.files, bounds.file_tokens));
  return bounds.context_window == 0 ? input : std::min(input, bounds.context_window);
}

}  // namespace

Result<WorstCase> worst_case(
    Operation operation,
    const RequestScan& scan,
    const ModelBounds& bounds,
    std::optional<std::uint64_t> inserted_limit
) {
  WorstCase worst;
  if (!is_metered(operation)) {
    return worst;
  }
  REEVE_TRY(worst.input_tokens, worst_input(scan, bounds));
  if (operation == Operation::Embeddings) {
    return worst;
  }
  std::optional<std::uint64_t> limit = scan.output_limit();
  if (!limit) {
    limit = inserted_limit;
  }
  if (bounds.max_output_tokens > 0) {
    limit = std::min(limit.value_or(bounds.max_output_tokens), bounds.max_output_tokens);
  }
  if (!limit) {
    return unsupported(
        "the request has no limit of output, and that of the model is not known",
        "set `maxOutputTokens` or `outputLimit` of the model"
    );
  }
  worst.output_tokens = product(sum(*limit, scan.prediction_bytes), scan.n);
  return worst;
}

bool may_fit(const RequestScan& scan, std::uint64_t context_window) {
  return context_window == 0 || scan.text_bytes() / kTokenBytesMax <= context_window;
}

}  // namespace reeve::gateway::model
