#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/time.h"

namespace reeve::api {

/// How often denials become events of the journal.
inline constexpr Duration kDenialPeriod{60'000};
/// Namespaces of one period that are told apart; those of others count for the installation.
inline constexpr std::size_t kDenialNamespacesMax = 8;

/// What somebody was refused.
struct Denial {
  /// Whose administrators are told; empty: those of the installation.
  std::string ns = {};
  std::string user = {};
  std::string verb = {};
  std::string resource = {};
  /// The namespace that was asked for, where `ns` does not say it.
  std::string asked_namespace = {};

  friend bool operator==(const Denial&, const Denial&) = default;
  friend auto operator<=>(const Denial&, const Denial&) = default;
};

/// Counts denials, so that a flood of them is a few events: in each period at most so many
/// different ones of a few namespaces, the rest as a number.
///
/// Threading: one thread.
class Denials {
 public:
  /// For the journal: the body of `record`.
  struct Record {
    std::string ns;
    Json body;
  };

  void note(Denial denial, Timestamp at);

  bool empty() const { return places_.empty(); }

  /// What has come together, and begins anew.
  std::vector<Record> take(Timestamp now);

 private:
  struct Place {
    std::map<Denial, std::uint64_t> counts;
    std::uint64_t others = 0;
  };

  Timestamp since_;
  std::map<std::string, Place> places_;
};

}  // namespace reeve::api
