#include "executor/http/sha1.h"

#include <array>
#include <bit>
#include <cstdint>

namespace reeve::executor::http {

namespace {

constexpr std::size_t kBlockBytes = 64;
constexpr std::size_t kLengthBytes = 8;
constexpr unsigned kByteBits = 8;

using State = std::array<std::uint32_t, 5>;

std::uint32_t byte_at(std::string_view bytes, std::size_t at) {
  return static_cast<unsigned char>(bytes[at]);
}

/// FIPS 180-4, section 6.1.2.
void add_block(State& state, std::string_view block) {
  std::array<std::uint32_t, 80> words{};
  for (std::size_t i = 0; i < 16; ++i) {
    words[i] = byte_at(block, 4 * i) << 24U | byte_at(block, 4 * i + 1) << 16U |
               byte_at(block, 4 * i + 2) << 8U | byte_at(block, 4 * i + 3);
  }
  for (std::size_t i = 16; i < words.size(); ++i) {
    words[i] = std::rotl(words[i - 3] ^ words[i - 8] ^ words[i - 14] ^ words[i - 16], 1);
  }
  auto [a, b, c, d, e] = state;
  for (std::size_t i = 0; i < words.size(); ++i) {
    std::uint32_t mix = b ^ c ^ d;
    std::uint32_t key = i < 40 ? 0x6ed9eba1U : 0xca62c1d6U;
    if (i < 20) {
      mix = (b & c) | (~b & d);
      key = 0x5a827999U;
    } else if (i >= 40 && i < 60) {
      mix = (b & c) | (b & d) | (c & d);
      key = 0x8f1bbcdcU;
    }
    const std::uint32_t next = std::rotl(a, 5) + mix + e + key + words[i];
    e = d;
    d = c;
    c = std::rotl(b, 30);
    b = a;
    a = next;
  }
  const State added = {a, b, c, d, e};
  for (std::size_t i = 0; i < state.size(); ++i) {
    state[i] += added[i];
  }
}

}  // namespace

std::string sha1(std::string_view bytes) {
  std::string padded(bytes);
  padded.push_back('\x80');
  while (padded.size() % kBlockBytes != kBlockBytes - kLengthBytes) {
    padded.push_back('\0');
  }
  const std::uint64_t bits = std::uint64_t{bytes.size()} * kByteBits;
  for (unsigned i = 0; i < kLengthBytes; ++i) {
    padded.push_back(static_cast<char>(bits >> (kByteBits * (kLengthBytes - 1 - i))));
  }
  State state = {0x67452301U, 0xefcdab89U, 0x98badcfeU, 0x10325476U, 0xc3d2e1f0U};
  for (std::size_t at = 0; at < padded.size(); at += kBlockBytes) {
    add_block(state, std::string_view(padded).substr(at, kBlockBytes));
  }
  std::string digest;
  for (const std::uint32_t word : state) {
    for (int shift = 24; shift >= 0; shift -= 8) {
      digest.push_back(static_cast<char>(word >> static_cast<unsigned>(shift)));
    }
  }
  return digest;
}

std::string base64(std::string_view bytes) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    const std::size_t left = bytes.size() - at;
    const std::uint32_t group = byte_at(bytes, at) << 16U |
                                (left > 1 ? byte_at(bytes, at + 1) << 8U : 0U) |
                                (left > 2 ? byte_at(bytes, at + 2) : 0U);
    out.push_back(kDigits[group >> 18U]);
    out.push_back(kDigits[group >> 12U & 63U]);
    out.push_back(left > 1 ? kDigits[group >> 6U & 63U] : '=');
    out.push_back(left > 2 ? kDigits[group & 63U] : '=');
  }
  return out;
}

}  // namespace reeve::executor::http
