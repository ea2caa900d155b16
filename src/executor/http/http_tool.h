#pragma once

#include "executor/ports.h"

namespace reeve::executor::http {

/// The file of the working directory that holds the body of the response.
inline constexpr const char* kBodyFile = "response.body";

/// `http`: one request. Its exit text is the status; from 400 on it has failed. The body goes to
/// kBodyFile and, if people can read it, to the log. Publishes HttpStatus, HttpContentType and what
/// the task asks for; a pointer that finds nothing in the response of a success fails it.
class HttpTool final : public Tool {
 public:
  std::string_view name() const override { return "http"; }

  Result<ToolEnd> run(const ToolRequest& request, ToolOutput& output) override;
};

}  // namespace reeve::executor::http
