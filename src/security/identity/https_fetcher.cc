#include "security/identity/https_fetcher.h"

// Calls go through pointers, where the checking macros of the header cannot follow.
#define CURL_DISABLE_TYPECHECK
#include <array>
#include <charconv>
#include <dlfcn.h>
#include <memory>

#include <curl/curl.h>

#include "base/strings.h"

namespace reeve::identity {

namespace {

constexpr const char* kLibrary = "libcurl.so.4";
/// The first with CURLOPT_PROTOCOLS_STR.
constexpr unsigned kVersionMin = 0x075500;
constexpr std::size_t kHeaderBytesMax = std::size_t{64} << 10U;
constexpr long kStatusFine = 200;
constexpr std::int64_t kMaxAgeSecondsMax = 366 * 24 * 3600;

/// The functions of libcurl that are used.
struct Api {
  decltype(&::curl_global_init) global_init = nullptr;
  decltype(&::curl_version_info) version_info = nullptr;
  decltype(&::curl_easy_init) easy_init = nullptr;
  decltype(&::curl_easy_setopt) easy_setopt = nullptr;
  decltype(&::curl_easy_perform) easy_perform = nullptr;
  decltype(&::curl_easy_getinfo) easy_getinfo = nullptr;
  decltype(&::curl_easy_cleanup) easy_cleanup = nullptr;
  decltype(&::curl_easy_strerror) easy_strerror = nullptr;
};

template <class Function>
bool find(void* library, const char* name, Function& out) {
  out = reinterpret_cast<Function>(::dlsym(library, name));
  return out != nullptr;
}

Error no_library(std::string_view why) {
  Error error = make_error(
      ErrorCode::Unsupported, concat("identity providers need libcurl: ", why), "libcurl"
  );
  error.hint = "install it: apt-get install libcurl4 (7.85 or newer)";
  return error;
}

Result<Api> load() {
  // Never closed: it registers things that must not go away before the process does.
  void* const library = ::dlopen(kLibrary, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    return no_library(concat("there is no ", kLibrary, " on this machine"));
  }
  Api api;
  const bool found = find(library, "curl_global_init", api.global_init) &&
                     find(library, "curl_version_info", api.version_info) &&
                     find(library, "curl_easy_init", api.easy_init) &&
                     find(library, "curl_easy_setopt", api.easy_setopt) &&
                     find(library, "curl_easy_perform", api.easy_perform) &&
                     find(library, "curl_easy_getinfo", api.easy_getinfo) &&
                     find(library, "curl_easy_cleanup", api.easy_cleanup) &&
                     find(library, "curl_easy_strerror", api.easy_strerror);
  if (!found) {
    return no_library(concat(kLibrary, " is too old"));
  }
  const curl_version_info_data* const info = api.version_info(CURLVERSION_NOW);
  if (info->version_num < kVersionMin || (info->features & CURL_VERSION_SSL) == 0) {
    return no_library(concat(kLibrary, " is version ", info->version, ", or knows no TLS"));
  }
  if (api.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
    return no_library("it could not be set up");
  }
  return api;
}

/// What one transfer brings.
struct Transfer {
  std::size_t bytes_max = 0;
  std::size_t header_bytes = 0;
  bool too_long = false;
  Fetched fetched;
};

/// `max-age` of a `Cache-Control` line (RFC 9111, 5.2.2.1).
std::optional<Duration> max_age_of(std::string_view line) {
  constexpr std::string_view kHeader = "cache-control:";
  constexpr std::string_view kDirective = "max-age=";
  const std::string text = to_lower(line);
  if (!text.starts_with(kHeader)) {
    return std::nullopt;
  }
  for (std::string_view part : split(std::string_view(text).substr(kHeader.size()), ',')) {
    part = trim(part);
    if (part == "no-store" || part == "no-cache") {
      return Duration(0);
    }
    if (!part.starts_with(kDirective)) {
      continue;
    }
    part.remove_prefix(kDirective.size());
    std::int64_t seconds = 0;
    const auto parsed = std::from_chars(part.data(), part.data() + part.size(), seconds);
    if (parsed.ec == std::errc{} && parsed.ptr == part.data() + part.size() && seconds >= 0) {
      return std::chrono::seconds(std::min(seconds, kMaxAgeSecondsMax));
    }
  }
  return std::nullopt;
}

std::size_t take_header(char* data, std::size_t /*one*/, std::size_t size, void* context) {
  auto& transfer = *static_cast<Transfer*>(context);
  transfer.header_bytes += size;
  if (const auto age = max_age_of(trim({data, size}))) {
    transfer.fetched.max_age = age;
  }
  return transfer.header_bytes <= kHeaderBytesMax ? size : 0;
}

std::size_t take_body(char* data, std::size_t /*one*/, std::size_t size, void* context) {
  auto& transfer = *static_cast<Transfer*>(context);
  if (transfer.fetched.body.size() + size > transfer.bytes_max) {
    transfer.too_long = true;
    return size + 1;
  }
  transfer.fetched.body.append(data, size);
  return size;
}

/// One request, made and forgotten.
class Request {
 public:
  explicit Request(const Api& api) : api_(api), handle_(api.easy_init()) {}

