#pragma once

#include <string_view>

/// What happens to tool calls.
namespace reeve::engine {

inline constexpr std::string_view kCallRecorded = "toolcall.recorded";
inline constexpr std::string_view kCallDecided = "toolcall.decided";
/// Half of the time for a decision has passed without one.
inline constexpr std::string_view kCallEscalated = "toolcall.escalated";
inline constexpr std::string_view kCallExpired = "toolcall.expired";
inline constexpr std::string_view kCallBegun = "toolcall.begun";
inline constexpr std::string_view kCallFinished = "toolcall.finished";
/// Nobody can say whether it was done.
inline constexpr std::string_view kCallUnknown = "toolcall.unknown";
inline constexpr std::string_view kCallRollbackAsked = "toolcall.rollback_asked";
inline constexpr std::string_view kCallRolledBack = "toolcall.rolled_back";
/// Its record has gone from the objects; its events stay.
inline constexpr std::string_view kCallForgotten = "toolcall.forgotten";
/// A run goes in circles.
inline constexpr std::string_view kSpiralDetected = "spiral.detected";

}  // namespace reeve::engine
