#include <string_view>

#include "executor/tool_process.h"
#include "host/attendant.h"
#include "host/shim.h"
#include "platform/sandbox/keeper.h"

namespace {

/// Does what its input says: writes `write`, publishes `publish`, warns `warn`, ends as told.
class ObedientTool final : public reeve::executor::Tool {
 public:
  std::string_view name() const override { return "obedient"; }

  reeve::Result<reeve::executor::ToolEnd> run(
      const reeve::executor::ToolRequest& request, reeve::executor::ToolOutput& output
  ) override {
    const reeve::Json& input = request.input;
    output.write(input.get_string("write"));
    if (input.find("publish") != nullptr) {
      REEVE_CHECK(output.publish("Value", input.get_string("publish")));
    }
    if (input.find("warn") != nullptr) {
      output.warn(input.get_string("warn"));
    }
    if (input.find("error") != nullptr) {
      return reeve::make_error(reeve::ErrorCode::Invalid, input.get_string("error"), "input");
    }
    REEVE_CHECK(output.publish("DataDir", request.data_dir.string()));
    return reeve::executor::ToolEnd{
        .exit_code = static_cast<int>(input.get_int("exitCode")),
        .exit_text = input.get_string("exitText"),
        .reason = input.get_string("reason"),
        .script_output = input.get_bool("scriptOutput")};
  }
};

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1 && std::string_view(argv[1]) == "executor") {
    std::vector<std::unique_ptr<reeve::executor::Tool>> tools;
    tools.push_back(std::make_unique<ObedientTool>());
    return reeve::executor::tool_main(argc, argv, tools);
  }
  if (argc > 1 && std::string_view(argv[1]) == "sandbox") {
    return reeve::sandbox::sandbox_main(argc, argv);
  }
  if (argc > 1 && std::string_view(argv[1]) == "attend") {
    return reeve::host::attendant_main(argc, argv);
  }
  return reeve::host::shim_main(argc, argv);
}
