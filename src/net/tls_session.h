#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "net/request.h"
#include "net/tls.h"

namespace reeve::net {

/// The keys and rules of TLS: 1.2 and 1.3, HTTP/1.1 by ALPN. Immutable, shared by sessions; any
/// thread.
class TlsContext {
 public:
  /// For a server; sessions are resumed by tickets. Invalid: a certificate or the key cannot be
  /// read, or they do not belong together.
  static Result<std::shared_ptr<const TlsContext>> create(const TlsMaterial& material);

  /// For a client: the other side's certificate is checked against the authorities of the system
  /// and those of `authorities_pem` ("": none). Invalid: they cannot be read.
  static Result<std::shared_ptr<const TlsContext>> create_for_client(
      const std::string& authorities_pem
  );

  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

 private:
  friend class TlsSession;
  struct Parts;

  explicit TlsContext(std::unique_ptr<Parts> parts);

  std::unique_ptr<Parts> parts_;
};

/// One end of a TLS connection, between two buffers: it reads records that the caller
/// received, and leaves records for the caller to send. It knows no socket, so an idle connection
/// costs what OpenSSL keeps and nothing else.
///
/// Threading: one thread at a time.
class TlsSession {
 public:
  enum class Status {
    Open,
    /// The other side has properly ended its bytes.
    Ended,
    /// There is no TLS with the other side; `output` may have an alert for it.
    Failed,
  };

  /// The server's end.
  explicit TlsSession(std::shared_ptr<const TlsContext> context);

  /// The client's end: the other side has to prove that it is `host`, a name or an address. The
  /// first `receive`, of nothing, begins the handshake.
  TlsSession(std::shared_ptr<const TlsContext> context, const std::string& host);

  ~TlsSession();
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;

  /// Reads records and appends what they say to `plain`; advances the handshake.
  Status receive(std::string_view records, std::string& plain);

  /// Encrypts `plain` to `output`. False: the session has failed. Only once `ready`.
  bool send(std::string_view plain);

  /// Leaves the end of our side (close_notify) in `output`.
  void close();

  /// What is to be sent; the caller removes what it has sent.
  std::string& output();

  /// The handshake is complete.
  bool ready() const;

  /// Once `Failed`: why, for people.
  const std::string& failure() const;

  /// Once `ready`; nullptr: the client presented none.
  std::shared_ptr<const ClientCertificate> client_certificate() const;

 private:
  struct Wire;

  void begin(std::shared_ptr<const TlsContext> context);

  std::unique_ptr<Wire> wire_;
};

}  // namespace reeve::net
