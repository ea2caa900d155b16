#pragma once

#include <functional>
#include <memory>

#include "base/result.h"
#include "base/secret.h"
#include "cli/notifier.h"

namespace reeve::cli {

/// For one attempt, from the first step to the last byte.
inline constexpr Duration kAttemptTimeout{10'000};

/// The value of a credential of a namespace.
using RevealForSink =
    std::function<Result<Secret>(const Namespace& ns, const std::string& credential)>;

/// Sends over HTTP and SMTP through libcurl (docs/adr/0014), which checks each address that a
/// connection is made to. Several threads at a time.
std::function<notify::AttemptResult(const Attempt&)> make_transport(
    RevealForSink reveal, std::function<Timestamp()> now
);

}  // namespace reeve::cli
