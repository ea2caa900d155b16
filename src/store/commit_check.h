#pragma once

#include "base/strings.h"
#include "store/ports.h"

namespace reeve::store {

/// What every store asks of a commit before it writes anything: the events follow `head` without a
/// gap, the first is linked to it, and none is larger than the limit. The links between later
/// events are the business of `journal::ChainVerifier`.
///
/// Conflict: the events do not follow the head. LimitExceeded: an event's data is too long.
inline Result<void> check_commit(const Head& head, const Commit& commit) {
  Revision last = head.revision;
  for (const journal::Event& event : commit.events) {
    if (event.revision != last.next()) {
      return make_error(
          ErrorCode::Conflict,
          concat("revision ", event.revision.value(), " does not follow revision ", last.value()),
          "journal"
      );
    }
    if (event.data.size() > journal::kEventDataBytesMax) {
      return make_error(
          ErrorCode::LimitExceeded,
          concat(
              "event of type ",
              event.type,
              " has ",
              event.data.size(),
              " bytes of data, at most ",
              journal::kEventDataBytesMax,
              " are allowed"
          ),
          event.object.name
      );
    }
    last = event.revision;
  }
  if (!commit.events.empty()) {
    const journal::Event& first = commit.events.front();
    journal::Chain chain(head.chain);
    if (chain.advance(first) != first.chain) {
      return make_error(
          ErrorCode::Conflict,
          concat(
              "revision ",
              first.revision.value(),
              " is not linked to revision ",
              head.revision.value(),
              " of this store"
          ),
          "journal"
      );
    }
  }
  return {};
}

}  // namespace reeve::store
