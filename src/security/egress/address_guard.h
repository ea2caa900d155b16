#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// Which addresses a request may go to (protection against server-side request forgery).
namespace reeve::egress {

using Ipv4 = std::array<std::uint8_t, 4>;
using Ipv6 = std::array<std::uint8_t, 16>;

enum class AddressKind : std::uint8_t {
  Public,
  /// This machine and private networks: loopback, RFC 1918, RFC 6598, unique local. Fine where
  /// whoever asks is allowed to.
  Private,
  /// Never a place to ask: link-local with the metadata services of clouds, multicast, reserved,
  /// unspecified.
  Forbidden,
};

/// Also looks into addresses that carry another one: mapped, translated (NAT64), 6to4.
AddressKind kind_of(const Ipv4& address);
AddressKind kind_of(const Ipv6& address);

/// Of an address in digits, as `ClientOptions::allowed` has it ("127.0.0.1", "::1", with or without
/// a zone). Forbidden: it is none.
AddressKind kind_of(std::string_view address_text);

/// Why an address of this kind is refused; nothing: it is not. `allow_private` comes from a setting
/// of that name.
std::optional<std::string> refusal(
    AddressKind kind, bool allow_private, std::string_view address_text
);

/// Whether an address in digits may be asked: what `kind_of` and `refusal` say of it.
bool may_ask(std::string_view address_text, bool allow_private);

}  // namespace reeve::egress