  Request(const Request&) = delete;
  Request& operator=(const Request&) = delete;

  ~Request() {
    if (handle_ != nullptr) {
      api_.easy_cleanup(handle_);
    }
  }

  Result<Fetched> get(const std::string& url, const HttpsFetcherOptions& options) {
    if (handle_ == nullptr) {
      return make_error(ErrorCode::Unavailable, "libcurl could not be set up", url);
    }
    Transfer transfer;
    transfer.bytes_max = options.bytes_max;
    prepare(url, options, transfer);
    if (failed_ != CURLE_OK) {
      return make_error(ErrorCode::Unsupported, concat("libcurl: ", api_.easy_strerror(failed_)));
    }
    const CURLcode code = api_.easy_perform(handle_);
    if (transfer.too_long) {
      return make_error(
          ErrorCode::LimitExceeded, concat("is longer than ", options.bytes_max, " bytes"), url
      );
    }
    if (code != CURLE_OK) {
      const std::string_view detail = trim(message_.data());
      return make_error(
          ErrorCode::Unavailable,
          std::string(detail.empty() ? std::string_view(api_.easy_strerror(code)) : detail),
          url
      );
    }
    long status = 0;
    api_.easy_getinfo(handle_, CURLINFO_RESPONSE_CODE, &status);
    if (status != kStatusFine) {
      return make_error(ErrorCode::Unavailable, concat("answered with status ", status), url);
    }
    return std::move(transfer.fetched);
  }

 private:
  template <class Value>
  void set(CURLoption option, Value value) {
    const CURLcode code = api_.easy_setopt(handle_, option, value);
    failed_ = failed_ != CURLE_OK ? failed_ : code;
  }

  void prepare(const std::string& url, const HttpsFetcherOptions& options, Transfer& transfer) {
    set(CURLOPT_ERRORBUFFER, message_.data());
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_URL, url.c_str());
    set(CURLOPT_PROTOCOLS_STR, "https");
    set(CURLOPT_FOLLOWLOCATION, 0L);
    set(CURLOPT_PROXY, "");
    set(CURLOPT_NOPROXY, "*");
    set(CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
    set(CURLOPT_TIMEOUT_MS, static_cast<long>(options.timeout.count()));
    set(CURLOPT_USERAGENT, "reeve");
    set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    set(CURLOPT_SSL_VERIFYPEER, 1L);
    set(CURLOPT_SSL_VERIFYHOST, 2L);
    if (!options.authorities.empty()) {
      curl_blob blob{};
      blob.data = const_cast<char*>(options.authorities.data());
      blob.len = options.authorities.size();
      blob.flags = CURL_BLOB_COPY;
      set(CURLOPT_CAINFO_BLOB, &blob);
      set(CURLOPT_CAPATH, static_cast<const char*>(nullptr));
    }
    set(CURLOPT_HEADERFUNCTION, &take_header);
    set(CURLOPT_HEADERDATA, &transfer);
    set(CURLOPT_WRITEFUNCTION, &take_body);
    set(CURLOPT_WRITEDATA, &transfer);
  }

  const Api& api_;
  CURL* handle_;
  CURLcode failed_ = CURLE_OK;
  std::array<char, CURL_ERROR_SIZE> message_{};
};

}  // namespace

Result<Fetcher> make_https_fetcher(HttpsFetcherOptions options) {
  REEVE_TRY(const Api api, load());
  return Fetcher([api, options = std::move(options)](const std::string& url) -> Result<Fetched> {
    if (!url.starts_with("https://")) {
      return make_error(ErrorCode::Invalid, "must be an https address", url);
    }
    return Request(api).get(url, options);
  });
}

}  // namespace reeve::identity
