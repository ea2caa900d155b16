// The composition root: hands the process to the shim, to the keeper of a sandbox, to an attendant,
// to a tool of an executor or to the command line; nothing else.

#include <memory>
#include <poll.h>
#include <string_view>
#include <vector>

#include "artifact/expire_tool.h"
#include "cli/agent_server.h"
#include "cli/cli.h"
#include "cli/session.h"
#include "executor/agent/agent_tool.h"
#include "executor/cache/cache_tools.h"
#include "executor/http/http_tool.h"
#include "executor/http/web_socket_tool.h"
#include "executor/message/message_tool.h"
#include "executor/tool_process.h"
#include "host/attendant.h"
#include "host/shim.h"
#include "owner/control_client.h"
#include "platform/posix/system.h"
#include "platform/sandbox/keeper.h"

namespace {

/// A tool waits for the owner's answer so long before it asks again.
constexpr reeve::Duration kOwnerTimeout{10'000};

/// Everything that a step of a run can be besides a script.
std::vector<std::unique_ptr<reeve::executor::Tool>> make_tools(reeve::platform::Clock& clock) {
  std::vector<std::unique_ptr<reeve::executor::Tool>> tools;
  tools.push_back(std::make_unique<reeve::executor::http::HttpTool>());
  tools.push_back(std::make_unique<reeve::executor::http::WebSocketTool>());
  tools.push_back(std::make_unique<reeve::executor::cache::RestoreTool>(clock));
  tools.push_back(std::make_unique<reeve::executor::cache::SaveTool>(clock));
  tools.push_back(std::make_unique<reeve::executor::agent::AgentTool>(
      reeve::cli::connect_agent,
      [](reeve::Duration time) { ::poll(nullptr, 0, static_cast<int>(time.count())); }
  ));
  tools.push_back(std::make_unique<reeve::executor::message::MessageTool>(
      [](const std::filesystem::path& data_dir, const reeve::protocol::Request& request) {
        return reeve::owner::ask_owner(data_dir, request, kOwnerTimeout);
      },
      [](reeve::Duration time) { ::poll(nullptr, 0, static_cast<int>(time.count())); }
  ));
  tools.push_back(std::make_unique<reeve::artifact::ExpireTool>(
      clock,
      [](const std::filesystem::path& data_dir) {
        return reeve::cli::open_for_reading(reeve::cli::DataDir{.root = data_dir});
      }
  ));
  return tools;
}

}  // namespace

int main(int argc, char** argv) {
  // First, because a shim starts for every run: nothing else is set up for it.
  if (argc > 1 && std::string_view(argv[1]) == "shim") {
    return reeve::host::shim_main(argc, argv);
  }
  if (argc > 1 && std::string_view(argv[1]) == "sandbox") {
    return reeve::sandbox::sandbox_main(argc, argv);
  }
  if (argc > 1 && std::string_view(argv[1]) == "attend") {
    return reeve::host::attendant_main(argc, argv);
  }
  if (argc > 1 && std::string_view(argv[1]) == "executor") {
    reeve::platform::SystemClock clock;
    return reeve::executor::tool_main(argc, argv, make_tools(clock));
  }
  return reeve::cli::run_cli(argc, argv);
}
