#include "security/egress/address_guard.h"

#include <algorithm>
#include <cstddef>

#include <arpa/inet.h>

#include "base/strings.h"

namespace reeve::egress {

namespace {

struct Range4 {
  Ipv4 prefix;
  unsigned bits;
  AddressKind kind;
};

// IANA's special-purpose registry, and before it the metadata services of two clouds that lie
// elsewhere. The first match counts.
constexpr std::array kRanges4 = {
    Range4{{100, 100, 100, 200}, 32, AddressKind::Forbidden},
    Range4{{168, 63, 129, 16}, 32, AddressKind::Forbidden},
    Range4{{0, 0, 0, 0}, 8, AddressKind::Forbidden},
    Range4{{10, 0, 0, 0}, 8, AddressKind::Private},
    Range4{{100, 64, 0, 0}, 10, AddressKind::Private},
    Range4{{127, 0, 0, 0}, 8, AddressKind::Private},
    Range4{{169, 254, 0, 0}, 16, AddressKind::Forbidden},
    Range4{{172, 16, 0, 0}, 12, AddressKind::Private},
    Range4{{192, 0, 0, 0}, 24, AddressKind::Forbidden},
    Range4{{192, 0, 2, 0}, 24, AddressKind::Forbidden},
    Range4{{192, 88, 99, 0}, 24, AddressKind::Forbidden},
    Range4{{192, 168, 0, 0}, 16, AddressKind::Private},
    Range4{{198, 18, 0, 0}, 15, AddressKind::Private},
    Range4{{198, 51, 100, 0}, 24, AddressKind::Forbidden},
    Range4{{203, 0, 113, 0}, 24, AddressKind::Forbidden},
    Range4{{224, 0, 0, 0}, 3, AddressKind::Forbidden}};

struct Range6 {
  Ipv6 prefix;
  unsigned bits;
  AddressKind kind;
};

constexpr std::array kRanges6 = {
    // The metadata service of a large cloud lies among unique local addresses.
    Range6{{0xfd, 0x00, 0x0e, 0xc2}, 32, AddressKind::Forbidden},
    Range6{{0xfc}, 7, AddressKind::Private},
    // Teredo, ORCHID, documentation.
    Range6{{0x20, 0x01, 0x00, 0x00}, 23, AddressKind::Forbidden},
    Range6{{0x20, 0x01, 0x0d, 0xb8}, 32, AddressKind::Forbidden},
    Range6{{0x3f, 0xff, 0x00}, 20, AddressKind::Forbidden},
    Range6{{0x20}, 3, AddressKind::Public}};

template <std::size_t Size>
bool has_prefix(
    const std::array<std::uint8_t, Size>& address,
    const std::array<std::uint8_t, Size>& prefix,
    unsigned bits
) {
  constexpr unsigned kByteBits = 8;
  const std::size_t whole = bits / kByteBits;
  const unsigned rest = bits % kByteBits;
  const bool same = std::equal(
      prefix.begin(), prefix.begin() + static_cast<std::ptrdiff_t>(whole), address.begin()
  );
  if (!same || rest == 0) {
    return same;
  }
  const auto mask = static_cast<std::uint8_t>(0xffU << (kByteBits - rest));
  return (address[whole] & mask) == (prefix[whole] & mask);
}

Ipv4 inner(const Ipv6& address, std::size_t at) {
  return {address[at], address[at + 1], address[at + 2], address[at + 3]};
}

}  // namespace

AddressKind kind_of(const Ipv4& address) {
  for (const Range4& range : kRanges4) {
    if (has_prefix(address, range.prefix, range.bits)) {
      return range.kind;
    }
  }
  return AddressKind::Public;
}

AddressKind kind_of(const Ipv6& address) {
  constexpr Ipv6 kUnspecified = {};
  constexpr Ipv6 kLoopback = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  constexpr Ipv6 kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  constexpr Ipv6 kNat64 = {0x00, 0x64, 0xff, 0x9b};
  constexpr Ipv6 kSixToFour = {0x20, 0x02};
  constexpr unsigned kMappedBits = 96;
  constexpr std::size_t kLastFour = 12;
  if (address == kUnspecified) {
    return AddressKind::Forbidden;
  }
  if (address == kLoopback) {
    return AddressKind::Private;
  }
  if (has_prefix(address, kMapped, kMappedBits) || has_prefix(address, kNat64, kMappedBits)) {
    return kind_of(inner(address, kLastFour));
  }
  if (has_prefix(address, kSixToFour, 16)) {
    return kind_of(inner(address, 2));
  }
  for (const Range6& range : kRanges6) {
    if (has_prefix(address, range.prefix, range.bits)) {
      return range.kind;
    }
  }
  return AddressKind::Forbidden;
}

AddressKind kind_of(std::string_view address_text) {
  const std::string text(address_text.substr(0, address_text.find('%')));
  Ipv4 four{};
  if (::inet_pton(AF_INET, text.c_str(), four.data()) == 1) {
    return kind_of(four);
  }
  Ipv6 six{};
  if (::inet_pton(AF_INET6, text.c_str(), six.data()) == 1) {
    return kind_of(six);
  }
  return AddressKind::Forbidden;
}

std::optional<std::string> refusal(
    AddressKind kind, bool allow_private, std::string_view address_text
) {
  switch (kind) {
    case AddressKind::Public:
      return std::nullopt;
    case AddressKind::Private:
      return allow_private ? std::optional<std::string>()
                           : concat(
                                 address_text,
                                 " belongs to this machine or a private network; allowPrivate: "
                                 "true lets the task ask it (in a Formicary document: reeve config "
                                 "set REEVE_PRIVATE_ADDRESSES true)"
                             );
    case AddressKind::Forbidden:
      return concat(
          address_text, " is a link-local, multicast or reserved address, which is never asked"
      );
  }
  return std::nullopt;
}

bool may_ask(std::string_view address_text, bool allow_private) {
  return !refusal(kind_of(address_text), allow_private, address_text);
}

}  // namespace reeve::egress
