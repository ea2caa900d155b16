#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "gateway/model/format/answer_cache.h"
#include "gateway/model/format/capture.h"
#include "gateway/model/format/errors.h"
#include "gateway/model/format/guardrail.h"
#include "gateway/model/format/usage.h"
#include "net/exchange.h"

namespace reeve::gateway::model {

/// Of an answer that is no stream.
inline constexpr std::size_t kAnswerBytesMax = std::size_t{32} << 20U;
/// What a client has not yet taken of a stream before its provider is read no further, and when it
/// is again.
inline constexpr std::size_t kUntakenBytesMax = std::size_t{256} << 10U;
inline constexpr std::size_t kUntakenBytesLow = std::size_t{64} << 10U;

struct DeliveryOptions {
  Operation operation = Operation::ChatCompletions;
  Dialect dialect = Dialect::OpenAi;
  /// The name of the reservation; empty: none.
  std::string call;
  WorstCase reserved = {};
  bool withhold_usage = false;
  /// May be null.
  std::shared_ptr<const GuardrailSet> patterns = {};
  CapturePolicy capture = {};
  /// Keep what the client gets, up to so many bytes; 0: not at all.
  std::size_t keep_bytes_max = 0;
};

/// What becomes of a piece of an answer.
enum class DeliveryStep : std::uint8_t {
  Passed,
  /// The client does not keep up: read nothing more until it does.
  Full,
  /// Nobody takes it any more.
  ClientGone,
  /// Something in it may not pass; the client was told, or was cut off.
  Blocked,
  /// It begins by saying that it has failed, and the client has got nothing of it.
  FailedEarly,
  /// It is larger than is taken; as before.
  TooLarge,
};

/// Takes the answer of a provider to the client: event streams piece by piece, everything else at
/// its end; reads on its way what it has used. Network thread.
class Delivery {
 public:
  Delivery(std::shared_ptr<net::Exchange> exchange, DeliveryOptions options);

  /// The head of an answer with success.
  void begin(int status, const net::Headers& headers);

  DeliveryStep feed(std::string_view piece);

  /// The answer is over. `clean`: the connection did not break.
  DeliveryStep finish(bool clean);

  /// Ends what has begun with an error; where that cannot be said the connection breaks.
  void break_off(const GatewayError& error);

  /// Nobody takes it any more; it is only read.
  void leave();

  /// The client has gone; what it would have got is kept for who asks again. False: it cannot be.
  bool go_on_alone();

  /// Whether the client has got a byte, or would have.
  bool began() const { return stream_ != nullptr || responded_ || (alone_ && passed_events_ > 0); }

  const std::shared_ptr<net::Stream>& stream() const { return stream_; }

  const AnswerFacts& facts() const { return watch_->facts(); }

  int status() const { return status_; }

  bool has_head() const { return watch_.has_value(); }

  /// Bytes that came.
  std::uint64_t bytes() const { return bytes_; }

  /// Bytes of them that are held in memory.
  std::size_t held_bytes() const { return body_.size(); }

  /// Names of rules that were found; for records.
  const std::string& found() const { return found_; }

  Captured captured() { return capture_ ? capture_->finish() : Captured(); }

  /// Of a complete answer that was to be kept. Nothing: it cannot be given again.
  std::optional<WholeAnswer> kept() const;

 private:
  DeliveryStep pass(std::string_view out, bool was_between);
  DeliveryStep block(bool was_between);
  bool keep(std::string_view out);
  DeliveryStep respond();
  void search(std::string_view text);

  std::shared_ptr<net::Exchange> exchange_;
  DeliveryOptions options_;
  std::optional<AnswerWatch> watch_;
  std::optional<GuardrailSearch> search_;
  std::optional<BodyCapture> capture_;
  std::shared_ptr<net::Stream> stream_;
  AnswerForm form_ = AnswerForm::Json;
  int status_ = 0;
  net::ResponseHead head_;
  std::string content_type_;
  /// Of JSON all of it; of events what is kept.
  std::string body_;
  bool kept_whole_ = true;
  /// What was kept, once all of it is there.
  std::shared_ptr<const std::string> whole_;
  std::uint64_t bytes_ = 0;
  std::uint64_t passed_events_ = 0;
  std::string found_;
  bool blocked_ = false;
  bool left_ = false;
  bool alone_ = false;
  bool responded_ = false;
};

/// What is said where a guardrail has stopped an answer.
GatewayError blocked_error();

/// A whole answer once more; `call` is the record of the call that has got it.
net::Response answer_again(const WholeAnswer& answer, const std::string& call);

/// Answers with an error, unless the exchange was answered.
void respond_with_error(
    const std::shared_ptr<net::Exchange>& exchange,
    Operation operation,
    Dialect dialect,
    const GatewayError& error,
    const std::string& call = {}
);

}  // namespace reeve::gateway::model
