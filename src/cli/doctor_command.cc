#include <cstdlib>

#include "base/strings.h"
#include "cli/doctor_sandbox.h"
#include "cli/doctor_server.h"
#include "cli/print.h"
#include "cli/server_commands.h"
#include "executor/container/engine.h"
#include "executor/http/curl.h"
#include "platform/posix/probe.h"

/// `reeve doctor`: this machine, and the server.
namespace reeve::cli {

namespace {

/// Whether tasks can ask over HTTP.
platform::Finding probe_libcurl() {
  const auto curl = executor::http::Curl::load();
  if (curl.ok()) {
    return {
        .name = "libcurl",
        .status = platform::FindingStatus::Ok,
        .detail = (*curl)->version(),
        .consequence = {}};
  }
  return {
      .name = "libcurl",
      .status = platform::FindingStatus::Missing,
      .detail = curl.error().message,
      .consequence = concat("tasks cannot ask over HTTP; ", curl.error().hint)};
}

/// Whether tasks can run in containers. The platform's look at sockets says why not.
platform::Finding probe_container_engine() {
  const char* search_path = std::getenv("PATH");
  const auto engine = executor::container::find_engine(search_path != nullptr ? search_path : "");
  if (engine.ok()) {
    return {
        .name = "container-engine",
        .status = platform::FindingStatus::Ok,
        .detail = concat(engine->program, " info succeeds"),
        .consequence = {}};
  }
  return {
      .name = "container-engine",
      .status = platform::FindingStatus::Missing,
      .detail = engine.error().message,
      .consequence = concat("container methods are refused; ", engine.error().hint)};
}

/// Findings without which nothing runs; all others only limit what is possible.
bool is_needed(std::string_view finding) {
  return finding == "sh" || finding == "data-dir" || finding == "data-space" ||
         finding == "data-fsync";
}

/// `ok      name: detail`, and below it what that means.
void add_line(
    std::string_view status,
    std::string_view name,
    std::string_view detail,
    std::string_view more,
    std::string& text
) {
  constexpr std::size_t kStatusWidth = 8;
  text += concat(status, std::string(kStatusWidth - status.size(), ' '));
  text += concat(name, ": ", printable(detail), "\n");
  if (!more.empty()) {
    text += concat(std::string(kStatusWidth, ' '), printable(more), "\n");
  }
}

/// Adds the findings about the machine; returns those without which nothing runs.
std::vector<std::string> add_machine(
    const std::vector<platform::Finding>& findings, Json& items, std::string& text
) {
  std::vector<std::string> lacking;
  for (const platform::Finding& finding : findings) {
    if (finding.status == platform::FindingStatus::Missing && is_needed(finding.name)) {
      lacking.push_back(finding.name);
    }
    Json item = Json::object();
    item.set("name", finding.name)
        .set("status", to_string(finding.status))
        .set("detail", finding.detail)
        .set("consequence", finding.consequence);
    items.push(std::move(item));
    add_line(to_string(finding.status), finding.name, finding.detail, finding.consequence, text);
  }
  return lacking;
}

/// The same for the server; returns what fails.
std::vector<std::string> add_server(
    const std::vector<ServerFinding>& findings, Json& items, std::string& text
) {
  std::vector<std::string> failing;
  for (const ServerFinding& finding : findings) {
    if (finding.verdict == Verdict::Fail) {
      failing.push_back(finding.name);
    }
    Json item = Json::object();
    item.set("name", finding.name)
        .set("status", to_string(finding.verdict))
        .set("detail", finding.detail)
        .set("fix", finding.fix);
    items.push(std::move(item));
    add_line(to_string(finding.verdict), finding.name, finding.detail, finding.fix, text);
  }
  return failing;
}

}  // namespace

int run_doctor(const Common& common, const DoctorArgs& args) {
  std::vector<platform::Finding> findings = platform::probe_machine(common.data_dir);
  findings.push_back(probe_libcurl());
  findings.push_back(probe_container_engine());
  for (platform::Finding& finding : probe_sandboxes()) {
    findings.push_back(std::move(finding));
  }
  Json items = Json::array();
  std::string text;
  const std::vector<std::string> lacking = add_machine(findings, items, text);
  Json about_server = Json::array();
  const std::vector<std::string> failing =
      add_server(examine_server(common, args.connection), about_server, text);
  print(
      common.output == Output::Json ? Json::object()
                                          .set("findings", std::move(items))
                                          .set("server", std::move(about_server))
                                          .pretty()
                                    : text
  );
  if (!lacking.empty()) {
    print_error_text(concat("reeve: missions cannot run here without ", join(lacking, ", "), "\n"));
  }
  if (!failing.empty()) {
    print_error_text(concat("reeve: the server needs attention: ", join(failing, ", "), "\n"));
  }
  return static_cast<int>(
      lacking.empty() && failing.empty() ? ExitCode::Done : ExitCode::WorkFailed
  );
}

}  // namespace reeve::cli
