#include <algorithm>
#include <cstdlib>
#include <fcntl.h>
#include <termios.h>
#include <tuple>
#include <unistd.h>

#include "base/strings.h"
#include "cli/commands.h"
#include "cli/credentials.h"
#include "cli/link.h"
#include "cli/print.h"
#include "cli/scope.h"
#include "engine/credential_book.h"
#include "engine/setting_book.h"
#include "platform/posix/files.h"
#include "protocol/commands.h"
#include "security/redaction/redactor.h"

/// `reeve credential` and `reeve config`.
namespace reeve::cli {

namespace {

constexpr std::uint32_t kListedMax = 20'000;
/// Credentials that somebody sets while the master key is being replaced.
constexpr int kRekeyRoundsMax = 10;

struct LiveRow {
  Namespace ns;
  std::string name;
  Json body;
};

/// Objects of a kind in a namespace, or in all of them, by name.
Result<std::vector<LiveRow>> live_rows(
    store::Reader& reader, journal::Kind kind, const std::optional<Namespace>& ns
) {
  store::RowQuery query;
  query.kind = kind;
  query.ns = ns;
  query.live_only = true;
  query.limit = kListedMax;
  REEVE_TRY(const std::vector<store::ListedRow> rows, reader.list(query));
  std::vector<LiveRow> live;
  for (const store::ListedRow& listed : rows) {
    REEVE_TRY(Json body, parse_json(listed.row.body));
    live.push_back({.ns = listed.row.key.ns, .name = listed.row.key.name, .body = std::move(body)});
  }
  std::sort(live.begin(), live.end(), [](const LiveRow& a, const LiveRow& b) {
    return std::tie(a.ns, a.name) < std::tie(b.ns, b.name);
  });
  return live;
}

Result<Json> send_object(
    Link& link,
    journal::Kind kind,
    const std::string& name,
    std::string_view verb,
    Json body,
    const std::optional<Namespace>& ns = {}
) {
  const protocol::Object object{
      .kind = std::string(to_string(kind)),
      .name = name,
      .verb = std::string(verb),
      .body = std::move(body)};
  return ns ? link.send_in(*ns, protocol::kObject, to_json(object))
            : link.send(protocol::kObject, to_json(object));
}

Result<std::unique_ptr<Link>> open_link(const Common& common, bool create) {
  LinkOptions options;
  options.purpose = "reeve credential";
  options.create = create;
  return Link::open(common, options);
}

std::filesystem::path keys_of(const Common& common) {
  return DataDir{.root = common.data_dir}.keys();
}

std::string pad(std::string_view text, std::size_t width) {
  return text.size() >= width ? concat(text, " ")
                              : concat(text, std::string(width - text.size(), ' '));
}

Json list_of(const std::vector<std::string>& texts) {
  Json list = Json::array();
  for (const std::string& text : texts) {
    list.push(text);
  }
  return list;
}

// --- values -------------------------------------------------------------------------------------

/// What is typed at a terminal is not shown while this lives.
class HiddenTyping {
 public:
  HiddenTyping() : active_(::tcgetattr(STDIN_FILENO, &before_) == 0) {
    if (active_) {
      termios quiet = before_;
      quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
      ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
    }
  }

  HiddenTyping(const HiddenTyping&) = delete;
  HiddenTyping& operator=(const HiddenTyping&) = delete;

  ~HiddenTyping() {
    if (active_) {
      ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
    }
  }

