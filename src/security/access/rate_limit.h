#pragma once

#include <cstddef>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"

namespace reeve::access {

/// Longer keys are remembered by their hash.
inline constexpr std::size_t kRateKeyBytesMax = 256;

struct RateLimitOptions {
  /// Requests a second in the long run; above 0.
  double per_second = 50;
  /// Requests at once after a pause; at least 1.
  double burst = 200;
  /// Keys that are remembered; the one that was silent longest makes room.
  std::size_t keys_max = 10'000;

  friend bool operator==(const RateLimitOptions&, const RateLimitOptions&) = default;
};

/// Token buckets, one for each key: a principal, or the address of a peer (`peer_key`).
///
/// Threading: one thread.
class RateLimiter {
 public:
  explicit RateLimiter(RateLimitOptions options);

  RateLimiter(const RateLimiter&) = delete;
  RateLimiter& operator=(const RateLimiter&) = delete;

  /// Takes `cost` requests. Nothing: go ahead. Else nothing was taken, and after that time it is
  /// worth asking again. `now` is of a clock that does not jump; `cost` is at most the burst.
  std::optional<Duration> take(std::string_view key, Duration now, double cost = 1);

  std::size_t keys() const { return buckets_.size(); }

 private:
  struct Bucket {
    double tokens = 0;
    Duration at{};
    std::list<std::string>::iterator place;
  };

  Bucket& bucket_of(std::string_view key, Duration now);

  RateLimitOptions options_;
  /// The key used last comes first.
  std::list<std::string> order_;
  std::map<std::string, Bucket, std::less<>> buckets_;
};

/// The key for a peer (`10.0.0.1:4711`, `[fe80::1]:80`, an address without a port): the IPv4
/// address, also a mapped one, or the IPv6 network of 64 bits, which is what one machine can choose
/// from. Any other text is its own key.
std::string peer_key(std::string_view peer);

}  // namespace reeve::access
