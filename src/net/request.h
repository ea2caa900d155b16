#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace reeve::net {

/// One field line of a message. Names are compared without regard to case.
struct Header {
  std::string name;
  std::string value;

  friend bool operator==(const Header&, const Header&) = default;
};

/// The field lines of a message, in the order in which they came. A value type.
class Headers {
 public:
  /// The value of the first line with this name; nullptr: there is none.
  const std::string* find(std::string_view name) const;

  /// As `find`, "" for none.
  std::string_view get(std::string_view name) const;

  /// The values of all lines with this name, in order.
  std::vector<std::string_view> find_all(std::string_view name) const;

  void add(std::string name, std::string value);

  std::vector<Header>::const_iterator begin() const { return items_.begin(); }

  std::vector<Header>::const_iterator end() const { return items_.end(); }

  std::size_t size() const { return items_.size(); }

  bool empty() const { return items_.empty(); }

 private:
  std::vector<Header> items_;
};

/// The certificate that the client of a TLS connection presented.
struct ClientCertificate {
  /// The last common name of the subject; "": it has none.
  std::string common_name;
  /// The organisations of the subject, in order.
  std::vector<std::string> organizations;
  /// SHA-256 of the DER form, lower-case hex.
  std::string fingerprint;
  std::string der;
  /// Those that were presented along with it, PEM.
  std::string intermediates;
  /// Signed by a configured authority for the authentication of clients, and within its time.
  /// False: whoever presented it may have made it up.
  bool verified = false;
  /// Why it is not verified; "": it is.
  std::string problem;
};

/// What the target of a request names, decoded.
struct Target {
  /// Percent-decoded and valid UTF-8. Begins with '/', or is "*" (OPTIONS of the server). Without
  /// "." and ".." components and control characters. An encoded slash stays "%2F", so that it never
  /// separates, and an encoded percent sign "%25"; `decode_path_segment` turns a component into its
  /// text.
  std::string path;
  /// Decoded pairs in their order, names repeated as sent. Valid UTF-8 without NUL. "a" and "a="
  /// both give an empty value.
  std::vector<std::pair<std::string, std::string>> query;
  /// The authority of an absolute target; "": the target had none.
  std::string authority;

  /// The value of the first pair with this name; nullptr: there is none.
  const std::string* find_query(std::string_view name) const;
};

/// Who is at the other end of a unix socket, as the system knows them: the process that connected,
/// seen from here (0: a process that cannot be seen), and its user and group.
struct PeerProcess {
  std::int64_t pid = 0;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;

  friend bool operator==(const PeerProcess&, const PeerProcess&) = default;
};

/// A complete request.
struct Request {
  std::string method = {};
  /// As sent.
  std::string target = {};
  std::string path = {};
  std::vector<std::pair<std::string, std::string>> query = {};
  /// The authority the client asked for: of an absolute target, else the Host field.
  std::string host = {};
  /// 0 or 1, of HTTP/1.x.
  int version_minor = 1;
  Headers headers = {};
  std::string body = {};
  /// "127.0.0.1:4711", "[::1]:4711", or "unix".
  std::string peer = {};
  /// Of a unix socket.
  std::optional<PeerProcess> peer_process = {};
  /// `ListenerOptions::tag` of the listener it came from.
  std::string listener_tag = {};
  bool tls = false;
  /// Shared by the requests of a connection; nullptr: none was presented.
  std::shared_ptr<const ClientCertificate> client_certificate = {};
  /// When the request was complete, by the monotonic clock.
  std::chrono::steady_clock::time_point received_at{};

  /// The value of the first pair with this name; nullptr: there is none.
  const std::string* find_query(std::string_view name) const;

  /// Seconds since it was complete.
  double age_seconds() const;
};

}  // namespace reeve::net
