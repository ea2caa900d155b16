#include "coord/bundle/shape.h"

#include <array>

namespace reeve::bundle {

namespace {

constexpr std::array kMetadata = {
    Part{.name = "created_at"},
    Part{.name = "session_id"},
    Part{.name = "phase"},
    Part{.name = "estimated_completion"}};

constexpr std::array kMission = {
    Part{.name = "goal"},
    Part{.name = "success_criteria", .form = Form::Texts},
    Part{.name = "constraints", .form = Form::Texts}};

constexpr std::array kState = {
    Part{.name = "completed", .form = Form::Texts},
    Part{.name = "in_progress", .form = Form::Texts},
    Part{.name = "pending", .form = Form::Texts}};

constexpr std::array kDecision = {
    Part{.name = "decision", .required = true},
    Part{.name = "rationale"},
    Part{.name = "alternatives_rejected", .form = Form::Texts}};

constexpr std::array kQuestion = {
    Part{.name = "question", .required = true},
    Part{.name = "impact"},
    Part{.name = "need_answer_by"}};

constexpr std::array kFile = {Part{.name = "path", .required = true}, Part{.name = "summary"}};

constexpr std::array kResource = {Part{.name = "url", .required = true}, Part{.name = "summary"}};

constexpr std::array kContext = {
    Part{.name = "key_files", .form = Form::Records, .members = kFile},
    Part{.name = "key_concepts", .form = Form::Texts},
    Part{.name = "external_resources", .form = Form::Records, .members = kResource}};

constexpr std::array kAction = {
    Part{.name = "action", .required = true},
    Part{.name = "estimated_time"},
    Part{.name = "dependencies", .form = Form::Texts}};

constexpr std::array kSections = {
    Part{.name = "metadata", .form = Form::Record, .members = kMetadata},
    Part{.name = "mission", .form = Form::Record, .members = kMission},
    Part{.name = "current_state", .form = Form::Record, .members = kState},
    Part{.name = "decisions", .form = Form::Records, .members = kDecision},
    Part{.name = "open_questions", .form = Form::Records, .members = kQuestion},
    Part{.name = "context", .form = Form::Record, .members = kContext},
    Part{.name = "next_actions", .form = Form::Records, .required = true, .members = kAction}};

}  // namespace

std::span<const Part> sections() {
  return kSections;
}

}  // namespace reeve::bundle
