#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <unistd.h>

#include "base/strings.h"
#include "cli/child_process.h"
#include "cli/edit_merge.h"
#include "cli/object_documents.h"
#include "cli/object_target.h"
#include "cli/print.h"
#include "cli/resource_path.h"
#include "cli/server_commands.h"
#include "cli/yaml.h"
#include "platform/posix/files.h"
#include "resource/json_compare.h"
#include "resource/schema/contract.h"

/// `reeve edit`: an object in somebody's editor.
namespace reeve::cli {

namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kEditedBytesMax = std::uint64_t{16} << 20U;
/// How often others may get in between before it is given up.
constexpr int kConflictsMax = 10;
constexpr std::string_view kFieldManager = "reeve-edit";

/// A file of ours in a directory of ours: editors leave copies beside what they edit.
class EditedFile {
 public:
  static Result<EditedFile> create(const std::string& name) {
    const char* root = std::getenv("TMPDIR");
    std::string pattern =
        (fs::path(root == nullptr || *root == '\0' ? "/tmp" : root) / "reeve-edit-XXXXXX").string();
    // Of mode 0700.
    if (::mkdtemp(pattern.data()) == nullptr) {
      return platform::errno_error("mkdtemp", pattern);
    }
    return EditedFile(pattern, fs::path(pattern) / name);
  }

  ~EditedFile() {
    if (directory_.empty()) {
      return;
    }
    if (const Result<void> removed = platform::remove_tree(directory_); !removed) {
      report(removed.error());
    }
  }

  EditedFile(EditedFile&& other) noexcept
      : directory_(std::exchange(other.directory_, {})), file_(std::move(other.file_)) {}

  EditedFile& operator=(EditedFile&&) = delete;

  const fs::path& path() const { return file_; }

 private:
  EditedFile(fs::path directory, fs::path file)
      : directory_(std::move(directory)), file_(std::move(file)) {}

  fs::path directory_;
  fs::path file_;
};

/// Words as in `code --wait`; what needs a shell gets one.
std::vector<std::string> editor_words(std::string_view editor, const std::string& file) {
  if (editor.find_first_of("'\"\\$`=;&|<>(){}*?~#\n") != std::string_view::npos) {
    return {"sh", "-c", concat(editor, " \"$1\""), "reeve-edit", file};
  }
  std::vector<std::string> words;
  for (const std::string_view word : split(editor, ' ')) {
    if (!trim(word).empty()) {
      words.emplace_back(trim(word));
    }
  }
  words.push_back(file);
  return words;
}

Result<std::vector<std::string>> editor_command(const fs::path& file) {
  for (const char* variable : {"VISUAL", "EDITOR"}) {
    const char* editor = std::getenv(variable);
    if (editor != nullptr && !trim(editor).empty()) {
      return editor_words(editor, file.string());
    }
  }
  if (::isatty(STDIN_FILENO) == 0) {
    Error error = make_error(ErrorCode::Invalid, "is not set, and there is no terminal", "$EDITOR");
    error.hint = "set it to the editor that you want, or use reeve apply -f";
    return error;
  }
  return std::vector<std::string>{"vi", file.string()};
}

std::vector<std::string> comment_lines(std::string_view note) {
  std::vector<std::string> lines = {
      "# Save and close to write the object. Without a change, or with nothing left in the file,",
      "# nothing is written. These lines are not kept, and status cannot be edited."};
  if (!note.empty()) {
    lines.emplace_back("#");
  }
  for (const std::string_view line : split(note, '\n')) {
    if (!note.empty()) {
      lines.push_back(concat("# ", printable(line)));
    }
  }
  return lines;
}

/// Without the lines that `comment_lines` and others have written at the top.
std::string_view without_comments(std::string_view text) {
  while (text.starts_with('#')) {
    const std::size_t end = text.find('\n');
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  }
  return text;
}

/// What people can change of an object, and what says which one it is.
void hide_what_is_not_edited(Json& object) {
  hide_managed_fields(object);
  resource::erase_member(object, "status");
}

/// One object on its way through the editor, as often as it takes.
class Edit {
 public:
  Edit(Api& api, const Target& target, SignalFeed& signals)
      : api_(api),
        target_(target),
        signals_(signals),
        at_(object_path(*target.type, api.ns, target.names.front())) {}

  Result<void> carry_out() {
    REEVE_TRY(original_, read());
    text_ = to_yaml(original_);
    REEVE_TRY(const EditedFile file, EditedFile::create(concat(target_.type->singular, ".yaml")));
    while (true) {
      REEVE_TRY(const std::string saved, let_edit(file.path()));
      if (trim(saved).empty()) {
        return cancelled("the file is empty");
      }
      if (saved == text_ && !rebased_) {
        return refused_ ? Result<void>(*refused_) : cancelled("nothing was changed");
      }
      REEVE_TRY(const bool done, take(saved));
      if (done) {
        return {};
      }
    }
  }

