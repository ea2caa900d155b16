#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace reeve::gateway::model {

/// Finds the events of a stream (text/event-stream), piece by piece, and hands out what is behind
/// `data:` as it comes. Nothing is kept of it. Private to src/gateway/model/format. One thread.
class EventReader {
 public:
  class Sink {
   public:
    virtual ~Sink() = default;
    /// A part of the data of the event; lines are joined by "\n".
    virtual void on_data(std::string_view part) = 0;
  };

  struct Step {
    /// Bytes that were read.
    std::size_t read = 0;
    /// An event, or a block of comments, is over with them.
    bool over = false;
    /// It had data.
    bool data = false;
  };

  /// Reads until an event is over, or everything.
  Step read(std::string_view piece, Sink& sink);

  /// Data of an event whose end has not come.
  bool has_data() const { return has_data_; }

  /// A new event may be put here.
  bool between_events() const { return part_ == Part::Name && name_.empty() && !in_event_; }

  /// The next byte would still belong to the end of the last event: LF behind CR.
  bool after_return() const { return after_return_; }

 private:
  enum class Part : std::uint8_t { Name, Blank, Value };

  void end_of_name(bool colon, Sink& sink);

  Part part_ = Part::Name;
  std::string name_;
  bool is_data_ = false;
  bool has_data_ = false;
  bool in_event_ = false;
  bool after_return_ = false;
  bool begun_ = false;
};

}  // namespace reeve::gateway::model
