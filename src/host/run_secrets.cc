#include "host/run_secrets.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <fcntl.h>
#include <unistd.h>

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/strings.h"
#include "security/redaction/redactor.h"

namespace reeve::host {

namespace {

using model::CredentialPlace;

constexpr std::size_t kMemoryBytesMax = std::size_t{1} << 20U;

Error corrupt() {
  return make_error(ErrorCode::Corrupt, "the credentials of the run did not arrive whole");
}

/// As in the query of an address (RFC 3986), like the renderer does for the rest of it.
void append_percent_encoded(std::string& out, std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '.' || c == '_' || c == '~';
    if (plain) {
      out.push_back(c);
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out.push_back('%');
      out.push_back(kDigits[byte >> 4U]);
      out.push_back(kDigits[byte & 0x0fU]);
    }
  }
}

/// What a JSON pointer leads to, if that is a string, or null.
Json* find_string(Json& json, std::string_view pointer) {
  Json* at = &json;
  const auto tokens = split(pointer, '/');
  for (std::size_t i = 1; at != nullptr && i < tokens.size(); ++i) {
    if (at->is_array()) {
      std::size_t index = 0;
      const std::string_view token = tokens[i];
      const auto parsed = std::from_chars(token.data(), token.data() + token.size(), index);
      const bool whole = parsed.ec == std::errc{} && parsed.ptr == token.data() + token.size();
      at = whole && index < at->as_array().size() ? &at->as_array()[index] : nullptr;
    } else {
      at = at->find(tokens[i]);
    }
  }
  return at != nullptr && at->is_string() ? at : nullptr;
}

/// One number and one line end.
bool take_number(std::string_view& bytes, char end, std::size_t& number) {
  const auto parsed = std::from_chars(bytes.data(), bytes.data() + bytes.size(), number);
  if (parsed.ec != std::errc{} || parsed.ptr == bytes.data() + bytes.size() || *parsed.ptr != end) {
    return false;
  }
  bytes.remove_prefix(static_cast<std::size_t>(parsed.ptr + 1 - bytes.data()));
  return true;
}

}  // namespace

Result<RunSecrets> RunSecrets::resolve(CredentialSource* source, const model::RunSpec& spec) {
  RunSecrets secrets;
  std::size_t bytes = 0;
  for (const CredentialPlace& place : spec.credentials) {
    if (secrets.values_.contains(place.credential)) {
      continue;
    }
    if (source == nullptr) {
      return make_error(ErrorCode::Unsupported, "this host has no credentials", place.credential);
    }
    auto value = source->value(spec.ns, place.credential);
    if (!value.ok()) {
      Error error = std::move(value).error();
      error.message = concat("credential \"", place.credential, "\": ", error.message);
      error.subject.clear();
      return error;
    }
    bytes += value->size();
    secrets.values_.insert_or_assign(place.credential, std::move(*value));
    if (secrets.values_.size() > kRunCredentialsMax || bytes > redaction::kValuesBytesMax) {
      Error error = make_error(
          ErrorCode::LimitExceeded,
          concat(
              "a run gets at most ",
              kRunCredentialsMax,
              " credentials of ",
              redaction::kValuesBytesMax,
              " bytes together"
          )
      );
      error.hint = "divide the task";
      return error;
    }
  }
  return secrets;
}

Result<platform::FileDescriptor> sealed_memory(const char* name, std::string_view bytes) {
  platform::FileDescriptor memory(::memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!memory) {
    return platform::errno_error("memfd_create", name);
  }
  while (!bytes.empty()) {
    const ssize_t count = ::write(memory.get(), bytes.data(), bytes.size());
    if (count < 0 && errno != EINTR) {
      return platform::errno_error("write", name);
    }
    bytes.remove_prefix(count > 0 ? static_cast<std::size_t>(count) : 0);
  }
  constexpr int kSeals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
  if (::fcntl(memory.get(), F_ADD_SEALS, kSeals) != 0) {
    return platform::errno_error("seal", name);
  }
  ::lseek(memory.get(), 0, SEEK_SET);
  return memory;
}

Result<platform::FileDescriptor> RunSecrets::to_memory() const {
  std::size_t size = 0;
  for (const auto& [name, value] : values_) {
    constexpr std::size_t kNumbers = 48;
    size += name.size() + value.size() + kNumbers;
  }
  std::string bytes;
  bytes.reserve(size);
  for (const auto& [name, value] : values_) {
    bytes.append(concat(name.size(), " ", value.size(), "\n", name)).append(value.view());
  }
  auto memory = sealed_memory("reeve-credentials", bytes);
  wipe(bytes);
  return memory;
}

