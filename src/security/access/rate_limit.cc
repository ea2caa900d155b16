#include "security/access/rate_limit.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <arpa/inet.h>

#include "base/assert.h"
#include "base/hash.h"

namespace reeve::access {

namespace {

constexpr double kMillisPerSecond = 1000;
/// Rounding of many small refills; far below one request.
constexpr double kRounding = 1e-9;
constexpr std::size_t kIpv6Bytes = 16;
constexpr std::size_t kNetworkBytes = 8;
/// A mapped IPv4 address (RFC 4291, 2.5.5.2) begins with 80 zero bits and 16 ones.
constexpr std::size_t kMappedZeroes = 10;
constexpr std::size_t kMappedPrefix = 12;

bool is_ipv4(const std::string& text) {
  in_addr address{};
  return ::inet_pton(AF_INET, text.c_str(), &address) == 1;
}

/// The part of a peer's text that is its address.
std::string address_of(std::string_view peer) {
  if (peer.starts_with('[')) {
    const std::size_t end = peer.find(']');
    return std::string(peer.substr(1, end == std::string_view::npos ? end : end - 1));
  }
  const std::size_t colon = peer.find(':');
  const bool has_port = colon != std::string_view::npos && peer.rfind(':') == colon;
  return std::string(has_port ? peer.substr(0, colon) : peer);
}

}  // namespace

RateLimiter::RateLimiter(RateLimitOptions options) : options_(options) {
  REEVE_ASSERT(options_.per_second > 0 && options_.burst >= 1 && options_.keys_max > 0);
}

RateLimiter::Bucket& RateLimiter::bucket_of(std::string_view key, Duration now) {
  const auto found = buckets_.find(key);
  if (found != buckets_.end()) {
    order_.splice(order_.begin(), order_, found->second.place);
    return found->second;
  }
  if (buckets_.size() >= options_.keys_max) {
    buckets_.erase(order_.back());
    order_.pop_back();
  }
  order_.emplace_front(key);
  Bucket bucket{.tokens = options_.burst, .at = now, .place = order_.begin()};
  return buckets_.emplace(std::string(key), bucket).first->second;
}

std::optional<Duration> RateLimiter::take(std::string_view key, Duration now, double cost) {
  REEVE_ASSERT(cost >= 0 && cost <= options_.burst);
  const Digest digest = key.size() > kRateKeyBytesMax ? sha256(key) : Digest();
  Bucket& bucket = bucket_of(digest.empty() ? key : digest.view(), now);
  if (now > bucket.at) {
    const double passed = static_cast<double>((now - bucket.at).count()) / kMillisPerSecond;
    bucket.tokens = std::min(options_.burst, bucket.tokens + passed * options_.per_second);
    bucket.at = now;
  }
  if (bucket.tokens + kRounding >= cost) {
    bucket.tokens -= cost;
    return std::nullopt;
  }
  const double seconds = (cost - bucket.tokens) / options_.per_second;
  return Duration(static_cast<std::int64_t>(std::ceil(seconds * kMillisPerSecond - kRounding)));
}

std::string peer_key(std::string_view peer) {
  std::string text = address_of(peer);
  if (is_ipv4(text)) {
    return text;
  }
  // A zone (fe80::1%eth0) is no part of the address.
  const std::string bare = text.substr(0, text.find('%'));
  std::array<std::uint8_t, kIpv6Bytes> bytes{};
  if (::inet_pton(AF_INET6, bare.c_str(), bytes.data()) != 1) {
    return std::string(peer);
  }
  std::array<char, INET6_ADDRSTRLEN> out{};
  const bool zeroes = std::all_of(bytes.begin(), bytes.begin() + kMappedZeroes, [](auto byte) {
    return byte == 0;
  });
  constexpr std::uint8_t kOnes = 0xff;
  if (zeroes && bytes[kMappedZeroes] == kOnes && bytes[kMappedZeroes + 1] == kOnes) {
    ::inet_ntop(AF_INET, bytes.data() + kMappedPrefix, out.data(), out.size());
    return out.data();
  }
  std::fill(bytes.begin() + kNetworkBytes, bytes.end(), std::uint8_t{0});
  ::inet_ntop(AF_INET6, bytes.data(), out.data(), out.size());
  return std::string(out.data()) + "/64";
}

}  // namespace reeve::access
