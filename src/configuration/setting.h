#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"

/// The settings of the server: one table, four layers, one value with its origin for each.
namespace reeve::configuration {

inline constexpr std::size_t kListMax = 1000;
inline constexpr std::size_t kTextBytesMax = std::size_t{8} << 10U;

/// How a value is written, in every layer alike.
enum class Type : std::uint8_t {
  Text,
  Bool,      ///< `true`, `false`
  Int,       ///< a whole number within [min, max]
  Ratio,     ///< a number from 0 to 1
  Duration,  ///< `30s`, `1h30m`, within [min, max] milliseconds
  Bytes,     ///< `65536`, `64KiB`, `8MiB`, `1GiB`, within [min, max] bytes
  Choice,    ///< one of `choices`
  List,      ///< a YAML list of texts; elsewhere separated by commas
};

std::string_view to_string(Type type);

/// One row of the table.
struct Setting {
  /// `server.listen`: the path in the file.
  std::string_view key;
  Type type = Type::Text;
  /// As it would be written in the environment; "": none.
  std::string_view fallback = {};
  /// One sentence for the reference, without a period.
  std::string_view description = {};
  std::int64_t min = 0;
  std::int64_t max = 0;
  std::span<const std::string_view> choices = {};
  /// SIGHUP applies a change; otherwise it needs a restart.
  bool reloadable = false;
  /// Never shown.
  bool secret = false;
  /// What else must be true of a text, or of each entry of a list; nullptr: nothing. Returns what
  /// is wrong with it, or "".
  std::string (*check)(std::string_view text) = nullptr;
};

/// Every setting of the server, in the order of the reference.
std::span<const Setting> settings();

/// The row of `key`, or null.
const Setting* find_setting(std::string_view key);

/// `REEVE_SERVER_TLS_CERT` for `server.tls_cert`.
std::string env_name(std::string_view key);

/// The flag of the command line: `--server-tls-cert`.
std::string flag_name(std::string_view key);

/// Keys that share a variable or flag with an earlier one. Empty for a table that is right.
std::vector<std::string_view> name_clashes(std::span<const Setting> table);

/// Where the server listens.
struct ListenAddress {
  /// An IPv4 or IPv6 address, without brackets.
  std::string host;
  /// 0: a free one.
  std::uint16_t port = 0;

  friend bool operator==(const ListenAddress&, const ListenAddress&) = default;
};

/// `127.0.0.1:7070`, `[::1]:7070`, `localhost:7070` (127.0.0.1), `:7070` (0.0.0.0). Invalid: no
/// port, a port out of range, another name, an IPv6 address without brackets.
Result<ListenAddress> parse_listen_address(std::string_view text);

/// Whole bytes: a number, alone or with B, KiB, MiB, GiB. Invalid: anything else, or above int64.
Result<std::int64_t> parse_bytes(std::string_view text);
std::string format_bytes(std::int64_t bytes);

}  // namespace reeve::configuration