Result<RunSecrets> RunSecrets::from_memory(int fd) {
  struct stat info {};

  if (::fstat(fd, &info) != 0 || info.st_size < 0 ||
      static_cast<std::size_t>(info.st_size) > kMemoryBytesMax) {
    return corrupt();
  }
  Secret bytes(static_cast<std::size_t>(info.st_size));
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t count =
        ::pread(fd, bytes.data() + done, bytes.size() - done, static_cast<off_t>(done));
    if (count < 0 && errno == EINTR) {
      continue;
    }
    if (count <= 0) {
      return corrupt();
    }
    done += static_cast<std::size_t>(count);
  }
  RunSecrets secrets;
  std::string_view rest = bytes.view();
  while (!rest.empty()) {
    std::size_t name_size = 0;
    std::size_t value_size = 0;
    const bool sized = take_number(rest, ' ', name_size) && take_number(rest, '\n', value_size);
    if (!sized || name_size > rest.size() || value_size > rest.size() - name_size) {
      return corrupt();
    }
    secrets.values_.insert_or_assign(
        std::string(rest.substr(0, name_size)), Secret(rest.substr(name_size, value_size))
    );
    rest.remove_prefix(name_size + value_size);
  }
  return secrets;
}

std::vector<std::string_view> RunSecrets::values() const {
  std::vector<std::string_view> values;
  for (const auto& [name, value] : values_) {
    values.push_back(value.view());
  }
  return values;
}

Result<std::string> RunSecrets::insertion(const CredentialPlace& place) const {
  const auto found = values_.find(place.credential);
  if (found == values_.end()) {
    return make_error(
        ErrorCode::NotFound, concat("credential \"", place.credential, "\" is not here")
    );
  }
  std::string text;
  if (place.percent_encoded) {
    constexpr std::size_t kLongest = 3;
    text.reserve(found->second.size() * kLongest);
    append_percent_encoded(text, found->second.view());
  } else {
    text = found->second.view();
  }
  return text;
}

bool has_places(const model::RunSpec& spec, CredentialPlace::Part part, std::size_t index) {
  for (const CredentialPlace& place : spec.credentials) {
    if (place.part == part && place.index == index) {
      return true;
    }
  }
  return false;
}

Result<Secret> RunSecrets::fill(
    const model::RunSpec& spec, CredentialPlace::Part part, std::size_t index
) const {
  const std::string& text = part == CredentialPlace::Part::Script ? spec.steps[index].script
                                                                  : spec.environment[index].second;
  std::string out;
  std::size_t done = 0;
  for (const CredentialPlace& place : spec.credentials) {
    if (place.part != part || place.index != index) {
      continue;
    }
    REEVE_TRY(std::string value, insertion(place));
    // One allocation: growing would leave copies behind.
    std::string grown;
    const std::size_t next = std::max<std::size_t>(done, std::min(text.size(), place.offset));
    grown.reserve(out.size() + next - done + value.size());
    grown.append(out).append(text, done, next - done).append(value);
    wipe(out);
    wipe(value);
    out = std::move(grown);
    done = next;
  }
  Secret filled(out.size() + text.size() - done);
  out.copy(filled.data(), out.size());
  text.copy(filled.data() + out.size(), text.size() - done, done);
  wipe(out);
  return filled;
}

Result<Secret> RunSecrets::fill_input(const model::RunSpec& spec, std::size_t index) const {
  Json input = spec.steps[index].input;
  // From the last place to the first, so that offsets stay what they are.
  for (auto place = spec.credentials.rbegin(); place != spec.credentials.rend(); ++place) {
    if (place->part != CredentialPlace::Part::Input || place->index != index) {
      continue;
    }
    Json* at = find_string(input, place->pointer);
    if (at == nullptr || place->offset > at->as_string().size()) {
      return make_error(ErrorCode::Invalid, "is no place in the input of the tool", place->pointer);
    }
    REEVE_TRY(std::string value, insertion(*place));
    std::string text = at->as_string();
    text.insert(place->offset, value);
    *at = Json(std::move(text));
    wipe(value);
  }
  std::string dumped = input.dump();
  Secret out(dumped);
  wipe(dumped);
  return out;
}

void guard_memory() {
  // One byte, not none: a limit of none still lets a core go to a program that the machine's
  // core_pattern names; a limit of one does not.
  constexpr rlimit kNoCore{.rlim_cur = 1, .rlim_max = 1};
  ::setrlimit(RLIMIT_CORE, &kNoCore);
  ::prctl(PR_SET_DUMPABLE, 0);
}

}  // namespace reeve::host