 private:
  termios before_{};
  bool active_;
};

Result<Secret> read_value(int fd, const std::string& origin, bool one_line) {
  // One byte more than allowed tells too long from just long enough, a line end included.
  Secret bytes(sealing::kSealedValueBytesMax + 3);
  std::size_t size = 0;
  while (size < bytes.size()) {
    const ssize_t count = ::read(fd, bytes.data() + size, bytes.size() - size);
    if (count < 0 && errno == EINTR) {
      continue;
    }
    if (count < 0) {
      return platform::errno_error("read", origin);
    }
    size += static_cast<std::size_t>(count);
    if (count == 0 || (one_line && size > 0 && bytes.view()[size - 1] == '\n')) {
      break;
    }
  }
  bytes.shrink(size);
  return bytes;
}

Result<Secret> value_of(const CredentialArgs& args) {
  if (!args.variable.empty()) {
    const char* value = std::getenv(args.variable.c_str());
    if (value == nullptr) {
      return make_error(ErrorCode::NotFound, "is not set", concat("$", args.variable));
    }
    return Secret(std::string_view(value));
  }
  if (!args.file.empty()) {
    const platform::FileDescriptor file(::open(args.file.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file) {
      return platform::errno_error("open", args.file);
    }
    return read_value(file.get(), args.file, false);
  }
  if (::isatty(STDIN_FILENO) == 0) {
    return read_value(STDIN_FILENO, "standard input", false);
  }
  print_error_text(concat("Value of ", args.name, " (not shown): "));
  const HiddenTyping hidden;
  auto value = read_value(STDIN_FILENO, "standard input", true);
  print_error_text("\n");
  return value;
}

/// A value of one line loses its line end, which belongs to the file; others are kept as they are.
void drop_line_end(Secret& value) {
  const std::string_view text = value.view();
  if (text.find('\n') != text.size() - 1 || text.empty()) {
    return;
  }
  value.shrink(text.size() - (text.ends_with("\r\n") ? 2 : 1));
}

Result<Secret> usable_value(const CredentialArgs& args) {
  REEVE_TRY(Secret value, value_of(args));
  drop_line_end(value);
  if (value.empty()) {
    return make_error(ErrorCode::Invalid, "the value is empty", args.name);
  }
  if (value.view().find('\0') != std::string_view::npos) {
    Error error = make_error(ErrorCode::Invalid, "the value has a zero byte", args.name);
    error.hint = "no variable can hold one; encode it, for example with base64";
    return error;
  }
  return value;
}

/// The keys, made at first use; but not made anew while something is sealed with lost ones.
Result<sealing::Keyring> keyring(const Common& common, store::Reader& reader) {
  REEVE_TRY(const std::optional<Secret> passphrase, own_passphrase());
  const Secret* given = passphrase ? &*passphrase : nullptr;
  auto ring = sealing::Keyring::open(keys_of(common), given);
  if (ring.ok() || ring.error().code != ErrorCode::NotFound) {
    return ring;
  }
  REEVE_TRY(const std::vector<LiveRow> rows, live_rows(reader, journal::Kind::Credential, {}));
  if (!rows.empty()) {
    Error error = make_error(
        ErrorCode::NotFound,
        concat("is missing, and ", rows.size(), " credentials are sealed with it"),
        (keys_of(common) / "master").string()
    );
    error.hint = "restore it from a backup, or delete those credentials (reeve credential delete)";
    return error;
  }
  return sealing::Keyring::open_or_create(keys_of(common), given);
}

// --- credentials --------------------------------------------------------------------------------

Result<void> set_credential(const Common& common, const CredentialArgs& args) {
  REEVE_CHECK(engine::check_credential_name(args.name));
  REEVE_TRY(const Secret value, usable_value(args));
  REEVE_TRY(const std::unique_ptr<Link> link, open_link(common, true));
  REEVE_TRY(const sealing::Keyring ring, keyring(common, link->reader()));
  REEVE_TRY(
      std::string sealed, ring.seal({.ns = link->ns().view(), .name = args.name}, value.view())
  );
  Json body = Json::object();
  body.set("sealed", std::move(sealed)).set("keyId", ring.master().id());
  if (!args.description.empty()) {
    body.set("description", args.description);
  }
  if (!args.workflows.empty()) {
    body.set("workflows", list_of(args.workflows));
  }
  REEVE_TRY(
      const Json reply,
      send_object(*link, journal::Kind::Credential, args.name, "set", std::move(body))
  );
  const Json* detail = reply.find("detail");
  const bool created = detail != nullptr && detail->get_bool("created");
  print(concat("credential ", args.name, created ? " set\n" : " replaced\n"));
  if (value.size() < redaction::kValueBytesMin) {
    print_error_text(concat(
        "reeve: values shorter than ", redaction::kValueBytesMin, " bytes are not masked in logs\n"
    ));
  }
  return {};
}

Result<void> allow_credential(const Common& common, const CredentialArgs& args) {
  if (args.workflows.empty() && !args.all) {
    Error error = make_error(ErrorCode::Invalid, "nobody is named", args.name);
    error.hint = "name workflows, or give --all";
    return error;
  }
  REEVE_TRY(const std::unique_ptr<Link> link, open_link(common, false));
  Json body = Json::object();
  body.set("workflows", list_of(args.workflows));
  REEVE_CHECK(send_object(*link, journal::Kind::Credential, args.name, "allow", std::move(body)));
  const std::string who = args.all ? std::string("every workflow") : join(args.workflows, ", ");
  print(concat("credential ", args.name, " may be used by ", who, "\n"));
  return {};
}

Result<void> delete_credential(const Common& common, const CredentialArgs& args) {
  REEVE_TRY(const std::unique_ptr<Link> link, open_link(common, false));
  REEVE_CHECK(send_object(*link, journal::Kind::Credential, args.name, "delete", Json::object()));
  print(concat("credential ", args.name, " deleted\n"));
  return {};
}

Result<void> list_credentials(const Common& common) {
  REEVE_TRY(
      const std::unique_ptr<store::Store> store, open_for_reading(DataDir{.root = common.data_dir})
  );
  REEVE_TRY(
      std::vector<LiveRow> rows,
      live_rows(*store, journal::Kind::Credential, listed_namespace(common))
  );
  Json items = Json::array();
  std::string table = concat(
      namespace_column(common, "NAMESPACE"),
      pad("NAME", 28),
      pad("KEY", 18),
      pad("UPDATED", 26),
      pad("WORKFLOWS", 20),
      "DESCRIPTION\n"
  );
  for (const LiveRow& row : rows) {
    const Json& spec = *row.body.find("spec");
    Json item = Json::object();
    item.set("namespace", row.ns.str());
    item.set("name", row.name).set("keyId", spec.get_string("keyId"));
    item.set("updatedAt", spec.get_string("updatedAt"));
    item.set("description", spec.get_string("description"));
    std::vector<std::string> names;
    if (const Json* workflows = spec.find("workflows")) {
      for (const Json& name : workflows->as_array()) {
        names.push_back(name.as_string());
      }
    }
    item.set("workflows", list_of(names));
    table += concat(
        namespace_column(common, row.ns.view()),
        pad(row.name, 28),
        pad(spec.get_string("keyId"), 18),
        pad(spec.get_string("updatedAt"), 26),
        pad(names.empty() ? std::string("all") : printable(join(names, ",")), 20),
        printable(spec.get_string("description")),
        "\n"
    );
    items.push(std::move(item));
  }
  print(common.output == Output::Json ? items.pretty() : table);
  return {};
}

/// Seals everything that is not under the next key yet. How many that were.
Result<std::size_t> seal_again(Link& link, const sealing::Keyring& ring) {
  REEVE_TRY(
      const std::vector<LiveRow> rows, live_rows(link.reader(), journal::Kind::Credential, {})
  );
  std::size_t count = 0;
  for (const LiveRow& row : rows) {
    const std::string sealed = row.body.find("spec")->get_string("sealed");
    REEVE_TRY(const std::string id, sealing::key_id_of(sealed));
    if (id == ring.master().id()) {
      continue;
    }
    const sealing::Binding binding{.ns = row.ns.view(), .name = row.name};
    REEVE_TRY(const Secret value, ring.open_value(binding, sealed));
    REEVE_TRY(std::string again, ring.seal(binding, value.view()));
    Json body = Json::object();
    body.set("from", sealed).set("sealed", std::move(again)).set("keyId", ring.master().id());
    const auto done =
        send_object(link, journal::Kind::Credential, row.name, "reseal", std::move(body), row.ns);
    // Set or deleted by somebody else meanwhile: the next round sees it.
    if (!done.ok() && done.error().code != ErrorCode::Conflict &&
        done.error().code != ErrorCode::NotFound) {
      return done.error();
    }
    ++count;
  }
  return count;
}

Result<std::optional<Secret>> fresh_passphrase(
    const CredentialArgs& args, const sealing::Keyring& current
) {
  if (!args.passphrase_file.empty()) {
    REEVE_TRY(Secret passphrase, sealing::read_passphrase(args.passphrase_file));
    return std::optional<Secret>(std::move(passphrase));
  }
  if (current.needs_passphrase() && !args.key_file) {
    Error error = make_error(ErrorCode::Invalid, "the master key is made from a passphrase");
    error.hint = "give the next one with --new-passphrase-file, or --key-file to do without";
    return error;
  }
  return std::optional<Secret>();
}

Result<void> rekey(const Common& common, const CredentialArgs& args) {
  REEVE_TRY(const std::optional<Secret> passphrase, own_passphrase());
  const Secret* current = passphrase ? &*passphrase : nullptr;
  REEVE_TRY(const sealing::Keyring old, sealing::Keyring::open(keys_of(common), current));
  REEVE_TRY(const std::optional<Secret> fresh, fresh_passphrase(args, old));
  REEVE_TRY(const std::unique_ptr<Link> link, open_link(common, false));
  REEVE_TRY(
      const sealing::Rotation rotation,
      sealing::Rotation::begin(keys_of(common), current, fresh ? &*fresh : nullptr)
  );
  std::size_t total = 0;
  std::size_t last = 1;
  for (int round = 0; last > 0; ++round) {
    if (round == kRekeyRoundsMax) {
      return make_error(ErrorCode::Unavailable, "credentials are being set all the time");
    }
    REEVE_TRY(last, seal_again(*link, rotation.ring()));
    total += last;
  }
  REEVE_TRY(const std::string retired, rotation.finish());
  print(concat("sealed ", total, " credentials with the key ", rotation.ring().master().id(), "\n")
  );
  print_error_text(concat(
      "reeve: the old key is kept as ",
      (keys_of(common) / retired).string(),
      "; delete it when no backup needs it\n"
  ));
  return {};
}

// --- settings -----------------------------------------------------------------------------------

Result<void> change_setting(const Common& common, const ConfigArgs& args) {
  REEVE_CHECK(engine::check_setting_name(args.name));
  const bool set = args.action == ConfigArgs::Action::Set;
  REEVE_TRY(const std::unique_ptr<Link> link, open_link(common, set));
  Json body = Json::object();
  if (set) {
    body.set("value", args.value);
  }
  REEVE_CHECK(send_object(
      *link,
      journal::Kind::Setting,
      engine::setting_object(args.workflow, args.name),
      set ? "set" : "unset",
      std::move(body)
  ));
  print(concat(args.name, set ? " set\n" : " unset\n"));
  return {};
}

Result<void> get_setting(const Common& common, const ConfigArgs& args) {
  REEVE_CHECK(engine::check_setting_name(args.name));
  REEVE_TRY(
      const std::unique_ptr<store::Store> store, open_for_reading(DataDir{.root = common.data_dir})
  );
  REEVE_TRY(
      const std::optional<store::Row> row,
      store->get(
          {.kind = journal::Kind::Setting,
           .ns = namespace_of(common),
           .name = engine::setting_object(args.workflow, args.name)}
      )
  );
  if (!row || !row->live) {
    Error error =
        make_error(ErrorCode::NotFound, concat("\"", args.name, "\" is not set"), args.workflow);
    error.hint = "reeve config list shows what is";
    return error;
  }
  REEVE_TRY(const Json body, parse_json(row->body));
  print(concat(body.find("spec")->get_string("value"), "\n"));
  return {};
}

Result<void> list_settings(const Common& common, const ConfigArgs& args) {
  REEVE_TRY(
      const std::unique_ptr<store::Store> store, open_for_reading(DataDir{.root = common.data_dir})
  );
  REEVE_TRY(
      const std::vector<LiveRow> rows,
      live_rows(*store, journal::Kind::Setting, listed_namespace(common))
  );
  Json items = Json::array();
  std::string table = concat(
      namespace_column(common, "NAMESPACE"), pad("NAME", 28), pad("WORKFLOW", 28), "VALUE\n"
  );
  for (const LiveRow& row : rows) {
    const auto [workflow, name] = engine::split_setting_object(row.name);
    if (!args.workflow.empty() && workflow != args.workflow) {
      continue;
    }
    const std::string value = row.body.find("spec")->get_string("value");
    Json item = Json::object();
    item.set("namespace", row.ns.str());
    item.set("name", name).set("workflow", workflow).set("value", value);
    items.push(std::move(item));
    table += concat(
        namespace_column(common, row.ns.view()),
        pad(name, 28),
        pad(workflow.empty() ? "all" : workflow, 28),
        printable(value),
        "\n"
    );
  }
  print(common.output == Output::Json ? items.pretty() : table);
  return {};
}

int outcome(const Result<void>& result) {
  return result.ok() ? static_cast<int>(ExitCode::Done) : report(result.error());
}

}  // namespace

int run_credential(const Common& common, const CredentialArgs& args) {
  switch (args.action) {
    case CredentialArgs::Action::Set:
      return outcome(set_credential(common, args));
    case CredentialArgs::Action::Allow:
      return outcome(allow_credential(common, args));
    case CredentialArgs::Action::List:
      return outcome(list_credentials(common));
    case CredentialArgs::Action::Delete:
      return outcome(delete_credential(common, args));
    case CredentialArgs::Action::Rekey:
      return outcome(rekey(common, args));
  }
  return static_cast<int>(ExitCode::Usage);
}

int run_config(const Common& common, const ConfigArgs& args) {
  switch (args.action) {
    case ConfigArgs::Action::Set:
    case ConfigArgs::Action::Unset:
      return outcome(change_setting(common, args));
    case ConfigArgs::Action::Get:
      return outcome(get_setting(common, args));
    case ConfigArgs::Action::List:
      return outcome(list_settings(common, args));
  }
  return static_cast<int>(ExitCode::Usage);
}

}  // namespace reeve::cli
