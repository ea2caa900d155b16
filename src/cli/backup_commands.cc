#include <cstdio>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <unistd.h>

#include "base/strings.h"
#include "cli/backup_files.h"
#include "cli/cli.h"
#include "cli/print.h"
#include "cli/server_commands.h"
#include "cli/session.h"
#include "cli/up_server.h"
#include "cli/view.h"
#include "cli/yaml.h"
#include "platform/posix/files.h"
#include "platform/posix/system.h"
#include "store/sqlite/backup.h"

/// `reeve backup`, `restore` and `export`.
namespace reeve::cli {

namespace fs = std::filesystem;

namespace {

constexpr mode_t kPrivate = 0700;
constexpr mode_t kPrivateFile = 0600;
constexpr std::uint32_t kEventPage = 500;
constexpr const char* kManifest = "backup.json";
constexpr std::uint64_t kManifestBytesMax = 65536;

/// A directory that becomes `target` in one step, or is removed.
class Draft {
 public:
  static Result<Draft> create(const fs::path& target) {
    REEVE_CHECK(require_empty(target));
    std::error_code ignored;
    const fs::path whole = fs::absolute(target, ignored).lexically_normal();
    Draft draft;
    draft.target_ = whole.has_filename() ? whole : whole.parent_path();
    draft.path_ = draft.target_.parent_path() /
                  concat(".", draft.target_.filename().string(), ".", ::getpid(), ".draft");
    REEVE_CHECK(platform::make_directories(draft.path_.parent_path(), kPrivate));
    REEVE_CHECK(platform::remove_tree(draft.path_));
    REEVE_CHECK(platform::make_directories(draft.path_, kPrivate));
    return draft;
  }

  Draft(Draft&& other) noexcept
      : target_(std::move(other.target_)), path_(std::exchange(other.path_, {})) {}

  Draft& operator=(Draft&&) = delete;

  ~Draft() {
    if (!path_.empty()) {
      (void)platform::remove_tree(path_);
    }
  }

  const fs::path& path() const { return path_; }

  Result<void> finish() {
    REEVE_CHECK(platform::sync_directory(path_));
    // Replaces an empty directory, and nothing else.
    if (std::rename(path_.c_str(), target_.c_str()) != 0) {
      return platform::errno_error("rename", target_);
    }
    path_.clear();
    return platform::sync_directory(target_.parent_path());
  }

 private:
  Draft() = default;

