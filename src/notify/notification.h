#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/time.h"
#include "journal/event.h"

/// What somebody outside is told about what happens: which of it, in which words, when, and again
/// if it was not taken. Pure.
namespace reeve::notify {

/// Of a title, and of a text; what is longer is cut.
inline constexpr std::size_t kTitleBytesMax = 512;
inline constexpr std::size_t kTextBytesMax = 4'096;

/// What sinks choose missions by.
struct MissionFacts {
  std::string workflow;
  std::vector<std::pair<std::string, std::string>> labels;
};

/// Something that happened, as people outside are told.
struct Notification {
  /// "approval.opened"
  std::string event;
  Revision revision;
  Timestamp at;
  Namespace ns;
  /// As in the API: "Approval", "build.review".
  std::string subject_kind;
  std::string subject;
  /// Empty: it is about no mission.
  std::string mission;
  std::string task;
  MissionFacts facts;
  std::string title;
  std::string text;
  /// What one can do about it: `reeve approve build/review -n team`. May be empty.
  std::string command;
};

/// Whether an event may be something to tell; cheap.
bool may_tell(const journal::Event& event);

/// What is told of an event; nothing: nobody is told. `facts` are not filled in.
std::optional<Notification> notification_of(const journal::Event& event);

/// `text` without its end if it is longer than `bytes_max`; never half a character.
std::string cut(std::string_view text, std::size_t bytes_max);

}  // namespace reeve::notify
