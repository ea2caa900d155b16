#include "executor/http/curl.h"

// Calls go through pointers, where the checking macros of the header cannot follow.
#define CURL_DISABLE_TYPECHECK
#include <algorithm>
#include <array>
#include <cerrno>
#include <dlfcn.h>
#include <poll.h>

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/strings.h"
#include "security/egress/address_guard.h"

namespace reeve::executor::http {

namespace {

using egress::AddressKind;
using egress::Ipv4;
using egress::Ipv6;

constexpr const char* kLibrary = "libcurl.so.4";
/// The first with CURLOPT_PROTOCOLS_STR.
constexpr unsigned kVersionMin = 0x075500;
constexpr int kStatusInfoMax = 199;

/// The functions of libcurl that are used.
struct Api {
  decltype(&::curl_global_init) global_init = nullptr;
  decltype(&::curl_version_info) version_info = nullptr;
  decltype(&::curl_version) version = nullptr;
  decltype(&::curl_easy_init) easy_init = nullptr;
  decltype(&::curl_easy_reset) easy_reset = nullptr;
  decltype(&::curl_easy_setopt) easy_setopt = nullptr;
  decltype(&::curl_easy_perform) easy_perform = nullptr;
  decltype(&::curl_easy_getinfo) easy_getinfo = nullptr;
  decltype(&::curl_easy_cleanup) easy_cleanup = nullptr;
  decltype(&::curl_easy_strerror) easy_strerror = nullptr;
  decltype(&::curl_easy_send) easy_send = nullptr;
  decltype(&::curl_easy_recv) easy_recv = nullptr;
  decltype(&::curl_slist_append) slist_append = nullptr;
  decltype(&::curl_slist_free_all) slist_free_all = nullptr;
  decltype(&::curl_url) url = nullptr;
  decltype(&::curl_url_set) url_set = nullptr;
  decltype(&::curl_url_get) url_get = nullptr;
  decltype(&::curl_url_cleanup) url_cleanup = nullptr;
  decltype(&::curl_free) free = nullptr;
};

template <class Function>
bool find(void* library, const char* name, Function& out) {
  out = reinterpret_cast<Function>(::dlsym(library, name));
  return out != nullptr;
}

bool find_all(void* library, Api& api) {
  return find(library, "curl_global_init", api.global_init) &&
         find(library, "curl_version_info", api.version_info) &&
         find(library, "curl_version", api.version) &&
         find(library, "curl_easy_init", api.easy_init) &&
         find(library, "curl_easy_reset", api.easy_reset) &&
         find(library, "curl_easy_setopt", api.easy_setopt) &&
         find(library, "curl_easy_perform", api.easy_perform) &&
         find(library, "curl_easy_getinfo", api.easy_getinfo) &&
         find(library, "curl_easy_cleanup", api.easy_cleanup) &&
         find(library, "curl_easy_strerror", api.easy_strerror) &&
         find(library, "curl_easy_send", api.easy_send) &&
         find(library, "curl_easy_recv", api.easy_recv) &&
         find(library, "curl_slist_append", api.slist_append) &&
         find(library, "curl_slist_free_all", api.slist_free_all) &&
         find(library, "curl_url", api.url) && find(library, "curl_url_set", api.url_set) &&
         find(library, "curl_url_get", api.url_get) &&
         find(library, "curl_url_cleanup", api.url_cleanup) && find(library, "curl_free", api.free);
}

Error no_library(std::string_view why) {
  Error error = make_error(ErrorCode::Unsupported, concat("HTTP needs libcurl: ", why));
  error.hint = "install it: apt-get install libcurl4 (7.85 or newer)";
  return error;
}

/// What the callbacks of one transfer share.
struct Transfer {
  const Policy* policy = nullptr;
  const Curl::OnHead* on_head = nullptr;
  const Curl::Sink* sink = nullptr;
  std::function<HopResponse()> head;
  std::size_t header_bytes = 0;
  std::vector<std::string> warnings;
  bool head_told = false;
  bool sink_ended = false;
  /// Of the last address that was refused.
  std::string refused;
};

/// The address and how it is written.
struct Checked {
  AddressKind kind = AddressKind::Forbidden;
  std::string text;
};

Checked check(const curl_sockaddr& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  Checked checked;
  if (address.family == AF_INET) {
    const auto& in = reinterpret_cast<const sockaddr_in&>(address.addr);
    Ipv4 bytes{};
    std::copy_n(reinterpret_cast<const std::uint8_t*>(&in.sin_addr), bytes.size(), bytes.begin());
    ::inet_ntop(AF_INET, bytes.data(), text.data(), text.size());
    checked.kind = egress::kind_of(bytes);
  } else if (address.family == AF_INET6) {
    // The structure in curl's own has room for every address, whatever its declared type.
    const auto& in = reinterpret_cast<const sockaddr_in6&>(address.addr);
    Ipv6 bytes{};
    std::copy_n(in.sin6_addr.s6_addr, bytes.size(), bytes.begin());
    ::inet_ntop(AF_INET6, bytes.data(), text.data(), text.size());
    checked.kind = egress::kind_of(bytes);
  }
  checked.text = text.data();
  return checked;
}

/// The last gate before a connection: names, redirects and rebinding are behind us here.
curl_socket_t open_socket(void* context, curlsocktype purpose, curl_sockaddr* address) {
  auto& transfer = *static_cast<Transfer*>(context);
  if (address->family == AF_UNIX && !transfer.policy->unix_socket.empty()) {
    return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
  }
  const Checked checked = check(*address);
  auto refused = egress::refusal(checked.kind, transfer.policy->allow_private, checked.text);
  if (refused || purpose != CURLSOCKTYPE_IPCXN) {
    transfer.refused = refused.value_or("an unknown kind of connection");
    return CURL_SOCKET_BAD;
  }
  return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

std::size_t take_header(char* data, std::size_t /*one*/, std::size_t size, void* context) {
  constexpr std::string_view kWarning = "warning:";
  auto& transfer = *static_cast<Transfer*>(context);
  transfer.header_bytes += size;
  const std::string_view line(data, size);
  if (to_lower(line.substr(0, kWarning.size())) == kWarning) {
    transfer.warnings.emplace_back(trim(line.substr(kWarning.size())));
  }
  return transfer.header_bytes <= kHeaderBytesMax ? size : 0;
}

std::size_t take_body(char* data, std::size_t /*one*/, std::size_t size, void* context) {
  auto& transfer = *static_cast<Transfer*>(context);
  if (!transfer.head_told) {
    transfer.head_told = true;
    (*transfer.on_head)(transfer.head());
  }
  if (!(*transfer.sink)(std::string_view(data, size))) {
    transfer.sink_ended = true;
    return size + 1;
  }
  return size;
}

/// Owns a list of lines.
class HeaderList {
 public:
  explicit HeaderList(const Api& api) : api_(api) {}

  HeaderList(const HeaderList&) = delete;
  HeaderList& operator=(const HeaderList&) = delete;

  ~HeaderList() { api_.slist_free_all(list_); }

  void add(const std::string& line) {
    // Without memory for one line nothing can be asked anyway: the process ends.
    list_ = api_.slist_append(list_, line.c_str());
    REEVE_ASSERT(list_ != nullptr);
  }

  curl_slist* get() const { return list_; }

 private:
  const Api& api_;
  curl_slist* list_ = nullptr;
};

/// What is left to send of a mail.
std::size_t give_mail(char* out, std::size_t one, std::size_t room, void* context) {
  auto& left = *static_cast<std::string_view*>(context);
  const std::size_t size = std::min(one * room, left.size());
  std::copy_n(left.data(), size, out);
  left.remove_prefix(size);
  return size;
}

class LoadedCurl final : public Curl {
 public:
  LoadedCurl(const Api& api, CURL* handle) : api_(api), handle_(handle) {}

  LoadedCurl(const LoadedCurl&) = delete;
  LoadedCurl& operator=(const LoadedCurl&) = delete;

  ~LoadedCurl() override {
    if (handle_ != nullptr) {
      api_.easy_cleanup(handle_);
    }
  }

  std::string version() const override { return api_.version(); }

  Result<Address> parse(const std::string& url) const override;
  Result<HopResponse> exchange(
      const Hop& hop, const Policy& policy, const OnHead& on_head, const Sink& sink
  ) override;
  std::optional<MailRefusal> send_mail(const Mail& mail, const Policy& policy) override;
  Result<std::unique_ptr<ByteStream>> connect(const std::string& url, const Policy& policy)
      override;

 private:
  template <class Value>
  void set(CURLoption option, Value value) {
    const CURLcode code = api_.easy_setopt(handle_, option, value);
    failed_ = failed_ != CURLE_OK ? failed_ : code;
  }

  void prepare(const std::string& url, const Policy& policy, Transfer& transfer);
  void set_blob(CURLoption option, const std::string& text);
  void set_verb(const Hop& hop);
  void set_mail(const Mail& mail, HeaderList& recipients);
  HopResponse head() const;
  Error failure(CURLcode code, const Transfer& transfer) const;
  std::string part(CURLU* parsed, CURLUPart part, unsigned flags) const;

  const Api& api_;
  CURL* handle_;
  CURLcode failed_ = CURLE_OK;
  std::array<char, CURL_ERROR_SIZE> message_{};
};

class CurlStream final : public ByteStream {
 public:
  CurlStream(const Api& api, std::unique_ptr<LoadedCurl> owner, CURL* handle, int socket)
      : api_(api), owner_(std::move(owner)), handle_(handle), socket_(socket) {}

  Result<void> send(std::string_view bytes) override {
    while (!bytes.empty()) {
      std::size_t sent = 0;
      const CURLcode code = api_.easy_send(handle_, bytes.data(), bytes.size(), &sent);
      if (code == CURLE_AGAIN) {
        wait(POLLOUT);
      } else if (code != CURLE_OK) {
        return make_error(ErrorCode::Unavailable, api_.easy_strerror(code));
      }
      bytes.remove_prefix(sent);
    }
    return {};
  }

  Result<std::string> receive(std::size_t bytes_max) override {
    std::string bytes(bytes_max, '\0');
    for (;;) {
      std::size_t count = 0;
      const CURLcode code = api_.easy_recv(handle_, bytes.data(), bytes.size(), &count);
      if (code == CURLE_OK) {
        bytes.resize(count);
        return bytes;
      }
      if (code != CURLE_AGAIN) {
        return make_error(ErrorCode::Unavailable, api_.easy_strerror(code));
      }
      wait(POLLIN);
    }
  }

 private:
  void wait(short events) const {
    pollfd fd{.fd = socket_, .events = events, .revents = 0};
    ::poll(&fd, 1, -1);
  }

  const Api& api_;
  std::unique_ptr<LoadedCurl> owner_;
  CURL* handle_;
  int socket_;
};

void LoadedCurl::prepare(const std::string& url, const Policy& policy, Transfer& transfer) {
  api_.easy_reset(handle_);
  failed_ = CURLE_OK;
  message_.fill('\0');
  set(CURLOPT_ERRORBUFFER, message_.data());
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_URL, url.c_str());
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_FOLLOWLOCATION, 0L);
  set(CURLOPT_PROXY, "");
  set(CURLOPT_NOPROXY, "*");
  set(CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
  set(CURLOPT_CONNECTTIMEOUT, static_cast<long>(kConnectSecondsMax));
  set(CURLOPT_USERAGENT, "reeve");
  set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  set(CURLOPT_SSL_VERIFYPEER, policy.verify_tls ? 1L : 0L);
  set(CURLOPT_SSL_VERIFYHOST, policy.verify_tls ? 2L : 0L);
  if (!policy.authorities.empty()) {
    curl_blob blob{};
    blob.data = const_cast<char*>(policy.authorities.data());
    blob.len = policy.authorities.size();
    blob.flags = CURL_BLOB_COPY;
    set(CURLOPT_CAINFO_BLOB, &blob);
    set(CURLOPT_CAPATH, static_cast<const char*>(nullptr));
  }
  set_blob(CURLOPT_SSLCERT_BLOB, policy.client_certificate);
  set_blob(CURLOPT_SSLKEY_BLOB, policy.client_key);
  if (!policy.unix_socket.empty()) {
    set(CURLOPT_UNIX_SOCKET_PATH, policy.unix_socket.c_str());
  }
  transfer.policy = &policy;
  set(CURLOPT_OPENSOCKETFUNCTION, &open_socket);
  set(CURLOPT_OPENSOCKETDATA, &transfer);
}

void LoadedCurl::set_blob(CURLoption option, const std::string& text) {
  if (text.empty()) {
    return;
  }
  curl_blob blob{};
  blob.data = const_cast<char*>(text.data());
  blob.len = text.size();
  blob.flags = CURL_BLOB_COPY;
  set(option, &blob);
}

void LoadedCurl::set_verb(const Hop& hop) {
  if (hop.verb == "HEAD") {
    set(CURLOPT_NOBODY, 1L);
  } else if (hop.verb == "GET" && !hop.has_body) {
    set(CURLOPT_HTTPGET, 1L);
  } else if (hop.has_body || hop.verb == "POST") {
    set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(hop.body.size()));
    set(CURLOPT_POSTFIELDS, hop.body.data());
    set(CURLOPT_CUSTOMREQUEST, hop.verb.c_str());
  } else {
    set(CURLOPT_CUSTOMREQUEST, hop.verb.c_str());
  }
}

HopResponse LoadedCurl::head() const {
  HopResponse response;
  long status = 0;
  const char* text = nullptr;
  api_.easy_getinfo(handle_, CURLINFO_RESPONSE_CODE, &status);
  response.status = static_cast<int>(status);
  if (api_.easy_getinfo(handle_, CURLINFO_CONTENT_TYPE, &text) == CURLE_OK && text != nullptr) {
    response.content_type = text;
  }
  text = nullptr;
  if (api_.easy_getinfo(handle_, CURLINFO_REDIRECT_URL, &text) == CURLE_OK && text != nullptr) {
    response.redirect_url = text;
  }
  curl_off_t pause = 0;
  if (api_.easy_getinfo(handle_, CURLINFO_RETRY_AFTER, &pause) == CURLE_OK && pause > 0) {
    response.retry_after_seconds = static_cast<std::uint32_t>(std::min<curl_off_t>(pause, 86'400));
  }
  return response;
}

Error LoadedCurl::failure(CURLcode code, const Transfer& transfer) const {
  if (transfer.sink_ended) {
    return make_error(ErrorCode::Cancelled, "the response was not taken");
  }
  if (!transfer.refused.empty()) {
    return make_error(ErrorCode::PermissionDenied, transfer.refused);
  }
  if (transfer.header_bytes > kHeaderBytesMax) {
    return make_error(
        ErrorCode::Unavailable, concat("its headers are longer than ", kHeaderBytesMax, " bytes")
    );
  }
  const std::string_view detail = message_.data();
  return make_error(
      ErrorCode::Unavailable, std::string(detail.empty() ? api_.easy_strerror(code) : trim(detail))
  );
}

void fill(HeaderList& list, const Hop& hop) {
  bool has_content_type = false;
  for (const auto& [name, value] : hop.headers) {
    has_content_type = has_content_type || to_lower(name) == "content-type";
    // That is how libcurl is told of a header without a value.
    list.add(value.empty() ? concat(name, ";") : concat(name, ": ", value));
  }
  if (!has_content_type) {
    list.add("Content-Type:");
  }
  list.add("Expect:");
}

Result<HopResponse> LoadedCurl::exchange(
    const Hop& hop, const Policy& policy, const OnHead& on_head, const Sink& sink
) {
  Transfer transfer;
  transfer.on_head = &on_head;
  transfer.sink = &sink;
  transfer.head = [this] {
    return head();
  };
  prepare(hop.url, policy, transfer);
  set_verb(hop);
  if (hop.timeout > Duration(0)) {
    set(CURLOPT_TIMEOUT_MS, static_cast<long>(hop.timeout.count()));
  }
  HeaderList headers(api_);
  fill(headers, hop);
  set(CURLOPT_HTTPHEADER, headers.get());
  set(CURLOPT_HEADERFUNCTION, &take_header);
  set(CURLOPT_HEADERDATA, &transfer);
  set(CURLOPT_WRITEFUNCTION, &take_body);
  set(CURLOPT_WRITEDATA, &transfer);
  if (failed_ != CURLE_OK) {
    return make_error(ErrorCode::Unsupported, concat("libcurl: ", api_.easy_strerror(failed_)));
  }
  const CURLcode code = api_.easy_perform(handle_);
  if (code != CURLE_OK) {
    return failure(code, transfer);
  }
  HopResponse response = head();
  response.warnings = std::move(transfer.warnings);
  if (response.status <= kStatusInfoMax) {
    return make_error(ErrorCode::Unavailable, "it sent no final response");
  }
  if (!transfer.head_told) {
    on_head(response);
  }
  return response;
}

void LoadedCurl::set_mail(const Mail& mail, HeaderList& recipients) {
  set(CURLOPT_PROTOCOLS_STR, "smtp,smtps");
  set(CURLOPT_USE_SSL, static_cast<long>(mail.plain ? CURLUSESSL_NONE : CURLUSESSL_ALL));
  if (!mail.username.empty() && !mail.plain) {
    set(CURLOPT_USERNAME, mail.username.c_str());
    set(CURLOPT_PASSWORD, mail.password.c_str());
  }
  if (mail.timeout > Duration(0)) {
    set(CURLOPT_TIMEOUT_MS, static_cast<long>(mail.timeout.count()));
  }
  set(CURLOPT_MAIL_FROM, concat("<", mail.from, ">").c_str());
  for (const std::string& one : mail.to) {
    recipients.add(concat("<", one, ">"));
  }
  set(CURLOPT_MAIL_RCPT, recipients.get());
  set(CURLOPT_UPLOAD, 1L);
  set(CURLOPT_READFUNCTION, &give_mail);
}

std::optional<MailRefusal> LoadedCurl::send_mail(const Mail& mail, const Policy& policy) {
  const bool address = mail.host.find(':') != std::string::npos;
  const std::string url = concat(
      mail.tls ? "smtps://" : "smtp://",
      address ? concat("[", mail.host, "]") : mail.host,
      ":",
      mail.port
  );
  Transfer transfer;
  const Sink nowhere = [](std::string_view /*bytes*/) {
    return true;
  };
  const OnHead nothing = [](const HopResponse& /*head*/) {
  };
  transfer.sink = &nowhere;
  transfer.on_head = &nothing;
  transfer.head_told = true;
  prepare(url, policy, transfer);
  HeaderList recipients(api_);
  set_mail(mail, recipients);
  std::string_view left = mail.message;
  set(CURLOPT_READDATA, &left);
  set(CURLOPT_WRITEFUNCTION, &take_body);
  set(CURLOPT_WRITEDATA, &transfer);
  if (failed_ != CURLE_OK) {
    return MailRefusal{
        .code = 0,
        .error =
            make_error(ErrorCode::Unsupported, concat("libcurl: ", api_.easy_strerror(failed_)))};
  }
  const CURLcode code = api_.easy_perform(handle_);
  if (code == CURLE_OK) {
    return std::nullopt;
  }
  long reply = 0;
  api_.easy_getinfo(handle_, CURLINFO_RESPONSE_CODE, &reply);
  return MailRefusal{.code = static_cast<int>(reply), .error = failure(code, transfer)};
}

Result<std::unique_ptr<ByteStream>> LoadedCurl::connect(
    const std::string& url, const Policy& policy
) {
  Transfer transfer;
  prepare(url, policy, transfer);
  set(CURLOPT_CONNECT_ONLY, 1L);
  // What follows is HTTP/1.1 and then something else.
  set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set(CURLOPT_SSL_ENABLE_ALPN, 0L);
  if (failed_ != CURLE_OK) {
    return make_error(ErrorCode::Unsupported, concat("libcurl: ", api_.easy_strerror(failed_)));
  }
  const CURLcode code = api_.easy_perform(handle_);
  if (code != CURLE_OK) {
    return failure(code, transfer);
  }
  curl_socket_t socket = CURL_SOCKET_BAD;
  if (api_.easy_getinfo(handle_, CURLINFO_ACTIVESOCKET, &socket) != CURLE_OK ||
      socket == CURL_SOCKET_BAD) {
    return make_error(ErrorCode::Unavailable, "the connection was closed at once");
  }
  CURL* const handle = handle_;
  handle_ = nullptr;
  return std::unique_ptr<ByteStream>(std::make_unique<CurlStream>(
      api_, std::make_unique<LoadedCurl>(api_, handle), handle, static_cast<int>(socket)
  ));
}

std::string LoadedCurl::part(CURLU* parsed, CURLUPart part, unsigned flags) const {
  char* text = nullptr;
  if (api_.url_get(parsed, part, &text, flags) != CURLUE_OK || text == nullptr) {
    return {};
  }
  std::string copy = text;
  api_.free(text);
  return copy;
}

Result<Address> LoadedCurl::parse(const std::string& url) const {
  CURLU* const parsed = api_.url();
  REEVE_ASSERT(parsed != nullptr);
  const bool legal = api_.url_set(parsed, CURLUPART_URL, url.c_str(), 0) == CURLUE_OK;
  Address address;
  address.origin = {
      .scheme = part(parsed, CURLUPART_SCHEME, 0),
      .host = to_lower(part(parsed, CURLUPART_HOST, 0)),
      .port = part(parsed, CURLUPART_PORT, CURLU_DEFAULT_PORT)};
  const std::string port = part(parsed, CURLUPART_PORT, 0);
  address.display = concat(
      address.origin.scheme,
      "://",
      address.origin.host,
      port.empty() ? "" : ":",
      port,
      part(parsed, CURLUPART_PATH, 0)
  );
  api_.url_cleanup(parsed);
  const bool known = address.origin.scheme == "http" || address.origin.scheme == "https";
  if (!legal || !known || address.origin.host.empty()) {
    return make_error(ErrorCode::Invalid, "is no http or https address", "url");
  }
  return address;
}

Result<const Api*> loaded_api() {
  static Api api;
  // Never closed: it registers things that must not go away before the process does.
  void* const library = ::dlopen(kLibrary, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    return no_library(concat("there is no ", kLibrary, " on this machine"));
  }
  if (!find_all(library, api)) {
    return no_library(concat(kLibrary, " is too old"));
  }
  const curl_version_info_data* info = api.version_info(CURLVERSION_NOW);
  if (info->version_num < kVersionMin) {
    return no_library(concat(kLibrary, " is version ", info->version));
  }
  if ((info->features & CURL_VERSION_SSL) == 0) {
    return no_library(concat(kLibrary, " knows no TLS"));
  }
  if (api.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
    return no_library("it could not be set up");
  }
  return &api;
}

}  // namespace

Result<std::unique_ptr<Curl>> Curl::load() {
  REEVE_TRY(const Api* api, loaded_api());
  CURL* const handle = api->easy_init();
  if (handle == nullptr) {
    return no_library("it could not be set up");
  }
  return std::unique_ptr<Curl>(std::make_unique<LoadedCurl>(*api, handle));
}

}  // namespace reeve::executor::http
