#include <utility>

#include "engine/book.h"
#include "engine/collector.h"
#include "engine/mission_names.h"
#include "engine/resource_book.h"

/// How a namespace is emptied that is being deleted.
namespace reeve::engine {

using journal::Kind;
using journal::ObjectKey;

/// Done for now: what is left comes back by itself when something has gone.
bool Collector::tear_down(const ObjectKey& key, Engine& engine, Scope& scope) {
  const Namespace ns(key.name);
  Teardown& teardown = teardowns_[ns];
  if (!ask_missions(ns, teardown, engine, scope)) {
    return false;
  }
  if (!teardown.waiting.empty()) {
    return true;
  }
  bool left = false;
  if (!empty_books(ns, left, engine, scope)) {
    return false;
  }
  if (!remove_ended(ns, teardown, engine, scope)) {
    return false;
  }
  // Without an entry in `teardowns_` nobody would wake this one.
  if (!left && teardown.waiting.empty()) {
    budget_.change();
    engine.namespace_empty(ns, scope);
  }
  return true;
}

void Collector::ask(const ObjectKey& object, Teardown& teardown, Engine& engine, Scope& scope) {
  budget_.change();
  engine.clear_away(object, scope);
  if (engine.state_of(object)) {
    teardown.waiting.insert(object);
  }
}

/// Missions in memory, the oldest first. Nothing can be made in the namespace any more, so that one
/// way through them is enough.
bool Collector::ask_missions(
    const Namespace& ns, Teardown& teardown, Engine& engine, Scope& scope
) {
  while (!teardown.missions_asked) {
    if (budget_.spent()) {
      return false;
    }
    const model::Mission* mission = engine.next_mission(teardown.missions);
    if (mission == nullptr) {
      teardown.missions_asked = true;
      break;
    }
    budget_.visit();
    teardown.missions = mission->created;
    if (mission->ns == ns && !mission->deleted) {
      ask(key_of(*mission), teardown, engine, scope);
    }
  }
  return true;
}

/// What is in books. `left`: something waits for its finalizers.
bool Collector::empty_books(const Namespace& ns, bool& left, Engine& engine, Scope& scope) {
  for (const Kind kind : journal::kAllKinds) {
    const Book* book = engine.book_of({.kind = kind, .ns = ns, .name = {}});
    if (book == nullptr || kind == Kind::Metadata) {
      continue;
    }
    for (const ObjectKey& object : book->keys_in(ns)) {
      if (budget_.spent()) {
        return false;
      }
      if (book->revision_of(object) == Revision()) {
        continue;
      }
      const ObjectLinks* links = engine.links_of(object);
      if (links == nullptr || !links->deleting) {
        budget_.change();
        engine.clear_away(object, scope);
      }
      left = left || book->revision_of(object) != Revision();
    }
  }
  return true;
}

/// Missions that have ended and are in the store alone.
bool Collector::remove_ended(
    const Namespace& ns, Teardown& teardown, Engine& engine, Scope& scope
) {
  while (!teardown.ended_asked) {
    if (budget_.spent()) {
      return false;
    }
    Revision cursor = teardown.ended;
    const Result<std::vector<ObjectKey>> ended = engine.ended_missions(ns, cursor, budget_.changes);
    if (!ended) {
      return true;  // the store failed; the next sweep goes on
    }
    for (const ObjectKey& object : *ended) {
      budget_.visit();
      if (engine.fetch(object).ok() && engine.state_of(object)) {
        ask(object, teardown, engine, scope);
      }
    }
    teardown.ended = cursor;
    teardown.ended_asked = cursor == Revision();
  }
  return true;
}

}  // namespace reeve::engine
