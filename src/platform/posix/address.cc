#include "platform/posix/address.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>

#include <arpa/inet.h>
#include <netinet/in.h>

namespace reeve::platform {

namespace {

struct Network {
  std::uint32_t address;
  std::uint32_t bits;
};

/// IPv4 addresses that are not, or not only, reached over the Internet (RFC 6890 and later).
constexpr std::array<Network, 15> kNotPublic = {{
    {0x00000000, 8},
    {0x0A000000, 8},
    {0x64400000, 10},
    {0x7F000000, 8},
    {0xA9FE0000, 16},
    {0xAC100000, 12},
    {0xC0000000, 24},
    {0xC0000200, 24},
    {0xC0586300, 24},
    {0xC0A80000, 16},
    {0xC6120000, 15},
    {0xC6336400, 24},
    {0xCB007100, 24},
    {0xE0000000, 4},
    {0xF0000000, 4},
}};
constexpr std::uint32_t kWordBits = 32;

bool is_public_v4(std::uint32_t address) {
  return std::none_of(kNotPublic.begin(), kNotPublic.end(), [&](const Network& network) {
    return (address ^ network.address) >> (kWordBits - network.bits) == 0;
  });
}

std::uint32_t word_of(const unsigned char* bytes) {
  return std::uint32_t{bytes[0]} << 24U | std::uint32_t{bytes[1]} << 16U |
         std::uint32_t{bytes[2]} << 8U | std::uint32_t{bytes[3]};
}

}  // namespace

bool is_public_address(std::string_view address) {
  const std::string text(address.substr(0, address.find('%')));
  in_addr v4{};
  if (::inet_pton(AF_INET, text.c_str(), &v4) == 1) {
    return is_public_v4(ntohl(v4.s_addr));
  }
  in6_addr v6{};
  if (::inet_pton(AF_INET6, text.c_str(), &v6) != 1) {
    return false;
  }
  const unsigned char* bytes = v6.s6_addr;
  static constexpr std::size_t kEmbedded = 12;
  // 64:ff9b::/96 and 2002::/16 lead to IPv4 addresses.
  if (word_of(bytes) == 0x0064FF9BU) {
    return is_public_v4(word_of(bytes + kEmbedded));
  }
  if (bytes[0] == 0x20 && bytes[1] == 0x02) {
    return is_public_v4(word_of(bytes + 2));
  }
  // Global unicast without the range of documentation; ::ffff:0:0/96 is not in it.
  return (bytes[0] & 0xE0U) == 0x20U && word_of(bytes) != 0x20010DB8U &&
         word_of(bytes) != 0x20010000U;
}

}  // namespace reeve::platform