  fs::path target_;
  fs::path path_;
};

/// What belongs to an installation besides its store, blobs and keys.
Result<void> copy_small_files(const fs::path& from, const fs::path& to) {
  for (const char* name : {"instance", "reeve.yaml"}) {
    constexpr std::uint64_t kBytesMax = std::uint64_t{1} << 20U;
    const Result<std::string> text = platform::read_file(from / name, kBytesMax);
    if (text) {
      REEVE_CHECK(platform::write_file_atomically(to / name, *text, kPrivateFile));
    } else if (text.error().code != ErrorCode::NotFound) {
      return text.error();
    }
  }
  return {};
}

Result<void> copy_keys(const DataDir& from, const DataDir& to) {
  REEVE_CHECK(copy_tree(from.keys(), to.keys(), Sharing::No));
  REEVE_CHECK(copy_tree(server_dir(from), server_dir(to), Sharing::No));
  return {};
}

void tell(const Common& common, Json manifest, std::string_view text) {
  print(
      common.output == Output::Json   ? manifest.pretty()
      : common.output == Output::Yaml ? to_yaml(manifest)
                                      : std::string(text)
  );
}

Result<void> make_backup(const Common& common, const BackupArgs& args) {
  const DataDir from{.root = common.data_dir};
  // Also tells whether there is anything.
  REEVE_CHECK(open_for_reading(from));
  REEVE_TRY(Draft draft, Draft::create(args.directory));
  const DataDir to{.root = draft.path()};
  // The store first: every blob that its rows name was there before they were.
  REEVE_CHECK(store::back_up_store(from.store().string(), to.store().string()));
  REEVE_TRY(const CopiedFiles blobs, copy_tree(from.blobs(), to.blobs(), Sharing::Yes));
  REEVE_CHECK(copy_small_files(from.root, to.root));
  if (args.with_keys) {
    REEVE_CHECK(copy_keys(from, to));
  }
  REEVE_TRY(Json proof, verify_copy(to.root));
  Json manifest = Json::object();
  manifest.set("format", 1).set("program", concat("reeve ", kVersion));
  manifest.set("at", format_timestamp(platform::SystemClock().now()));
  manifest.set("keys", args.with_keys).set("blobBytes", blobs.bytes);
  for (const auto& [key, value] : proof.as_object()) {
    manifest.set(key, value);
  }
  REEVE_CHECK(platform::write_file_atomically(to.root / kManifest, manifest.pretty(), kPrivateFile)
  );
  REEVE_CHECK(draft.finish());
  const std::string text = concat(
      "backed up to ",
      printable(args.directory),
      ", verified: ",
      proof.get_int("events"),
      " events, ",
      proof.get_int("missions"),
      " missions, ",
      proof.get_int("blobs"),
      " files\n"
  );
  tell(common, std::move(manifest), text);
  if (!args.with_keys) {
    print_error_text(
        "reeve: without keys: credentials cannot be opened from it alone; --with-keys adds them\n"
    );
  }
  return {};
}

Result<void> restore(const Common& common, const BackupArgs& args) {
  const DataDir from{.root = args.directory};
  const Result<std::string> text = platform::read_file(from.root / kManifest, kManifestBytesMax);
  if (!text) {
    Error error = make_error(ErrorCode::NotFound, "is no backup", args.directory);
    error.hint = "reeve backup makes one";
    return text.error().code == ErrorCode::NotFound ? error : text.error();
  }
  REEVE_TRY(const Json manifest, parse_json(*text));
  if (manifest.get_int("format") != 1) {
    Error error = make_error(ErrorCode::Unsupported, "was made by a newer program", args.directory);
    error.hint = concat("restore it with ", manifest.get_string("program", "that program"));
    return error;
  }
  REEVE_TRY(Draft draft, Draft::create(common.data_dir));
  const DataDir to{.root = draft.path()};
  REEVE_CHECK(store::back_up_store(from.store().string(), to.store().string()));
  REEVE_CHECK(copy_tree(from.blobs(), to.blobs(), Sharing::No));
  REEVE_CHECK(copy_small_files(from.root, to.root));
  REEVE_CHECK(copy_keys(from, to));
  REEVE_TRY(Json proof, verify_copy(to.root));
  if (proof.get_string("head") != manifest.get_string("head")) {
    return make_error(
        ErrorCode::Corrupt, "the journal is another one than the backup says", args.directory
    );
  }
  REEVE_CHECK(draft.finish());
  const std::string said = concat(
      "restored into ",
      printable(common.data_dir),
      ", verified: ",
      proof.get_int("events"),
      " events, ",
      proof.get_int("missions"),
      " missions\n"
  );
  tell(common, std::move(proof), said);
  return {};
}

/// Removes what is sealed or proves somebody, wherever it is.
void strip(Json& value) {
  if (value.is_array()) {
    for (Json& item : value.as_array()) {
      strip(item);
    }
  }
  if (!value.is_object()) {
    return;
  }
  std::erase_if(value.as_object(), [](const Json::Member& member) {
    const bool sealed = member.second.is_string() && member.second.as_string().starts_with("v1.");
    return member.first == "sealed" || member.first == "keyId" || member.first == "hash" || sealed;
  });
  for (auto& [key, member] : value.as_object()) {
    strip(member);
  }
}

/// A name as one part of a path.
std::string file_name(std::string_view name) {
  return percent_encoded(name);
}

Result<void> export_row(const store::Row& row, const fs::path& to, std::uint64_t& count) {
  REEVE_TRY(Json body, parse_json(row.body));
  const bool secret =
      row.key.kind == journal::Kind::Credential || row.key.kind == journal::Kind::Token;
  if (secret) {
    strip(body);
  }
  const fs::path dir = to / "objects" / to_lower(to_string(row.key.kind)) /
                       (row.key.ns.view().empty() ? "-" : file_name(row.key.ns.view()));
  REEVE_CHECK(platform::make_directories(dir, kPrivate));
  ++count;
  return platform::replace_file(
      dir / concat(file_name(row.key.name), ".yaml"), to_yaml(body), kPrivateFile
  );
}

Result<std::uint64_t> export_events(store::Reader& reader, const fs::path& file) {
  std::ofstream out(file, std::ios::binary);
  store::EventQuery query;
  query.limit = kEventPage;
  std::uint64_t count = 0;
  while (true) {
    REEVE_TRY(const std::vector<journal::Event> events, reader.events(query));
    for (const journal::Event& event : events) {
      Json line = event_to_json(event);
      if (event.object.kind == journal::Kind::Credential ||
          event.object.kind == journal::Kind::Token) {
        strip(line);
      }
      out << line.dump() << '\n';
      query.after = event.revision;
      ++count;
    }
    if (events.size() < kEventPage) {
      break;
    }
  }
  out.close();
  return out ? Result<std::uint64_t>(count)
             : Result<std::uint64_t>(make_error(ErrorCode::Io, "cannot be written", file.string()));
}

Result<void> export_all(const Common& common, const BackupArgs& args) {
  REEVE_TRY(const std::unique_ptr<store::Store> store, open_for_reading({.root = common.data_dir}));
  REEVE_TRY(Draft draft, Draft::create(args.directory));
  std::uint64_t objects = 0;
  REEVE_CHECK(store->each_row([&](const store::Row& row) {
    return export_row(row, draft.path(), objects);
  }));
  REEVE_TRY(const std::uint64_t events, export_events(*store, draft.path() / "events.jsonl"));
  REEVE_CHECK(draft.finish());
  Json json = Json::object();
  json.set("objects", objects).set("events", events).set("directory", args.directory);
  tell(
      common,
      std::move(json),
      concat(
          "exported ",
          objects,
          " objects and ",
          events,
          " events to ",
          printable(args.directory),
          "\n"
      )
  );
  return {};
}

int finished(const Result<void>& result) {
  return result ? static_cast<int>(ExitCode::Done) : report(result.error());
}

}  // namespace

int back_up(const Common& common, const BackupArgs& args) {
  return finished(make_backup(common, args));
}

int restore_backup(const Common& common, const BackupArgs& args) {
  return finished(restore(common, args));
}

int export_objects(const Common& common, const BackupArgs& args) {
  return finished(export_all(common, args));
}

}  // namespace reeve::cli
