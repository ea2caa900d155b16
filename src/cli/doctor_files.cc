#include "cli/doctor_files.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>
#include <system_error>

#include <sys/stat.h>

#include "base/strings.h"
#include "cli/session.h"
#include "cli/up_server.h"
#include "journal/event.h"

namespace reeve::cli {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kFilesMax = 1000;
constexpr mode_t kOthers = 077;

std::vector<fs::path> regular_files(const fs::path& directory) {
  std::vector<fs::path> files;
  std::error_code failed;
  for (const fs::directory_entry& entry : fs::directory_iterator(directory, failed)) {
    if (files.size() < kFilesMax && entry.is_regular_file(failed)) {
      files.push_back(entry.path());
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

/// Files that prove who somebody is, or open what is sealed. Certificates are for everybody.
std::vector<fs::path> secret_files(const Common& common, const ConnectionArgs& args) {
  const DataDir dir{.root = common.data_dir};
  std::vector<fs::path> files = {kubeconfig_file(dir)};
  if (!args.token_file.empty()) {
    files.emplace_back(args.token_file);
  }
  const char* named = std::getenv("REEVE_KUBECONFIG");
  if (!args.kubeconfig.empty()) {
    files.emplace_back(args.kubeconfig);
  } else if (named != nullptr && *named != '\0') {
    files.emplace_back(named);
  }
  for (const fs::path& folder : {server_dir(dir), dir.keys()}) {
    for (const fs::path& file : regular_files(folder)) {
      if (file.extension() != ".crt") {
        files.push_back(file);
      }
    }
  }
  return files;
}

std::optional<ServerFinding> look_at_modes(const Common& common, const ConnectionArgs& args) {
  std::vector<std::string> open;
  std::size_t count = 0;
  for (const fs::path& file : secret_files(common, args)) {
    struct stat info {};

    if (::stat(file.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) {
      continue;
    }
    ++count;
    if ((info.st_mode & kOthers) != 0) {
      open.push_back(file.string());
    }
  }
  if (count == 0) {
    return {};
  }
  ServerFinding finding{
      .name = "private-files", .detail = concat(count, " with secrets, yours alone"), .fix = {}};
  if (!open.empty()) {
    finding.verdict = Verdict::Warn;
    finding.detail = concat("open to others: ", join(open, ", "));
    finding.fix = concat("chmod 600 ", join(open, " "), "; then replace what was in them");
  }
  return finding;
}

std::string hex(const Sha256Bytes& bytes) {
  return to_hex({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

ServerFinding damaged(const Error& error) {
  return {
      .name = "journal",
      .verdict = Verdict::Fail,
      .detail = error.describe(),
      .fix = "reeve audit verify says where; docs/operating/backup.md, how to go back to a copy"};
}

/// Whether the last events lead to the head that the store has written down. All of the journal is
/// for `reeve audit verify`.
Result<store::Head> read_head(store::Reader& reader) {
  REEVE_TRY(const store::Head head, reader.head());
  const std::uint64_t last = head.revision.value();
  if (last < 2) {
    return head;
  }
  REEVE_TRY(
      const std::vector<journal::Event> events,
      reader.events({.after = Revision(last - 2), .object = {}, .limit = 2})
  );
  if (events.size() != 2) {
    return make_error(
        ErrorCode::Corrupt, concat("the last events before revision ", last, " are missing")
    );
  }
  journal::Chain chain(events[0].chain);
  if (chain.advance(events[1]) != head.chain || events[1].chain != head.chain) {
    return make_error(
        ErrorCode::Corrupt,
        concat("the event at revision ", last, " is not the one that was written")
    );
  }
  return head;
}

std::optional<ServerFinding> look_at_journal(const Common& common) {
  const auto store = open_for_reading(DataDir{.root = common.data_dir});
  if (!store) {
    return store.error().code == ErrorCode::NotFound ? std::nullopt
                                                     : std::optional(damaged(store.error()));
  }
  const Result<store::Head> head = read_head(**store);
  if (!head) {
    return damaged(head.error());
  }
  return ServerFinding{
      .name = "journal",
      .detail = concat("head ", hex(head->chain), " at revision ", head->revision.value()),
      .fix = {}};
}

}  // namespace

void add_file_findings(
    const Common& common, const ConnectionArgs& args, std::vector<ServerFinding>& findings
) {
  for (auto& finding : {look_at_modes(common, args), look_at_journal(common)}) {
    if (finding) {
      findings.push_back(*finding);
    }
  }
}

}  // namespace reeve::cli