 private:
  Result<Json> read() {
    ApiRequest request;
    request.path = at_;
    REEVE_TRY(Json object, api_.client->ask(request));
    hide_what_is_not_edited(object);
    return object;
  }

  /// The text as it is saved, without the comments at its top.
  Result<std::string> let_edit(const fs::path& file) {
    const std::string comments = join(comment_lines(note_), "\n");
    REEVE_CHECK(platform::replace_file(file, concat(comments, "\n", text_), 0600));
    REEVE_TRY(const std::vector<std::string> command, editor_command(file));
    REEVE_TRY(const pid_t child, start_child(command));
    if (const int code = wait_for_child(child, signals_); code != 0) {
      return make_error(
          ErrorCode::Cancelled, concat("the editor has ended with exit code ", code), "$EDITOR"
      );
    }
    REEVE_TRY(const std::string saved, platform::read_file(file, kEditedBytesMax));
    return std::string(without_comments(saved));
  }

  /// Writes what was saved. False: it is to be edited again, and why is in the note.
  Result<bool> take(const std::string& saved) {
    text_ = saved;
    rebased_ = false;
    const Result<std::vector<ObjectDocument>> documents = split_documents(saved, {});
    if (!documents) {
      return again(documents.error());
    }
    if (documents->size() != 1) {
      return again(make_error(ErrorCode::Invalid, "must be one object"));
    }
    const Json& edited = documents->front().object;
    if (resource::equivalent(edited, original_)) {
      refused_.reset();
      REEVE_CHECK(cancelled("nothing was changed"));
      return true;
    }
    return write(edited);
  }

  Result<bool> write(const Json& edited) {
    ApiRequest request;
    request.method = "PUT";
    request.path = concat(at_, "?fieldManager=", kFieldManager, "&fieldValidation=Strict");
    request.body = edited.dump();
    const Result<Json> answer = api_.client->ask(request);
    if (answer) {
      print(concat(
          qualified_singular(*target_.type), "/", printable(target_.names.front()), " edited\n"
      ));
      return true;
    }
    if (answer.error().code == ErrorCode::Conflict && ++conflicts_ <= kConflictsMax) {
      return start_over(edited);
    }
    return again(answer.error());
  }

  Result<bool> again(Error error) {
    refused_ = error;
    note_ = concat("It was not written: ", error.describe());
    if (error.position.line > 0) {
      // As the editor counts: the comments come first.
      error.position.line += static_cast<int>(comment_lines(note_).size());
      note_ = concat("It was not written: ", error.describe());
    }
    return false;
  }

  /// Somebody else was faster: the changes on top of theirs, to be looked at.
  Result<bool> start_over(const Json& edited) {
    REEVE_TRY(Json current, read());
    Rebased made = rebase(original_, edited, current);
    // Which revision the changes were made from is not one of them.
    Json* metadata = made.object.find("metadata");
    if (metadata == nullptr || !metadata->is_object()) {
      return again(make_error(ErrorCode::Invalid, "is missing", "metadata"));
    }
    metadata->set("resourceVersion", resource_version(current));
    std::erase_if(made.disputed, [](const std::string& path) {
      return path == "metadata.resourceVersion" || path == "metadata.generation";
    });
    note_ =
        "It was changed by somebody else meanwhile. This is what it is now, with your changes; "
        "save it to write it.";
    if (!made.disputed.empty()) {
      note_ += concat("\nBoth have changed, and yours is below: ", join(made.disputed, ", "));
    }
    original_ = std::move(current);
    text_ = to_yaml(made.object);
    rebased_ = true;
    return false;
  }

  static std::string resource_version(const Json& object) {
    const Json* metadata = object.find("metadata");
    return metadata == nullptr ? std::string() : metadata->get_string("resourceVersion");
  }

  static Result<void> cancelled(std::string_view why) {
    print_error_text(concat("Edit cancelled: ", why, ".\n"));
    return {};
  }

  Api& api_;
  const Target& target_;
  SignalFeed& signals_;
  std::string at_;
  Json original_;
  std::string text_;
  std::string note_;
  std::optional<Error> refused_;
  /// The text has changes that nobody has saved yet.
  bool rebased_ = false;
  int conflicts_ = 0;
};

Result<void> edit(const Common& common, const ObjectsArgs& args) {
  REEVE_TRY(const Target target, target_of(args.words));
  if (target.names.size() != 1) {
    return make_error(ErrorCode::Invalid, "edits one object", "NAME");
  }
  if (!target.type->has_verb("update")) {
    Error error = make_error(
        ErrorCode::Unsupported, concat(target.type->plural, " are written by the server only")
    );
    error.hint = concat("reeve describe ", target.type->singular, " shows one");
    return error;
  }
  // Before any thread.
  SignalFeed signals;
  REEVE_TRY(Api api, open_api(common, args.connection));
  return Edit(api, target, signals).carry_out();
}

}  // namespace

int edit_object(const Common& common, const ObjectsArgs& args) {
  return finished(edit(common, args));
}

}  // namespace reeve::cli
