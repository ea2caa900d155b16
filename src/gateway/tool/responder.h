#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/time.h"
#include "gateway/tool/ports.h"
#include "gateway/tool/protocol.h"
#include "net/exchange.h"

namespace reeve::gateway {

/// How long an answer is waited for before the client is told that it takes time, and how often it
/// is told so afterwards. Clients give up after about a minute of silence.
inline constexpr Duration kFirstBeat{2'000};
inline constexpr Duration kBeat{10'000};
/// Notifications are left out while that much waits for the client.
inline constexpr std::size_t kUnsentBytesMax = std::size_t{64} << 10U;
/// A long answer is written in such pieces, as the client takes them: a stream keeps little.
inline constexpr std::size_t kAnswerPieceBytes = std::size_t{256} << 10U;

/// The answer to one request: one JSON message, or an event stream with progress if it takes time.
///
/// Threading: network thread. Lives until it is answered or its client has gone.
class Responder : public std::enable_shared_from_this<Responder> {
 public:
  static std::shared_ptr<Responder> create(
      std::shared_ptr<net::Exchange> exchange, const RpcMessage& message, const ToolPorts& ports
  );
  ~Responder();
  Responder(const Responder&) = delete;
  Responder& operator=(const Responder&) = delete;

  /// Further headers of the answer; before it.
  void header(std::string name, std::string value);

  /// The result of a tool, or of anything else but a list.
  void result(Json result) { answer(200, result_message(id_, in_era(era_, std::move(result)))); }

  void list(Json result) { answer(200, result_message(id_, list_in_era(era_, std::move(result)))); }

  void error(RpcError error);

  /// From now on: says at regular times that it still goes on, and what is waited for.
  void hold(std::string why);

  /// Passes on what a tool server tells about the call before its answer: parameters of
  /// `notifications/progress` or `notifications/message`. What a client does not take fast enough
  /// is left out.
  void note(std::string_view method, Json params);

  /// Called once if the client goes before the answer.
  void on_gone(std::function<void()> callback) { gone_ = std::move(callback); }

  bool open() const { return !done_; }

 private:
  Responder(
      std::shared_ptr<net::Exchange> exchange,
      const RpcMessage& message,
      decltype(ToolPorts::after) after
  );

  void answer(int status, const Json& message);
  bool open_stream();
  void write_answer(std::shared_ptr<const std::string> text, std::size_t from);
  void send(std::string_view method, Json params);
  void beat();
  void arm(Duration delay);
  void left();

  std::shared_ptr<net::Exchange> exchange_;
  std::shared_ptr<net::Stream> stream_;
  decltype(ToolPorts::after) after_;
  Era era_;
  Json id_;
  Json progress_token_;
  bool takes_streams_ = false;
  std::vector<net::Header> headers_;
  std::string why_;
  std::int64_t beats_ = 0;
  /// What the tool server has told last; each beat goes a little further.
  std::optional<double> progress_;
  bool done_ = false;
  ToolPorts::Cancel timer_;
  std::function<void()> gone_;
};

}  // namespace reeve::gateway
