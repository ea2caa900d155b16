#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/time.h"
#include "cli/arguments.h"
#include "journal/event.h"

namespace reeve::cli {

/// How a followed mission is shown. Main thread.
class View {
 public:
  virtual ~View() = default;

  virtual void event(const journal::Event& event) = 0;

  /// One line of a task's output, without its end.
  virtual void log_line(std::string_view task, bool is_stderr, std::string_view line) = 0;

  /// The mission as it is now; called when it changed and about ten times a second.
  virtual void refresh(const Json& mission, Timestamp now) = 0;

  /// Something for the person at the terminal.
  virtual void notice(std::string_view text) = 0;

  /// The end; `mission` is final. `missions_dir` holds its readable mirror.
  virtual void finish(const Json& mission, const std::string& missions_dir) = 0;
};

/// A live tree on a terminal, plain lines into a pipe, or one JSON object per event.
std::unique_ptr<View> make_view(Output output);

/// The event as one JSON object.
Json event_to_json(const journal::Event& event);

/// `12s`, `3m05s`, `2h07m`: for people.
std::string short_duration(Duration duration);

/// What a task waits for, or why it ended, in a few words; may be empty.
std::string explain_task(const Json& task, const Json& mission);

/// The lines of a summary: result, tasks, where the artifacts are.
std::string summary(
    const Json& mission, const std::string& missions_dir, bool colours, Timestamp now
);

}  // namespace reeve::cli
