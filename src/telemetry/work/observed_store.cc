#include "telemetry/work/observed_store.h"

#include "platform/posix/stopwatch.h"

namespace reeve::telemetry {

Result<void> ObservedStore::commit(const store::Commit& commit) {
  const platform::Stopwatch watch;
  Result<void> stored = store_.commit(commit);
  tell_({.seconds = watch.seconds(), .events = commit.events.size(), .stored = stored.ok()});
  return stored;
}

}  // namespace reeve::telemetry
