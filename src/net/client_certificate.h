#pragma once

#include "net/request.h"

/// OpenSSL's certificate, without its headers.
struct x509_st;

namespace reeve::net {

/// What `certificate` says about its holder. `verification` is OpenSSL's result for it; that it is
/// still within its time is checked again, because a resumed session keeps an old result. Any
/// thread.
ClientCertificate describe_certificate(x509_st* certificate, long verification);

}  // namespace reeve::net
