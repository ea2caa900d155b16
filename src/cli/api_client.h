#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "base/secret.h"
#include "base/time.h"
#include "cli/connection_arguments.h"

/// The HTTP API as the command line uses it. Private to cli.
namespace reeve::cli {

/// One answer is at most so long, and so is one line of a stream.
inline constexpr std::size_t kAnswerBytesMax = std::size_t{64} << 20U;
/// A request that is no stream takes at most so long.
inline constexpr Duration kAnswerTimeout = std::chrono::seconds(60);

/// How a server is reached, and what proves who asks.
struct Connection {
  std::string server = {};
  /// PEM; empty: the machine's authorities.
  std::string authority = {};
  Secret token = {};
  std::string client_certificate = {};
  Secret client_key = {};
  /// Of the context; empty: it has none.
  std::string ns = {};
};

/// The current context of a kubeconfig. Files that it names are read beside `file`. Invalid: it is
/// none, or has no current context, or asks for a program that makes credentials.
Result<Connection> read_kubeconfig(std::string_view text, const std::filesystem::path& file);

/// From the arguments, else $REEVE_SERVER or $REEVE_KUBECONFIG, else the kubeconfig that `reeve up`
/// wrote into the data directory. Unavailable: there is none; the hint says what to do.
Result<Connection> find_connection(
    const std::filesystem::path& data_dir, const ConnectionArgs& args
);

struct ApiRequest {
  std::string method = "GET";
  /// With the query.
  std::string path = {};
  std::string body = {};
  std::string content_type = "application/json";
  std::string accept = "application/json";
  /// Empty: none. A repeated request with the same key has no second effect.
  std::string idempotency_key = {};
  /// What is answered with an error is an answer, too.
  bool any_status = false;
  /// 0: no limit.
  Duration timeout = kAnswerTimeout;
};

/// What a server says to a request.
struct ApiAnswer {
  int status = 0;
  std::string body;
  /// What it warns of, one text each.
  std::vector<std::string> warnings;

  bool fine() const;
};

/// What an answer of that HTTP status with that body (a metav1.Status, or text) means.
Error error_of_answer(int status, std::string_view body);

/// `text` as a part of a path or query (RFC 3986, 2.1).
std::string percent_encoded(std::string_view text);

/// Asks one server. One thread.
///
/// Errors: Unavailable (no connection, no answer in time), Ambiguous (the same for a request that
/// changes something, once it may have been received), and those of `error_of_answer`.
class ApiClient {
 public:
  /// Gets the bytes of a line without its end; false ends the stream.
  using OnLine = std::function<bool(std::string_view)>;

  /// Unsupported: there is no usable libcurl on this machine.
  static Result<std::unique_ptr<ApiClient>> connect(Connection connection);

  virtual ~ApiClient() = default;

  /// Whatever the status is.
  virtual Result<ApiAnswer> exchange(const ApiRequest& request) = 0;
  Result<std::string> ask_text(const ApiRequest& request);
  /// Until the server ends the stream, or `on_line` does.
  virtual Result<void> stream(const ApiRequest& request, const OnLine& on_line) = 0;

  Result<Json> ask(const ApiRequest& request);

  const Connection& connection() const { return connection_; }

 protected:
  explicit ApiClient(Connection connection) : connection_(std::move(connection)) {}

  // NOLINTNEXTLINE(*-non-private-member-variables-in-classes)
  Connection connection_;
};

}  // namespace reeve::cli
