#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "api/call.h"
#include "api/view/types.h"
#include "resource/query.h"
#include "resource/selector.h"

/// What lists and watches have in common.
namespace reeve::api {

/// Which objects a call asks for.
struct Selection {
  view::Selector selector;
  /// Equal selections have equal texts.
  std::string text;
};

/// From the namespace of the route and the selectors. BadRequest: they cannot be read.
resource::Outcome<Selection> select(const Call& call, const resource::ListOptions& options);

/// Timeout: the revision is yet to come.
std::optional<resource::Status> check_version(const Call& call, std::optional<std::uint64_t> asked);

/// Names the representation that a client wants, for encodings that are shared.
std::string representation_word(const Call& call, const resource::ListOptions& options);

/// A continue token for whoever asks.
Result<std::string> seal_position(
    const Call& call, const Selection& selection, const view::Position& position
);

/// BadRequest: the token is not one of those, or belongs to somebody or something else.
resource::Outcome<view::Position> open_position(
    const Call& call, const Selection& selection, std::string_view token
);

}  // namespace reeve::api
